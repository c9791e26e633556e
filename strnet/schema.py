"""Vocabulary, cut-offs and column names: the one place where they stand.

Source: WHO 1994 (TRS 843) for the T-score cut-offs; they apply to the unrounded T-score. ACR practice
parameter for QCT (2018) for those of the density of the lumbar spine.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

OSTEOPOROSIS_AT_MOST: Final = -2.5
"""T-score at or below which there is osteoporosis."""
NORMAL_AT_LEAST: Final = -1.0
"""T-score at or above which bone is normal; below it there is bone loss."""

OSTEOPOROSIS_BELOW_VBMD: Final = 80.0
"""Volumetric density, mg/cm3, below which there is osteoporosis; at it there is osteopenia."""
NORMAL_ABOVE_VBMD: Final = 120.0
"""Volumetric density, mg/cm3, above which bone is normal; at it there is osteopenia."""
VBMD: Final = "vbmd"
"""Manifest column with the volumetric density that QCT measured: trabecular bone, mean of L1 to L3."""
VBMD_UNIT: Final = "mg/cm3"

NORMAL: Final = "normal"
OSTEOPENIA: Final = "osteopenia"
OSTEOPOROSIS: Final = "osteoporosis"
DIAGNOSES: Final = (NORMAL, OSTEOPENIA, OSTEOPOROSIS)
"""Diagnoses in order of severity."""

SEXES: Final = ("F", "M")
SPLITS: Final = ("train", "validation", "test", "external")
REFERENCE_STANDARDS: Final = ("dxa", "qus", "qct", "model", "phantom")
REFERENCE_SITES: Final = (
    "lumbar_spine",
    "total_hip",
    "femoral_neck",
    "forearm",
    "calcaneus",
    "knee",
    "lowest",
)
"""Where on the body the reference standard was measured; `lowest` is the lowest of several sites."""
ANATOMIES: Final = ("knee", "lumbar", "chest", "hip", "hand", "pelvis", "spine")
DXA_SITES: Final = ("lumbar_spine", "total_hip", "femoral_neck", "forearm")
"""Where DXA measures an areal BMD; each has a column of its own for it and for its T-score."""
LOWEST_OF: Final = ("lumbar_spine", "total_hip", "femoral_neck")
"""The DXA sites whose lowest T-score is the patient's; the forearm only stands in where these cannot be had.

Source: ISCD 2023 official positions, adult.
"""
VIEWS: Final = ("AP", "PA", "LATERAL", "OBLIQUE", "AXIAL")
LATERALITIES: Final = ("L", "R", "B")

PRESENTATION_INTENTS: Final = ("FOR PRESENTATION", "FOR PROCESSING")

SCHEMA_VERSION: Final = 2
"""Of run folders with their predictions tables, bundles, operating points and evaluations."""

IMAGE_ID: Final = "image_id"
CASE_ID: Final = "case_id"
"""What one decision is about: an image, an examination or a patient."""
PATIENT_ID: Final = "patient_id"
EXAM_ID: Final = "exam_id"
SPLIT: Final = "split"
FOLD: Final = "fold"
REGION: Final = "region"
"""Which part of an image a row is about, such as L1; the rows of one image are one case."""
MEMBER: Final = "member"
"""Who a row of a long predictions table is from: a network, where several answered for one case."""
MEMBERS: Final = "members"
"""How many members, views or regions a case's scores were combined from."""
MISSING_MEMBERS: Final = "missing_members"
"""Which members said nothing of a case, by name; empty where all spoke."""
REGION_STATES: Final = ("found", "not_found", "implausible")
"""What the regions table says of a region; only one that was found is used."""
SEGMENTER_FOLDER: Final = "segmenter"
"""Where the bundle of a segmenter stands in the folder of its run, and in the bundle that it serves."""
IDENTITY_COLUMNS: Final = (
    *(IMAGE_ID, CASE_ID, PATIENT_ID, EXAM_ID),
    *("site", "scanner", "anatomy", "view", "laterality", "age", "sex"),
)
"""What the predictions table says of an image, in order; the manifest says the same, but for the case."""
CLINICAL_COLUMNS: Final = ("age", "sex", "bmi")
"""Clinical variables known to every cohort: years, F or M, kg/m2."""
PLAUSIBLE: Final = MappingProxyType({"age": (0, 120), "bmi": (10, 90)})
"""Lowest and highest value of a clinical variable that a person can have, in its unit."""

