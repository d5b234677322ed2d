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
IN_MAIL: Final = "in_mail"
"""One gave no name, but a mail address made of the other's."""

CACHED: Final = 1 << 15


def _is_slip(one: str, other: str) -> bool:
    """Whether one word may be the other mistyped: one edit in three letters, two in six (each telling may have one)
    where the first is right, or a near Jaro-Winkler."""
    shorter = min(len(one), len(other))
    if shorter < 3:
        return shorter == 2 and one[0] == other[0] and OSA.distance(one, other, score_cutoff=1) <= 1
    allowed = 1 if shorter < 6 or one[0] != other[0] else 2
    return (
        OSA.distance(one, other, score_cutoff=allowed) <= allowed
        or JaroWinkler.similarity(one, other, score_cutoff=0.93) > 0
    )


def _are_both_slips(one: str, other: str) -> bool:
    """Whether two words that are nobody's name may each be one slip away from the same name."""
    return min(len(one), len(other)) >= 5 and one[0] == other[0] and OSA.distance(one, other, score_cutoff=2) <= 2


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
    if _is_slip(one, other) or (one not in GIVEN and other not in GIVEN and _are_both_slips(one, other)):
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
        shorter, longer = sorted((ones, others), key=len)
        if all(any(_is_one_family_name(word, other) for other in longer) for word in shorter):
            return PARTIAL
    return DIFFERENT


def _is_one_family_name(one: str, other: str) -> bool:
    if one == other or phonetic(one) == phonetic(other):
        return True
    if len(one) == 1 or len(other) == 1:
        return False
    return _is_slip(one, other) and not (one in FAMILY and other in FAMILY)


def _all_sound_alike(one: str, other: str) -> bool:
    return [phonetic(word) for word in one.split()] == [phonetic(word) for word in other.split()]


def compare_names(given: str, family: str, other_given: str, other_family: str) -> tuple[str, str]:
    """The levels of given and of family name, with both read as swapped where that fits better."""
    if f"{given} {family}" == f"{other_given} {other_family}" and family and other_family:
        return EXACT, EXACT
    of_given = EXACT if given == other_given and given else compare_given(given, other_given)
    of_family = EXACT if family == other_family and family else compare_family(family, other_family)
    if of_given == DIFFERENT and of_family in (DIFFERENT, MISSING):
        if given == other_family and family == other_given:
            return SWAPPED, SWAPPED
        if family and other_family and _swap_fits(given, family, other_given, other_family):
            return SWAPPED, SWAPPED
        # Who gave one name only may have given the family name.
        if bool(family) != bool(other_family):
            alone, whole = (other_given, family) if family else (given, other_family)
            as_family = compare_family(alone, whole)
            if as_family in (EXACT, CLOSE, PARTIAL) and len(alone) > 2:
                return MISSING, as_family
    return of_given, of_family


def _swap_fits(given: str, family: str, other_given: str, other_family: str) -> bool:
    """Whether the names that matter, the first given and the last family name, fit crosswise, one of them exactly."""
    across = (
        compare_given(_first(given), _last(other_family)),
        compare_given(_last(family), _first(other_given)),
    )
    if across == (INITIAL, EXACT) or across == (EXACT, INITIAL):
        return len(_last(family)) >= 4 or len(_last(other_family)) >= 4
    return EXACT in across and all(level in (EXACT, CLOSE, NICKNAME) for level in across)


def _first(words: str) -> str:
    return words.partition(" ")[0]


def _last(words: str) -> str:
    return words.rpartition(" ")[2]


@lru_cache(maxsize=CACHED)
def names_in_mail(given: str, family: str, emails: str) -> tuple[str, str]:
    """Which of the two names a mail address of somebody nameless is made of: the levels of given and family name.

    `ana.souza@` has both, `asouza82@` the family name with an initial, `ana1982@` the given name.
    """
    first, last = _first(given), _last(family)
    best = MISSING, MISSING
    for address in emails.split():
        local = "".join(filter(str.isalpha, address.rpartition("@")[0]))
        if address.startswith("!") or not local:
            continue
        has_given = len(first) >= 3 and first in local
        has_family = len(last) >= 4 and last in local
        if has_given and has_family:
            return IN_MAIL, IN_MAIL
        if has_family and local.replace(last, "", 1)[:1] in {first[:1], ""}:
            best = INITIAL if first else MISSING, IN_MAIL
        elif has_given and best == (MISSING, MISSING) and local.startswith(first):
            best = IN_MAIL, MISSING
    return best


@lru_cache(maxsize=CACHED)
def is_name_and_year(given: str, family: str, address: str) -> bool:
    """Whether a mail address is this name and a year (`diogo.costa1969@`, `dcosta69@`), as its namesakes' may be."""
    digits = "".join(filter(str.isdigit, address.rpartition("@")[0]))
    is_year = len(digits) == 2 or (len(digits) == 4 and digits[:2] in ("19", "20"))
    return is_year and names_in_mail(given, family, address)[1] == IN_MAIL
