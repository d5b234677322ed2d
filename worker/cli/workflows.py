"""`workflows`: what was started for whom, where it stands, and people's hands on it."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import Any, Final

import click
from rich.markup import escape

from pipelines.experiments import Ending
from pipelines.trigger import Standing
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
    _told(steps.cancel(open_runtime(), run_id, by=by), f"{run_id} ends; nothing more of it goes out.")


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
        console.print(
            f"[bold]{escape(one.workflow)}[/bold] {_WOULD[one.standing]}: {escape(one.reason)}", highlight=False
        )
        print_fields({key: value for key, value in view.items() if key not in {"workflow", "standing", "reason"}})


_WOULD: Final[Mapping[Standing, str]] = {
    Standing.STARTS: "would start",
    Standing.NO_MATCH: "would not start",
    Standing.COOLING_DOWN: "would not start again",
    Standing.NOT_REACHED: "would not be looked at",
}
_MEANING: Final[Mapping[Ending, str]] = {
    Ending.BETTER: "better than control: make its steps the workflow's own, and end the experiment",
    Ending.WORSE: "worse than control: take it out",
    Ending.NO_DIFFERENCE: "the sample is full and no difference of that size was found: keep control, it is simpler",
    Ending.GOES_ON: "nothing is proved yet: let it go on",
}


@workflows.command("experiment")
@click.argument("workflow", metavar="NAME")
@as_json_option
def experiment(workflow: str, as_json: bool) -> None:
    """How the experiment on a workflow stands, and what to do about it. Look as often as you like.

    How many contacts it takes is known beforehand. The test holds at every look, so a verdict may be acted on the day
    it is first seen.
    """
    result = steps.experiment_result(open_runtime(), workflow)
    if as_json:
        print_json(result.as_json())
        return
    asked = result.experiment
    console.print(
        f"Each variant needs {result.sample_size:,} contacts to find {asked.baseline:.1%} → "
        f"{asked.baseline + asked.effect:.1%} {asked.outcome} (power {asked.power:.0%}, alpha {asked.alpha:.0%})."
    )
    rows = []
    for one in result.variants:
        row = {"variant": one.variant, "contacts": f"{one.count.contacts:,}", "outcomes": f"{one.count.outcomes:,}"}
        row |= {"share": f"{one.count.share:.1%}", "difference": "", "p": "", "verdict": ""}
        if (found := one.against_control) is not None:
            row |= {"difference": f"{found.difference * 100:+.1f} points", "p": f"{found.p_value:.4f}"}
            row["verdict"] = _MEANING[found.ending]
        rows.append(row)
    columns = {**dict.fromkeys(rows[0]), "outcomes": asked.outcome}
    print_rows(rows, {key: heading or key for key, heading in columns.items()}, as_json=False, empty="")


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
