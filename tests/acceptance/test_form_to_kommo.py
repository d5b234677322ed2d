"""A web form, through the real chain, into a Kommo account: contact, company, lead, task and notes, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from worker.config import Settings, load_settings
from worker.fake_kommo.server import TOKEN, Running
from worker.steps.runtime import Runtime

pytestmark = pytest.mark.servers

CONFIGURATION = """
[sources.site]
kind = "generic"
secret = "invented-secret"

[crm]
kind = "kommo"
base_url = "{url}"
token = "{token}"
requests_per_second = 50

[crm.fields]
cpf = "CPF"
"""
LEAD = {
    "Nome completo": "Marina Azevedo Couto",
    "Seu melhor e-mail": "marina.couto@industria-couto.example.com",
    "WhatsApp": "(11) 97654-0123",
    "Empresa": "Indústria Couto Ltda",
    "Cargo": "Diretora de Compras",
    "CPF": "529.982.247-25",
    "Mensagem": "Preciso de um orçamento para 30 usuários ainda esta semana, é urgente.",
}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str, fake_kommo: Running) -> Settings:
    data = tmp_path / "data"
    data.mkdir()
    (data / "portaria.toml").write_text(CONFIGURATION.format(url=fake_kommo.url, token=TOKEN))
    monkeypatch.setenv("PORTARIA_DATABASE__URL", database_url)
    return load_settings(data)


def test_a_hot_lead_is_in_kommo_with_its_follow_up(
    web: TestClient, live: Runtime, fake_kommo: Running, until: Callable[..., None]
) -> None:
    headers = {"Authorization": "Bearer invented-secret"}
    assert web.post("/hooks/site", json=LEAD, headers=headers).status_code == 202
    account = fake_kommo.fake.account
    until(lambda: account.tasks, "the task")
    until(lambda: len(account.notes["contacts"]) == 2, "the notes")
    (contact,) = account.alive("contacts")
    values = {each["field_name"]: each["values"][0]["value"] for each in contact["custom_fields_values"]}
    assert contact["name"] == "Marina Azevedo Couto"
    assert (
        values.items()
        >= {
            "Telefone": "+5511976540123",
            "E-mail": "marina.couto@industria-couto.example.com",
            "Cargo": "Diretora de Compras",
            "CPF": "52998224725",
        }.items()
    )
    (company,) = account.alive("companies")
    assert company["name"] == "Indústria Couto Ltda"
    (lead,) = account.alive("leads")
    assert account.linked(("leads", lead["id"]), "contacts") == [contact["id"]]
    assert account.linked(("contacts", contact["id"]), "companies") == [company["id"]]
    (task,) = account.tasks.values()
    assert (task["entity_id"], task["entity_type"]) == (lead["id"], "leads")
    assert any("orçamento" in text for text in account.with_texts("contacts", contact["id"]))
