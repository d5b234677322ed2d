"""Whether a submission is somebody who is known: new, a match, or for a person to say.

Reasons of a decision:

| code | means |
|---|---|
| `no_candidate` | nobody shares a key with the submission |
| `below_review` | the likeliest candidate is less likely than the review threshold |
| `likely_match` | one candidate is above the match threshold, and nothing forbids it |
| `same_document`, `same_remote` | as `likely_match`, on the strength of an identifier that only one person has |
| `between_thresholds` | likely enough to ask, not likely enough to merge |
| `ambiguous` | two known contacts are each likely: perhaps they are one |
| `vetoed` | likely, but a rule forbids merging without a person; the evidence names it |

Vetoes forbid an automatic merge whatever the sum, and send a likely pair to review:

| code | means |
|---|---|
| `names_conflict` | given names differ, or family names do and no two identifiers agree: couples, assistants |
| `documents_differ` | both gave a valid CPF, and not the same |
| `births_differ` | birth dates differ by more than a slip |
| `generations_differ` | *Filho* and *Neto*, or *Filho* and none with no mailbox in common: two of one family |
| `name_only` | nothing but the name (and at most the city) agrees |
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from math import exp2, log2
from typing import Final, NamedTuple

from pipelines.dedupe.blocking import key_hash, name_key
from pipelines.dedupe.comparison import (
    CITY,
    DOMAIN,
    FIELDS,
    LAST_DIGITS,
    LOCAL,
    ONE_SIDED,
    PLAIN_LOCAL,
    ROLE,
    Comparison,
    compare,
)  # fmt: skip
from pipelines.dedupe.features import Features
from pipelines.dedupe.names_compared import CLOSE, DIFFERENT, EXACT, MISSING, OVERLAP, PARTIAL, SWAPPED
from pipelines.dedupe.weights import FEWEST, Frequencies, Model, Ratios
from pipelines.models import Decision, DecisionKind, Evidence, FieldEvidence

NO_CANDIDATE: Final = "no_candidate"
BELOW_REVIEW: Final = "below_review"
LIKELY_MATCH: Final = "likely_match"
SAME_DOCUMENT: Final = "same_document"
SAME_REMOTE: Final = "same_remote"
BETWEEN_THRESHOLDS: Final = "between_thresholds"
AMBIGUOUS: Final = "ambiguous"
VETOED: Final = "vetoed"

NAMES_CONFLICT: Final = "names_conflict"
DOCUMENTS_DIFFER: Final = "documents_differ"
BIRTHS_DIFFER: Final = "births_differ"
GENERATIONS_DIFFER: Final = "generations_differ"
NAME_ONLY: Final = "name_only"

SHARED: Final = "shared"
"""The line that takes off what people of one household or company share anyway."""

MOST_EVIDENCE: Final = 5
"""Candidates whose evidence is kept: the best, and others while they are not hopeless."""
HOPELESS: Final = -10.0
"""Bits below which a candidate that is not the best is not worth a line."""
LONGEST_VALUE: Final = 120
UNSEEN_HOLDERS: Final = 0.005
"""Strangers who hold a private identifier beside those the index shows: invented or recycled ones."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A known contact that shares a key with the submission."""

    contact_id: str
    features: Features


@dataclass(frozen=True, slots=True)
class Policy:
    """How careful to be: the user's price of a wrong merge, in numbers they can mean.

    A merge is made without asking when, of a thousand made so, no more than `wrong_merges_per_1000` are expected to
    be wrong. A person is asked from `review_from` up.
    """

    wrong_merges_per_1000: float = 10.0
    review_from: float = 0.20

    def __post_init__(self) -> None:
        if not 0 < self.wrong_merges_per_1000 < 1000:
            raise ValueError("wrong_merges_per_1000 is a number between 0 and 1000, 10 for one in a hundred")
        if not 0 <= self.review_from <= 1:
            raise ValueError("review_from is a probability between 0 and 1")

    def thresholds(self, model: Model) -> tuple[float, float]:
        """Probabilities from which to merge and from which to ask.

        By the model's measured precision where it has one; else each single merge must be as sure as the average.
        """
        accepted = self.wrong_merges_per_1000 / 1000
        match_at = 1 - accepted
        for probability, wrong in model.precision:
            if wrong <= accepted:
                match_at = probability
                break
        return match_at, min(self.review_from, match_at)


