"""`portaria dedupe FILE.csv`: the people in a list, without a server.

The file is read once into arrays (`pipelines.dedupe.columns`); what is in it is decided by `pipelines.dedupe.table`.
Any delimiter (comma, semicolon, tab, bar), any of the usual encodings, any columns.
"""

from __future__ import annotations

import codecs
import csv
import sys
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from pipelines.dedupe.columns import RawColumn, make_columns
from pipelines.dedupe.contact_rows import ContactRows, are_contacts
from pipelines.dedupe.table import TableResult, dedupe_table
from pipelines.guessing import guess_columns
from pipelines.models import FIELDS
from worker.dedupe_report import Example, write_report
from worker.errors import PortariaError

Progress = Callable[[str, int, int], None]

MATCH_AT = 0.5
"""Probability from which a pair stands as `match` in the pairs file where its rows were put in one contact."""
EXAMPLES = 12
"""Surest and least sure pairs that the report shows of each."""
_SAMPLED = 200
_DELIMITERS = ",;\t|"
_PROGRESS_EVERY = 20_000


class UnreadableFile(PortariaError):
    """The file cannot be read as a table; the text says what, where and how to mend it."""

    code = "unreadable_file"


@dataclass(frozen=True, slots=True)
class DedupeSummary:
    """What was found, for the terminal and for `--json`."""

    rows: int
    contacts: int
    duplicates: int
    """Rows beyond the first of each contact."""
    groups: int
    """Contacts with more than one row."""
    largest_group: int
    to_review: int
    """Pairs likely enough to look at that were not put in one contact, and unlikely ones that were."""
    compared: int
    columns: Mapping[str, str]
    """Each column and how it was compared (`ignored` ones too)."""
    linked: int | None = None
    """With `--against`: rows of the first file that have at least one counterpart in the other."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Table:
    headers: tuple[str, ...]
    values: list[dict[str, int]]
    codes: list[array[int]]
    rows: int


def run_dedupe(
    path: Path,
    *,
    mapping: Mapping[str, str] | None = None,
    against: Path | None = None,
    pairs_out: Path | None = None,
    clusters_out: Path | None = None,
    report_html: Path | None = None,
    progress: Progress = lambda step, done, total: None,
) -> DedupeSummary:
    """Find the people in a list, and write what was asked for.

    `mapping` says which column is which standard field (`pipelines.models.FIELDS`, or `ignore`), the rest is guessed.
    `clusters_out` gets `row,contact` (row counted from 0, contact the row that it first appears in); with `against`
    the rows of both lists are looked at together, and a third column holds the rows of the other list that are the
    same person, separated by spaces. `pairs_out` gets `left,right,probability,decision` (`match` or `review`); with
    `against` left is a row of the first list, right one of the other. Raises UnreadableFile.
    """
    table = _Table((), [], [], 0)
    table = _read(path, table, progress)
    first_rows = table.rows
    if against is not None:
        table = _read(against, table, progress)
    fields = _fields(path, table, mapping or {})
    raw = [
        RawColumn(name, fields.get(name, ""), tuple(values), np.frombuffer(codes, dtype=np.int32))
        for name, values, codes in zip(table.headers, table.values, table.codes, strict=True)
    ]
    progress("tidy", 0, 1)
    columns = make_columns(raw)
    if not columns or not table.rows:
        result = _nobody(table.rows)
    else:
        # A million rows are compared with fewer candidates each: their keys are as rare, their crowds larger.
        pairs_per_row = 60 if table.rows <= 200_000 else 25
        contacts = ContactRows(raw, columns) if are_contacts(raw, columns) else None
        result = dedupe_table(columns, contacts=contacts, pairs_per_row=pairs_per_row, progress=progress)
    compared = {weights.name: str(weights.kind) for weights in result.weights}
    summary = _summary(result, first_rows, against is not None, dict.fromkeys(table.headers, "ignored") | compared)
    progress("write", 0, 1)
    if clusters_out is not None:
        _write_clusters(clusters_out, result, first_rows, against is not None)
    if pairs_out is not None:
        _write_pairs(pairs_out, result, first_rows, against is not None)
    if report_html is not None:
        write_report(
            report_html,
            path.name,
            summary.to_json(),
            result.weights,
            *_examples(result, raw, first_rows, against is not None),
        )
    progress("write", 1, 1)
    return summary


# --- reading --------------------------------------------------------------------------------------------------------


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """The file as text: UTF-8 or UTF-16 where it is, else Windows-1252, in which every byte means something."""
    try:
        with path.open("rb") as raw:
            head = raw.read(4)
            encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
            if encoding == "utf-8-sig":
                raw.seek(0)
                try:
                    decoder = codecs.getincrementaldecoder("utf-8")()
                    while block := raw.read(1 << 20):
                        decoder.decode(block)
                    decoder.decode(b"", final=True)
                except UnicodeDecodeError:
                    encoding = "cp1252"
        with path.open(encoding=encoding, errors="replace", newline="") as text:
            yield text
    except FileNotFoundError:
        raise UnreadableFile(f"there is no file {path}") from None
    except IsADirectoryError:
        raise UnreadableFile(f"{path} is a folder: name one file in it") from None
    except PermissionError:
        raise UnreadableFile(f"{path} may not be read: check its permissions") from None


def _rows(text: IO[str]) -> Iterator[list[str]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    sample = list(islice(text, 20))
    head = "".join(sample)
    counts = {delimiter: sample[0].count(delimiter) if sample else 0 for delimiter in _DELIMITERS}
    delimiter = max(counts, key=lambda each: (counts[each], -_DELIMITERS.index(each)))
    if not counts[delimiter]:
        delimiter = max(_DELIMITERS, key=lambda each: (head.count(each), -_DELIMITERS.index(each)))
    lines = (line.replace("\0", "") for line in chain(sample, text))
    return csv.reader(lines, delimiter=delimiter)


def _read(path: Path, before: _Table, progress: Progress) -> _Table:
    """The table of a file, its rows after those of `before`; columns are brought together by their headers."""
    with _opened(path) as text:
        rows = _rows(text)
        try:
            headers = _unique_headers(next(rows))
        except StopIteration:
            raise UnreadableFile(f"{path} is empty: it needs a line of column names") from None
        except csv.Error as error:
            raise UnreadableFile(f"{path}, line 1: {error}; save it as CSV again") from None
        if before.headers and not set(headers) & set(before.headers):
            raise UnreadableFile(
                f"{path} has no column in common with the first file ({', '.join(before.headers[:6])}): "
                "rename its columns alike"
            )
        known = dict(zip(before.headers, range(len(before.headers)), strict=True))
        names = (*before.headers, *(header for header in headers if header not in known))
        values = [*before.values, *({"": 0} for _ in names[len(before.headers) :])]
        codes = [*before.codes, *(array("i", bytes(4 * before.rows)) for _ in names[len(before.headers) :])]
        places = [names.index(header) for header in headers]
        read = 0
        try:
            for row in rows:
                if not row:
                    continue
                for place, value in zip(places, row, strict=False):
                    numbers = values[place]
                    codes[place].append(numbers.setdefault(value, len(numbers)))
                read += 1
                total = before.rows + read
                for column in codes:
                    if len(column) < total:
                        column.append(0)
                if read % _PROGRESS_EVERY == 0:
                    progress("read", read, 0)
        except csv.Error as error:
            raise UnreadableFile(f"{path}, about line {read + 2}: {error}; save it as CSV again") from None
    return _Table(names, values, codes, before.rows + read)


def _unique_headers(headers: Sequence[str]) -> list[str]:
    """Column names, tidied; one that comes twice or is empty is numbered."""
    names: list[str] = []
    for at, header in enumerate(headers):
        name = header.strip() or f"column {at + 1}"
        names.append(name if name not in names else f"{name} ({at + 1})")
    return names


def _fields(path: Path, table: _Table, mapping: Mapping[str, str]) -> dict[str, str]:
    """The standard field of each column: as mapped, else as guessed."""
    for column, field in mapping.items():
        if column not in table.headers:
            raise UnreadableFile(f"{path} has no column {column!r}; it has {', '.join(table.headers)}")
        if field not in (*FIELDS, "ignore", "text"):
            raise UnreadableFile(f"{field!r} is no field; a column can be {', '.join(FIELDS)}, text or ignore")
    texts = [list(islice(values, 1, _SAMPLED)) for values in table.values]
    longest = max(map(len, texts), default=0)
    sample = [[column[at] if at < len(column) else "" for column in texts] for at in range(longest)]
    return guess_columns(table.headers, sample) | dict(mapping)


# --- what is told ---------------------------------------------------------------------------------------------------


def _nobody(rows: int) -> TableResult:
    nothing = np.empty(0, dtype=np.int32)
    return TableResult(np.arange(rows, dtype=np.int32), nothing, nothing, nothing.astype(np.float32), 0, 0.0, ())


def _summary(result: TableResult, first_rows: int, links: bool, columns: Mapping[str, str]) -> DedupeSummary:
    _, sizes = np.unique(result.contacts, return_counts=True)
    together = result.contacts[result.left] == result.contacts[result.right]
    unsure = (together & (result.probability < MATCH_AT)) | (~together & (result.probability >= MATCH_AT))
    linked = None
    if links:
        others = set(result.contacts[first_rows:].tolist())
        linked = sum(contact in others for contact in result.contacts[:first_rows].tolist())
    return DedupeSummary(
        rows=len(result.contacts),
        contacts=len(sizes),
        duplicates=len(result.contacts) - len(sizes),
        groups=int((sizes > 1).sum()),
        largest_group=int(sizes.max(initial=0)),
        to_review=int(unsure.sum()),
        compared=result.compared,
        columns=dict(columns),
        linked=linked,
    )


def _write_clusters(path: Path, result: TableResult, first_rows: int, links: bool) -> None:
    with path.open("w", encoding="utf-8", newline="") as text:
        out = csv.writer(text, lineterminator="\n")
        if not links:
            out.writerow(("row", "contact"))
            out.writerows(enumerate(result.contacts.tolist()))
            return
        others: dict[int, list[str]] = {}
        for row, contact in enumerate(result.contacts[first_rows:].tolist()):
            others.setdefault(contact, []).append(str(row))
        out.writerow(("row", "contact", "against"))
        for row, contact in enumerate(result.contacts[:first_rows].tolist()):
            out.writerow((row, contact, " ".join(others.get(contact, ()))))


def _write_pairs(path: Path, result: TableResult, first_rows: int, links: bool) -> None:
    """Likely pairs, the surest first; a pair in one contact is a match whatever the two alone say of each other."""
    with path.open("w", encoding="utf-8", newline="") as text:
        out = csv.writer(text, lineterminator="\n")
        out.writerow(("left", "right", "probability", "decision"))
        order = np.lexsort((result.right, result.left, -result.probability))
        for at in order.tolist():
            left, right = int(result.left[at]), int(result.right[at])
            if links and not left < first_rows <= right:
                continue
            decision = "match" if result.contacts[left] == result.contacts[right] else "review"
            right -= first_rows if links else 0
            out.writerow((left, right, f"{result.probability[at]:.4f}", decision))


def _examples(
    result: TableResult, raw: Sequence[RawColumn], first_rows: int, links: bool
) -> tuple[list[Example], list[Example]]:
    """The surest pairs and the least sure, with what their rows hold."""
    by_doubt = np.argsort(np.abs(result.probability - 0.5), kind="stable")
    texts = [tuple(column.values) for column in raw]

    def example(at: int) -> Example:
        left, right = int(result.left[at]), int(result.right[at])
        rows = [[values[column.codes[row]] for column, values in zip(raw, texts, strict=True)] for row in (left, right)]
        return Example(
            left, right - (first_rows if links and right >= first_rows else 0), float(result.probability[at]),
            [column.name for column in raw], rows[0], rows[1],
        )  # fmt: skip

    different = [
        at for at in by_doubt[::-1][: EXAMPLES * 20].tolist()
        if result.probability[at] > 0.5 and any(c.codes[result.left[at]] != c.codes[result.right[at]] for c in raw)
    ]  # fmt: skip
    return [example(at) for at in different[:EXAMPLES]], [example(at) for at in by_doubt[:EXAMPLES].tolist()]
