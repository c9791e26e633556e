"""The chest as an anatomy: one PA film of a person, its labels and its planted truth."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import numpy as np

from strnet.phantom.anatomy import Anatomy, Draw, Examination, PlannedFilm
from strnet.phantom.chest.chest_film import CHEST_SCANNERS, ChestPlan, make_chest_film, plan_chest_film
from strnet.phantom.chest.chest_projection import projected_density
from strnet.phantom.chest.chest_summary import summarise_chests
from strnet.phantom.chest.thoracic_planting import draw_planted, joint_posterior
from strnet.phantom.chest.thorax_shape import draw_thorax_shape
from strnet.phantom.lumbar import spine_observer as observer
from strnet.phantom.lumbar.spine_people import SITES, SpinePerson, draw_spine_person, expected_t_scores
from strnet.phantom.lumbar.spine_shape import draw_spine_shape
from strnet.phantom.physics.dicom_file import Coded, ViewHeader
from strnet.schema import (
    BONE_LOSS,
    OSTEOPOROSIS,
    OSTEOPOROSIS_GIVEN_LOSS,
    T_SCORE,
    bmd_column,
    diagnosis_from_t_score,
    t_score_column,
)

PA: Final = ViewHeader(
    "PA",
    "CHEST",
    "PA",
    None,
    Coded("43799004", "SCT", "Chest"),
    Coded("272479007", "SCT", "Postero-anterior"),
)
"""The film as it is hung: the patient's left on its right."""


def examine_chest(draw: Draw, number: int) -> Examination:
    """The film of person `number`; a lumbar cohort of the same seed is of the same people."""
    person = draw_spine_person(draw.seed, number, draw.t_score_known, draw.sites)
    spine = draw_spine_shape(person, np.random.default_rng([draw.seed, number, 1]))
    # From 101 on: the numbers below are those of a lumbar cohort of the same people.
    generator = np.random.default_rng([draw.seed, number, 101])
    planted = draw_planted(person.true_t_scores, generator)
    shape = draw_thorax_shape(person, spine, generator)
    plan = plan_chest_film((shape, planted), person.site, draw.size, generator)
    film = PlannedFilm(
        view=PA,
        scanner=plan.recording.scanner,
        positioning=plan.positioning,
        render=lambda: make_chest_film(plan, draw.size, generator),
        labels=_labels(person),
        truth=_truth(person, plan),
    )
    return Examination(person, [film])


def _labels(person: SpinePerson) -> dict[str, Any]:
    known = person.bmd_known
    scores = person.measured_t_scores
    return {
        **{bmd_column(site): bmd if known else None for site, bmd in zip(SITES, person.bmd, strict=True)},
        **{t_score_column(site): t if known else None for site, t in zip(SITES, scores, strict=True)},
        "t_score": min(scores) if known else None,
        "diagnosis": diagnosis_from_t_score(min(scores)),
        "reference_standard": "phantom",
        "reference_site": "lowest",
    }


def _truth(person: SpinePerson, plan: ChestPlan) -> dict[str, Any]:
    planted = plan.planted
    expected = expected_t_scores(person.age, float(person.sex == "F"), person.bmi)[0]
    return {
        **{f"true_t_score_{site}": t for site, t in zip(SITES, person.true_t_scores, strict=True)},
        **{f"measured_{bmd_column(site)}": bmd for site, bmd in zip(SITES, person.bmd, strict=True)},
        "measured_t_score": min(person.measured_t_scores),
        **{f"{name}_score": value for name, value in asdict(planted).items()},
        "bone_volume_fraction": planted.bone_volume_fraction,
        "endplate_mm": planted.endplate_mm,
        "trabecular_spacing_mm": planted.spacing_mm,
        "transverse_share": planted.transverse_share,
        "rib_wall_mm": planted.rib_wall_mm,
        "clavicle_wall_mm": planted.clavicle_wall_mm,
        "projected_density_g_cm2": projected_density(plan.shape, planted),
        "heart_size": plan.shape.heart,
        "lung_density": plan.breath.density,
        **_believed(joint_posterior(expected, planted)),
    }


def _believed(belief: observer.JointPosterior) -> dict[str, float]:
    lumbar, femur = observer.expected_bmd(belief)
    return {
        f"observer.{BONE_LOSS}": observer.bone_loss_logit(belief),
        f"observer.{OSTEOPOROSIS}": observer.osteoporosis_logit(belief),
        f"observer.{OSTEOPOROSIS_GIVEN_LOSS}": observer.osteoporosis_given_loss_logit(belief),
        f"observer.{T_SCORE}": observer.expected_lowest(belief),
        f"observer.{bmd_column(SITES[0])}": lumbar,
        f"observer.{bmd_column(SITES[1])}": femur,
    }


CHEST: Final = Anatomy("chest", 1, (768, 768), CHEST_SCANNERS, examine_chest, summarise_chests)
