"""`workflows`: what was started for whom, where it stands, and people's hands on it."""

from __future__ import annotations

import getpass
from typing import Any

import click

from worker import steps
from worker.cli.lists import after_option, as_json_option, limit_option
from worker.cli.shell import NOT_WELL, Shell, console, open_runtime, print_fields, print_json, print_rows
from worker.errors import PermanentError
from worker.steps.run_views import run_details, run_view, simulated_view
from worker.store import notifications
from worker.store import workflows as run_store

by_option = click.option("--by", default=getpass.getuser, show_default="you", help="Who decides.")
run_argument = click.argument("run_id", metavar="RUN")


def add_to(portaria: Shell) -> None:
    """Add these commands to the command line."""
    portaria.add_command(workflows)


@click.group(cls=Shell)
def workflows() -> None:
    """The follow-up: runs of workflows, step by step."""


@workflows.command("list")
@click.option("--state", help="active, paused, completed, stopped, cancelled or failed.")
@click.option("--workflow", help="Only runs of this one.")
@click.option("--contact", metavar="ID", help="Only runs for this contact.")
@limit_option
@after_option
@as_json_option
def list_runs(
    state: str | None, workflow: str | None, contact: str | None, limit: int, after: str, as_json: bool
) -> None:
    """The newest first."""
    with open_runtime().database.read() as tx:
        rows = run_store.listed(tx, state=state, workflow=workflow, contact_id=contact, limit=limit, after=after)
        failed = notifications.failed_by_run(tx, [row["id"] for row in rows])
    columns = {
        "id": "run",
        "state": "state",
        "step": "step",
        "next": "next",
        "due_at": "due",
        "seller": "seller",
        "why": "why",
    }
    views = [run_view(row, failed.get(row["id"], 0)) for row in rows]
    print_rows(views, columns, as_json=as_json, empty="No runs. What would start for a contact: workflows simulate ID")


@workflows.command("show")
@run_argument
@as_json_option
def show_run(run_id: str, as_json: bool) -> None:
    """One run: why it started, each step with what it did and when, and the messages it sent."""
    with open_runtime().database.read() as tx:
        row = run_store.read(tx, run_id)
        if row is None:
            raise PermanentError(f"there is no run {run_id}; `portaria workflows list` shows the newest")
        view = run_details(row, run_store.steps_of(tx, run_id), notifications.of_run(tx, run_id))
    _print(view, as_json)


@workflows.command("pause")
@run_argument
@by_option
def pause(run_id: str, by: str) -> None:
    """Have a run wait until it is resumed."""
    _told(steps.pause(open_runtime(), run_id, by=by), f"{run_id} waits. To go on: portaria workflows resume {run_id}")


@workflows.command("resume")
@run_argument
@by_option
def resume(run_id: str, by: str) -> None:
    """Have a paused run go on; what became due meanwhile is due now."""
    _told(steps.resume(open_runtime(), run_id, by=by), f"{run_id} goes on.")


@workflows.command("cancel")
@run_argument
@by_option
def cancel(run_id: str, by: str) -> None:
    """End a run: what it has not done is not done."""
    _told(steps.cancel(open_runtime(), run_id, by=by), f"{run_id} is over.")


@workflows.command("rerun")
@run_argument
@click.option("--from", "step", type=int, metavar="N", help="Do step N and all behind it again, done already or not.")
@by_option
def rerun(run_id: str, step: int | None, by: str) -> None:
    """Do again what went wrong, with the workflow as portaria.toml has it now; with --from, a step that is done too."""
    _told(steps.rerun(open_runtime(), run_id, by=by, step=step), f"{run_id} goes on at once.")


@workflows.command("simulate")
@click.argument("contact_id", metavar="CONTACT")
@as_json_option
def simulate(contact_id: str, as_json: bool) -> None:
    """What would start for a contact who came back now, and why. Nothing is done."""
    for one in steps.simulate(open_runtime(), contact_id):
        view = simulated_view(one)
        if as_json:
            print_json(view)
            continue
        console.print(f"[bold]{one.workflow}[/bold] {one.standing}", highlight=False)
        print_fields({key: value for key, value in view.items() if key not in {"workflow", "standing"}})


@workflows.command("opt-out")
@click.argument("address")
def opt_out(address: str) -> None:
    """Send no more mail to an address, whose owner said so on the phone or by letter."""
    steps.opt_out(open_runtime(), address, how="person")
    console.print("No more mail goes there.")


def _told(done: bool, text: str) -> None:
    if not done:
        console.print("There is nothing to do: see `portaria workflows show`.")
        click.get_current_context().exit(NOT_WELL)
    console.print(text)


def _print(view: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(view)
    else:
        print_fields(view)
