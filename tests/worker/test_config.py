"""portaria.toml and the environment: what is read, and how a mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.config import data_folder, load_settings
from worker.errors import ConfigurationError


def write(folder: Path, text: str) -> Path:
    (folder / "portaria.toml").write_text(text, encoding="utf-8")
    return folder


def test_without_a_file_everything_has_a_default(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert (settings.crm.kind, settings.web.port, settings.embedded_broker) == ("local", 8080, True)
    assert settings.database_url == f"sqlite:///{tmp_path / 'portaria.db'}"


def test_a_variable_stands_above_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, '[web]\nport = 9000\nhost = "127.0.0.2"\n[sources.site]\nsecret = "of the file"\n')
    monkeypatch.setenv("PORTARIA_WEB__PORT", "9001")
    monkeypatch.setenv("PORTARIA_SOURCES__SITE__SECRET", "of the environment")
    settings = load_settings(tmp_path)
    assert (settings.web.port, settings.web.host) == (9001, "127.0.0.2")
    assert settings.sources["site"].secret == "of the environment"


def test_a_kind_reads_keys_of_its_own(tmp_path: Path) -> None:
    write(
        tmp_path, '[sources.k]\nkind = "kommo"\nsecret = "s"\nsubdomain = "acme"\nmapping = { "E-mail 2" = "email" }\n'
    )
    source = load_settings(tmp_path).sources["k"]
    assert (source.options, source.mapping) == ({"subdomain": "acme"}, {"E-mail 2": "email"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[web]\nprot = 1\n", "web.prot: there is no such key"),
        ('[web]\nport = "many"\n', "web.port: "),
        ("[worker]\nbatch_size = 0\n", "worker.batch_size: "),
        ("[nonsense]\n", "nonsense: there is no such key"),
        ("[web\n", "is not TOML"),
        ('[sinks.x]\nkind = "webhook"\n', "sinks.x.url: "),
    ],
)
def test_a_mistake_is_told_by_its_key(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(write(tmp_path, text))
    assert told in str(caught.value)
    assert str(tmp_path / "portaria.toml") in str(caught.value)


def test_a_secret_is_never_told(tmp_path: Path) -> None:
    write(tmp_path, '[sources.s]\nsecret = ["hush-hush"]\n[crm]\ntoken = { a = "hush-hush" }\n')
    with pytest.raises(ConfigurationError) as caught:
        load_settings(tmp_path)
    assert "sources.s.secret" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_file_that_is_not_text_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "portaria.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        load_settings(tmp_path)


def test_the_data_folder_is_as_given_or_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORTARIA_DATA", raising=False)
    assert data_folder() == Path("portaria-data")
    monkeypatch.setenv("PORTARIA_DATA", "/elsewhere")
    assert data_folder() == Path("/elsewhere")
    assert data_folder("/given") == Path("/given")
