"""Every sample of what providers really send, through the HTTP door, gives the person that a reader finds in it."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from worker import steps
from worker.config import load_settings
from worker.steps.runtime import Runtime, build_runtime
from worker.webhook import build_web

SAMPLES = Path(__file__).parents[3] / "shared" / "reference" / "payloads"

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not beside the repository")

NOBODY = "not_contact"
MARIA = {"name": "Maria Souza"}
REACHABLE = {**MARIA, "emails": ["maria@example.com.br"], "phones": ["+5511987654321"]}
REFERENCE = "only_reference"

EXPECTED: dict[str, list[dict[str, Any] | str] | str] = {
    "kommo-webhooks/add_company.urlencoded": NOBODY,
    "kommo-webhooks/add_contact_capture.urlencoded": [MARIA],
    "kommo-webhooks/add_contact_full.urlencoded": [
        {"name": "Contact Name", "emails": ["user@example.com"], "birth_date": "1980-01-12"}
    ],
    "kommo-webhooks/add_lead_capture.urlencoded": [REFERENCE],
    "kommo-webhooks/add_lead_custom_fields.urlencoded": [REFERENCE],
    "kommo-webhooks/add_message.urlencoded": [{"message": "Hello!"}],
    "kommo-webhooks/add_talk.urlencoded": NOBODY,
    "kommo-webhooks/add_task.urlencoded": NOBODY,
    "kommo-webhooks/batch_three_leads.urlencoded": [REFERENCE] * 3,
    "kommo-webhooks/delete_contact.urlencoded": NOBODY,
    "kommo-webhooks/delete_lead.urlencoded": NOBODY,
    "kommo-webhooks/dp_add_lead_minimal_capture.urlencoded": [REFERENCE],
    "kommo-webhooks/dp_status_lead_minimal_capture.urlencoded": [REFERENCE],
    "kommo-webhooks/note_contact.urlencoded": NOBODY,
    "kommo-webhooks/note_lead.urlencoded": NOBODY,
    "kommo-webhooks/responsible_lead.urlencoded": [REFERENCE],
    "kommo-webhooks/restore_lead.urlencoded": [REFERENCE],
    "kommo-webhooks/status_lead.urlencoded": [REFERENCE],
    "kommo-webhooks/unsorted_add_forms.urlencoded": [REFERENCE],
    "kommo-webhooks/unsorted_delete_accept.urlencoded": NOBODY,
    "kommo-webhooks/unsorted_delete_decline.urlencoded": NOBODY,
    "kommo-webhooks/unsorted_update_forms.urlencoded": [REFERENCE],
    "kommo-webhooks/update_contact_capture.urlencoded": [{**REACHABLE, "job_title": "Gerente"}],
    "kommo-webhooks/update_lead_capture.urlencoded": [REFERENCE],
    "kommo-webhooks/update_task_completed.urlencoded": NOBODY,
    "forms/cf7_to_webhook.json": [{**REACHABLE, "message": "Quero orçamento"}],
    "forms/elementor_advanced.urlencoded": [{**REACHABLE, "phones": ["+5585987654321"]}],
    "forms/elementor_simple.urlencoded": [{**REACHABLE, "phones": ["+5585987654321"]}],
    "forms/fluentforms_all_fields.json": [REACHABLE],
    "forms/google_forms_payload.json": [REACHABLE],
    "forms/gravityforms_all_fields.json": [REACHABLE],
    "forms/hubspot_contact_creation.json": [REFERENCE],
    "forms/jotform_multipart_fields.json": [REACHABLE],
    "forms/meta_leadgen.json": [REFERENCE],
    "forms/meta_leadgen_graph_lead.json": [REACHABLE],
    "forms/rdstation_webhook_converted.json": [
        {
            "name": "Contact Name",
            "emails": ["contato@example.com.br"],
            "phones": ["+554830252598"],
            "company": "Company Example 0",
            "job_title": "Developer",
        }
    ],
    "forms/tally_form_response.json": [REACHABLE],
    "forms/typeform_form_response.json": [{"given_name": "Maria", **{k: REACHABLE[k] for k in ("emails", "phones")}}],
    "forms/webflow_form_submission.json": [{**MARIA, "emails": ["maria@example.com.br"]}],
    "forms/whatsapp_cloud_message.json": [
        {**MARIA, "phones": ["+5511987654321"], "message": "Olá, quero um orçamento"}
    ],
    "forms/wpforms_custom_body.json": [REACHABLE],
}
"""For each sample: its contacts; the reason code where a part names nobody; `not_contact` where nobody is in it."""

_KINDS = {"graph": "meta", "google": "googleforms", "gravity": "gravityforms", "fluent": "fluentforms"}


def kind_of(sample: str) -> str:
    if sample.startswith("kommo"):
        return "kommo"
    first = sample.partition("/")[2].partition("_")[0].removesuffix(".json")
    return _KINDS.get(first, first)


SECRET = "whsec_" + base64.b64encode(b"an invented key of 32 bytes ....").decode()
SIGNED = frozenset({"typeform", "tally", "hubspot", "meta", "whatsapp", "webflow", "googleforms"})
"""Kinds whose provider signs; the others send the secret in the path."""


def signature(kind: str, url: str, body: bytes) -> dict[str, str]:
    """The headers with which the kind's provider signs, as ../shared/reference/forms.md has them."""
    now = time.time()
    seconds, milliseconds = str(int(now)), str(int(now * 1000))

    def mac(message: bytes, key: bytes = SECRET.encode()) -> bytes:
        return hmac.digest(key, message, "sha256")

    def text(message: bytes, key: bytes = SECRET.encode()) -> str:
        return base64.b64encode(mac(message, key)).decode()

    match kind:
        case "typeform":
            return {"Typeform-Signature": f"sha256={text(body)}"}
        case "tally":
            return {"Tally-Signature": text(body)}
        case "meta" | "whatsapp":
            return {"X-Hub-Signature-256": f"sha256={mac(body).hex()}"}
        case "webflow":
            signed = f"{milliseconds}:".encode() + body
            return {"x-webflow-timestamp": milliseconds, "x-webflow-signature": mac(signed).hex()}
        case "hubspot":
            signed = f"POST{url}".encode() + body + milliseconds.encode()
            return {"X-HubSpot-Request-Timestamp": milliseconds, "X-HubSpot-Signature-v3": text(signed)}
        case "googleforms":
            key = base64.b64decode(SECRET.removeprefix("whsec_"))
            signed = f"msg_1.{seconds}.".encode() + body
            headers = {"webhook-id": "msg_1", "webhook-timestamp": seconds}
            return {**headers, "webhook-signature": f"v1,{text(signed, key)}"}
    return {}


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    kinds = sorted({kind_of(sample) for sample in EXPECTED})
    text = "".join(f'[sources.{kind}]\nkind = "{kind}"\nsecret = "{SECRET}"\n' for kind in kinds)
    (tmp_path / "portaria.toml").write_text(text)
    made = build_runtime(load_settings(tmp_path))
    made.database.migrate()
    yield made
    made.database.close()


