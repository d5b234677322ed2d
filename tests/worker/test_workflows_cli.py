"""`portaria workflows` as a user types it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipelines.lead_outcomes import LeadOutcome, Outcome
from worker.cli import shell
from worker.cli.main import portaria as command
from worker.config import load_settings
from worker.steps.runtime import build_runtime
from worker.store import lead_outcomes, workflows

Run = Callable[..., Result]

PEOPLE = """nome,email
Olga Prates,olga@olga.example.com
Ênio Bastos,enio@enio.example.com
Rui Barros,rui@rui.example.com
Lia Couto,lia@lia.example.com
"""
CONFIGURATION = """
[sources.list]
secret = "invented-secret"
[workflows.nurture]
tags = ["nurture"]
[[workflows.nurture.steps]]
after = "2 days"
task = { text = "Ligar", due_in = 60 }
[workflows.nurture.experiment]
baseline = 0.5
effect = 0.25
power = 0.9
[[workflows.nurture.experiment.variants.short.steps]]
after = "1 day"
note = "Curto"
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    (data / "portaria.toml").write_text(CONFIGURATION)
    monkeypatch.setenv("PORTARIA_DATA", str(data))
    monkeypatch.setattr(shell.console, "width", 200)
    return data


@pytest.fixture
def run(data: Path, tmp_path: Path) -> Run:
    def _run(*arguments: object) -> Result:
        return CliRunner().invoke(command, [str(each) for each in arguments])

    (tmp_path / "people.csv").write_text(PEOPLE)
    assert _run("ingest", tmp_path / "people.csv", "--source", "list").exit_code == 0
    return _run


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_from_the_list_to_one_run_and_a_hand_on_it(run: Run) -> None:
    runs = lines(run("workflows", "list", "--json"))
    assert [(one["workflow"], one["state"], one["step"]) for one in runs] == [("nurture", "active", "2/2")] * 4
    one = runs[0]["id"]
    assert one in run("workflows", "list").stdout
    (shown,) = lines(run("workflows", "show", one, "--json"))
    assert shown["steps"][0]["does"] == "tag nurture"
    assert [(done["number"], done["state"], done["wrote"]) for done in shown["done"]] == [(1, "done", ["add_tags"])]
    assert "example.com" not in json.dumps(shown)

    assert "workflows resume" in run("workflows", "pause", one).stdout
    assert len(lines(run("workflows", "list", "--state", "paused", "--json"))) == 1
    assert run("workflows", "pause", one).exit_code == 1
    assert run("workflows", "resume", one).exit_code == 0
    assert run("workflows", "cancel", one, "--by", "bia").exit_code == 0
    assert run("workflows", "cancel", one).exit_code == 1
    assert run("workflows", "rerun", one, "--from", "2").exit_code == 0
    assert len(lines(run("workflows", "list", "--state", "active", "--json"))) == 4


def test_times_are_told_to_the_minute_and_kept_to_the_microsecond(run: Run) -> None:
    due = lines(run("workflows", "list", "--json"))[0]["due_at"]
    assert datetime.fromisoformat(due).tzinfo is not None
    one = lines(run("workflows", "list", "--json"))[0]["id"]
    shown = " ".join(run("workflows", "show", one).stdout.split())
    assert f"due_at {datetime.fromisoformat(due):%Y-%m-%d %H:%M} UTC" in shown


def test_what_people_sent_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Not as rich's markup, however its pieces come together."""
    shell.print_fields({"fields": [{"key": "[/a", "values": "b]"}, "[red", "x]"], "also": ["[/", "y]"]})
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("[/a b]", "[red", "x]", "[/", "y]"))


@pytest.mark.parametrize("what", ["show", "pause", "resume", "cancel", "rerun"])
def test_a_run_that_there_is_not_is_said(run: Run, what: str) -> None:
    result = run("workflows", what, "run_nobody")
    assert result.exit_code == 2
    assert "there is no run run_nobody" in " ".join(result.output.split())


def test_what_would_start_is_told_and_not_done(run: Run) -> None:
    contact = lines(run("contacts", "list", "--json"))[0]["id"]
    (told,) = lines(run("workflows", "simulate", contact, "--json"))
    assert (told["workflow"], told["standing"]) == ("nurture", "cooling_down")
    assert "nurture would not start again: is under way" in " ".join(
        run("workflows", "simulate", contact).stdout.split()
    )
    assert len(lines(run("workflows", "list", "--json"))) == 4
    assert run("workflows", "simulate", "con_nobody").exit_code == 2


def test_who_opts_out_by_phone_is_kept_as_a_digest(run: Run, data: Path) -> None:
    assert run("workflows", "opt-out", "olga@olga.example.com").exit_code == 0
    runtime = build_runtime(load_settings(data))
    with runtime.database.read() as tx:
        assert list(workflows.opted_out(tx, ["OLGA@olga.example.com"])) == ["OLGA@olga.example.com"]
    runtime.database.close()