Table = tuple[dict[str, Ratios], ...]
_PLACE: Final = {name: place for place, name in enumerate(FIELDS)}


class Scored(NamedTuple):
    """One candidate weighed. `fields` are bits in the order of `FIELDS`."""

    bits: float
    prior: float
    fields: tuple[float, ...]
    shared: float
    comparison: Comparison


def decide(
    subject: Features,
    candidates: Sequence[Candidate],
    model: Model,
    policy: Policy = Policy(),
    frequencies: Frequencies = Frequencies(),  # noqa: B008 - frozen
    *,
    not_the_same: Collection[str] = (),
    notes: Iterable[str] = (),
) -> Decision:
    """Whether the subject is one of the candidates.

    `not_the_same` holds contact ids that a person has said are somebody else. `notes` are kept with the decision (keys
    too common to look up). The order of the candidates does not matter.
    """
    match_at, review_at = policy.thresholds(model)
    table = model.table
    weighed = [
        (score(subject, candidate.features, model, frequencies, table), candidate)
        for candidate in candidates
        if candidate.contact_id not in not_the_same
    ]
    weighed.sort(key=lambda pair: (-pair[0].bits, pair[1].contact_id))
    kept = tuple(
        _evidence(subject, found, scored, model)
        for place, (scored, found) in enumerate(weighed[:MOST_EVIDENCE])
        if place == 0 or scored.bits > HOPELESS
    )
    kind, reason, probability = _judge(kept, match_at, review_at)
    return Decision(
        kind=kind,
        contact_id="" if kind is DecisionKind.NEW else kept[0].contact_id,
        probability=probability,
        reason=reason,
        evidence=kept,
        match_at=match_at,
        review_at=review_at,
        model=model.version,
        notes=tuple(notes),
    )


def _judge(kept: Sequence[Evidence], match_at: float, review_at: float) -> tuple[DecisionKind, str, float]:
    if not kept:
        return DecisionKind.NEW, NO_CANDIDATE, 0.0
    best = kept[0]
    # At most one of them is the person: their odds compete, and a second likely one takes from the first.
    odds = [_odds(evidence.probability) for evidence in kept]
    probability = odds[0] / (1 + sum(odds))
    identity = next(
        (line.field for line in best.fields if line.level == EXACT and line.field in ("document", "remote")), ""
    )
    if best.probability < review_at:
        return DecisionKind.NEW, BELOW_REVIEW, probability
    if len(kept) > 1 and kept[1].probability >= match_at and probability < match_at and not kept[1].vetoes:
        return DecisionKind.REVIEW, AMBIGUOUS, probability
    if best.vetoes:
        return DecisionKind.REVIEW, VETOED, probability
    if probability >= match_at:
        reason = {"document": SAME_DOCUMENT, "remote": SAME_REMOTE}.get(identity, LIKELY_MATCH)
        return DecisionKind.MATCH, reason, probability
    return DecisionKind.REVIEW, BETWEEN_THRESHOLDS, probability


def _odds(probability: float) -> float:
    return probability / max(1 - probability, 1e-12)


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
    bits = []
    for name, level, ratios in zip(FIELDS, comparison.levels, table, strict=True):
        if level == MISSING:
            bits.append(0.0)
            continue
        one, home, office, _ = ratios[level]
        more = rarity.get(name, 0.0)
        bits.append(one + more)
        match += one + more
        household += home + more
        colleagues += office + more
    population = max(frequencies.population, 2)
    prior = log2(model.duplicates / population)
    # Against three kinds of non-match: strangers, a household, colleagues.
    # Who holds the same identifier is a colleague too: behind a switchboard there are as many as it has holders.
    around = max(model.colleagues, 2.0 * _crowd(comparison, frequencies))
    against = _log2_sum(0.0, log2(model.households / population) + household, log2(around / population) + colleagues)
    return Scored(prior + match - against, prior, tuple(bits), -against, comparison)


