"""Backbones: films to one feature map, whichever library the network comes from."""

from __future__ import annotations

from strnet.models.backbones.construction import backbone_names, build_backbone, full_name
from strnet.models.backbones.feature_map import Backbone

__all__ = ["Backbone", "backbone_names", "build_backbone", "full_name"]
