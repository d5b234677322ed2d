"""Tables of people: CSV and its cousins (RFC 4180, and what spreadsheets really write), read row by row."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from pipelines.guessing import RECORD_ID, is_record_id
from pipelines.models import SourceRecord
from worker.ports import BadRecord
from worker.sources.charsets import open_text
from worker.sources.reasons import BAD_ROW
from worker.sources.records import field, record

DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 20
_SAMPLE_CHARACTERS = 65_536
_EXCEL_HINT = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_UNNAMED = "column_"
_AN_ANSWER = re.compile(r"\s*(?:[^@\s]+@[^@\s]+\.[^@\s]+|\+?[\d\s().-]{8,30})\s*")
"""An e-mail address or a number as long as a phone's: what stands in a row and never in a header."""


def parse_table(body: bytes, *, charset: str = "", delimiter: str = "") -> Iterator[SourceRecord | BadRecord]:
    """A record a row, lazily; header cells are keys and labels, doubled ones numbered: `Nome`, `Nome (2)`.

    The delimiter is told from the first rows unless given. A first row that holds an address or a phone number is no
    header: its columns are `column_1`, ... A short row is padded, a blank one is none; a row with filled-in cells
    beyond the header, a quote never closed and a cell over 131,072 characters are `BadRecord`s, and the others go on.
    """
    lines = _Lines(open_text(body, charset))
    delimiter = _excel_delimiter(lines) or delimiter or _delimiter_of(lines.sample())
    header: list[str] | None = None
    for row in _rows(lines, delimiter):
        if row.cells is None:
            yield BadRecord(BAD_ROW, row.complaint)
        elif not any(cell.strip() for cell in row.cells):
            continue
        elif header is None and not any(map(_AN_ANSWER.fullmatch, row.cells)):
            header = _keys(row.cells)
        else:
            header = header or [f"{_UNNAMED}{number}" for number, _ in enumerate(row.cells, 1)]
            yield _record(row, header)


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    """The file's line that it starts on, from 1: as an editor counts."""
    cells: Sequence[str] | None
    complaint: str = ""


def _record(row: _Row, header: Sequence[str]) -> SourceRecord | BadRecord:
    cells = row.cells or ()
    if any(cell.strip() for cell in cells[len(header) :]):
        return BadRecord(
            BAD_ROW,
            f"the row on line {row.line} has {len(cells)} cells, the header {len(header)}: "
            "put quotes around cells that hold the delimiter",
        )
    padded = [*cells[: len(header)], *[""] * (len(header) - len(cells))]
    # A column that the file does not name has no label that anyone saw.
    return record(
        field(key, cell, label="" if key.startswith(_UNNAMED) else key, hint=RECORD_ID if is_record_id(key) else "")
        for key, cell in zip(header, padded, strict=True)
    )


class _Lines:
    """The file's lines, some of which may be put back to be read again."""

    def __init__(self, source: Iterator[str]) -> None:
        self._source = source
        self._waiting: deque[str] = deque()
        self.number = 0
        self.taken: list[str] = []
        """The lines read since it was last emptied."""
        self.ended = False
        """The end was met while a row wanted more."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = self._waiting.popleft() if self._waiting else next(self._source)
        except StopIteration:
            self.ended = True
            raise
        self.number += 1
        self.taken.append(line)
        return line

    def put_back(self, lines: Sequence[str]) -> None:
        self._waiting.extendleft(reversed(lines))
        self.number -= len(lines)
        self.ended = False

    def sample(self) -> list[str]:
        """The first lines, not yet read."""
        first = list(islice(self, _SAMPLE_LINES))
        self.put_back(first)
        self.taken = []
        return first


def _rows(lines: _Lines, delimiter: str) -> Iterator[_Row]:
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        lines.taken = []
        start = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = None
        others = lines.taken[1:]
        # The reader asks past the end of the file for one reason only: a quote is still open.
        if cells is not None and not lines.ended:
            yield _Row(start, cells)
        elif others or lines.ended:
            # What a lost quote swallowed are the next people's rows: read them again without it.
            lines.put_back(others)
            yield _Row(start, None, f"the row on line {start} opens a quote that is never closed: close or remove it")
        else:
            yield _Row(
                start, None, f"the row on line {start} has a cell too large to be anyone's: over 131,072 characters"
            )


def _excel_delimiter(lines: _Lines) -> str:
    """Excel's own first line, `sep=;`, is taken off and obeyed."""
    first = lines.sample()[:1]
    found = _EXCEL_HINT.fullmatch(first[0].lstrip("\ufeff")) if first else None
    if found is None:
        return ""
    next(lines)
    return found[1]


def _delimiter_of(sample: Sequence[str]) -> str:
    """The delimiter by which most of the first rows are as wide as the first one."""
    text = "".join(sample)[:_SAMPLE_CHARACTERS].splitlines(keepends=True)
    best, best_fit = DELIMITERS[0], (0.0, 1)
    for delimiter in DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(text, delimiter=delimiter) if row]
        except csv.Error:
            continue
        if widths and widths[0] > 1:
            fit = (widths.count(widths[0]) / len(widths), widths[0])
            if fit > best_fit:
                best, best_fit = delimiter, fit
    return best


def _keys(cells: Sequence[str]) -> list[str]:
    keys: list[str] = []
    seen: dict[str, int] = {}
    for number, cell in enumerate(cells, 1):
        name = cell.strip().lstrip("\ufeff") or f"{_UNNAMED}{number}"
        seen[name] = seen.get(name, 0) + 1
        keys.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return keys
