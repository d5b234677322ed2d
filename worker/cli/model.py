"""`portaria model`: learn how contacts are scored from what became of them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from pipelines.learning.learned import LearnedModel
from worker.cli.lists import as_json_option, limit_option
from worker.cli.merges import by_option
from worker.cli.model_report import left_out_lines, report_json, tell_drift, tell_report
from worker.cli.shell import NOT_WELL, Shell, console, open_runtime, print_fields, print_json, print_rows
from worker.errors import PermanentError
from worker.steps import learning
from worker.steps.champion import learned_model
from worker.store import models

version_argument = click.argument("version", required=False, default="")


def add_to(portaria: Shell) -> None:
    """Add these commands to the command line."""
    portaria.add_command(model)


@click.group(cls=Shell)
def model() -> None:
    """Learn scores from outcomes, judge them, put them in force, and go back."""


@model.command("train")
@by_option
@as_json_option
def train(by: str, as_json: bool) -> None:
    """Train a candidate on the outcomes known now. It runs in shadow: contacts are scored as before."""
    runtime = open_runtime()
    trained, training, judged = learning.train_model(runtime, by=by)
    if as_json:
        verdict = {"beats": judged.beats, "verdict": judged.verdict} if judged else {"beats": False, "verdict": None}
        quality = judged.candidate.model_dump() if judged else None
        left_out = {"left_out": dict(training.left_out), "suspicious": dict(training.suspicious)}
        counts = {"examples": trained.examples, "won": trained.won, "features": len(trained.features)}
        print_json({"version": trained.version, **counts, "held_out": quality, **verdict, **left_out})
        return
    console.print(
        f"{trained.version}: learned from {trained.examples:,} outcomes ({trained.won:,} won),"
        f" {len(trained.features)} features."
    )
    for line in left_out_lines(training):
        console.print(line, markup=False)
    if judged is None:
        console.print("Too few outcomes are held out to judge it.")
    else:
        console.print(f"On {judged.contacts:,} later outcomes it {judged.verdict}.")
    console.print("It runs in shadow. Next: portaria model report, then portaria model deploy")


@model.command("report")
@version_argument
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Write the calibration plot here (PNG).")
@click.option(
    "--predictions", type=click.Path(dir_okay=False, path_type=Path),
    help="Write each held-out contact's score, probability and outcome here (CSV).",
)  # fmt: skip
@as_json_option
def report(version: str, plot: Path | None, predictions: Path | None, as_json: bool) -> None:
    """How good VERSION (the candidate, or else the model in force) is on outcomes that it did not learn from."""
    runtime = open_runtime()
    found = learning.report_on(runtime, version)
    if plot is not None:
        if found.judgement is None:
            raise PermanentError("there is nothing to plot yet: too few outcomes are held out")
        from worker.calibration_plot import draw_calibration

        draw_calibration(found.judgement, plot)
    if predictions is not None:
        with predictions.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["submission", "at", "won", "score", "probability", "rules"])
            writer.writerows(learning.predictions(runtime, found.model))
    if as_json:
        print_json(report_json(found))
    else:
        tell_report(found)
        if plot is not None:
            console.print(f"Wrote {plot}.", markup=False)


@model.command("deploy")
@version_argument
@by_option
@click.option("--anyway", is_flag=True, help="Even if it does not beat the model in force.")
@as_json_option
def deploy(version: str, by: str, anyway: bool, as_json: bool) -> None:
    """Score contacts by VERSION (the candidate) from now on, if it beats the model in force beyond chance."""
    done = learning.deploy_model(open_runtime(), version, by=by, even_if_not_better=anyway)
    verdict = done.judgement.verdict if done.judgement else "was not judged"
    if as_json:
        print_json({"deployed": done.model.version, "verdict": verdict})
        return
    console.print(f"{done.model.version} is in force: it {verdict}.")
    console.print("Scores given before keep their model. To go back: portaria model rollback")


@model.command("rollback")
@by_option
@as_json_option
def rollback(by: str, as_json: bool) -> None:
    """Go back to what was in force before."""
    now, before = learning.roll_back(open_runtime(), by=by)
    if as_json:
        print_json({"in_force": now, "rolled_back": before})
    else:
        console.print(f"{now} is in force again, in place of {before}.")


@model.command("list")
@limit_option
@as_json_option
def list_models(limit: int, as_json: bool) -> None:
    """The rules and every learned model, the newest first."""
    runtime = open_runtime()
    with runtime.database.read() as tx:
        standing = models.standing(tx)
        found = models.listed(tx, limit=limit)
        deployed = {row["version"]: row["at"] for row in reversed(models.history(tx))}
    rows = [_row(row, standing, deployed) for row in found]
    rules = {"version": runtime.scoring.version, "state": "" if standing.champion else "in force"}
    rows.append({**dict.fromkeys(("trained_at", "examples", "won", "auc")), **rules})
    rows[-1]["deployed_at"] = deployed.get(models.RULES)
    columns = {
        "version": "version",
        "state": "state",
        "trained_at": "trained",
        "examples": "outcomes",
        "won": "won",
        "auc": "AUC",
        "deployed_at": "deployed",
    }
    print_rows(rows, columns, as_json=as_json, empty="")


def _row(row: dict[str, Any], standing: models.Standing, deployed: dict[str, Any]) -> dict[str, Any]:
    learned = LearnedModel.model_validate_json(row["model"])
    training = learning.Training.model_validate_json(row["training"])
    states = {standing.champion: "in force", standing.candidate: "candidate"}
    return {
        "version": row["version"],
        "state": states.get(row["version"], "retired" if row["version"] in deployed else ""),
        "trained_at": row["trained_at"],
        "examples": learned.examples,
        "won": learned.won,
        "auc": round(training.auc, 3) if training.auc is not None else None,
        "deployed_at": deployed.get(row["version"]),
    }


@model.command("show")
@click.argument("version")
@as_json_option
def show(version: str, as_json: bool) -> None:
    """What VERSION gives points for: each feature's bins."""
    with open_runtime().database.read() as tx:
        learned = learned_model(tx, version)
        row = models.read(tx, version)
    assert row is not None
    if as_json:
        training = learning.Training.model_validate_json(row["training"])
        print_json({**learned.model_dump(mode="json"), "training": training.model_dump(mode="json")})
        return
    print_fields(
        {
            "version": version,
            "trained": f"{row['trained_at']:%Y-%m-%d %H:%M} by {row['by']}",
            "outcomes": f"{learned.examples:,}, {learned.won:,} won, scored {learned.learned_from:%Y-%m-%d} to"
            f" {learned.learned_until:%Y-%m-%d}",
            "points": f"{learned.factor:.1f} a unit of log-odds; hot from {learned.hot}, warm from {learned.warm}",
        }
    )
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading, side in (("feature", "left"), ("value", "left"), ("points", "right"), ("share", "right")):
        table.add_column(heading, justify=side, overflow="fold")  # type: ignore[arg-type]
    for one in learned.features:
        for number, each in enumerate(each for each in one.bins if each.share):
            points = f"{learned.factor * each.log_odds:+.1f}"
            table.add_row(one.name if not number else "", each.label, points, f"{each.share:.1%}")
    console.print(table)


@model.command("drift")
@as_json_option
def drift(as_json: bool) -> None:
    """Whether contacts still are what the model in force learned from. Status 1 when a bound is passed."""
    found = learning.drift_now(open_runtime())
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        tell_drift(found)
    if found.is_over:
        click.get_current_context().exit(NOT_WELL)
