"""Cohorts: the manifest and its rules, importers, splits with certificates, and what an audit finds."""

from strnet.cohort.manifest import Manifest, read_manifest, write_manifest

__all__ = ["Manifest", "read_manifest", "write_manifest"]
