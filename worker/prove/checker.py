"""Compares what was sent and answered with what is in the store and in the CRM. Pure: values in, findings out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pipelines.models import Contact, RemoteRef, WriteKind
from pipelines.run_states import NotificationState, RunState
from pipelines.states import SETTLED, DeliveryState, State, may_move
from worker.prove.workload import Delivery, Told
from worker.store import writes

FINDINGS: Final = {
    "acknowledged_missing": "acknowledged, and not in the store",
    "acknowledged_changed": "acknowledged, and kept with other bytes",
    "answered_differently": "the same bytes were answered with two ids",
    "unsettled": "still on its way when all should be over",
    "down": "what was killed, and did not come back",
    "lease_left": "settled, and still owned by somebody",
    "wrong_outcome": "a delivery or a row that became something else than it is",
    "submissions_wrong": "a delivery with more or fewer submissions than rows",
    "created_twice": "one person, two contacts",
    "merged_wrongly": "two people, one contact",
    "value_lost": "something told, and not in the contact",
    "crm_missing": "a contact without its record in the CRM",
    "crm_twice": "a person with two records in the CRM",
    "crm_value_lost": "something told, and not in the CRM's record",
    "message_lost": "a message that no note in the CRM holds",
    "message_twice": "a message that two notes in the CRM hold",
    "order_of_states": "a move that may not be made, or from a state that it was not in",
    "effect_without_intent": "a record in the CRM, or a notification, that nobody intended",
    "intent_without_outcome": "an intended effect that did not happen",
    "triggered_twice": "one workflow started twice for one person",
}
"""The code of each finding, and what it means."""


@dataclass(frozen=True, slots=True)
class Finding:
    code: str
    subject: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CrmItem:
    """A record of the CRM, whichever that is."""

    ref: RemoteRef
    fields: Mapping[str, Any]


@dataclass
class Sent:
    """A delivery that was sent, and how it was answered."""

    delivery: Delivery
    ids: list[str] = field(default_factory=list)
    """Of each 202, in order."""
    refused: Counter[str] = field(default_factory=Counter)
    """Other answers, by status or kind of error."""


@dataclass
class Found:
    """What is in the store, in the CRM and at the receiver of notifications."""

    deliveries: Sequence[Mapping[str, Any]]
    submissions: Sequence[Mapping[str, Any]]
    contacts: Sequence[Mapping[str, Any]]
    crm_writes: Sequence[Mapping[str, Any]]
    runs: Sequence[Mapping[str, Any]]
    notifications: Sequence[Mapping[str, Any]]
    moves: Iterable[tuple[str, Sequence[Any]]]
    crm: Sequence[CrmItem]
    received: Counter[tuple[str, str]]
    """(workflow, submission) of each notification that arrived, and how often."""
    missing: Sequence[tuple[str, str]] = ()
    """(machine, what should run on it and does not)."""


def check(sent: Sequence[Sent], found: Found) -> list[Finding]:
    """All that is wrong; empty when every promise held."""
    checker = _Checker(sent, found)
    return [
        *checker.answers(),
        *checker.outcomes(),
        *checker.people(),
        *checker.crm_records(),
        *checker.messages(),
        *checker.intents(),
        *checker.notifications(),
        *checker.order(),
        *(Finding("down", machine, role) for machine, role in found.missing),
    ]


class _Checker:
    def __init__(self, sent: Sequence[Sent], found: Found) -> None:
        self._sent = sent
        self._found = found
        self._deliveries = {row["id"]: row for row in found.deliveries}
        self._rows: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for row in sorted(found.submissions, key=lambda row: row["position"]):
            self._rows[row["delivery_id"]].append(row)
        self._merged_into = {row["id"]: row["merged_into"] for row in found.contacts if row["merged_into"]}
        self._contacts = {row["id"]: row["contact"] for row in found.contacts if not row["merged_into"]}
        self._told: defaultdict[str, list[tuple[Told, Mapping[str, Any]]]] = defaultdict(list)
        """By person, what was told in acknowledged rows that went through, each with its submission."""

    def answers(self) -> Iterator[Finding]:
        """What was answered 202 is there, as it was sent, once."""
        for one in self._sent:
            name = one.delivery.name
            if len(set(one.ids)) > 1:
                yield Finding("answered_differently", name, ", ".join(sorted(set(one.ids))))
            for kept in set(one.ids):
                if (row := self._deliveries.get(kept)) is None:
                    yield Finding("acknowledged_missing", name, kept)
                elif row["digest"] != hashlib.sha256(one.delivery.body).hexdigest():
                    yield Finding("acknowledged_changed", name, kept)

    def outcomes(self) -> Iterator[Finding]:
        """Every delivery and every row became what it is."""
        for one in self._sent:
            for kept in dict.fromkeys(one.ids):
                if kept in self._deliveries:
                    yield from self._outcome(one.delivery, self._deliveries[kept])
        for row in self._found.submissions:
            if row["state"] in SETTLED and row["lease_owner"] is not None:
                yield Finding("lease_left", row["id"], row["lease_owner"])

    def _outcome(self, delivery: Delivery, row: Mapping[str, Any]) -> Iterator[Finding]:
        if row["state"] == DeliveryState.RECEIVED:
            yield Finding("unsettled", delivery.name, f"{row['id']} was never opened")
            return
        if row["state"] != delivery.state:
            yield Finding("wrong_outcome", delivery.name, f"{row['id']} is {row['state']}, not {delivery.state}")
        rows = self._rows[row["id"]]
        if [each["position"] for each in rows] != list(range(len(delivery.rows))):
            yield Finding("submissions_wrong", delivery.name, f"{len(rows)} submissions of {len(delivery.rows)} rows")
            return
        for told, submission in zip(delivery.rows, rows, strict=True):
            state, wanted = submission["state"], State.REJECTED if told is None else State.DONE
            if state not in SETTLED:
                yield Finding("unsettled", submission["id"], f"{state} {submission['reason']}".strip())
            elif state != wanted:
                yield Finding("wrong_outcome", submission["id"], f"{state} {submission['reason']}, not {wanted}")
            elif told is not None:
                self._told[told.person].append((told, submission))

    def _whose(self, contact_id: str) -> str:
        while contact_id in self._merged_into:
            contact_id = self._merged_into[contact_id]
        return contact_id

    def people(self) -> Iterator[Finding]:
        """One person, one contact, with all that was told."""
        whose: dict[str, str] = {}
        for person, several in self._told.items():
            ids = {self._whose(submission["contact_id"]) for _, submission in several}
            if len(ids) > 1:
                yield Finding("created_twice", person, ", ".join(sorted(ids)))
            for contact_id in ids:
                if contact_id in whose:
                    yield Finding("merged_wrongly", person, f"{contact_id} is {whose[contact_id]} too")
                whose[contact_id] = person
                if contact_id not in self._contacts:
                    yield Finding("value_lost", person, f"there is no contact {contact_id}")
                    continue
                contact = Contact.model_validate_json(self._contacts[contact_id])
                held = {
                    *(email.address for email in contact.emails), *(phone.e164 for phone in contact.phones),
                    contact.company, contact.job_title,
                }  # fmt: skip
                ours = [told for told, submission in several if self._whose(submission["contact_id"]) == contact_id]
                yield from _lost("value_lost", person, contact_id, ours, held)

    def crm_records(self) -> Iterator[Finding]:
        """One person, one record in the CRM, with all that was told; found by what was told, not by our links."""
        records = [item for item in self._found.crm if item.ref.kind == "contact"]
        by_value: defaultdict[str, set[int]] = defaultdict(set)
        for number, item in enumerate(records):
            for value in (*item.fields.get("emails", ()), *item.fields.get("phones", ())):
                by_value[value].add(number)
        for person, several in self._told.items():
            values = {value for told, _ in several for value in (*told.emails, *told.phones)}
            theirs = sorted({number for value in values for number in by_value[value]})
            if not theirs:
                yield Finding("crm_missing", person, several[0][1]["contact_id"])
                continue
            if len(theirs) > 1:
                yield Finding("crm_twice", person, ", ".join(records[number].ref.id for number in theirs))
            fields = records[theirs[0]].fields
            held = {
                *fields.get("emails", ()),
                *fields.get("phones", ()),
                fields.get("company"),
                fields.get("job_title"),
            }
            yield from _lost("crm_value_lost", person, records[theirs[0]].ref.id, [told for told, _ in several], held)

    def messages(self) -> Iterator[Finding]:
        """Every message is in one note."""
        notes = Counter(
            mark for item in self._found.crm if item.ref.kind == "note" if (mark := _mark(str(item.fields.get("text"))))
        )
        for several in self._told.values():
            for told, submission in several:
                if (times := notes[_mark(told.message)]) != 1:
                    yield Finding("message_twice" if times else "message_lost", submission["id"], _mark(told.message))

    def intents(self) -> Iterator[Finding]:
        """Every intent has its outcome, every effect its intent."""
        made: set[tuple[str, str]] = set()
        for row in self._found.crm_writes:
            if row["state"] not in {writes.DONE, writes.SUPERSEDED}:
                yield Finding("intent_without_outcome", row["key"], row["state"])
            elif row["remote"] and row["kind"] in _MAKES:
                ref = RemoteRef.model_validate_json(row["remote"])
                made.add((ref.kind, ref.id))
        there = {(item.ref.kind, item.ref.id) for item in self._found.crm}
        for kind, number in sorted(made - there):
            yield Finding("intent_without_outcome", f"{kind} {number}", "made, and not in the CRM")
        for kind, number in sorted(there - made):
            yield Finding("effect_without_intent", f"{kind} {number}", "in the CRM, and no write made it")
        started = Counter((row["contact_id"], row["workflow"], row["temperature"]) for row in self._found.runs)
        for (contact_id, workflow, temperature), times in started.items():
            if times > 1:
                yield Finding("triggered_twice", contact_id, f"{workflow} ({temperature}), {times} times")
        for row in self._found.runs:
            if row["state"] not in {RunState.COMPLETED, RunState.STOPPED}:
                yield Finding("intent_without_outcome", row["id"], f"{row['state']} {row['reason']}".strip())

    def notifications(self) -> Iterator[Finding]:
        """Every notification arrived (at times twice, with the same id: that is the promise), and none unasked."""
        intended = {row["id"]: (row["workflow"], row["submission_id"]) for row in self._found.runs}
        kept = [row for row in self._found.notifications if row["state"] != NotificationState.WITHHELD]
        wanted = {intended[row["run_id"]] for row in kept if row["run_id"] in intended}
        for workflow, submission in sorted(wanted - set(self._found.received)):
            yield Finding("intent_without_outcome", f"{workflow} {submission}", "the notification never arrived")
        for workflow, submission in sorted(set(self._found.received) - wanted):
            yield Finding("effect_without_intent", f"{workflow} {submission}", "a notification nobody intended")

    def order(self) -> Iterator[Finding]:
        """Every move starts where the one before ended, and is allowed."""
        for subject, moves in self._found.moves:
            if not subject.startswith("sub_"):
                continue
            at = State(moves[0].before)
            if at not in _FIRST:
                yield Finding("order_of_states", subject, f"began as {at}")
            for move in moves:
                if move.before != at or not may_move(State(move.before), State(move.after)):
                    yield Finding("order_of_states", subject, f"{move.event}: {move.before} to {move.after}, at {at}")
                    break
                at = State(move.after)


_FIRST = {State.RECEIVED, State.ARRIVED}
"""States in which a submission begins."""
_MAKES = frozenset({WriteKind.CREATE_CONTACT, WriteKind.CREATE_LEAD, WriteKind.CREATE_TASK, WriteKind.ADD_NOTE})


def _lost(code: str, person: str, where: str, told: Sequence[Told], held: set[Any]) -> Iterator[Finding]:
    wanted = {value for one in told for value in (*one.emails, *one.phones, one.company, one.job_title) if value}
    if missing := wanted - held:
        yield Finding(code, person, f"{where} lacks {json.dumps(sorted(missing), ensure_ascii=False)}")


def _mark(message: str) -> str:
    """The part of a message that is in no other: what stands behind `nota`."""
    return message.partition("(nota ")[2].partition(")")[0]
