"""The lumbar spine as an anatomy: an AP and a lateral film of a person, their labels and planted truth."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any, Final

import numpy as np

from strnet.phantom.anatomy import Anatomy, Draw, Examination, PlannedFilm
from strnet.phantom.lumbar import spine_observer as observer
from strnet.phantom.lumbar.spine_film import SPINE_SCANNERS, SpinePlan, make_spine_film, plan_spine_film
from strnet.phantom.lumbar.spine_people import SITES, SpinePerson, draw_spine_person, expected_t_scores
from strnet.phantom.lumbar.spine_projection import projected_density
from strnet.phantom.lumbar.spine_shape import SpineShape, draw_spine_shape
from strnet.phantom.lumbar.spine_summary import summarise_spines
from strnet.phantom.lumbar.vertebral_bodies import REGIONS
from strnet.phantom.lumbar.vertebral_planting import FEATURE_SD, SEEN, Planted, draw_planted
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
    person = draw_spine_person(draw.seed, number, draw.t_score_known, draw.sites)
    generator = np.random.default_rng([draw.seed, number, 1])
    built = draw_spine_shape(person, generator), draw_planted(person.true_t_scores[0], generator)
    films = [_planned(draw, person, built, index) for index in range(len(VIEWS))]
    return Examination(person, films)


def _planned(draw: Draw, person: SpinePerson, built: tuple[SpineShape, Planted], index: int) -> PlannedFilm:
    generator = np.random.default_rng([draw.seed, person.number, 2 + index])
    view = VIEWS[index]
    plan = plan_spine_film(view.view, built, person.site, draw.size, generator)
    return PlannedFilm(
        view=view,
        scanner=plan.recording.scanner,
        positioning=plan.positioning,
        render=lambda: make_spine_film(plan, draw.size, generator),
        labels=_labels(person),
        truth=_truth(person, plan),
        regions=REGIONS,
    )


def _labels(person: SpinePerson) -> dict[str, Any]:
    known = person.bmd_known
    scores = person.measured_t_scores
    lowest = min(scores)
    return {
        **{bmd_column(site): bmd if known else None for site, bmd in zip(SITES, person.bmd, strict=True)},
        **{t_score_column(site): t if known else None for site, t in zip(SITES, scores, strict=True)},
        "t_score": lowest if known else None,
        "diagnosis": diagnosis_from_t_score(lowest),
        "reference_standard": "phantom",
        "reference_site": "lowest",
    }


def _truth(person: SpinePerson, plan: SpinePlan) -> dict[str, Any]:
    planted, shape = plan.planted, plan.shape
    expected = expected_t_scores(person.age, float(person.sex == "F"), person.bmi)[0]
    this_film = observer.joint_posterior(expected, planted, SEEN[plan.view])
    both_films = observer.joint_posterior(expected, planted, tuple(FEATURE_SD))
    return {
        **{f"true_t_score_{site}": t for site, t in zip(SITES, person.true_t_scores, strict=True)},
        **{f"measured_{bmd_column(site)}": bmd for site, bmd in zip(SITES, person.bmd, strict=True)},
        "measured_t_score": min(person.measured_t_scores),
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
        **_believed(this_film, "observer"),
        **_believed(both_films, "observer_of_both"),
    }


def _believed(belief: observer.JointPosterior, prefix: str) -> dict[str, float]:
    lumbar, femur = observer.expected_bmd(belief)
    return {
        f"{prefix}.{BONE_LOSS}": observer.bone_loss_logit(belief),
        f"{prefix}.{OSTEOPOROSIS}": observer.osteoporosis_logit(belief),
        f"{prefix}.{OSTEOPOROSIS_GIVEN_LOSS}": observer.osteoporosis_given_loss_logit(belief),
        f"{prefix}.{T_SCORE}": observer.expected_lowest(belief),
        f"{prefix}.{bmd_column(SITES[0])}": lumbar,
        f"{prefix}.{bmd_column(SITES[1])}": femur,
    }


LUMBAR: Final = Anatomy("lumbar", 1, (768, 512), SPINE_SCANNERS["AP"], examine_spine, summarise_spines)
