"""Outcomes come back: from files, over HTTP and from agents, each matched to the contact that it is of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any, Final

from pipelines.dates import parse_birth_date
from pipelines.dedupe.blocking import blocking_keys
from pipelines.emails import parse_email
from pipelines.guessing import is_record_id
from pipelines.lead_outcomes import COLUMNS, LeadOutcome, guess_outcome_columns, read_outcome
from pipelines.learning.levels import as_number
from pipelines.models import Contact, RemoteRef, SourceRecord
from pipelines.phones import parse_phone
from pipelines.text import fold, tidy_line
from worker.errors import PermanentError
from worker.sources.charsets import decode_text
from worker.sources.tables import parse_table
from worker.sources.trees import moment_of
from worker.steps.runtime import Runtime
from worker.store import contacts, lead_outcomes
from worker.store.engine import Transaction
from worker.store.lead_outcomes import OURS, SUBMISSION

UNMATCHED = "unmatched"
"""Reason code: nobody we know has this id, e-mail, phone or field."""
AMBIGUOUS = "ambiguous"
"""Reason code: several contacts do; name the contact's own id."""
NO_OUTCOME = "no_outcome"
"""Reason code: the row says neither won nor lost nor open."""
BAD_DATE = "bad_date"
"""Reason code: the date cannot be read; ISO 8601 always can."""
NOBODY_NAMED = "nobody_named"
"""Reason code: the row names no contact."""
UNREADABLE_ROW = "unreadable_row"
"""Reason code: the row does not fit its table, or the line is no JSON object."""
MEANING: Final = {
    UNMATCHED: "nobody we know has this id, e-mail, phone or field",
    AMBIGUOUS: "several contacts have it: name the contact's own id",
    NO_OUTCOME: "says neither won nor lost nor open",
    BAD_DATE: "the date cannot be read or is to come: write 2026-11-25",
    NOBODY_NAMED: "names no contact",
    UNREADABLE_ROW: "does not fit its table, or is no JSON object",
}
"""The reason codes, as whoever told such an outcome is told."""

_TOLD_AT_MOST = 20
"""Problems that are told one by one."""

