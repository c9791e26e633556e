"""CT of the lumbar spine as an anatomy: one scan of a person of the lumbar films, its label and truth."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any, Final

import numpy as np

from strnet.phantom.anatomy import Anatomy, Draw, Examination, PlannedVolume
from strnet.phantom.ct.ct_observer import Drift, believed, known_drift, observed_hu
from strnet.phantom.ct.ct_scan import CtPlan, make_scan, plan_scan
from strnet.phantom.ct.ct_scanners import CT_SCANNERS, CtScanner, scanners_of
from strnet.phantom.ct.ct_summary import summarise_scans
from strnet.phantom.ct.ct_technique import draw_technique
from strnet.phantom.ct.mineral_planting import REFERENCE_SD, SITE_OF_QCT, draw_mineral
from strnet.phantom.lumbar.spine_shape import draw_spine_shape
from strnet.phantom.lumbar.vertebral_planting import FEATURE_SD, draw_planted
from strnet.phantom.scanned_people import ScannedPerson, draw_scanned_person
from strnet.schema import VBMD, diagnosis_from_vbmd

_KEY: Final = "CT"
_STREAM: Final = 11
"""Of the random numbers of a scan; the first three are those of the person and of the films."""


def examine_ct(draw: Draw, number: int) -> Examination:
    """The scan of person `number`: the person and the bones of the lumbar cohort of the same seed."""
    person = draw_scanned_person(draw.seed, number, draw.t_score_known, draw.sites)
    bones = np.random.default_rng([draw.seed, number, 1])
    shape, planted = draw_spine_shape(person, bones), draw_planted(person.true_t_scores[0], bones)
    generator = np.random.default_rng([draw.seed, number, _STREAM])
    mineral = draw_mineral(person, planted, generator)
    measured = round(max(mineral.vbmd + REFERENCE_SD * float(generator.standard_normal()), 1.0), 6)
    scanner = _scanner(draw.sites, generator)
    person = replace(person, site=CT_SCANNERS.index(scanner))
    plan = plan_scan(person, (shape, planted, mineral), draw_technique(scanner, generator), generator)
    scan = PlannedVolume(
        key=_KEY,
        technique=plan.technique,
        render=lambda: make_scan(plan, draw.size, generator),
        labels=_labels(person, measured),
        truth=_truth(person, plan, measured),
    )
    return Examination(person, [scan])


def _scanner(sites: int, generator: np.random.Generator) -> CtScanner:
    """One of the scanners of the first hospitals, by their shares."""
    scanners = scanners_of(sites)
    upto = np.cumsum([scanner.share for scanner in scanners])
    return scanners[int(np.searchsorted(upto[:-1], generator.random() * upto[-1], side="right"))]


def _labels(person: ScannedPerson, measured: float) -> dict[str, Any]:
    return {
        VBMD: measured if person.bmd_known else None,
        "diagnosis": diagnosis_from_vbmd(measured),
        "reference_standard": "phantom",
        "reference_site": SITE_OF_QCT,
    }


def _truth(person: ScannedPerson, plan: CtPlan, measured: float) -> dict[str, Any]:
    technique, planted, shape = plan.technique, plan.planted, plan.shape
    return {
        f"true_{VBMD}": plan.mineral.vbmd,
        f"measured_{VBMD}": measured,
        **{f"{VBMD}_{name}": value for name, value in plan.mineral.per_level.items()},
        "marrow_fat": plan.mineral.marrow_fat,
        "observed_hu": observed_hu(plan),
        "gain": technique.gain,
        "offset_hu": technique.offset_hu,
        "marrow_iodine_mg_ml": technique.marrow_iodine,
        "phase": technique.phase or "none",
        "oral_contrast": technique.oral,
        "metal": technique.metal is not None,
        "field_mm": technique.field_mm,
        "noise_hu": technique.noise_hu,
        **person.truth,
        **{f"{name}_score": value for name, value in zip(FEATURE_SD, astuple(planted), strict=True)},
        "endplate_mm": planted.endplate_mm,
        "side_wall_mm": planted.side_wall_mm,
        "front_wall_mm": planted.front_wall_mm,
        "worn_discs": float(np.mean(shape.worn)),
        "facet_arthrosis": shape.arthrosis,
        "aortic_calcium": shape.calcium,
        "scoliosis_mm": shape.scoliosis_mm,
        **believed(plan, Drift(), "observer"),
        **believed(plan, known_drift(plan), "observer_knowing_drift"),
    }


CT: Final = Anatomy("ct", 2, (128, 128), CT_SCANNERS, examine_ct, summarise_scans, least_size=48)
