import re
import shutil
import subprocess
from html.parser import HTMLParser

import polars as pl
import pytest

from strnet.config import Target, TaskConfig
from strnet.errors import ManifestError
from strnet.report import EvaluationSettings, evaluate_predictions, write_report

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Balanced(HTMLParser):
    """Collects what is open, and every attribute that could reach outside."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.references += [
            value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action")
        ]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        assert not [name for name, _ in attrs if name.startswith("on")], f"event handler in <{tag}>"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(page) -> Balanced:
    parser = Balanced()
    parser.feed(page.read_text())
    parser.close()
    return parser


def test_the_page_is_well_formed_and_every_id_is_its_own(page):
    found = parsed(page)
    assert not found.open
    assert len(found.ids) == len(set(found.ids))


def test_the_page_asks_nothing_of_anybody_else(page):
    for reference in parsed(page).references:
        assert reference.startswith(("#", "data:")), reference
    text = re.sub(r"xmlns(:\w+)?=\"[^\"]*\"", "", page.read_text())
    assert "http" not in text
    assert "@import" not in text


def test_names_of_any_kind_stay_words(page):
    found = parsed(page)
    assert "script" not in found.tags
    text = page.read_text()
    assert "<img src=x" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "\x07" not in text
    assert "\x0b" not in text


def test_the_page_says_first_that_it_is_a_phantom(page):
    text = page.read_text()
    assert text.index("Phantom result.") < text.index('id="summary"')


def test_every_link_of_the_page_has_a_place_to_go(page):
    found = parsed(page)
    places = {f"#{name}" for name in found.ids}
    assert {link for link in found.references if link.startswith("#")} <= places


def test_the_page_shows_what_was_enclosed(page):
    text = page.read_text()
    for words in (
        "Cohort flow",
        "Training curves",
        "Beside the paper",
        "Example films",
        "Provenance",
        "ab" * 32,
    ):
        assert words in text
    assert text.count("data:image/png;base64,") == 3


def test_every_figure_of_the_page_is_a_file_beside_it(page):
    shown = set(re.findall(r'<figure id="figure-([^"]+)"', page.read_text()))
    files = {path.stem for path in (page.parent / "figures").glob("*.svg")}
    assert shown == files
    assert {"cohort_flow", "training_curves", "bone_loss_roc", "t_score_bland_altman"} <= files


def test_predictions_of_another_evaluation_are_refused(evaluation, cohort, tmp_path):
    with pytest.raises(ManifestError, match="the evaluation is of 142"):
        write_report(tmp_path, evaluation, cohort.predictions.slice(0, 200), title="t")
    assert not list(tmp_path.iterdir())


def minimal(**columns) -> pl.DataFrame:
    identity = {
        "image_id": [f"i{n}" for n in range(12)],
        "patient_id": [f"p{n}" for n in range(12)],
        "split": ["test"] * 12,
    }
    return pl.DataFrame(identity | columns)


CASES = {
    "somebody else's binary scores": (
        TaskConfig(name="bone_loss", kind="binary", target=Target(column="t_score", below=-1.0)),
        {"target.bone_loss": [0, 1] * 6, "logit.bone_loss": [0.1 * n for n in range(12)]},
        "bone_loss_roc",
    ),
    "one class only": (
        TaskConfig(name="bone_loss", kind="binary", target=Target(column="t_score", below=-1.0)),
        {"target.bone_loss": [1] * 12, "logit.bone_loss": [0.1 * n for n in range(12)]},
        None,
    ),
    "regression only": (
        TaskConfig(name="bmd", kind="regression", target=Target(column="bmd")),
        {"target.bmd": [0.1 * n for n in range(12)], "pred.bmd": [0.1 * n + n % 3 for n in range(12)]},
        "bmd_scatter",
    ),
    "regression without a reference": (
        TaskConfig(name="bmd", kind="regression", target=Target(column="bmd")),
        {"target.bmd": [None] * 12, "pred.bmd": [0.1 * n for n in range(12)]},
        None,
    ),
    "several classes": (
        TaskConfig(name="stage", kind="multiclass", target=Target(column="d", classes=("a", "b", "c"))),
        {"target.stage": [0, 1, 2] * 4} | {f"logit.stage.{c}": [0.2 * (n % k) for n in range(12)] for k, c in
                                           ((2, "a"), (3, "b"), (4, "c"))},
        "stage_confusion",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_report_needs_only_what_its_task_needs(case, tmp_path):
    task, columns, figure = CASES[case]
    frame = minimal(**columns)
    evaluation = evaluate_predictions(frame, tasks=[task], settings=EvaluationSettings())
    written = write_report(tmp_path / "mine.html", evaluation, frame, title=case)
    assert written == tmp_path / "mine.html"
    assert not parsed(written).open
    assert figure is None or (tmp_path / "mine.figures" / f"{figure}.svg").is_file()


def browser_log(page, profile) -> str:
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={profile}", "--enable-logging=stderr", "--v=0", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "</html>" in done.stdout
    return "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_a_browser_has_nothing_to_complain_of(page, tmp_path):
    broken = tmp_path / "broken.html"
    broken.write_text("<html><script>nothing.here</script></html>")
    assert "ReferenceError" in browser_log(broken, tmp_path / "first")
    assert browser_log(page, tmp_path / "second") == ""
