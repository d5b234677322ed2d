"""Merging, splitting, undoing and deciding as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from worker.cli.main import portaria as command

Run = Callable[..., Result]

PEOPLE = """nome;e-mail;celular;cpf
Olga Prates;olga@example.com;(11) 97654-0123;
Ênio Bastos;enio@example.com;(21) 97654-0456;
Marina Azevedo Couto;marina@example.com;;529.982.247-25
Marina Azevedo Couto;marina@example.com;;111.444.777-35
Olga Prates;olga@example.com;(11) 97654-0123;
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PORTARIA_DATA", str(tmp_path / "data"))

    def _run(*arguments: object) -> Result:
        return CliRunner().invoke(command, [str(each) for each in arguments])

    file = tmp_path / "people.csv"
    file.write_text(PEOPLE, encoding="utf-8")
    assert _run("ingest", file, "--source", "list").exit_code == 0
    return _run


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def shown(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def refused(result: Result) -> str:
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return " ".join(result.stderr.split())


def by_name(run: Run) -> dict[str, str]:
    return {row["name"]: row["id"] for row in lines(run("contacts", "list", "--json"))}


def test_merge_and_undo(run: Run) -> None:
    ids = by_name(run)
    olga, enio = ids["Olga Prates"], ids["Ênio Bastos"]
    assert f"{enio} is part of {olga} now" in shown(
        run("contacts", "merge", olga, enio, "--by", "bia", "--why", "one desk")
    )
    assert enio not in by_name(run).values()
    (row,) = lines(run("merges", "list", "--json"))
    assert (row["kind"], row["kept"], row["other"], row["by"], row["why"]) == ("merge", olga, enio, "bia", "one desk")
    assert row["id"].startswith("mrg_")
    assert f"{enio} was merged into {olga}" in shown(run("contacts", "show", enio))
    assert lines(run("contacts", "show", enio, "--json"))[0]["merged_into"] == olga
    assert f"{enio} is a contact of its own again" in shown(run("merges", "undo", row["id"], "--by", "caio"))
    assert by_name(run) == ids
    (row,) = lines(run("merges", "list", "--json"))
    assert row["undone_by"] == "caio"
    assert "bia" in shown(run("merges", "list"))
    assert "was undone already, by caio" in refused(run("merges", "undo", row["id"]))


def test_split_and_undo(run: Run) -> None:
    olga = by_name(run)["Olga Prates"]
    first, second = sorted(lines(run("contacts", "show", olga, "--json"))[0]["told_by"])
    (row,) = lines(run("contacts", "split", olga, second, "--by", "bia", "--json"))
    assert (row["kind"], row["kept"], row["undone_at"]) == ("split", olga, None)
    assert lines(run("contacts", "show", row["other"], "--json"))[0]["told_by"] == [second]
    assert lines(run("contacts", "show", olga, "--json"))[0]["told_by"] == [first]
    assert f"{row['other']} is part of {olga} again" in shown(run("merges", "undo", row["id"]))
    assert sorted(lines(run("contacts", "show", olga, "--json"))[0]["told_by"]) == [first, second]


def test_mistakes_are_told_plainly(run: Run) -> None:
    olga = by_name(run)["Olga Prates"]
    assert "there is no contact con_nobody" in refused(run("contacts", "merge", olga, "con_nobody"))
    assert "cannot be merged into itself" in refused(run("contacts", "merge", olga, olga))
    assert "sub_none is not of" in refused(run("contacts", "split", olga, "sub_none"))
    assert "there is no merge mrg_none" in refused(run("merges", "undo", "mrg_none"))
    assert "nothing was decided of sub_none" in refused(run("reviews", "show", "sub_none"))


def test_a_review_names_the_contact_that_its_candidate_was_merged_into(run: Run) -> None:
    ids = by_name(run)
    olga, marina = ids["Olga Prates"], ids["Marina Azevedo Couto"]
    (review,) = lines(run("reviews", "list", "--json"))
    assert (review["candidate"], review["candidate_name"]) == (marina, "Marina Azevedo Couto")
    run("contacts", "merge", olga, marina)
    (review,) = lines(run("reviews", "list", "--json"))
    assert review["candidate"] == olga
    told = shown(run("reviews", "show", review["id"]))
    assert f"{marina} was merged into {olga}." in told
    assert f"--same {olga}" in told
    assert lines(run("reviews", "show", review["id"], "--json"))[0]["candidate"] == olga
    assert f"{review['id']} is {olga}." in shown(run("reviews", "resolve", review["id"], "--same", marina))
    assert lines(run("reviews", "list", "--json")) == []
