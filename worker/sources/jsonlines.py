"""JSON Lines: a JSON value a line, each read as the source's kind reads a body (jsonlines.org)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipelines.guessing import RECORD_ID, is_record_id
from pipelines.models import SourceRecord
from worker.errors import Unparsable
from worker.ports import BadRecord, Delivery, NotContact, Source, SourceSettings
from worker.sources.charsets import open_text
from worker.sources.reasons import BAD_LINE


def parse_json_lines(
    source: Source, delivery: Delivery, settings: SourceSettings, charset: str = ""
) -> Iterator[SourceRecord | BadRecord | NotContact]:
    """What the kind finds in each line, lazily; a line that it cannot read is a `BadRecord`, a blank one is none."""
    for number, line in enumerate(open_text(delivery.body, charset), 1):
        if not line.strip("\ufeff \t\r\n"):
            continue
        one = replace(delivery, body=line.strip().encode(), content_type="application/json")
        try:
            for found in source.parse(one, settings):
                if isinstance(found, SourceRecord):
                    yield _with_row_id(found)
                else:
                    yield replace(found, detail=f"line {number}: {found.detail}")
        except Unparsable as error:
            yield BadRecord(BAD_LINE, f"line {number}: {error}")


def _with_row_id(record: SourceRecord) -> SourceRecord:
    """The record with its own id told as such, as a table's row has it."""
    if not any(one.hint == "" and is_record_id(one.key) for one in record.fields):
        return record
    fields = (
        one.model_copy(update={"hint": RECORD_ID}) if one.hint == "" and is_record_id(one.key) else one
        for one in record.fields
    )
    return record.model_copy(update={"fields": tuple(fields)})
