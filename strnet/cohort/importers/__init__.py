"""From what hospitals and archives hand over to a manifest; what cannot be used is listed with its reason."""

from strnet.cohort.importers.dicom_folder import import_dicom_folder
from strnet.cohort.importers.film_table import import_table
from strnet.cohort.importers.knee_qus import import_knee_qus
from strnet.cohort.importers.outcome import ImportedCohort

__all__ = ["ImportedCohort", "import_dicom_folder", "import_knee_qus", "import_table"]
