"""The tile-parts of a JPEG 2000 code stream (High-Throughput too), found by the lengths they announce.

Source: ITU-T T.800 annex A.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from strnet.errors import ImageError
from strnet.imaging.codestreams.wholeness import Size, cut_short

_SOC, _SIZ, _COM, _SOT, _EOC = b"\xff\x4f", b"\xff\x51", b"\xff\x64", b"\xff\x90", b"\xff\xd9"
_MOST_TILES = 65_535


@dataclass(frozen=True, slots=True)
class Jpeg2000Stream:
    """What the markers say."""

    size: Size
    start: int
    """Of the first tile-part."""
    end: int
    """Where the last tile-part ends."""
    ended: bool
    """Whether the end marker follows."""
    open_ended: bool
    """Whether the last tile-part gives no length, so that a decoder alone can tell a cut."""


def jpeg2000_stream(data: bytes) -> Jpeg2000Stream:
    """The tile-parts of a code stream, bare or in a JP2 file.

    Raises: ImageError: no JPEG 2000, or tile-parts missing or longer than the data.
    """
    origin = data.find(_SOC + _SIZ, 0, 4096)
    if origin < 0:
        raise ImageError(f"the data start with {data[:4].hex() or 'nothing'}, no JPEG 2000 code stream.")
    size, tiles = _size(data, origin + 4)
    start = _first_tile_part(data, origin + 2)
    position, open_ended = start, False
    announced: dict[int, int] = {}
    seen = Counter[int]()
    while data[position : position + 2] == _SOT:
        tile, length, count = _tile_part(data, position)
        seen[tile] += 1
        announced[tile] = count or announced.get(tile, 0)
        open_ended = length == 0
        position = _end_of_data(data) if open_ended else position + length
    _require_tile_parts(seen, announced, tiles)
    return Jpeg2000Stream(size, start, position, _ends(data, position), open_ended)


def _size(data: bytes, position: int) -> tuple[Size, int]:
    """What SIZ announces, and the number of tiles. Source: A.5.1."""
    if len(data) < position + 39:
        raise cut_short("the JPEG 2000 header is not whole")
    fields = [int.from_bytes(data[position + 4 + 4 * i : position + 8 + 4 * i], "big") for i in range(8)]
    width, height, left, top, tile_width, tile_height, tiles_left, tiles_top = fields
    components = int.from_bytes(data[position + 36 : position + 38], "big")
    if not tile_width or not tile_height:
        raise ImageError("the JPEG 2000 header announces tiles of no size: the data are damaged.")
    tiles = -(-(width - tiles_left) // tile_width) * -(-(height - tiles_top) // tile_height)
    bits = (data[position + 38] & 0x7F) + 1
    return Size(height - top, width - left, components, bits), tiles


def _first_tile_part(data: bytes, position: int) -> int:
    while data[position : position + 2] != _SOT:
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if data[position : position + 1] != b"\xff" or length < 2 or position + 2 + length > len(data):
            raise cut_short(f"the JPEG 2000 header stops at byte {position} of {len(data)}")
        position += 2 + length
    return position


def _tile_part(data: bytes, position: int) -> tuple[int, int, int]:
    """Number of its tile, length (0: up to the end) and how many parts the tile has (0: not said)."""
    if len(data) < position + 12:
        raise cut_short(f"a JPEG 2000 tile-part header at byte {position} of {len(data)}")
    length = int.from_bytes(data[position + 6 : position + 10], "big")
    if position + length > len(data) or 0 < length < 12:
        raise cut_short(f"a JPEG 2000 tile-part announces {length} bytes, {len(data) - position} are there")
    return int.from_bytes(data[position + 4 : position + 6], "big"), length, data[position + 11]


def _end_of_data(data: bytes) -> int:
    """Where the end marker stands, or would stand, behind a tile-part of unknown length."""
    stripped = data.rstrip(b"\0").removesuffix(b"\xff")
    stripped = stripped if stripped.endswith(_EOC) else data.rstrip(b"\0")
    return len(stripped) - 2 if stripped.endswith(_EOC) else len(data)


def _ends(data: bytes, position: int) -> bool:
    """Whether the end marker is there; some encoders put comments before it, which no decoder expects."""
    while data[position : position + 2] == _COM:
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return data[position : position + 2] == _EOC


def _require_tile_parts(seen: Counter[int], announced: dict[int, int], tiles: int) -> None:
    if tiles > _MOST_TILES:
        raise ImageError(f"the JPEG 2000 header announces {tiles} tiles: the data are damaged.")
    if len(seen) < tiles:
        raise cut_short(f"{len(seen)} of {tiles} JPEG 2000 tiles are there")
    for tile, count in announced.items():
        if seen[tile] < count:
            raise cut_short(f"{seen[tile]} of {count} parts of JPEG 2000 tile {tile} are there")
