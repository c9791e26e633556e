import pytest

from strnet.imaging import Acquisition
from strnet.trust import (
    ANY_FILM,
    Applicability,
    Screen,
    TrainedOn,
    age_findings,
    facts_of_film,
    facts_of_row,
    header_findings,
    ruling,
)

KNEE = TrainedOn(
    anatomies=("knee",),
    views=("AP",),
    modalities=("DX",),
    presentation_intents=("FOR PRESENTATION",),
    ages=(45.0, 85.0),
    age_margin=5.0,
)
PLAIN = {"body_part": "KNEE", "view": "AP", "modality": "DX"}


def film(**header):
    return Acquisition("dicom", 100, 80, 12, "MONOCHROME2", **header)


def found(known=KNEE, **header):
    """Codes by (those that refuse, flags) for a header that is fine but for what is given."""
    findings = header_findings(facts_of_film(film(**{**PLAIN, **header})), known)
    row = ruling(findings, accept_anyway=False)
    return row.reason_code or "", row.flags


def test_a_film_like_the_training_rows_is_answered_without_a_word():
    assert found() == ("", "")
    assert found(body_part="LKNEE", view="A.P.", modality="CR") == ("", "")


@pytest.mark.parametrize(
    "part", ["CHEST", "HAND", "BREAST", "Hüfte", "SKULL", "TEETH", "UPPER EXTREMITY", "PHANTOM"]
)
def test_another_body_part_is_refused_and_named(part):
    assert found(body_part=part) == ("another_body_part", "")
    (finding,) = header_findings(facts_of_film(film(**{**PLAIN, "body_part": part})), KNEE)
    assert finding.words == f"body part {part}; the network was trained on knee"


@pytest.mark.parametrize(
    ("part", "flag"),
    [
        (None, "body_part_unknown"),
        ("FOO", "body_part_unknown"),
        ("EXTREMITY", "body_part_unsure"),
        ("LEG", "body_part_unsure"),
        ("KNEE AND HIP", "body_part_contradicted"),
    ],
)
def test_a_body_part_that_may_be_the_one_is_answered_and_flagged(part, flag):
    assert found(body_part=part) == ("", flag)


def test_the_code_sequence_counts_as_the_plain_text_does():
    assert found(body_part=None, anatomic_region=("T-D9200", "Knee")) == ("", "")
    assert found(body_part=None, anatomic_region=("76752008", "x")) == ("another_body_part", "")
    assert found(body_part="KNEE", anatomic_region=("51185008", "Chest")) == ("", "body_part_contradicted")
    assert found(view=None, view_code=("399348003", "antero-posterior")) == ("", "")
    assert found(view=None, view_code=("R-10226", "medio-lateral oblique")) == ("another_view", "")


@pytest.mark.parametrize(
    ("part", "text", "expected"),
    [
        (None, "XR CHEST PA", ("another_body_part", "")),
        (None, "XR KNEE", ("", "body_part_unsure")),
        (None, "XR KNEE AND HIP", ("", "body_part_contradicted")),
        (None, "ROUTINE", ("", "body_part_unknown")),
        (None, "femoral neck", ("", "body_part_unknown")),
        ("EXTREMITY", "fibroma of distal tibia", ("another_body_part", "")),
        ("EXTREMITY", "knee pain", ("", "body_part_unsure")),
        ("KNEE", "XR HIP", ("", "body_part_contradicted")),
        ("CHEST", "XR KNEE", ("another_body_part", "")),
    ],
)
def test_a_description_is_weak_evidence_and_decides_where_nothing_else_does(part, text, expected):
    assert found(body_part=part, descriptions=(text,)) == expected


def test_free_text_never_reaches_the_words_for_it_may_name_the_patient():
    facts = facts_of_film(film(**{**PLAIN, "body_part": None}, descriptions=("Jane Doe CHEST",)))
    words = " ".join(finding.words for finding in header_findings(facts, KNEE))
    assert "chest" in words
    assert "Jane" not in words


@pytest.mark.parametrize("view", ["PA", "LATERAL", "LL", "LLO", "SKYLINE", "MLO"])
def test_another_view_is_refused(view):
    assert found(view=view) == ("another_view", "")


@pytest.mark.parametrize(
    ("view", "flag"),
    [
        (None, "view_unknown"),
        ("STANDING", "view_unknown"),
        ("FRONTAL", "view_unsure"),
        ("AP/LAT", "view_contradicted"),
    ],
)
def test_a_view_that_may_be_the_one_is_answered_and_flagged(view, flag):
    assert found(view=view) == ("", flag)


