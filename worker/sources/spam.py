"""What tells a robot's form from a person's, at no cost to the person: a field that people do not see, a captcha.

Each says that a delivery is suspicious; nobody is refused for it. The reason codes are those of held submissions.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import httpx

from worker.config import SourceSection
from worker.errors import TransientError, Unparsable
from worker.ports import Delivery
from worker.sources.bodies import decode_delivery
from worker.sources.jsondata import load_json
from worker.sources.reasons import PROVIDER_FAILED, PROVIDER_REFUSES, PROVIDER_UNREACHABLE
from worker.sources.trees import Tree, object_at, text_at, texts_of

HONEYPOT: Final = "honeypot"
"""A field that people do not see is filled in."""
TOO_MANY: Final = "too_many"
"""More came from one address than the source's `rate` allows."""
CAPTCHA_FAILED: Final = "captcha_failed"
"""The captcha is missing, was not solved, or was used before."""
CAPTCHA_UNANSWERED: Final = "captcha_unanswered"
"""The captcha's service did not answer for as long as its tokens are good."""

MEND: Final = "if this is a person: portaria submissions release ID; if not: portaria submissions reject ID"

KNOWN_HONEYPOTS: Final = frozenset(
    {
        "_gotcha", "_honey", "_honeypot", "honeypot", "honey_pot", "bot-field", "bot_field", "ak_hp_textarea",
        "hp_field", "hpfield", "honeypot_field", "form-field-honeypot", "wpcf7-honeypot",
    }
)  # fmt: skip
"""Names that form services and plugins give such a field: Formspree, FormSubmit, Basin, Netlify, Akismet, ..."""
_TOKENS: Final = {
    "turnstile": ("cf-turnstile-response",),
    "hcaptcha": ("h-captcha-response",),
    "recaptcha": ("g-recaptcha-response", "recaptcha_response", "g-recaptcha"),
}
_SERVICES: Final = {
    "turnstile": "https://challenges.cloudflare.com/turnstile/v0/siteverify",
    "hcaptcha": "https://api.hcaptcha.com/siteverify",
    "recaptcha": "https://www.google.com/recaptcha/api/siteverify",
}
TOKEN_LIFE: Final = timedelta(minutes=5)
"""For how long a token can be good: two minutes (hCaptcha, reCAPTCHA) to five (Turnstile)."""
_TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
_OURS: Final = frozenset({"missing-input-secret", "invalid-input-secret", "sitekey-secret-mismatch", "invalid-keys"})
"""Error codes that say our secret is wrong, which is not the visitor's fault."""


def honeypot_of(delivery: Delivery, own: str = "") -> str:
    """The name of a honeypot that is filled in: one of the known names, or `own`, the source's; else empty."""
    names = {*KNOWN_HONEYPOTS, own.lower()} - {""}
    body = delivery.body.lower()
    # Most bodies hold none of the names, and need not be read twice. Own names may be written in escapes.
    if not own and not any(name.encode() in body for name in names):
        return ""
    return next((name for name, value in _fields(delivery) if name.lower() in names and texts_of(value)), "")


def captcha_token(delivery: Delivery, kind: str) -> str:
    """The token that the visitor's browser got from the captcha; empty where there is none."""
    names = _TOKENS[kind]
    return next((texts[0] for name, value in _fields(delivery) if name in names and (texts := texts_of(value))), "")


def captcha_complaint(section: SourceSection, delivery: Delivery, now: datetime) -> tuple[str, str]:
    """(reason code, detail) where the delivery's captcha does not show a person; empty ones where it does.

    Asks the service (`siteverify`, the same with all three). Raises `TransientError` to be asked again.
    """
    token = captcha_token(delivery, section.captcha)
    if not token:
        return CAPTCHA_FAILED, f"the form brought no {section.captcha} token; {MEND}"
    try:
        said = _asked(section, token, delivery.id)
    except TransientError as problem:
        if now - delivery.received_at < TOKEN_LIFE:
            raise
        return CAPTCHA_UNANSWERED, f"{problem}; {MEND}"
    if text_at(said, "success") != "true":
        return CAPTCHA_FAILED, f"{section.captcha} says that it was not solved, or was used before; {MEND}"
    score = text_at(said, "score")  # reCAPTCHA v3 and hCaptcha Enterprise; each its own way round
    if section.captcha == "recaptcha" and score and float(score) < section.captcha_score:
        return CAPTCHA_FAILED, f"recaptcha's score of it is under {section.captcha_score}; {MEND}"
    return "", ""


def _asked(section: SourceSection, token: str, delivery_id: str) -> dict[str, Tree]:
    form = {"secret": section.captcha_secret, "response": token}
    if section.captcha == "turnstile":  # so that asking again is no second use of the token
        form["idempotency_key"] = str(uuid.uuid5(uuid.NAMESPACE_URL, delivery_id))
    try:
        answer = httpx.post(section.captcha_url or _SERVICES[section.captcha], data=form, timeout=_TIMEOUT)
    except (httpx.TransportError, httpx.InvalidURL) as problem:
        what = f"{section.captcha} does not answer ({type(problem).__name__})"
        raise TransientError(what, code=PROVIDER_UNREACHABLE) from None
    try:
        said = object_at(load_json(answer.content))
    except Unparsable:
        said = {}
    if set(texts_of(said.get("error-codes"))) & _OURS:
        raise TransientError(f"{section.captcha} does not know captcha_secret: mend it", code=PROVIDER_REFUSES)
    if "success" not in said:
        raise TransientError(f"{section.captcha} answered {answer.status_code}", code=PROVIDER_FAILED)
    return said


def _fields(delivery: Delivery) -> Iterator[tuple[str, Tree]]:
    """Every named value in the body, at any depth; a form's list of `{"name": ..., "value": ...}` too."""
    try:
        level: list[Tree] = [decode_delivery(delivery)]
    except Unparsable:
        return
    while level:
        below: list[Tree] = []
        for node in level:
            if isinstance(node, dict):
                for label in ("name", "id", "key"):
                    if "value" in node and isinstance(named := node.get(label), str):
                        yield named, node["value"]
                yield from node.items()
                below += node.values()
            elif isinstance(node, list):
                below += node
        level = below
