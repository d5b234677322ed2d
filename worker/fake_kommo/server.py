"""The server: who may call and how often, what goes wrong, and the controls under `/_fake/`."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from worker.fake_kommo.account import Account
from worker.fake_kommo.api import Api
from worker.fake_kommo.calls import Call, Problem
from worker.fake_kommo.faults import Fault, Faults, Kind
from worker.fake_kommo.hooks import Sender
from worker.fake_kommo.limits import Limits
from worker.kommo.endpoints import LOG_IN

TOKEN: Final = "fake-token"  # noqa: S105 - it opens nothing
"""The long-lived token that works."""
CODE: Final = "fake-code"
"""The authorization code that works, once."""
METHODS: Final = ["GET", "POST", "PATCH", "DELETE", "PUT"]
_BLOCKED_PAGE: Final = (
    "<html>\n<head><title>403 Forbidden</title></head>\n<body>\n<center><h1>403 Forbidden</h1></center>\n"
    "<hr><center>nginx</center>\n</body>\n</html>\n"
)
_SWITCHES: Final = {
    401: ("Unauthorized", "Invalid user name or password"),
    402: ("Payment Required", "Payment required"),
    403: ("Forbidden", "You are not allowed to do this"),
}
ACCESS_SECONDS: Final = 86_400


@dataclass
class Fake:
    """A fake account with its server's behaviour. Change its parts at any time; tests do it directly."""

    now: Callable[[], float] = time.time
    account: Account = field(init=False)
    api: Api = field(init=False)
    limits: Limits = field(init=False)
    faults: Faults = field(default_factory=Faults)
    sender: Sender = field(init=False)
    switch: int = 0
    """401, 402 or 403: every call is answered so; 0: none."""
    latency: float = 0.0
    """Seconds that each call takes."""
    calls: list[tuple[str, str, int]] = field(default_factory=list)
    """Method, path and status of each call of the API."""
    access: dict[str, float] = field(default_factory=lambda: {TOKEN: float("inf")})
    """Tokens that work, until when."""
    refresh: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=lambda: {CODE})
    late: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    """What lands after its caller has gone, and when."""

    def __post_init__(self) -> None:
        self.limits = Limits(time.monotonic)
        self.begin()

    def begin(self) -> None:
        """Begin with an empty account."""
        self.account = Account(lambda: self.now())
        self.api = Api(self.account)
        self.sender = Sender(self.account)
        self.access = {TOKEN: float("inf")}
        self.refresh = set()
        self.codes = {CODE}
        self.faults.clear()
        self.calls.clear()
        self.late.clear()
        self.switch = 0

    def land(self) -> None:
        """Do what is due to land by now."""
        due = [one for one in self.late if one[0] <= self.now()]
        self.late = [one for one in self.late if one not in due]
        for _, deed in due:
            deed()

    def app(self) -> Starlette:
        """The ASGI application."""

        @asynccontextmanager
        async def sending(_: Starlette) -> AsyncIterator[None]:
            tasks = [asyncio.create_task(self.sender.run()), asyncio.create_task(self._landing())]
            yield
            for task in tasks:
                task.cancel()

        routes = [
            Route("/_fake/{what}", self._control, methods=METHODS),
            Route(f"/{LOG_IN}", self._log_in, methods=["POST"]),
            Route("/api/v4/{path:path}", self._call, methods=METHODS),
        ]
        return Starlette(routes=routes, lifespan=sending)

    # --- the API ----------------------------------------------------------------------------------------------------

    async def _call(self, request: Request) -> Response:
        path = request.path_params["path"]
        answer = await self._answered(request, path)
        self.calls.append((request.method, path, answer.status_code))
        return answer

    async def _landing(self) -> None:
        while True:
            self.land()
            await asyncio.sleep(0.05)

    async def _answered(self, request: Request, path: str) -> Response:
        self.land()
        if (barred := self._barred(request)) is not None:
            return barred
        if self.access.get(request.headers.get("authorization", "").removeprefix("Bearer "), 0) < self.now():
            return _switched(401)
        if self.switch:
            return _switched(self.switch)
        raw = await request.body()
        if self.latency:
            await asyncio.sleep(self.latency)
        return await self._judged(request.method, path, lambda: self._done(request, path, raw))

    async def _judged(self, method: str, path: str, do: Callable[[], Response]) -> Response:
        """What comes of a call, by the faults in force; `do` does it."""
        fault = self.faults.of(method, path)
        if fault is None:
            return do()
        if fault.kind is Kind.STATUS:
            return self._status(fault.status)
        if fault.kind is Kind.DROP_BEFORE:
            return _Dropped()
        if fault.kind is Kind.LATE:
            self.late.append((self.now() + fault.seconds, do))
            return _Dropped()
        done = do()
        if fault.kind is Kind.HANG:
            await asyncio.sleep(fault.seconds)
            return done
        return _Dropped(bytes(done.body) if fault.kind is Kind.CUT_OFF else b"")

    def _barred(self, request: Request) -> Response | None:
        status = self.limits.judge(request.client.host if request.client else "")
        if status == 403:
            return HTMLResponse(_BLOCKED_PAGE, 403)
        return self._status(429) if status == 429 else None

    def _status(self, status: int) -> Response:
        if status == 429:
            body = {"title": "Too Many Requests", "status": 429, "retry_after": self.limits.retry_after}
            return _problem(429, {**body, "detail": "You have sent too many requests in a given amount of time."})
        if status in {401, 402}:
            return _switched(status)
        if status == 403:
            return HTMLResponse(_BLOCKED_PAGE, 403)
        if status == 504:
            return HTMLResponse("<html><body><h1>504 Gateway Time-out</h1></body></html>", 504)
        return _problem(status, Problem(status, "Request validation failed" if status == 400 else "It went wrong").body)

    def _done(self, request: Request, path: str, raw: bytes) -> Response:
        try:
            body = json.loads(raw) if raw.strip() else None
        except ValueError:
            return _problem(400, Problem(400, "Request data can not be empty").body)
        call = Call(
            request.method, str(request.base_url).rstrip("/"), _nested(request.query_params.multi_items()), body
        )
        try:
            status, said = self.api.answer(call, path)
        except Problem as problem:
            return self._status(504) if problem.status == 504 else _problem(problem.status, problem.body)
        if said is None:
            return Response(status_code=status)
        return Response(json.dumps(said), status, media_type="application/hal+json")

    # --- logging in -------------------------------------------------------------------------------------------------

    async def _log_in(self, request: Request) -> Response:
        self.land()
        if (barred := self._barred(request)) is not None:
            return barred
        body = await request.json()
        answer = await self._judged("POST", LOG_IN, lambda: self._tokens(body))
        self.calls.append(("POST", LOG_IN, answer.status_code))
        return answer

    def _tokens(self, body: dict[str, Any]) -> Response:
        known = body.get("client_id") == "fake-client" and body.get("client_secret") == "fake-secret"
        grant = body.get("grant_type")
        pool, given = (
            (self.codes, body.get("code"))
            if grant == "authorization_code"
            else (self.refresh, body.get("refresh_token"))
        )
        if not known or given not in pool:
            said = {"title": "Authorization error", "hint": "The token has been revoked", "status": 401}
            return _problem(401, {**said, "detail": "The grant is wrong, used or expired"})
        pool.discard(given)  # each is good for one use
        access, refresh = f"access-{secrets.token_hex(8)}", f"refresh-{secrets.token_hex(8)}"
        self.access[access] = self.now() + ACCESS_SECONDS
        self.refresh.add(refresh)
        said = {"token_type": "Bearer", "expires_in": ACCESS_SECONDS, "server_time": int(self.now())}
        return JSONResponse({**said, "access_token": access, "refresh_token": refresh})

    # --- controls ---------------------------------------------------------------------------------------------------

    async def _control(self, request: Request) -> Response:
        """`GET /_fake/state`, `POST /_fake/faults` and `DELETE`, `POST /_fake/switches`."""
        what, body = request.path_params["what"], json.loads(await request.body() or b"{}")
        if what == "state" and request.method == "GET":
            return JSONResponse(self._state())
        if what == "faults" and request.method == "POST":
            return JSONResponse(asdict(self.faults.add(**body)))
        if what == "faults" and request.method == "DELETE":
            self.faults.clear()
            return Response(status_code=204)
        if what == "switches" and request.method == "POST":
            self._switch(body)
            return JSONResponse(self._state()["switches"])
        return JSONResponse({"there is": ["state", "faults", "switches"]}, 404)

    def _switch(self, given: dict[str, Any]) -> None:
        places: dict[str, tuple[Any, str]] = {
            "status": (self, "switch"), "latency": (self, "latency"), "rate": (self.limits, "rate"),
            "retry_after": (self.limits, "retry_after"), "blocked": (self.limits, "blocked"),
            "index_lag": (self.account, "index_lag"), "duplicate_control": (self.account, "duplicate_control"),
            "slow_batch": (self.account, "slow_batch"), "hook_scale": (self.sender, "scale"),
        }  # fmt: skip
        for name, value in given.items():
            place, attribute = places[name]
            setattr(place, attribute, value)
        if given.get("blocked") is False:
            self.limits.pardon()

    def _state(self) -> dict[str, Any]:
        account = self.account
        records = {entity: len(account.alive(entity)) for entity in account.records}
        return {
            "records": {**records, "tasks": len(account.tasks), "notes": sum(map(len, account.notes.values()))},
            "calls": len(self.calls), "refused": self.limits.refused,
            "hooks": {"sent": self.sender.sent, "failed": self.sender.failed},
            "switches": {"status": self.switch, "rate": self.limits.rate, "blocked": self.limits.blocked},
            "faults": [asdict(fault) for fault in self.faults.rules.values()],
        }  # fmt: skip


