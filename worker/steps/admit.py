"""Admit: what has to be asked outside before a submission can be received. Most need nothing and never come here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.models import SourceRecord
from pipelines.states import Stage, State
from worker.asking import Fetching
from worker.errors import ConfigurationError, PermanentError, TransientError
from worker.ports import BadRecord, NotContact, Source, SourceSettings
from worker.sources.spam import captcha_complaint
from worker.steps import claims
from worker.steps.claims import Report
from worker.steps.runtime import UNKNOWN_SOURCE, Runtime
from worker.store import deliveries, submissions
from worker.store.submissions import Claimed, Outcome

OUT_OF_TIME = "out_of_time"
"""Reason code: the provider took so long over others of its batch that its lease would run out; it goes on at once."""


def first_state(source: Source, settings: SourceSettings, item: SourceRecord | BadRecord) -> State:
    """Where the submission of something found in a delivery begins."""
    if isinstance(item, BadRecord):
        return State.REJECTED
    return State.ARRIVED if is_reference(source, settings, item) else State.RECEIVED


def first_states(runtime: Runtime, records: Mapping[str, tuple[str, str]]) -> dict[str, State]:
    """Where submissions, by id with their source and record, begin when they are sent through all stages again."""
    first: dict[str, State] = {}
    for submission, (name, text) in records.items():
        try:
            source, settings = runtime.source(name)
        except ConfigurationError:
            first[submission] = State.RECEIVED
        else:
            first[submission] = first_state(source, settings, SourceRecord.model_validate_json(text))
    return first


def is_reference(source: Source, settings: SourceSettings, record: SourceRecord) -> bool:
    """Whether the record only names somebody, whom the source's provider can be asked for."""
    return isinstance(source, Fetching) and source.is_reference(record, settings)


def admit(runtime: Runtime, ids: Sequence[str]) -> Report:
    """Fetch the records that hooks only named, and hold what its captcha speaks against. Each waits by itself where
    who is asked does not answer."""
    claimed = claims.claim(runtime, Stage.ADMIT, ids)
    until = runtime.clock() + timedelta(seconds=runtime.settings.worker.lease_seconds / 2)
    by_source: defaultdict[str, list[Claimed]] = defaultdict(list)
    for item in claimed:
        by_source[item.source].append(item)
    outcomes: list[Outcome] = []
    for name, items in by_source.items():
        answers = _answers(runtime, name, items, until)
        outcomes += [_outcome(runtime, item, answer) for item, answer in zip(items, answers, strict=True)]
    return claims.save(runtime, Stage.ADMIT, outcomes)


@dataclass(frozen=True, slots=True)
class _Held:
    """It does not look like a person's."""

    reason: str
    detail: str


Answer = SourceRecord | NotContact | _Held | Exception


def _answers(runtime: Runtime, name: str, items: Sequence[Claimed], until: datetime) -> Iterator[Answer]:
    """For each submission of a source, what it is in whole, or what went wrong. Begins no call after `until`."""
    try:
        source, settings = runtime.source(name)
    except ConfigurationError as problem:
        why = f"portaria.toml has no usable [sources.{name}]: {problem}"
        yield from [PermanentError(why, code=UNKNOWN_SOURCE)] * len(items)
        return
    records = [SourceRecord.model_validate_json(item.record) for item in items]
    wanted = [record for record in records if is_reference(source, settings, record)]
    fetched = _fetched(runtime, source, settings, wanted)
    captchas: dict[str, _Held | Exception | None] = {}
    for item, record in zip(items, records, strict=True):
        if runtime.clock() > until:
            yield TransientError("the provider is slow; it goes on in a moment", code=OUT_OF_TIME, retry_after=0)
        elif is_reference(source, settings, record):
            yield next(fetched)
        else:
            if item.delivery_id not in captchas:  # several people may be in one form
                captchas[item.delivery_id] = _captcha(runtime, item)
            yield captchas[item.delivery_id] or record


def _captcha(runtime: Runtime, item: Claimed) -> _Held | Exception | None:
    """What its captcha says against a submission; nothing where its source has none (any more)."""
    section = runtime.settings.sources.get(item.source)
    if section is None or not section.captcha:
        return None
    with runtime.database.read() as tx:
        delivery = deliveries.read(tx, item.delivery_id)
    if delivery is None:
        return None
    try:
        reason, detail = captcha_complaint(section, delivery, runtime.clock())
    except Exception as error:
        return error
    return _Held(reason, detail) if reason else None


def _fetched(
    runtime: Runtime, source: Source, settings: SourceSettings, wanted: Sequence[SourceRecord]
) -> Iterator[Answer]:
    try:
        if isinstance(source, Fetching):
            yield from source.fetch(wanted, settings, runtime.around)
    except Exception as error:  # a fault in the adapter
        while True:
            yield error


def _outcome(runtime: Runtime, item: Claimed, answer: Answer) -> Outcome:
    now = runtime.clock()
    if isinstance(answer, Exception):
        return claims.failed(runtime, item, answer, now)
    if isinstance(answer, _Held):
        return Outcome(item, State.HELD, None, reason=answer.reason, detail=answer.detail)
    if isinstance(answer, NotContact):
        return Outcome(item, State.REJECTED, None, reason=answer.reason, detail=answer.detail)
    whole = completed(SourceRecord.model_validate_json(item.record), answer)
    return submissions.reached(item, due_at=claims.next_look(runtime, now), record=whole.model_dump_json())


def completed(reference: SourceRecord, fetched: SourceRecord) -> SourceRecord:
    """The fetched record with what the hook said besides: its fields, whose it is, and when it happened."""
    keys = {field.key for field in fetched.fields}
    return SourceRecord(
        fields=(*fetched.fields, *(field for field in reference.fields if field.key not in keys)),
        remotes=tuple(dict.fromkeys((*fetched.remotes, *reference.remotes))),
        occurred_at=reference.occurred_at or fetched.occurred_at,
        language=fetched.language or reference.language,
    )
