"""Secrets, signatures and replay windows; whatever is sent, the refusal is `Unauthorized`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import string
from datetime import timedelta

import pytest
import standardwebhooks
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from worker.errors import Unauthorized
from worker.sources import SOURCES, get_source

BODY = b'{"a": "\xc3\xa9"}'
SECRET = "app secret"
WHSEC = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
KINDS = sorted(SOURCES)


def mac(message: bytes, secret: str = SECRET) -> hmac.HMAC:
    return hmac.new(secret.encode(), message, hashlib.sha256)


def b64(message: bytes) -> str:
    return base64.b64encode(mac(message).digest()).decode()


def signed_headers(
    kind: str, now, *, body: bytes = BODY, url: str = "https://example.com/hooks/site"
) -> dict[str, str]:
    seconds, milliseconds = str(int(now.timestamp())), str(int(now.timestamp() * 1000))
    if kind == "typeform":
        return {"typeform-signature": "sha256=" + b64(body)}
    if kind == "tally":
        return {"tally-signature": b64(body)}
    if kind in {"meta", "whatsapp"}:
        return {"x-hub-signature-256": "sha256=" + mac(body).hexdigest()}
    if kind == "webflow":
        signature = mac(milliseconds.encode() + b":" + body).hexdigest()
        return {"x-webflow-timestamp": milliseconds, "x-webflow-signature": signature}
    if kind == "hubspot":
        signature = b64(b"POST" + url.encode() + body + milliseconds.encode())
        return {"x-hubspot-request-timestamp": milliseconds, "x-hubspot-signature-v3": signature}
    signature = standardwebhooks.Webhook(WHSEC).sign("msg_1", now, body.decode())
    prefix = "svix" if kind == "googleforms" else "webhook"
    return {f"{prefix}-id": "msg_1", f"{prefix}-timestamp": seconds, f"{prefix}-signature": signature}


SIGNING = ["typeform", "tally", "meta", "whatsapp", "webflow", "hubspot", "standardwebhooks", "googleforms"]
TIMED = ["webflow", "hubspot", "standardwebhooks", "googleforms"]


def secret_of(kind: str) -> str:
    return WHSEC if kind in {"standardwebhooks", "googleforms"} else SECRET


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "proof",
    [
        {"headers": {"authorization": "Bearer open sesame"}},
        {"headers": {"authorization": "bEaReR  open sesame "}},
        {"path_secret": "open sesame"},
    ],
)
def test_every_kind_takes_its_secret_as_bearer_or_in_the_path(kind, proof, request_of, settings, now) -> None:
    get_source(kind).verify(request_of(BODY, **proof), settings(kind, "open sesame"), now)


def test_a_bearer_secret_in_utf8_is_taken_as_servers_hand_it_over(request_of, settings, now) -> None:
    header = b"Bearer s\xc3\xa9gredo".decode("latin-1")
    get_source("generic").verify(request_of(headers={"authorization": header}), settings(secret="ségredo"), now)
    get_source("generic").verify(request_of(path_secret="ségredo"), settings(secret="ségredo"), now)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "proof",
    [
        {},
        {"headers": {"authorization": "Bearer wrong"}},
        {"headers": {"authorization": "Basic correct"}},
        {"headers": {"authorization": "correct"}},
        {"headers": {"authorization": ""}},
        {"path_secret": "Correct"},
        {"path_secret": "correct "},
        {"path_secret": "\ud800"},
        {"headers": {"authorization": "Bearer \ud800"}},
        {"query": {"secret": "correct"}},
    ],
)
def test_without_its_secret_no_kind_lets_a_request_in(kind, proof, request_of, settings, now) -> None:
    with pytest.raises(Unauthorized):
        get_source(kind).verify(request_of(BODY, **proof), settings(kind, "correct"), now)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("secret", ["", "  "])
def test_a_source_without_a_secret_lets_nobody_in_and_says_so(kind, secret, request_of, settings, now) -> None:
    sent = request_of(BODY, headers={"authorization": f"Bearer {secret}"}, path_secret=secret)
    with pytest.raises(Unauthorized, match="has no secret"):
        get_source(kind).verify(sent, settings(kind, secret), now)


@pytest.mark.parametrize("kind", SIGNING)
def test_a_right_signature_is_taken(kind, request_of, settings, now) -> None:
    sent = request_of(BODY, headers=signed_headers(kind, now))
    get_source(kind).verify(sent, settings(kind, secret_of(kind)), now)


@pytest.mark.parametrize("kind", SIGNING)
def test_a_signature_over_another_body_or_by_another_secret_is_refused(kind, request_of, settings, now) -> None:
    headers = signed_headers(kind, now)
    source = get_source(kind)
    with pytest.raises(Unauthorized):
        source.verify(request_of(BODY + b" ", headers=headers), settings(kind, secret_of(kind)), now)
    other = "whsec_" + base64.b64encode(b"another key").decode()
    with pytest.raises(Unauthorized):
        source.verify(request_of(BODY, headers=headers), settings(kind, other), now)


@pytest.mark.parametrize("kind", SIGNING)
def test_each_header_of_a_signature_is_needed(kind, request_of, settings, now) -> None:
    headers = signed_headers(kind, now)
    for missing in headers:
        some = {name: value for name, value in headers.items() if name != missing}
        with pytest.raises(Unauthorized):
            get_source(kind).verify(request_of(BODY, headers=some), settings(kind, secret_of(kind)), now)


@pytest.mark.parametrize("kind", TIMED)
@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_signature_outside_its_window_is_refused(kind, seconds, request_of, settings, now) -> None:
    headers = signed_headers(kind, now)
    later = now + timedelta(seconds=seconds)
    with pytest.raises(Unauthorized, match="300 seconds"):
        get_source(kind).verify(request_of(BODY, headers=headers), settings(kind, secret_of(kind)), later)
    just_within = now + timedelta(seconds=seconds - (1 if seconds > 0 else -1))
    get_source(kind).verify(request_of(BODY, headers=headers), settings(kind, secret_of(kind)), just_within)


@pytest.mark.parametrize("kind", TIMED)
@pytest.mark.parametrize("stamp", ["", "x", "-5", "1e9", "1.5", "٣" * 10, "9" * 400, "nan"])
def test_a_timestamp_that_is_no_number_is_refused(kind, stamp, request_of, settings, now) -> None:
    headers = {name: stamp if "timestamp" in name else value for name, value in signed_headers(kind, now).items()}
    with pytest.raises(Unauthorized):
        get_source(kind).verify(request_of(BODY, headers=headers), settings(kind, secret_of(kind)), now)


def test_a_list_of_signatures_needs_one_that_is_right(request_of, settings, now) -> None:
    headers = signed_headers("standardwebhooks", now)
    right = headers["webhook-signature"]
    for listed, taken in [(f"v1,AAAA {right}", True), (f"v1a,xx v2,yy {right} ,", True), ("v1,AAAA v1,", False)]:
        sent = request_of(BODY, headers={**headers, "webhook-signature": listed})
        if taken:
            get_source("standardwebhooks").verify(sent, settings("standardwebhooks", WHSEC), now)
        else:
            with pytest.raises(Unauthorized):
                get_source("standardwebhooks").verify(sent, settings("standardwebhooks", WHSEC), now)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_====", "not base64 é", "whsec_*", "whsec_abcd!efgh"])
def test_a_standard_webhooks_secret_that_is_no_key_signs_nothing(secret, request_of, settings, now) -> None:
    signature = base64.b64encode(hmac.new(b"", b"msg_1.%d." % now.timestamp() + BODY, hashlib.sha256).digest())
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": "v1," + signature.decode(),
    }
    with pytest.raises(Unauthorized, match="whsec_"):
        get_source("standardwebhooks").verify(request_of(BODY, headers=headers), settings(secret=secret), now)


def test_a_request_without_any_signature_is_told_what_is_wanted(request_of, settings, now) -> None:
    with pytest.raises(Unauthorized, match="no webhook-id, webhook-timestamp and webhook-signature"):
        get_source("standardwebhooks").verify(request_of(), settings(secret=WHSEC), now)
    with pytest.raises(Unauthorized, match="no tally-signature"):
        get_source("tally").verify(request_of(), settings(), now)


def test_hubspot_signs_the_address_it_called_and_a_configured_one_stands_in(request_of, settings, now) -> None:
    public = "https://public.example.com/hooks/site?x=1"
    headers = signed_headers("hubspot", now, url=public)
    source = get_source("hubspot")
    source.verify(request_of(BODY, headers=headers, url=public), settings("hubspot", SECRET), now)
    inside = request_of(BODY, headers=headers, url="http://10.0.0.5/hooks/site")
    source.verify(inside, settings("hubspot", SECRET, public_url=public), now)
    with pytest.raises(Unauthorized):
        source.verify(inside, settings("hubspot", SECRET), now)


@pytest.mark.parametrize("kind", ["meta", "whatsapp"])
def test_the_handshake_echoes_the_challenge_for_the_right_token_only(kind, request_of, settings) -> None:
    source = get_source(kind)
    asked = {"hub.mode": "subscribe", "hub.verify_token": "tókén", "hub.challenge": "1158201444"}
    assert source.handshake(request_of(query=asked), settings(kind, verify_token="tókén")) == "1158201444"
    for query, options in [
        ({**asked, "hub.verify_token": "wrong"}, {"verify_token": "tókén"}),
        ({**asked, "hub.mode": "unsubscribe"}, {"verify_token": "tókén"}),
        ({}, {"verify_token": "tókén"}),
        ({**asked, "hub.verify_token": ""}, {"verify_token": ""}),
        (asked, {}),
    ]:
        with pytest.raises(Unauthorized):
            source.handshake(request_of(query=query), settings(kind, **options))


anything = st.text(st.characters(exclude_categories=()), max_size=40) | st.text(alphabet=string.printable, max_size=40)


@pytest.mark.parametrize("kind", KINDS)
@given(values=st.lists(anything, min_size=10, max_size=10), body=st.binary(max_size=60), path_secret=anything)
@hypothesis_settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_stranger_sends_the_refusal_is_unauthorized(
    kind, values, body, path_secret, request_of, settings, now
) -> None:
    names = [
        "authorization", "typeform-signature", "tally-signature", "x-hub-signature-256", "x-webflow-signature",
        "x-hubspot-signature-v3", "webhook-id", "webhook-signature", "svix-id", "content-type",
    ]  # fmt: skip
    headers = dict(zip(names, values, strict=True))
    stamp = str(int(now.timestamp()))
    headers |= {
        "webhook-timestamp": stamp,
        "x-webflow-timestamp": stamp + "000",
        "x-hubspot-request-timestamp": stamp + "000",
    }
    sent = request_of(body, headers=headers, path_secret=path_secret, url=values[0])
    with pytest.raises(Unauthorized):
        get_source(kind).verify(sent, settings(kind, "correct horse battery staple" * 2, subdomain="acme"), now)
