"""What DNS says of a mail domain, asked of a real name server on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from worker.enrichment.mail_exchange import MailExchangeFacts
from worker.errors import TransientError

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ZONE = {
    ("with-mx.example.", "MX"): "10 mail.with-mx.example.",
    ("hosted.example.", "MX"): "5 alt1.aspmx.l.google.com.",
    ("small.example.", "MX"): "10 mx.provedor.com.br.",
    ("null-mx.example.", "MX"): "0 .",
    ("null-mx.example.", "A"): "192.0.2.1",
    ("only-a.example.", "A"): "192.0.2.1",
    ("only-aaaa.example.", "AAAA"): "2001:db8::1",
}


def _answer(query: dns.message.Message) -> dns.message.Message:
    response = dns.message.make_response(query)
    response.flags |= dns.flags.RA
    question = query.question[0]
    name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
    if name == "broken.example.":
        response.set_rcode(dns.rcode.SERVFAIL)
    elif (name, kind) in ZONE:
        response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, ZONE[name, kind]))
    elif name not in {known for known, _ in ZONE}:
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response


@pytest.fixture(scope="module")
def facts() -> Iterator[MailExchangeFacts]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                packet, sender = server.recvfrom(4096)
                if packet == b"end":
                    return
                server.sendto(_answer(dns.message.from_wire(packet)).to_wire(), sender)

        thread = threading.Thread(target=serve)
        thread.start()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = server.getsockname()[1]
        yield MailExchangeFacts(resolver)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"end", server.getsockname())
        thread.join(5)


@pytest.mark.parametrize(
    ("domain", "takes"),
    [
        ("with-mx.example", "yes"),
        ("only-a.example", "yes"),
        ("only-aaaa.example", "yes"),
        ("null-mx.example", "no"),
        ("nobody.example", "no"),
        ("a..b", "no"),
    ],
)
def test_what_dns_says(facts: MailExchangeFacts, domain: str, takes: str) -> None:
    found = {fact.field: fact.value for fact in facts.ask(domain, NOW)}
    assert found["takes_mail"] == takes


@pytest.mark.parametrize(
    ("domain", "provider"), [("hosted.example", "google"), ("small.example", "provedor.com.br"), ("only-a.example", "")]
)
def test_who_runs_the_mailboxes(facts: MailExchangeFacts, domain: str, provider: str) -> None:
    found = {fact.field: fact.value for fact in facts.ask(domain, NOW)}
    assert found.get("mail_provider", "") == provider


def test_a_name_server_that_fails_says_nothing(facts: MailExchangeFacts) -> None:
    with pytest.raises(TransientError):
        facts.ask("broken.example", NOW)
