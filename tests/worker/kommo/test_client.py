"""The client against a server that has Kommo's habits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from worker.breaker import PAUSED, Breaker, Patience
from worker.errors import NO_TARGET, ConfigurationError, OutcomeUnknown, PermanentError, PortariaError, TransientError
from worker.fake_kommo.server import CODE, TOKEN, Running
from worker.kommo import answers
from worker.kommo.address import Address, read_address
from worker.kommo.client import RATE, KommoClient
from worker.kommo.tokens import Integration, LongLived, OAuth
from worker.rates import Rate, Rates
from worker.store.circuits import CircuitTable
from worker.store.credentials import CredentialTable
from worker.store.engine import Database

FAST = Rate(10_000, 1)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """What is kept is the store's matter: one database is enough here."""
    return f"sqlite:///{tmp_path / 'portaria.db'}"


@pytest.fixture
def connect(fake_kommo: Running, database: Database, clock: Any) -> Callable[..., KommoClient]:
    def make(token: str = TOKEN, rate: Rate = FAST, tokens: Any = None) -> KommoClient:
        address = read_address(fake_kommo.url)
        breaker = Breaker(address.system, CircuitTable(database), clock, Patience(longest_pause=answers.BLOCK_SECONDS))
        http = httpx.Client(timeout=2)
        return KommoClient(address, tokens or LongLived(token), Rates(), breaker, http, rate)

    return make


def wrong(call: Callable[[], Any]) -> PortariaError:
    with pytest.raises(PortariaError) as told:
        call()
    return told.value


def test_nothing_found_is_nothing_and_no_error(connect: Callable[..., KommoClient]) -> None:
    client = connect()
    assert client.get("contacts") is None
    assert list(client.pages("contacts")) == []
    assert client.by_id("contacts", ["1"]) == {}


def test_all_pages_are_read_and_a_slow_one_is_read_in_halves(
    connect: Callable[..., KommoClient], fake_kommo: Running
) -> None:
    client = connect()
    for start in range(0, 600, 200):
        client.send("POST", "contacts", [{"name": f"Pessoa {number}"} for number in range(start, start + 200)])
    names = [f"Pessoa {number}" for number in range(600)]
    assert [one["name"] for _, page in client.pages("contacts") for one in page] == names
    fake_kommo.fake.account.slow_batch = 40
    read = [one["name"] for _, page in client.pages("contacts") for one in page]
    assert sorted(set(read), key=read.index) == names
    assert [one["name"] for _, page in client.pages("contacts", start=550) for one in page][-1] == names[-1]


def test_records_are_read_by_their_ids(connect: Callable[..., KommoClient], fake_kommo: Running) -> None:
    client = connect()
    client.send("POST", "contacts", [{"name": f"Pessoa {number}"} for number in range(60)])
    ids = [record["id"] for record in fake_kommo.fake.account.alive("contacts")]
    assert set(client.by_id("contacts", [*ids, 7])) == {str(each) for each in ids}


@pytest.mark.parametrize(
    ("status", "kind", "code", "waits"),
    [
        (400, PermanentError, answers.REFUSED, None),
        (401, TransientError, answers.UNAUTHORIZED, answers.MEND_SECONDS),
        (402, TransientError, answers.UNPAID, answers.MEND_SECONDS),
        (403, TransientError, answers.BLOCKED, answers.BLOCK_SECONDS),
        (404, PermanentError, NO_TARGET, None),
        (429, TransientError, answers.TOO_MANY, 300),
        (500, OutcomeUnknown, answers.SERVER_ERROR, None),
        (504, OutcomeUnknown, answers.TOO_LONG, None),
    ],
)
def test_each_answer_says_what_to_do(
    connect: Callable[..., KommoClient],
    fake_kommo: Running,
    status: int,
    kind: type[PortariaError],
    code: str,
    waits: float | None,
) -> None:
    fake_kommo.fake.faults.add(kind="status", status=status, method="POST", path="contacts")
    problem = wrong(lambda: connect().send("POST", "contacts", [{"name": "Olga Prates"}]))
    assert (type(problem), problem.code) in {(kind, code), (answers.Refused, code)}
    assert isinstance(problem, kind)
    assert getattr(problem, "retry_after", None) == waits
    assert "Olga" not in str(problem)


@pytest.mark.parametrize(("fault", "happened"), [("drop_before", 0), ("drop_after", 1), ("cut_off", 1)])
def test_a_write_without_an_answer_may_have_happened(
    connect: Callable[..., KommoClient], fake_kommo: Running, fault: str, happened: int
) -> None:
    fake_kommo.fake.faults.add(kind=fault, path="contacts")
    problem = wrong(lambda: connect().send("POST", "contacts", [{"name": "Olga Prates"}]))
    assert isinstance(problem, OutcomeUnknown)
    assert problem.code == answers.NO_ANSWER
    assert len(fake_kommo.fake.account.alive("contacts")) == happened


def test_a_reading_without_an_answer_is_read_again_later(
    connect: Callable[..., KommoClient], fake_kommo: Running
) -> None:
    fake_kommo.fake.faults.add(kind="drop_after", path="account")
    problem = wrong(lambda: connect().get("account"))
    assert not isinstance(problem, OutcomeUnknown)
    assert isinstance(problem, TransientError)


