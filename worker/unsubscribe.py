"""The links to unsubscribe that mails carry: a page that asks, and the one click of RFC 8058.

A GET changes nothing: mail scanners and previews open every link. The POST needs no login and no cookie, as the RFC
asks.
"""

from __future__ import annotations

from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from worker import steps
from worker.steps.runtime import Runtime

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="robots" content="noindex">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Unsubscribe</title>
<body style="font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem">{body}</body></html>"""
_ASK = """<p>Receive no more of these mails?<br>Não receber mais estes e-mails?</p>
<form method="post"><button style="font:inherit;padding:.5rem">Unsubscribe · Cancelar inscrição</button></form>"""
_DONE = "<p>You will receive no more of these mails.<br>Você não receberá mais estes e-mails.</p>"
_WRONG = "<p>This link is incomplete. Copy it whole from the mail.<br>Link incompleto: copie-o inteiro do e-mail.</p>"
_HEADERS = {"referrer-policy": "no-referrer", "cache-control": "no-store"}


def unsubscribe_routes(runtime: Runtime) -> list[Route]:
    """Where the links lead."""
    return [Route("/unsubscribe/{sink:path}/{token}", partial(_unsubscribe, runtime), methods=["GET", "POST"])]


async def _unsubscribe(runtime: Runtime, request: Request) -> Response:
    sink, token = request.path_params["sink"], request.path_params["token"]
    if request.method != "POST":
        return HTMLResponse(_PAGE.format(body=_ASK), headers=_HEADERS)
    done = await run_in_threadpool(steps.unsubscribe, runtime, sink, token)
    return HTMLResponse(_PAGE.format(body=_DONE if done else _WRONG), 200 if done else 404, headers=_HEADERS)
