import numpy as np
import pytest
import torch

from strnet.errors import ModelError
from strnet.imaging import to_network_input
from strnet.inference import load_network, saliency_map
from strnet.inference import saliency as saliency_module


@pytest.fixture(scope="module")
def prepared():
    return np.random.default_rng(2).integers(0, 65536, size=(3, 64, 48), dtype=np.uint16)


def test_a_map_has_the_films_shape_and_its_largest_value_is_one(bundle, prepared):
    maps = saliency_map(bundle, prepared, "bone_loss")
    assert maps.shape == prepared.shape
    assert maps.dtype == np.float32
    assert maps.min() >= 0
    for one in maps:
        assert one.max() in (0.0, pytest.approx(1.0))
    assert maps.max() == pytest.approx(1.0)


def test_one_film_gives_the_map_it_has_among_others(bundle, prepared):
    np.testing.assert_allclose(
        saliency_map(bundle, prepared[1], "t_score"), saliency_map(bundle, prepared, "t_score")[1], atol=1e-5
    )


def test_the_map_is_grad_cam_by_hand(bundle, prepared):
    network = load_network(bundle)
    kept = {}
    network.backbone.register_forward_hook(lambda module, given, output: kept.update(features=output))
    image = torch.from_numpy(to_network_input(prepared[:1], bundle.preprocessing))[:, None]
    score = network(image)["finding"][:, 2].sum()
    gradient = torch.autograd.grad(score, kept["features"])[0]
    features = kept["features"].detach()
    coarse = torch.relu((gradient.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1))[0].numpy()
    fine = saliency_map(bundle, prepared[0], "finding", output=2)
    rows, columns = coarse.shape
    assert (rows, columns) == (2, 2)
    if coarse.max() > 0:  # the corners of a bilinear enlargement are the coarse values
        corners = fine[np.ix_([0, -1], [0, -1])]
        np.testing.assert_allclose(corners / corners.max(), coarse / coarse.max(), atol=0.02)


def test_tasks_have_maps_of_their_own(bundle, prepared):
    maps = [
        saliency_map(bundle, prepared, task) for task in ("bone_loss", "osteoporosis_given_loss", "t_score")
    ]
    assert np.abs(maps[0] - maps[1]).max() > 0.05
    assert np.abs(maps[0] - maps[2]).max() > 0.05


def test_a_film_that_says_nothing_for_the_output_has_a_map_of_zeros():
    assert torch.equal(saliency_module._scaled(torch.zeros(2, 1, 4, 4)), torch.zeros(2, 1, 4, 4))


def test_a_clinical_value_may_be_given(bundle, prepared):
    clinical = np.array([[70, 0, np.nan]] * 3, np.float32)
    assert saliency_map(bundle, prepared, "bone_loss", clinical=clinical).max() == pytest.approx(1.0)


def test_an_unknown_task_and_a_film_of_another_size_are_refused(bundle, prepared):
    with pytest.raises(ModelError, match="did you mean 'bone_loss'"):
        saliency_map(bundle, prepared, "bone_lost")
    with pytest.raises(ModelError, match=r"films of shape \(3, 64, 47\), expected \(N, 64, 48\)"):
        saliency_map(bundle, prepared[:, :, 1:], "bone_loss")
