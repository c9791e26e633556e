"""Cohorts: the manifest and its rules, splits with certificates, the flow of films, and what an audit finds.

The importers stand in `strnet.cohort.importers`.
"""

from strnet.cohort.audit import Audit, DuplicateGroup, OneClassValue, audit_manifest, duplicate_groups
from strnet.cohort.flow import CohortFlow, FlowStep, read_flow, write_flow
from strnet.cohort.manifest import Manifest, read_manifest, write_manifest
from strnet.cohort.splits import Split, certify_split, make_split, read_split, write_split

__all__ = [
    "Audit",
    "CohortFlow",
    "DuplicateGroup",
    "FlowStep",
    "Manifest",
    "OneClassValue",
    "Split",
    "audit_manifest",
    "certify_split",
    "duplicate_groups",
    "make_split",
    "read_flow",
    "read_manifest",
    "read_split",
    "write_flow",
    "write_manifest",
    "write_split",
]
