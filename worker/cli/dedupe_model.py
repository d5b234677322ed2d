"""`portaria dedupe train`, `model` and `rekey`: the weights that dedupe goes by, the keys that people are found by."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click
from rich.table import Table

from pipelines.dedupe.comparison import FIELDS, LEVELS
from pipelines.dedupe.names_compared import MISSING
from pipelines.dedupe.weights import Model, Rates
from worker import steps
from worker.cli.dedupe import dedupe
from worker.cli.lists import as_json_option
from worker.cli.shell import Shell, console, open_runtime, print_json, print_rows, progress_bars

by_option = click.option("--by", default=getpass.getuser, show_default="you", help="Who decides.")


def add_to(_: Shell) -> None:
    """Add these commands to those of `portaria dedupe`."""
    dedupe.add_command(train)
    dedupe.add_command(model)
    dedupe.add_command(rekey)


@click.command(cls=Shell.command_class)
@click.option("--dry-run", is_flag=True, help="Say what would be learned, and keep nothing.")
@by_option
@as_json_option
def train(dry_run: bool, by: str, as_json: bool) -> None:
    """Learn the weights from your own contacts, and set probabilities right by what people decided.

    Needs no labels. The new model decides from the next submission on; `portaria dedupe model use shipped` goes back.
    """
    runtime = open_runtime()
    with progress_bars(hidden=as_json) as progress:
        report = asdict(steps.train_dedupe(runtime, by=by, use=not dry_run, progress=progress))
    if as_json:
        print_json(report)
        return
    _print_report(report)
    if dry_run:
        console.print("Nothing was kept: run it without --dry-run to go by this model.")
    else:
        console.print(f"To go back: portaria dedupe model use {report['base']}")


@click.command(cls=Shell.command_class)
@as_json_option
def rekey(as_json: bool) -> None:
    """Enter anew whoever is found by keys of an earlier release. `portaria check` says when that is needed.

    Safe while workers run; stopped, it goes on where it was.
    """
    with progress_bars(hidden=as_json) as progress:
        done = steps.rekey(open_runtime(), progress)
    if as_json:
        print_json({"rekeyed": done})
    else:
        console.print(f"{done:,} contacts were entered anew." if done else "All contacts are found by today's keys.")


@click.group(cls=Shell)
def model() -> None:
    """The weights in force, all versions of them, and which to go by."""


@model.command("list")
@as_json_option
def list_models(as_json: bool) -> None:
    """Every version, the newest first."""
    columns = {"version": "version", "in_force": "in force", "at": "learned", "by": "by", "tellings": "from"}
    print_rows(steps.dedupe_models_of(open_runtime()), columns, as_json=as_json, empty="")


@model.command("show")
@click.argument("version", default="")
@as_json_option
def show_model(version: str, as_json: bool) -> None:
    """What each level of each field weighs, in bits, and how sure that is. By default of the model in force."""
    runtime = open_runtime()
    found, report = steps.dedupe_model(runtime, version)
    match_at, review_at = runtime.policy.thresholds(found)
    if as_json:
        told = {"match_at": match_at, "review_at": review_at, "report": report}
        print_json({**found.model_dump(mode="json"), **told})
        return
    console.print(f"Model {found.version}: merge from {match_at:.4f}, ask from {review_at:.4f}.\n", markup=False)
    console.print(_weights(found, report.get("unsure", ())))
    if report:
        console.print()
        _print_report(report)


@model.command("use")
@click.argument("version")
@by_option
def use_model(version: str, by: str) -> None:
    """Go by this version from the next submission on."""
    steps.use_dedupe_model(open_runtime(), version, by=by)
    console.print(f"{version} is in force.", markup=False)


def _weights(found: Model, unsure: Any) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("field", "level", "bits", "one person", "strangers", "household", "colleagues"):
        table.add_column(heading, justify="left" if heading in ("field", "level") else "right")
    for name, ratios in zip(FIELDS, found.table, strict=True):
        for place, level in enumerate(LEVELS[name]):
            rates = found.fields.get(name, {}).get(level)
            if level == MISSING or rates is None:
                continue
            field = f"{name}{' (unsure)' if name in unsure else ''}" if not place else ""
            others = ("as strangers" if rate is None else f"{rate:.2g}" for rate in (rates.household, rates.colleagues))
            table.add_row(
                field, level, f"{ratios[level].match:+.1f}", f"{rates.match:.2g}", f"{rates.random:.2g}", *others
            )
    return table


def _rates_of(rates: Rates) -> tuple[float | None, ...]:
    return rates.match, rates.random, rates.household, rates.colleagues


def _print_report(report: Mapping[str, Any]) -> None:
    pairs = ", ".join(f"{count:,} by {name}" for name, count in report["pairs"].items() if count)
    low, high = report["wrong_in_1000"]
    lines = [
        f"{report['version']}: learned from {report['tellings']:,} submissions; pairs that share what no third holds: "
        f"{pairs or 'none'}; {report['strangers']:,} pairs by chance.",
        "Unsure (fewer than 100 matches, leaning on the shipped weights): "
        + (", ".join(report["unsure"]) or "nothing")
        + ".",
        f"Probabilities set right by {report['reviews']:,} words of people: {report['calibration']}."
        if report["calibrated"]
        else f"Probabilities not set right by people's words yet: {report['calibration']}.",
        f"Merged unasked so far: {report['merged_unasked']:,}, taken back: {report['taken_back']:,}; so of 1,000 such "
        f"merges {low:g} to {high:g} are found wrong."
        if report["merged_unasked"]
        else "Nothing was merged unasked yet.",
        f"Merge from {report['match_at']:.4f}, ask from {report['review_at']:.4f}.",
    ]
    changed = "; ".join(f"{what}: {count:,}" for what, count in report["changed"].items())
    lines.append(f"Of the newest {report['rehearsed']:,} decisions it would change: {changed or 'none'}.")
    for line in lines:
        console.print(line, markup=False)
