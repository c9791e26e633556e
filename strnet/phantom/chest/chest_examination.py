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
from strnet.phantom.dxa_observer import believed
from strnet.phantom.lumbar.spine_shape import draw_spine_shape
from strnet.phantom.physics.dicom_file import Coded, ViewHeader
from strnet.phantom.scanned_people import ScannedPerson, draw_scanned_person, expected_t_scores

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
    person = draw_scanned_person(draw.seed, number, draw.t_score_known, draw.sites)
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
        labels=person.labels,
        truth=_truth(person, plan),
    )
    return Examination(person, [film])


def _truth(person: ScannedPerson, plan: ChestPlan) -> dict[str, Any]:
    planted = plan.planted
    expected = expected_t_scores(person.age, float(person.sex == "F"), person.bmi)[0]
    return {
        **person.truth,
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
        **believed(joint_posterior(expected, planted)),
    }


CHEST: Final = Anatomy("chest", 1, (768, 768), CHEST_SCANNERS, examine_chest, summarise_chests)
