"""`init`, `check`, `migrate`: setting up and looking after an installation."""

from __future__ import annotations

import click
from kombu import Connection
from rich.markup import escape
from rich.table import Table

from worker import celery_app, embedded, steps, supervisor
from worker.asking import Fetching
from worker.cli import starting
from worker.cli.follow_up_check import check_sinks, check_workflows
from worker.cli.shell import NO_CONNECTION, WRONG_USE, Shell, console, open_runtime, settings
from worker.config import Settings
from worker.errors import ConfigurationError, PortariaError, TransientError
from worker.mailbox_login import log_in
from worker.ports import Problem
from worker.steps.runtime import Runtime, build_runtime
from worker.store import contacts

CONNECT_SECONDS = 3.0


def add_to(portaria: Shell) -> None:
    """Add these commands to the command line."""
    for command in (init, check, migrate):
        portaria.add_command(command)


@click.command(cls=Shell.command_class)
def init() -> None:
    """Write an explained portaria.toml with one web form source and a fresh secret."""
    chosen = settings()
    if chosen.file.exists():
        raise ConfigurationError(f"{chosen.file} exists already; edit it, or name another folder with --data")
    console.print(f"Wrote {escape(str(starting.write_first(chosen)))}.")
    console.print("Next: portaria check, then portaria up")


@click.command(cls=Shell.command_class)
def migrate() -> None:
    """Bring the database to this version's schema. Safe at any time, and from several machines at once."""
    database = build_runtime(settings()).database
    before, newest = database.revision()
    database.migrate()
    console.print(f"The database is at revision {newest}." if before == newest else f"{before or 'empty'} → {newest}")


@click.command(cls=Shell.command_class)
def check() -> None:
    """Test portaria.toml and every connection; say what is wrong and how to mend it."""
    chosen = settings()
    console.print(
        f"[green]ok[/green]    {escape(str(chosen.file))} " + ("" if chosen.file.exists() else "(absent: all defaults)")
    )
    found: list[tuple[str, list[Problem]]] = [("sources", _check_sources(chosen))]
    try:
        runtime = open_runtime(chosen)
    except TransientError as problem:
        found.append(("database", [Problem(str(problem), "is [database] url right, and the server running?")]))
    else:
        found += [
            ("database", _check_pressure(runtime)),
            ("crm", list(runtime.crm.check())),
            ("workflows", check_workflows(runtime)),
            ("dedupe", _check_keys(runtime)),
        ]
        found.append(("sinks", check_sinks(runtime)))
        found.append(("mailboxes", _check_mailboxes(chosen)))
        found[0][1].extend(_check_kinds(runtime))
    found.append(("broker", _check_broker(chosen)))
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, problems in found:
        for each in problems:
            mark = "[red]wrong[/red]" if each.fatal else "[yellow]note[/yellow]"
            table.add_row(mark, name, f"{escape(each.what)}\n[dim]{escape(each.mend)}[/dim]")
        if not any(problem.fatal for problem in problems):
            table.add_row("[green]ok[/green]", name, "")
    console.print(table)
    fatal = {name for name, problems in found if any(problem.fatal for problem in problems)}
    if fatal:
        click.get_current_context().exit(WRONG_USE if fatal == {"sources"} else NO_CONNECTION)


def _check_sources(chosen: Settings) -> list[Problem]:
    problems = [
        Problem(
            f"[sources.{name}] has no secret, so nothing it sends is taken",
            "set secret to a long random word; `portaria init` in another folder shows one",
        )
        for name, section in sorted(chosen.sources.items())
        if not section.secret
    ]
    if not chosen.sources:
        problems.append(Problem("there is no source", "add a [sources.NAME] to take hooks", fatal=False))
    return problems


def _check_pressure(runtime: Runtime) -> list[Problem]:
    if runtime.database.revision()[0] is None:
        return []
    pressure = steps.pressure_now(runtime)
    if not pressure.imports_yield:
        return []
    what = f"a hook or mail has not moved for {pressure.urgent_seconds:.0f} s, so imports wait"
    mend = "give it a moment; else see that workers run (`portaria up`) and the CRM answers, or add workers"
    return [Problem(what, mend, fatal=False)]


def _check_keys(runtime: Runtime) -> list[Problem]:
    if runtime.database.lacks():
        return []  # the tables are not there yet, or not as they are to be
    with runtime.database.read() as tx:
        stale = contacts.count_stale(tx)
    if not stale:
        return []
    what = f"{stale:,} contacts are found by keys of an earlier release, and so less surely"
    return [Problem(what, "run `portaria dedupe rekey`; workers may go on meanwhile", fatal=False)]


def _check_kinds(runtime: Runtime) -> list[Problem]:
    problems = []
    for name in sorted(runtime.settings.sources):
        try:
            source, settings = runtime.source(name)
            if isinstance(source, Fetching) and not source.can_fetch(settings):
                what = f"[sources.{name}] has no token: what its hooks only name is not fetched, and rejected"
                problems.append(Problem(what, f"set token to one that may read at {settings.kind}", fatal=False))
        except ConfigurationError as problem:
            problems.append(Problem(str(problem), "see the kinds in portaria.toml as `portaria init` writes it"))
    return problems


def _check_mailboxes(chosen: Settings) -> list[Problem]:
    problems = []
    for name, section in sorted(chosen.mailboxes.items()):
        try:
            log_in(section).client.shutdown()
        except PortariaError as problem:
            problems.append(Problem(f"[mailboxes.{name}] {problem}", "mend it in portaria.toml or at the mail server"))
    return problems


def _check_broker(chosen: Settings) -> list[Problem]:
    url = embedded.broker_url(chosen)
    if url is None:
        return [Problem("the embedded broker is not running", "`portaria up` starts it", fatal=False)]
    options = celery_app.broker_options(url)
    try:
        with Connection(url, connect_timeout=CONNECT_SECONDS, transport_options=options) as connection:
            connection.ensure_connection(max_retries=1, timeout=CONNECT_SECONDS)
    except Exception as problem:  # each transport has errors of its own
        where = "the embedded broker" if chosen.embedded_broker else "[broker] url"
        return [
            Problem(f"the broker does not answer ({type(problem).__name__})", f"see {where}; is the server running?")
        ]
    if chosen.embedded_broker and not supervisor.is_up(chosen):
        return [Problem("the broker runs but `portaria up` does not", "run `portaria up`", fatal=False)]
    return []
