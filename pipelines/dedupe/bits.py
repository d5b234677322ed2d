"""The bits for two contacts being one person, field by field, by how rare what they share is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from functools import lru_cache
from math import exp2, log2
from typing import Final, NamedTuple

from pipelines.dedupe.blocking import key_hash, name_key
from pipelines.dedupe.comparison import (
    CITY,
    FIELDS,
    LAST_DIGITS,
    LOCAL,
    MOBILE,
    PLAIN_LOCAL,
    ROLE,
    Comparison,
    compare,
    plain_local,
)
from pipelines.dedupe.features import Features
from pipelines.dedupe.names_compared import (
    CLOSE,
    DIFFERENT,
    EXACT,
    MISSING,
    OVERLAP,
    PARTIAL,
    SWAPPED,
    is_name_and_year,
)
from pipelines.dedupe.weights import FEWEST, Frequencies, Model, Ratios

UNSEEN_HOLDERS: Final = 0.005
"""Strangers who hold a private identifier beside those the index shows: invented or recycled ones."""

NAMESAKES: Final = 2e-5
"""Share of strangers with one local part, digits and all: whoever bears the name may make it of name and year."""
SAME_YEAR: Final = 1 / 60
"""Share of those who bear one name, and put a year behind it in their address, that put this year: that the name is
theirs too is counted with the name."""
Table = tuple[dict[str, Ratios], ...]
_GIVEN, _FAMILY, _EMAIL, _PHONE, _ADDRESS = map(
    FIELDS.index, ("given_name", "family_name", "email", "phone", "address")
)


class Scored(NamedTuple):
    """One candidate weighed. `fields` are bits in the order of `FIELDS`."""

    bits: float
    prior: float
    fields: tuple[float, ...]
    shared: float
    comparison: Comparison


def probability_of(bits: float, model: Model) -> float:
    """How likely a pair of so many bits is one person: by the model's calibration, or by Bayes alone."""
    points = model.calibration
    if not points:
        return 1 / (1 + exp2(-max(min(bits, 60.0), -60.0)))
    if bits <= points[0][0]:
        return points[0][1] * exp2(max(bits - points[0][0], -60.0))
    at = bisect_left(points, (bits,))
    if at == len(points):
        return 1 - (1 - points[-1][1]) * exp2(max(points[-1][0] - bits, -60.0))
    (low, low_probability), (high, high_probability) = points[at - 1], points[at]
    return low_probability + (high_probability - low_probability) * (bits - low) / max(high - low, 1e-9)


def score(
    subject: Features,
    candidate: Features,
    model: Model,
    frequencies: Frequencies,
    table: Table | None = None,
) -> Scored:
    """The bits for the two being one person, field by field. Symmetric in subject and candidate.

    `table` is `model.table`, handed in by who scores many.
    """
    table = table or model.table
    comparison = compare(subject, candidate)
    rarity = _rarity(subject, candidate, comparison, table, frequencies)
    match = household = colleagues = 0.0
    bits = [0.0] * len(rarity)
    for place, level in enumerate(comparison.levels):
        if level == MISSING:
            continue
        one, home, office, _ = table[place][level]
        more = rarity[place]
        bits[place] = one + more
        match += one + more
        household += home + more
        colleagues += office + more
    population = max(frequencies.population, 2)
    prior = log2(model.duplicates / population)
    # Against three kinds of non-match: strangers, a household, colleagues.
    # Who holds the same identifier is a colleague too: behind a switchboard there are as many as it has holders.
    around = max(model.colleagues, 2.0 * _crowd(comparison, frequencies))
    against = _log2_sum(log2(model.households / population) + household, log2(around / population) + colleagues)
    return Scored(prior + match - against, prior, tuple(bits), -against, comparison)


def _log2_sum(one: float, other: float) -> float:
    """log2 of the sum of 1 and two powers of two."""
    highest = max(0.0, one, other)
    return highest + log2(exp2(-highest) + exp2(one - highest) + exp2(other - highest))


