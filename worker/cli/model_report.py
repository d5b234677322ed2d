"""A model's report and its drift, for a person in the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from pipelines.learning.drift import Drift
from worker.cli.shell import console
from worker.steps.learning import Report, Training

_FEATURES_TOLD = 15
_SURE_ENOUGH = 200
"""Held-out outcomes under which the report says that it is a rough one."""

_WHY = {
    "constant": "all contacts have the same",
    "too_many_values": "hardly two contacts have the same",
    "identifier": "a running number",
    "leaked": "tells won from lost almost perfectly alone, as only what is written down after the outcome does;"
    " [learning] keep if it was known before",
    "asked": "[learning] leave_out names it",
}


def report_json(found: Report) -> dict[str, Any]:
    """The report as one object."""
    judged = found.judgement
    return {
        "version": found.model.version,
        "in_force": found.is_champion,
        "learned": {
            "examples": found.model.examples,
            "won": found.model.won,
            "from": found.model.learned_from.isoformat(),
            "until": found.model.learned_until.isoformat(),
        },
        "outcomes": found.outcomes,
        "outcomes_without_score": found.without_score,
        "outcomes_older_than_their_score": found.older,
        "held_out": judged.model_dump(mode="json") if judged else None,
        "beats": judged.beats if judged else False,
        "verdict": judged.verdict if judged else "too few outcomes are held out to judge it",
        "shadow": {
            "submissions": found.shadow.submissions,
            "mean_difference": round(found.shadow.mean_difference, 2),
            "hot": found.shadow.hot,
            "champion_hot": found.shadow.champion_hot,
        },
        "left_out": dict(found.training.left_out),
        "suspicious": dict(found.training.suspicious),
    }


def tell_report(found: Report) -> None:
    """The report in the terminal."""
    model, judged = found.model, found.judgement
    state = "in force" if found.is_champion else "not in force"
    console.print(
        f"[bold]{model.version}[/bold] ({state}): learned from {model.examples:,} outcomes, {model.won:,} won,"
        f" {model.learned_from:%Y-%m-%d} to {model.learned_until:%Y-%m-%d}."
    )
    for line in (*_warnings(found), *left_out_lines(found.training)):
        console.print(line, markup=False)
    shadow = found.shadow
    if shadow.submissions:
        console.print(
            f"In shadow on {shadow.submissions:,} submissions: {shadow.hot:,} hot beside {shadow.champion_hot:,},"
            f" {shadow.mean_difference:+.1f} points on average."
        )
    if judged is None:
        return
    console.print(
        f"\nJudged by {judged.contacts:,} later outcomes, {judged.won:,} won ({judged.base_rate:.1%}),"
        f" scored {judged.since:%Y-%m-%d} to {judged.until:%Y-%m-%d}: it {judged.verdict}.\n"
    )
    table = _table("", "AUC", "PR-AUC", "Brier", "lift 10%", "lift 20%")
    rows = {"this model": judged.candidate, "in force": judged.champion_quality, "the rules": judged.rules}
    if judged.champion.startswith("rules"):
        del rows["in force"]
    for name, one in rows.items():
        measures = (one.auc, one.pr_auc, one.brier)
        table.add_row(name, *(f"{each:.3f}" for each in measures), f"{one.lift_10:.2f}", f"{one.lift_20:.2f}")
    table.add_row("the base rate", "0.500", f"{judged.base_rate:.3f}", f"{judged.base_brier:.3f}", "1.00", "1.00")
    console.print(table)
    console.print(f"\nOf {judged.hot:,} that it calls hot, {judged.hot_precision:.1%} were won.\n")
    table = _table("calibration", "predicted", "came", "95 % interval", "contacts")
    for number, tenth in enumerate(judged.calibration, 1):
        bounds = f"{tenth.low:.1%} to {tenth.high:.1%}"
        table.add_row(f"tenth {number}", f"{tenth.predicted:.1%}", f"{tenth.observed:.1%}", bounds, str(tenth.contacts))
    console.print(table)
    console.print()
    table = _table("over time", "contacts", "won", "predicted", "AUC")
    for period in judged.periods:
        auc = f"{period.auc:.3f}" if period.auc is not None else "-"
        told = (f"{period.since:%Y-%m-%d}", f"{period.contacts:,}", f"{period.base_rate:.1%}")
        table.add_row(*told, f"{period.predicted:.1%}", auc)
    console.print(table)
    console.print()
    table = _table("feature", "mean points", "from", "to")
    for share in judged.features[:_FEATURES_TOLD]:
        table.add_row(share.feature, f"{share.mean_points:.1f}", f"{share.lowest:+.1f}", f"{share.highest:+.1f}")
    console.print(table)
    if len(judged.features) > _FEATURES_TOLD:
        console.print(f"and {len(judged.features) - _FEATURES_TOLD} more: portaria model show {model.version}")


def _warnings(found: Report) -> Iterator[str]:
    judged = found.judgement
    if judged is None:
        yield "Too few outcomes are held out to judge it: it takes 10 won and 10 lost that it did not learn from."
    elif judged.contacts < _SURE_ENOUGH:
        yield f"Only {judged.contacts} outcomes are held out: take the figures as rough."
    if found.older:
        yield (
            f"{found.older:,} of {found.outcomes:,} outcomes are older than their score (lists of the past): whether"
            " the columns were known before the outcome, only who made the list can say."
        )
    if found.without_score:
        yield f"{found.without_score:,} outcomes are of contacts that were not scored before them, and are left aside."


def left_out_lines(training: Training) -> Iterator[str]:
    """What was not learned from, and why; leaks first."""
    for feature, auc in sorted(training.suspicious.items()):
        yield f"Left out: {feature} (AUC {auc:.3f} by itself): {_WHY['leaked']}."
    for reason, why in _WHY.items():
        named = [feature for feature, code in sorted(training.left_out.items()) if code == reason]
        if named and reason != "leaked":
            yield f"Left out, {why}: {', '.join(named)}."


def tell_drift(found: Drift) -> None:
    """The drift in the terminal."""
    console.print(f"[bold]{found.model}[/bold], {found.contacts:,} contacts scored by it in the last 30 days.")
    if found.score_psi is None:
        console.print("Nothing to compare with: rules learned from nothing, or fewer than 200 contacts came.")
    else:
        table = _table("distribution", "PSI")
        table.add_row("score", f"{found.score_psi:.3f}")
        for feature, index in sorted(found.feature_psi.items(), key=lambda one: -one[1])[:_FEATURES_TOLD]:
            table.add_row(feature, f"{index:.3f}")
        console.print(table)
    if found.hot:
        table = _table("hot ones of", "with outcome", "won")
        for month in found.hot:
            table.add_row(
                month.month, f"{month.hot:,}", f"{month.precision:.1%}" if month.precision is not None else "-"
            )
        console.print(table)
    for alarm in found.alarms:
        console.print(f"[red]over the bound:[/red] {alarm}")
    if not found.alarms:
        console.print("Within the bounds.")


def _table(*headings: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    return table