def _log2_sum(*terms: float) -> float:
    """log2 of the sum of powers of two."""
    highest = max(terms)
    return highest + log2(sum(exp2(max(term - highest, -200.0)) for term in terms))


def _rarity(
    subject: Features, candidate: Features, comparison: Comparison, table: Table, frequencies: Frequencies
) -> dict[str, float]:
    """By how many bits the rarity of what agreed moves each field from the model's rate among strangers.

    The rarity is that of the commoner form of the two, which keeps the comparison symmetric.
    """
    given, family = comparison.levels[0], comparison.levels[1]
    rarity: dict[str, float] = {}
    joint = 1.0
    if given in (EXACT, SWAPPED):
        share = frequencies.share_of_given(subject.given)
        if given == SWAPPED:
            share = max(share, frequencies.share_of_given(candidate.given))
        rarity["given_name"] = _beyond(share, table, "given_name", EXACT)
        joint *= share
    elif given != DIFFERENT and given != MISSING:
        share = max(frequencies.share_of_given(subject.given), frequencies.share_of_given(candidate.given))
        rarity["given_name"] = min(_beyond(share, table, "given_name", EXACT), 0.0) / 2
        joint *= share
    if family in (EXACT, SWAPPED, PARTIAL, CLOSE, OVERLAP):
        share = _share_of_shared_family(subject.family, candidate.family, family, frequencies)
        if family == EXACT and given in (EXACT, PARTIAL):
            share = max(share, _seen_share(subject, candidate, frequencies) / joint)
        more = _beyond(share, table, "family_name", EXACT)
        rarity["family_name"] = more if family in (EXACT, SWAPPED) else min(more, 0.0) if family == CLOSE else more / 2
    if comparison.email:
        rarity["email"] = _identifier("email", comparison, table, frequencies)
    if comparison.phone:
        rarity["phone"] = _identifier("phone", comparison, table, frequencies)
    if comparison.levels[_PLACE["address"]] == CITY:
        share = max(frequencies.share_of_city(subject.city), frequencies.share_of_city(candidate.city))
        rarity["address"] = _beyond(share, table, "address", CITY)
    return rarity


def _beyond(share: float, table: Table, name: str, level: str) -> float:
    """Bits by which a value of this share is rarer than the level's rate among strangers."""
    return table[_PLACE[name]][level].random - log2(max(share, FEWEST))


def _share_of_shared_family(one: str, other: str, level: str, frequencies: Frequencies) -> float:
    if level in (PARTIAL, OVERLAP):
        shared = " ".join(sorted(set(one.split()) & set(other.split())))
        return frequencies.share_of_families(shared) if shared else frequencies.share_of_family(one)
    return max(frequencies.share_of_families(one), frequencies.share_of_families(other))


def _seen_share(subject: Features, candidate: Features, frequencies: Frequencies) -> float:
    """The share of contacts that the index shows to bear this whole name (by its sound)."""
    keys = {name_key(subject), name_key(candidate)} - {None}
    return max((frequencies.share_of(key, others=0.3) or 0.0 for key in keys if key is not None), default=0.0)


def _identifier(name: str, comparison: Comparison, table: Table, frequencies: Frequencies) -> float:
    """An identifier held by many weighs less, one that the index shows only once no more than the index is large."""
    level = comparison.levels[_PLACE[name]]
    value = comparison.email if name == "email" else comparison.phone
    kind = {LOCAL: "email_local", LAST_DIGITS: "phone8"}.get(level, name)
    if level in (CLOSE, PLAIN_LOCAL):
        return 0.0
    value = value.lstrip("!").rpartition("@")[0] if level == LOCAL else value.lstrip("!")
    share = frequencies.share_of(key_hash(kind, value), others=UNSEEN_HOLDERS)
    if share is None:
        share = UNSEEN_HOLDERS / max(frequencies.population, 1)
    return _beyond(share, table, name, level)


