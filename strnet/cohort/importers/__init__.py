"""From what hospitals and archives hand over to a manifest; what cannot be used is listed with its reason."""

from strnet.cohort.importers.buu_lspine import import_buu_lspine
from strnet.cohort.importers.films import import_films
from strnet.cohort.importers.knee_qus import import_knee_qus
from strnet.cohort.importers.labels import read_labels
from strnet.cohort.importers.outcome import ImportedCohort
from strnet.cohort.importers.request import ImportRequest
from strnet.cohort.importers.scans import import_scans

__all__ = [
    "ImportRequest",
    "ImportedCohort",
    "import_buu_lspine",
    "import_films",
    "import_knee_qus",
    "import_scans",
    "read_labels",
]
