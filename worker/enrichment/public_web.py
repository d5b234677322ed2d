"""Fetching pages of the public web that strangers name, without being led anywhere else.

Whoever fills in a form chooses which website is looked at, so it may be made to point into our own network. What holds:

- a name is resolved once, every address it has must be public, and the connection goes to one of these addresses; a
  name that answers differently the next time changes nothing (no DNS rebinding). TLS still checks the name;
- http and https at their usual ports, no user or password in the address, no proxy, no cookies;
- redirects are followed a few times, and each goes through all of this again;
- time, bytes, headers and what compressed bytes unpack to are bounded, however slowly or fast they come.
"""

from __future__ import annotations

import ipaddress
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dns.exception
import dns.resolver
import httpcore
import httpx

from worker.enrichment.public_addresses import is_public
from worker.errors import PermanentError, TransientError

NOT_PUBLIC: Final = "not_public"
"""Reason code: the name or a redirect leads to an address that is not public, or to another port; nothing was sent."""
NO_SUCH_HOST: Final = "no_such_host"
"""Reason code: nobody has the name."""
UNREACHABLE: Final = "unreachable"
"""Reason code: no connection, or no answer in time."""
TOO_MUCH: Final = "too_much"
"""Reason code: more redirects than are followed, or an answer that cannot be read within the bounds."""

USER_AGENT: Final = "Portaria"
MOST_BYTES: Final = 1024 * 1024
"""Of a page that are read, packed or unpacked; what is cut off is mostly not its head."""
MOST_REDIRECTS: Final = 4
_LONGEST_URL: Final = 2000

Resolve = Callable[[str, float], Sequence[str]]
"""From a host's name and the seconds there are to its addresses; empty: nobody has the name."""
Dial = Callable[[str, int, float], httpcore.NetworkStream]
"""From an address, a port and the seconds there are to a connection."""
Permit = Callable[[str], None]
"""Looks at an origin (`https://example.com`) that a redirect leads to; raises `PermanentError` to stay away."""


def resolve_by_dns(host: str, seconds: float) -> Sequence[str]:
    """The addresses of a host by DNS alone: no hosts file, no search domains. Raises `TransientError`."""
    found: list[str] = []
    until = time.monotonic() + seconds
    for kind in ("A", "AAAA"):
        try:
            answer = dns.resolver.resolve(f"{host}.", kind, lifetime=max(until - time.monotonic(), 0.1))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.exception.SyntaxError):
            continue
        except dns.exception.DNSException as problem:
            if found:
                break
            raise TransientError(f"DNS did not answer ({type(problem).__name__})", code=UNREACHABLE) from None
        found += [record.to_text() for record in answer]
    return found


def dial_tcp(address: str, port: int, seconds: float) -> httpcore.NetworkStream:
    """A connection to an address that was checked. Raises `httpcore.ConnectError` or `httpcore.ConnectTimeout`."""
    return httpcore.SyncBackend().connect_tcp(address, port, seconds)


@dataclass(frozen=True, slots=True)
class Page:
    """An answer, as far as it was read."""

    url: str
    """Where it was in the end."""
    status: int
    media_type: str
    charset: str
    body: bytes


