"""Every guard around the public web. None of these tests has an allowance: what is checked lies between `resolve` and
`dial`, and the server on loopback is reached only where the checks let a public address through."""

from __future__ import annotations

import gzip
import socket
import time
from typing import Any

import pytest

from worker.enrichment.public_addresses import is_public
from worker.enrichment.public_web import MOST_REDIRECTS, PublicWeb, resolve_by_dns
from worker.errors import PermanentError, PortariaError, TransientError

SITE = "empresa.example.com"
PUBLIC = "93.184.215.14"


@pytest.fixture
def web(web_server: Any) -> PublicWeb:
    return PublicWeb(timeout=5, most_bytes=100_000, resolve=web_server.resolve, dial=web_server.dial)


def get(web: PublicWeb, url: str = f"http://{SITE}/") -> Any:
    return web.get(url, web.deadline())


def code_of(web: PublicWeb, url: str = f"http://{SITE}/") -> str:
    with pytest.raises(PortariaError) as problem:
        get(web, url)
    assert SITE not in str(problem.value)
    return problem.value.code


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1",
        "169.254.169.254", "100.64.0.1", "100.100.100.200", "100.127.255.255", "192.0.0.192", "192.0.2.1", "198.18.0.1",
        "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16", "192.88.99.1",
        "::", "::1", "fe80::1", "fe80::1%eth0", "2606:4700::1111%eth0", "fc00::1",
        "fd00:ec2::254", "ff02::1", "2001:db8::1", "fec0::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "2002:7f00:1::", "2002:a00:1::",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001:0:53aa:64c:0:0:0:0", "100::1",
        "", "localhost", "1.2.3", "0x7f000001", "2130706433", "127.1", "８.8.8.8",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", [PUBLIC, "8.8.8.8", "200.160.2.3", "2606:4700::1111", "2001:12ff:0:2::3", "::ffff:8.8.8.8", "172.32.0.1"]
)
def test_addresses_that_are(address: str) -> None:
    assert is_public(address)


def test_a_public_page_is_read(web: PublicWeb, web_server: Any) -> None:
    web_server.answers[SITE, "/"] = web_server.page("<h1>olá</h1>")
    page = get(web)
    assert (page.status, page.body.decode()) == (200, "<h1>olá</h1>")
    assert web_server.dialed == [(PUBLIC, 80)]


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["::ffff:10.0.0.1"], [PUBLIC, "127.0.0.1"]]
)
def test_a_name_of_a_private_address_is_never_dialed(web: PublicWeb, web_server: Any, addresses: list[str]) -> None:
    web_server.names[SITE] = addresses
    assert code_of(web) == "not_public"
    assert web_server.dialed == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest/meta-data/", f"http://{SITE}:8080/",
        f"https://{SITE}:22/", "file:///etc/passwd", "gopher://example.com/", f"http://ana:segredo@{SITE}/", "http:///",
        "//empresa.example.com/", "", "http://" + "a" * 3000,
    ],
)  # fmt: skip
def test_addresses_that_are_no_public_page(web: PublicWeb, web_server: Any, url: str) -> None:
    with pytest.raises(PortariaError):
        get(web, url)
    assert web_server.dialed == []


def test_numbers_in_disguise_are_names_that_nobody_has() -> None:
    for host in ("2130706433", "0x7f000001", "0177.0.0.1"):
        assert not [one for one in _resolved(host) if is_public(one)]


def _resolved(host: str) -> list[str]:
    try:
        return list(resolve_by_dns(host, 0.2))
    except TransientError:
        return []


def test_a_name_that_answers_differently_the_second_time_gains_nothing(web_server: Any) -> None:
    told: list[str] = []

    def rebinding(host: str, seconds: float) -> list[str]:
        told.append(host)
        return [PUBLIC] if len(told) == 1 else ["127.0.0.1"]

    web_server.answers[SITE, "/"] = web_server.page("safe")
    web = PublicWeb(timeout=5, resolve=rebinding, dial=web_server.dial)
    assert get(web).body == b"safe"
    assert told == [SITE]  # once, and what was checked is what was dialed
    assert web_server.dialed == [(PUBLIC, 80)]


