"""Many rows in one statement, whose text stays the same however many they are.

A driver's `executemany` is one message and one execution a row on PostgreSQL, and an IN list is one parameter and one
rendering a value: together they took a third of all the processor's time. Here the rows are one parameter, a JSON
array, and so are the values of a list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

Row = Mapping[str, Any]
"""Values by column; all rows of one call have the same columns."""


def insert_rows(tx: sa.Connection, table: sa.Table, values: Sequence[Row]) -> None:
    """Insert the rows, in this order."""
    _insert(tx, table, values, "")


def insert_ignoring(tx: sa.Connection, table: sa.Table, values: Sequence[Row]) -> None:
    """Insert the rows that are not there yet, by any unique key; the others stay as they are."""
    _insert(tx, table, values, " ON CONFLICT DO NOTHING")


def update_rows(tx: sa.Connection, table: sa.Table, values: Sequence[Row], *, by: Sequence[str]) -> None:
    """Set the columns of each of the rows that is known by the columns `by`.

    PostgreSQL changes them in no certain order: where two batches may hold the same rows, lock them first.
    """
    if values:
        columns = tuple(values[0])
        _execute(tx, _update_text(tx.dialect, table, columns, tuple(by)), table, columns, values)


def among(column: sa.ColumnElement[Any], values: Collection[str]) -> sa.ColumnElement[bool]:
    """Whether the text column is one of these: `column IN values`, as one parameter."""
    # As JSON on PostgreSQL too: psycopg takes longer to write an array than the server to look the values up.
    listed = json.dumps(list(values), ensure_ascii=False)
    return _Among(column, sa.bindparam(None, listed, type_=sa.Text(), unique=True))


def _insert(tx: sa.Connection, table: sa.Table, values: Sequence[Row], ending: str) -> None:
    if values:
        columns = tuple(values[0])
        _execute(tx, _insert_text(tx.dialect, table, columns) + ending, table, columns, values)


def _execute(tx: sa.Connection, text: str, table: sa.Table, columns: tuple[str, ...], values: Sequence[Row]) -> None:
    processors = _processors(tx.dialect, table, columns)
    ready = values
    if processors:
        ready = [{**row, **{name: process(row[name]) for name, process in processors}} for row in values]
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql(text, (json.dumps(ready, default=_time_as_text, ensure_ascii=False),))
    else:
        tx.exec_driver_sql(text, [tuple([row[name] for name in columns]) for row in ready])


@lru_cache(maxsize=256)  # most rows of a batch hold the same few times
def _time_as_text(value: object) -> str:
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    raise TypeError(f"rows cannot hold a {type(value).__name__}")


@lru_cache(maxsize=256)
def _processors(
    dialect: sa.Dialect, table: sa.Table, columns: tuple[str, ...]
) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """What makes a column's values ready for the driver, for the columns that need it."""
    of = ((name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in columns)
    return tuple((name, lru_cache(maxsize=256)(process)) for name, process in of if process is not None)


@lru_cache(maxsize=256)
def _insert_text(dialect: sa.Dialect, table: sa.Table, columns: tuple[str, ...]) -> str:
    quote = dialect.identifier_preparer.quote
    into = f"INSERT INTO {quote(table.name)} ({', '.join(map(quote, columns))})"
    if dialect.name == "postgresql":
        return f"{into} SELECT {', '.join(map(quote, columns))} FROM {_given(dialect, table, columns)}"
    return f"{into} VALUES ({', '.join('?' * len(columns))})"


@lru_cache(maxsize=256)
def _update_text(dialect: sa.Dialect, table: sa.Table, columns: tuple[str, ...], by: tuple[str, ...]) -> str:
    quote = dialect.identifier_preparer.quote
    changed = [name for name in columns if name not in by]
    if dialect.name == "postgresql":
        settings = ", ".join(f"{quote(name)} = given.{quote(name)}" for name in changed)
        same = " AND ".join(f"{quote(table.name)}.{quote(name)} = given.{quote(name)}" for name in by)
        return f"UPDATE {quote(table.name)} SET {settings} FROM {_given(dialect, table, columns)} WHERE {same}"
    # Numbered, for the driver gives each row's values in the order of `columns`.
    at = {name: f"?{number}" for number, name in enumerate(columns, start=1)}
    settings = ", ".join(f"{quote(name)} = {at[name]}" for name in changed)
    same = " AND ".join(f"{quote(name)} = {at[name]}" for name in by)
    return f"UPDATE {quote(table.name)} SET {settings} WHERE {same}"


def _given(dialect: sa.Dialect, table: sa.Table, columns: Sequence[str]) -> str:
    quote = dialect.identifier_preparer.quote
    typed = (f"{quote(name)} {table.c[name].type.compile(dialect)}" for name in columns)
    return f"json_to_recordset(%s::json) AS given ({', '.join(typed)})"


class _Among(sa.sql.functions.FunctionElement[Any]):
    name = "among"
    # Of a truth SQLAlchemy would ask `= 1` on SQLite, and that no index answers.
    type = sa.types.NullType()
    inherit_cache = True


@compiles(_Among, "postgresql")
def _among_postgresql(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    column, values = element.clauses
    listed = f"SELECT json_array_elements_text(CAST({compiler.process(values, **how)} AS json))"
    return f"{compiler.process(column, **how)} = ANY (ARRAY({listed}))"


@compiles(_Among, "sqlite")
def _among_sqlite(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **how)} IN (SELECT value FROM json_each({compiler.process(values, **how)}))"
