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
| `name_only` | nothing but the name agrees |
| `name_unsure` | the names are not the same in full, and beside them only the city or the company agrees |
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipelines.dedupe.bits import Scored, probability_of, score
from pipelines.dedupe.comparison import (
    DOMAIN,
    FIELDS,
    LAST_DIGITS,
    LOCAL,
    MOBILE,
    ONE_SIDED,
    PLAIN_LOCAL,
    ROLE,
    Comparison,
)
from pipelines.dedupe.features import Features
from pipelines.dedupe.names_compared import CLOSE, DIFFERENT, EXACT, MISSING
from pipelines.dedupe.weights import Frequencies, Model
from pipelines.models import Decision, DecisionKind, Evidence

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
NAME_UNSURE: Final = "name_unsure"

SHARED: Final = "shared"
"""The line that takes off what people of one household or company share anyway."""

MOST_EVIDENCE: Final = 5
"""Candidates whose evidence is kept: the best, and others while they are not hopeless."""
HOPELESS: Final = -10.0
"""Bits below which a candidate that is not the best is not worth a line."""
LONGEST_VALUE: Final = 120


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


def vetoes_of(comparison: Comparison) -> tuple[str, ...]:
    """The codes of the rules that forbid to merge two who compare so without asking."""
    given, family, generation, email, phone, document, remote, birth, company, address = comparison.levels
    agreed = (email in _SAME_MAILBOX) + (phone in _SAME_LINE) + (document == EXACT) + (birth in (EXACT, CLOSE))
    same_record = remote == EXACT
    found = []
    if not same_record and (given == DIFFERENT or (family == DIFFERENT and agreed < 2)):
        found.append(NAMES_CONFLICT)
    if document == DIFFERENT:
        found.append(DOCUMENTS_DIFFER)
    if birth == DIFFERENT and not same_record:
        found.append(BIRTHS_DIFFER)
    son_or_self = generation == ONE_SIDED and agreed < 2 and email not in _SAME_MAILBOX
    if generation == DIFFERENT or (son_or_self and not same_record):
        found.append(GENERATIONS_DIFFER)
    if not agreed and not same_record:
        works = company not in (MISSING, DIFFERENT) or email == ROLE
        lives = address not in (MISSING, DIFFERENT)
        in_full = given == family == EXACT
        if not (works or lives):
            found.append(NAME_ONLY)
        elif not (in_full or email == PLAIN_LOCAL or (works and lives)):
            found.append(NAME_UNSURE)
    return tuple(found)


_SAME_MAILBOX: Final = (EXACT, CLOSE, LOCAL)
_SAME_LINE: Final = (MOBILE, EXACT, CLOSE, LAST_DIGITS)


def _shown(value: Features, level: str, place: int) -> str:
    if place == _COMPANY:
        return value.domains if level == DOMAIN or not value.company else value.company
    if place == _ADDRESS:
        return ", ".join(filter(None, (value.street, value.postal_code, value.city)))[:LONGEST_VALUE]
    return value[_SHOWN[place]][:LONGEST_VALUE]


_COMPANY: Final = FIELDS.index("company")
_ADDRESS: Final = FIELDS.index("address")
_SHOWN: Final = tuple(
    map(
        Features._fields.index,
        ("given", "family", "generation", "emails", "phones", "documents", "remotes", "birth", "company", "city"),
    )
)
"""Where in a contact's features the values of each of `FIELDS` stand."""


def _evidence(subject: Features, candidate: Candidate, scored: Scored, model: Model) -> Evidence:
    lines = [
        {
            "field": FIELDS[place],
            "left": _shown(subject, level, place),
            "right": _shown(candidate.features, level, place),
            "level": level,
            "bits": round(scored.fields[place], 2),
        }
        for place, level in enumerate(scored.comparison.levels)
        if level != MISSING
    ]
    lines.sort(key=_weight, reverse=True)
    if scored.shared < -0.05:
        off = round(scored.shared, 2)
        lines.append({"field": SHARED, "left": "", "right": "", "level": "household_or_company", "bits": off})
    return Evidence.model_validate(  # all at once: a third of the time that line by line takes
        {
            "contact_id": candidate.contact_id,
            "bits": round(scored.bits, 2),
            "probability": probability_of(scored.bits, model),
            "prior_bits": round(scored.prior, 2),
            "fields": lines,
            "vetoes": vetoes_of(scored.comparison),
        }
    )


def _weight(line: Mapping[str, Any]) -> Any:
    return abs(line["bits"])
