import io
import re
import xml.etree.ElementTree as ET
from functools import partial

import numpy as np
import polars as pl
import pytest

from strnet.errors import StrnetError
from strnet.report import CohortFlow, FlowBox
from strnet.report.drawings import binary_drawings
from strnet.report.figures.canvas import PALETTE, blank, draw, legal_xml, shortened
from strnet.report.figures.course import Course, learning_curves, quantities
from strnet.report.figures.discrimination import scores_by_class
from strnet.report.figures.film_pictures import film_png, overlay_png
from strnet.report.figures.flow_chart import cohort_flow
from strnet.report.task_rows import rows_of_split, task_rows, with_observer

LABELS = {
    "bone_loss_roc": {"1 − specificity", "Sensitivity", "floor", "0.86", "exact operating point"},
    "bone_loss_precision_recall": {"Recall (sensitivity)", "Precision (PPV)", "positive"},
    "bone_loss_scores": {"Calibrated probability of bone loss", "Films", "empirical", "exact"},
    "bone_loss_calibration": {"Predicted probability of bone loss", "Observed share with bone loss", "Films"},
    "bone_loss_decision_curve": {"Probability from which one would refer", "refer everybody", "refer nobody"},
    "bone_loss_auroc": {"AUROC", "ideal observer"},
    "osteoporosis_given_loss_roc": {"1 − specificity", "Sensitivity"},
    "t_score_scatter": {"Reference T-score (phantom)", "Predicted T-score (phantom)"},
    "t_score_bland_altman": {"Predicted − reference T-score (phantom)", "bias", "upper limit", "lower limit"},
    "diagnosis_confusion": {"Predicted class", "Reference class", "osteopenia"},
}


@pytest.fixture(scope="module")
def files(page) -> dict[str, str]:
    return {path.stem: path.read_text() for path in (page.parent / "figures").glob("*.svg")}


@pytest.fixture(scope="module")
def inline(page) -> list[str]:
    return re.findall(r"<svg.*?</svg>", page.read_text(), flags=re.DOTALL)


def words(svg: str) -> set[str]:
    return {text.strip() for text in ET.fromstring(svg).itertext() if text.strip()}


@pytest.mark.parametrize("name", LABELS)
def test_a_figure_is_well_formed_and_its_axes_are_labelled(files, name):
    found = words(files[name])
    assert LABELS[name] <= found, found


def test_every_file_is_a_whole_svg_document(files):
    for svg in files.values():
        assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"


def test_every_figure_has_a_title_and_a_caption(page):
    captions = re.findall(r"<figcaption><b>(.+?)\.</b> (.+?)</figcaption>", page.read_text())
    assert len(captions) == page.read_text().count('<figure id="figure-')
    assert all(caption.endswith(".") for _, caption in captions)


def test_the_roc_prints_the_auroc_of_the_evaluation(files, evaluation):
    area = evaluation.binary()[0].scorers[0].auroc
    assert any(text.startswith(f"network  {area.value:.2f}") for text in words(files["bone_loss_roc"]))


def test_the_confusion_matrix_prints_the_counts(files, evaluation):
    found = words(files["diagnosis_confusion"])
    for row in evaluation.diagnosis.three_classes.confusion:
        assert {str(count) for count in row} <= found


def test_inline_figures_follow_the_theme_and_share_no_id(inline, files):
    seen: set[str] = set()
    assert len(inline) == len(files)
    for svg in inline:
        ids = {node.get("id") for node in ET.fromstring(svg).iter() if node.get("id")}
        assert not seen & ids
        seen |= ids
        assert not [light for light, _ in PALETTE.values() if light in svg]
        used = re.findall(r"url\(#([^)]+)\)|href=\"#([^\"]+)\"", svg)
        assert {first or second for first, second in used} <= ids


def test_the_same_figure_is_the_same_file(evaluation, cohort, files):
    rows = rows_of_split(with_observer(cohort.predictions, cohort.truth), "test")
    task = evaluation.binary()[0]
    again = next(binary_drawings(task, task_rows(rows, task.task, "binary"), "test"))
    assert again.svg == files[again.name]


def test_an_observer_whose_truth_is_not_at_hand_is_not_drawn(evaluation, cohort):
    rows = rows_of_split(cohort.predictions, "test")
    task = evaluation.binary()[0]
    drawing = next(binary_drawings(task, task_rows(rows, task.task, "binary"), "test"))
    assert not any(text.startswith("ideal observer") for text in words(drawing.svg))


def test_words_in_a_figure_are_never_taken_for_markup():
    hostile = 'a id="b" #0072b2 </text><script>alert(1)</script> $\\frac{x$ \x07 url(#x)'

    def build():
        figure, axes = blank()
        axes.set(xlabel=hostile, ylabel="y")
        return figure

    drawing = draw("hostile", hostile, "", build)
    for svg in (drawing.svg, drawing.inline):
        assert legal_xml(hostile).strip() in words(svg)
        assert "<script" not in svg


@pytest.mark.parametrize(
    ("prob", "ticks"),
    [([0.005, 0.5, 0.995], {"0.01", "0.5", "0.99"}), ([0.62, 0.65, 0.68], {"0.645", "0.66"})],
)
def test_probabilities_have_ticks_however_close_they_lie(prob, ticks):
    build = partial(scores_by_class, [("normal", "normal", np.array(prob))], [("mine", 0.64)], "Probability")
    assert ticks <= words(draw("scores", "", "", build).svg)


def test_a_long_name_leaves_room_for_the_axes():
    assert shortened("x" * 30) == "x" * 30
    assert shortened("x" * 31) == "x" * 29 + "…"