@pytest.mark.parametrize("sample", sorted(EXPECTED))
def test_the_person_in_the_sample_comes_out(runtime: Runtime, sample: str) -> None:
    kind, file = kind_of(sample), SAMPLES / sample
    with TestClient(build_web(runtime, ring=lambda: None), base_url="http://127.0.0.1") as web:
        path = f"/hooks/{kind}" if kind in SIGNED else f"/hooks/{kind}/{SECRET}"
        if kind == "jotform":  # the sample lists the parts of a multipart body
            parts = {name: (None, value) for name, value in json.loads(file.read_text()).items()}
            answer = web.post(path, files=parts)
        else:
            media_type = "application/json" if file.suffix == ".json" else "application/x-www-form-urlencoded"
            body = file.read_bytes()
            headers = {"Content-Type": media_type, **signature(kind, f"http://127.0.0.1{path}", body)}
            answer = web.post(path, content=body, headers=headers)
    assert answer.status_code == 202
    steps.work_here(runtime)
    story = steps.story(runtime, answer.json()["delivery"])
    assert story is not None
    expected = EXPECTED[sample]
    if isinstance(expected, str):
        assert (story.delivery["state"], story.submissions) == (expected, [])
        return
    assert story.delivery["state"] == "opened"
    assert len(story.submissions) == len(expected)
    for row, wanted in zip(story.submissions, expected, strict=True):
        if isinstance(wanted, str):
            assert (row["state"], row["reason"]) == ("rejected", wanted)
            continue
        contact = story.contacts[row["contact_id"]]
        assert {key: contact[key] for key in wanted} == wanted


def test_every_sample_is_expected() -> None:
    found = {
        f"{file.parent.name}/{file.name}"
        for folder in ("kommo-webhooks", "forms")
        for file in (SAMPLES / folder).iterdir()
        if not file.name.startswith("_") and "vector" not in file.name
    }
    assert found == set(EXPECTED)
