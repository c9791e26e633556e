"""The whole network: films and clinical values to one output per task."""

import numpy as np
import pytest
import torch
from monai.visualize import GradCAM
from safetensors.torch import load_file, save_file

from strnet.errors import ModelError
from strnet.models import (
    ClinicalScaling,
    ScreeningNetwork,
    TargetStatistics,
    TaskView,
    multi_task_loss,
    parameter_groups,
)

ROUTINGS = ["shared", "gate", "film", "experts"]
NAN = torch.nan


def test_outputs_have_a_shape_by_kind_of_task(make_network, films, values):
    outputs = make_network()(films, values)
    assert {name: tuple(output.shape) for name, output in outputs.items()} == {
        "bone_loss": (4,),
        "osteoporosis_given_loss": (4,),
        "t_score": (4,),
        "grade": (4, 2),
        "category": (4, 3),
    }


def test_a_film_alone_gives_the_outputs_it_gives_in_a_batch(make_network, films, values):
    network = make_network().eval()
    order = [2, 0, 3, 1]
    with torch.no_grad():
        together = network(films[order], values[order])
        for row, source in enumerate(order):
            alone = network(films[source : source + 1], values[source : source + 1])
            for name, output in together.items():
                torch.testing.assert_close(output[row], alone[name][0], rtol=1e-4, atol=1e-5)


def test_no_clinical_values_are_all_values_missing(make_network, films):
    network = make_network().eval()
    unknown = torch.full((4, 2), NAN)
    torch.testing.assert_close(network(films), network(films, unknown))


def test_an_average_patient_is_what_a_missing_value_starts_as(make_network, films):
    network = make_network().eval()
    average = torch.tensor([60.0, 0.25]).expand(4, 2)
    torch.testing.assert_close(network(films, average), network(films))


def test_only_heads_that_were_given_a_variable_use_it(make_network, films, values):
    network = make_network().eval()
    with torch.no_grad():
        for head in network.heads.values():
            if head.clinical is not None:
                head.clinical.weight.fill_(1.0)
        before = network(films, values)
        older = network(films, values + torch.tensor([10.0, 0.0]))
        changed = {name for name in before if not torch.equal(before[name], older[name])}
    assert changed == {"bone_loss"}
    known = ~torch.isnan(values[:, 0])
    torch.testing.assert_close(older["bone_loss"] - before["bone_loss"], known.float(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 3), (3, 2), (4,)])
def test_clinical_values_of_another_shape_are_refused(make_network, films, shape):
    with pytest.raises(ModelError, match=r"expected \(4, 2\): one column each for age, sex"):
        make_network()(films, torch.zeros(shape))


def test_outputs_start_at_the_training_prior(make_network, films):
    statistics = {
        "bone_loss": TargetStatistics(counts=(30, 70)),
        "t_score": TargetStatistics(mean=-1.7, sd=1.1),
    }
    outputs = make_network(statistics=statistics).eval()(films)
    assert outputs["bone_loss"].sigmoid().detach().numpy() == pytest.approx(0.7, abs=0.05)
    assert outputs["t_score"].detach().numpy() == pytest.approx(-1.7, abs=0.2)


def test_random_weights_follow_the_seed_and_leave_torch_s_generator_alone(make_network):
    state = torch.get_rng_state()
    first, second, other = make_network(seed=3), make_network(seed=3), make_network(seed=4)
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(first.state_dict(), second.state_dict())
    assert not torch.equal(first.neck[0].weight, other.neck[0].weight)


@pytest.mark.parametrize("routing", ROUTINGS)
def test_weights_survive_the_way_through_safetensors(make_network, films, values, tmp_path, routing):
    statistics = {"t_score": TargetStatistics(mean=-1.7, sd=1.1)}
    network = make_network(routing, pooling="gem", statistics=statistics, seed=1).eval()
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    reread = make_network(routing, pooling="gem", seed=2).eval()
    reread.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    torch.testing.assert_close(reread(films, values), network(films, values), rtol=0, atol=0)


@pytest.mark.parametrize("routing", ROUTINGS)
def test_the_trunk_s_gradient_from_a_task_is_scaled_by_its_coupling(make_network, tasks, films, routing):
    """With the experts counted to the trunk; the task's own head, gates and scales keep the whole."""

    def gradients(coupling):
        coupled = [
            task.model_copy(update={"coupling": coupling}) if task.name == "t_score" else task
            for task in tasks
        ]
        network = make_network(routing, tasks=coupled).double()
        network(films.double())["t_score"].square().sum().backward()
        return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}

    whole, part, none = gradients(1.0), gradients(0.25), gradients(0.0)
    for name, gradient in whole.items():
        own = name.startswith(("heads.", "routing.")) and ".experts." not in name
        factor = 1.0 if own else 0.25
        torch.testing.assert_close(part[name], factor * gradient, rtol=1e-6, atol=1e-12)
        torch.testing.assert_close(none[name], own * gradient, rtol=1e-6, atol=1e-12)


