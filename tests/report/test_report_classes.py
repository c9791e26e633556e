import numpy as np
import polars as pl
import pytest

from strnet.config import Target, TaskConfig
from strnet.errors import ManifestError
from strnet.report import EvaluationSettings, evaluate_predictions

QUICK = EvaluationSettings()
LABELS = ("normal", "osteopenia", "osteoporosis")
LOSS = TaskConfig(name="bone_loss", kind="binary", target=Target(column="t_score", below=-1.0))
SEVERITY = TaskConfig(
    name="osteoporosis_given_loss", kind="binary", target=Target(column="t_score", at_most=-2.5)
)


def identity(rows: int) -> dict[str, list[str]]:
    return {
        "image_id": [f"i{n}" for n in range(rows)],
        "patient_id": [f"p{n}" for n in range(rows)],
        "split": ["test"] * rows,
    }


def several(kind: str) -> TaskConfig:
    return TaskConfig(name="stage", kind=kind, target=Target(column="diagnosis", classes=LABELS))


def multiclass_table(target, chosen) -> pl.DataFrame:
    logits = {f"logit.stage.{label}": [2.0 * (c == i) for c in chosen] for i, label in enumerate(LABELS)}
    return pl.DataFrame(identity(len(target)) | {"target.stage": target} | logits)


def test_a_confusion_matrix_is_counted_cell_by_cell():
    frame = multiclass_table([0, 0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2, 0])
    found = evaluate_predictions(frame, tasks=[several("multiclass")], settings=QUICK).categorical()[0]
    assert found.confusion == ((2, 1, 0), (0, 1, 1), (1, 0, 1))
    assert (found.accuracy.events, found.accuracy.count) == (4, 7)
    assert [entry.recall.value for entry in found.classes] == [2 / 3, 0.5, 0.5]
    assert [entry.precision.value for entry in found.classes] == [2 / 3, 0.5, 0.5]


def test_class_names_are_read_like_their_places():
    places, chosen = [0, 1, 2, None, 1], [0, 1, 2, 0, 2]
    names = [None if place is None else LABELS[place] for place in places]
    by_place, by_name = (
        evaluate_predictions(multiclass_table(target, chosen), tasks=[several("multiclass")], settings=QUICK)
        for target in (places, names)
    )
    assert by_place.tasks == by_name.tasks
    assert by_place.categorical()[0].unknown == 1


def test_an_unknown_class_name_is_refused_with_the_nearest():
    frame = multiclass_table(["normal", "osteopeenia"], [0, 1])
    with pytest.raises(ManifestError, match="did you mean 'osteopenia'"):
        evaluate_predictions(frame, tasks=[several("multiclass")])


def test_a_place_beyond_the_classes_is_refused():
    with pytest.raises(ManifestError, match="no place among 3 classes"):
        evaluate_predictions(multiclass_table([0, 3], [0, 1]), tasks=[several("multiclass")])


def test_ordinal_logits_ask_for_the_class_beyond():
    # P(beyond normal) and, given that, P(beyond osteopenia): .2; .8 and .3; .8 and .9
    ask = lambda p: float(np.log(p / (1 - p)))  # noqa: E731
    frame = pl.DataFrame(
        identity(3)
        | {
            "target.stage": [0, 1, 2],
            "logit.stage.osteopenia": [ask(0.2), ask(0.8), ask(0.8)],
            "logit.stage.osteoporosis": [ask(0.5), ask(0.3), ask(0.9)],
        }
    )
    found = evaluate_predictions(frame, tasks=[several("ordinal")], settings=QUICK).categorical()[0]
    assert found.confusion == ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    assert found.macro_auroc.value == found.hand_till.value == 1.0


def test_a_class_without_rows_leaves_the_macro_auroc_out_with_its_reason():
    found = evaluate_predictions(
        multiclass_table([0, 1, 0, 1], [0, 1, 1, 2]), tasks=[several("multiclass")], settings=QUICK
    ).categorical()[0]
    assert found.macro_auroc.value is None
    assert "class" in found.macro_auroc.note
    assert found.classes[2].recall.note == "no rows to take a share of"


