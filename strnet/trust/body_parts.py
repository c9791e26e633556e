"""Body parts as vendors and hospitals write them, in several languages, in the words of the manifest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from strnet.trust.spellings import Meaning, meanings, named, word_set, words_of

_SPELLINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "knee": "knee knees patella patellae kneecap knie kniegelenk knieen genou genoux rotule ginocchio "
        "ginocchia rodilla rodillas rotula joelho joelhos kolano knae polvi dizi koleno",
        "lumbar": "lumbar lspine lsspine lumbosacral lumbo_sacral lumbosacra lsp lws lendenwirbelsaule "
        "lendenwirbel lwk lombaire lombaires lombare lombosacrale lumbal lumbale lombar ledzwiowy",
        "thoracic": "tspine thoracic dorsal bws brustwirbelsaule brustwirbel dorsale dorsolumbar",
        "cervical": "cspine cervical hws halswirbelsaule halswirbel cervicale zervikal atlas odontoid dens",
        "sacrum": "sspine sacrum sacral sacro_coccygeal coccyx coccygeal kreuzbein steissbein sacro sijoint "
        "sacroiliac isg",
        "chest": "chest thorax thoracic_cage torax lung lungs lunge lungen poumon poumons polmone polmoni "
        "pulmon pulmao cxr cxray klatka heart mediastinum",
        "ribs": "rib ribs rippe rippen cote cotes costola coste costilla costillas hemithorax",
        "sternum": "sternum brustbein sterno",
        "abdomen": "abdomen abdominal abd kub bauch ventre addome addominale pancreas liver kidney kidneys "
        "stomach bowel colon gallbladder bladder ureter",
        "hip": "hip hips hipjoint hufte huften huftgelenk hanche hanches anca anche cadera caderas quadril "
        "heup hoft biodro acetabulum",
        "pelvis": "pelvis pelvic ilium becken beckenubersicht bassin bacino pelvi bekken bacia miednica",
        "thigh": "thigh femur upper_leg oberschenkel cuisse coscia femore muslo bovenbeen",
        "lower_leg": "tibia fibula tibfib lower_leg lowleg unterschenkel jambe gamba pierna perna calf crus "
        "onderbeen shin",
        "ankle": "ankle ankles sprunggelenk osg cheville caviglia tobillo tornozelo enkel knochel",
        "foot": "foot feet toe toes fuss fusse zehe zehen pied pieds orteil piede piedi pie pies voet "
        "calcaneus heel ferse calcaneum hallux metatarsus mittelfuss rearfoot forefoot midfoot stopa vorfuss",
        "hand": "hand hands finger fingers thumb mano mani manos main mains doigt doigts dito dita dedo "
        "dedos mao mittelhand daumen hande metacarpal metacarpus pouce pollice pulgar bone_age dlon",
        "wrist": "wrist wrists handgelenk poignet polso muneca punho pols scaphoid skaphoid carpus carpal "
        "kahnbein",
        "forearm": "forearm radius ulna unterarm avant_bras avambraccio antebrazo onderarm radius_ulna",
        "elbow": "elbow elbows ellbogen ellenbogen ellenbogengelenk coude gomito codo cotovelo elleboog",
        "upper_arm": "humerus upper_arm oberarm omero humero bovenarm",
        "shoulder": "shoulder shoulders schulter schultern schultergelenk epaule epaules spalla hombro ombro "
        "schouder clavicle clavicula klavikula schlusselbein scapula skapula ac_joint acjoint "
        "glenohumeral",
        "breast": "breast breasts mamma mammae brust sein seins mammella seno mama mamas borst mammography "
        "mammogram mammo mammographie mammografia mammoscreening",
        "head": "head eye eyes skull kopf schadel cranium cranial crane tete cranio testa cabeza craneo "
        "brain facial face facialbones nasal nose sinus sinuses orbit orbits zygoma nnh mastoid sella "
        "cephalogram",
        "jaw": "temporomandibular "
        "jaw mandible maxilla tooth teeth dental zahn zahne kiefer unterkiefer oberkiefer zahnstatus "
        "dents denti dente diente dientes tmj tmjoint panorex orthopantomogram opg opt bitewing "
        "panoramic panoramique",
        "neck": "neck hals cou collo cuello pescoco larynx pharynx trachea thyroid airway adenoids "
        "soft_tissue_neck",
        "whole_body": "babygram skeletal_survey wholebody whole_body entire_body ganzkorper babygramm "
        "ganzaufnahme",
        "not_a_person": "phantom testpattern test_pattern tor_cdr leeds qc_phantom flatfield flat_field aapm "
        "tg18 smpte testbild",
    }
)
_LOWER: Final = ("hip", "thigh", "knee", "lower_leg", "ankle", "foot")
_UPPER: Final = ("shoulder", "upper_arm", "elbow", "forearm", "wrist", "hand")
_SPINE: Final = ("cervical", "thoracic", "lumbar", "sacrum")
_REGIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "extremity extremities limb limbs joint joints extremitat extremitaten extremite membre bone bones": (
            *_LOWER,
            *_UPPER,
        ),
        "lower_extremity lower_limb lower_extremities lower_limbs leg legs bein beine untere_extremitat "
        "membre_inferieur arto_inferiore long_leg lowerlimb lowerextremity": _LOWER,
        "upper_extremity upper_limb upper_extremities upper_limbs arm arms bras braccio brazo "
        "obere_extremitat upperlimb upperextremity membre_superieur": _UPPER,
        "coxa": ("hip", "thigh"),
        "spine spinal wirbelsaule ws rachis colonna columna coluna vertebra vertebrae wholespine "
        "whole_spine scoliosis": _SPINE,
        "chestabdomen chest_abdomen chestabd abdomenchest": ("chest", "abdomen"),
        "abdomenpelvis abdpelvis abdopelvis": ("abdomen", "pelvis"),
        "chestabdpelvis chestabdomenpelvis": ("chest", "abdomen", "pelvis"),
        "headneck": ("head", "neck"),
        "neckchest": ("neck", "chest"),
        "prostate rectum uterus urethra": ("pelvis", "abdomen"),
        "ctspine cervicothoracic cervico_thoracic": ("cervical", "thoracic"),
        "tlspine thoracolumbar thoraco_lumbar tlsp": ("thoracic", "lumbar"),
    }
)
_WITHIN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({"spine": ("spine", *_SPINE)})
"""What else a network is trained on that is trained on this."""
_AMBIGUOUS_IN_PROSE: Final = word_set(
    "abd anche arm arms atlas bein beine bone bones bras brain carpal codo cote cou cranial crus dens "
    "dental dito dorsal dos extremities extremity face feet head heart heel joint joints leg legs limb "
    "limbs liver main mama neck nose opt phantom pie pies radius sein sella sinus ws"
)
"""Words of free text that mean other things as well, such as a femoral neck, or the French for hand."""
_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "72696002 T-D9200 64234005 T-12730": "knee",
        "122496007 T-11503 1217253001": "lumbar",
        "122495006 T-11502": "thoracic",
        "122494005 T-11501": "cervical",
        "54735007 T-11AD0 64688005 T-11BF0 39723000 T-15680 1217254007": "sacrum",
        "816094009 51185008 T-D3000 72410000 T-D3300": "chest",
        "113197003 T-11300": "ribs",
        "818981001 113345001 T-D4000": "abdomen",
        "29836001 T-D2500 24136001 T-15710": "hip",
        "816092008 12921003 T-D6000 22356005 T-12340": "pelvis",
        "68367000 T-D9100 71341001 T-12710": "thigh",
        "30021000 T-D9400 87342007 T-12750": "lower_leg",
        "70258002 T-15750": "ankle",
        "56459004 T-D9700 29707007 T-D9800 80144004 T-12770": "foot",
        "85562004 T-D8700 7569003 T-D8800 76505004 T-D8810": "hand",
        "74670003 T-15460": "wrist",
        "14975008 T-D8500": "forearm",
        "16953009 T-15430": "elbow",
        "40983000 T-D8200 85050009 T-12410": "upper_arm",
        "16982005 T-D2220 51299004 T-12310 79601000 T-12280": "shoulder",
        "76752008 T-04000": "breast",
        "69536005 T-D1100 89546000 T-11100 91397008 T-11196 2095001 T-22000": "head",
        "661005 T-D1213 91609006 T-11180 70925003 T-11170 53620006 T-15290": "jaw",
        "45048000 T-D1600": "neck",
        "706342009 R-FE0C7": "not_a_person",
    }
)
"""Codes of SNOMED CT and of its older form SRT. Source: DICOM PS3.16 CID 4009 and 4031."""
_SPINE_MARKS: Final = re.compile(r"\b([ctls]|l[ /-]?s|t[ /-]?l|c[ /-]?t)[ ./-]*spine\b")
_SIDE: Final = re.compile(r"^(?:left|right|lt|rt|bi|l|r)(?=...)|(?<=...)(?:left|right|lt|rt|l|r)$")

_BY_NAME: Final = MappingProxyType(
    {**meanings({words: part for part, words in _SPELLINGS.items()}), **meanings(_REGIONS)}
)
_BY_CODE: Final = MappingProxyType(meanings({codes.lower(): part for codes, part in _CODES.items()}))


def part_of_code(code: str) -> Meaning | None:
    """The body part of a code value of Anatomic Region Sequence; None for one not listed here."""
    return _BY_CODE.get(code.strip().lower())


def parts_named(text: str, *, prose: bool = False) -> tuple[Meaning, ...]:
    """What each name in `text` may stand for, in order; words that name no body part are passed over.

    In free text (`prose`) words that mean other things as well name nothing.
    """
    # L-SPINE, T/L SPINE and C. SPINE are one word each.
    joined = _SPINE_MARKS.sub(lambda found: re.sub("[^a-z]", "", found[1]) + "spine", text.casefold())
    passed_over = _AMBIGUOUS_IN_PROSE if prose else frozenset()
    return named(words_of(joined), lambda name: None if name in passed_over else _meaning(name))


def trained_parts(anatomies: tuple[str, ...]) -> Meaning:
    """The body parts that a network trained on these anatomies of the manifest has seen."""
    return frozenset(part for name in anatomies for part in _WITHIN.get(name, (name,)))


def _meaning(name: str) -> Meaning | None:
    """What a name stands for; a side glued to it, as in LKNEE, is no part of it."""
    return _BY_NAME.get(name) or _BY_NAME.get(_SIDE.sub("", name, count=1))
