"""The page that a link to unsubscribe leads to, and what the one click of a mail program does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from worker.config import SinkSection
from worker.steps.runtime import Runtime
from worker.store import workflows
from worker.unsubscribe import unsubscribe_routes

ADDRESS = "marina@industria.example.com"


@pytest.fixture
def house(runtime: Runtime) -> Runtime:
    mail = SinkSection(kind="mail", url="smtp://mail.example.com", secret="invented-secret", sender="a@example.com")
    silent = mail.model_copy(update={"secret": ""})
    web = runtime.settings.web.model_copy(update={"public_url": "https://portaria.example.com/"})
    sinks = {"news": mail, "other/news": mail.model_copy(update={"secret": "another"}), "silent": silent}
    return replace(runtime, settings=runtime.settings.model_copy(update={"sinks": sinks, "web": web}))


@pytest.fixture
def web(house: Runtime) -> Iterator[TestClient]:
    site = Starlette(routes=unsubscribe_routes(house))
    with TestClient(site, base_url="https://portaria.example.com") as client:
        yield client


def is_out(runtime: Runtime) -> bool:
    with runtime.database.read() as tx:
        return ADDRESS in workflows.opted_out(tx, [ADDRESS])


def test_looking_asks_and_does_nothing(web: TestClient, house: Runtime) -> None:
    page = web.get(house.unsubscribe_url("news", ADDRESS))
    assert page.status_code == 200
    assert '<form method="post">' in page.text
    assert page.headers["cache-control"] == "no-store"
    assert not is_out(house), "programs that look at every link of a mail unsubscribe nobody"


@pytest.mark.parametrize("sink", ["news", "other/news"])
def test_the_button_and_one_click_do_the_same_and_once_is_enough(web: TestClient, house: Runtime, sink: str) -> None:
    url = house.unsubscribe_url(sink, ADDRESS)
    first = web.post(url, data={"List-Unsubscribe": "One-Click"})
    assert (first.status_code, is_out(house)) == (200, True)
    assert "no more of these mails" in first.text
    assert web.post(url).status_code == 200
    assert ADDRESS not in first.text
    assert ADDRESS not in url


def test_a_forged_link_does_nothing(web: TestClient, house: Runtime) -> None:
    url = house.unsubscribe_url("news", ADDRESS)
    token = url.rpartition("/")[2]
    forged = token[:-1] + ("A" if token[-1] != "A" else "B")
    for path in (f"news/{forged}", f"other%2Fnews/{token}", f"silent/{token}", f"nobody/{token}", "news/x"):
        answer = web.post(f"/unsubscribe/{path}")
        assert answer.status_code == 404, path
        assert "incomplete" in answer.text
    assert not is_out(house)


@pytest.mark.parametrize("sink", ["silent", "nobody"])
def test_no_link_is_written_that_leads_nowhere(house: Runtime, runtime: Runtime, sink: str) -> None:
    with pytest.raises(ValueError, match=rf"\[sinks\.{sink}\]"):
        house.unsubscribe_url(sink, ADDRESS)
    with pytest.raises(ValueError, match="public_url"):
        runtime.unsubscribe_url("news", ADDRESS)