@pytest.mark.parametrize("modality", ["MG", "XA", "RF", "PX", "IO", "BMD", "mg"])
def test_a_device_of_another_kind_is_refused_unless_trained_on(modality):
    assert found(modality=modality) == ("another_modality", "")
    known = KNEE.model_copy(update={"modalities": ("DX", modality.upper())})
    assert found(known, modality=modality) == ("", "")


@pytest.mark.parametrize("modality", ["OT", "FOO", None])
def test_a_device_that_nothing_names_is_flagged(modality):
    assert found(modality=modality) == ("", "modality_unknown")


def test_without_training_modalities_plain_radiographs_are_expected_and_nothing_is_missed():
    known = KNEE.model_copy(update={"modalities": ()})
    assert found(known, modality=None) == found(known, modality="CR") == ("", "")
    assert found(known, modality="XA") == ("another_modality", "")


def test_a_plain_film_is_refused_by_a_network_of_something_else():
    known = KNEE.model_copy(update={"modalities": ("MG",)})
    assert found(known, modality="DX") == ("another_modality", "")


def test_a_blank_modality_is_read_from_the_sop_class():
    assert found(modality=None, sop_class="1.2.840.10008.5.1.4.1.1.12.1") == ("another_modality", "")
    raw = found(modality=None, sop_class="1.2.840.10008.5.1.4.1.1.1.2.1")
    assert raw == ("another_modality for_processing", "")


def test_raw_signal_is_refused_unless_trained_on():
    assert found(presentation_intent="FOR PROCESSING") == ("for_processing", "")
    assert found(presentation_intent="FOR PRESENTATION") == ("", "")
    assert found(sop_class="1.2.840.10008.5.1.4.1.1.1.1.1") == ("for_processing", "")
    known = KNEE.model_copy(update={"presentation_intents": ("FOR PROCESSING",)})
    assert found(known, presentation_intent="FOR PROCESSING") == ("", "")


@pytest.mark.parametrize(
    ("age", "codes"),
    [(40.0, []), (39.9, ["another_age"]), (90.0, []), (90.1, ["another_age"]), (None, ["age_unknown"])],
)
def test_an_age_is_answered_up_to_the_margin(age, codes):
    assert [finding.code for finding in age_findings(age, KNEE)] == codes
    assert age_findings(float("nan"), KNEE) == age_findings(None, KNEE)


def test_an_age_cannot_be_judged_by_training_rows_without_any():
    assert age_findings(3.0, KNEE.model_copy(update={"ages": None})) == ()


def test_a_picture_without_a_header_is_answered_with_every_flag():
    flags = ruling(
        header_findings(facts_of_film(Acquisition("png", 9, 9, 8, "L")), KNEE), accept_anyway=False
    ).flags
    assert flags == "body_part_unknown view_unknown modality_unknown"


def test_a_bundle_that_knows_nothing_says_so():
    known = TrainedOn()
    assert found(known) == ("", "body_part_unchecked view_unchecked")
    assert found(known, body_part=None, view=None) == ("", "body_part_unknown")


def test_every_training_row_is_answered_by_its_own_bundle():
    row = {"anatomy": "knee", "view": "AP", "modality": "DX", "presentation_intent": "FOR PRESENTATION"}
    assert header_findings(facts_of_row(row), KNEE) == ()
    for anatomy in ("lumbar", "chest", "hip", "hand", "pelvis", "spine"):
        known = TrainedOn(anatomies=(anatomy,))
        findings = header_findings(facts_of_row({"anatomy": anatomy}), known)
        assert not any(finding.refuses for finding in findings), anatomy
        assert "body_part_unknown" not in [finding.code for finding in findings]


def test_several_reasons_are_all_told_and_the_override_keeps_them():
    header = film(body_part="BREAST", view="MLO", modality="MG")
    screen = Screen(Applicability(trained_on=KNEE))
    findings = screen.header(header)
    refused = screen.rule(findings)
    assert refused.status == "refused"
    assert refused.reason_code == "another_body_part another_view another_modality"
    assert screen.refuses(findings)
    anyway = Screen(Applicability(trained_on=KNEE), accept_anyway=True)
    answered = anyway.rule(findings)
    assert (answered.status, answered.reason_code) == ("ok", refused.reason_code)
    assert not anyway.refuses(findings)


def test_a_screen_without_a_bundle_still_refuses_what_is_no_plain_film():
    assert ANY_FILM.refuses(ANY_FILM.header(film(modality="XA")))
    assert not ANY_FILM.refuses(ANY_FILM.header(film(**PLAIN)))
