"""One patient's films on disk, and their rows of the manifest and of the planted truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from strnet.files import write_bytes
from strnet.imaging import Radiograph, pixel_sha256, read_radiograph
from strnet.phantom import observer
from strnet.phantom.dicom_file import dicom_bytes
from strnet.phantom.film import FilmPlan, make_film, plan_film
from strnet.phantom.knee import femoral_cortex_mm
from strnet.phantom.patients import Patient, draw_patient, expected_t_score
from strnet.phantom.projection import condyle_density
from strnet.phantom.scanners import SCANNERS
from strnet.phantom.shortcuts import grey_level_statistics
from strnet.schema import BONE_LOSS, OSTEOPOROSIS_GIVEN_LOSS, T_SCORE, diagnosis_from_t_score

Array = np.ndarray


@dataclass(frozen=True)
class Production:
    """What every film of a cohort depends on; the folder is where, the rest decides the bytes."""

    folder: Path
    seed: int
    size: tuple[int, int]
    t_score_known: float
    sites: int


@dataclass(frozen=True)
class Record:
    """One film's rows of the manifest and the truth, and its grey-level statistics (11,)."""

    manifest: dict[str, Any]
    truth: dict[str, Any]
    grey_levels: Array


def make_patient(task: tuple[Production, int]) -> list[Record]:
    """The films of patient `task[1]`, made unless they already stand, and their records."""
    production, number = task
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        patient = draw_patient(production.seed, number, production.t_score_known, production.sites)
        return [
            _record(production, patient, index, laterality)
            for index, laterality in enumerate(patient.lateralities)
        ]
    finally:
        cv2.setNumThreads(threads)


def _record(production: Production, patient: Patient, index: int, laterality: str) -> Record:
    # From 1: to a SeedSequence [seed, patient] and [seed, patient, 0] are the same.
    generator = np.random.default_rng([production.seed, patient.number, index + 1])
    plan = plan_film(patient, laterality, SCANNERS[patient.site], production.size, generator)
    image_id = f"{patient.patient_id}-{laterality}"
    path = production.folder / "images" / f"{image_id}.dcm"
    if not path.exists():
        film = make_film(plan, production.size, generator)
        write_bytes(path, dicom_bytes(film, plan, patient, production.seed))
    radiograph = read_radiograph(path)
    return Record(
        _manifest_row(image_id, patient, plan, production, radiograph),
        _truth_row(image_id, patient, plan),
        grey_level_statistics(radiograph.pixels),
    )


def _manifest_row(
    image_id: str, patient: Patient, plan: FilmPlan, production: Production, radiograph: Radiograph
) -> dict[str, Any]:
    scanner, source = plan.scanner, radiograph.source
    return {
        "image_id": image_id,
        "patient_id": patient.patient_id,
        "exam_id": f"{patient.patient_id}-1",
        "path": f"images/{image_id}.dcm",
        "site": scanner.site,
        "scanner": scanner.model,
        "anatomy": "knee",
        "view": "AP",
        "laterality": plan.laterality,
        "age": patient.age,
        "sex": patient.sex,
        "bmi": patient.bmi,
        "t_score": patient.measured_t_score if patient.t_score_known else None,
        "diagnosis": diagnosis_from_t_score(patient.measured_t_score),
        "reference_standard": "phantom",
        "reference_site": "knee",
        "days_to_reference": patient.days_to_reference,
        "modality": scanner.modality,
        "presentation_intent": source.presentation_intent,
        "sop_instance_uid": source.sop_instance_uid,
        "pixel_sha256": pixel_sha256(radiograph),
        "file_format": "dicom",
        "rows": production.size[0],
        "columns": production.size[1],
        "bits_stored": scanner.bits_stored,
        "photometric": scanner.photometric,
    }


def _truth_row(image_id: str, patient: Patient, plan: FilmPlan) -> dict[str, Any]:
    knee = plan.knee
    expected = expected_t_score(patient.age, float(patient.sex == "F"), patient.bmi)
    belief = observer.posterior(np.atleast_1d(expected), knee.scores[None, :])
    truth = {
        "image_id": image_id,
        "patient_id": patient.patient_id,
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
        f"observer.{BONE_LOSS}": float(observer.bone_loss_logit(belief)[0]),
        f"observer.{OSTEOPOROSIS_GIVEN_LOSS}": float(observer.osteoporosis_given_loss_logit(belief)[0]),
        f"observer.{T_SCORE}": float(belief.mean[0]),
    }
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in truth.items()} | {
        "metal": plan.metal
    }
