"""What reading makes of damaged films: a picture, a flagged picture, a reason, or a crash.

python benchmarks/mutants.py FOLDER ... [--mutants 3000] [--cuts 300] [--seed 0]

Mutants: files of the folders with flipped bits, cut ends, edited header values, lengths and fragments. A
mutant may well be a picture: a flipped bit in the patient's name, or in a pixel, is no matter of reading.
Cuts: films made here, in every encoding, less a part of their data; none may give an unflagged picture that
is not the whole one. Zeros: the same films with zeros in place of a block, or of their end; no syntax shows
all of these. Files are read in a child process, so that a crash costs one file. Whole films of the folders
must not be flagged.
"""

from __future__ import annotations

import argparse
import json
import random
import select
import struct
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from encoded_films import Encoding, encodings, film, fragments_of, frame_of, with_frame

_SECONDS = 30  # for one file
_PIXELS = b"\xe0\x7f\x10\x00"  # the tag (7FE0,0010)
_END = b"\xff\xd9"
_OUTCOMES = ("picture", "whole", "flagged", "reason", "crash")
_READER = """
import json, sys, warnings
warnings.simplefilter("ignore")
from strnet.errors import StrnetError
from strnet.imaging import pixel_sha256, read_radiograph
for line in sys.stdin:
    try:
        film = read_radiograph(line.rstrip())
        answer = ["flagged" if film.flags else "picture", " ".join(film.flags), pixel_sha256(film)]
    except StrnetError as error:
        answer = ["reason", str(error), ""]
    print(json.dumps(answer), flush=True)
"""


class Reader:
    """Reads films in a child process, which is started again after a crash."""

    def __init__(self) -> None:
        self.child: subprocess.Popen[str] | None = None

    def read(self, path: Path) -> tuple[str, str, str]:
        """Outcome, words, and hash of the pixels. What is no StrnetError ends the child: a crash."""
        child = self.child = self.child or self._started()
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(f"{path}\n")
        child.stdin.flush()
        ready, _, _ = select.select([child.stdout], [], [], _SECONDS)
        line = child.stdout.readline() if ready else ""
        if line:
            return tuple(json.loads(line))
        child.kill()
        self.child = None
        return "crash", f"exit {child.wait()}" if ready else f"no answer in {_SECONDS} s", ""

    def close(self) -> None:
        """End the child."""
        if self.child:
            self.child.kill()
            self.child.wait()

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", _READER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )


def mutated(content: bytes, kind: str, dice: random.Random) -> bytes:
    """A DICOM file with one kind of damage."""
    changed = bytearray(content)
    pixels = content.find(_PIXELS)
    end = pixels if pixels > 132 else len(content)
    if kind == "bits":
        for _ in range(dice.choice((1, 4, 32))):
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    elif kind == "cut":
        del changed[dice.randrange(len(changed)) :]
    elif kind == "header":
        for _ in range(dice.choice((1, 2, 8))):
            changed[dice.randrange(132, max(end, 133)) % len(changed)] = dice.randrange(256)
    elif kind == "length" and end > 142:
        at = dice.randrange(136, end - 4)
        changed[at : at + 4] = struct.pack("<I", dice.choice((0, 1, 0xFFFF, 0xFFFFFFFE, 0xFFFFFFFF)))
    elif kind == "fragment":
        items = [at for at in _found(content, b"\xfe\xff\x00\xe0") if at > end]
        at = dice.choice(items) if items else end
        length = struct.pack("<I", dice.choice((0, 2, 1000, 0x7FFFFFFF, 0xFFFFFFFF)))
        changed[at + 4 : at + 8] = length
    return bytes(changed)


