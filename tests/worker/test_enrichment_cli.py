"""What a person sees of enrichment and of a score."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from worker.cli.main import portaria

PERSON = {
    "nome": "Ana Souza", "email": "ana@papelaria.com.br", "fone": "(11) 98765-4301", "cargo": "Diretora",
    "cnpj": "11.222.333/0001-81", "mensagem": "Gostaria de um orçamento para 200 licenças",
}  # fmt: skip
REGISTERED = {"nome_fantasia": "Papelaria Invenção", "porte": "DEMAIS", "cnae_fiscal": 4761003, "uf": "SP"}


@pytest.fixture
def registry() -> Iterator[dict[str, Any]]:
    """A registry of companies that can be switched off."""
    state: dict[str, Any] = {"status": 200, "asked": 0}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state["asked"] += 1
            body = json.dumps(REGISTERED).encode()
            self.send_response(state["status"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    state["url"] = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def run(tmp_path: Path, registry: dict[str, Any]) -> Callable[..., Result]:
    text = f'[enrichment.cnpj]\nbase_url = "{registry["url"]}"\ncost = 0.02\ndaily_budget = 1\n'
    (tmp_path / "portaria.toml").write_text(text)

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(portaria, ["--data", str(tmp_path), *arguments], env={"COLUMNS": "120"})

    return command


@pytest.fixture
def contact(run: Callable[..., Result], tmp_path: Path, registry: dict[str, Any]) -> Callable[..., str]:
    def arrive() -> str:
        (tmp_path / "ana.json").write_text(json.dumps(PERSON))
        assert run("ingest", str(tmp_path / "ana.json"), "--source", "site").exit_code == 0
        return str(json.loads(run("contacts", "list", "--json").stdout)["id"])

    return arrive


def sources(run: Callable[..., Result], contact_id: str) -> dict[str, Any]:
    told = json.loads(run("enrich", contact_id, "--explain", "--json").stdout)
    return {each["source"]: each for each in told["sources"]}


def test_what_each_source_said_and_what_became_of_it(
    run: Callable[..., Result], contact: Callable[..., str], registry: dict[str, Any]
) -> None:
    known = contact()
    found = sources(run, known)["cnpj"]
    assert found["from"] == "cache"
    verdicts = {each["field"]: each["verdict"] for each in found["findings"]}
    assert verdicts == {
        "company": "taken", "company_size": "beside", "industry_code": "beside", "region": "unsure"
    }  # fmt: skip
    assert registry["asked"] == 1
    table = run("enrich", known, "--explain")
    assert table.exit_code == 0
    assert "Papelaria Invenção" in table.stdout
    assert "from the cache, 0 min old" in table.stdout
    assert "taken" in table.stdout


def test_a_source_that_is_down_is_told_of_and_asked_again_by_hand(
    run: Callable[..., Result], contact: Callable[..., str], registry: dict[str, Any]
) -> None:
    registry["status"] = 503
    known = contact()
    before = json.loads(run("score", "explain", known, "--json").stdout)
    told = run("enrich", known, "--explain")
    assert "no answer (provider_down)" in told.stdout
    assert "it is asked again at" in told.stdout
    registry["status"] = 200
    assert run("enrich", known).exit_code == 0
    after = json.loads(run("score", "explain", known, "--json").stdout)
    assert after["value"] > before["value"]
    assert (after["features"]["company_size"], "company_size" in before["features"]) == ("medium", False)
    assert json.loads(run("enrich", known, "--json").stdout)["due_later"] == []


def test_what_was_spent_on_what_was_found(run: Callable[..., Result], contact: Callable[..., str]) -> None:
    assert "No source outside was asked" in run("enrichment", "report").stdout
    contact()
    row = json.loads(run("enrichment", "report", "--json").stdout)
    assert (row["source"], row["answered"], row["cost"], row["spent_today"]) == ("cnpj", 1, 0.02, 0.02)
    assert row["found"] == {"company": 1, "company_size": 1, "industry_code": 1, "region": 1}
    assert row["cost_per_finding"] == 0.005
    assert "0.02 of 1" in run("enrichment", "report").stdout


def test_a_score_as_bars_and_as_json(run: Callable[..., Result], contact: Callable[..., str]) -> None:
    known = contact()
    told = json.loads(run("score", "explain", known, "--json").stdout)
    assert sum(part["points"] for part in told["contributions"]) == told["value"]
    lines = run("score", "explain", known).stdout.splitlines()
    assert f"{told['value']}" in lines[0]
    (asked,) = [part for part in told["contributions"] if "asks for a price" in part["reason"]]
    assert any(f"+{asked['points']}" in line and "█" in line and asked["reason"] in line for line in lines)
    assert told["model"] in lines[-1]


@pytest.mark.parametrize("command", [("enrich",), ("enrich", "--explain"), ("score", "explain")])
def test_who_is_not_there(run: Callable[..., Result], command: tuple[str, ...]) -> None:
    result = run(*command, "con_nobody")
    assert result.exit_code == 2
    assert "there is no contact con_nobody" in result.stderr
