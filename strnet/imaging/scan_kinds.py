"""What in a study is no CT scan, though it may look like one: localizers, reports, captures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydicom import uid
from pydicom.dataset import Dataset

from strnet.errors import DicomError
from strnet.imaging.element_values import text_of, texts_of

Kind = Literal[
    "localizer", "dose report", "secondary capture", "derived", "not CT", "not HU", "no image", "directory"
]

_DOSE_SR = {uid.XRayRadiationDoseSRStorage, uid.EnhancedXRayRadiationDoseSRStorage}
_CAPTURES = {
    uid.SecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    uid.MultiFrameTrueColorSecondaryCaptureImageStorage,
}
_SLICES = (uid.CTImageStorage, uid.EnhancedCTImageStorage, uid.LegacyConvertedEnhancedCTImageStorage)
_REFORMATTED = {"AXIAL", "MPR", "REFORMATTED", "VOLUME", "RESAMPLED"}
_MADE_UP = {"MIP", "MINIP", "MAX_IP", "MIN_IP", "PROJECTION IMAGE", "SUBTRACT", "SUBTRACTION", "SCREEN SAVE"}
_DOSE_WORDS = ("dose report", "dose info", "patient protocol", "dose summary")


@dataclass(frozen=True, slots=True)
class NoScan:
    """Why an object is no slice of a scan in HU."""

    kind: Kind
    reason: str
    """What was found, and what to do."""


def no_scan(header: Dataset) -> NoScan | None:
    """Why the object is no CT slice in HU; None if it may be one.

    Raises: DicomError: cut in its header, so that it may be one.

    Source: DICOM PS3.3 C.7.6.1.1.2 and C.8.2.1.1.1 (Image Type), C.8.2.1.1.2 (Rescale Type).
    """
    if (
        text_of(header, "SOPClassUID") == uid.MediaStorageDirectoryStorage
        or "DirectoryRecordSequence" in header
    ):
        return NoScan("directory", "a DICOMDIR, which lists other files; it is not needed.")
    return _no_image(header) or _no_slice(header) or _no_hu(header)


def _no_image(header: Dataset) -> NoScan | None:
    sop_class, modality = text_of(header, "SOPClassUID"), text_of(header, "Modality")
    if _is_dose_report(header):
        return NoScan("dose report", "a dose report, not a scan. Leave it out.")
    if sop_class in _CAPTURES:
        return NoScan(
            "secondary capture", "a Secondary Capture: a picture of a scan, without HU. Leave it out."
        )
    if modality is None:
        raise DicomError("no Modality (0008,0060): the file is cut in its header. Copy it again.")
    if modality != "CT":
        return NoScan("not CT", f"Modality (0008,0060) is {modality}, expected CT. Only CT has HU.")
    if "Rows" not in header:
        if sop_class in (None, *_SLICES):
            raise DicomError("no Rows (0028,0010): the file is cut in its header. Copy it again.")
        return NoScan("no image", "no Rows (0028,0010): the file holds no image.")
    samples = text_of(header, "PhotometricInterpretation") or ""
    if samples and not samples.startswith("MONOCHROME"):
        return NoScan("secondary capture", f"a picture in {samples}, not in HU. Leave it out.")
    return None


def _is_dose_report(header: Dataset) -> bool:
    described = (text_of(header, "SeriesDescription") or "").lower()
    return (
        text_of(header, "SOPClassUID") in _DOSE_SR
        or any("DOSE" in value for value in _image_type(header))
        or any(word in described for word in _DOSE_WORDS)
    )


def _no_slice(header: Dataset) -> NoScan | None:
    image_type = _image_type(header)
    shown = "\\".join(image_type)
    if any("LOCALIZER" in value or value in ("SCOUT", "TOPOGRAM") for value in image_type):
        return NoScan("localizer", f"Image Type (0008,0008) is {shown}: a localizer, which is a projection.")
    values = set(image_type[2:])
    if values & _MADE_UP:
        return NoScan(
            "derived",
            f"Image Type (0008,0008) is {shown}: computed over slices, so its values are not HU of tissue. "
            "Give the original series.",
        )
    if image_type[:1] == ("DERIVED",) and not values & _REFORMATTED:
        return NoScan(
            "derived",
            f"Image Type (0008,0008) is {shown}: derived from other images in a way that it does not name "
            f"(expected ORIGINAL, or one of {', '.join(sorted(_REFORMATTED))}). Give the original series.",
        )
    return None


def _no_hu(header: Dataset) -> NoScan | None:
    rescale_type = text_of(header, "RescaleType")
    if rescale_type not in (None, "HU"):
        return NoScan(
            "not HU",
            f"Rescale Type (0028,1054) is {rescale_type}, expected HU. Give the series that was "
            "reconstructed in HU.",
        )
    return None


def _image_type(header: Dataset) -> tuple[str, ...]:
    return tuple(value.upper() for value in texts_of(header, "ImageType"))
