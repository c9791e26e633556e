import math
import os
import tempfile

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torchmetrics import MetricCollection

from strnet.errors import ThresholdError, TrainingError
from strnet.thresholds import fit_threshold
from strnet.training.metric import SpecificityAtSensitivityFloor

PARTS = ("specificity", "sensitivity", "threshold", "positives", "negatives", "misses")


def rows(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    target = (torch.rand(count, generator=generator) < 0.4).long()
    score = torch.randn(count, generator=generator).mul(4).round().div(4) + 1.5 * target
    return score, target


@pytest.mark.parametrize("floor", ["0.55", "0.86", "0.9", "1"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batches_give_the_empirical_point_of_all_rows(floor, dtype):
    score, target = rows(1000)
    metric = SpecificityAtSensitivityFloor(floor)
    for part in torch.arange(1000).split(64):
        metric.update(score[part].to(dtype), target[part])
    found = metric.compute()
    point = fit_threshold(target.numpy(), score.to(dtype).numpy(), min_sensitivity=floor, method="empirical")
    assert found["threshold"].item() == point.threshold
    assert found["specificity"].item() == pytest.approx(point.specificity.value, abs=1e-6)
    assert found["sensitivity"].item() == pytest.approx(point.observed_sensitivity.value, abs=1e-6)
    counts = {name: found[name].item() for name in ("positives", "negatives", "misses")}
    assert counts == {"positives": point.positives, "negatives": point.negatives, "misses": point.misses_made}


def test_unknown_targets_are_left_out():
    score, target = rows(200)
    unknown = target.float()
    unknown[::3] = math.nan
    score[::3] = math.nan
    metric, known = SpecificityAtSensitivityFloor(), SpecificityAtSensitivityFloor()
    metric.update(score, unknown)
    keep = ~torch.isnan(unknown)
    known.update(score[keep], target[keep])
    assert metric.compute() == known.compute()


def test_what_is_undefined_is_nan_and_the_counts_say_why():
    metric = SpecificityAtSensitivityFloor()
    metric.update(torch.tensor([0.1, 0.4]), torch.tensor([0, 0]))
    found = metric.compute()
    assert all(math.isnan(found[name]) for name in ("specificity", "sensitivity", "threshold"))
    assert (found["positives"], found["negatives"]) == (0, 2)
    metric.reset()
    metric.update(torch.tensor([0.1, 0.4]), torch.tensor([1, 1]))
    found = metric.compute()
    assert math.isnan(found["specificity"])
    assert found["threshold"] == pytest.approx(0.1)


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_no_row_at_all_is_undefined_and_not_an_error():
    found = SpecificityAtSensitivityFloor().compute()
    assert math.isnan(found["specificity"])
    assert found["positives"] == 0


def test_a_constant_score_early_in_training_has_specificity_0():
    metric = SpecificityAtSensitivityFloor()
    metric.update(torch.zeros(10), torch.arange(10) % 2)
    assert metric.compute()["specificity"] == 0


def test_half_precision_scores_are_taken():
    score, target = rows(100)
    metric = SpecificityAtSensitivityFloor()
    metric.update(score.to(torch.bfloat16), target)
    assert metric.compute()["threshold"].item() in score.to(torch.bfloat16).float()


def test_a_collection_names_every_part():
    collection = MetricCollection({"val": SpecificityAtSensitivityFloor()})
    collection.update(*rows(50))
    assert len(collection.compute()) == len(PARTS)


@pytest.mark.parametrize(
    ("score", "target", "message"),
    [
        (torch.zeros(3), torch.zeros(2), "expected the same shape"),
        (torch.zeros(3), torch.tensor([0, 1, 2]), "1 targets other than 0 and 1"),
        (
            torch.tensor([0.0, math.nan, math.inf]),
            torch.tensor([0, 1, 1]),
            "2 scores that are NaN or infinite",
        ),
    ],
)
def test_input_that_cannot_be_used_is_refused(score, target, message):
    with pytest.raises(TrainingError, match=message):
        SpecificityAtSensitivityFloor().update(score, target)


def test_a_percentage_is_no_floor():
    with pytest.raises(ThresholdError, match="percent as 0"):
        SpecificityAtSensitivityFloor("86")


def _process(rank, shared, store, out):
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    score, target = rows(301, seed=3)
    mine = torch.arange(301) < shared if rank == 0 else torch.arange(301) >= shared
    metric = SpecificityAtSensitivityFloor("0.9")
    if mine.any():
        metric.update(score[mine], target[mine])
    found = metric.compute()
    np.save(f"{out}.{rank}.npy", [found[name].item() for name in PARTS])
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("shared", [100, 301], ids=["unequal shares", "none for the second"])
def test_two_processes_agree_with_one_that_saw_all_rows(shared):
    metric = SpecificityAtSensitivityFloor("0.9")
    metric.update(*rows(301, seed=3))
    alone = [metric.compute()[name].item() for name in PARTS]
    with tempfile.TemporaryDirectory() as folder:
        store, out = os.path.join(folder, "store"), os.path.join(folder, "found")
        mp.spawn(_process, args=(shared, store, out), nprocs=2)
        for rank in range(2):
            assert np.load(f"{out}.{rank}.npy").tolist() == alone


@pytest.fixture
def drawing():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    yield pyplot
    pyplot.close("all")


def lines_of(axes):
    return {line.get_label(): np.asarray(line.get_ydata(), dtype=float).tolist() for line in axes.get_lines()}


def test_the_plot_shows_the_rates_of_all_rows_between_0_and_1(drawing):
    metric = SpecificityAtSensitivityFloor("0.9")
    metric.update(torch.arange(20) / 20, torch.arange(20) > 9)
    figure, axes = metric.plot()
    assert lines_of(axes) == {"specificity": [1.0], "sensitivity": [pytest.approx(0.9)]}
    assert axes.get_ylim() == pytest.approx((-0.1, 1.1))
    assert "0.9" in axes.get_ylabel()
    assert figure is axes.get_figure()


def test_the_plot_of_several_results_is_a_curve_over_steps_on_the_axes_given(drawing):
    metric = SpecificityAtSensitivityFloor("0.5")
    steps = [metric(torch.tensor([0.1, 0.2, last]), torch.tensor([0, 1, 1])) for last in (0.05, 0.3)]
    _, given = drawing.subplots()
    figure, axes = metric.plot(steps, ax=given)
    assert axes is given
    assert figure is None
    assert lines_of(axes) == {"specificity": [1.0, 1.0], "sensitivity": [0.5, 0.5]}
