"""`reviews`: what a person has to decide."""

from __future__ import annotations

import getpass

import click

from pipelines.dedupe.explanation import explain
from worker import steps
from worker.cli.lists import as_json_option, limit_option
from worker.cli.settling import settle
from worker.cli.shell import Shell, console, open_runtime, print_json, print_rows
from worker.errors import ConfigurationError
from worker.store import submissions


def add_to(portaria: Shell) -> None:
    """Add these commands to the command line."""
    portaria.add_command(reviews)


@click.group(cls=Shell)
def reviews() -> None:
    """Submissions that may be somebody we know: a person decides."""


@reviews.command("list")
@limit_option
@as_json_option
def list_reviews(limit: int, as_json: bool) -> None:
    """Those that wait for a decision: first the least certain, where an answer is worth most; then the oldest."""
    rows = [review.view() for review in steps.waiting_reviews(open_runtime(), limit=limit)]
    columns = {
        "id": "id",
        "name": "name",
        "candidate": "perhaps",
        "candidate_name": "who is",
        "probability": "probability",
        "reason": "why",
    }
    print_rows(rows, columns, as_json=as_json, empty="Nothing to decide.")


@reviews.command("show")
@click.argument("submission_id", metavar="ID")
@as_json_option
def show_review(submission_id: str, as_json: bool) -> None:
    """The evidence, field by field."""
    review = steps.review_of(open_runtime(), submission_id)
    if as_json:
        about = {"candidate": review.candidate, "in_crm": review.in_crm}
        print_json({"id": submission_id, **review.decision.model_dump(mode="json"), **about})
        return
    console.print(explain(review.decision), markup=False)
    if review.candidate != review.decision.contact_id:
        console.print(f"\n{review.decision.contact_id} was merged into {review.candidate}.", markup=False)
    if review.meanwhile:
        console.print(f"\nIt goes on meanwhile as {review.meanwhile}; --same merges the two.", markup=False)
    if review.in_crm:
        console.print(f"\nIf it is the same: {review.in_crm}", markup=False)
    console.print(f"\nportaria reviews resolve {submission_id} --same {review.candidate}   or   --new", markup=False)


@reviews.command("resolve")
@click.argument("submission_id", metavar="ID")
@click.option("--same", "same_as", metavar="CONTACT", help="It is this contact.")
@click.option("--new", "is_new", is_flag=True, help="It is nobody we know; that is remembered.")
@click.option("--why", default="", help="A word for the history.")
@click.option("--by", default=getpass.getuser, show_default="you", help="Who decides.")
def resolve(submission_id: str, same_as: str | None, is_new: bool, why: str, by: str) -> None:
    """Decide. The submission goes on by itself."""
    if bool(same_as) == is_new:
        raise ConfigurationError("say either --same CONTACT or --new")
    runtime = open_runtime()
    in_crm = steps.review_of(runtime, submission_id).in_crm if same_as else ""
    whom = steps.resolve_review(runtime, submission_id, same_as=same_as, by=by, why=why)
    console.print(f"{submission_id} is {whom}.")
    if in_crm:
        console.print(in_crm, markup=False)
    with runtime.database.read() as tx:
        delivery = (submissions.read(tx, submission_id) or {})["delivery_id"]
    settle(runtime, [delivery], quiet=True)
