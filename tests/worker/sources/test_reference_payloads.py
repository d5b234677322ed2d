"""The shared samples of what providers really send, where they lie beside the repository: each gives its person."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.models import SourceRecord
from worker.ports import NotContact
from worker.sources import get_source

SAMPLES = Path(__file__).parents[3].parent / "shared" / "reference" / "payloads"
FORM = "application/x-www-form-urlencoded"
MARIA = {"Maria Souza", "maria@example.com.br"}

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the shared samples do not lie beside this repository")

FORMS = {
    "cf7_to_webhook.json": ("cf7", MARIA | {"(11) 98765-4321", "Quero orçamento"}),
    "elementor_advanced.urlencoded": ("elementor", MARIA | {"(85) 98765-4321", "https://example.com.br/contato/"}),
    "elementor_simple.urlencoded": ("elementor", MARIA | {"(85) 98765-4321", "ig"}),
    "fluentforms_all_fields.json": ("fluentforms", {"Maria", "Souza", "maria@example.com.br", "+5511987654321"}),
    "google_forms_payload.json": ("googleforms", MARIA | {"(11) 98765-4321", "Plano A", "Plano B"}),
    "gravityforms_all_fields.json": ("gravityforms", {"Maria", "Souza", "maria@example.com.br", "(11) 98765-4321"}),
    "hubspot_contact_creation.json": ("hubspot", {"106314056576"}),
    "jotform_multipart_fields.json": ("jotform", {"Maria ", "Souza", "maria@example.com.br", "11 987654321", "Google"}),
    "meta_leadgen.json": ("meta", {"123123123123"}),
    "meta_leadgen_graph_lead.json": ("meta", MARIA | {"+5511987654321"}),
    "rdstation_webhook_converted.json": ("rdstation", {"Contact Name", "contato@example.com.br", "Option2"}),
    "tally_form_response.json": ("tally", MARIA | {"+5511987654321", "Business"}),
    "typeform_form_response.json": ("typeform", {"Maria", "maria@example.com.br", "+5511987654321", "50-200"}),
    "webflow_form_submission.json": ("webflow", {"Maria", "Souza", "maria@example.com.br"}),
    "whatsapp_cloud_message.json": ("whatsapp", MARIA - {"maria@example.com.br"} | {"+5511987654321"}),
    "wpforms_custom_body.json": ("wpforms", MARIA | {"+5511987654321"}),
}  # fmt: skip

KOMMO = {
    "add_contact_capture": [{"Maria Souza", "37054081"}],
    "add_contact_full": [{"Contact Name", "1234567890", "user@example.com", "12.01.1980", "17611273"}],
    "update_contact_capture": [{"Maria Souza", "Gerente", "+5511987654321", "maria@example.com.br", "37054081"}],
    "add_lead_capture": [{"Test", "999", "32966269"}],
    "add_lead_custom_fields": [{"New Lead", "500", "Text", "1729717200", "1111111"}],
    "batch_three_leads": [{"Lead 0", "100"}, {"Lead 1", "101"}, {"Lead 2", "102"}],
    "dp_add_lead_minimal_capture": [{"22791302"}],
    "dp_status_lead_minimal_capture": [{"10754147", "54435014"}],
    "responsible_lead": [{"15318175", "1000"}],
    "restore_lead": [{"15317715", "123"}],
    "status_lead": [{"15318175", "67548607", "2"}],
    "update_lead_capture": [{"32966269", "9919", "1", "2"}],
    "unsorted_add_forms": [{"15318519", "Lead name", "Form #1712844073", "172.241.70.196"}],
    "unsorted_update_forms": [{"24242432", "Lead", "Website"}],
    "add_message": [{"user name", "Hello!", "telegram", "11018118", "9276114"}],
}  # fmt: skip
NOBODY = {
    "add_company", "add_talk", "add_task", "delete_contact", "delete_lead", "note_contact", "note_lead",
    "unsorted_delete_accept", "unsorted_delete_decline", "update_task_completed",
}  # fmt: skip


def said(record: SourceRecord) -> set[str]:
    return {value for one in record.fields for value in one.values} | {ref.id for ref in record.remotes}


def multipart(fields: dict[str, str]) -> bytes:
    parts = (f'--s\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields.items())
    return ("".join(parts) + "--s--\r\n").encode()


def test_every_sample_is_expected_to_give_something() -> None:
    assert {file.name for file in (SAMPLES / "forms").iterdir()} == {*FORMS, "signature_vectors.json"}
    hooks = {file.stem for file in (SAMPLES / "kommo-webhooks").glob("*.urlencoded")}
    assert hooks == {*KOMMO, *NOBODY}


@pytest.mark.parametrize("name", FORMS)
def test_a_forms_sample_gives_its_person(name: str, read) -> None:
    kind, expected = FORMS[name]
    body = (SAMPLES / "forms" / name).read_bytes()
    content_type = FORM if name.endswith(".urlencoded") else "application/json"
    if kind == "jotform":
        body, content_type = multipart(json.loads(body)), "multipart/form-data; boundary=s"
    (record,) = read(kind, body, content_type)
    assert expected <= said(record)


@pytest.mark.parametrize("name", KOMMO)
def test_a_kommo_sample_gives_its_people_or_leads(name: str, read) -> None:
    records = read("kommo", (SAMPLES / "kommo-webhooks" / f"{name}.urlencoded").read_bytes(), FORM)
    assert len(records) == len(KOMMO[name])
    for record, expected in zip(records, KOMMO[name], strict=True):
        assert expected <= said(record)
        assert {ref.system for ref in record.remotes} == {"kommo:acme"}


@pytest.mark.parametrize("name", sorted(NOBODY))
def test_a_kommo_sample_about_nobody_says_so(name: str, read) -> None:
    (found,) = read("kommo", (SAMPLES / "kommo-webhooks" / f"{name}.urlencoded").read_bytes(), FORM)
    assert isinstance(found, NotContact)


VECTORS = {
    "typeform": "typeform", "tally": "tally", "meta_leadgen": "meta", "whatsapp_cloud": "whatsapp",
    "hubspot_v3": "hubspot", "webflow": "webflow", "standard_webhooks": "standardwebhooks",
    "svix": "standardwebhooks",
}  # fmt: skip


@pytest.mark.parametrize("name", VECTORS)
def test_a_signature_computed_elsewhere_is_taken(name: str, request_of, settings) -> None:
    vector = json.loads((SAMPLES / "forms" / "signature_vectors.json").read_text())[name]
    headers = {header.lower(): value for header, value in vector["header"].items()}
    stamp = next((int(value) for header, value in headers.items() if "timestamp" in header), 0)
    now = datetime.fromtimestamp(stamp / 1000 if stamp > 10**11 else stamp, UTC)
    sent = request_of(vector["raw_body"].encode(), headers=headers, url=vector.get("uri", "https://example.com/"))
    get_source(VECTORS[name]).verify(sent, settings(VECTORS[name], vector["secret"]), now)
