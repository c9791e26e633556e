"""Stored pixel values of a DICOM film, and what its compressed data say of their own wholeness."""

from __future__ import annotations

from collections.abc import Callable

import jpeg_ls
import numpy as np
import numpy.typing as npt
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import pixel_array

from strnet.errors import DicomError, ImageError
from strnet.imaging.codestreams.jpeg2000_stream import jpeg2000_stream
from strnet.imaging.codestreams.jpeg_completeness import decode_whole
from strnet.imaging.codestreams.jpeg_stream import JPEG_LS, jpeg_stream
from strnet.imaging.codestreams.rle_segments import require_no_more, rle_segments
from strnet.imaging.codestreams.wholeness import Flag, Size, cut_short, has_zero_block, require_same_size
from strnet.imaging.quality import has_constant_tail

Stored = npt.NDArray[np.generic]
Decode = Callable[[bytes], Stored]
Checked = tuple[Stored, tuple[Flag, ...]]

_HTJ2K = (uid.HTJ2K, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL)
# One decoder per encoding, so that lossy films decode to the same grey values on every machine.
# JPEG by libjpeg and not GDCM: pydicom's GDCM plugin refuses JPEG Extended of 12 bits.
_DECODERS: dict[str, str] = {
    **dict.fromkeys(uid.JPEGLSTransferSyntaxes, "pyjpegls"),
    **dict.fromkeys(uid.JPEGTransferSyntaxes, "pylibjpeg"),
    **dict.fromkeys(uid.JPEG2000TransferSyntaxes, "pylibjpeg"),
    **dict.fromkeys(_HTJ2K, "pylibjpeg"),
    uid.RLELossless: "pylibjpeg",
}
_END = b"\xff\xd9"  # marker, of JPEG-LS and JPEG 2000
_LITERAL_ZEROS = 8  # bytes that no encoder writes at the end of an RLE segment: it codes them as a run
_TAIL = b"\x55\xaa" * 32


def stored_values(
    header: FileDataset, kind: np.dtype[np.integer]
) -> tuple[npt.NDArray[np.integer], tuple[Flag, ...]]:
    """Stored values (H, W) of type `kind`, and flags.

    Raises: DicomError: cut, damaged, of another size than the header says, or in no encoding that is read.
    """
    syntax = transfer_syntax(header)
    try:
        stored, flags = _checked(header, syntax)
    except DicomError:
        raise
    except ImageError as error:
        raise DicomError(f"Pixel Data (7FE0,0010): {error}") from error
    if stored.ndim != 2 or stored.dtype.newbyteorder("=") != kind:
        found = f"{stored.dtype} {stored.shape}"
        raise DicomError(f"Pixel Data (7FE0,0010) decodes to {found}, expected one frame of {kind}.")
    return np.ascontiguousarray(stored, dtype=kind), flags  # Explicit VR Big Endian has its own byte order


def transfer_syntax(header: FileDataset) -> uid.UID:
    """The transfer syntax; without file meta, the uncompressed one the data set was written in.

    Safe, because pydicom then refuses pixels whose length is not rows x columns x bytes.
    """
    meta = header.file_meta
    if "TransferSyntaxUID" not in meta:
        implicit, little = header.original_encoding
        if implicit:
            meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
        else:
            meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian
    return uid.UID(meta.TransferSyntaxUID)


def _checked(header: FileDataset, syntax: uid.UID) -> Checked:
    check = _CHECKS.get(syntax)
    if check is None:
        return _uncompressed(header)
    frame = next(generate_frames(header.PixelData, number_of_frames=1), b"")
    size = Size(int(header.Rows), int(header.Columns), 1, int(header.BitsAllocated))
    plugin = _DECODERS[syntax]

    def decode(data: bytes) -> Stored:
        return pixel_array(_with_frame(header, data), decoding_plugin=plugin)

    return check(frame, size, decode)


def _uncompressed(header: FileDataset) -> Checked:
    stored = pixel_array(header)
    flags: tuple[Flag, ...] = ()
    if stored.ndim == 2 and has_constant_tail(stored, header["PixelData"].file_tell):
        flags = ("constant_tail",)
    return stored, flags


def _with_frame(header: FileDataset, frame: bytes) -> Dataset:
    """What a decoder needs of the header, with `frame` for its pixels."""
    part = header.group_dataset(0x0028)
    part.file_meta = header.file_meta
    part.PixelData = encapsulate([frame])
    part["PixelData"].VR = "OB"
    part["PixelData"].is_undefined_length = True
    return part


def _jpeg(frame: bytes, size: Size, decode: Decode) -> Checked:
    stream = jpeg_stream(frame)
    require_same_size(stream.size, size)
    if stream.process == JPEG_LS:
        raise ImageError("the data are JPEG-LS, but Transfer Syntax UID (0002,0010) says JPEG.")
    return decode_whole(stream, decode)


def _jpeg_ls(frame: bytes, size: Size, decode: Decode) -> Checked:
    """CharLS refuses data too short or too long, but takes missing bits of the last sample for zeros."""
    stream = jpeg_stream(frame)
    require_same_size(stream.size, size)
    if not stream.ended:
        raise cut_short("the JPEG-LS data have no end marker")
    stored = decode(frame)
    longer = frame[: stream.scans[-1].end] + b"\x80" + _END
    try:
        jpeg_ls.decode_pixel_data(longer)
    except RuntimeError:  # too long now: so nothing was missing
        return stored, ()
    _require_same(stored, longer, decode)
    return stored, ()


def _jpeg2000(frame: bytes, size: Size, decode: Decode) -> Checked:
    """OpenJPEG in its strict mode refuses tile-parts that are shorter than they announce."""
    stream = jpeg2000_stream(frame)
    require_same_size(stream.size, size)
    stored = decode(frame[: stream.end] + _END)
    if stream.open_ended:
        _require_same(stored, frame[: stream.end] + _TAIL + _END, decode)
    flags: list[Flag] = [] if stream.ended else ["no_end_marker"]
    if has_zero_block(frame, stream.start, stream.end):
        flags.append("zero_block")
    return stored, tuple(flags)


def _require_same(stored: Stored, frame: bytes, decode: Decode) -> None:
    """Raise unless bytes behind the data change nothing, so that the decoder needed none of them."""
    if not np.array_equal(decode(frame), stored):
        raise cut_short("the coded data end before the picture does")


def _rle(frame: bytes, size: Size, decode: Decode) -> Checked:
    """The decoder refuses segments that are too short; those too long, it would panic at."""
    segments = rle_segments(frame, size.bits // 8)
    for segment in segments:
        require_no_more(segment, size.rows * size.columns)
    zeros = any(segment.endswith(bytes(_LITERAL_ZEROS)) for segment in segments)
    return decode(frame), ("zero_block",) if zeros else ()


_CHECKS: dict[str, Callable[[bytes, Size, Decode], Checked]] = {
    **dict.fromkeys(uid.JPEGTransferSyntaxes, _jpeg),
    **dict.fromkeys(uid.JPEGLSTransferSyntaxes, _jpeg_ls),
    **dict.fromkeys((*uid.JPEG2000TransferSyntaxes, *_HTJ2K), _jpeg2000),
    uid.RLELossless: _rle,
}