def test_control_characters_are_replaced_and_others_kept():
    assert legal_xml("a\x00b\x0bc\ud800d\té−𝄞") == "a\ufffdb\ufffdc\ufffdd\té−𝄞"


def test_the_flow_shows_every_count_and_reason():
    flow = CohortFlow(
        stages=(FlowBox("found", 1600), FlowBox("usable", 1570, 1380, ("31 with a T-score",))),
        excluded=((FlowBox("unreadable", 30),),),
        splits=(FlowBox("train", 1120, 990), FlowBox("test", 450, 390)),
    )
    found = words(draw("flow", "Flow", "", partial(cohort_flow, flow)).svg)
    assert {
        "1,600 films",
        "1,570 films, 1,380 patients",
        "31 with a T-score",
        "30 films",
        "unreadable",
    } <= found
    assert {"train", "1,120 films, 990 patients", "test", "450 films, 390 patients"} <= found


def test_a_flow_may_stop_before_a_split():
    flow = CohortFlow(stages=(FlowBox("found", 1), FlowBox("usable", 1, 1)))
    assert "1 film, 1 patient" in words(draw("flow", "Flow", "", partial(cohort_flow, flow)).svg)


def test_training_curves_have_a_panel_per_known_quantity_and_mark_the_best_epoch():
    curves = pl.DataFrame(
        {
            "epoch": [0, 1, 2],
            "step": [10, 20, 30],
            "train/loss": [1.0, 0.8, 0.7],
            "validation/bone_loss_auroc": [0.6, 0.7, None],
            "validation/loss": [1.0, 0.6, 0.9],
            "validation/never": pl.Series([None] * 3, dtype=pl.Float64),
        }
    )
    course = Course(curves)
    assert list(quantities(course)) == ["loss", "bone_loss_auroc"]
    found = words(draw("curves", "Curves", "", partial(learning_curves, course)).svg)
    assert {"best, epoch 1", "Bone loss", "AUROC", "Epoch", "train", "validation"} <= found


def test_the_epoch_that_was_kept_is_marked_where_it_was_chosen_and_not_where_the_loss_is_lowest():
    curves = pl.DataFrame(
        {
            "epoch": [0, 1, 2],
            "train/loss": [1.0, 0.8, 0.7],
            "validation/t_score_mae": [3.0, 2.0, 1.0],
            "validation/bone_loss_auroc": [0.9, 0.7, 0.8],
            "validation/loss": [1.0, 0.6, 0.9],
        }
    )
    course = Course(curves, monitor="validation/bone_loss_auroc", best_epochs=(2,))
    assert list(quantities(course)) == ["loss", "bone_loss_auroc", "t_score_mae"]
    marked = learning_curves(course).axes
    assert [[text.get_text() for text in axes.texts] for axes in marked] == [[], ["best, epoch 2"], []]
    assert [line.get_xydata().tolist() for line in marked[1].lines][-1] == [[2.0, 0.8]]


def test_each_fold_has_its_line_and_its_mark():
    folds = [
        pl.DataFrame({"epoch": [0, 1], "train/loss": [1.0, 0.5], "validation/loss": values, "fold": fold})
        for fold, values in enumerate(([0.9, 0.7], [0.6, 0.8], [0.5, 0.4]))
    ]
    ragged = pl.concat([*folds, folds[2][:1].with_columns(epoch=pl.lit(2, pl.Int64))])
    course = Course(ragged.sort("fold", maintain_order=True), best_epochs=(1, 0, 1))
    (axes,) = learning_curves(course).axes
    lines = {len(line.get_xdata()) for line in axes.lines if line.get_label() in ("train", "validation")}
    assert lines == {2}
    assert [text.get_text() for text in axes.texts] == ["best, epochs 0 to 1"]
    marks = [tuple(line.get_xydata()[0]) for line in axes.lines if len(line.get_xdata()) == 1]
    assert marks == [(1, 0.7), (0, 0.6), (1, 0.4)]
    assert sum(len(line.get_xdata()) > 1 for line in axes.lines) == 6


def read_png(content: bytes) -> np.ndarray:
    from matplotlib.image import imread

    return np.round(255 * imread(io.BytesIO(content))[:, :, :3]).astype(int)


def test_a_film_keeps_its_grey_values():
    film = np.arange(256, dtype=np.uint8).reshape(16, 16)
    pixels = read_png(film_png(film))
    assert (pixels == film[:, :, None]).all()


def test_saliency_colours_only_where_it_is():
    film = np.full((8, 8), 100, dtype=np.uint8)
    saliency = np.zeros((8, 8), dtype=np.float32)
    saliency[2, 3] = 5.0
    pixels = read_png(overlay_png(film, saliency))
    assert (np.delete(pixels.reshape(64, 3), 2 * 8 + 3, axis=0) == 100).all()
    assert np.ptp(pixels[2, 3]) > 20


def test_a_film_without_saliency_anywhere_stays_grey():
    film = np.full((4, 4), 7, dtype=np.uint8)
    assert (read_png(overlay_png(film, np.zeros((4, 4), dtype=np.float32))) == 7).all()


@pytest.mark.parametrize("image", [np.zeros((4, 4)), np.zeros((4, 4, 3), dtype=np.uint8)])
def test_a_film_of_another_kind_is_refused(image):
    with pytest.raises(StrnetError, match="expected uint8"):
        film_png(image)


def test_a_saliency_map_of_another_shape_is_refused():
    with pytest.raises(StrnetError, match="shape"):
        overlay_png(np.zeros((4, 4), dtype=np.uint8), np.zeros((4, 5), dtype=np.float32))