class PublicWeb:
    """Gets pages of the public web. Thread-safe."""

    def __init__(
        self,
        *,
        timeout: float,
        most_bytes: int = MOST_BYTES,
        resolve: Resolve = resolve_by_dns,
        dial: Dial = dial_tcp,
    ) -> None:
        """`resolve` and `dial` are there for tests, which have no public server: what is checked lies between them."""
        self._timeout = timeout
        self._most_bytes = most_bytes
        self._resolve = resolve
        self._dial = dial
        self._tls = ssl.create_default_context()

    def deadline(self) -> float:
        """When (`time.monotonic`) what begins now has to be over."""
        return time.monotonic() + self._timeout

    def get(self, url: str, until: float, *, accept: str = "text/html,*/*;q=0.1", permit: Permit | None = None) -> Page:
        """The page at `url`, through its redirects, to other origins where `permit` lets it.

        Raises `TransientError` when it cannot be had now, `PermanentError` when not at all; neither tells the address.
        """
        here = _checked(url)
        for _ in range(MOST_REDIRECTS + 1):
            answer, location = self._get_once(here, until, accept)
            if location is None:
                return answer
            before, here = here, _checked(location, here)
            if permit is not None and _origin(before) != _origin(here):
                permit(_origin(here))
        raise PermanentError(f"it redirects more than {MOST_REDIRECTS} times", code=TOO_MUCH)

    def _get_once(self, url: httpx.URL, until: float, accept: str) -> tuple[Page, str | None]:
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        headers = [
            (b"Host", url.netloc),
            (b"User-Agent", USER_AGENT.encode()),
            (b"Accept", accept.encode()),
            (b"Accept-Encoding", b"gzip"),
            (b"Accept-Language", b"pt-BR, pt;q=0.9, en;q=0.8, *;q=0.5"),
            (b"Connection", b"close"),
        ]
        backend = _CheckedBackend(self._resolve, self._dial, until)
        # A pool for each request: the backend has its deadline, and nobody's page is asked for twice in a row.
        try:
            with (
                httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend) as pool,
                pool.stream("GET", target, headers=headers, extensions={"timeout": _timeouts(self._timeout)}) as answer,
            ):
                found = httpx.Headers(answer.headers)
                location = found.get("location") if answer.status in {301, 302, 303, 307, 308} else None
                body = b"" if location else self._read(answer, found.get("content-encoding", ""), until)
                media = httpx.Response(200, headers={"content-type": found.get("content-type", "")})
                media_type = found.get("content-type", "").partition(";")[0].strip().lower()
                page = Page(str(url), answer.status, media_type, media.charset_encoding or "", body)
                return page, location
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as problem:
            raise TransientError(f"no answer ({type(problem).__name__})", code=UNREACHABLE) from None
        except httpcore.UnsupportedProtocol:
            raise PermanentError("it is neither http nor https", code=NOT_PUBLIC) from None

    def _read(self, answer: httpcore.Response, encoding: str, until: float) -> bytes:
        unpack: Any = None
        if (packed := encoding.strip().lower()) in {"gzip", "x-gzip", "deflate"}:
            unpack = zlib.decompressobj(47)  # gzip or zlib by its header
        elif packed not in {"", "identity"}:
            raise PermanentError("it is packed in a way that was not asked for", code=TOO_MUCH)
        body = bytearray()
        read = 0
        for piece in answer.iter_stream():
            read += len(piece)
            room = self._most_bytes - len(body)
            try:
                body += unpack.decompress(piece, room) if unpack else piece[:room]
            except zlib.error:
                raise PermanentError("its packing is broken", code=TOO_MUCH) from None
            if len(body) >= self._most_bytes or read >= self._most_bytes:
                break
            if time.monotonic() > until:
                raise TransientError("it answers too slowly", code=UNREACHABLE)
        return bytes(body)


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _timeouts(seconds: float) -> dict[str, float]:
    return dict.fromkeys(("connect", "read", "write", "pool"), seconds)


def _checked(url: str, base: httpx.URL | None = None) -> httpx.URL:
    """An absolute http(s) address without a user. Raises `PermanentError`."""
    if len(url) > _LONGEST_URL:
        raise PermanentError("its address is too long", code=NOT_PUBLIC)
    try:
        parsed = base.join(url) if base is not None else httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise PermanentError("its address is none", code=NOT_PUBLIC) from None
    if parsed.scheme not in {"http", "https"} or not parsed.raw_host or parsed.userinfo:
        raise PermanentError("its address is not a plain http or https one", code=NOT_PUBLIC)
    return parsed


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to addresses that were checked, and to nothing after the deadline."""

    def __init__(self, resolve: Resolve, dial: Dial, until: float) -> None:
        self._resolve = resolve
        self._dial = dial
        self._until = until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._addresses(host)
        if port not in {80, 443} or not all(map(is_public, addresses)):
            raise PermanentError("it is not on the public web", code=NOT_PUBLIC)
        if not addresses:
            raise PermanentError("nobody has its name", code=NO_SUCH_HOST)
        problem: Exception = httpcore.ConnectError("no address")
        for address in addresses[:3]:
            try:
                return _TimedStream(self._dial(address, port, _left(self._until, timeout)), self._until)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem

    def _addresses(self, host: str) -> Sequence[str]:
        literal = host.strip("[]")
        try:
            return [str(ipaddress.ip_address(literal))]
        except ValueError:
            return self._resolve(host, _left(self._until, None))

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, _left(self._until, None)))


class _TimedStream(httpcore.NetworkStream):
    """A stream on which no read or write outlasts the deadline: a server that sends a byte every few seconds, in its
    headers too, runs into it."""

    def __init__(self, stream: httpcore.NetworkStream, until: float) -> None:
        self._stream = stream
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._until, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._until, timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(
            self._stream.start_tls(ssl_context, server_hostname, _left(self._until, timeout)), self._until
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(until: float, timeout: float | None) -> float:
    """The seconds left, at most `timeout`. Raises httpcore's time-out when there are none."""
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("out of time")
    return left if timeout is None else min(left, timeout)
