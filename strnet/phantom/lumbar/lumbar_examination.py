"""The lumbar spine as an anatomy: an AP and a lateral film of a person, their labels and planted truth."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any, Final

import numpy as np

from strnet.phantom.anatomy import Anatomy, Draw, Examination, PlannedFilm
from strnet.phantom.dxa_observer import believed
from strnet.phantom.lumbar.spine_film import SPINE_SCANNERS, SpinePlan, make_spine_film, plan_spine_film
from strnet.phantom.lumbar.spine_projection import projected_density
from strnet.phantom.lumbar.spine_shape import SpineShape, draw_spine_shape
from strnet.phantom.lumbar.spine_summary import summarise_spines
from strnet.phantom.lumbar.vertebral_bodies import REGIONS
from strnet.phantom.lumbar.vertebral_planting import FEATURE_SD, SEEN, Planted, draw_planted, joint_posterior
from strnet.phantom.physics.dicom_file import Coded, ViewHeader
from strnet.phantom.scanned_people import ScannedPerson, draw_scanned_person, expected_t_scores

_REGION: Final = Coded("122496007", "SCT", "Lumbar spine")
_FROM_FRONT: Final = Coded("399348003", "SCT", "Antero-posterior")
_FROM_LEFT: Final = Coded("399173006", "SCT", "Left lateral")
VIEWS: Final = (
    ViewHeader("AP", "LSPINE", "AP", None, _REGION, _FROM_FRONT),
    ViewHeader("LATERAL", "LSPINE", "LATERAL", None, _REGION, _FROM_LEFT, ("P", "F"), "LL"),
)
"""The two films of an examination; the lateral one is seen from the left, the person's front on its left."""


def examine_spine(draw: Draw, number: int) -> Examination:
    """Both films of person `number`, of the same bones."""
    person = draw_scanned_person(draw.seed, number, draw.t_score_known, draw.sites)
    generator = np.random.default_rng([draw.seed, number, 1])
    built = draw_spine_shape(person, generator), draw_planted(person.true_t_scores[0], generator)
    films = [_planned(draw, person, built, index) for index in range(len(VIEWS))]
    return Examination(person, films)


def _planned(draw: Draw, person: ScannedPerson, built: tuple[SpineShape, Planted], index: int) -> PlannedFilm:
    generator = np.random.default_rng([draw.seed, person.number, 2 + index])
    view = VIEWS[index]
    plan = plan_spine_film(view.view, built, person.site, draw.size, generator)
    return PlannedFilm(
        view=view,
        scanner=plan.recording.scanner,
        positioning=plan.positioning,
        render=lambda: make_spine_film(plan, draw.size, generator),
        labels=person.labels,
        truth=_truth(person, plan),
        regions=REGIONS,
    )


def _truth(person: ScannedPerson, plan: SpinePlan) -> dict[str, Any]:
    planted, shape = plan.planted, plan.shape
    expected = expected_t_scores(person.age, float(person.sex == "F"), person.bmi)[0]
    this_film = joint_posterior(expected, planted, SEEN[plan.view])
    both_films = joint_posterior(expected, planted, tuple(FEATURE_SD))
    return {
        **person.truth,
        **{f"{name}_score": value for name, value in zip(FEATURE_SD, astuple(planted), strict=True)},
        "bone_volume_fraction": planted.bone_volume_fraction,
        "endplate_mm": planted.endplate_mm,
        "side_wall_mm": planted.side_wall_mm,
        "front_wall_mm": planted.front_wall_mm,
        "trabecular_spacing_mm": planted.spacing_mm(plan.view),
        "transverse_share": planted.transverse_share(plan.view),
        "projected_density_g_cm2": projected_density(shape, planted),
        "worn_discs": float(np.mean(shape.worn)),
        "facet_arthrosis": shape.arthrosis,
        "aortic_calcium": shape.calcium,
        "scoliosis_mm": shape.scoliosis_mm,
        **believed(this_film),
        **believed(both_films, "observer_of_both"),
    }


LUMBAR: Final = Anatomy("lumbar", 1, (768, 512), SPINE_SCANNERS["AP"], examine_spine, summarise_spines)
