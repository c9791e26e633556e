"""The knee as an anatomy: one or two AP films of a person, their labels and their planted truth."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from strnet.phantom import observer
from strnet.phantom.anatomy import Anatomy, Draw, Examination, PlannedFilm
from strnet.phantom.knee.knee_bones import femoral_cortex_mm
from strnet.phantom.knee.knee_film import FilmPlan, make_film, plan_film
from strnet.phantom.knee.knee_projection import condyle_density
from strnet.phantom.knee.planting import belief
from strnet.phantom.people import Patient, draw_patient, expected_t_score
from strnet.phantom.physics.dicom_file import Coded, ViewHeader
from strnet.phantom.physics.scanners import SCANNERS
from strnet.phantom.summary import summarise
from strnet.schema import BONE_LOSS, OSTEOPOROSIS_GIVEN_LOSS, T_SCORE, diagnosis_from_t_score


def examine_knees(draw: Draw, number: int) -> Examination:
    """The films of person `number`: of one knee, or of both."""
    patient = draw_patient(draw.seed, number, draw.t_score_known, draw.sites)
    films = [
        _planned(draw, patient, index, laterality) for index, laterality in enumerate(patient.lateralities)
    ]
    return Examination(patient, films)


def _planned(draw: Draw, patient: Patient, index: int, laterality: str) -> PlannedFilm:
    # From 1: to a SeedSequence [seed, patient] and [seed, patient, 0] are the same.
    generator = np.random.default_rng([draw.seed, patient.number, index + 1])
    plan = plan_film(patient, laterality, SCANNERS[patient.site], draw.size, generator)
    return PlannedFilm(
        view=_view(laterality),
        scanner=plan.scanner,
        positioning=plan.positioning,
        render=lambda: make_film(plan, draw.size, generator),
        labels=_labels(patient),
        truth=_truth(patient, plan),
    )


def _view(laterality: str) -> ViewHeader:
    knee = Coded("72696002", "SCT", "Knee")
    return ViewHeader(
        laterality, "KNEE", "AP", laterality, knee, Coded("399348003", "SCT", "Antero-posterior")
    )


def _labels(patient: Patient) -> dict[str, Any]:
    return {
        "t_score": patient.measured_t_score if patient.t_score_known else None,
        "diagnosis": diagnosis_from_t_score(patient.measured_t_score),
        "reference_standard": "phantom",
        "reference_site": "knee",
    }


def _truth(patient: Patient, plan: FilmPlan) -> dict[str, Any]:
    knee = plan.knee
    expected = expected_t_score(patient.age, float(patient.sex == "F"), patient.bmi)
    believed = belief(np.atleast_1d(expected), knee.scores[None, :])
    return {
        "true_t_score": patient.true_t_score,
        "measured_t_score": patient.measured_t_score,
        "knee_t_score": knee.knee_t_score,
        "bone_volume_score": knee.bone_volume_score,
        "cortical_score": knee.cortical_score,
        "connectivity_score": knee.connectivity_score,
        "bone_volume_fraction": knee.bone_volume_fraction,
        "cortical_index": knee.cortical_index,
        "trabecular_spacing_mm": knee.trabecular_spacing_mm,
        "transverse_share": knee.transverse_share,
        "projected_density_g_cm2": condyle_density(plan.shape, plan.quality),
        "cortical_thickness_mm": femoral_cortex_mm(plan.shape, plan.quality),
        f"observer.{BONE_LOSS}": float(observer.bone_loss_logit(believed)[0]),
        f"observer.{OSTEOPOROSIS_GIVEN_LOSS}": float(observer.osteoporosis_given_loss_logit(believed)[0]),
        f"observer.{T_SCORE}": float(believed.mean[0]),
        "metal": plan.metal,
    }


KNEE: Final = Anatomy("knee", 2, (768, 640), SCANNERS, examine_knees, summarise)
