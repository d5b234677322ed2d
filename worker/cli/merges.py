"""`merges`, `contacts merge` and `contacts split`: who is one person and who is not, by a person's word."""

from __future__ import annotations

import getpass

import click

from worker import steps
from worker.cli.lists import after_option, as_json_option, contacts, limit_option
from worker.cli.shell import Shell, console, open_runtime, print_json, print_rows
from worker.errors import PermanentError
from worker.steps.doubles import about_doubles, foretold_of_merge
from worker.steps.runtime import Runtime
from worker.steps.views import View, merge_view
from worker.store import merges as merge_store

by_option = click.option("--by", default=getpass.getuser, show_default="you", help="Who decides.")
why_option = click.option("--why", default="", help="A word for the journal.")


def add_to(portaria: Shell) -> None:
    """Add these commands to the command line."""
    portaria.add_command(merges)


@click.group(cls=Shell)
def merges() -> None:
    """The journal of merges and splits; each can be undone."""


@merges.command("list")
@limit_option
@after_option
@as_json_option
def list_merges(limit: int, after: str, as_json: bool) -> None:
    """The newest first."""
    with open_runtime().database.read() as tx:
        rows = [merge_view(row) for row in merge_store.listed(tx, limit=limit, after=after)]
    columns = {
        "id": "id",
        "kind": "what",
        "kept": "kept",
        "other": "other",
        "by": "by",
        "at": "at",
        "why": "why",
        "undone_by": "undone by",
    }
    print_rows(
        rows, columns, as_json=as_json, empty="Nothing was merged. Two contacts: portaria contacts merge KEPT OTHER"
    )


@merges.command("show")
@click.argument("merge_id", metavar="ID")
@as_json_option
def show(merge_id: str, as_json: bool) -> None:
    """One merge or split, and what was done about it in the CRM: leads moved, tags, notes."""
    view = _view(open_runtime(), merge_id)
    if as_json:
        print_json(view)
        return
    for name, value in view.items():
        if name != "in_crm" and value:
            console.print(f"{name}: {value}", markup=False)
    print_rows(view["in_crm"], {"what": "in the CRM", "state": "state"}, as_json=False, empty="Nothing in the CRM.")


@merges.command("undo")
@click.argument("merge_id", metavar="ID")
@by_option
@as_json_option
def undo(merge_id: str, by: str, as_json: bool) -> None:
    """Undo a merge or a split. What came since is kept."""
    runtime = open_runtime()
    other = steps.undo_merge(runtime, merge_id, by=by)
    entry = _entry(runtime, merge_id)
    told = about_doubles(runtime, merge_id)
    if as_json:
        print_json(_view(runtime, merge_id))
    elif entry["kind"] == merge_store.MERGE:
        console.print(
            f"{other} is a contact of its own again, and remembered as somebody else than {entry['kept_id']}."
        )
        if told:
            console.print("In the CRM this is taken back:")
            print_rows([{"what": one["what"]} for one in told], {"what": "what"}, as_json=False, empty="")
    else:
        console.print(f"{other} is part of {entry['kept_id']} again.")


@contacts.command("merge")
@click.argument("kept")
@click.argument("other")
@by_option
@why_option
@as_json_option
def merge(kept: str, other: str, by: str, why: str, as_json: bool) -> None:
    """OTHER is the same person as KEPT: make one contact of the two, with KEPT's id."""
    runtime = open_runtime()
    in_crm = foretold_of_merge(runtime, kept, other)
    done = steps.merge_contacts_of(runtime, kept, other, by=by, why=why)
    if as_json:
        print_json(_view(runtime, done))
    else:
        console.print(f"{other} is part of {kept} now. To undo it: portaria merges undo {done}")
        if in_crm:
            console.print(f"{in_crm} To see how far that is: portaria merges show {done}", markup=False)


@contacts.command("split")
@click.argument("contact_id", metavar="ID")
@click.argument("submission_ids", metavar="SUBMISSION...", nargs=-1, required=True)
@by_option
@why_option
@as_json_option
def split(contact_id: str, submission_ids: tuple[str, ...], by: str, why: str, as_json: bool) -> None:
    """These submissions are of somebody else: make a contact of them, and remember that the two differ."""
    runtime = open_runtime()
    done = steps.split(runtime, contact_id, submission_ids, by=by, why=why)
    entry = _entry(runtime, done)
    if as_json:
        print_json(_view(runtime, done))
    else:
        console.print(f"{entry['other_id']} is a contact of its own now. To undo it: portaria merges undo {done}")


def _view(runtime: Runtime, merge_id: str) -> View:
    return {**merge_view(_entry(runtime, merge_id)), "in_crm": about_doubles(runtime, merge_id)}


def _entry(runtime: Runtime, merge_id: str) -> dict[str, object]:
    with runtime.database.read() as tx:
        entry = merge_store.read(tx, merge_id)
    if entry is None:
        raise PermanentError(f"there is no merge {merge_id}; `portaria merges list` shows the newest")
    return {name: getattr(entry, name) for name in entry.__slots__}
