"""T-scores and a category from predicted BMD, as they stand in the results."""

import numpy as np
import pytest

from strnet.config import Target, TaskConfig
from strnet.inference.site_columns import site_columns, site_notes


def task(site, table="nhanes_us_women"):
    column = f"bmd_{site}"
    return TaskConfig(
        name=column, kind="regression", target=Target(column=column), unit="g/cm2", young_adults=table
    )


SITES = (task("lumbar_spine"), task("femoral_neck"))
BMD = {
    "pred.bmd_lumbar_spine": np.array([1.064, 1.064 - 2.5 * 0.106, 1.064]),
    "pred.bmd_femoral_neck": np.array([0.858 - 1.1 * 0.12, 0.858, 0.858]),
}


def test_the_lowest_of_the_estimated_t_scores_gives_the_category():
    found = site_columns(SITES, BMD)
    assert found["t_score_lowest"].tolist() == pytest.approx([-1.1, -2.5, 0.0], abs=1e-9)
    assert found["category_from_bmd"].tolist() == ["osteopenia", "osteoporosis", "normal"]


def test_every_column_has_its_note():
    assert list(site_notes(SITES, "dxa")) == list(site_columns(SITES, BMD))
    assert "dxa" in site_notes(SITES, "dxa")["t_score_lumbar_spine"]


def test_tasks_without_young_adults_add_nothing():
    plain = TaskConfig(name="t_score", kind="regression", target=Target(column="t_score"))
    assert site_columns((plain,), {"pred.t_score": np.zeros(2)}) == {}
    assert site_notes((plain,), "dxa") == {}
