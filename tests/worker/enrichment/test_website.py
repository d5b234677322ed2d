"""A company's website as a source of facts: a real page over loopback, and servers that misbehave."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.models import Contact
from worker.enrichment.public_web import PublicWeb
from worker.enrichment.webpage import LONGEST, read_webpage
from worker.enrichment.website import WebsiteFacts
from worker.errors import TransientError

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SITE = "papelaria.example.com"

PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>Papelaria Invenção — papel & tinta</title>
<meta name="description" content="Papel, tinta e encadernação em Campinas desde 1987.">
<meta property="og:site_name" content="Papelaria Invenção Loja">
<script type="application/ld+json">{"@context": "https://schema.org", "@graph": [
  {"@type": "WebSite", "name": "Site"},
  {"@type": ["LocalBusiness", "Store"], "name": "Papelaria Invenção", "legalName": "Invenção Papéis Ltda",
   "numberOfEmployees": {"@type": "QuantitativeValue", "minValue": 11, "maxValue": 50},
   "address": {"@type": "PostalAddress", "addressLocality": "Campinas", "addressRegion": "SP"},
   "sameAs": ["https://www.linkedin.com/company/papelaria-invencao/", "https://example.com/nothing"]}]}</script>
</head><body><a href="https://www.instagram.com/papelariainvencao/">i</a>
<a href="https://www.facebook.com/sharer/sharer.php?u=x">share</a><a href="javascript:alert(1)">x</a>
<footer>Invenção Papéis Ltda · CNPJ 11.222.333/0001-81</footer></body></html>"""


@pytest.fixture
def site(web_server: Any) -> WebsiteFacts:
    return WebsiteFacts(web=PublicWeb(timeout=5, resolve=web_server.resolve, dial=web_server.dial))


def found(site: WebsiteFacts) -> dict[str, str]:
    facts = site.ask(SITE, NOW)
    assert {fact.field for fact in facts} <= set(site.fields)
    return {fact.field: fact.value for fact in facts}


def test_what_a_page_says_of_its_company(site: WebsiteFacts, web_server: Any) -> None:
    web_server.answers[SITE, "/"] = web_server.page(PAGE)
    assert found(site) == {
        "company": "Papelaria Invenção",
        "company_legal_name": "Invenção Papéis Ltda",
        "company_size": "11-50",
        "city": "Campinas",
        "region": "SP",
        "social_linkedin": "https://linkedin.com/company/papelaria-invencao",
        "social_instagram": "https://instagram.com/papelariainvencao",
        "company_description": "Papel, tinta e encadernação em Campinas desde 1987.",
        "website_title": "Papelaria Invenção — papel & tinta",
        "company_cnpj": "11222333000181",
    }


def test_robots_are_respected(site: WebsiteFacts, web_server: Any) -> None:
    web_server.answers[SITE, "/"] = web_server.page(PAGE)
    web_server.answers[SITE, "/robots.txt"] = web_server.text("User-agent: *\nDisallow: /\n")
    assert found(site) == {}
    assert (SITE, "/") not in web_server.asked
    web_server.answers[SITE, "/robots.txt"] = web_server.text(
        "User-agent: *\nDisallow: /\n\nUser-agent: portaria\nAllow: /\nDisallow: /admin\n"
    )
    assert found(site)["company"] == "Papelaria Invenção"


def test_robots_of_where_a_redirect_leads_count_too(site: WebsiteFacts, web_server: Any) -> None:
    web_server.answers[SITE, "/"] = web_server.redirect("http://outra.example.com/")
    web_server.answers["outra.example.com", "/"] = web_server.page(PAGE)
    web_server.answers["outra.example.com", "/robots.txt"] = web_server.text("User-agent: *\nDisallow: /")
    assert found(site) == {}
    assert ("outra.example.com", "/") not in web_server.asked


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden", "200 OK"])
def test_a_site_without_a_readable_page_says_nothing(site: WebsiteFacts, web_server: Any, status: str) -> None:
    web_server.answers[SITE, "/"] = f"HTTP/1.1 {status}\r\nContent-Type: application/pdf\r\n\r\n%PDF".encode()
    assert found(site) == {}


@pytest.mark.parametrize("path", ["/", "/robots.txt"])
def test_a_site_that_fails_is_asked_again_later(site: WebsiteFacts, web_server: Any, path: str) -> None:
    web_server.answers[SITE, "/"] = web_server.page(PAGE)
    web_server.answers[SITE, path] = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(TransientError):
        site.ask(SITE, NOW)


def test_a_domain_that_nobody_has_is_a_known_nothing(site: WebsiteFacts, web_server: Any) -> None:
    web_server.names = {SITE: [], f"www.{SITE}": []}
    assert found(site) == {}


def test_a_domain_that_leads_into_the_house_is_a_known_nothing(site: WebsiteFacts, web_server: Any) -> None:
    web_server.names = {SITE: ["10.0.0.1"]}
    assert found(site) == {}
    assert web_server.dialed == []


@pytest.mark.parametrize(
    ("told", "key"),
    [
        ({"website": "https://www.papelaria.com.br/contato?x=1"}, "papelaria.com.br"),
        ({"website": "papelaria.com.br:8080/x"}, "papelaria.com.br"),
        ({"mail": "ana@mail.papelaria.com.br"}, "papelaria.com.br"),
        ({"mail": "contato@papelaria.com.br"}, "papelaria.com.br"),
        ({"mail": "ana@gmail.com"}, ""),
        ({"mail": "x@mailinator.com"}, ""),
        ({"website": "http://127.0.0.1/"}, ""),
        ({"website": "localhost"}, ""),
        ({}, ""),
    ],
)
def test_the_domain_that_is_looked_at(site: WebsiteFacts, told: dict[str, str], key: str) -> None:
    from pipelines.emails import parse_email

    mail = parse_email(told.get("mail", ""))
    contact = Contact(website=told.get("website", ""), emails=(mail,) if mail else ())
    assert site.key(contact) == key


@pytest.mark.parametrize(
    ("html", "field", "value"),
    [
        ('<script type="application/ld+json">{"@type":"Organization","name":["a"]}</script>', "company", None),
        ('<meta property="og:site_name" content="A&#x202e;&#7;B">', "company", "AB"),
        ('<script type="application/ld+json">{"@type":"Person","name":"Ana"}</script>', "company", None),
        ('<script type="application/ld+json">{broken</script><title>x</title>', "website_title", "x"),
        ('<script type="application/ld+json">' + "[" * 100_000 + "</script><title>x</title>", "website_title", "x"),
        (f'<meta name="description" content="{"x" * 5000}">', "company_description", "x" * LONGEST),
        ("<title><script>alert(1)</script></title>", "website_title", "<script>alert(1)</script>"),
        ("<footer>CNPJ 11.222.333/0001-82</footer>", "company_cnpj", None),
        ('<a href="http://[::1">x</a><a href="https://linkedin.com/">y</a>', "social_linkedin", None),
    ],
)  # fmt: skip
def test_odd_pages(html: str, field: str, value: str | None) -> None:
    assert {name: text for name, text, _ in read_webpage(html)}.get(field) == value


@given(st.one_of(st.text(max_size=500), st.text(alphabet="<>/=\"'{}[]:, scriptld+json@type", max_size=500)))
def test_whatever_the_page_it_is_only_text(html: str) -> None:
    for field, value, confidence in read_webpage(html):
        assert field
        assert 0 < len(value) <= LONGEST
        assert value.isprintable()
        assert 0 < confidence <= 1