@pytest.mark.parametrize(
    "to", ["http://10.0.0.7/", "http://interno.example.com/", "http://127.0.0.1:6379/", "file:///"]
)
def test_each_redirect_is_checked_again(web: PublicWeb, web_server: Any, to: str) -> None:
    web_server.names["interno.example.com"] = ["192.168.0.7"]
    web_server.answers[SITE, "/"] = web_server.redirect(to)
    assert code_of(web) == "not_public"
    assert web_server.dialed == [(PUBLIC, 80)]


def test_redirects_end(web: PublicWeb, web_server: Any) -> None:
    web_server.answers[SITE, "/"] = web_server.redirect("/")
    assert code_of(web) == "too_much"
    assert len(web_server.asked) == MOST_REDIRECTS + 1


def test_a_redirect_elsewhere_asks_for_leave(web: PublicWeb, web_server: Any) -> None:
    web_server.answers[SITE, "/"] = web_server.redirect("http://www.example.com/x")
    asked: list[str] = []

    def permit(origin: str) -> None:
        asked.append(origin)
        raise PermanentError("no", code="no_robots")

    with pytest.raises(PermanentError, match="no"):
        web.get(f"http://{SITE}/", web.deadline(), permit=permit)
    assert asked == ["http://www.example.com"]
    assert web_server.asked == [(SITE, "/")]


def test_an_endless_page_is_cut(web: PublicWeb, web_server: Any) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    web_server.answers[SITE, "/"] = endless
    assert len(get(web).body) == 100_000


def test_what_unpacks_to_too_much_is_cut(web: PublicWeb, web_server: Any) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    web_server.answers[SITE, "/"] = head + bomb
    assert len(bomb) < 100_000
    assert len(get(web).body) == 100_000


def test_packed_pages_are_unpacked_and_strange_packing_is_refused(web: PublicWeb, web_server: Any) -> None:
    packed = gzip.compress(b"<p>oi</p>")
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    web_server.answers[SITE, "/"] = head + packed
    assert get(web).body == b"<p>oi</p>"
    web_server.answers[SITE, "/"] = head + b"x" * len(packed)
    assert code_of(web) == "too_much"
    web_server.answers[SITE, "/"] = b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx"
    assert code_of(web) == "too_much"


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_page_that_drips_runs_out_of_time(web_server: Any, part: str) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        if part == "body":
            connection.sendall(b"Content-Type: text/html\r\n\r\n")
        while True:
            connection.sendall(b"x" if part == "body" else b"X-Slow: 1\r\n")
            time.sleep(0.02)  # the server's own slowness, not a wait of the test

    web_server.answers[SITE, "/"] = drip
    web = PublicWeb(timeout=0.4, resolve=web_server.resolve, dial=web_server.dial)
    started = time.monotonic()
    assert code_of(web) == "unreachable"
    assert time.monotonic() - started < 3


def test_headers_without_end_are_refused(web: PublicWeb, web_server: Any) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-More: " + b"x" * 8000 + b"\r\n")

    web_server.answers[SITE, "/"] = endless
    assert code_of(web) == "unreachable"


def test_a_server_that_is_away_may_be_back(web: PublicWeb, web_server: Any) -> None:
    assert code_of(web, f"https://{SITE}/") == "unreachable"
    web_server.names[SITE] = []
    assert code_of(web) == "no_such_host"


def test_nothing_of_ours_goes_along(web: PublicWeb, web_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:

    def look(connection: socket.socket) -> None:
        connection.sendall(web_server.page("x", headers={"Set-Cookie": "a=b"}))

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    web_server.answers[SITE, "/"] = look
    for _ in range(2):
        assert get(web).status == 200
    assert web_server.dialed == [(PUBLIC, 80)] * 2