def test_an_unknown_label_moves_neither_loss_nor_gradient_of_the_network(
    make_network, tasks, films, values, targets
):
    """Films through batch norm touch each other, so the network is in evaluation mode."""
    network = make_network().eval()

    def loss_and_gradients(rows):
        network.zero_grad()
        losses = multi_task_loss(
            network(films[rows], values[rows]),
            {name: target[rows] for name, target in targets.items()},
            tasks,
        )
        losses.total.backward()
        return losses.total.detach(), {name: p.grad.clone() for name, p in network.named_parameters()}

    # The third film has no known target at all.
    with_unknown, without = loss_and_gradients([0, 1, 2, 3]), loss_and_gradients([0, 1, 3])
    torch.testing.assert_close(with_unknown[0], without[0])
    torch.testing.assert_close(with_unknown[1], without[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("routing", ROUTINGS)
def test_every_parameter_learns_and_a_tiny_problem_is_learned(make_network, tasks, films, values, routing):
    """Four films, five tasks: the loss falls to a fraction, whatever the routing."""
    targets = {
        "bone_loss": torch.tensor([1.0, 0.0, 0.0, 1.0]),
        "osteoporosis_given_loss": torch.tensor([0.0, NAN, NAN, 1.0]),
        "t_score": torch.tensor([-1.5, -0.2, 0.3, -2.9]),
        "grade": torch.tensor([1.0, 0.0, 0.0, 2.0]),
        "category": torch.tensor([1.0, 0.0, 0.0, 2.0]),
    }
    network = make_network(routing)
    start = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    groups = parameter_groups(network, learning_rate=2e-2, weight_decay=0.0)
    optimiser = torch.optim.AdamW(groups)
    history = []
    for _ in range(20):
        loss = multi_task_loss(network(films[..., :32, :32], values), targets, tasks).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(loss.item())
    assert history[-1] < 0.3 * history[0]
    still = [name for name, parameter in network.named_parameters() if torch.equal(parameter, start[name])]
    assert still == []


@pytest.mark.parametrize(
    ("routing", "pooling"),
    [("shared", "average"), ("gate", "gem"), ("film", "attention"), ("experts", "average")],
)
def test_bfloat16_and_channels_last_give_nearly_the_same_outputs_and_finite_gradients(
    make_network, tasks, films, values, targets, routing, pooling
):
    network = make_network(routing, pooling).eval()
    expected = network(films, values)
    network.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = network(films.to(memory_format=torch.channels_last), values)
    for name, output in outputs.items():
        assert output.dtype == torch.float32
        torch.testing.assert_close(output, expected[name], rtol=0.05, atol=0.02)
    multi_task_loss(outputs, targets, tasks).total.backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize("routing", ROUTINGS)
def test_gates_can_be_read_by_task(make_network, tasks, films, routing):
    network = make_network(routing).eval()
    gates = network.gates(films)
    assert list(gates) == [task.name for task in tasks]
    for gate in gates.values():
        assert gate.shape == (4, 3 if routing == "experts" else 16)
        assert not gate.requires_grad
    if routing in ("shared", "gate"):
        assert all(((gate >= 0) & (gate <= 1)).all() for gate in gates.values())
    if routing == "experts":
        assert all(torch.allclose(gate.sum(dim=1), torch.ones(4)) for gate in gates.values())


def test_the_gates_read_are_the_gates_used(make_network, films):
    network = make_network("gate").eval()
    with torch.no_grad():
        network.routing.weight.normal_()
        routed = network.routing(network.shared(films))
        gates = network.gates(films)
        for number, gate in enumerate(gates.values()):
            torch.testing.assert_close(routed[:, number], network.shared(films) * gate)


def test_a_task_view_is_that_task_with_an_axis_of_outputs(make_network, films, values):
    network = make_network().eval()
    outputs = network(films, values)
    assert torch.equal(TaskView(network, "bone_loss")(films, values), outputs["bone_loss"][:, None])
    assert torch.equal(TaskView(network, "category")(films, values), outputs["category"])


def test_a_view_of_an_unknown_task_is_met_with_the_nearest_name(make_network):
    with pytest.raises(ModelError, match="Unknown task 'bone_los', did you mean 'bone_loss'"):
        TaskView(make_network(), "bone_los")


@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit", "test_mambaout"])
def test_monai_draws_a_class_activation_map_of_any_backbone(make_network, tasks, backbone):
    """The maps are Grad-CAM's own formula on the backbone's output, though the task's coupling is 0."""
    detached = [task.model_copy(update={"coupling": 0.0}) for task in tasks]
    network = make_network(backbone=backbone, tasks=detached).eval()
    view = TaskView(network, "category")
    method = GradCAM(view, target_layers=TaskView.feature_map)
    film = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    correlations = []
    for output in range(3):
        found = method(film, class_idx=output)
        by_hand = class_activation_map(network, film, task=4, output=output)
        if by_hand.std() > 0:  # else nothing speaks for this class
            correlations.append(np.corrcoef(found.numpy().ravel(), by_hand.numpy().ravel())[0, 1])
    assert not network.training
    # MONAI stretches a map to [0, 1] and turns it over: the correlation is what both must share.
    np.testing.assert_allclose(np.abs(correlations), 1.0, atol=1e-3)
    assert correlations


def class_activation_map(network, film, task, output):
    """Source: Selvaraju et al. 2017, Grad-CAM, eq. 1 and 2."""
    features = network.backbone(film).detach().requires_grad_()
    routed = network.routing(network.neck(network.pooling(features)))[:, task]
    nothing = torch.zeros(1, 2)
    network.heads["category"](routed, nothing, nothing)[0, output].backward()
    weights = features.grad.mean(dim=(2, 3), keepdim=True)
    by_hand = (weights * features.detach()).sum(dim=1, keepdim=True).relu()
    return torch.nn.functional.interpolate(by_hand, size=film.shape[2:], mode="bilinear")


def test_the_network_s_clinical_scaling_is_not_stored_twice(make_network):
    names = make_network().state_dict()
    assert not [name for name in names if name.startswith("clinical.")]


def test_a_network_needs_no_clinical_variables(make_network, tasks, films):
    plain = [task.model_copy(update={"clinical": ()}) for task in tasks]
    network = make_network(tasks=plain, clinical=ClinicalScaling()).eval()
    assert isinstance(network, ScreeningNetwork)
    torch.testing.assert_close(network(films), network(films, torch.zeros(4, 0)))
