"""Learning the weights of dedupe from the store's own contacts, without labels, in bounded memory.

What is learned from are tellings (submissions), not contacts: of contacts those that agree have been merged. One pass
over all of them notes who holds which identifier, as 64-bit hashes in arrays (some 100 bytes a submission); the pairs
that share an identifier which exactly two submissions hold, and pairs by chance, are then read a few hundred at a time.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipelines.dedupe.bits import score
from pipelines.dedupe.blocking import key_hash, keys_of
from pipelines.dedupe.features import Features, features
from pipelines.dedupe.learning import (
    Calibration,
    FeaturePair,
    Training,
    calibrate,
    expected_precision,
    learned_shares,
    surest_share,
    train,
)
from pipelines.dedupe.weights import DEFAULT_MODEL, Model
from pipelines.models import Contact, Decision, DecisionKind
from worker.errors import PermanentError
from worker.steps.dedupe_model import model_in_force
from worker.steps.rehearsing import rehearse
from worker.steps.resolve import DEDUPE, SMALLEST_POPULATION
from worker.steps.runtime import Runtime
from worker.store import contacts, dedupe_models, merges
from worker.store.engine import Transaction, chunks
from worker.store.merges import SPLIT

Progress = Callable[[str, int, int], None]

FEWEST_TELLINGS = 200
"""Submissions below which nothing is learned: chance would teach more than the people do."""
PASS_PAIRS = 8_000
"""Pairs that each identifier teaches from: rates are known to half a percent, which is a hundredth of a bit."""
DRAWN = 20_000
"""Submissions that pairs by chance are made of."""
SHIFTS = 5
"""Pairs by chance that each of them is in, on either side."""
MOST_REVIEWS = 5_000
"""Newest words of people that probabilities are calibrated by."""
REHEARSED = 1_000
"""Newest decisions that the new model is tried on."""
_READ_AT_ONCE = 2_000
_MOST_COUNTED = 200_000
"""Different names counted at once; where there are more, those seen once so far are dropped."""
_CHANCE = 20_260_101


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What was learned and how sure it is."""

    version: str
    base: str
    """The model that it replaces."""
    tellings: int
    strangers: int
    """Pairs by chance that were compared."""
    pairs: Mapping[str, int]
    """Pairs that each identifier taught from."""
    matches_seen: Mapping[str, float]
    unsure: Sequence[str]
    """Fields that too few matches taught of: they lean on the shipped rates."""
    reviews: int
    """Words of people that probabilities were calibrated by."""
    calibrated: bool
    calibration: str
    """Why they were not, or the slope and the shift with their standard errors."""
    merged_unasked: int
    taken_back: int
    """Of these, how many people have taken back."""
    wrong_in_1000: tuple[float, float]
    """Between which numbers the wrong merges in 1,000 lie, by what was taken back (95 %, Wilson)."""
    match_at: float
    review_at: float
    rehearsed: int
    changed: Mapping[str, int]
    """How many of the newest decisions would be others: `match → review` and so on."""
    in_force: bool = False


@dataclass
class _Notes:
    """What one pass over all tellings leaves behind."""

    ids: list[str]
    people: array[int]
    """A hash of who each telling is: two of one person are no strangers."""
    holders: Mapping[str, tuple[array[int], array[int]]]
    """For each pass the hashes of identifiers and the number of the telling that holds it."""
    names: Mapping[str, Counter[str]]


