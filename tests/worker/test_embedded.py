"""The embedded broker starts whatever its folder holds."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from worker import embedded
from worker.config import Settings

pytestmark = pytest.mark.skipif(embedded.find_server() is None, reason="there is no broker server here")


def test_a_file_that_cannot_be_read_is_begun_anew(tmp_path: Path) -> None:
    program = embedded.find_server()
    assert program is not None
    settings = Settings(data=tmp_path)
    settings.run_folder.mkdir()
    broker = embedded.EmbeddedBroker(settings, program)
    broker.start()
    broker.stop()
    for file in (settings.run_folder / "valkey" / "appendonlydir").glob("*.incr.aof"):
        file.unlink()
    try:
        broker.start()
        url = embedded.running_broker(settings)
        assert url is not None
        with redis.Redis(unix_socket_path=url.removeprefix("redis+socket://")) as client:
            assert client.ping()
    finally:
        broker.stop()


def test_who_was_connected_finds_it_where_it_was(tmp_path: Path) -> None:
    """Also where the data folder's path is too long for a socket."""
    program = embedded.find_server()
    assert program is not None
    settings = Settings(data=tmp_path / ("x" * embedded.LONGEST_SOCKET_PATH))
    settings.run_folder.mkdir(parents=True)
    broker = embedded.EmbeddedBroker(settings, program)
    try:
        broker.start()
        before = embedded.running_broker(settings)
        broker.start()
        assert embedded.running_broker(settings) == before is not None
    finally:
        broker.stop()
    assert before is not None
    assert not Path(before.removeprefix("redis+socket://")).parent.exists(), "nothing is left behind"
