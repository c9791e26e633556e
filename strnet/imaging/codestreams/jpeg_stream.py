"""The segments of a JPEG or JPEG-LS stream, found by their markers; entropy-coded data are skipped whole.

Source: ITU-T T.81 annex B (JPEG), ITU-T T.87 annex C (JPEG-LS).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import numpy as np

from strnet.errors import ImageError
from strnet.imaging.codestreams.wholeness import ZERO_BLOCK, Size, cut_short

JPEG_LS, LOSSLESS, PROGRESSIVE = 0xF7, 0xC3, 0xC2  # frame markers, less their 0xFF
_FRAMES = {0xC0, 0xC1, PROGRESSIVE, LOSSLESS, JPEG_LS}
_OTHER_FRAMES = set(range(0xC5, 0xD0)) - {0xC8, 0xCC}  # hierarchical and arithmetic
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a segment
_SOI, _EOI, _SOS, _DHT, _DRI = 0xD8, 0xD9, 0xDA, 0xC4, 0xDD
_CODED = np.zeros(256, bool)  # what may follow 0xFF within coded data: a stuffed zero, a restart, a fill byte
_CODED[[0x00, *range(0xD0, 0xD8), 0xFF]] = True
_CODED_LS = _CODED.copy()
_CODED_LS[:0x80] = True  # JPEG-LS stuffs a bit, not a byte
_RESTART = re.compile(rb"(\xff[\xd0-\xd7])")


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan: its entropy-coded bytes `data[start:end]`, and what its header says."""

    start: int
    end: int
    components: tuple[int, ...]
    tables: tuple[tuple[int, int], ...]
    """Of each component, the number of its DC and of its AC table."""
    first: int
    """First coefficient; the predictor of a lossless stream."""
    last: int
    low_bit: int
    """Lowest bit that the scan brings (successive approximation)."""


@dataclass(slots=True)
class JpegStream:
    """What the markers of `data` say."""

    data: bytes
    process: int = 0
    size: Size = field(default_factory=lambda: Size(0, 0, 0, 0))
    sampling: tuple[tuple[int, int], ...] = ()
    """Of each component, horizontally and vertically."""
    restart_interval: int = 0
    tables: dict[tuple[int, int], tuple[tuple[int, ...], bytes]] = field(default_factory=dict)
    """By class (0 DC, 1 AC) and number: how many codes of 1..16 bits, and their symbols."""
    scans: list[Scan] = field(default_factory=list)
    ended: bool = False
    """Whether the end marker is there."""


def jpeg_stream(data: bytes) -> JpegStream:
    """The segments of `data`, up to the end marker; what follows that is not looked at.

    Raises: ImageError: no JPEG, a process that films do not use, or cut where the syntax shows it.
    """
    if data[:2] != b"\xff\xd8":
        raise ImageError(f"the JPEG data start with {data[:2].hex() or 'nothing'}, expected ffd8.")
    stream = JpegStream(data)
    position = 2
    while position < len(data):
        position = _after_segment(stream, position)
        if stream.ended:
            break
    _require_whole(stream)
    return stream


def with_tails(stream: JpegStream, tail: bytes) -> bytes:
    """The stream with `tail` behind the coded data of every scan and restart interval, and an end marker."""
    pieces, position = [], 0
    for scan in stream.scans:
        coded = stream.data[scan.start : scan.end].rstrip(b"\xff")  # fill bytes, or half of a marker
        if stream.restart_interval:
            coded = _RESTART.sub(lambda found: tail + found[1], coded)
        pieces += [stream.data[position : scan.start], coded, tail]
        position = scan.end
    return b"".join([*pieces, b"\xff\xd9"])


def _after_segment(stream: JpegStream, position: int) -> int:
    """Position behind the segment at `position`, which is written into `stream`."""
    data = stream.data
    if data[position] != 0xFF:
        raise ImageError(f"no JPEG marker at byte {position} of {len(data)}: the data are damaged.")
    while position < len(data) and data[position] == 0xFF:
        position += 1
    if position == len(data):
        return position
    marker, position = data[position], position + 1
    if marker == _EOI:
        stream.ended = True
    if marker == _EOI or marker in _ALONE:
        return position
    length = int.from_bytes(data[position : position + 2], "big")
    if length < 2 or position + length > len(data):
        raise cut_short(f"JPEG segment {marker:02x} of {length} bytes at byte {position} of {len(data)}")
    _take(stream, marker, data[position + 2 : position + length])
    return _after_scan(stream, position + length) if marker == _SOS else position + length


