"""Views as vendors write them, in the words of the manifest; others are known to be others."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from strnet.trust.spellings import Meaning, meanings, named, words_of

_BY_NAME: Final = MappingProxyType(
    meanings(
        {
            "ap a_p antero_posterior anteroposterior anterior_posterior": "AP",
            "pa p_a postero_anterior posteroanterior posterior_anterior rosenberg": "PA",
            "frontal coronal vd dv dorsovolar": ("AP", "PA"),
            "lat lateral ll rl latero_lateral seitlich seitl profil profile laterale lateralis sagittal "
            "medio_lateral mediolateral latero_medial lateromedial ml lm": "LATERAL",
            # Decubitus is how the patient lies, with a horizontal beam; importers have called it lateral.
            "lld rld decubitus decub lateral_decubitus": ("LATERAL", "DECUBITUS"),
            "obl oblique obliqua llo rlo lao rao lpo rpo schrag judet lateral_oblique medial_oblique "
            "ap_oblique pa_oblique oblique_lateral internal_oblique external_oblique oblique_ap "
            "oblique_pa": "OBLIQUE",
            "ax axial skyline sunrise merchant laurin settegast tangential hughston defile inferosuperior "
            "superoinferior": "AXIAL",
            "mlo cc xccl xccm xcc cranio_caudal craniocaudal medio_lateral_oblique mediolateral_oblique "
            "latero_medial_oblique caudo_cranial spot_compression": "MAMMOGRAPHIC",
            "towne townes waters caldwell submentovertex submentovertical panoramic cephalometric": "HEAD",
            "lordotic apical_lordotic": "LORDOTIC",
            "frog frogleg frog_leg lauenstein dunn inlet outlet swimmers open_mouth odontoid": "SPECIAL",
            "tunnel notch intercondylar holmblad": "TUNNEL",
            "plantodorsal dorsoplantar dp": "DORSOPLANTAR",
        }
    )
)
_BY_CODE: Final = MappingProxyType(
    meanings(
        {
            "399348003 r-10206": "AP",
            "272479007 r-40888 r-10214": "PA",
            "399033003 r-10202": ("AP", "PA"),
            "399067008 r-102cd 399173006 r-10236 399198007 r-10232 399352003 r-10228 399260004 "
            "r-10224": "LATERAL",
            "399182000 r-102c1 399236003 r-10234 399184004 r-10238 399038007 r-10210 399135007 r-10220 "
            "399006002 r-10212 399356000 r-40985 260427002 r-40783 260426006 r-40782 399312000 r-10208 "
            "399059000 r-10216": "OBLIQUE",
            "399061009 r-10241 399110001 r-102c2": "AXIAL",
            "399368009 r-10226 399162004 r-10242 399196006 r-10244 399099002 r-10230": "MAMMOGRAPHIC",
            "399335002 r-102c4 399071006 r-102c3": "DORSOPLANTAR",
        }
    )
)
"""Codes of SNOMED CT and of its older form SRT. Source: DICOM PS3.16 CID 4010 and 4014."""


def view_of_code(code: str) -> Meaning | None:
    """The view of a code value of View Code Sequence; None for one not listed here."""
    return _BY_CODE.get(code.strip().lower())


def views_named(text: str) -> tuple[Meaning, ...]:
    """What each name in `text` may stand for, in order; words that name no view are passed over."""
    return named(words_of(text), _BY_NAME.get)
