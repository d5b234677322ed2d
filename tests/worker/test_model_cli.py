"""From a list and its outcomes to a model in force and back, as a user types it."""

from __future__ import annotations

import csv
import json
import math
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from worker import steps
from worker.cli.main import portaria as command
from worker.config import load_settings
from worker.ports import Priority
from worker.steps import learning
from worker.steps.runtime import Runtime, build_runtime, utc_now
from worker.store import models

LEADS = 900
OWN = ("Origem", "Plano", "Visitas", "Tempo no site", "Cidade", "Newsletter")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a list of nameless rows, and a file of what became of them."""
    folder = tmp_path_factory.mktemp("house")
    write_list(folder / "leads.csv", folder / "outcomes.csv", LEADS, seed=4)
    return folder


def write_list(leads: Path, outcomes: Path, count: int, seed: int, first: int = 0) -> None:
    chance = random.Random(seed)
    with leads.open("w", newline="") as one, outcomes.open("w", newline="") as two:
        rows, ends = csv.writer(one), csv.writer(two)
        rows.writerow(["id", *OWN])
        ends.writerow(["id", "Desfecho"])
        for number in range(first, first + count):
            origin, plan = chance.choice(["site", "feira", "lista"]), chance.choice(["básico", "pro"])
            visits, seconds = chance.randrange(12), round(chance.expovariate(1 / 300), 1)
            city, news = chance.choice(["Natal", "Recife", "Olinda"]), chance.choice(["sim", "não"])
            worth = {"site": 0, "feira": 1.5, "lista": -1}[origin] + 0.2 * visits + (1 if plan == "pro" else 0) - 2.2
            won = chance.random() < 1 / (1 + math.exp(-worth))
            rows.writerow([f"L{number}", origin, plan, visits, seconds, city, news])
            ends.writerow([f"L{number}", "ganho" if won else "perdido"])


Run = Callable[..., Result]


@pytest.fixture(scope="module")
def run(house: Path) -> Run:
    def _run(*arguments: object) -> Result:
        return CliRunner().invoke(command, [*map(str, arguments), "--data", str(house / "data")])

    return _run


@pytest.fixture(scope="module")
def trained(run: Run, house: Path) -> dict[str, Any]:
    taken = run("ingest", house / "leads.csv", "--source", "base", "--json")
    assert json.loads(taken.stdout)["outcomes"]["created"] == LEADS
    told = run("outcomes", "import", house / "outcomes.csv", "--json")
    assert json.loads(told.stdout)["recorded"] == LEADS
    return dict(json.loads(run("model", "train", "--json").stdout))


def told(result: Result) -> str:
    return " ".join(result.output.split())


def test_before_there_are_outcomes_it_says_so(tmp_path: Path) -> None:
    def run_there(*arguments: str) -> Result:
        return CliRunner().invoke(command, [*arguments, "--data", str(tmp_path / "empty")])

    assert "too few outcomes: 0 won and 0 lost" in told(run_there("model", "train"))
    assert "no model was trained yet" in told(run_there("model", "report"))
    assert "there is no candidate" in told(run_there("model", "deploy"))
    assert "nothing to go back to" in told(run_there("model", "rollback"))
    assert run_there("model", "train").exit_code == 2
    assert "No outcomes yet" in told(run_there("outcomes", "list"))


def test_the_whole_path(run: Run, house: Path, trained: dict[str, Any]) -> None:
    assert trained["beats"] is True
    assert trained["left_out"]["extra.id"] == "too_many_values"
    plot, table = house / "plot.png", house / "predictions.csv"
    report = json.loads(run("model", "report", "--json", "--plot", plot, "--predictions", table).stdout)
    assert plot.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    held_out = report["held_out"]
    with table.open() as file:
        predicted = list(csv.DictReader(file))
    assert len(predicted) == held_out["contacts"] == LEADS // 4
    assert sum(int(row["won"]) for row in predicted) == held_out["won"]
    assert held_out["candidate"]["auc"] > 0.65 > held_out["rules"]["auc"]
    shown = run("model", "report")
    for part in ("beats rules-", "calibration", "lift 10%", "over time", "mean points", "extra.Origem"):
        assert part in shown.output
    assert "feira" in run("model", "show", trained["version"]).output

    # In shadow: scored by the rules still, and by the candidate beside them.
    write_list(house / "more.csv", house / "more_outcomes.csv", 250, seed=9, first=LEADS)
    run("ingest", house / "more.csv", "--source", "base")
    report = json.loads(run("model", "report", "--json").stdout)
    assert report["shadow"]["submissions"] == 250
    assert run("outcomes", "import", house / "more_outcomes.csv").exit_code == 0
    report = json.loads(run("model", "report", "--json").stdout)
    assert report["held_out"]["contacts"] == LEADS // 4 + 250  # what came since counts as held out too

    before = json.loads(run("contacts", "list", "--json", "--limit", 1).stdout)
    assert before["score_model"].startswith("rules-")
    assert run("model", "deploy").exit_code == 0
    write_list(house / "last.csv", house / "last_outcomes.csv", 3, seed=10, first=5000)
    run("ingest", house / "last.csv", "--source", "base")
    after = json.loads(run("contacts", "list", "--json", "--limit", 1).stdout)
    assert after["score_model"] == trained["version"]
    assert sum(part["points"] for part in after["contributions"]) == after["score"]
    same = json.loads(run("contacts", "show", before["id"], "--json").stdout)
    assert (same["score"], same["score_model"]) == (before["score"], before["score_model"])

    assert "in force" in run("model", "list").output
    assert "Within the bounds" in told(run("model", "drift"))
    assert json.loads(run("model", "rollback", "--json").stdout)["rolled_back"] == trained["version"]
    states = [json.loads(line) for line in run("model", "list", "--json").stdout.splitlines()]
    assert [row["state"] for row in states] == ["retired", "in force"]
    assert "nothing to go back to" in told(run("model", "rollback"))


@pytest.fixture
def watched(house: Path, trained: dict[str, Any]) -> Runtime:
    """The same data, watched two days later by an installation that may do everything by itself."""
    settings = load_settings(house / "data")
    alone = settings.learning.model_copy(update={"deploy": "automatic", "retrain": "on_drift"})
    later = utc_now() + timedelta(days=2)
    return build_runtime(settings.model_copy(update={"learning": alone}), clock=lambda: later)


def test_drift_is_watched_kept_and_acted_on(watched: Runtime, trained: dict[str, Any]) -> None:
    with watched.database.write() as tx:
        models.deploy(tx, trained["version"], by="test", why="", now=watched.clock())
    rows = "id,Origem,Plano,Visitas,Tempo no site,Cidade,Newsletter\n"
    rows += "".join(f"N{number},parceiro,pro,3,10,Natal,sim\n" for number in range(210))
    steps.receive(watched, "base", rows.encode(), content_type="text/csv", priority=Priority.IMPORT, name="n.csv")
    steps.work_here(watched)
    drift = learning.watch(watched)
    assert drift is not None
    assert drift.feature_psi["extra.Origem"] > 1
    assert drift.is_over
    assert learning.watch(watched) is None  # not time yet
    standing = steps.standing(watched)
    assert standing.drift == drift
    assert standing.outcomes["won"] > 100


def test_workers_that_score_load_no_learner() -> None:
    learners = "{'sklearn', 'scipy', 'matplotlib'}"
    ask = f"import sys, worker.tasks, worker.cli.main; print(sorted({learners} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout == "[]\n"
