"""What all commands share: the data folder, errors told plainly, and tables or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from worker import logs
from worker.config import Settings, load_settings
from worker.errors import ConfigurationError, PortariaError, TransientError
from worker.steps.runtime import Runtime, build_runtime

NOT_WELL = 1
WRONG_USE = 2
NO_CONNECTION = 3

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

_DATA = "portaria.data"


def _remember(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.meta[_DATA] = value


def _data_option() -> click.Option:
    return click.Option(
        ["--data"],
        metavar="DIR",
        expose_value=False,
        callback=_remember,
        help="The data folder, with portaria.toml.  [default: $PORTARIA_DATA or portaria-data]",
    )


class ShellCommand(click.Command):
    """A command that knows `--data` and turns our errors into a line and an exit status."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.params.append(_data_option())

    def invoke(self, ctx: click.Context) -> Any:
        logs.set_up()
        try:
            return super().invoke(ctx)
        except PortariaError as problem:
            errors.print(f"[red]error:[/red] {escape(str(problem))}")
            ctx.exit(_status(problem))


class Shell(click.Group):
    """A group of such commands; `--data` may stand before or after the command's name."""

    command_class = ShellCommand

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.params.append(_data_option())


Shell.group_class = Shell


def _status(problem: PortariaError) -> int:
    return NO_CONNECTION if isinstance(problem, TransientError) else WRONG_USE


def settings() -> Settings:
    """The settings of this call's data folder."""
    return load_settings(click.get_current_context().meta.get(_DATA))


def open_runtime(given: Settings | None = None) -> Runtime:
    """The runtime of this call's data folder, its schema up to date."""
    chosen = given or settings()
    runtime = build_runtime(chosen)
    if runtime.database.revision()[0] is None:
        runtime.database.migrate()
    elif lacking := runtime.database.lacks():
        raise ConfigurationError(lacking)
    return runtime


@contextmanager
def progress_bars(*, hidden: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Bars on standard error while the block runs: call with a step's name, how much of it is done, and of how much."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True, disable=hidden) as bars:
        shown: dict[str, TaskID] = {}

        def progress(step: str, done: int, total: int) -> None:
            if step not in shown:
                shown[step] = bars.add_task(step, total=total)
            bars.update(shown[step], completed=done, total=total)

        yield progress


def print_json(value: Any) -> None:
    """One value as one line of JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], *, as_json: bool, empty: str) -> None:
    """Rows as JSON Lines, or as a table of `columns` (key → heading)."""
    if as_json:
        for row in rows:
            print_json(row)
        return
    if not rows:
        console.print(empty)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in columns.values():
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[key]) for key in columns))
    console.print(table)


def print_fields(row: Mapping[str, Any]) -> None:
    """One thing as a list of its filled fields."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for key, value in row.items():
        if value not in (None, "", [], {}):
            table.add_row(key, _cell(value))
    console.print(table)


_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?\+00:00")


def _cell(value: Any) -> str:
    """A value for people, safe from rich's markup."""
    return escape(_text(value))


def _text(value: Any) -> str:
    """A moment of ours (ISO 8601, UTC) to the minute, since a table has no room for more; several things in lines."""
    if value is None:
        return ""
    if isinstance(value, str) and (moment := _MOMENT.fullmatch(value)):
        return f"{moment[1]} {moment[2]} UTC"
    if isinstance(value, Mapping):
        return "\n".join(f"{key}: {_text(each)}" for key, each in value.items() if each not in (None, "", [], {}))
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "\n".join(_line(each) for each in value)
    return str(value)


def _line(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(_in_line(each) for each in value.values() if each not in (None, "", [], {}))
    return _text(value)


def _in_line(value: Any) -> str:
    return _text(value) if isinstance(value, str) else str(value)
