"""Dedupe: resolve submissions into contacts, in one transaction that two workers cannot both win.

The blocking keys of all the batch are locked first, then looked up: who shares a key with us has either committed, so
that we see the contact, or waits for us. Inside the batch one submission after the other is decided, each seeing what
the ones before it made.

Whoever tells enough each time to be known by what was told before is one contact in whatever order they come, and
people who are told apart in one order are in no other made one. What depends on the order: two arrivals that only a
third connects are one contact when it comes between them; when it comes last, they stay two, and it goes to the
likelier of them or, where that is not clear, to review. And of a pair in review the first is the contact.

A submission that was resolved before and comes again, understood anew, stays whose it is, and the contact is merged
anew from all that tell of it: what a mended mapping reads differently reaches the golden record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pipelines.dedupe.blocking import MAX_BLOCK, MOST_COMPARED, keys_of, nearest
from pipelines.dedupe.decision import Candidate, decide
from pipelines.dedupe.features import Features, dump_features, features, load_features
from pipelines.dedupe.merge import merge_contacts
from pipelines.models import Contact, Decision, DecisionKind
from pipelines.states import NEXT_STAGE, Stage, State
from worker.errors import Conflict, PermanentError, PortariaError
from worker.ids import contact_id
from worker.steps import claims
from worker.steps.claims import Report
from worker.steps.dedupe_model import model_in_force
from worker.steps.meanwhile import PERSON, REVIEW, answer_open_review, remember_as_others
from worker.steps.runtime import Runtime
from worker.steps.sides import side_of
from worker.store import contacts, history, merges, reviews, submissions
from worker.store.contacts import Golden, NewContact
from worker.store.engine import Transaction, chunks
from worker.store.submissions import Claimed, Outcome

DEDUPE = "dedupe"
"""Who decided, when it was no person."""

RETOLD = "retold"
"""Event of a contact: a submission of its (the reason) came again and told something else, so it was merged anew."""

IN_REVIEW = "in_review"
"""Reason code: a person has to say whether it is somebody we know; `portaria reviews list` shows it."""

SMALLEST_POPULATION = 10_000
"""People are drawn from a world of at least so many, however few of them we know yet: that two share a mail address by
chance is not likelier in an empty CRM."""

LOCKED_TOGETHER = 25
"""Submissions resolved in one transaction: few enough that their key locks hold nobody up for long."""


def dedupe(runtime: Runtime, ids: Sequence[str]) -> Report:
    """The dedupe stage of these submissions."""
    with claims.claimed(runtime, Stage.DEDUPE, ids) as claimed:
        kept: list[Outcome] = []
        for some in chunks(claimed, LOCKED_TOGETHER):
            kept += _resolve(runtime, some)
    return claims.report(Stage.DEDUPE, kept, len(claimed))


def _resolve(runtime: Runtime, some: Sequence[Claimed]) -> list[Outcome]:
    """Resolve these in one transaction, or each in its own: two batches that match the same contacts in different
    order end one another, and one submission that cannot be resolved must not take the others with it."""
    try:
        with runtime.database.write() as tx:
            return _Resolution(tx, runtime, runtime.clock()).resolve(runtime, some)
    except Exception as problem:
        if isinstance(problem, PortariaError) and not isinstance(problem, Conflict):
            raise
        if len(some) > 1:
            return [outcome for item in some for outcome in _resolve(runtime, [item])]
        return claims.kept(runtime, [claims.failed(runtime, some[0], problem, runtime.clock())])


@dataclass
class _Known:
    """A contact as this transaction sees it: loaded when first needed, changed in place, saved at the end."""

    id: str
    features: Features
    number: int
    """Below 0 while it is new and not saved."""
    contact: Contact | None = None
    golden: Golden | None = None
    arrived: int = 0
    keys: set[int] = field(default_factory=set)
    retold: list[str] = field(default_factory=list)
    """The submissions that tell something else than before: `keys` are all that it has then."""


class _Resolution:
    """The working set of one transaction."""

    def __init__(self, tx: Transaction, runtime: Runtime, now: datetime, *, locking: bool = True) -> None:
        """Not `locking`: only for looking, and nothing of it is saved."""
        self._tx = tx
        self._locking = locking
        self._policy = runtime.policy
        self._survivorship = runtime.survivorship
        self._model = model_in_force(tx)
        self._now = now
        self._blocks: dict[int, list[int]] = {}
        self._known: dict[str, _Known] = {}
        self._numbered: dict[int, _Known] = {}
        self._held = contacts.population(tx)
        self._decided: list[tuple[str, Decision, str]] = []
        self._left_open: list[str] = []
        self._not_the_same: dict[str, set[str]] = {}
        self._told_anew: dict[str, Contact] = {}

    @property
    def _population(self) -> int:
        return max(self._held, SMALLEST_POPULATION)

    def resolve(self, runtime: Runtime, claimed: Sequence[Claimed]) -> list[Outcome]:
        """Decide each, apply it, and save everything."""
        ours = submissions.still_ours(self._tx, claimed)
        mine = [item for item in claimed if item.id in ours]
        told = {item.id: claims.told_by(item) for item in mine}
        known = {item.id: features(told[item.id]) for item in mine}
        keys = {item.id: [key.hash for key in keys_of(known[item.id])] for item in mine}
        self.load(keys.values())
        # What a person said of the contact that a submission founds holds for the submission, should it come again.
        distinct = contacts.distinct_from(self._tx, (contact_id(item.id) for item in mine))
        self._not_the_same = {item.id: distinct.get(contact_id(item.id), set()) for item in mine}
        for item in mine:
            if item.contact_id:  # before the others, which see what comes of it
                self.retell(item.contact_id, item.id, told[item.id])
        outcomes = [self._decide(runtime, item, told[item.id], known[item.id], keys[item.id]) for item in mine]
        self.flush()
        return submissions.save(self._tx, outcomes, now=self._now, by=runtime.owner)

    def load(self, keys_of_each: Collection[Sequence[int]]) -> None:
        """Lock the keys of each (unless it is only for looking) and read who holds them."""
        wanted = {key for keys in keys_of_each for key in keys}
        if self._locking:
            contacts.lock_keys(self._tx, wanted)
        self._blocks |= contacts.blocks(self._tx, wanted)
        self._read(number for keys in keys_of_each for number in nearest(self._blocks, keys, self._population))

    def _read(self, numbers: Iterable[int]) -> None:
        """Bring contacts into the working set that are not in it."""
        for number, (known_id, text) in contacts.candidates(self._tx, {*numbers} - self._numbered.keys()).items():
            self._enter(_Known(known_id, load_features(text), number))

    def _enter(self, known: _Known) -> _Known:
        self._numbered[known.number] = self._known[known.id] = known
        return known

    def _decide(
        self, runtime: Runtime, item: Claimed, told: Contact, subject: Features, keys: Sequence[int]
    ) -> Outcome:
        look = claims.next_look(runtime, self._now)
        if item.contact_id:  # it was resolved before and has come through the stages again: see `retell`
            return submissions.reached(item, due_at=look)
        decision = self.decide(subject, keys, self._not_the_same[item.id])
        self._decided.append((item.id, decision, DEDUPE))
        if decision.kind is DecisionKind.REVIEW and not runtime.creates_in_review:
            values = {"decision": decision.kind}
            return Outcome(item, State.REVIEW, None, reason=IN_REVIEW, detail=decision.reason, values=values)
        kind = decision.kind
        if kind is DecisionKind.REVIEW:
            kind = DecisionKind.NEW
            self._left_open.append(item.id)
        whom = self.apply(item.id, told, keys, decision)
        return submissions.reached(item, due_at=look, decision=kind, contact_id=whom)

    def decide(self, subject: Features, keys: Sequence[int], not_the_same: Collection[str] = ()) -> Decision:
        """What dedupe says of this person, given who is in the index and who a person said they are not."""
        sizes = {key: len(self._blocks.get(key, ())) for key in keys}
        near = nearest(self._blocks, keys, self._population)
        if not self._numbered.keys() >= {*near}:
            self._read(near)  # somebody is among the nearest since those ahead of it in the batch were resolved
        notes = []
        if crowded := sum(size >= MAX_BLOCK for size in sizes.values()):
            notes.append(f"{crowded} of {len(keys)} keys are held by {MAX_BLOCK} contacts or more and were not used")
        if len(near) == MOST_COMPARED:
            notes.append(f"compared with no more than the {MOST_COMPARED} contacts that share the most with it")
        known = [self._numbered[number] for number in near]
        return decide(
            subject,
            [Candidate(each.id, each.features) for each in known],
            self._model,
            self._policy,
            self._model.frequencies(self._population, sizes),
            not_the_same=not_the_same,
            notes=notes,
        )

    def apply(self, submission: str, told: Contact, keys: Sequence[int], decision: Decision) -> str:
        """Make the decision true: one more submission of a known contact, or a contact of its own. The contact's id."""
        if decision.kind is not DecisionKind.MATCH:
            new = _Known(contact_id(submission), features(told), -1 - len(self._numbered), contact=told)
            known = self._enter(new)
            self._held += 1
        else:
            known = self._known[decision.contact_id]
            if known.contact is None:
                known.golden = contacts.golden(self._tx, [known.id], locked=self._locking)[known.id]
                known.contact = known.golden.contact
            known.contact = merge_contacts([known.contact, told], self._survivorship)
            known.features = features(known.contact)
        known.arrived += 1
        for key in {*keys, *(key.hash for key in keys_of(known.features))}:
            block = self._blocks.setdefault(key, [])
            if len(block) < MAX_BLOCK and known.number not in block:
                block.append(known.number)
                known.keys.add(key)
        return known.id

    def retell(self, contact: str, submission: str, told: Contact) -> None:
        """A submission of this contact tells this now: the contact is what all of its submissions tell together."""
        living = self.find(contact)
        if living is None:
            return
        known = self._known[living]
        self._told_anew[submission] = told  # where it is only for looking, the store has what it told before
        members = [
            replace(member, told=self._told_anew.get(member.id, member.told))
            for member in merges.members(self._tx, merges.member_ids(self._tx, living))
        ]
        journals = [entry.journal for entry in merges.of_contact(self._tx, living)]
        side = side_of(members, journals, [_told(known)], self._survivorship)
        if side.contact == known.contact:
            return
        known.contact, known.features = side.contact, features(side.contact)
        known.retold.append(submission)
        known.keys = {*side.keys, *(key.hash for key in keys_of(known.features))}
        for key in known.keys & self._blocks.keys():
            if known.number not in self._blocks[key]:
                self._blocks[key].append(known.number)

    def flush(self) -> None:
        """Save the contacts, their keys and the decisions."""
        changed = [known for known in self._known.values() if known.arrived or known.retold]
        new = [known for known in changed if known.number < 0]
        fresh = [NewContact(known.id, _told(known), dump_features(known.features), known.arrived) for known in new]
        for known_id, number in contacts.add(self._tx, fresh, self._now).items():
            self._known[known_id].number = number
        for known in changed:
            if known.golden is not None:
                text = dump_features(known.features)
                contacts.change(self._tx, known.golden, _told(known), text, now=self._now, arrived=known.arrived)
            if known.retold:
                merges.set_keys(self._tx, known.number, known.keys)
        contacts.add_keys(
            self._tx, ((key, known.number) for known in changed if not known.retold for key in known.keys)
        )
        retold = [(known.id, submission) for known in changed for submission in known.retold]
        moves = [history.Move(known, RETOLD, contacts.LIVE, contacts.LIVE, each, by=DEDUPE) for known, each in retold]
        history.record(self._tx, moves, self._now)
        contacts.add_decisions(
            self._tx,
            [
                {
                    "submission_id": submission,
                    "kind": decision.kind,
                    "contact_id": decision.contact_id or None,
                    "probability": decision.probability,
                    "decision": decision.model_dump_json(),
                    "by": by,
                    "at": self._now,
                }
                for submission, decision, by in self._decided
            ],
        )
        self._decided.clear()
        reviews.leave_open(self._tx, self._left_open, self._now)
        self._left_open.clear()

    def outcome(self) -> dict[str, Golden]:
        """The contacts that were made or changed, as they would be saved."""
        return {
            known.id: Golden(
                no=max(known.number, 0),
                id=known.id,
                version=known.golden.version + 1 if known.golden else 1,
                contact=_told(known),
                arrivals=known.arrived + (known.golden.arrivals if known.golden else 0),
            )
            for known in self._known.values()
            if known.arrived or known.retold
        }

    def decided_by_person(self, submission: str, decision: Decision, by: str) -> None:
        """Note a person's decision among those to save."""
        self._decided.append((submission, decision, by))

    def find(self, contact: str) -> str | None:
        """The live contact that this one is (part of), locked (unless it is only for looking) and in the working set;
        None when there is none."""
        while True:
            (living,) = contacts.surviving(self._tx, [contact]).values()
            if (here := self._known.get(living)) is not None and here.golden is not None:
                return living
            golden = contacts.golden(self._tx, [living], locked=self._locking).get(living)
            if golden is None:
                return None
            if golden.merged_into is None:
                break  # else it was merged while we waited for it
        known = self._known.get(living) or self._enter(_Known(living, features(golden.contact), golden.no))
        known.contact, known.golden = golden.contact, golden
        return living