class Running:
    """A fake's server in a thread of this process, on a free port of loopback."""

    def __init__(self, fake: Fake, port: int = 0) -> None:
        self.fake = fake
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(fake.app(), log_config=None, log_level="critical", access_log=False, lifespan="on")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the fake Kommo did not start")
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


class _Dropped(Response):
    """No (whole) answer: fewer bytes than were announced, so that the server closes the connection."""

    def __init__(self, content: bytes = b"") -> None:
        super().__init__(content)
        self.status_code = 0 if not content else 200

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", str(len(self.body) * 2 + 100).encode()), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(self.body), "more_body": True})
        raise ConnectionAbortedError


def _switched(status: int) -> Response:
    title, detail = _SWITCHES[status]
    return _problem(
        status, {"title": title, "type": f"https://httpstatus.es/{status}", "status": status, "detail": detail}
    )


def _problem(status: int, body: dict[str, Any]) -> Response:
    return Response(json.dumps(body), status, media_type="application/problem+json")


def _nested(items: list[tuple[str, str]]) -> dict[str, Any]:
    """PHP's bracket keys as a tree: `filter[id][]=1` is `{"filter": {"id": ["1"]}}`."""
    tree: dict[str, Any] = {}
    for name, value in items:
        first, *rest = name.replace("]", "").split("[")
        place: Any = tree
        for key, after in zip([first, *rest], [*rest, None], strict=False):
            if after is None:
                if isinstance(place, list):
                    place.append(value)
                else:
                    place[key] = value
            elif isinstance(place, dict):
                place = place.setdefault(key, [] if after == "" else {})
    return tree


__all__ = ["CODE", "TOKEN", "Fake", "Fault", "Kind", "Running"]
