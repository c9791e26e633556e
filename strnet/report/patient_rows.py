"""One value per patient where a table has one row per image: patients are what a study is about."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from strnet.schema import PATIENT_ID


@dataclass(frozen=True, eq=False)
class PatientColumn:
    """A column's value for each patient, and of how many patients the images do not agree."""

    values: pl.Series
    """One per patient, in the order of their first images; null where no image says it."""
    differing: int
    """Patients with several values: their mean if they are numbers, else unknown."""


def patient_column(frame: pl.DataFrame, name: str, *, numbers: bool) -> PatientColumn:
    """Column `name` of a table of images by patient.

    Numbers that differ between a patient's images become their mean over images; words that do are unknown.
    """
    cell = pl.col(name).drop_nulls()
    one = cell.first()
    value = cell.mean() if numbers else pl.when(cell.n_unique() == 1).then(one)
    by_patient = frame.group_by(PATIENT_ID, maintain_order=True).agg(
        value.alias("value"), (cell.n_unique() > 1).alias("differing")
    )
    return PatientColumn(by_patient["value"].alias(name), int(by_patient["differing"].sum()))