Row = Mapping[str, str]
"""What one row says, by the names of `COLUMNS`; `key` is `LABEL=VALUE` of a free field."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of outcomes that were told."""

    rows: int
    recorded: int = 0
    known: int = 0
    """Told before, or in force already."""
    problems: Mapping[str, int] = field(default_factory=dict)
    """Reason code → rows."""
    where: Sequence[tuple[int, str]] = ()
    """The first rows (from 1, the header not counted) with a problem, and its reason code."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """How the columns of a file were read."""

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "recorded": self.recorded,
            "known": self.known,
            "problems": dict(self.problems),
            "where": [{"row": row, "reason": reason} for row, reason in self.where],
            "columns": dict(self.columns),
        }


def record_outcomes(runtime: Runtime, told: Sequence[Mapping[str, Any]], *, by: str) -> Recorded:
    """Keep outcomes that are told as objects: `outcome` (won, lost, open) of a `contact` (our id), a CRM `lead`, an
    `email`, a `phone` or a `key` (`LABEL=VALUE` of a free field), with `at` (ISO 8601; now) and `value` where known.

    All in one transaction. Doing it again changes nothing.
    """
    return _record(runtime, _rows(told), by=by, columns={})


def read_outcomes(runtime: Runtime, told: Sequence[Mapping[str, Any]], *, by: str) -> list[LeadOutcome | str]:
    """What each of these tells, as `record_outcomes` would keep it, or the reason code of what is wrong with it."""
    return _outcomes(runtime, _rows(told), by, runtime.clock())


def _rows(told: Sequence[Mapping[str, Any]]) -> list[Row | None]:
    return [
        {name: str(each[name]).strip() for name in COLUMNS if each.get(name) not in (None, "")}
        if isinstance(each, Mapping)
        else None
        for each in told
    ]


def import_outcomes(
    runtime: Runtime, body: bytes, *, mapping: Mapping[str, str] | None = None, by: str = "import"
) -> Recorded:
    """Keep the outcomes in a file: a table (CSV and its cousins) or JSON Lines.

    Columns are guessed from their names and cells; `mapping` (column → name in `COLUMNS`, or `ignore`) overrides that.
    Where no column names a contact, the rows' own id is looked for among the contacts' free fields: a list that was
    ingested with a column `id` finds its people by it. Raises `PermanentError` when no column tells the outcome.
    """
    raw = list(_read(body))
    headers = list(dict.fromkeys(name for row in raw if row is not None for name in row))
    given = {fold(name): target for name, target in (mapping or {}).items()}
    for name, target in (mapping or {}).items():
        if target not in (*COLUMNS, "ignore") or fold(name) not in map(fold, headers):
            raise PermanentError(
                f"--map {name}={target}: columns are {', '.join(headers)}; fields {', '.join(COLUMNS)}"
            )
    cells = [[row.get(name, "") for name in headers] for row in raw if row is not None]
    columns = guess_outcome_columns(headers, cells)
    if "outcome" in given.values():
        columns = {name: target for name, target in columns.items() if target != "outcome"}
    columns |= {name: given[fold(name)] for name in headers if fold(name) in given}
    columns = {name: target for name, target in columns.items() if target != "ignore"}
    if "outcome" not in columns.values():
        raise PermanentError(
            f"no column tells the outcome: none of {', '.join(headers) or 'none'} holds only words like won and lost,"
            " sim and não, 1 and 0; name it with --map COLUMN=outcome"
        )
    free = [name for name in headers if name not in columns]
    if not {"contact", "lead", "email", "phone", "key"} & set(columns.values()):
        named = [name for name in free if is_record_id(name)] or free
        with runtime.database.read(in_pieces=True) as tx:
            if found := _best_key(tx, named, raw):
                columns[found] = "key"
    rows = [None if row is None else _by_column(row, columns) for row in raw]
    return _record(runtime, rows, by=by, columns=columns)


def _read(body: bytes) -> Iterator[Mapping[str, str] | None]:
    """Rows by their headers; None for one that cannot be read."""
    text = decode_text(body[:4096]).lstrip("\ufeff \t\r\n")
    if text.startswith("{"):
        for line in decode_text(body).splitlines():
            if line.strip():
                yield _object(line)
        return
    for item in parse_table(body):
        if isinstance(item, SourceRecord):
            yield {one.key: one.values[0] if one.values else "" for one in item.fields}
        else:
            yield None


def _object(line: str) -> Mapping[str, str] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    return {str(name): "" if value is None else str(value) for name, value in found.items()}


def _by_column(row: Mapping[str, str], columns: Mapping[str, str]) -> dict[str, str]:
    told: dict[str, str] = {}
    for name, target in columns.items():
        if cell := row.get(name, "").strip():
            told.setdefault(target, f"{name}={cell}" if target == "key" else cell)
    return told


def _best_key(tx: Transaction, names: Sequence[str], rows: Sequence[Mapping[str, str] | None]) -> str | None:
    """The column whose cells most contacts have in a free field of that name."""
    index = _free_fields(tx, names)
    hits = {
        name: sum(row is not None and (name, tidy_line(row.get(name, ""))) in index for row in rows) for name in names
    }
    best = max(hits, key=lambda name: hits[name], default=None)
    return best if best is not None and hits[best] else None


def _free_fields(tx: Transaction, names: Iterable[str]) -> dict[tuple[str, str], dict[str, str]]:
    """By (name, value) of these free fields: the newest submission of each contact that told it."""
    folded = {fold(name): name for name in names}
    index: dict[tuple[str, str], dict[str, str]] = {}
    if folded:
        for submission_id, contact_id, extra in lead_outcomes.free_fields(tx):
            for label, value in extra.items():
                if (name := folded.get(fold(label))) is not None:
                    index.setdefault((name, tidy_line(value)), {})[contact_id] = submission_id
    return index


def _record(runtime: Runtime, rows: Sequence[Row | None], *, by: str, columns: Mapping[str, str]) -> Recorded:
    now = runtime.clock()
    wrong: list[tuple[int, str]] = []
    told: list[LeadOutcome] = []
    for number, one in enumerate(_outcomes(runtime, rows, by, now), 1):
        if isinstance(one, str):
            wrong.append((number, one))
        else:
            told.append(one)
    with runtime.database.write() as tx:
        new = lead_outcomes.record(tx, told, now)
    return Recorded(
        rows=len(rows),
        recorded=new,
        known=len(told) - new,
        problems=dict(Counter(reason for _, reason in wrong)),
        where=wrong[:_TOLD_AT_MOST],
        columns=columns,
    )


def _outcomes(runtime: Runtime, rows: Sequence[Row | None], by: str, now: datetime) -> list[LeadOutcome | str]:
    with runtime.database.read(in_pieces=True) as tx:
        matcher = _Matcher(tx, runtime.crm.name, [row for row in rows if row is not None])
    return [UNREADABLE_ROW if row is None else _outcome(row, matcher, by, now) for row in rows]


def _outcome(row: Row, matcher: _Matcher, by: str, now: datetime) -> LeadOutcome | str:
    """The outcome that a row tells, or the reason code of what is wrong with it."""
    outcome = read_outcome(row.get("outcome", ""))
    if outcome is None:
        return NO_OUTCOME
    at = _moment(row["at"], now) if "at" in row else now
    if at is None:
        return BAD_DATE
    who = matcher.match(row)
    if isinstance(who, str) and who in {UNMATCHED, AMBIGUOUS, NOBODY_NAMED}:
        return who
    value = as_number(row["value"].lower()) if "value" in row else None
    if isinstance(who, RemoteRef):
        return LeadOutcome(outcome=outcome, remote=who, at=at, value=value, by=by)
    return LeadOutcome(outcome=outcome, contact_id=who, at=at, value=value, by=by)


def _moment(text: str, now: datetime) -> datetime | None:
    """A time as files write it; without a zone it is UTC, a day is its beginning. None: no such time, or to come."""
    found = moment_of(text)
    if found is None:
        try:
            found = datetime.fromisoformat(text.strip())
            found = found if found.tzinfo else found.replace(tzinfo=UTC)
        except ValueError:
            day = parse_birth_date(text, today=now.date())
            found = datetime.combine(day, time(), UTC) if day else None
    return found if found is not None and found <= now else None


class _Matcher:
    """Whom rows are about; what they name is looked up for all of them together."""

    def __init__(self, tx: Transaction, system: str, rows: Sequence[Row]) -> None:
        self._system = system
        wanted = {name: {row[name] for row in rows if name in row} for name in ("contact", "lead", "email", "phone")}
        ids = contacts.existing(tx, wanted["contact"])
        self._contacts = contacts.surviving(tx, ids)
        self._leads = lead_outcomes.contacts_of(tx, [self._remote(lead) for lead in wanted["lead"]])
        self._keys = {(name, text): _keys(name, text) for name in ("email", "phone") for text in wanted[name]}
        self._holders = lead_outcomes.holders(tx, {key for keys in self._keys.values() for key in keys})
        labels = {row["key"].partition("=")[0] for row in rows if "key" in row}
        self._free = _free_fields(tx, labels)

    def match(self, row: Row) -> str | RemoteRef:
        """The contact's id, the CRM's record, or a reason code: by the first of what the row names that leads there."""
        if "contact" in row:
            return self._contacts.get(row["contact"], UNMATCHED)
        if "lead" in row and (remote := self._remote(row["lead"])) in self._leads:
            system, kind, remote_id = remote
            return RemoteRef(system=system, kind=kind, id=remote_id)
        found: list[set[str]] = []
        for name in ("email", "phone"):
            if name in row:
                found.append({one for key in self._keys[name, row[name]] for one in self._holders.get(key, ())})
        told: Mapping[str, str] = {}
        if "key" in row:
            label, _, value = row["key"].partition("=")
            told = self._free.get((label, tidy_line(value)), {})
            found.append(set(told))
        if not found and "lead" not in row:
            return NOBODY_NAMED
        common = set.intersection(*found) if found else set()
        who = next((each for each in (common, *found) if len(each) == 1), None)
        if who is None:
            return AMBIGUOUS if any(found) else UNMATCHED
        (contact_id,) = who
        if contact_id in told:  # the very row that was taken in, of the several that the contact may have
            return RemoteRef(system=OURS, kind=SUBMISSION, id=told[contact_id])
        return contact_id

    def _remote(self, lead: str) -> lead_outcomes.Remote:
        """`77`, `lead/77` or `kommo:acme/lead/77`."""
        system, _, rest = lead.rpartition("/lead/") if "/lead/" in lead else ("", "", lead.removeprefix("lead/"))
        return system or self._system, "lead", rest


def _keys(name: str, text: str) -> list[int]:
    email = parse_email(text) if name == "email" else None
    phone = parse_phone(text) if name == "phone" else None
    told = Contact(emails=(email,) if email else (), phones=(phone,) if phone else ())
    return [key.hash for key in blocking_keys(told) if key.kind == name]
