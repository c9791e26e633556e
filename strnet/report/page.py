"""One self-contained HTML page from an evaluation and its predictions, and the figures as SVG beside it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from strnet import __version__
from strnet.config import EnsembleRecipe, Recipe, dump_recipe
from strnet.errors import ManifestError
from strnet.files import write_text, write_together
from strnet.report.applicability_shares import applicability_table
from strnet.report.evaluation import Evaluation, Verdict
from strnet.report.figures.canvas import PALETTE, legal_xml
from strnet.report.figures.course import Course
from strnet.report.figures.film_pictures import ExampleFilm, film_png, overlay_png
from strnet.report.figures.flow_chart import CohortFlow
from strnet.report.honesty import METADATA, banners
from strnet.report.paper import compare_with_paper
from strnet.report.sections import Section, flow_section, task_sections, training_section
from strnet.report.table import Table
from strnet.report.task_rows import rows_of_split, with_observer
from strnet.report.tiles import tiles
from strnet.report.wording import counted, reference_words, sentence

REPORT = "report.html"
FIGURES = "figures"


@dataclass(frozen=True, slots=True)
class Enclosures:
    """What a report can show beyond evaluation and predictions; each is left out where it is not given.

    `observers`: the truth table of a phantom. `paper`: published figures, as `compare_with_paper` takes them.
    `provenance`: what the figures can be traced back to (hashes, versions, paths, times), in the order given.
    """

    flow: CohortFlow | None = None
    patients: tuple[Table, ...] = ()
    learning_curves: Course | None = None
    examples: tuple[ExampleFilm, ...] = ()
    recipe: Recipe | EnsembleRecipe | None = None
    observers: pl.DataFrame | None = None
    paper: Mapping[str, Any] | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)


def write_report(
    path: Path | str,
    evaluation: Evaluation,
    predictions: pl.DataFrame,
    *,
    title: str,
    enclosures: Enclosures | None = None,
) -> Path:
    """The path of the HTML page; its figures stand as SVG beside it, in `figures/`.

    `path` is the folder to write `report.html` into, or the page itself (`mine.html`, with
    `mine.figures/`). `predictions` is the table that `evaluation` was made from.

    Raises: ManifestError: predictions that are not those of the evaluation.
    """
    page = Path(path) if Path(path).suffix == ".html" else Path(path) / REPORT
    enclosed = enclosures or Enclosures()
    rows = rows_of_split(with_observer(predictions, enclosed.observers), evaluation.subject.split)
    if rows.height != evaluation.subject.rows:
        raise ManifestError(
            f"predictions: {rows.height} rows of split '{evaluation.subject.split}', but the evaluation is "
            f"of {evaluation.subject.rows}. Give the predictions that it was made of, or evaluate these."
        )
    sections = tuple(_sections(evaluation, rows, enclosed))
    drawings = [drawing for section in sections for drawing in section.drawings]
    figures = _figures_of(page)
    texts = [
        *(drawing.svg for drawing in drawings),
        _render(evaluation, sections, title, enclosed, figures.name),
    ]
    places = [*(figures / f"{drawing.name}.svg" for drawing in drawings), page]
    with write_together(*places) as temporaries:
        for text, temporary in zip(texts, temporaries, strict=True):
            write_text(temporary, text)
    return page


def _figures_of(page: Path) -> Path:
    """The folder of a page's figures: two pages in one folder must not share them."""
    return page.with_name(FIGURES if page.name == REPORT else f"{page.stem}.{FIGURES}")


def _sections(evaluation: Evaluation, rows: pl.DataFrame, enclosed: Enclosures) -> Iterator[Section]:
    if enclosed.flow is not None:
        yield flow_section(enclosed.flow)
    if enclosed.patients:
        yield Section("patients", "Patients", tables=enclosed.patients)
    yield from task_sections(evaluation, rows)
    if evaluation.applicability is not None:
        table = applicability_table(evaluation.applicability)
        yield Section("applicability", "Which films it is for", leading=(table,))
    if enclosed.paper is not None:
        table = compare_with_paper(evaluation, enclosed.paper)
        yield Section("paper", "Beside the paper", leading=(table,))
    if enclosed.learning_curves is not None:
        training = training_section(enclosed.learning_curves)
        if training is not None:
            yield training


def _render(
    evaluation: Evaluation, sections: tuple[Section, ...], title: str, enclosed: Enclosures, figures: str
) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("strnet.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    page = environment.get_template("report.html.j2").render(
        title=title,
        subtitle=_subtitle(evaluation),
        banners=banners(evaluation.subject),
        tiles=tiles(evaluation),
        verdicts=[_verdict_words(verdict) for verdict in evaluation.verdicts],
        statements=evaluation.statements,
        sections=sections,
        films=[_film(example) for example in enclosed.examples],
        provenance=enclosed.provenance,
        recipe="" if enclosed.recipe is None else dump_recipe(enclosed.recipe),
        palette=PALETTE,
        footer=f"Made by strnet {__version__}. The page stands alone; its figures are also in {figures}/.",
    )
    return legal_xml(page)


def _subtitle(evaluation: Evaluation) -> str:
    subject = evaluation.subject
    return (
        f"{counted(subject.rows, 'case')} of {counted(subject.patients, 'patient')}, "
        f"split '{subject.split}'. Reference standard: {reference_words(subject.reference_standards)}. "
        f"Intervals are {100 * subject.confidence:g}%."
    )


def _verdict_words(verdict: Verdict) -> dict[str, str]:
    wanted = "no" if verdict.scorer == METADATA else "yes"
    tone = "open" if verdict.answer not in ("yes", "no") else "good" if verdict.answer == wanted else "bad"
    return {
        "answer": sentence(verdict.answer),
        "question": verdict.question,
        "because": verdict.because,
        "tone": tone,
    }


def _film(example: ExampleFilm) -> dict[str, str]:
    overlay = "" if example.saliency is None else _base64(overlay_png(example.image, example.saliency))
    return {"image": _base64(film_png(example.image)), "overlay": overlay, "caption": example.caption}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
