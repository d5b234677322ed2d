"""`portaria sources`: what is configured, and what a form's fields are taken for."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from worker.cli.main import portaria

PAYLOADS = Path(__file__).parent / "sources" / "payloads"
CONFIGURATION = """
[sources.site]
secret = "invented-secret"
rate = "20/hour"
mapping = { "Como nos conheceu?" = "campanha" }

[sources.leads]
kind = "hubspot"
secret = "s"
"""
TABLE = """Nome completo,Seu melhor e-mail,col3,Como nos conheceu?,utm_source,CPF,Nome do indicado,x
Olga Prates,olga@example.com,(11) 95550-0142,Google,ads,529.982.247-25,Nina Reis,1
Davi Lemos,davi@example.com,(21) 95550-0177,Amigo,ads,,Rui Sá,2
"""


@pytest.fixture
def run(tmp_path: Path) -> Any:
    (tmp_path / "portaria.toml").write_text(CONFIGURATION)
    return lambda *arguments: CliRunner().invoke(portaria, ["--data", str(tmp_path), "sources", *arguments])


def guesses(result: Any) -> dict[str, tuple[str, str]]:
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.output.splitlines()]
    return {row["field"]: (row["is"], row["why"]) for row in rows}


def test_each_column_is_guessed_with_the_reason(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text(TABLE)
    found = guesses(run("guess", str(file), "--json"))
    assert found["Nome completo"] == ("name", "its label")
    assert found["Seu melhor e-mail"] == ("email", "its label")
    assert found["col3"] == ("phone", "its values")
    assert found["Como nos conheceu?"] == ("campanha", "the mapping")
    assert found["utm_source"] == ("", "it is about the form or the page")
    assert found["Nome do indicado"] == ("", "it is about somebody else")
    assert found["x"] == ("", "neither its name nor its values say what it is")


@pytest.mark.parametrize(
    ("name", "kind", "field", "target"),
    [
        ("tally.json", "tally", "question_a", "name"),
        ("cf7.json", "cf7", "your-email", "email"),
        ("hubspot.json", "hubspot", "email", "email"),
    ],
)
def test_a_hooks_body_is_read_as_its_kind(run: Any, name: str, kind: str, field: str, target: str) -> None:
    assert guesses(run("guess", str(PAYLOADS / name), "--kind", kind, "--json"))[field][0] == target


def test_an_urlencoded_body_is_read(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "body.urlencoded"
    file.write_bytes(b"your-name=Olga+Prates&your-email=olga%40example.com")
    assert {field: found[0] for field, found in guesses(run("guess", str(file), "--json")).items()} == {
        "your-name": "name",
        "your-email": "email",
    }


def test_the_mapping_it_prints_is_toml_that_says_the_same(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text(TABLE.replace("col3", '"Fone ""novo"" \\ zap"'))
    printed = run("guess", str(file)).output.partition("[sources.site.mapping]")
    mapping = tomllib.loads("".join(printed[1:]))["sources"]["site"]["mapping"]
    assert mapping['Fone "novo" \\ zap'] == "phone"
    assert (mapping["Nome completo"], mapping["utm_source"]) == ("name", "ignore")


def test_what_cannot_be_read_is_said(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "body.json"
    file.write_text('"just text"')
    wrong = run("guess", str(file))
    assert (wrong.exit_code, "cannot be read as generic" in " ".join(wrong.output.split())) == (2, True)
    file.write_text("[]")
    assert run("guess", str(file)).exit_code == 2


def test_the_list_shows_what_is_missing_and_no_secret(run: Any) -> None:
    result = run("list", "--json")
    rows = {row["name"]: row for row in map(json.loads, result.output.splitlines())}
    assert (rows["site"]["guards"], rows["site"]["token"], rows["site"]["mapping"]) == (["20/hour"], "", 1)
    assert (rows["leads"]["token"], rows["leads"]["secret"]) == ("missing", "set")
    assert "invented-secret" not in result.output + run("list").output
