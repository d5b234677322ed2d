"""The approvals page: where a person who was sent here by an agent's client, or looks by themselves, says yes or no.

Knowing the address of an approval allows nothing: whoever answers signs in with a token of the scope `approve`, which
the agent does not have. It is kept in a cookie that no script reads and no other site's page sends.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from pipelines.plans import line_of, shown
from worker.errors import PermanentError
from worker.steps.plans import apply, asked, grant, look_up, refuse
from worker.steps.planviews import plan_view
from worker.steps.runtime import Runtime
from worker.steps.tokens import Bearer, verify_token
from worker.store.plans import OPEN

PATH: Final = "/approvals"
WAY: Final = "page"
COOKIE: Final = "portaria_approver"
MOST: Final = 64 * 1024
"""Bytes of the largest form that is read."""

_ID = re.compile(r"apr_[0-9a-z]{10,40}")
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_templates = Jinja2Templates(Path(__file__).parent / "templates")
_templates.env.globals.update(line_of=line_of, shown=shown)


def approval_routes(runtime: Runtime, names: Sequence[str]) -> list[Route]:
    """The page's routes, to be served under any of these host names (`HOST` or `HOST:PORT`)."""
    known = frozenset(names)
    return [
        Route(PATH, partial(_list, runtime, known)),
        Route(f"{PATH}/sign-in", partial(_sign_in, runtime, known), methods=["POST"]),
        Route(f"{PATH}/{{approval}}", partial(_show, runtime, known)),
        Route(f"{PATH}/{{approval}}", partial(_answer, runtime, known), methods=["POST"]),
    ]


def _check_place(request: Request, names: frozenset[str]) -> None:
    """A page of ours under a name that somebody else chose, or a form sent from another site's page, is refused."""
    host = request.headers.get("host", "")
    if host not in names and (urlsplit(f"//{host}").hostname or "") not in names:
        raise HTTPException(421, "this address is not known here; set [mcp] url in portaria.toml")
    origin = request.headers.get("origin")
    if request.method == "POST" and origin is not None and urlsplit(origin).netloc != host:
        raise HTTPException(403, "answers are taken from this page alone")


async def _approver(runtime: Runtime, request: Request) -> Bearer | None:
    token = request.cookies.get(COOKIE, "")
    bearer = await run_in_threadpool(verify_token, runtime, token) if token else None
    return bearer if bearer is not None and "approve" in bearer.scopes else None


def _page(request: Request, name: str, status: int = 200, **values: object) -> Response:
    return _templates.TemplateResponse(request, name, values, status, dict(_HEADERS))


async def _list(runtime: Runtime, names: frozenset[str], request: Request) -> Response:
    _check_place(request, names)
    if (bearer := await _approver(runtime, request)) is None:
        return _page(request, "sign_in.html", 401, then="", wrong=False)
    waiting = await run_in_threadpool(asked, runtime, states=OPEN)
    return _page(request, "approvals.html", plans=[plan_view(kept) for kept in waiting], bearer=bearer)


async def _sign_in(runtime: Runtime, names: frozenset[str], request: Request) -> Response:
    _check_place(request, names)
    form = await _form(request)
    token, then = str(form.get("token", "")).strip(), str(form.get("then", ""))
    bearer = await run_in_threadpool(verify_token, runtime, token) if token else None
    if bearer is None or "approve" not in bearer.scopes:
        return _page(request, "sign_in.html", 401, then=then, wrong=True)
    answer = RedirectResponse(f"{PATH}/{then}" if _ID.fullmatch(then) else PATH, 303, headers=dict(_HEADERS))
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, token, path=PATH, httponly=True, samesite="strict", secure=secure)
    return answer


async def _show(runtime: Runtime, names: frozenset[str], request: Request) -> Response:
    _check_place(request, names)
    approval = _approval_id(request)
    if (bearer := await _approver(runtime, request)) is None:
        return _page(request, "sign_in.html", 401, then=approval, wrong=False)
    return await _shown(runtime, request, approval, bearer)


async def _answer(runtime: Runtime, names: frozenset[str], request: Request) -> Response:
    _check_place(request, names)
    approval = _approval_id(request)
    if (bearer := await _approver(runtime, request)) is None:
        return _page(request, "sign_in.html", 401, then=approval, wrong=False)
    form = await _form(request)
    chosen = [str(value) for value in form.getlist("record")]
    try:
        await run_in_threadpool(_decide, runtime, approval, str(form.get("answer")), chosen, bearer)
    except PermanentError as problem:
        return await _shown(runtime, request, approval, bearer, wrong=str(problem), status=409)
    request.app.state.doorbell.press()  # contacts that it brought go through the stages
    return RedirectResponse(f"{PATH}/{approval}", 303, headers=dict(_HEADERS))


def _decide(runtime: Runtime, approval: str, answer: str, chosen: Sequence[str], bearer: Bearer) -> None:
    """Put the answer to the store; a yes is done at once."""
    if answer == "deny":
        refuse(runtime, approval, by=bearer.name, way=WAY)
    elif answer == "grant" and chosen:
        grant(runtime, approval, chosen, by=bearer.name, way=WAY)
        apply(runtime, approval)
    else:
        raise PermanentError("choose at least one record, or deny it")


async def _shown(
    runtime: Runtime, request: Request, approval: str, bearer: Bearer, *, wrong: str = "", status: int = 200
) -> Response:
    try:
        kept = await run_in_threadpool(look_up, runtime, approval)
    except PermanentError:
        raise HTTPException(404, "there is no such approval") from None
    values = {"plan": plan_view(kept), "records": kept.plan.records, "bearer": bearer, "wrong": wrong}
    return _page(request, "approval.html", status, **values)


def _approval_id(request: Request) -> str:
    approval = str(request.path_params["approval"])
    if not _ID.fullmatch(approval):
        raise HTTPException(404, "there is no such approval")
    return approval


async def _form(request: Request) -> FormData:
    if int(request.headers.get("content-length") or MOST + 1) > MOST:
        raise HTTPException(413, f"at most {MOST} bytes are taken")
    return await request.form()