def test_nobody_calls_while_the_address_is_blocked(
    connect: Callable[..., KommoClient], fake_kommo: Running, clock: Any
) -> None:
    one, other = connect(), connect()
    fake_kommo.fake.limits.blocked = True
    assert wrong(lambda: one.get("account")).code == answers.BLOCKED
    calls = len(fake_kommo.fake.calls)
    told = wrong(lambda: other.get("account"))
    assert told.code == PAUSED
    assert "support" in str(told)
    assert len(fake_kommo.fake.calls) == calls
    clock.forward(answers.BLOCK_SECONDS + 1)
    fake_kommo.fake.limits.pardon()
    assert other.get("account")
    assert one.get("account")


def test_what_one_was_told_to_wait_all_wait(
    connect: Callable[..., KommoClient], fake_kommo: Running, clock: Any
) -> None:
    one, other = connect(), connect()
    fake_kommo.fake.faults.add(kind="status", status=429)
    wrong(lambda: one.get("account"))
    told = wrong(lambda: other.get("account"))
    assert isinstance(told, TransientError)
    assert (told.retry_after, told.code) == (300, PAUSED)
    clock.forward(301)
    assert other.get("account")


def test_the_accounts_pace_is_kept_without_one_refusal(
    connect: Callable[..., KommoClient], fake_kommo: Running
) -> None:
    client = connect(rate=RATE)
    client.get("account")
    fake_kommo.fake.limits.rate = 7
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: client.get("account"), range(18)))
    assert fake_kommo.fake.limits.refused == 0


def test_rights_that_are_missing_for_one_thing_stop_nothing_else(
    connect: Callable[..., KommoClient], fake_kommo: Running
) -> None:
    client = connect()
    fake_kommo.fake.switch = 403
    assert wrong(lambda: client.get("account")).code == answers.FORBIDDEN
    fake_kommo.fake.switch = 0
    assert client.get("account")


def test_no_connection_means_that_nothing_was_sent(database: Database, clock: Any) -> None:
    address = Address("http://127.0.0.1:1", "fake")
    client = KommoClient(address, LongLived(TOKEN), Rates(), Breaker("kommo:fake", CircuitTable(database), clock))
    problem = wrong(lambda: client.send("POST", "contacts", [{"name": "Olga Prates"}]))
    assert problem.code == answers.UNREACHABLE
    assert not isinstance(problem, OutcomeUnknown)


@pytest.fixture
def log_in(fake_kommo: Running, database: Database, clock: Any) -> Callable[[], OAuth]:
    fake_kommo.fake.now = lambda: clock().timestamp()
    fake_kommo.fake.access[TOKEN] = 0
    integration = Integration("fake-client", "fake-secret", "https://example.com/oauth")

    def make() -> OAuth:
        credentials = CredentialTable(database, clock)
        return OAuth(read_address(fake_kommo.url), integration, credentials, Rates(), clock)

    return make


def test_one_worker_renews_the_login_for_all(
    connect: Callable[..., KommoClient], fake_kommo: Running, clock: Any, log_in: Callable[[], OAuth]
) -> None:
    assert wrong(lambda: log_in().access_token()).code == "kommo_not_logged_in"
    log_in().log_in(CODE)
    first = log_in().access_token()
    clock.forward(timedelta(hours=24).total_seconds() - 60)
    together = threading.Barrier(4)

    def use(_: int) -> str:
        mine = log_in()
        together.wait()
        return mine.access_token()

    with ThreadPoolExecutor(4) as pool:
        tokens = set(pool.map(use, range(4)))
    assert len(tokens) == 1
    assert first not in tokens
    assert len(fake_kommo.fake.refresh) == 1
    assert connect(tokens=log_in()).get("account")


def test_a_token_refused_before_its_time_is_renewed_once(
    connect: Callable[..., KommoClient], fake_kommo: Running, log_in: Callable[[], OAuth]
) -> None:
    login = log_in()
    login.log_in(CODE)
    client = connect(tokens=login)
    fake_kommo.fake.access.clear()
    assert client.get("account")
    fake_kommo.fake.access.clear()
    fake_kommo.fake.refresh.clear()
    assert wrong(lambda: client.get("account")).code == answers.UNAUTHORIZED


def test_a_code_that_was_used_is_refused_plainly(log_in: Callable[[], OAuth]) -> None:
    log_in().log_in(CODE)
    assert "portaria kommo login" in str(wrong(lambda: log_in().log_in(CODE)))


@pytest.mark.parametrize(
    ("written", "account"),
    [
        ("https://acme.kommo.com/", "acme"),
        ("https://ACME.amocrm.ru", "acme"),
        ("http://127.0.0.1:8090", "fake"),
        ("https://www.kommo.com", None),
        ("http://acme.kommo.com", None),
        ("https://acme.kommo.com.example.com", None),
        ("acme", None),
        ("", None),
    ],
)
def test_which_addresses_are_an_account(written: str, account: str | None) -> None:
    if account is None:
        with pytest.raises(ConfigurationError, match="base_url"):
            read_address(written)
    else:
        assert read_address(written).account == account


def test_changes_are_read_from_a_moment_on(connect: Callable[..., KommoClient], fake_kommo: Running) -> None:
    client = connect()
    now = {"at": 1_700_000_000.0}
    fake_kommo.fake.account.now = lambda: now["at"]
    client.send("POST", "contacts", [{"name": "Antes"}])
    now["at"] += 100
    client.send("POST", "contacts", [{"name": "Depois"}])
    found = client.changed_since("contacts", datetime.fromtimestamp(now["at"], UTC))
    assert [one["name"] for page in found for one in page] == ["Depois"]