def train_dedupe(
    runtime: Runtime, *, by: str, use: bool = True, progress: Progress = lambda step, done, total: None
) -> TrainingReport:
    """Learn a model from the store and take it into use (`use` False: only say what it would be, and keep nothing).

    Raises `PermanentError` when there are fewer than `FEWEST_TELLINGS` submissions to learn from.
    """
    notes = _note(runtime, progress)
    if len(notes.ids) < FEWEST_TELLINGS:
        raise PermanentError(
            f"{len(notes.ids)} submissions are too few to learn from: it takes {FEWEST_TELLINGS}; "
            f"until then the shipped model {DEFAULT_MODEL.version} decides"
        )
    now = runtime.clock()
    version = _version(runtime)
    with runtime.database.read() as tx:
        before = model_in_force(tx)
    progress("learn", 0, 1)
    pairs = {name: _twice_held(*holders) for name, holders in notes.holders.items()}
    training = train(
        DEFAULT_MODEL,
        _loaded(runtime, notes.ids, _by_chance(notes.people)),
        {name: _loaded(runtime, notes.ids, found, apart=True) for name, found in pairs.items()},
        version=version,
    )
    model = training.model.model_copy(
        update={"shares": {kind: learned_shares(kind, counts, counts.total()) for kind, counts in notes.names.items()}}
    )
    progress("learn", 1, 1)
    with runtime.database.read() as tx:
        population = max(contacts.population(tx), SMALLEST_POPULATION)
        calibration = calibrate(model, _outcomes(tx, model, population, progress))
        model, changed, rehearsed = _rehearsed(tx, runtime, before, calibration, population, progress)
        merged, moved = dedupe_models.merged_unasked(tx, DEDUPE)
        living = contacts.surviving(tx, {then for then, _ in moved})
        taken_back = sum(living[then] != whose for then, whose in moved)
    found = _report(training, calibration, before, {name: len(some) for name, some in pairs.items()})
    low, high = surest_share(taken_back, merged)
    match_at, review_at = runtime.policy.thresholds(model)
    report = replace(
        found, tellings=len(notes.ids), merged_unasked=merged, taken_back=taken_back, match_at=match_at,
        wrong_in_1000=(round(low * 1000, 1), round(high * 1000, 1)), review_at=review_at, rehearsed=rehearsed,
        changed=changed, in_force=use,
    )  # fmt: skip
    if use:
        text = json.dumps(asdict(report), ensure_ascii=False)
        with runtime.database.write() as tx:
            dedupe_models.add(tx, version, model.model_dump_json(), report=text, by=by, now=now)
            dedupe_models.use(tx, version, now)
    return report


def _version(runtime: Runtime) -> str:
    with runtime.database.read() as tx:
        taken = {row["version"] for row in dedupe_models.listed(tx)}
    number = 1
    while f"own-{number}" in taken:
        number += 1
    return f"own-{number}"


def _note(runtime: Runtime, progress: Progress) -> _Notes:
    """One pass over all tellings, in transactions of `_READ_AT_ONCE`."""
    ids: list[str] = []
    people = array("q")
    holders = {name: (array("q"), array("l")) for name in ("email", "phone", "document", "name")}
    names: dict[str, Counter[str]] = {"given": Counter(), "family": Counter(), "city": Counter()}
    with runtime.database.read() as tx:
        total = dedupe_models.count_tellings(tx)
    after = ""
    while True:
        with runtime.database.read() as tx:
            some = dedupe_models.tellings(tx, after=after, limit=_READ_AT_ONCE)
        if not some:
            return _Notes(ids, people, holders, names)
        after = some[-1].id
        for telling in some:
            value = features(Contact.model_validate_json(telling.contact))
            for kind, identifier in _identifiers(value):
                hashes, whose = holders[kind]
                hashes.append(key_hash(kind, identifier))
                whose.append(len(ids))
            names["given"].update(value.given.split()[:1])
            names["family"].update(value.family.split())
            names["city"].update([value.city] if value.city else [])
            ids.append(telling.id)
            people.append(key_hash("contact", telling.contact_id or telling.id))
        for kind, counts in names.items():
            if len(counts) > _MOST_COUNTED:
                names[kind] = Counter({name: count for name, count in counts.items() if count > 1})
        progress("read", len(ids), max(total, len(ids)))


def _identifiers(value: Features) -> Iterator[tuple[str, str]]:
    """What may show that two tellings are of one person, by the pass that it makes."""
    for address in value.emails.split():
        if not address.startswith("!"):
            yield "email", address
    for number in {number[-8:] for number in value.phones.split()}:
        yield "phone", number
    for document in value.documents.split():
        if not document.startswith("?"):
            yield "document", document
    if value.given and value.family:
        yield "name", f"{value.given} {value.family}"


Pairs = NDArray[np.int64]
"""Two columns: numbers of tellings."""