def _take(stream: JpegStream, marker: int, body: bytes) -> None:
    try:
        if marker in _FRAMES:
            _take_frame(stream, marker, body)
        elif marker in _OTHER_FRAMES:
            raise ImageError(f"JPEG process {marker:02x} is not read. Export the film in another encoding.")
        elif marker == _DHT:
            _take_tables(stream, body)
        elif marker == _DRI and stream.process != JPEG_LS:
            stream.restart_interval = int.from_bytes(body[:2], "big")
        elif marker == _SOS:
            stream.scans.append(_scan(body))
    except IndexError as error:
        raise ImageError(f"JPEG segment {marker:02x} is too short: the data are damaged.") from error


def _take_frame(stream: JpegStream, marker: int, body: bytes) -> None:
    stream.process = marker
    rows, columns = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    stream.size = Size(rows, columns, components=body[5], bits=body[0])
    stream.sampling = tuple((body[7 + 3 * i] >> 4, body[7 + 3 * i] & 15) for i in range(body[5]))


def _take_tables(stream: JpegStream, body: bytes) -> None:
    position = 0
    while position < len(body):
        counts = tuple(body[position + 1 : position + 17])
        end = position + 17 + sum(counts)
        stream.tables[body[position] >> 4, body[position] & 15] = (counts, body[position + 17 : end])
        position = end


def _scan(body: bytes) -> Scan:
    count = body[0]
    names = tuple(body[1 + 2 * i] for i in range(count))
    tables = tuple((body[2 + 2 * i] >> 4, body[2 + 2 * i] & 15) for i in range(count))
    first, last, bits = body[1 + 2 * count], body[2 + 2 * count], body[3 + 2 * count]
    return Scan(0, 0, names, tables, first, last, bits & 15)


def _after_scan(stream: JpegStream, start: int) -> int:
    data = np.frombuffer(stream.data, np.uint8)
    marks = np.flatnonzero(data[start:-1] == 0xFF) + start
    ends = marks[~(_CODED_LS if stream.process == JPEG_LS else _CODED)[data[marks + 1]]]
    end = int(ends[0]) if ends.size else len(stream.data)
    stream.scans[-1] = replace(stream.scans[-1], start=start, end=end)
    return end


def _require_whole(stream: JpegStream) -> None:
    """Raise where the markers alone show that something is missing."""
    if not stream.size.components:
        raise cut_short("the JPEG data hold no frame header")
    if not stream.scans:
        raise cut_short("the JPEG data hold no scan")
    zeros = len(stream.data) - len(stream.data.rstrip(b"\0"))
    if not stream.ended and zeros >= ZERO_BLOCK:
        raise cut_short(f"no end marker, and the last {zeros} bytes are zeros")
    if stream.process == JPEG_LS:
        return
    _require_scans(stream)
    missing = _expected_restarts(stream) - _restarts(stream)
    if missing > 0:
        raise cut_short(f"{missing} restart intervals of the JPEG data are missing")


def _require_scans(stream: JpegStream) -> None:
    """Raise unless the scans bring each component (and, if progressive, each coefficient to its last bit)."""
    seen = {name for scan in stream.scans for name in scan.components}
    if len(seen) < stream.size.components:
        raise cut_short(f"scans for {len(seen)} of {stream.size.components} components")
    if stream.process != PROGRESSIVE:
        return
    wanted = {(name, index) for name in seen for index in range(64)}
    exact = [scan for scan in stream.scans if scan.low_bit == 0]
    brought = {(c, i) for scan in exact for c in scan.components for i in range(scan.first, scan.last + 1)}
    if wanted - brought:
        raise cut_short("scans of the progressive JPEG are missing")


def _restarts(stream: JpegStream) -> int:
    scan = stream.scans[0]
    found: list[bytes] = _RESTART.findall(stream.data, scan.start, scan.end)
    return len(found)


def _expected_restarts(stream: JpegStream) -> int:
    """Restart markers in the first scan, where it holds all components; otherwise 0, which asks for none."""
    scan, size = stream.scans[0], stream.size
    if not stream.restart_interval or len(scan.components) != size.components:
        return 0
    unit = 1 if stream.process == LOSSLESS else 8
    across, down = (unit * max(factors) for factors in zip(*stream.sampling, strict=True))
    if size.components == 1:  # a single component is never interleaved, whatever its factors say
        across = down = unit
    units = -(-size.columns // across) * -(-size.rows // down)
    return int(-(-units // stream.restart_interval)) - 1
