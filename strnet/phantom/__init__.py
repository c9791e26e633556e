"""Planted-truth radiographs: physics, not noise with a label. No result on them is a clinical one."""

from strnet.phantom.anatomies import ANATOMIES, named_anatomy
from strnet.phantom.anatomy import Draw
from strnet.phantom.cohort import PhantomCohort, make_cohort

__all__ = ["ANATOMIES", "Draw", "PhantomCohort", "make_cohort", "named_anatomy"]