def test_an_experiment_says_its_size_beforehand_and_counts_what_was_won(run: Run, data: Path) -> None:
    runs = lines(run("workflows", "list", "--json"))
    (before,) = lines(run("workflows", "experiment", "nurture", "--json"))
    assert (before["sample_size"], before["outcome"]) == (77, "won")
    counts = {one["variant"]: (one["contacts"], one["outcomes"]) for one in before["variants"]}
    assert counts == {
        variant: (sum(one["variant"] == variant for one in runs), 0) for variant in ("control", "short")
    }  # fmt: skip

    runtime = build_runtime(load_settings(data))
    now = datetime.now(UTC)
    told = [
        LeadOutcome(contact_id=runs[0]["contact"], outcome=Outcome.WON, at=now + timedelta(hours=1), by="bia"),
        LeadOutcome(contact_id=runs[1]["contact"], outcome=Outcome.WON, at=now - timedelta(days=9), by="bia"),
        LeadOutcome(contact_id=runs[2]["contact"], outcome=Outcome.LOST, at=now + timedelta(hours=1), by="bia"),
    ]
    with runtime.database.write() as tx:
        lead_outcomes.record(tx, told, now)
    runtime.database.close()
    (after,) = lines(run("workflows", "experiment", "nurture", "--json"))
    assert {one["variant"]: one["outcomes"] for one in after["variants"]} == {
        "control": 0, "short": 0, runs[0]["variant"]: 1
    }  # fmt: skip

    shown = " ".join(run("workflows", "experiment", "nurture").stdout.split())
    assert "Each variant needs 77 contacts to find 50.0% → 75.0% won" in shown
    assert "nothing is proved yet" in shown


def test_an_experiment_that_there_is_not_is_said(run: Run, data: Path) -> None:
    assert "there are nurture" in run("workflows", "experiment", "nobody").output
    (data / "portaria.toml").write_text(CONFIGURATION.split("[workflows.nurture.experiment]")[0])
    result = run("workflows", "experiment", "nurture")
    assert result.exit_code == 2
    assert "has no experiment" in result.output


MAILING = """
[sources.list]
secret = "invented-secret"
[workflows.nurture]
notify = "nobody"
task = { text = "Ligar para {{ contact.nickname }}", due_in = 60 }
[[workflows.nurture.steps]]
after = "2 days"
mail = { sink = "news", template = "caso" }
[workflows.nurture.experiment]
baseline = 0.1
effect = 0.05
[[workflows.nurture.experiment.variants.b.steps]]
mail = { sink = "news", template = "outro" }
notify = "news"
[sinks.news]
kind = "mail"
url = "smtp://127.0.0.1:1"
sender = "Casa <vendas@casa.example.com>"
"""


def test_a_check_names_all_that_a_step_would_fail_at(data: Path) -> None:
    (data / "portaria.toml").write_text(MAILING)
    (data / "templates").mkdir()
    (data / "templates" / "caso.txt").write_text("Olá\n")
    said = " ".join(CliRunner().invoke(command, ["check"]).output.split())
    for part in (
        "notifies 'nobody'",
        "nickname",
        "[sinks.news] has no secret",
        "public_url does not say where they lead",
        "template caso: the first line has to be",
        "the template 'outro', which there is not",
        "notifies 'news', a mail without `to`",
        "[sinks.news] 127.0.0.1: ConnectionRefusedError, no connection",
    ):
        assert part in said, part
    (data / "portaria.toml").write_text(
        MAILING.replace('"nobody"', '"news"').replace("nickname", "given_name")
        + 'secret = "invented"\nto = "equipe@casa.example.com"\n[web]\npublic_url = "https://portaria.example.com"\n'
    )
    for name in ("caso", "outro"):
        (data / "templates" / f"{name}.txt").write_text(
            "Subject: Oi, {{ contact.given_name }}\n\n{{ unsubscribe_url }}\n"
        )
    said = CliRunner().invoke(command, ["check"]).output
    assert ["ok", "workflows"] in [line.split() for line in said.splitlines()], said


@pytest.mark.parametrize("readme", ["README.md", "README.pt-BR.md"])
def test_the_example_of_the_readme_lacks_nothing_but_its_mail_server(data: Path, readme: str) -> None:
    text = (Path(__file__).parents[2] / readme).read_text(encoding="utf-8")
    (example,) = [block for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL) if "[workflows." in block]
    (data / "portaria.toml").write_text(example.replace("mail.example.com:587", "127.0.0.1:1"), encoding="utf-8")
    (data / "templates").mkdir()
    (data / "templates" / "caso.txt").write_text("Subject: Olá, {{ contact.given_name }}\n\nOlá\n", encoding="utf-8")
    said = CliRunner().invoke(command, ["check"]).output
    assert ["ok", "workflows"] in [line.split() for line in said.splitlines()], said
    runtime = build_runtime(load_settings(data))
    assert [step.described() for rule in runtime.rules for step in rule.plan()] == [
        "tag nurture", "mail caso", "task “Ligar para {{ contact.given_name }}”"
    ]  # fmt: skip
    runtime.database.close()
