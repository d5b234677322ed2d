"""The HTTP door: hooks come in, are kept, and only then acknowledged."""

from __future__ import annotations

import asyncio
import hmac
import json
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from urllib.parse import urlsplit

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from worker import steps, tasks
from worker.errors import TransientError, Unauthorized
from worker.logs import kind_and_place
from worker.ports import InboundRequest, Priority
from worker.steps.runtime import Runtime
from worker.store.deliveries import Added

log = structlog.get_logger()

TRY_SOURCE = "try"
"""The source of the form at `/`."""

KEPT_TOGETHER = 100
"""The most deliveries that are committed together."""
CHECKED_AT_ONCE = 16 * 1024
"""Bytes up to which a body is checked without a thread."""

READABLE = frozenset(
    {"application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""}
    | {"text/csv", "application/x-ndjson", "text/vcard", "message/rfc822"}
)
"""Media types that some source can read; `+json` ones too."""

_TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    413: "Too large",
    415: "Unsupported media type",
    421: "Misdirected request",
    500: "Internal error",
    503: "Not now",
}
_templates = Jinja2Templates(Path(__file__).parent / "templates")


def build_web(
    runtime: Runtime,
    *,
    ring: Callable[[], None] = tasks.ring,
    more: Sequence[BaseRoute] = (),
    lifespan: Lifespan[Starlette] | None = None,
) -> Starlette:
    """The web application; `ring` tells the workers that something has come. `more` is served beside the door."""
    routes = [
        Route("/hooks/{source}", partial(_hook, runtime), methods=["GET", "POST"]),
        Route("/hooks/{source}/{secret:path}", partial(_hook, runtime), methods=["GET", "POST"]),
        Route("/outcomes", partial(_outcomes, runtime), methods=["POST"]),
        Route("/healthz", _healthz),
        Route("/readyz", partial(_readyz, runtime)),
        Route("/metrics", partial(_metrics, _registry(runtime))),
        Route("/", partial(_form, runtime)),
        Route("/try", partial(_try, runtime), methods=["POST"]),
        Route("/try/{delivery}", partial(_tried, runtime)),
        *more,
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _problem, TransientError: _away},
        middleware=[Middleware(_Unforeseen)],
        lifespan=lifespan,
    )
    app.state.doorbell = Doorbell(ring)
    app.state.keeper = Keeper(runtime)
    return app


class Doorbell:
    """Rings from a thread of its own, so that an answer never waits for the broker; rings in between are one."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._pressed = threading.Event()
        threading.Thread(target=self._listen, name="doorbell", daemon=True).start()

    def press(self) -> None:
        """Have the bell rung soon."""
        self._pressed.set()

    def _listen(self) -> None:
        while self._pressed.wait():
            self._pressed.clear()
            try:
                self._ring()
            except Exception as error:  # whatever it is, the delivery is kept and the scheduler finds it
                log.warning("doorbell failed; the scheduler will find it", error=type(error).__name__)


class Keeper:
    """Keeps what has arrived, from a thread of its own: all that arrived meanwhile in one transaction (group commit).

    A commit waits for the disk; two hundred a second of them would queue up.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._arrived: SimpleQueue[tuple[steps.Arrival, Future[Added]]] = SimpleQueue()
        threading.Thread(target=self._work, name="keeper", daemon=True).start()

    async def keep(self, arrival: steps.Arrival) -> Added:
        """Keep it; committed when this returns. Raises `TransientError`."""
        kept: Future[Added] = Future()
        self._arrived.put((arrival, kept))
        return await asyncio.wrap_future(kept)

    def _work(self) -> None:
        while True:
            batch = [self._arrived.get()]
            while len(batch) < KEPT_TOGETHER and not self._arrived.empty():
                batch.append(self._arrived.get())
            # Who has hung up is not answered, and cannot hang up from here on.
            batch = [one for one in batch if one[1].set_running_or_notify_cancel()]
            if not batch:
                continue
            if not self._keep(batch):
                for one in batch:  # what cannot be kept fails alone
                    self._keep([one])

    def _keep(self, batch: list[tuple[steps.Arrival, Future[Added]]]) -> bool:
        """Keep and answer them; False when one of them may be what cannot be kept."""
        try:
            kept = steps.keep(self._runtime, [arrival for arrival, _ in batch], urgent=True)
        except Exception as problem:
            if len(batch) > 1 and not isinstance(problem, TransientError):
                return False
            for _, future in batch:
                future.set_exception(problem)
            return True
        for (_, future), added in zip(batch, kept, strict=True):
            future.set_result(added)
        return True


_hooks = Counter("portaria_hooks", "Requests at /hooks, by status.", ["status"], registry=None)
_accept_seconds = Histogram(
    "portaria_accept_seconds",
    "Seconds from the request to its delivery being committed.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
    registry=None,
)


