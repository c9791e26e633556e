"""Parameter groups and freezing."""

import pytest
import torch

from strnet.errors import ModelError
from strnet.models import freeze_backbone, parameter_groups
from strnet.models.parameters import backbone_stages


def rate_of(groups, parameter):
    (group,) = [g for g in groups if any(parameter is other for other in g["params"])]
    return group["lr"], group["weight_decay"]


@pytest.mark.parametrize("routing", ["shared", "gate", "film", "experts"])
def test_every_parameter_is_in_one_group(make_network, routing):
    network = make_network(routing, pooling="gem", backbone="test_efficientnet")
    groups = parameter_groups(network, learning_rate=1e-3, weight_decay=0.1)
    members = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(members) == sorted(id(parameter) for parameter in network.parameters())
    assert len({group["name"] for group in groups}) == len(groups)


def test_learning_rates_fall_stage_by_stage_towards_the_input(make_network):
    network = make_network()
    groups = parameter_groups(
        network, learning_rate=1e-2, weight_decay=0.1, backbone_factor=0.3, layer_decay=0.5
    )
    trunk = network.backbone.model
    expected = 1e-2 * 0.3
    for block in (trunk.layer4, trunk.layer3, trunk.layer2, trunk.layer1, trunk.conv1):
        weights = [parameter for parameter in block.parameters() if parameter.ndim == 4]
        for weight in weights:
            assert rate_of(groups, weight) == (pytest.approx(expected), 0.1)
        expected *= 0.5
    assert rate_of(groups, network.neck[0].weight) == (1e-2, 0.1)
    assert rate_of(groups, network.heads["grade"].representation.weight) == (1e-2, 0.1)


def test_layer_decay_is_refused_where_no_stages_are_known(make_network):
    network = make_network(backbone="poolformer_s12")
    with pytest.raises(ModelError, match="timm does not know the stages of this backbone"):
        parameter_groups(network, learning_rate=1e-3, weight_decay=0.1, layer_decay=0.5)


def test_norms_biases_scales_and_exponents_are_not_decayed(make_network):
    for routing in ("gate", "film"):
        network = make_network(routing, pooling="gem")
        groups = parameter_groups(network, learning_rate=1e-3, weight_decay=0.1)
        plain = [
            network.backbone.model.bn1.weight,
            network.neck[0].bias,
            network.neck[1].weight,
            network.pooling.raw,
            network.heads["bone_loss"].representation.bias,
        ]
        own = [network.routing.bias] if routing == "gate" else [network.routing.scale, network.routing.shift]
        for parameter in plain + own:
            assert rate_of(groups, parameter)[1] == 0.0
    assert rate_of(groups, network.neck[0].weight)[1] == 0.1


def test_position_embeddings_of_a_transformer_are_not_decayed(make_network):
    network = make_network(backbone="test_vit")
    groups = parameter_groups(network, learning_rate=1e-3, weight_decay=0.1)
    assert rate_of(groups, network.backbone.model.pos_embed)[1] == 0.0


def test_clinical_weights_learn_faster_and_are_not_decayed(make_network):
    network = make_network()
    groups = parameter_groups(network, learning_rate=1e-3, weight_decay=0.1)
    assert rate_of(groups, network.heads["bone_loss"].clinical.weight) == (pytest.approx(1e-2), 0.0)


def test_stages_follow_the_way_of_the_signal(make_network):
    stages = backbone_stages(make_network(backbone="mobilenetv2_100"))
    trunk = "backbone.model."
    ordered = [f"{trunk}conv_stem.weight", *(f"{trunk}blocks.{i}.0.conv_pw.weight" for i in range(7))]
    found = [stages[name] for name in ordered]
    assert found == sorted(set(found))
    assert stages[f"{trunk}conv_head.weight"] == max(stages.values())


def test_a_frozen_backbone_keeps_weights_and_batch_statistics_until_it_is_unfrozen(make_network, films):
    network = make_network()
    before = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    freeze_backbone(network, True)
    network.train()
    assert network.neck.training
    assert not any(module.training for module in network.backbone.modules())
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, weight_decay=0.1)
    network(films)["bone_loss"].sum().backward()
    optimiser.step()
    torch.testing.assert_close(network.backbone.state_dict(), before, rtol=0, atol=0)

    freeze_backbone(network, False)
    assert all(module.training for module in network.backbone.modules())
    network(films)["bone_loss"].sum().backward()
    optimiser.step()
    assert not torch.equal(network.backbone.model.bn1.running_mean, before["model.bn1.running_mean"])
    assert not torch.equal(network.backbone.model.bn1.weight, before["model.bn1.weight"])


def test_unfreezing_a_network_in_evaluation_leaves_it_there(make_network):
    network = make_network().eval()
    freeze_backbone(network, True)
    freeze_backbone(network, False)
    assert not any(module.training for module in network.modules())