def cut_files(encoding: Encoding, whole: Path, target: Path, dice: random.Random) -> Iterator[str]:
    """Ways to cut the film at `whole`, each by name; the file stands at `target` when its name is given."""
    if encoding.suffix or encoding.name in ("deflated", "uncompressed"):
        yield from _cut_plain(encoding, whole.read_bytes(), target, dice)
        return
    frame = frame_of(whole)
    less = dice.choice((1, 2, 3, 10, 100, dice.randrange(1, len(frame) // 2), dice.randrange(1, len(frame))))
    if encoding.name == "RLE":  # an odd length would be filled with a zero, which may be a legal last value
        kept = frame[: -(-(-less // 2) * 2)]
    else:
        kept = frame.rstrip(b"\0")
        kept = kept[: max(len(kept) - less, 1)]
    cuts = {
        "cut": kept,
        "cut, end marker put behind": kept + (b"" if encoding.name == "RLE" else _END),
        "fragments missing": b"".join(list(fragments_of(frame, 8))[: dice.randrange(1, 8)]),
    }
    if encoding.name == "RLE":
        cuts["segment shortened"] = _shorter_segment(frame, less)
    if encoding.name.startswith("JPEG 2000"):
        cuts["cut, lengths mended"] = _mended_tile_part(kept)
    for name, data in cuts.items():
        with_frame(whole, data, target, fragments=dice.choice((1, 3)), offsets=dice.random() < 0.5)
        yield name


def _cut_plain(encoding: Encoding, content: bytes, target: Path, dice: random.Random) -> Iterator[str]:
    less = dice.choice((1, 2, 3, 10, 100, dice.randrange(1, len(content) // 2)))
    target.write_bytes(content[:-less])
    yield "cut"
    if encoding.suffix:
        target.write_bytes(content[:-less] + {".jpg": _END, ".png": content[-12:]}[encoding.suffix])
        yield "cut, end marker put behind"


def zeroed(encoding: Encoding, whole: Path, target: Path, dice: random.Random) -> Iterator[str]:
    """Ways to put zeros in place of data, as a copy leaves them; the same protocol as `cut_files`."""
    content = whole.read_bytes()
    start, end = 700 + content.find(_PIXELS), len(content) - 100
    start = start if start < end else 100
    block = 512 * dice.choice((1, 2, 8))
    blocks = range(start // 512 + 1, (end - block) // 512 + 1)
    if blocks:
        at = dice.choice(blocks) * 512
        target.write_bytes(content[:at] + bytes(block) + content[at + block :])
        yield "block of zeros"
    at = dice.randrange(start, end) // 512 * 512
    target.write_bytes(content[:at].ljust(len(content), b"\0"))
    yield "zeros to the end"


def _mended_tile_part(cut: bytes) -> bytes:
    """A cut JPEG 2000 stream whose only tile-part announces what is left of it, and an end marker."""
    start = cut.find(b"\xff\x90")
    return cut[: start + 6] + struct.pack(">I", len(cut) - start) + cut[start + 10 :] + _END


def _shorter_segment(frame: bytes, less: int) -> bytes:
    """The RLE frame with its first segment shortened, and the offsets mended."""
    count, first, second = struct.unpack("<3I", frame[:12])
    less = min(less // 2 * 2, second - first - 2)
    header = struct.pack("<3I", count, first, second - less) + frame[12:64]
    return header + frame[first : second - less] + frame[second:]


def _found(content: bytes, what: bytes) -> list[int]:
    places, at = [], content.find(what)
    while at >= 0:
        places.append(at)
        at = content.find(what, at + 4)
    return places


def whole_films(folders: list[Path], reader: Reader) -> None:
    outcomes = Counter[str]()
    for path in _files(folders):
        outcome, words, _ = reader.read(path)
        outcomes[outcome] += 1
        if outcome in ("flagged", "crash"):
            print(f"  {outcome}: {path.name}: {words}")
    print(f"Whole films: {dict(outcomes)}\n")


def mutants(folders: list[Path], count: int, dice: random.Random, folder: Path, reader: Reader) -> None:
    files, target = [p for p in _files(folders) if p.suffix not in (".png", ".jpg")], folder / "mutant"
    kinds = ("bits", "cut", "header", "length", "fragment")
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for number in range(count if files else 0):
        kind = kinds[number % len(kinds)]
        target.write_bytes(mutated(dice.choice(files).read_bytes(), kind, dice))
        outcome, words, _ = reader.read(target)
        table[kind][outcome] += 1
        if outcome == "crash":
            target.rename(folder / f"crash-{number}")
            print(f"  crash: {kind} {number}: {words}")
    _print("mutants", table)


def cuts(count: int, seed: int, folder: Path, reader: Reader) -> int:
    """Print the table, and give how many cut films made an unflagged picture that is not the whole one."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    zeros: dict[str, Counter[str]] = defaultdict(Counter)
    passed: list[str] = []
    for encoding in encodings():
        dice, number = random.Random(f"{seed} {encoding.name}"), 0
        while table[encoding.name].total() < count:
            number += 1
            whole, target = folder / f"whole{encoding.suffix}", folder / f"cut{encoding.suffix}"
            encoding.write(film(seed + number), whole)
            truth = reader.read(whole)
            if truth[0] != "picture":
                passed.append(f"{encoding.name}: whole film {seed + number} gave {truth[:2]}")
            for name in cut_files(encoding, whole, target, dice):
                outcome = _judged(reader.read(target), truth)
                table[encoding.name][outcome] += 1
                if outcome in ("picture", "crash"):
                    passed.append(f"{encoding.name}: film {seed + number}, {name}: {outcome}")
            for _ in zeroed(encoding, whole, target, dice):
                zeros[encoding.name][_judged(reader.read(target), truth)] += 1
    _print("cut films", table)
    _print("zeros in place of data", zeros)
    print("\n".join(passed) or "No cut film gave an unflagged picture.")
    return len(passed)


def _judged(answer: tuple[str, str, str], truth: tuple[str, str, str]) -> str:
    outcome, _, pixels = answer
    return "whole" if outcome == "picture" and pixels == truth[2] else outcome


def _files(folders: list[Path]) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


def _print(title: str, table: dict[str, Counter[str]]) -> None:
    print(f"| {title} | " + " | ".join(_OUTCOMES) + " |\n| --- |" + " ---: |" * len(_OUTCOMES))
    for name, row in table.items():
        print(f"| {name} | " + " | ".join(str(row[outcome]) for outcome in _OUTCOMES) + " |")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--mutants", type=int, default=3000)
    parser.add_argument("--cuts", type=int, default=300, help="of each encoding")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    reader = Reader()
    with tempfile.TemporaryDirectory() as name:
        whole_films(arguments.folders, reader)
        mutants(arguments.folders, arguments.mutants, random.Random(arguments.seed), Path(name), reader)
        passed = cuts(arguments.cuts, arguments.seed, Path(name), reader)
    reader.close()
    sys.exit(min(passed, 1))


if __name__ == "__main__":
    main()