async def _hook(runtime: Runtime, request: Request) -> Response:
    """Keep a delivery and answer 202; a handshake (GET) is answered as its source defines."""
    started = perf_counter()
    try:
        response = await _answer_hook(runtime, request)
    except HTTPException as problem:
        _hooks.labels(problem.status_code).inc()
        raise
    except TransientError:
        _hooks.labels(503).inc()
        raise
    _hooks.labels(response.status_code).inc()
    _accept_seconds.observe(perf_counter() - started)
    return response


async def _answer_hook(runtime: Runtime, request: Request) -> Response:
    name = request.path_params["source"]
    if name not in runtime.settings.sources:
        raise HTTPException(404, f"there is no source {name!r}; name it in portaria.toml as [sources.{name}]")
    inbound = InboundRequest(
        method=request.method,
        url=str(request.url),
        headers=dict(request.headers),
        query=dict(request.query_params),
        body=await _body(request, runtime.settings.web.max_body),
        path_secret=request.path_params.get("secret", ""),
        remote_address=request.client.host if request.client else "",
    )
    try:
        if request.method in {"GET", "HEAD"}:
            return PlainTextResponse(steps.handshake(runtime, name, inbound))
        # Small bodies are checked in microseconds; a thread would cost more.
        if len(inbound.body) > CHECKED_AT_ONCE or steps.may_wait(runtime, name):
            arrival = await run_in_threadpool(steps.check_request, runtime, name, inbound)
        else:
            arrival = steps.check_request(runtime, name, inbound)
        if inbound.content_type not in READABLE and not inbound.content_type.endswith("+json"):
            raise HTTPException(415, "send application/json, application/x-www-form-urlencoded or multipart/form-data")
        added = await request.app.state.keeper.keep(arrival)
    except Unauthorized as problem:
        raise HTTPException(401, str(problem), {"WWW-Authenticate": "Bearer"}) from None
    except steps.NoHandshake as problem:
        raise HTTPException(405, str(problem), {"Allow": "POST"}) from None
    request.app.state.doorbell.press()
    return JSONResponse({"delivery": added.id}, 202)


async def _outcomes(runtime: Runtime, request: Request) -> Response:
    """Keep outcomes of leads: an object or a list of them (`steps.record_outcomes`); answers what became of them."""
    secret = runtime.settings.outcomes.secret
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
        why = "send Authorization: Bearer SECRET" if secret else "set [outcomes] secret in portaria.toml"
        raise HTTPException(401, why, {"WWW-Authenticate": "Bearer"})
    body = await _body(request, runtime.settings.web.max_body)
    try:
        told = json.loads(body)
    except ValueError:
        raise HTTPException(400, "send JSON: an outcome, or a list of them") from None
    if not isinstance(told, dict | list) or (isinstance(told, list) and not all(isinstance(one, dict) for one in told)):
        raise HTTPException(400, "send an object, or a list of objects")
    rows = told if isinstance(told, list) else [told]
    done = await run_in_threadpool(partial(steps.record_outcomes, runtime, rows, by="http"))
    return JSONResponse(done.as_json())


async def _body(request: Request, most: int) -> bytes:
    """The body, read no further than is allowed."""
    if (declared := request.headers.get("content-length", "")).isdigit() and int(declared) > most:
        raise HTTPException(413, f"at most {most} bytes are taken")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, "send the body without Content-Encoding")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise HTTPException(413, f"at most {most} bytes are taken")
    except ClientDisconnect:
        raise HTTPException(400, "the request ended before its body did") from None
    return bytes(body)


async def _healthz(_request: Request) -> Response:
    return JSONResponse({"status": "alive"})


async def _readyz(runtime: Runtime, _request: Request) -> Response:
    """Ready to keep what comes: the database answers, and has the schema of this version, or of a later one."""
    if lacking := await run_in_threadpool(runtime.database.lacks):
        raise HTTPException(503, lacking)
    return JSONResponse({"status": "ready"})


async def _metrics(registry: CollectorRegistry, _request: Request) -> Response:
    return Response(await run_in_threadpool(generate_latest, registry), media_type=CONTENT_TYPE_LATEST)


