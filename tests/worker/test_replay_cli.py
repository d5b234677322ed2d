"""`portaria replay` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.worker.test_cli import Run, lines, run, told

__all__ = ["run"]


@pytest.fixture
def set_aside(run: Run, tmp_path: Path) -> Path:
    """Two submissions that are rejected, a delivery that is quarantined; and one that went well."""
    run("init")
    bodies = {"a": {"xq7": "Olga Prates", "xq8": "Oficina Prates"}, "b": {"nome": "teste"}, "c": None}
    bodies["d"] = {"nome": "Bruno Lima", "email": "bruno@example.com"}
    for name, body in bodies.items():
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(body) if body else '{"broken": ', encoding="utf-8")
        run("ingest", file, "--source", "site", "--json")
    return tmp_path


def test_without_a_filter_it_tells_what_there_is(run: Run, set_aside: Path) -> None:
    rows = lines(run("replay", "--json"))
    assert sorted((row["state"], row["count"]) for row in rows) == [
        ("quarantined", 1), ("rejected", 1), ("rejected", 1)
    ]  # fmt: skip
    assert "--reason" in told(run("replay"))
    assert "Olga" not in run("replay").output


def test_a_filter_and_a_mended_mapping_bring_them_through(run: Run, set_aside: Path) -> None:
    toml = set_aside / "data" / "portaria.toml"
    mapping = 'kind = "generic"\nmapping = { xq7 = "name", xq8 = "company" }\n'
    toml.write_text(toml.read_text(encoding="utf-8").replace('kind = "generic"\n', mapping, 1), encoding="utf-8")
    result = run("replay", "--state", "rejected", "--since", "1h", "--json")
    assert result.exit_code == 1, result.output  # one is still nobody
    answer = json.loads(result.stdout)
    assert answer["replayed"] == {"submissions": 2, "deliveries": 0, "left": 0}
    assert (answer["outcomes"]["created"], answer["outcomes"]["rejected"]) == (1, 1)
    assert "Olga" not in result.output


def test_it_says_what_is_left(run: Run, set_aside: Path) -> None:
    result = run("replay", "--source", "site", "--limit", "1")
    assert "Replayed 1 submission and 0 deliveries." in told(result)
    assert "2 more are wanted and were left" in told(result)


def test_what_is_wrong_is_told(run: Run, set_aside: Path) -> None:
    assert run("replay", "--state", "done").exit_code == 2
    result = run("replay", "--since", "gestern")
    assert result.exit_code == 2
    assert "is no time" in told(result)
    result = run("replay", "sub_nothing")
    assert result.exit_code == 2
    assert "sub_nothing is not there" in told(result)
    result = run("replay", "--reason", "nothing")
    assert (result.exit_code, "Nothing of that kind" in told(result)) == (0, True)


def test_a_dry_run_tells_the_differences_and_changes_nothing(run: Run, set_aside: Path) -> None:
    before = run("replay", "--json").stdout
    toml = set_aside / "data" / "portaria.toml"
    mapping = 'kind = "generic"\nmapping = { xq7 = "name", xq8 = "company" }\n'
    toml.write_text(toml.read_text(encoding="utf-8").replace('kind = "generic"\n', mapping, 1), encoding="utf-8")
    result = run("replay", "--dry-run")
    assert result.exit_code == 0, result.output
    for part in ("rejected → done", "- → Olga Prates", "create_contact", "Foreseen: 3. Nothing was changed."):
        assert part in told(result)
    answer = json.loads(run("replay", "--dry-run", "--json").stdout)
    assert sum(each["count"] for each in answer["foreseen"]) == len(answer["outlooks"]) == 3
    assert run("replay", "--json").stdout == before