def _rarity(
    subject: Features, candidate: Features, comparison: Comparison, table: Table, frequencies: Frequencies
) -> list[float]:
    """By how many bits the rarity of what agreed moves each field from the model's rate among strangers.

    The rarity is that of the commoner form of the two, which keeps the comparison symmetric.
    """
    given, family = comparison.levels[_GIVEN], comparison.levels[_FAMILY]
    rarity = [0.0] * len(FIELDS)
    joint = 1.0
    if given in (EXACT, SWAPPED):
        share = frequencies.share_of_given(subject.given)
        if given == SWAPPED:
            share = max(share, frequencies.share_of_given(candidate.given))
        rarity[_GIVEN] = _beyond(share, table[_GIVEN][EXACT])
        joint *= share
    elif given != DIFFERENT and given != MISSING:
        share = max(frequencies.share_of_given(subject.given), frequencies.share_of_given(candidate.given))
        rarity[_GIVEN] = min(_beyond(share, table[_GIVEN][EXACT]), 0.0) / 2
        joint *= share
    if family in (EXACT, SWAPPED, PARTIAL, CLOSE, OVERLAP):
        share = _share_of_shared_family(subject.family, candidate.family, family, frequencies)
        if family == EXACT and given in (EXACT, PARTIAL):
            share = max(share, _seen_share(subject, candidate, frequencies) / joint)
        more = _beyond(share, table[_FAMILY][EXACT])
        rarity[_FAMILY] = more if family in (EXACT, SWAPPED) else min(more, 0.0) if family == CLOSE else more / 2
    if comparison.email:
        level = comparison.levels[_EMAIL]
        rarity[_EMAIL] = _identifier("email", level, comparison.email, table[_EMAIL], frequencies)
        names_agree = given not in (DIFFERENT, MISSING) and family not in (DIFFERENT, MISSING)
        if level == LOCAL and names_agree and _is_made_of_name(subject, candidate, comparison.email):
            rarity[_EMAIL] = min(rarity[_EMAIL], _beyond(SAME_YEAR, table[_EMAIL][LOCAL]))
    if comparison.phone:
        rarity[_PHONE] = _identifier("phone", comparison.levels[_PHONE], comparison.phone, table[_PHONE], frequencies)
    if comparison.levels[_ADDRESS] == CITY:
        share = max(frequencies.share_of_city(subject.city), frequencies.share_of_city(candidate.city))
        rarity[_ADDRESS] = _beyond(share, table[_ADDRESS][CITY])
    return rarity


def _is_made_of_name(subject: Features, candidate: Features, address: str) -> bool:
    return any(is_name_and_year(one.given, one.family, address) for one in (subject, candidate))


def _beyond(share: float, ratios: Ratios) -> float:
    """Bits by which a value of this share is rarer than the level's rate among strangers."""
    return ratios.random - log2(max(share, FEWEST))


def _share_of_shared_family(one: str, other: str, level: str, frequencies: Frequencies) -> float:
    if one == other:
        return frequencies.share_of_families(one)
    if level in (PARTIAL, OVERLAP):
        shared = " ".join(sorted(set(one.split()) & set(other.split())))
        if shared:
            return frequencies.share_of_families(shared)
        # Alike by sound or a slip, or the only name that one of them gave.
        return max(frequencies.share_of_family(names) for names in (one, other) if names)
    return max(frequencies.share_of_families(one), frequencies.share_of_families(other))


def _seen_share(subject: Features, candidate: Features, frequencies: Frequencies) -> float:
    """The share of contacts that the index shows to bear this whole name (by its sound)."""
    share = 0.0
    for key in {name_key(subject), name_key(candidate)}:
        if key is not None:
            share = max(share, frequencies.share_of(key, others=0.3) or 0.0)
    return share


def _identifier(name: str, level: str, value: str, ratios: Mapping[str, Ratios], frequencies: Frequencies) -> float:
    """An identifier held by many weighs less, one that the index shows only once no more than the index is large."""
    if level in (CLOSE, PLAIN_LOCAL):
        return 0.0
    kind = {LOCAL: "email_local", LAST_DIGITS: "phone8"}.get(level, name)
    value = plain_local(value) if level == LOCAL else value.lstrip("!")
    share = frequencies.share_of(_key_hash(kind, value), others=UNSEEN_HOLDERS)
    if share is None:
        share = UNSEEN_HOLDERS / max(frequencies.population, 1)
    if level == LOCAL:
        share = max(share, NAMESAKES)
    return _beyond(share, ratios[level])


def _crowd(comparison: Comparison, frequencies: Frequencies) -> int:
    """How many others hold the identifier that the two share."""
    most = 0
    for name, place, value in (("email", _EMAIL, comparison.email), ("phone", _PHONE, comparison.phone)):
        if value and comparison.levels[place] in (EXACT, ROLE, MOBILE):
            most = max(most, frequencies.block_sizes.get(_key_hash(name, value.lstrip("!")), 1) - 1)
    return most


_key_hash = lru_cache(maxsize=1024)(key_hash)
"""What one arrival shares with several candidates is hashed once."""
