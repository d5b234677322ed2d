"""`portaria dedupe` as it is typed: files out, a summary, mistakes told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from worker.cli.main import portaria as command

TABLE = (
    "Nome,E-mail,Celular\n"
    "Olga Prates,olga@example.com,(11) 97654-0123\n"
    "OLGA PRATES,olga@example.com,\n"
    "Bruno Lima,bruno@example.com,\n"
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "people.csv"
    file.write_text(TABLE, encoding="utf-8")
    return file


def test_clusters_and_pairs_are_written(table: Path, tmp_path: Path) -> None:
    clusters, pairs = tmp_path / "clusters.csv", tmp_path / "pairs.csv"
    result = CliRunner().invoke(
        command, ["dedupe", str(table), "--clusters", str(clusters), "--pairs", str(pairs), "--json"]
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["contacts"] == 2
    assert clusters.read_text().splitlines() == ["row,contact", "0,0", "1,0", "2,2"]
    head, first = pairs.read_text().splitlines()[:2]
    assert head == "left,right,probability,decision"
    assert (first.split(",")[:2], first.split(",")[3]) == (["0", "1"], "match")


def test_the_summary_is_for_a_person(table: Path) -> None:
    result = CliRunner().invoke(command, ["dedupe", str(table)])
    assert "3 rows, 2 people, 1 duplicates" in result.output


@pytest.mark.parametrize(
    "arguments", [["nowhere.csv"], ["{table}", "--map", "Nome"], ["{table}", "--map", "Nome=nonsense"]]
)
def test_wrong_use_is_told(table: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(command, ["dedupe", *(each.format(table=table) for each in arguments)])
    assert result.exit_code == 2
    assert "error" in result.output
    assert "Traceback" not in result.output
