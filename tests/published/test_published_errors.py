"""MAE, RMSE, bias, r, R2 and SD against each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strnet.published import PublishedTable, check_published

quick = settings(max_examples=150, deadline=None)
DIGITS = {"mae": 3, "rmse": 3, "bias": 3, "sd": 3, "r": 3, "r2": 3}


def figures_of(truth, predicted, ddof):
    error = predicted - truth
    return {
        "mae": np.abs(error).mean(),
        "rmse": np.sqrt((error**2).mean()),
        "bias": error.mean(),
        "r": np.corrcoef(truth, predicted)[0, 1],
        "r2": 1 - (error**2).sum() / ((truth - truth.mean()) ** 2).sum(),
        "sd": truth.std(ddof=ddof),
    }


@quick
@given(
    st.integers(0, 2**32 - 1),
    st.integers(3, 60),
    st.sampled_from([0, 1]),
    st.booleans(),
    st.lists(st.sampled_from(sorted(DIGITS)), min_size=1, max_size=6, unique=True),
    st.integers(0, 4),
)
def test_figures_of_real_predictions_are_never_impossible(seed, n, ddof, as_square, names, digits):
    generator = np.random.default_rng(seed)
    truth = generator.normal(0, 1, n) * generator.choice([0.1, 1, 40]) + generator.choice([0, 5, 100])
    noise = generator.standard_t(2, n) * truth.std() * generator.choice([0, 0.05, 0.5, 3])
    predicted = truth * generator.choice([-1, 0.3, 1, 2]) + noise + generator.choice([0, 0, 1])
    exact = figures_of(truth, predicted, ddof)
    if as_square:
        exact["r2"] = exact["r"] ** 2
    figures = {name: f"{exact[name]:.{digits}f}" for name in names}

    found = check_published(PublishedTable(n=n, figures=figures))
    assert found.verdict != "impossible", (figures, [f.text for f in found.findings])


def test_the_errors_of_str_net_go_together():
    found = check_published(PublishedTable(n=31, figures={"r": ".801", "mae": ".279", "rmse": ".347"}))

    assert found.verdict == "possible"
    assert "RMSE / MAE = 1.244" in found.found("errors_fit")[0].text


@pytest.mark.parametrize(
    ("figures", "n", "kind", "words"),
    [
        ({"mae": ".35", "rmse": ".30"}, 30, "rmse_below_mae", "never below the mean size"),
        # sqrt(4) x .105 = .21
        ({"mae": ".10", "rmse": ".25"}, 4, "rmse_above_mae", "sqrt(4) x MAE .10 = 0.21"),
        ({"bias": "-.40", "mae": ".30"}, None, "bias_too_large", "larger than MAE .30"),
        # .905^2 = .819
        ({"r": ".90", "r2": ".85"}, None, "r2_above_r_squared", "0.8010 to 0.8190"),
        # SD .995 x sqrt(1 - .805^2) x sqrt(49 / 50) = .584
        (
            {"r": ".80", "rmse": ".50", "sd": "1.00"},
            50,
            "rmse_below_line",
            "at least SD x sqrt(1 - r^2) = 0.584",
        ),
        # 1 - R2 = .355: .995 x sqrt(.355 x 49/50) = .587
        ({"r2": ".64", "rmse": ".50", "sd": "1.00"}, 50, "rmse_below_line", "= 0.5869"),
    ],
)
def test_errors_that_contradict_each_other_are_impossible(figures, n, kind, words):
    found = check_published(PublishedTable(n=n, figures=figures))

    assert found.verdict == "impossible"
    (finding,) = found.found(kind)
    assert words in finding.text
    assert set(finding.doubt) >= set(figures) & {"mae", "rmse", "r", "r2", "bias", "sd"}


@pytest.mark.parametrize(
    ("figures", "n"),
    [
        ({"mae": ".30", "rmse": ".30"}, 2),  # two errors of one size
        ({"mae": ".10", "rmse": ".20"}, 4),  # one error of .4, three of 0
        ({"r": ".90", "r2": ".81"}, None),
        ({"r": ".90", "r2": ".50"}, None),
        ({"r": "-.90", "r2": ".81"}, None),
        ({"r": ".80", "rmse": ".594", "sd": "1.00"}, 50),
    ],
)
def test_errors_on_the_edge_of_what_is_possible_are_possible(figures, n):
    assert check_published(PublishedTable(n=n, figures=figures)).verdict == "possible"


def test_it_is_told_which_r2_it_can_be():
    def kinds(**figures):
        return {finding.kind for finding in check_published(PublishedTable(figures=figures)).findings}

    assert kinds(r=".90", r2=".81") == {"r2_is_r_squared"}
    assert kinds(r=".90", r2=".50") == {"r2_below_r_squared"}
    # 1 - .5^2 = .75 of SD 1: an RMSE of .6 is above .5, so .75 can only be the square of r
    assert kinds(rmse=".60", r2=".75", sd="1.00") == {"r2_of_a_line"}


def test_the_spread_of_the_true_values_that_r2_and_rmse_imply():
    # 8.561 / sqrt(1 - .962) = 43.9
    found = check_published(PublishedTable(figures={"rmse": "8.561", "r2": ".962"}))
    details = found.found("implied_sd")[0].details

    assert details["low"] < 8.561 / np.sqrt(0.038) < details["high"]
    assert details["high"] - details["low"] < 0.7


def test_errors_all_of_one_size_are_implausible_in_many_cases():
    found = check_published(PublishedTable(n=300, figures={"mae": "4.00", "rmse": "4.10"}))

    assert found.verdict == "implausible"
    assert found.doubt == ("mae", "rmse")


def test_equally_frequent_errors_are_seldom_implausible():
    # the flattest that are allowed: the rule may be wrong about them in about one of a thousand cohorts
    generator = np.random.default_rng(0)
    called = 0
    for _ in range(400):
        error = generator.uniform(-1, 1, 40)
        figures = {"mae": f"{np.abs(error).mean():.4f}", "rmse": f"{np.sqrt((error**2).mean()):.4f}"}
        called += check_published(PublishedTable(n=40, figures=figures)).verdict != "possible"
    assert called <= 4
