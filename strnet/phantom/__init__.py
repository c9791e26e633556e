"""Planted-truth knee radiographs: physics, not noise with a label. No result on them is a clinical one."""

from strnet.phantom.cohort import PHANTOM_VERSION, PhantomCohort, make_knee_cohort

__all__ = ["PHANTOM_VERSION", "PhantomCohort", "make_knee_cohort"]
