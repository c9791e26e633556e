"""One person's images on disk, and their rows of the manifest and of the planted truth."""

from __future__ import annotations

import cv2

from strnet.phantom.anatomy import PlannedFilm
from strnet.phantom.cohort_record import Production, Record
from strnet.phantom.film_output import film_record
from strnet.phantom.volume_output import volume_record


def make_patient(task: tuple[Production, int]) -> list[Record]:
    """The images of person `task[1]`, made unless they already stand, and their records."""
    production, number = task
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        examination = production.anatomy.examine(production.draw, number)
        return [
            film_record(production, examination, planned)
            if isinstance(planned, PlannedFilm)
            else volume_record(production, examination, planned)
            for planned in examination.images
        ]
    finally:
        cv2.setNumThreads(threads)