class _Standing(Collector):
    """How many deliveries, submissions and contacts there are, counted in the store when asked.

    Counting a million takes a while: it takes a tenth of the time at most, and is told again until then.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._counted: steps.Standing | None = None
        self._count_at = 0.0

    def _standing(self) -> steps.Standing:
        began = perf_counter()
        if self._counted is None or began >= self._count_at:
            self._counted = steps.standing(self._runtime)
            now = perf_counter()
            self._count_at = now + 9 * (now - began)
        return self._counted

    def collect(self) -> Iterable[Metric]:
        standing = self._standing()
        for name, counted in (("deliveries", standing.deliveries), ("submissions", standing.submissions)):
            family = GaugeMetricFamily(f"portaria_{name}", f"{name.capitalize()}, by state.", labels=["state"])
            for state, count in sorted(counted.items()):
                family.add_metric([state], count)
            yield family
        yield GaugeMetricFamily("portaria_contacts", "Contacts.", value=standing.contacts)
        pressure = steps.pressure_now(self._runtime)
        what = "Seconds that of the hooks and mails has not moved which has not moved for longest."
        yield GaugeMetricFamily("portaria_urgent_still_seconds", what, value=pressure.urgent_seconds)
        what = "Opened rows of imports that wait to be sent, counted up to the bound past which no more are opened."
        yield GaugeMetricFamily("portaria_imports_waiting", what, value=pressure.imports_waiting)
        what = "Whether imports wait because something urgent does not move."
        yield GaugeMetricFamily("portaria_imports_yield", what, value=pressure.imports_yield)
        outcomes = GaugeMetricFamily("portaria_outcomes", "Leads by outcome.", labels=["outcome"])
        for outcome, count in sorted(standing.outcomes.items()):
            outcomes.add_metric([outcome], count)
        yield outcomes
        if (drift := standing.drift) is None:
            return
        alarms = GaugeMetricFamily("portaria_model_alarms", "Bounds that drift has passed.", labels=["model"])
        alarms.add_metric([drift.model], len(drift.alarms))
        yield alarms
        if drift.score_psi is not None:
            stability = GaugeMetricFamily("portaria_model_psi", "Population stability index.", labels=["model", "of"])
            for of, index in {"score": drift.score_psi, **drift.feature_psi}.items():
                stability.add_metric([drift.model, of], index)
            yield stability
        if drift.hot and drift.hot[-1].precision is not None:
            precision = GaugeMetricFamily("portaria_hot_precision", "Share of hot contacts won.", labels=["model"])
            precision.add_metric([drift.model], drift.hot[-1].precision)
            yield precision


def _registry(runtime: Runtime) -> CollectorRegistry:
    registry = CollectorRegistry()
    for collector in (_Standing(runtime), _hooks, _accept_seconds):
        registry.register(collector)
    return registry


class _Unforeseen:
    """Answers 500 for an error that nobody foresaw; the server's own log of it would hold its text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            log.error("a request failed", error=kind_and_place(error))
            answer = await _problem(Request(scope), HTTPException(500, "it is in the log; nothing was stored"))
            await answer(scope, receive, send)


async def _away(request: Request, error: Exception) -> Response:
    """The store or what else is needed does not answer: nothing was stored, send it again."""
    return await _problem(request, HTTPException(503, str(error), {"Retry-After": "10"}))


async def _problem(_request: Request, error: Exception) -> Response:
    """A refusal as RFC 9457 problem details."""
    assert isinstance(error, HTTPException)  # it is registered for nothing else
    status = error.status_code
    title = _TITLES.get(status, "Error")
    body = {"type": "about:blank", "title": title, "status": status, "detail": error.detail}
    return JSONResponse(body, status, dict(error.headers or {}), media_type="application/problem+json")


# --- the form at / ----------------------------------------------------------------------------------------------------


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _only_at_home(runtime: Runtime, request: Request) -> None:
    """The form needs no secret, so it answers only where nobody but the house can reach it.

    The host is looked at as well: a page elsewhere can make a browser here send to a name that leads here.
    """
    wanted = runtime.settings.web.try_form
    allowed = _is_loopback(runtime.settings.web.host) if wanted is None else wanted
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    origin = request.headers.get("origin")
    at_home = _is_loopback(host) or wanted is True
    same = origin is None or urlsplit(origin).netloc == request.headers.get("host", "")
    if not (allowed and at_home and same):
        raise HTTPException(404, "there is nothing here; hooks go to /hooks/{source}")


async def _form(runtime: Runtime, request: Request) -> Response:
    _only_at_home(runtime, request)
    return _templates.TemplateResponse(request, "form.html", {"sources": sorted(runtime.settings.sources)})


async def _try(runtime: Runtime, request: Request) -> Response:
    _only_at_home(runtime, request)
    body = await _body(request, runtime.settings.web.max_body)
    content_type = request.headers.get("content-type", "")
    arrival = steps.Arrival(TRY_SOURCE, body, content_type, Priority.LIVE, steps.fresh_key(runtime))
    added = await request.app.state.keeper.keep(arrival)
    request.app.state.doorbell.press()
    return RedirectResponse(f"/try/{added.id}", 303)


async def _tried(runtime: Runtime, request: Request) -> Response:
    _only_at_home(runtime, request)
    story = await run_in_threadpool(steps.story, runtime, request.path_params["delivery"])
    if story is None or story.delivery["source"] != TRY_SOURCE:
        raise HTTPException(404, "there is no such delivery")
    return _templates.TemplateResponse(request, "tried.html", {"story": story})
