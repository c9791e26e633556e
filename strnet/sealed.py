"""Strict JSON that notices an edit: format, schema version, and the SHA-256 of everything else in the file.

The hash finds slips and edits by hand. It is no signature against somebody who recomputes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from strnet.errors import BundleError, StrnetError
from strnet.files import canonical_json, read_json, sha256_bytes

FORMAT: Final = "format"
VERSION: Final = "schema_version"
SHA256: Final = "sha256"


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of sealed file: what stands in it, what people call it, and how they get another one.

    `source` says what to give instead of a file of another kind, `remake` how to write it anew; both are
    sentences.
    """

    name: str
    version: int
    noun: str
    source: str
    remake: str
    error: type[StrnetError] = BundleError


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a sealed JSON object says, without the keys of the seal, and the hash that names it."""

    content: dict[str, Any]
    sha256: str


def seal(content: Mapping[str, Any], kind: Format) -> dict[str, Any]:
    """The JSON object of `content`, with its format and version in front and its SHA-256 at the end."""
    whole = {FORMAT: kind.name, VERSION: kind.version, **content}
    return {**whole, SHA256: sha256_bytes(canonical_json(whole))}


def unseal(document: Any, kind: Format, *, where: str) -> Sealed:
    """What a JSON value says, once it is known to be of this kind and version, and as it was written.

    Raises: `kind.error`: another kind, an older or newer version, or an edit; `where` names the source.
    """
    if not isinstance(document, dict) or document.get(FORMAT) != kind.name:
        raise kind.error(f"{where}: not {kind.noun} written by strnet. {kind.source}")
    _require_version(document.get(VERSION), kind, where)
    found = document.get(SHA256)
    whole = {key: value for key, value in document.items() if key != SHA256}
    if found != sha256_bytes(canonical_json(whole)):
        raise kind.error(
            f"{where}: the content does not match its SHA-256: it was edited after it was written. "
            f"{kind.remake}"
        )
    content = {key: value for key, value in whole.items() if key not in (FORMAT, VERSION)}
    return Sealed(content, str(found))


def read_sealed(path: Path | str, kind: Format) -> Sealed:
    """What a sealed file says.

    Raises: `kind.error`: as `unseal`, or the file is unreadable or no strict JSON.
    """
    try:
        document = read_json(path)
    except StrnetError as error:
        raise kind.error(str(error)) from error
    return unseal(document, kind, where=str(path))


def _require_version(found: Any, kind: Format, where: str) -> None:
    if found == kind.version and not isinstance(found, bool):
        return
    newer = isinstance(found, int) and found > kind.version
    what_to_do = "Update strnet." if newer else kind.remake
    raise kind.error(f"{where}: schema version {found!r}, and this strnet reads {kind.version}. {what_to_do}")