def test_a_baseline_of_several_classes_stands_beside_the_network():
    rng = np.random.default_rng(2)
    target = np.arange(90) % 3
    frame = multiclass_table(target, np.where(rng.random(90) < 0.8, target, rng.integers(0, 3, 90)))
    noise = {f"baseline.metadata.stage.{label}": rng.normal(0, 1, 90) for label in LABELS}
    frame = frame.with_columns(pl.Series(name, values) for name, values in noise.items())
    found = evaluate_predictions(frame, tasks=[several("multiclass")], settings=QUICK)
    task = found.categorical()[0]
    baseline = task.baselines[0]
    gain = baseline.against_network.difference
    assert gain.value == pytest.approx(task.macro_auroc.value - baseline.macro_auroc.value)
    assert gain.low > 0
    assert found.verdicts[0].answer == "no"
    assert "matched by acquisition metadata" in found.verdicts[0].question


def diagnosis_table(loss, severe, p, q, t_score=None) -> pl.DataFrame:
    logit = lambda values: [float(np.log(v / (1 - v))) for v in values]  # noqa: E731
    columns = {
        "target.bone_loss": loss,
        "target.osteoporosis_given_loss": severe,
        "logit.bone_loss": logit(p),
        "logit.osteoporosis_given_loss": logit(q),
    }
    scores = {} if t_score is None else {"pred.t_score": t_score}
    return pl.DataFrame(identity(len(loss)) | columns | scores)


def test_three_diagnoses_follow_from_two_coherent_probabilities():
    # normal 1 - p, osteopenia p (1 - q), osteoporosis p q: .6/.2/.2, .3/.56/.14, .1/.36/.54, .45/.11/.44
    frame = diagnosis_table(
        [0, 1, 1, 1], [None, 0, 1, 1], p=[0.4, 0.7, 0.9, 0.55], q=[0.5, 0.2, 0.6, 0.8],
        t_score=[-0.5, -1.5, -2.4, -3.0],
    )  # fmt: skip
    found = evaluate_predictions(frame, tasks=[LOSS, SEVERITY], settings=QUICK).diagnosis
    assert found.three_classes.confusion == ((1, 0, 0), (0, 1, 0), (1, 0, 1))
    # the third T-score means osteopenia, the fourth osteoporosis though normal is most probable
    assert (found.contradictions.events, found.contradictions.count) == (2, 4)


def test_bone_loss_of_unknown_severity_is_no_known_diagnosis():
    frame = diagnosis_table([0, 1, 1], [None, None, 1], p=[0.4, 0.7, 0.9], q=[0.5, 0.2, 0.6])
    found = evaluate_predictions(frame, tasks=[LOSS, SEVERITY], settings=QUICK).diagnosis
    assert (found.three_classes.rows, found.three_classes.unknown) == (2, 1)
    assert found.contradictions.note == "no T-score was predicted"


def test_one_binary_task_alone_makes_no_diagnosis():
    frame = diagnosis_table([0, 1], [None, 1], p=[0.4, 0.7], q=[0.5, 0.2])
    assert evaluate_predictions(frame, tasks=[LOSS], settings=QUICK).diagnosis is None


def test_a_second_identical_film_of_every_patient_adds_no_certainty_to_kappa():
    target = [0, 1, 2, 0, 1, 2, 1] * 12
    chosen = [0, 1, 2, 1, 1, 1, 2] * 12
    once = multiclass_table(target, chosen)
    twice = pl.concat([once, once.with_columns(image_id=pl.format("{}b", "image_id"))])
    settings = EvaluationSettings()
    single, double = (
        evaluate_predictions(frame, tasks=[several("ordinal")], settings=settings)
        .categorical()[0]
        .weighted_kappa
        for frame in (once.drop("logit.stage.normal"), twice.drop("logit.stage.normal"))
    )
    assert double.value == pytest.approx(single.value)
    assert double.clusters == 84
    assert double.high - double.low > 0.85 * (single.high - single.low)
