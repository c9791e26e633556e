"""Whether the last symbol of a Huffman-coded JPEG scan is whole, from its last few hundred bytes.

A decoder that is given ones behind a cut meets a code that no table holds, unless the cut lies within the
value bits of the very last sample. Huffman codes fall into step by themselves, so the end of the data can be
read without their beginning: if it ends with a symbol and less than a byte of ones, the sample is whole.

Source: ITU-T T.81 F.1.2, F.2.2, H.1.2.
"""

from __future__ import annotations

import numpy as np

from strnet.imaging.codestreams.jpeg_stream import LOSSLESS, PROGRESSIVE, JpegStream

_WINDOWS = (240, 181)  # bytes before the end; two readings that agree were in step
_END_OF_BLOCK, _SIXTEEN_ZEROS = 0x00, 0xF0

Table = dict[tuple[int, int], int]


def ends_with_whole_symbol(stream: JpegStream) -> bool:
    """True if the last symbol is surely whole; False if it is not, or cannot be told."""
    if stream.process == PROGRESSIVE or stream.size.components != 1 or len(stream.scans) != 1:
        return False
    (dc_number, ac_number), scan = stream.scans[0].tables[0], stream.scans[0]
    dc = _codes(stream, 0, dc_number)
    ac = {} if stream.process == LOSSLESS else _codes(stream, 1, ac_number)
    coded = stream.data[max(scan.start, scan.end - 2 * max(_WINDOWS)) : scan.end].rstrip(b"\xff")
    last = max((coded.rfind(bytes((0xFF, 0xD0 + number))) + 2 for number in range(8)), default=0)
    coded = (coded[last:] if last > 1 else coded).replace(b"\xff\x00", b"\xff")
    return all(_reads_to_the_end(coded[-window:], dc, ac) for window in _WINDOWS)


def _codes(stream: JpegStream, kind: int, number: int) -> Table:
    """Symbol by (length, code). Source: ITU-T T.81 C.2."""
    counts, symbols = stream.tables.get((kind, number), ((), b""))
    table: Table = {}
    code, position = 0, 0
    for length, count in enumerate(counts, start=1):
        for symbol in symbols[position : position + count]:
            table[length, code] = symbol
            code += 1
        position += count
        code <<= 1
    return table


def _reads_to_the_end(coded: bytes, dc: Table, ac: Table) -> bool:
    """Whether reading ends at a symbol that ends its block, with less than a byte of ones behind it."""
    bits = np.unpackbits(np.frombuffer(coded, np.uint8)).tolist()
    position, coefficient = 0, 0
    while True:
        symbol, behind = _next(bits, position, ac if coefficient else dc)
        if symbol is None:
            break
        size = symbol & 15 if coefficient else symbol % 16  # 16, of a lossless stream, has no value bits
        if behind + size > len(bits):
            return False
        position = behind + size
        coefficient = _next_coefficient(coefficient, symbol) if ac else 0
    padding = bits[position:]
    return coefficient == 0 and len(padding) < 8 and all(padding)


def _next(bits: list[int], position: int, table: Table) -> tuple[int | None, int]:
    """The symbol at `position` and the position behind its code; None where no code fits."""
    code = 0
    for length, bit in enumerate(bits[position : position + 16], start=1):
        code = code << 1 | bit
        if (length, code) in table:
            return table[length, code], position + length
    return None, position


def _next_coefficient(coefficient: int, symbol: int) -> int:
    """Where the next symbol of a block stands: 0 for the DC of the next block."""
    if coefficient == 0:
        return 1
    if symbol == _END_OF_BLOCK:
        return 0
    behind = coefficient + (16 if symbol == _SIXTEEN_ZEROS else (symbol >> 4) + 1)
    return behind if behind < 64 else 0
