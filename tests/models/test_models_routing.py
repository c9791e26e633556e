"""Routing: one representation per task, and what each task uses."""

import pytest
import torch
from torch.nn import functional

from strnet.errors import ModelError
from strnet.models.coupling import Coupling
from strnet.models.routing import build_routing

KINDS = ["shared", "gate", "film", "experts"]
FEATURES = 6


def routing_of(kind, factors=(1.0, 1.0, 1.0)):
    return build_routing(kind, coupling=Coupling(factors=factors), features=FEATURES, experts=4)


def shaken(routing):
    """The routing far from its start, its parameters the same at every call and different between tasks."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in routing.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return routing


@pytest.fixture
def shared() -> torch.Tensor:
    return torch.randn(5, FEATURES, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_sees_only_its_own_film(kind, shared):
    routing = shaken(routing_of(kind))
    order = torch.tensor([3, 1, 4, 0, 2])
    torch.testing.assert_close(routing(shared[order]), routing(shared)[order])


@pytest.mark.parametrize("kind", KINDS)
def test_all_tasks_start_alike(kind, shared):
    representations = routing_of(kind)(shared)
    torch.testing.assert_close(representations, representations[:, :1].expand_as(representations))


@pytest.mark.parametrize("kind", KINDS[1:])
def test_tasks_differ_once_their_parameters_do(kind, shared):
    representations = shaken(routing_of(kind))(shared)
    assert (representations[:, 0] - representations[:, 1]).abs().max() > 0.1


def test_without_routing_each_task_reads_the_shared_representation(shared):
    routing = routing_of("shared")
    assert torch.equal(routing(shared), shared[:, None].expand(-1, 3, -1))
    assert torch.equal(routing.readout(shared), torch.ones(5, 3, FEATURES))


def test_gates_start_near_identity(shared):
    gates = routing_of("gate").readout(shared)
    torch.testing.assert_close(gates, torch.full_like(gates, 0.9526), atol=1e-4, rtol=0)


def test_gates_lie_in_the_unit_interval_and_multiply_the_channels(shared):
    routing = shaken(routing_of("gate"))
    gates = routing.readout(shared * 100)
    assert ((gates >= 0) & (gates <= 1)).all()
    assert gates.min() < 0.1
    assert gates.max() > 0.9
    torch.testing.assert_close(routing(shared), shared[:, None] * routing.readout(shared))


def test_a_gate_computed_by_hand():
    routing = routing_of("gate", factors=(1.0,))
    with torch.no_grad():
        routing.bias.zero_()
        routing.weight[0, 2, 5] = 1.0  # channel 2 opens with channel 5
    shared = torch.zeros(1, FEATURES)
    shared[0, 2], shared[0, 5] = 4.0, 0.6931472  # log 2: sigmoid 2/3
    routed = routing(shared)[0, 0]
    assert routed[2].item() == pytest.approx(8 / 3)
    assert routed[5].item() == pytest.approx(0.6931472 / 2)


def test_film_starts_as_gelu_and_scales_and_shifts_by_hand():
    routing = routing_of("film", factors=(1.0, 1.0))
    shared = torch.full((1, FEATURES), 0.5)
    torch.testing.assert_close(routing(shared)[0, 0], functional.gelu(shared[0]))
    with torch.no_grad():
        routing.scale[1] = 2.0
        routing.shift[1] = -3.0
    torch.testing.assert_close(routing(shared)[0, 1], functional.gelu(torch.full((FEATURES,), -2.0)))
    torch.testing.assert_close(routing.readout(shared)[0, 1], torch.full((FEATURES,), 2.0))


def test_the_weights_of_the_experts_sum_to_one_and_mix_their_opinions(shared):
    routing = shaken(routing_of("experts"))
    weights = routing.readout(shared)
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(5, 3))
    assert weights.std() > 0.05
    opinions = [expert(shared) for expert in routing.experts]
    mixed = sum(weights[:, 1, number, None] * opinion for number, opinion in enumerate(opinions))
    torch.testing.assert_close(routing(shared)[:, 1], mixed)


@pytest.mark.parametrize("factor", [0.0, 0.1, 0.37, 1.0])
def test_coupling_changes_no_value_to_the_bit(factor):
    coupling = Coupling(factors=[factor])
    shared = torch.randn(1000, generator=torch.Generator().manual_seed(0))[:, None] * 1e3
    assert torch.equal(coupling(shared)[:, 0], shared)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("factor", [0.0, 0.25, 1.0])
def test_a_task_s_gradient_into_the_shared_representation_is_scaled_by_its_coupling(kind, factor, shared):
    def gradient(factors):
        routing = shaken(routing_of(kind, factors)).double()
        leaf = shared.double().requires_grad_()
        routing(leaf)[:, 1].square().sum().backward()
        return leaf.grad

    torch.testing.assert_close(
        gradient((1.0, factor, 1.0)), factor * gradient((1.0, 1.0, 1.0)), rtol=1e-6, atol=0
    )


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_task_s_own_routing_parameters_keep_the_whole_gradient(kind, shared):
    def gradients(factor):
        routing = shaken(routing_of(kind, (1.0, factor, 1.0)))
        routing(shared)[:, 1].square().sum().backward()
        return {
            name: parameter.grad for name, parameter in routing.named_parameters() if "experts" not in name
        }

    torch.testing.assert_close(gradients(0.0), gradients(1.0))


def test_experts_are_shared_so_a_detached_task_does_not_move_them(shared):
    routing = shaken(routing_of("experts", (1.0, 0.0, 1.0)))
    routing(shared)[:, 1].square().sum().backward()
    assert all((parameter.grad == 0).all() for parameter in routing.experts.parameters())


def test_in_evaluation_a_detached_task_still_shows_where_it_looks(shared):
    coupling = Coupling(factors=[0.0]).eval()
    leaf = shared.requires_grad_()
    coupling(leaf).sum().backward()
    assert torch.equal(leaf.grad, torch.ones_like(leaf))


def test_a_misspelt_routing_is_met_with_the_nearest_name():
    with pytest.raises(ModelError, match="Unknown routing 'expert', did you mean 'experts'"):
        routing_of("expert")