def _crowd(comparison: Comparison, frequencies: Frequencies) -> int:
    """How many others hold the identifier that the two share."""
    keys = [
        key_hash(name, value.lstrip("!"))
        for name, value in (("email", comparison.email), ("phone", comparison.phone))
        if value and comparison.levels[_PLACE[name]] in (EXACT, ROLE)
    ]
    return max((frequencies.block_sizes.get(key, 1) - 1 for key in keys), default=0)


def _vetoes(comparison: Comparison) -> tuple[str, ...]:
    levels = dict(zip(FIELDS, comparison.levels, strict=True))
    agreed = sum(levels[name] in strong for name, strong in _IDENTIFIERS.items())
    same_record = levels["remote"] == EXACT
    found = []
    given_differs = levels["given_name"] == DIFFERENT
    family_differs = levels["family_name"] == DIFFERENT
    if not same_record and (given_differs or (family_differs and agreed < 2)):
        found.append(NAMES_CONFLICT)
    if levels["document"] == DIFFERENT:
        found.append(DOCUMENTS_DIFFER)
    if levels["birth_date"] == DIFFERENT and not same_record:
        found.append(BIRTHS_DIFFER)
    son_or_self = levels["generation"] == ONE_SIDED and agreed < 2 and levels["email"] not in _IDENTIFIERS["email"]
    if levels["generation"] == DIFFERENT or (son_or_self and not same_record):
        found.append(GENERATIONS_DIFFER)
    if not agreed and not same_record and levels["company"] in (MISSING, DIFFERENT) and levels["address"] in _NO_PLACE:
        found.append(NAME_ONLY)
    return tuple(found)


_IDENTIFIERS: Final = {
    "email": (EXACT, CLOSE, LOCAL),
    "phone": (EXACT, CLOSE, LAST_DIGITS),
    "document": (EXACT,),
    "birth_date": (EXACT, CLOSE),
}
_NO_PLACE: Final = (MISSING, DIFFERENT)

_SHOWN: Final[dict[str, tuple[str, ...]]] = {
    "given_name": ("given",), "family_name": ("family",), "generation": ("generation",), "email": ("emails",),
    "phone": ("phones",), "document": ("documents",), "remote": ("remotes",), "birth_date": ("birth",),
    "company": ("company", "domains"), "address": ("street", "postal_code", "city"),
}  # fmt: skip


def _shown(value: Features, name: str, level: str) -> str:
    if name == "company":
        return value.domains if level == DOMAIN or not value.company else value.company
    return ", ".join(text for text in (getattr(value, part) for part in _SHOWN[name]) if text)[:LONGEST_VALUE]


def _evidence(subject: Features, candidate: Candidate, scored: Scored, model: Model) -> Evidence:
    lines = [
        FieldEvidence(
            field=name,
            left=_shown(subject, name, level),
            right=_shown(candidate.features, name, level),
            level=level,
            bits=round(bits, 2),
        )
        for name, level, bits in zip(FIELDS, scored.comparison.levels, scored.fields, strict=True)
        if level != MISSING
    ]
    lines.sort(key=lambda line: -abs(line.bits))
    if scored.shared < -0.05:
        lines.append(
            FieldEvidence(field=SHARED, left="", right="", level="household_or_company", bits=round(scored.shared, 2))
        )
    return Evidence(
        contact_id=candidate.contact_id,
        bits=round(scored.bits, 2),
        probability=probability_of(scored.bits, model),
        prior_bits=round(scored.prior, 2),
        fields=tuple(lines),
        vetoes=_vetoes(scored.comparison),
    )
