"""Registries and data providers over HTTP and MCP: real servers on loopback, with faults."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipelines.documents import parse_document
from pipelines.emails import parse_email
from pipelines.models import Contact
from pipelines.names import parse_name
from worker.config import EnrichmentSection
from worker.enrichment import build_fact_sources
from worker.enrichment.terms import DAY
from worker.errors import ConfigurationError, PermanentError, PortariaError, TransientError
from worker.ports import FactSource

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CNPJ = "11222333000181"
SECRET = "segredo-inventado"

REGISTERED = {
    "cnpj": CNPJ, "razao_social": "INVENCAO PAPEIS LTDA", "nome_fantasia": "Papelaria Invenção",
    "porte": "EMPRESA DE PEQUENO PORTE", "cnae_fiscal": 4761003, "cnae_fiscal_descricao": "Comércio de papelaria",
    "municipio": "CAMPINAS", "uf": "SP", "descricao_situacao_cadastral": "ATIVA",
    "data_inicio_atividade": "1987-03-01", "capital_social": 50000,
    "qsa": [{"nome_socio": "ANA INVENTADA", "qualificacao_socio": "Sócio-Administrador"}, {"nome_socio": None}, 3],
}  # fmt: skip


class Provider:
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.status, self.headers, self.body = 200, {"Content-Type": "application/json"}, b"{}"
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("content-length", 0))
                provider.asked.append((self.path, dict(self.headers), self.rfile.read(length)))
                self.send_response(provider.status)
                for name, value in {**provider.headers, "Content-Length": str(len(provider.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(provider.body)

            do_POST = do_GET  # noqa: N815 - http.server names it so

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def says(self, answer: Any, status: int = 200, **headers: str) -> None:
        self.status, self.body = status, json.dumps(answer).encode()
        self.headers = {"Content-Type": "application/json", **headers}


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()


def build(name: str, **keys: Any) -> FactSource:
    return build_fact_sources({name: EnrichmentSection.model_validate(keys)})[name]


@pytest.fixture
def ana() -> Contact:
    mail, document = parse_email("ana.souza@papelaria.com.br"), parse_document("11.222.333/0001-81")
    assert mail
    assert document
    return Contact(name=parse_name("Ana Souza"), emails=(mail,), documents=(document,))


def ask(source: FactSource, contact: Contact) -> dict[str, str]:
    key = source.key(contact)
    facts = source.ask(key, NOW) if key else ()
    assert {fact.field for fact in facts} <= set(source.fields)
    assert all(fact.by == source.name for fact in facts)
    return {fact.field: fact.value for fact in facts}


def test_a_company_as_the_registry_knows_it(provider: Provider, ana: Contact) -> None:
    provider.says(REGISTERED)
    assert ask(build("cnpj", base_url=f"{provider.url}/api/"), ana) == {
        "company": "Papelaria Invenção", "company_legal_name": "INVENCAO PAPEIS LTDA", "industry_code": "4761003",
        "company_size": "EMPRESA DE PEQUENO PORTE", "industry": "Comércio de papelaria", "city": "CAMPINAS",
        "region": "SP", "company_status": "ATIVA", "company_founded": "1987-03-01", "company_capital": "50000",
        "company_partners": "ANA INVENTADA",
    }  # fmt: skip
    assert provider.asked[0][0] == f"/api/{CNPJ}"


@pytest.mark.parametrize("status", [404, 400])
def test_a_cnpj_that_was_never_given_out_is_a_known_nothing(provider: Provider, ana: Contact, status: int) -> None:
    provider.says({"message": "não encontrado"}, status)
    assert ask(build("cnpj", base_url=provider.url), ana) == {}


@pytest.mark.parametrize(
    ("status", "headers", "body", "code", "after"),
    [
        (429, {"Retry-After": "7"}, b"", "provider_busy", 7),
        (503, {}, b"", "provider_down", None),
        (200, {}, b"<html>", "provider_down", None),
        (200, {}, b"[" * 50_000, "provider_down", None),
        (200, {}, b'"' + b"x" * 3_000_000 + b'"', "provider_down", None),
        (401, {}, b"", "provider_refused", None),
        (302, {"Location": "http://127.0.0.1:1/"}, b"", "provider_refused", None),
    ],
)
def test_a_provider_that_does_not_answer_is_no_nothing(
    provider: Provider, ana: Contact, status: int, headers: dict[str, str], body: bytes, code: str, after: float | None
) -> None:
    provider.status, provider.headers, provider.body = status, headers, body
    with pytest.raises(PortariaError) as problem:
        ask(build("cnpj", base_url=provider.url), ana)
    assert problem.value.code == code
    assert isinstance(problem.value, PermanentError if code == "provider_refused" else TransientError)
    assert getattr(problem.value, "retry_after", None) == after
    assert CNPJ not in str(problem.value)


def test_nobody_there(ana: Contact) -> None:
    with pytest.raises(TransientError, match=r"\[enrichment.cnpj\]: no answer"):
        ask(build("cnpj", base_url="http://127.0.0.1:1"), ana)


FACTS = {"job_title": "person.title", "company_size": "person.organization.employees", "tools": "person.tools[].name"}


def test_any_provider_by_a_template_and_paths(provider: Provider, ana: Contact) -> None:
    provider.says({"person": {"title": "Diretora", "organization": {"employees": 120}, "tools": [{"name": "a"}]}})
    source = build(
        "apollo", kind="http", url=provider.url + "/match?email={email}&d={domain}", facts=FACTS,
        headers={"X-Api-Key": SECRET}, cost=0.05, daily_budget=2, max_age_days=60, confidence=0.95,
    )  # fmt: skip
    assert ask(source, ana) == {"job_title": "Diretora", "company_size": "120", "tools": "a"}
    path, headers, _ = provider.asked[0]
    assert path == "/match?email=ana.souza%40papelaria.com.br&d=papelaria.com.br"
    assert headers["X-Api-Key"] == SECRET
    assert source.terms is not None
    assert (source.terms.cost, source.terms.daily_budget, source.terms.max_age) == (0.05, 2, 60 * DAY)


def test_values_are_sent_as_values(provider: Provider, ana: Contact) -> None:
    odd = ana.model_copy(update={"company": "A/../&x=1#?{email}"})
    source = build("a", kind="http", url=provider.url + "/c/{company}", facts={"x": "x"})
    ask(source, odd)
    assert provider.asked[0][0] == "/c/A%2F..%2F%26x%3D1%23%3F%7Bemail%7D"
    posted = build(
        "a", kind="http", method="POST", url=provider.url + "/c", body={"q": ["{company}"], "n": 1}, facts={"x": "x"}
    )
    ask(posted, odd)
    assert json.loads(provider.asked[1][2]) == {"q": ["A/../&x=1#?{email}"], "n": 1}


def test_who_lacks_what_is_asked_with_is_not_asked_about(provider: Provider, ana: Contact) -> None:
    source = build("a", kind="http", url=provider.url + "/{phone}", facts={"x": "x"})
    assert ask(source, ana) == {}
    free = parse_email("ana@gmail.com")
    assert free
    domain = build("a", kind="http", url=provider.url + "/{domain}", facts={"x": "x"})
    assert ask(domain, Contact(emails=(free,))) == {}
    assert provider.asked == []


@pytest.mark.parametrize("status", [401, 500, 429])
def test_neither_key_nor_question_is_in_an_error(provider: Provider, ana: Contact, status: int) -> None:
    provider.says({}, status)
    source = build(
        "a", kind="http", url=provider.url + "/x?key=" + SECRET + "&e={email}", headers={"X": SECRET}, facts={"x": "x"}
    )
    with pytest.raises(PortariaError) as problem:
        ask(source, ana)
    assert SECRET not in str(problem.value)
    assert "ana" not in str(problem.value)
    assert SECRET not in repr(source)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"kind": "http", "url": "https://x.example/{mail}", "facts": {"a": "b"}}, r"url: .*there is no \{mail\}"),
        ({"kind": "http", "url": "https://{domain}/x", "facts": {"a": "b"}}, "url: "),
        ({"kind": "http", "url": "https://x.example/", "facts": {"a": "b"}}, "names nothing of the contact"),
        ({"kind": "http", "url": "https://x.example/{email}", "facts": {"a": "b["}}, "facts.a: .*JMESPath"),
        ({"kind": "http", "url": "https://x.example/{email}"}, "facts: "),
        ({"kind": "mcp", "tool": "t", "arguments": {"d": "{domain}"}, "facts": {"a": "b"}}, "set url or command"),
        ({"kind": "smtp"}, "kind: there is no 'smtp'"),
        ({"kind": "http", "url": "https://x.example/{email}", "facts": {"a": "b"}, "cots": 3}, "cots: there is no"),
    ],
)
def test_mistakes_are_told_by_their_key(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"\[enrichment.apollo\].*{told}"):
        build("apollo", **keys)


SERVER = '''
import sys
from mcp.server.mcpserver import MCPServer
server = MCPServer("invented")

@server.tool()
def find_company(domain: str) -> dict[str, object]:
    """What is known of a domain."""
    if domain == "broken.com.br":
        raise ValueError("the tool failed")
    print("noise", file=sys.stderr)
    return {"found": {"employees": 120, "sector": "Varejo", "domain": domain}}

@server.tool()
def say(domain: str) -> str:
    return '{"plain": "%s"}' % domain

server.run()
'''


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    script = tmp_path_factory.mktemp("mcp") / "server.py"
    script.write_text(SERVER)
    return [sys.executable, str(script)]


def tool(command: list[str], name: str = "find_company", **facts: str) -> FactSource:
    arguments = {"domain": "{domain}"}
    return build("registry", kind="mcp", command=command, tool=name, arguments=arguments, facts=facts)


def test_a_tool_of_an_mcp_server(command: list[str], ana: Contact, capfd: pytest.CaptureFixture[str]) -> None:
    source = tool(command, company_size="found.employees", industry="found.sector", domain="found.domain")
    assert ask(source, ana) == {"company_size": "120", "industry": "Varejo", "domain": "papelaria.com.br"}
    assert "noise" not in capfd.readouterr().err


def test_a_tool_that_answers_in_text(command: list[str], ana: Contact) -> None:
    assert ask(tool(command, "say", x="plain || result"), ana)["x"]


def test_a_tool_that_fails_and_one_that_is_not_there(command: list[str], ana: Contact, tmp_path: Path) -> None:
    broken = parse_email("ana@broken.com.br")
    assert broken
    with pytest.raises(PermanentError, match=r"\[enrichment.registry\]"):
        ask(tool(command, x="x"), Contact(emails=(broken,)))
    with pytest.raises(PortariaError, match=r"\[enrichment.registry\]"):
        ask(tool(command, "nothing_like_it", x="x"), ana)
    with pytest.raises(TransientError, match=r"\[enrichment.registry\]: no answer"):
        ask(tool([str(tmp_path / "absent")], x="x"), ana)


def test_an_mcp_server_that_is_away(ana: Contact) -> None:
    source = build(
        "registry", kind="mcp", url="http://127.0.0.1:1/mcp", tool="t", arguments={"d": "{domain}"}, facts={"x": "x"},
        headers={"Authorization": SECRET},
    )  # fmt: skip
    with pytest.raises(TransientError) as problem:
        ask(source, ana)
    assert SECRET not in str(problem.value)
