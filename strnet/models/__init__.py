"""Screening networks: from films and clinical values to one output per task."""

from __future__ import annotations

from strnet.models.backbones import Backbone, build_backbone
from strnet.models.clinical import ClinicalScaling, encode_clinical, fit_clinical_scaling
from strnet.models.losses import Losses, multi_task_loss
from strnet.models.network import ScreeningNetwork, ServedNetwork, TaskView, build_network
from strnet.models.parameters import (
    ParameterGroup,
    freeze_backbone,
    parameter_groups,
    require_stages,
    thaw_stages,
)
from strnet.models.parent_bundle import read_parent
from strnet.models.starting_weights import starting_weights
from strnet.models.target_statistics import TargetStatistics, class_labels, output_size, target_statistics
from strnet.models.weights import load_backbone_weights

__all__ = [
    "Backbone",
    "ClinicalScaling",
    "Losses",
    "ParameterGroup",
    "ScreeningNetwork",
    "ServedNetwork",
    "TargetStatistics",
    "TaskView",
    "build_backbone",
    "build_network",
    "class_labels",
    "encode_clinical",
    "fit_clinical_scaling",
    "freeze_backbone",
    "load_backbone_weights",
    "multi_task_loss",
    "output_size",
    "parameter_groups",
    "read_parent",
    "require_stages",
    "starting_weights",
    "target_statistics",
    "thaw_stages",
]
