"""Example films for a report: what the network got right and wrong, with its saliency."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from strnet.calibration import with_probabilities
from strnet.cohort import Manifest
from strnet.inference import Bundle, saliency_map
from strnet.inference.film_files import read_film
from strnet.inference.film_regions import region_plan
from strnet.jobs.complete_run import source_of
from strnet.models import encode_clinical
from strnet.report import ExampleFilm
from strnet.schema import IMAGE_ID, prob_column, target_column
from strnet.thresholds.score_identity import identity_in
from strnet.trust import ANY_FILM

KINDS = (
    ("found", 1, True),
    ("missed", 1, False),
    ("falsely alarmed", 0, True),
    ("cleared", 0, False),
)
PER_KIND = 2


def example_films(bundle: Bundle, predictions: pl.DataFrame, manifest: Manifest) -> tuple[ExampleFilm, ...]:
    """Up to eight films of the deciding point's task: per kind of decision the two most typical.

    `predictions` are the rows that the report is about: a film the network was trained on shows nothing.
    Typical is the median score among the films of the kind, so that nothing is picked by its looks. A film
    that is no longer in the manifest, or can no longer be read, is passed over; of one with several regions
    the first is shown.
    """
    if not bundle.operating_points:
        return ()
    return tuple(_examples(bundle, predictions, manifest))


def _examples(bundle: Bundle, predictions: pl.DataFrame, manifest: Manifest) -> Iterator[ExampleFilm]:
    point = bundle.deciding or bundle.operating_points[0]
    task, column = str(point.score.task), str(point.score.column)
    known = predictions.filter(pl.col(target_column(task)).is_not_null())
    rows = with_probabilities(known, bundle.tasks, source_of(bundle))
    positive = point.apply(rows[column].to_numpy(), source=identity_in(rows.lazy(), column))
    rows = rows.with_columns(called=pl.Series(positive), prob=prob_column(task)).sort("prob")
    for kind, target, called in KINDS:
        of_kind = rows.filter(pl.col(target_column(task)) == target, pl.col("called") == called)
        middle = max((of_kind.height - PER_KIND) // 2, 0)
        for row in of_kind.slice(middle, PER_KIND).iter_rows(named=True):
            film = _example(bundle, manifest, task, row[IMAGE_ID])
            if film is not None:
                image, saliency = film
                yield ExampleFilm(image, saliency, f"{kind}: {row[IMAGE_ID]}, probability {row['prob']:.2f}")


def _example(
    bundle: Bundle, manifest: Manifest, task: str, image_id: str
) -> tuple[np.ndarray, np.ndarray] | None:
    found = manifest.frame.filter(pl.col(IMAGE_ID) == image_id)
    if found.is_empty():
        return None
    row = found.row(0, named=True)
    path = manifest.image_path(row)
    with region_plan(bundle, [path], [row], ANY_FILM, workers=0) as regions:
        prepared = read_film(path, bundle.preprocessing, regions=regions).pixels
    if prepared is None:
        return None
    names = [variable.name for variable in bundle.clinical]
    clinical = np.array([[encode_clinical(name, [row[name]])[0] for name in names]], dtype=np.float32)
    heat = saliency_map(bundle, prepared, task, clinical=clinical)
    return (prepared >> 8).astype(np.uint8), heat
