"""What a company's page says of the company: its title and description, its JSON-LD Organization (schema.org), its
profiles in social networks, its CNPJ. All of it is text of strangers: cut, without control characters, never run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser

from pipelines.documents import parse_document
from pipelines.models import DocumentKind
from pipelines.text import tidy_line

LONGEST: Final = 300
"""Characters of one finding that are kept."""

_SOCIAL: Final = {
    "linkedin.com": "linkedin", "instagram.com": "instagram", "facebook.com": "facebook", "youtube.com": "youtube",
    "x.com": "x", "twitter.com": "x", "tiktok.com": "tiktok",
}  # fmt: skip
_NO_PROFILE: Final = re.compile(r"^/?(?:$|sharer|share|intent|hashtag|watch|embed|p/|login|home|policies|legal)", re.I)
_ORGANIZATIONS: Final = re.compile(r"(?:Organization|Corporation|Business|Store|NGO|Airline|Company|Consortium)$")
_CNPJ: Final = re.compile(r"\b\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}\b")
_MOST_BLOCKS: Final = 20
_MOST_LINKS: Final = 2000
_DEEPEST: Final = 5

Finding = tuple[str, str, float]
"""Field, value, confidence."""


def read_webpage(html: str) -> list[Finding]:
    """The findings, the first of each field counting; empty for a page that says nothing. Never raises."""
    tree = LexborHTMLParser(html)
    found: dict[str, Finding] = {}
    for field, value, confidence in (*_organization(tree), *_head(tree), *_profiles(tree), *_documents(tree)):
        value = tidy_line(value)[:LONGEST].strip()
        if value:
            found.setdefault(field, (field, value, confidence))
    return list(found.values())


def _organization(tree: LexborHTMLParser) -> Iterator[Finding]:
    for script in islice(tree.css('script[type="application/ld+json"]'), _MOST_BLOCKS):
        try:
            data = json.loads(script.text(strip=True) or "null")
        except (ValueError, RecursionError):
            continue
        for thing in islice(_things(data, _DEEPEST), _MOST_BLOCKS):
            yield from _about(thing)


def _things(data: Any, deep: int) -> Iterator[dict[str, Any]]:
    """The organizations in a JSON-LD block, in lists and graphs too."""
    if deep == 0:
        return
    if isinstance(data, list):
        for each in data[:_MOST_BLOCKS]:
            yield from _things(each, deep - 1)
    elif isinstance(data, dict):
        kinds = data.get("@type")
        if any(isinstance(kind, str) and _ORGANIZATIONS.search(kind) for kind in _several(kinds)):
            yield data
        for inside in ("@graph", "publisher", "mainEntity"):
            yield from _things(data.get(inside), deep - 1)


def _about(thing: dict[str, Any]) -> Iterator[Finding]:
    for key, field, confidence in (
        ("name", "company", 0.9),
        ("legalName", "company_legal_name", 0.8),
        ("description", "company_description", 0.9),
        ("telephone", "company_phone", 0.8),
        ("email", "company_email", 0.8),
        ("foundingDate", "company_founded", 0.7),
    ):
        yield field, _text(thing.get(key)), confidence
    people = thing.get("numberOfEmployees")
    if isinstance(people, dict):
        low, high = _text(people.get("minValue")), _text(people.get("maxValue"))
        people = people.get("value") or (f"{low}-{high}" if low and high else low or high)
    yield "company_size", _text(people), 0.7
    for address in islice(_several(thing.get("address")), 1):
        if isinstance(address, dict):
            # A company's seat, not where the person is: sure enough for a score, too unsure to fill an address.
            yield "city", _text(address.get("addressLocality")), 0.6
            yield "region", _text(address.get("addressRegion")), 0.6
    for link in _several(thing.get("sameAs"))[:_MOST_BLOCKS]:
        yield from _profile(_text(link))


def _head(tree: LexborHTMLParser) -> Iterator[Finding]:
    yield "company", _meta(tree, 'meta[property="og:site_name"]'), 0.6
    yield "company_description", _meta(tree, 'meta[name="description"]'), 0.8
    yield "company_description", _meta(tree, 'meta[property="og:description"]'), 0.7
    title = tree.css_first("title")
    yield "website_title", title.text(strip=True) if title else "", 0.9


def _meta(tree: LexborHTMLParser, selector: str) -> str:
    node = tree.css_first(selector)
    return _text(node.attributes.get("content")) if node else ""


def _profiles(tree: LexborHTMLParser) -> Iterator[Finding]:
    for link in islice(tree.css("a[href]"), _MOST_LINKS):
        yield from _profile(link.attributes.get("href") or "")


def _profile(address: str) -> Iterator[Finding]:
    try:
        parts = urlsplit(address[:500])
    except ValueError:
        return
    host = (parts.hostname or "").removeprefix("www.").removeprefix("br.").removeprefix("m.")
    network = _SOCIAL.get(host)
    if network and parts.scheme in {"http", "https"} and not _NO_PROFILE.match(parts.path):
        yield f"social_{network}", f"https://{host}{parts.path.rstrip('/')}", 0.8


def _documents(tree: LexborHTMLParser) -> Iterator[Finding]:
    """A Brazilian shop has to name its CNPJ on its pages (Decreto 7.962/2013)."""
    body = tree.body.text(separator=" ") if tree.body else ""
    for match in islice(_CNPJ.finditer(body), 5):
        document = parse_document(match.group())
        if document and document.valid and document.kind is DocumentKind.CNPJ:
            yield "company_cnpj", document.number, 0.8
            return


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return str(value)[: LONGEST * 4] if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
