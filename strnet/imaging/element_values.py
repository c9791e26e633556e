"""Single values out of a data set, parsed once for all slices that repeat them.

The header of a slice has a hundred elements and the next slice nearly the same; pydicom's conversion of those
that sorting needs would take as long as decoding the pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from strnet.errors import DicomError


def texts_of(header: Dataset, keyword: str) -> tuple[str, ...]:
    """The values of a text element (CS, UI, IS, DS, SH, LO); none where it is absent or blank."""
    found = header.get_item(_tag(keyword))
    if found is None or found.value is None:
        return ()
    if isinstance(found, RawDataElement):
        return _split(found.value, keyword)
    value = found.value
    values = value if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]
    return tuple(text for text in (str(one).strip(" \0") for one in values) if text)


def text_of(header: Dataset, keyword: str) -> str | None:
    """The first value of a text element."""
    found = texts_of(header, keyword)
    return found[0] if found else None


def numbers_of(header: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """The `count` numbers of a DS or IS element; None where it is absent or blank.

    Raises: DicomError: another count, or no finite numbers.
    """
    found = texts_of(header, keyword)
    return _floats(found, keyword, count) if found else None


def number_of(header: Dataset, keyword: str) -> float | None:
    """The first number of a DS, IS or FD element; None where it is absent, blank or no number."""
    if _is_binary(header, keyword):
        return float(header[keyword].value)
    try:
        return float(texts_of(header, keyword)[0])
    except (IndexError, ValueError):
        return None


def whole_of(header: Dataset, keyword: str) -> int | None:
    """The first value of a US, SS or IS element; None where it is absent or blank."""
    found = header.get_item(_tag(keyword))
    if found is None or found.value in (None, b"", ""):
        return None
    if isinstance(found, RawDataElement) and found.VR in ("US", None) and len(found.value) == 2:
        return int.from_bytes(found.value, "little" if found.is_little_endian else "big")
    value = header[keyword].value  # IS, or US or SS as Pixel Representation says
    return int(value[0] if hasattr(value, "append") else value)


def items_of(header: Dataset, *keywords: str) -> Iterator[Dataset]:
    """The items of sequences, one sequence after the other; nothing where one is absent or no sequence."""
    for keyword in keywords:
        for item in header.get(keyword) or ():
            if isinstance(item, Dataset):
                yield item


def name_of(keyword: str) -> str:
    """A keyword as messages name it: with its tag."""
    tag = _tag(keyword)
    return f"{keyword} ({tag.group:04X},{tag.element:04X})"


@lru_cache(maxsize=256)
def _tag(keyword: str) -> BaseTag:
    found = tag_for_keyword(keyword)
    if found is None:
        raise ValueError(f"DICOM has no element {keyword}")
    return Tag(found)


def _is_binary(header: Dataset, keyword: str) -> bool:
    found = header.get_item(_tag(keyword))
    return found is not None and found.VR in ("FD", "FL") and bool(found.value)


@lru_cache(maxsize=4096)
def _split(value: bytes, keyword: str) -> tuple[str, ...]:
    try:
        text = value.decode("ascii")
    except UnicodeDecodeError:  # free text in another character set; what is compared is ASCII
        text = value.decode("latin-1")
    return tuple(part for part in (one.strip(" \0") for one in text.split("\\")) if part)


@lru_cache(maxsize=4096)
def _floats(found: tuple[str, ...], keyword: str, count: int) -> tuple[float, ...]:
    try:
        numbers = tuple(float(text) for text in found)
    except ValueError:
        numbers = ()
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise DicomError(f"{name_of(keyword)} is {', '.join(found)}, expected {count} number(s).")
    return numbers