def _twice_held(hashes: array[int], whose: array[int]) -> Pairs:
    """Pairs of tellings that hold one identifier which no third holds; at most `PASS_PAIRS`, spread over all."""
    keys, tellings = np.asarray(hashes), np.asarray(whose)
    order = np.argsort(keys, kind="stable")
    _, starts, counts = np.unique(keys[order], return_index=True, return_counts=True)
    first = starts[counts == 2]
    pairs = np.stack([tellings[order[first]], tellings[order[first + 1]]], axis=1) if len(first) else np.empty((0, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]].astype(np.int64)
    spread: Pairs = pairs[:: max(-(-len(pairs) // PASS_PAIRS), 1)]
    return spread


def _by_chance(people: array[int]) -> Pairs:
    """Pairs of tellings drawn by chance, the same each time, none of one person."""
    whose = np.asarray(people)
    drawn = np.random.default_rng(_CHANCE).permutation(len(whose))[:DRAWN]
    pairs = np.concatenate([np.stack([drawn, np.roll(drawn, shift)], axis=1) for shift in range(1, SHIFTS + 1)])
    apart: Pairs = pairs[whose[pairs[:, 0]] != whose[pairs[:, 1]]]
    return apart


def _loaded(runtime: Runtime, ids: Sequence[str], pairs: Pairs, *, apart: bool = False) -> Iterator[FeaturePair]:
    """The features of each pair, a few hundred pairs at a time.

    `apart`: without pairs that are one record of another system told of twice, which show how that system repeats
    itself, not how people fill in forms.
    """
    for some in chunks(pairs.tolist()):
        wanted = {ids[number] for pair in some for number in pair}
        with runtime.database.read() as tx:
            known = {
                telling.id: features(Contact.model_validate_json(telling.contact))
                for telling in dedupe_models.told(tx, wanted)
            }
        for left, right in some:
            one, other = known.get(ids[left]), known.get(ids[right])
            if one is None or other is None:
                continue  # sent through the stages again meanwhile
            if not (apart and one.remotes and set(one.remotes.split()) & set(other.remotes.split())):
                yield one, other


def _outcomes(tx: Transaction, model: Model, population: int, progress: Progress) -> list[tuple[float, bool]]:
    """What people decided: the bits that the model gives each, and whether it was one person."""
    found: list[tuple[float, bool]] = []
    rows = dedupe_models.decided(tx, by_dedupe=False, dedupe=DEDUPE, limit=MOST_REVIEWS)
    words = {row["submission_id"]: Decision.model_validate_json(row["decision"]) for row in reversed(rows)}
    for done, submission in enumerate(words):
        decision = words[submission]
        progress("reviews", done + 1, len(words))
        shown = decision.contact_id or (decision.evidence[0].contact_id if decision.evidence else "")
        asked = contacts.surviving(tx, [shown])[shown]
        for rehearsal in rehearse(tx, [submission]):
            bits = rehearsal.bits(asked, model, population)
            if bits is not None:
                found.append((bits, asked == rehearsal.contact_id))
    for row in merges.listed(tx, limit=MOST_REVIEWS):
        entry = merges.read(tx, row["id"])
        if entry is None:
            continue
        kept, other = features(entry.journal.kept.contact), features(entry.journal.other.contact)
        sizes = {key: len(block) for key, block in contacts.blocks(tx, (key.hash for key in keys_of(other))).items()}
        same = (entry.kind == SPLIT) == (entry.undone_at is not None)
        found.append((score(other, kept, model, model.frequencies(population, sizes)).bits, same))
    return found


def _rehearsed(
    tx: Transaction, runtime: Runtime, before: Model, calibration: Calibration, population: int, progress: Progress
) -> tuple[Model, Mapping[str, int], int]:
    """The model with the precision that its calibrated probabilities promise, and what it would decide otherwise."""
    model = calibration.model
    rows = dedupe_models.decided(tx, by_dedupe=True, dedupe=DEDUPE, limit=REHEARSED)
    rehearsals = list(rehearse(tx, sorted({row["submission_id"] for row in rows})))
    if calibration.applied:
        decided = [each.decide(model, runtime.policy, population) for each in rehearsals]
        likely = [each.probability for each in decided if each.evidence and not each.evidence[0].vetoes]
        model = model.model_copy(update={"precision": expected_precision(likely)})
    changed: Counter[str] = Counter()
    for done, each in enumerate(rehearsals):
        was, would = (each.decide(which, runtime.policy, population) for which in (before, model))
        if (was.kind, was.contact_id) != (would.kind, would.contact_id):
            other = " (somebody else)" if was.kind == would.kind == DecisionKind.MATCH else ""
            changed[f"{was.kind} → {would.kind}{other}"] += 1
        progress("rehearse", done + 1, len(rehearsals))
    return model, dict(changed.most_common()), len(rehearsals)


def _report(training: Training, calibration: Calibration, before: Model, pairs: Mapping[str, int]) -> TrainingReport:
    told = calibration.reason or (
        f"slope {calibration.slope:.2f} ± {calibration.slope_error:.2f}, "
        f"shift {calibration.shift:+.1f} ± {calibration.shift_error:.1f} bits"
    )
    return TrainingReport(
        version=training.model.version, base=before.version, tellings=0, strangers=training.strangers, pairs=pairs,
        matches_seen=training.matches_seen, unsure=training.unsure, reviews=calibration.outcomes,
        calibrated=calibration.applied, calibration=told, merged_unasked=0, taken_back=0, wrong_in_1000=(0.0, 1000.0),
        match_at=1.0, review_at=0.0, rehearsed=0, changed={},
    )  # fmt: skip
