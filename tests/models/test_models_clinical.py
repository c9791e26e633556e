"""Clinical variables as network input."""

import numpy as np
import pytest
import torch

from strnet.errors import ModelError
from strnet.models import ClinicalScaling, encode_clinical, fit_clinical_scaling
from strnet.models.clinical import ClinicalInput

NAN = np.nan


def test_sex_is_coded_and_blanks_are_unknown():
    np.testing.assert_array_equal(encode_clinical("sex", ["F", "M", None, "", NAN]), [0, 1, NAN, NAN, NAN])


def test_numbers_may_come_as_text_and_blanks_are_unknown():
    np.testing.assert_array_equal(
        encode_clinical("age", ["63.5", 71, None, "", NAN]), np.float32([63.5, 71, NAN, NAN, NAN])
    )


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("sex", "female"),
        ("sex", 1),
        ("sex", 1.0),
        ("age", "old"),
        ("age", 600),
        ("bmi", np.inf),
        ("bmi", 0.3),
    ],
)
def test_a_cell_that_would_have_to_be_guessed_is_refused(column, cell):
    with pytest.raises(ModelError, match=f"clinical column {column}: found {cell!r}"):
        encode_clinical(column, ["F" if column == "sex" else 30.0, cell])


def test_scaling_is_mean_and_sd_of_the_known_training_values():
    scaling = fit_clinical_scaling(["age", "sex"], np.array([[50.0, 0], [70, NAN], [NAN, 1]]))
    assert scaling == ClinicalScaling(("age", "sex"), (60.0, 0.5), (10.0, 0.5))


def test_a_column_of_one_value_keeps_sd_one_whatever_rounding_says():
    values = np.full((7, 1), 0.1)
    assert values.std() > 0
    assert fit_clinical_scaling(["dose"], values).stds == (1.0,)


def test_a_column_that_no_training_row_knows_is_refused():
    with pytest.raises(ModelError, match="clinical columns bmi: no training row knows them"):
        fit_clinical_scaling(["age", "bmi"], np.array([[50.0, NAN], [70, NAN]]))


def test_no_clinical_columns_need_no_rows():
    assert fit_clinical_scaling([], np.empty((5, 0))) == ClinicalScaling()


@pytest.mark.parametrize("stds", [(1.0,), (1.0, 0.0), (1.0, NAN)])
def test_a_scaling_that_cannot_standardise_is_refused(stds):
    with pytest.raises(ModelError, match="SDs"):
        ClinicalScaling(("age", "sex"), (60.0, 0.3), stds)


def test_a_missing_value_becomes_the_training_mean_and_says_so():
    scale = ClinicalInput(columns=("age", "sex"), means=(60.0, 0.25), stds=(10.0, 0.5))
    values, missing = scale(torch.tensor([[50.0, 1.0], [NAN, 0.0], [NAN, NAN]]))
    torch.testing.assert_close(values, torch.tensor([[-1.0, 1.5], [0, -0.5], [0, 0]]))
    torch.testing.assert_close(missing, torch.tensor([[0.0, 0], [1, 0], [1, 1]]))
