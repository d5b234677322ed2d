"""`approvals`: what agents want done, and a person's yes or no."""

from __future__ import annotations

import getpass
from collections.abc import Sequence

import click

from pipelines.plans import line_of, question, shown
from worker.cli.lists import after_option, as_json_option, limit_option
from worker.cli.settling import settle
from worker.cli.shell import NOT_WELL, Shell, console, open_runtime, print_json, print_rows
from worker.steps.desk import deliveries_of
from worker.steps.plans import apply, asked, grant, look_up, refuse
from worker.steps.planviews import DONE, FAILED, UNFINISHED, plan_view, status
from worker.steps.runtime import Runtime
from worker.store.plans import OPEN, KeptPlan

WAY = "cli"

by_option = click.option("--by", default=getpass.getuser, show_default="you", help="Who decides.")
why_option = click.option("--why", default="", help="A word for the history.")


def add_to(portaria: Shell) -> None:
    """Add these commands to the command line."""
    portaria.add_command(approvals)


@click.group(cls=Shell)
def approvals() -> None:
    """What agents want done to several records: nothing is, until a person says yes."""


@approvals.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that are over too.")
@limit_option
@after_option
@as_json_option
def list_approvals(everything: bool, limit: int, after: str, as_json: bool) -> None:
    """Those that wait for an answer, the newest first."""
    states: Sequence[str] = () if everything else OPEN
    views = [plan_view(kept) for kept in asked(open_runtime(), states=states, limit=limit, after=after)]
    rows = [{**view, "count": len(view["records"])} for view in views]
    columns = {
        "approval": "id",
        "status": "state",
        "tool": "wants to",
        "count": "records",
        "caller": "who asks",
        "expires_at": "until",
        "by": "by",
    }
    print_rows(rows, columns, as_json=as_json, empty="Nobody asks for anything.")


@approvals.command("show")
@click.argument("approval_id", metavar="ID")
@as_json_option
def show_approval(approval_id: str, as_json: bool) -> None:
    """One of them: each record with what tells it apart, before and after."""
    kept = look_up(open_runtime(), approval_id)
    if as_json:
        print_json(plan_view(kept))
        return
    console.print(question(kept.plan), markup=False)
    for number, record in enumerate(kept.plan.records, start=1):
        changed = {key: value for key, value in record.before.items() if value not in (None, "", [])}
        if changed:
            now = "; ".join(f"{shown(key)}: {shown(str(value))}" for key, value in changed.items())
            console.print(f"   {number} is now  {now}", markup=False)
    console.print(f"\nAsked by {kept.caller}. State: {status(kept)}.", markup=False)
    if kept.approval is not None and kept.approval.state in OPEN:
        console.print(
            f"Open until {kept.approval.expires_at:%Y-%m-%d %H:%M %Z}.\n\n"
            f"portaria approvals grant {approval_id}            all of them\n"
            f"portaria approvals grant {approval_id} --only 1   the first alone\n"
            f"portaria approvals deny {approval_id}",
            markup=False,
        )
    for line in _results(kept):
        console.print(line, markup=False)


@approvals.command("grant")
@click.argument("approval_id", metavar="ID")
@click.option(
    "--only",
    metavar="RECORD",
    multiple=True,
    help="Only this record, by number or kind/id; may be given again, or 1,3.",
)
@by_option
@why_option
@as_json_option
def grant_approval(approval_id: str, only: tuple[str, ...], by: str, why: str, as_json: bool) -> None:
    """Say yes, to all of it or to some of its records. It is done at once, and once."""
    runtime = open_runtime()
    names = [name for given in only for name in given.split(",") if name.strip()]
    grant(runtime, approval_id, names, by=by, way=WAY, why=why)
    _apply(runtime, approval_id, as_json)


@approvals.command("apply")
@click.argument("approval_id", metavar="ID")
@as_json_option
def apply_approval(approval_id: str, as_json: bool) -> None:
    """Go on with what was granted and could not be finished: the CRM was away. Nothing is done twice."""
    _apply(open_runtime(), approval_id, as_json)


def _apply(runtime: Runtime, approval_id: str, as_json: bool) -> None:
    """Do what was granted, and tell what became of it."""
    kept = apply(runtime, approval_id)
    _follow(runtime, kept)
    if as_json:
        print_json(plan_view(kept))
    else:
        console.print(f"{status(kept)}: {_count(kept)}", markup=False)
        for line in _results(kept):
            console.print(line, markup=False)
    if status(kept) != DONE:
        click.get_current_context().exit(NOT_WELL)


@approvals.command("deny")
@click.argument("approval_id", metavar="ID")
@by_option
@why_option
@as_json_option
def deny_approval(approval_id: str, by: str, why: str, as_json: bool) -> None:
    """Say no. Nothing of it is done."""
    kept = refuse(open_runtime(), approval_id, by=by, way=WAY, why=why)
    if as_json:
        print_json(plan_view(kept))
    else:
        console.print("Denied; nothing was changed.")


def _follow(runtime: Runtime, kept: KeptPlan) -> None:
    """Have what the plan brought or resolved go through the stages."""
    if deliveries := deliveries_of(runtime, kept):
        settle(runtime, deliveries, quiet=True)


def _count(kept: KeptPlan) -> str:
    if status(kept) not in {DONE, FAILED}:
        return "nothing was changed"
    done = sum(what["state"] == DONE for what in kept.outcome.values())
    return f"{done} of {len(kept.plan.operations)} operations"


def _results(kept: KeptPlan) -> list[str]:
    """What became of each operation, on a line of its own."""
    by_ref = {record.ref: record for record in kept.plan.records}
    lines = []
    for number, what in sorted(kept.outcome.items()):
        touched = [line_of(by_ref[ref]) for ref in kept.plan.operations[number - 1].touches if ref in by_ref]
        lines.append(f"  {what['state']}  {'; '.join(touched)}" + (f"  ({what['detail']})" if "detail" in what else ""))
    if kept.approval is not None and kept.approval.state == "stale":
        lines.append(f"  {kept.approval.why}: the agent has to ask again")
    if status(kept) == UNFINISHED and kept.approval is not None:
        lines.append(f"  not all of it could be done yet; in a moment: portaria approvals apply {kept.approval.id}")
    return lines
