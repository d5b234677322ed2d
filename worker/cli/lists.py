"""`contacts`, `submissions`, `deliveries`: look at what is kept."""

from __future__ import annotations

import getpass
import sys
from typing import Any

import click

from worker import steps
from worker.cli.settling import settle
from worker.cli.shell import Shell, console, open_runtime, print_fields, print_json, print_rows
from worker.errors import PermanentError
from worker.steps.views import contact_view, delivery_view, origins_view, submission_details, submission_view
from worker.store import contacts as contact_store
from worker.store import deliveries as delivery_store
from worker.store import history, writes
from worker.store import submissions as submission_store

as_json_option = click.option("--json", "as_json", is_flag=True, help="JSON: one object a line.")
limit_option = click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The most to list.")
after_option = click.option("--after", default="", metavar="ID", help="Go on after this id (the last one listed).")


def add_to(portaria: Shell) -> None:
    """Add these commands to the command line."""
    for group in (contacts, submissions, deliveries):
        portaria.add_command(group)


@click.group(cls=Shell)
def contacts() -> None:
    """The people: golden records with where each value came from."""


@contacts.command("list")
@limit_option
@after_option
@as_json_option
def list_contacts(limit: int, after: str, as_json: bool) -> None:
    """The newest first."""
    with open_runtime().database.read() as tx:
        rows = [contact_view(row) for row in contact_store.listed(tx, limit=limit, after=after)]
    columns = {
        "id": "id",
        "name": "name",
        "emails": "e-mails",
        "phones": "phones",
        "company": "company",
        "score": "score",
    }
    print_rows(rows, columns, as_json=as_json, empty="No contacts yet. Send some: portaria ingest FILE --source NAME")


@contacts.command("show")
@click.argument("contact_id", metavar="ID")
@as_json_option
def show_contact(contact_id: str, as_json: bool) -> None:
    """One contact: its values, where they came from, and what told of it."""
    with open_runtime().database.read() as tx:
        row = contact_store.read(tx, contact_id)
        if row is None:
            raise PermanentError(f"there is no contact {contact_id}; `portaria contacts list` shows the newest")
        told = submission_store.listed(tx, contact_id=contact_id)
    view = {**contact_view(row), "told_by": [each["id"] for each in told], "origins": origins_view(row)}
    if row["merged_into"] and not as_json:
        console.print(
            f"{contact_id} was merged into {row['merged_into']}, which has its submissions now:"
            f" portaria contacts show {row['merged_into']}\n",
            markup=False,
        )
    _print(view, as_json)


@click.group(cls=Shell)
def submissions() -> None:
    """One person's data each, on its way through the stages."""


@submissions.command("list")
@click.option("--state", help="Only those in this state.")
@click.option("--delivery", metavar="ID", help="Only those of this delivery.")
@limit_option
@after_option
@as_json_option
def list_submissions(state: str | None, delivery: str | None, limit: int, after: str, as_json: bool) -> None:
    """The newest first."""
    with open_runtime().database.read() as tx:
        found = submission_store.listed(tx, state=state, delivery_id=delivery, limit=limit, after=after)
    columns = {
        "id": "id",
        "source": "source",
        "state": "state",
        "decision": "decision",
        "score": "score",
        "detail": "why",
    }
    print_rows([submission_view(row) for row in found], columns, as_json=as_json, empty="No such submissions.")


@submissions.command("show")
@click.argument("submission_id", metavar="ID")
@as_json_option
def show_submission(submission_id: str, as_json: bool) -> None:
    """One submission: as sent, as understood, what was decided and done, and every move it made."""
    with open_runtime().database.read() as tx:
        row = submission_store.read(tx, submission_id)
        if row is None:
            raise PermanentError(
                f"there is no submission {submission_id}; `portaria submissions list` shows the newest"
            )
        made = writes.wanted_by(tx, submission_id)
        moves = history.of(tx, submission_id)
    done: dict[str, Any] = {
        "crm_writes": [{"kind": each["kind"], "state": each["state"], "key": each["key"]} for each in made],
        "history": [
            {key: str(each[key]) for key in ("at", "event", "before", "after", "reason") if each[key]} for each in moves
        ],
    }
    _print({**submission_details(row), **done}, as_json)


@submissions.command("release")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--by", default=getpass.getuser, show_default="you", help="Who decides.")
def release_submissions(ids: tuple[str, ...], by: str) -> None:
    """Let what was held as spam go on: it is somebody's."""
    runtime = open_runtime()
    count = steps.let_go_on(runtime, ids, by=by)
    console.print(f"Released: {count}.")
    with runtime.database.read() as tx:
        held = [row["delivery_id"] for each in ids if (row := submission_store.read(tx, each))]
    for line in settle(runtime, held, quiet=False).lines():
        console.print(line)


@submissions.command("reject")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--by", default=getpass.getuser, show_default="you", help="Who decides.")
def reject_submissions(ids: tuple[str, ...], by: str) -> None:
    """Reject what was held as spam: it is spam. It stays kept, and `portaria deliveries replay` takes it back."""
    console.print(f"Rejected: {steps.reject_held(open_runtime(), ids, by=by)}.")


@click.group(cls=Shell)
def deliveries() -> None:
    """Raw things received, kept byte for byte."""


@deliveries.command("list")
@click.option("--state", help="received, opened, quarantined or not_contact.")
@click.option("--source", help="Only those of this source.")
@limit_option
@after_option
@as_json_option
def list_deliveries(state: str | None, source: str | None, limit: int, after: str, as_json: bool) -> None:
    """The newest first."""
    with open_runtime().database.read() as tx:
        found = delivery_store.summaries(tx, state=state, source=source, limit=limit, after=after)
    columns = {
        "id": "id",
        "source": "source",
        "state": "state",
        "size": "bytes",
        "received_at": "received",
        "detail": "why",
    }
    print_rows([delivery_view(row) for row in found], columns, as_json=as_json, empty="No such deliveries.")


@deliveries.command("show")
@click.argument("delivery_id", metavar="ID")
@click.option("--body", is_flag=True, help="Write its bytes to standard output, and nothing else.")
@as_json_option
def show_delivery(delivery_id: str, body: bool, as_json: bool) -> None:
    """One delivery and its submissions; with --body, what was received."""
    with open_runtime().database.read() as tx:
        row = delivery_store.summary(tx, delivery_id)
        kept = delivery_store.read(tx, delivery_id) if body else None
        held = submission_store.listed(tx, delivery_id=delivery_id, limit=200)
    if row is None:
        raise PermanentError(f"there is no delivery {delivery_id}; `portaria deliveries list` shows the newest")
    if kept is not None:
        sys.stdout.buffer.write(kept.body)
        return
    _print({**delivery_view(row), "submissions": [f"{each['id']} {each['state']}" for each in held]}, as_json)


@deliveries.command("replay")
@click.argument("delivery_id", metavar="ID")
def replay_delivery(delivery_id: str) -> None:
    """Open a delivery again, and send its rejected and dead submissions through the stages again.

    For after a mapping was mended. What went well stays as it is.
    """
    runtime = open_runtime()
    count = steps.replay_delivery(runtime, delivery_id, by="cli")
    console.print(f"Opened again; {count} of its submissions go through the stages again.")
    for line in settle(runtime, [delivery_id], quiet=False).lines():
        console.print(line)


def _print(view: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(view)
    else:
        print_fields(view)
