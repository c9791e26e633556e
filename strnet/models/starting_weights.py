"""Where a network's weights came from, for its run and its bundle."""

from __future__ import annotations

from strnet.bundle_format import StartingWeights
from strnet.config import NetworkConfig
from strnet.files import sha256_file
from strnet.models.adapters import ADAPTERS
from strnet.models.backbones import full_name
from strnet.models.network import ScreeningNetwork
from strnet.models.parent_bundle import read_parent


def starting_weights(config: NetworkConfig, network: ScreeningNetwork) -> StartingWeights | None:
    """What `network`, built by `config`, started from; None for random weights.

    Raises: ModelError: the parent's bundle cannot be read any more.
    """
    trunk = config.backbone
    adapter = None if trunk.adapter is None else ADAPTERS[trunk.adapter]
    licence = None if adapter is None else adapter.licence
    if trunk.pretrained:
        return StartingWeights(source="hub", name=full_name(trunk.name), sha256=None)
    if trunk.weights is None:
        return None
    if trunk.weights.is_dir():
        parent = read_parent(trunk.weights)
        return StartingWeights(
            source="bundle",
            name=parent.name,
            sha256=parent.sha256,
            parts=("backbone", "pooling", "neck") if config.neck.from_bundle else ("backbone",),
            adapter=trunk.adapter,
            licence=licence,
        )
    return StartingWeights(
        source="file",
        name=trunk.weights.name,
        sha256=sha256_file(trunk.weights),
        adapter=trunk.adapter,
        licence=licence,
        left_out=network.backbone.left_out,
    )