PLAUSIBLE_BMD: Final = (0.1, 2.5)
"""Lowest and highest areal BMD of a person or a mean of young adults, g/cm2; in mg/cm2 it is far above."""

GROUP_CUTS: Final = MappingProxyType({"age": (50.0, 60.0, 70.0, 80.0), "bmi": (18.5, 25.0, 30.0)})
"""Where the groups of a clinical variable begin if nobody says otherwise.

Source: WHO 2000 (TRS 894) for the BMI; the ages are decades.
"""

FEATURES: Final = "features"
"""The network's pooled features (N, C), beside the outputs of its tasks."""
ATYPICALITY: Final = "atypicality"
"""How unlike the training films a film is: about 1 for one of them."""

BUNDLE_FOLDER: Final = "bundle"
"""Where the bundle of a run stands in its folder."""

WEIGHTS_SHA256: Final = "weights_sha256"
"""Column of predictions and results that names the weights whose scores stand there; blank is unknown."""

BONE_LOSS: Final = "bone_loss"
OSTEOPOROSIS_GIVEN_LOSS: Final = "osteoporosis_given_loss"
T_SCORE: Final = "t_score"


def target_column(task: str) -> str:
    """Name of the reference value of `task` in the predictions table; empty cells are unknown."""
    return f"target.{task}"


def logit_column(task: str) -> str:
    """Name of the uncalibrated logit of a binary `task` in the predictions table."""
    return f"logit.{task}"


def prob_column(task: str) -> str:
    """Name of the calibrated probability of a binary `task` or of a diagnosis."""
    return f"prob.{task}"


def calibrator_column(task: str) -> str:
    """Name of the column with the digest of the calibrator behind `prob.<task>`, the same in every row."""
    return f"calibrator_sha256.{task}"


def class_logit_column(task: str, label: str) -> str:
    """Name of the logit of one class of a multiclass `task` in the predictions table."""
    return f"logit.{task}.{label}"


def prediction_column(task: str) -> str:
    """Name of the predicted value of a regression `task` in the predictions table."""
    return f"pred.{task}"


def disagreement_column(task: str) -> str:
    """Name of the SD between the members' logits or values for `task`; empty where only one spoke."""
    return f"disagreement.{task}"


def member_column(member: str, column: str) -> str:
    """Name of what one member says in `column` (`logit.<task>`, ...) of a case that several answered."""
    return f"{MEMBER}.{member}.{column}"


def baseline_column(baseline: str, task: str) -> str:
    """Name of the score of a baseline (`clinical`, `metadata`, ...) for `task` in the predictions table."""
    return f"baseline.{baseline}.{task}"


def bmd_column(site: str) -> str:
    """Name of the manifest column with the areal BMD, g/cm2, of a DXA `site`."""
    return f"bmd_{site}"


def t_score_column(site: str) -> str:
    """Name of the manifest column with the unrounded T-score of a DXA `site`."""
    return f"t_score_{site}"


def diagnosis_from_t_score(t_score: float) -> str:
    """Diagnosis of an unrounded T-score; its boundaries belong to the sicker and the healthier side.

    Source: WHO 1994: normal T >= -1.0, osteoporosis T <= -2.5.
    """
    if t_score <= OSTEOPOROSIS_AT_MOST:
        return OSTEOPOROSIS
    return NORMAL if t_score >= NORMAL_AT_LEAST else OSTEOPENIA


def diagnosis_from_vbmd(vbmd: float) -> str:
    """Diagnosis of an unrounded volumetric density, mg/cm3; both boundaries are osteopenia.

    Source: ACR practice parameter for QCT (2018): osteoporosis < 80 mg/cm3, normal > 120 mg/cm3.
    """
    if vbmd < OSTEOPOROSIS_BELOW_VBMD:
        return OSTEOPOROSIS
    return NORMAL if vbmd > NORMAL_ABOVE_VBMD else OSTEOPENIA
