"""The Apps Script that is shipped, run by Node in place of Google: what it sends is believed and read."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.models import SourceRecord
from worker.errors import Unauthorized
from worker.ports import Delivery, InboundRequest, SourceSettings
from worker.sources import get_source, parse

SCRIPT = Path(__file__).parents[3] / "docs" / "google-forms.gs"
SECRET = "whsec_" + base64.b64encode(b"an invented key of 32 bytes ....").decode()
GOOGLE = """
const crypto = require('crypto');
const Utilities = {
  newBlob: (text) => ({ getBytes: () => Buffer.from(text, 'utf8') }),
  base64Decode: (text) => Buffer.from(text, 'base64'),
  base64Encode: (bytes) => Buffer.from(bytes).toString('base64'),
  computeHmacSha256Signature: (value, key) => crypto.createHmac('sha256', key).update(value).digest(),
};
const UrlFetchApp = { fetch: (url, how) => console.log(JSON.stringify(
  { url, headers: how.headers, type: how.contentType, body: how.payload.toString('utf8') })) };
const item = (title, answer) => ({ getItem: () => ({ getTitle: () => title }), getResponse: () => answer });
const response = {
  getItemResponses: () => [item('Nome completo', 'Íris Leal'), item('WhatsApp', '(85) 95550-0166'),
    item('Interesses', ['A', 'B'])],
  getId: () => '2_demo', getTimestamp: () => new Date('2026-11-21T12:00:00Z'),
  getRespondentEmail: () => 'iris@example.com',
};
send({ getId: () => '1FAdemo', getTitle: () => 'Inscrição' }, response);
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_what_the_script_sends_is_believed_and_read() -> None:
    program = SCRIPT.read_text(encoding="utf-8").replace("'whsec_...'", f"'{SECRET}'") + GOOGLE
    done = subprocess.run(["node", "-e", program], check=True, capture_output=True, timeout=30)
    sent = json.loads(done.stdout)
    source, settings = get_source("googleforms"), SourceSettings("form", "googleforms", SECRET)
    body = sent["body"].encode()
    now = datetime.fromtimestamp(int(sent["headers"]["webhook-timestamp"]), UTC)
    request = InboundRequest("POST", sent["url"], {**sent["headers"], "content-type": sent["type"]}, {}, body)
    source.verify(request, settings, now)
    with pytest.raises(Unauthorized):
        source.verify(InboundRequest("POST", sent["url"], request.headers, {}, body + b" "), settings, now)
    assert source.delivery_key(request, settings) == "2_demo:2026-11-21T12:00:00.000Z"
    (record,) = parse(source, Delivery("d", "form", body, sent["type"], now), settings)
    assert isinstance(record, SourceRecord)
    said = {field.key: field.values for field in record.fields}
    assert (said["Nome completo"], said["Interesses"]) == (("Íris Leal",), ("A", "B"))
    assert said["response.email"] == ("iris@example.com",)
