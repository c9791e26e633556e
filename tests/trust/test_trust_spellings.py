import pytest
from pydicom.sr.codedict import codes

from strnet.schema import ANATOMIES, VIEWS
from strnet.trust.body_parts import part_of_code, parts_named, trained_parts
from strnet.trust.view_positions import view_of_code, views_named


@pytest.mark.parametrize(
    ("part", "spellings"),
    [
        (
            "knee",
            "KNEE|knee|LKNEE|R KNEE|KNEE, LEFT|KNEE_AP|PATELLA|Knie|Kniegelenk li.|genou|ginocchio|rodilla",
        ),
        (
            "lumbar",
            "LSPINE|L-SPINE|L SPINE|LUMBAR SPINE|LWS|LS SPINE|LSSPINE|Lendenwirbelsäule",
        ),
        ("chest", "CHEST|THORAX|PORT CHEST|CHEST_PA|torax|Lunge|CXR|poumons"),
        ("thoracic", "TSPINE|T-SPINE|THORACIC SPINE|BWS"),
        ("cervical", "CSPINE|C. SPINE|HWS|cervical spine"),
        ("abdomen", "ABDOMEN|KUB|Bauch|addome"),
        ("hip", "HIP|HIP JOINT|Hüfte|RHIP|hanche|cadera|anca"),
        ("pelvis", "PELVIS|Becken|bassin|bacino"),
        ("hand", "HAND|HANDS|main|mano|RT HAND|FINGER|THUMB"),
        ("wrist", "WRIST|Handgelenk|poignet|muñeca"),
        ("ankle", "ANKLE|Sprunggelenk|cheville"),
        ("foot", "FOOT|Fuß|TOE|pied|CALCANEUS"),
        ("lower_leg", "TIBIA|TIBFIB|LOWER LEG|Unterschenkel"),
        ("thigh", "FEMUR|Oberschenkel|THIGH"),
        ("breast", "BREAST|mamma|Brust|MAMMOGRAPHY|sein"),
        ("head", "SKULL|HEAD|Schädel|crâne|cabeza"),
        ("jaw", "JAW|TEETH|Zähne|mandible"),
        ("shoulder", "SHOULDER|Schulter|épaule|hombro|CLAVICLE"),
        ("elbow", "ELBOW|Ellbogen|coude"),
    ],
)
def test_vendors_and_languages_spell_one_body_part_in_many_ways(part, spellings):
    for spelling in spellings.split("|"):
        assert parts_named(spelling) == ({part},), spelling


def test_a_region_may_be_any_of_its_parts_and_adds_nothing_beside_one():
    assert parts_named("TLSPINE") == ({"thoracic", "lumbar"},)
    (extremity,) = parts_named("EXTREMITY")
    assert {"knee", "hand"} <= extremity
    assert {"lumbar"} not in parts_named("UPPER EXTREMITY")
    assert "knee" not in parts_named("UPPER EXTREMITY")[0]
    assert parts_named("SPINE LUMBAR") == ({"lumbar"},)
    assert parts_named("CHESTABDOMEN") == ({"chest", "abdomen"},)


@pytest.mark.parametrize("text", ["", "FOO", "AP", "left", "ROUTINE", "x" * 5000, "膝", "1.2.3", "12", "^^^"])
def test_what_names_no_body_part_names_none(text):
    assert parts_named(text) == ()


@pytest.mark.parametrize(
    "text", ["Femoral neck fracture", "main view", "dorsal view", "old phantom pain", "LEG RAISED"]
)
def test_words_with_other_meanings_name_nothing_in_free_text(text):
    assert parts_named(text, prose=True) == ()
    assert parts_named(text) != ()


def test_free_text_that_is_plain_is_understood():
    assert parts_named("XR KNEE 3 VIEWS", prose=True) == ({"knee"},)
    assert parts_named("Non-ossifying fibroma of distal tibia", prose=True) == ({"lower_leg"},)


def test_every_word_of_the_manifest_is_one_of_the_vocabulary():
    for anatomy in ANATOMIES:
        assert any(name & trained_parts((anatomy,)) for name in parts_named(anatomy)), anatomy
    for view in VIEWS:
        assert views_named(view) == ({view},)


def test_a_network_of_the_spine_has_seen_the_lumbar_spine():
    assert "lumbar" in trained_parts(("spine",))
    assert "spine" not in trained_parts(("lumbar",))


def test_meaning_and_code_of_the_standard_name_the_same_part():
    """Every concept of DICOM PS3.16 CID 4031 for which a code is listed, by pydicom's dictionary."""
    listed = [concept for concept in concepts(codes.cid4031) if part_of_code(concept.value) is not None]
    assert len(listed) > 40
    for concept in listed:
        named = parts_named(concept.meaning)
        assert part_of_code(concept.value) in named, concept.meaning
    understood = [concept for concept in concepts(codes.cid4031) if parts_named(concept.meaning)]
    assert len(understood) > 80


@pytest.mark.parametrize(
    ("view", "spellings"),
    [
        ("AP", "AP|A-P|A.P.|ANTERO-POSTERIOR|AP STANDING|anteroposterior"),
        ("PA", "PA|P-A|POSTERO-ANTERIOR|PA ERECT|Rosenberg"),
        ("LATERAL", "LATERAL|LAT|LL|RL|LEFT LATERAL|seitlich|profil|medio-lateral"),
        ("OBLIQUE", "OBL|OBLIQUE|LLO|RAO|lateral oblique|schräg"),
        ("AXIAL", "AXIAL|SKYLINE|SUNRISE|MERCHANT|tangential"),
        ("MAMMOGRAPHIC", "MLO|CC|cranio-caudal|medio-lateral oblique"),
    ],
)
def test_vendors_spell_one_view_in_many_ways(view, spellings):
    for spelling in spellings.split("|"):
        assert views_named(spelling) == ({view},), spelling


def test_meaning_and_code_of_the_standard_name_the_same_view():
    listed = [concept for concept in concepts(codes.cid4010) if view_of_code(concept.value) is not None]
    assert len(listed) > 20
    for concept in listed:
        assert view_of_code(concept.value) in views_named(concept.meaning), concept.meaning


def test_decubitus_may_have_been_called_lateral():
    assert views_named("LLD") == ({"LATERAL", "DECUBITUS"},)
    assert views_named("frontal") == ({"AP", "PA"},)


def concepts(cid):
    return list(cid.concepts.values())
