"""One film on disk, and its rows of the manifest and of the planted truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from strnet.files import write_bytes
from strnet.imaging import Radiograph, pixel_sha256, read_radiograph
from strnet.phantom.anatomy import Examination, PlannedFilm
from strnet.phantom.cohort_record import Production, Record, truth_row
from strnet.phantom.physics.dicom_file import dicom_bytes
from strnet.phantom.region_masks import mask_bytes, named_boxes, read_mask
from strnet.phantom.shortcuts import grey_level_statistics


def film_record(production: Production, examination: Examination, planned: PlannedFilm) -> Record:
    """The record of one film, made unless it already stands."""
    image_id = f"{examination.person.patient_id}-{planned.view.key}"
    path = production.folder / "images" / f"{image_id}.dcm"
    mask = production.folder / "masks" / f"{image_id}.png"
    if not path.exists() or (planned.regions and not mask.exists()):
        _make(production, examination, planned, (path, mask))
    radiograph = read_radiograph(path)
    row = _manifest_row(image_id, production, examination, planned, radiograph)
    if planned.regions:
        row |= {"box": named_boxes(read_mask(mask), planned.regions), "mask": f"masks/{mask.name}"}
    truth = truth_row(image_id, examination.person, planned)
    return Record(row, truth, grey_level_statistics(radiograph.pixels))


def _make(
    production: Production, examination: Examination, planned: PlannedFilm, paths: tuple[Path, Path]
) -> None:
    film = planned.render()
    if film.labels is not None:
        write_bytes(paths[1], mask_bytes(film.labels))
    content = dicom_bytes(
        film,
        planned.view,
        planned.scanner,
        planned.positioning,
        examination.person,
        production.draw.seed,
    )
    write_bytes(paths[0], content)


def _manifest_row(
    image_id: str,
    production: Production,
    examination: Examination,
    planned: PlannedFilm,
    radiograph: Radiograph,
) -> dict[str, Any]:
    scanner, source, person = planned.scanner, radiograph.source, examination.person
    return {
        "image_id": image_id,
        "patient_id": person.patient_id,
        "exam_id": f"{person.patient_id}-1",
        "path": f"images/{image_id}.dcm",
        "site": scanner.site,
        "scanner": scanner.model,
        "anatomy": production.anatomy.name,
        "view": planned.view.view,
        "laterality": planned.view.laterality,
        "age": person.age,
        "sex": person.sex,
        "bmi": person.bmi,
        **planned.labels,
        "days_to_reference": person.days_to_reference,
        "modality": scanner.modality,
        "presentation_intent": source.presentation_intent,
        "sop_instance_uid": source.sop_instance_uid,
        "pixel_sha256": pixel_sha256(radiograph),
        "file_format": "dicom",
        "rows": source.rows,
        "columns": source.columns,
        "bits_stored": scanner.bits_stored,
        "photometric": scanner.photometric,
    }
