"""Names found in the free text of a header: the longest ones first, whatever case, accents and marks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping

Meaning = frozenset[str]
"""What one name may stand for: mostly a single word of the manifest, several for a region."""

_LONGEST_NAME = 3


def meanings(table: Mapping[str, str | tuple[str, ...]]) -> Mapping[str, Meaning]:
    """By spelling what it may stand for, from lines of spellings separated by spaces."""
    return {
        word: frozenset({means} if isinstance(means, str) else means)
        for words, means in table.items()
        for word in words.split()
    }


def word_set(text: str) -> frozenset[str]:
    """The words of a list of words."""
    return frozenset(text.split())


def words_of(text: str) -> list[str]:
    """The words of `text` in lower case without accents; every other mark parts two words."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.findall(r"[^\W_]+", bare)


def named(words: list[str], meaning: Callable[[str], Meaning | None]) -> tuple[Meaning, ...]:
    """What each name among `words` may stand for, in order; words are joined by `_` into one name.

    A name for several things adds nothing beside one of them: a spine beside a lumbar spine.
    """
    found = tuple(_longest_first(words, meaning))
    return tuple(name for name in found if not any(other < name for other in found))


def _longest_first(words: list[str], meaning: Callable[[str], Meaning | None]) -> Iterator[Meaning]:
    position = 0
    while position < len(words):
        for length in range(min(_LONGEST_NAME, len(words) - position), 0, -1):
            found = meaning("_".join(words[position : position + length]))
            if found is not None:
                yield found
                position += length
                break
        else:
            position += 1
