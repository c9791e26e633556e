"""Files of RAD-DINO: a vision transformer of chest films, in the names of Hugging Face's Dinov2."""

from __future__ import annotations

import re
from types import MappingProxyType

from strnet.models.adapters.adapter import Adapter

_FIXED = {
    "embeddings.cls_token": "cls_token",
    "embeddings.position_embeddings": "pos_embed",
    "embeddings.patch_embeddings.projection": "patch_embed.proj",
    "layernorm": "norm",
}
_IN_A_LAYER = {
    "attention.attention.query": "attn.qkv[0]",
    "attention.attention.key": "attn.qkv[1]",
    "attention.attention.value": "attn.qkv[2]",
    "attention.output.dense": "attn.proj",
    "layer_scale1.lambda1": "ls1.gamma",
    "layer_scale2.lambda1": "ls2.gamma",
}
"""Names that differ; norm1, norm2, mlp.fc1 and mlp.fc2 are the same."""
_LAYER = re.compile(r"encoder\.layer\.(\d+)\.(.+)")


def dinov2_name(key: str) -> str:
    """Timm's name of a parameter of Hugging Face's `Dinov2Model`; query, key and value are one tensor there.

    Source: transformers/models/dinov2/modeling_dinov2.py; timm/models/vision_transformer.py.
    """
    if key in _FIXED:
        return _FIXED[key]
    module, _, parameter = key.rpartition(".")
    match = _LAYER.fullmatch(key)
    if match is None:
        return f"{_FIXED.get(module, module)}.{parameter}"
    number, inside = match.groups()
    if inside in _IN_A_LAYER:
        return f"blocks.{number}.{_IN_A_LAYER[inside]}"
    module, _, parameter = inside.rpartition(".")
    name, bracket, part = _IN_A_LAYER.get(module, module).partition("[")
    return f"blocks.{number}.{name}.{parameter}{bracket}{part}"


RAD_DINO = Adapter(
    name="rad-dino",
    project="RAD-DINO",
    licence="MIT",
    networks=MappingProxyType({"vit_base_patch14_dinov2": dinov2_name}),
    dropped=("embeddings.mask_token",),
    input_size=MappingProxyType({"vit_base_patch14_dinov2": (518, 518)}),
    # The same in its three channels. Source: preprocessor_config.json of microsoft/rad-dino.
    mean=(0.5307, 0.5307, 0.5307),
    sd=(0.2583, 0.2583, 0.2583),
    position_embedding="pos_embed",
)
