"""How alike two people's names are: exact, close, nickname, initial, part of it, swapped, different."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from rapidfuzz.distance import OSA, JaroWinkler

from pipelines.dedupe.name_frequencies import FAMILY, GIVEN
from pipelines.dedupe.nicknames import are_nicknames
from pipelines.dedupe.phonetics import phonetic

MISSING: Final = "missing"
EXACT: Final = "exact"
CLOSE: Final = "close"
"""A typo away, or spelled otherwise and sounding the same."""
NICKNAME: Final = "nickname"
INITIAL: Final = "initial"
PARTIAL: Final = "partial"
"""One has all that the other has, and more: *Ana* and *Ana Maria*; *Souza Lima* and *Lima*."""
OVERLAP: Final = "overlap"
"""Some family names are the same, others are not."""
SWAPPED: Final = "swapped"
"""Given name in the place of the family name, and the other way round."""
DIFFERENT: Final = "different"

CACHED: Final = 1 << 15


def _is_slip(one: str, other: str) -> bool:
    """Whether one word may be the other mistyped: one edit in four letters, two in eight, or a near Jaro-Winkler."""
    shorter = min(len(one), len(other))
    if shorter < 3:
        return False
    allowed = 1 if shorter < 8 else 2
    return (
        OSA.distance(one, other, score_cutoff=allowed) <= allowed
        or JaroWinkler.similarity(one, other, score_cutoff=0.93) > 0
    )


def _are_one_given_name(one: str, other: str) -> str:
    if one == other:
        return EXACT
    if len(one) == 1 or len(other) == 1:
        return INITIAL if one[:1] == other[:1] else DIFFERENT
    if are_nicknames(one, other):
        return NICKNAME
    if phonetic(one) == phonetic(other) and phonetic(one):
        return CLOSE
    # Paulo and Paula, Daniel and Daniela are two people, however near the letters.
    if one in GIVEN and other in GIVEN:
        return DIFFERENT
    if one[:-1] == other[:-1] and {one[-1], other[-1]} == {"a", "o"}:
        return DIFFERENT
    if _is_slip(one, other):
        return CLOSE
    if min(len(one), len(other)) >= 3 and (one.startswith(other) or other.startswith(one)):
        return DIFFERENT if one in GIVEN and other in GIVEN else NICKNAME
    return DIFFERENT


@lru_cache(maxsize=CACHED)
def compare_given(one: str, other: str) -> str:
    """The level at which two sets of given names (folded, separated by spaces) agree."""
    if not one or not other:
        return MISSING
    if one == other:
        return EXACT
    ones, others = one.split(), other.split()
    first = _are_one_given_name(ones[0], others[0])
    if len(ones) == 1 and len(others) == 1:
        return first
    if first != DIFFERENT:
        for left, right in zip(ones[1:], others[1:], strict=False):
            if _are_one_given_name(left, right) == DIFFERENT:
                return DIFFERENT  # Ana Clara and Ana Beatriz are sisters
        if len(ones) == len(others) or first != EXACT:
            return first
        return PARTIAL
    if one.replace(" ", "") == other.replace(" ", ""):
        return CLOSE
    shorter, longer = sorted((ones, others), key=len)
    return PARTIAL if len(shorter) == 1 and len(shorter[0]) > 1 and shorter[0] in longer else DIFFERENT


@lru_cache(maxsize=CACHED)
def compare_family(one: str, other: str) -> str:
    """The level at which two sets of family names (folded, separated by spaces) agree."""
    if not one or not other:
        return MISSING
    if one == other:
        return EXACT
    ones, others = set(one.split()), set(other.split())
    if len(one) == 1 or len(other) == 1:
        short, long = sorted((one, other), key=len)
        return INITIAL if any(word[0] == short for word in long.split()) else DIFFERENT
    if ones <= others or others <= ones:
        return PARTIAL
    if one.replace(" ", "") == other.replace(" ", "") or (len(ones) == len(others) and _all_sound_alike(one, other)):
        return CLOSE
    if _is_slip(one, other) and not (one in FAMILY and other in FAMILY):
        return CLOSE
    if ones & others:
        left, right = ones - others, others - ones
        initials = all(any(word[0] == far[0] for far in right) for word in left) and (
            all(len(word) == 1 for word in left) or all(len(word) == 1 for word in right)
        )
        return PARTIAL if initials else OVERLAP
    if len(ones) != len(others) or len(ones) > 1:
        sounds = {phonetic(word) for word in ones}, {phonetic(word) for word in others}
        if sounds[0] <= sounds[1] or sounds[1] <= sounds[0]:
            return PARTIAL
    return DIFFERENT


def _all_sound_alike(one: str, other: str) -> bool:
    return [phonetic(word) for word in one.split()] == [phonetic(word) for word in other.split()]


def compare_names(given: str, family: str, other_given: str, other_family: str) -> tuple[str, str]:
    """The levels of given and of family name, with both read as swapped where that fits better."""
    if f"{given} {family}" == f"{other_given} {other_family}" and family and other_family:
        return EXACT, EXACT
    of_given, of_family = compare_given(given, other_given), compare_family(family, other_family)
    if of_given == DIFFERENT and of_family in (DIFFERENT, MISSING):
        if given == other_family and family == other_given:
            return SWAPPED, SWAPPED
        if family and other_family and _swap_fits(given, family, other_given, other_family):
            return SWAPPED, SWAPPED
    return of_given, of_family


def _swap_fits(given: str, family: str, other_given: str, other_family: str) -> bool:
    across = compare_given(given, other_family), compare_given(family, other_given)
    return across[0] in (EXACT, CLOSE) and across[1] in (EXACT, CLOSE)
