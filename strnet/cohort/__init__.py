"""Cohorts: the manifest and its rules, importers, splits with certificates, and what an audit finds."""

from strnet.cohort.manifest import Manifest, read_manifest, write_manifest
from strnet.cohort.splits import Split, certify_split, make_split, read_split, write_split

__all__ = [
    "Manifest",
    "Split",
    "certify_split",
    "make_split",
    "read_manifest",
    "read_split",
    "write_manifest",
    "write_split",
]