def look_for(runtime: Runtime, contact: Contact, *, itself: str = "") -> Decision:
    """What dedupe would say of this person now, and nothing done about it; `itself` is the contact that it is of."""
    subject = features(contact)
    keys = [key.hash for key in keys_of(subject)]
    with runtime.database.read() as tx:
        resolution = _Resolution(tx, runtime, runtime.clock(), locking=False)
        resolution.load([keys])
        known = contacts.distinct_from(tx, [itself]).get(itself, set()) | {itself} if itself else set[str]()
        return resolution.decide(subject, keys, known)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What dedupe would say of a submission, and whose it would be; nobody's while it waits for a person's word."""

    decision: Decision
    contact_id: str = ""


def foresee(
    tx: Transaction, runtime: Runtime, told: Mapping[str, Contact], resolved: Mapping[str, tuple[str, Contact]]
) -> tuple[dict[str, Foreseen], dict[str, Golden]]:
    """What dedupe would say of these submissions, each seeing what the ones before it made, and the contacts as they
    would be then; those `resolved` before stay whose they are and tell this now. Nothing is saved or locked."""
    resolution = _Resolution(tx, runtime, runtime.clock(), locking=False)
    subjects = {submission: features(contact) for submission, contact in told.items()}
    keys = {submission: [key.hash for key in keys_of(subject)] for submission, subject in subjects.items()}
    resolution.load(keys.values())
    for submission, (whose, contact) in resolved.items():
        resolution.retell(whose, submission, contact)
    distinct = contacts.distinct_from(tx, map(contact_id, told))
    found = {}
    for submission, subject in subjects.items():
        decision = resolution.decide(subject, keys[submission], distinct.get(contact_id(submission), set()))
        whom = ""
        if decision.kind is not DecisionKind.REVIEW or runtime.creates_in_review:
            whom = resolution.apply(submission, told[submission], keys[submission], decision)
        found[submission] = Foreseen(decision, whom)
    return found, resolution.outcome()


def _told(known: _Known) -> Contact:
    if known.contact is None:
        raise ValueError("a contact that was not read cannot have changed")
    return known.contact


def resolve_review(runtime: Runtime, submission: str, *, same_as: str | None, by: str, why: str = "") -> str:
    """A person's decision on a submission in review: the same as `same_as`, or (None) somebody new. The contact's id.

    The submission goes on by itself from there; where it had gone on before (`meanwhile`), its contact is merged into
    the other, or remembered as somebody else. Raises `PermanentError` when there is no such review or contact.
    """
    with runtime.database.write() as tx:
        row = submissions.lock_review(tx, submission)
        if row is not None:
            return _answer(tx, runtime, row, same_as=same_as, by=by, why=why)
    return answer_open_review(runtime, submission, same_as=same_as, by=by, why=why)


def _answer(
    tx: Transaction, runtime: Runtime, row: Mapping[str, Any], *, same_as: str | None, by: str, why: str
) -> str:
    now, submission = runtime.clock(), row["id"]
    told = Contact.model_validate_json(row["contact"])
    subject = features(told)
    keys = [key.hash for key in keys_of(subject)]
    resolution = _Resolution(tx, runtime, now)
    resolution.load([keys])
    found = resolution.find(same_as) if same_as else ""
    if found is None:
        raise PermanentError(f"there is no contact {same_as}; `portaria reviews show {submission}` names candidates")
    before = Decision.model_validate_json(contacts.decisions(tx, submission)[0]["decision"])
    kind = DecisionKind.MATCH if found else DecisionKind.NEW
    decision = before.model_copy(update={"kind": kind, "contact_id": found, "reason": PERSON})
    resolution.decided_by_person(submission, decision, by)
    whom = resolution.apply(submission, told, keys, decision)
    resolution.flush()
    if not found:
        remember_as_others(tx, before, whom, by=by, now=now)
    submissions.go_on(tx, submission, NEXT_STAGE[State.RESOLVED], kind=kind, contact_id=whom, now=now)
    move = history.Move(submission, REVIEW, State.REVIEW, State.RESOLVED, reason=why or kind, by=by)
    history.record(tx, [move], now)
    return whom
