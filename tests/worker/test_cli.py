"""The command line as a user types it: its answers, its mistakes told plainly, its exit status."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from worker import steps
from worker.cli.main import portaria as command
from worker.config import load_settings

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PORTARIA_DATA", str(tmp_path / "data"))

    def _run(*arguments: object, given: bytes | None = None) -> Result:
        return CliRunner().invoke(command, [str(each) for each in arguments], input=given)

    return _run


def told(result: Result) -> str:
    """What was printed, however it was wrapped."""
    return " ".join(result.output.split())


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


TABLE = "nome;e-mail;celular\nOlga Prates;olga@example.com;(11) 97654-0123\nteste;;\nBruno Lima;bruno@example.com;\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "people.csv"
    file.write_text(TABLE, encoding="utf-8")
    return file


def test_init_writes_a_file_that_check_accepts(run: Run, tmp_path: Path) -> None:
    assert run("init").exit_code == 0
    settings = load_settings(tmp_path / "data")
    assert len(settings.sources["site"].secret) >= 24
    assert settings.file.stat().st_mode & 0o077 == 0
    checked = run("check")
    assert checked.exit_code == 0, checked.output
    assert "the embedded broker is not running" in told(checked)
    again = run("init")
    assert again.exit_code == 2
    assert "exists already" in told(again)


def test_check_names_what_is_wrong(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "portaria.toml"
    file.write_text('[sources.site]\nkind = "generick"\n[sources.open]\n[broker]\nurl = "redis://127.0.0.1:1/0"\n')
    result = run("check")
    assert result.exit_code == 3
    for part in ("[sources.open] has no secret", "generick", "the broker does not answer"):
        assert part in told(result)


def test_a_mistake_in_the_file_is_told_without_a_trace(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "portaria.toml").write_text("[web]\nprot = 1\n")
    result = run("contacts", "list")
    assert result.exit_code == 2
    assert "web.prot: there is no such key" in told(result)
    assert "Traceback" not in told(result)


def test_ingest_tells_what_became_of_each(run: Run, table: Path) -> None:
    result = run("ingest", table, "--source", "planilha", "--json")
    assert result.exit_code == 1  # one was rejected
    assert json.loads(result.stdout) == {
        "deliveries": 1,
        "submissions": 3,
        "outcomes": {"created": 2, "matched": 0, "review": 0, "rejected": 1, "waiting": 0, "dead": 0},
        "quarantined": 0,
        "not_contacts": 0,
    }


def test_ingest_again_tells_the_same_and_keeps_nothing(run: Run, table: Path) -> None:
    first = run("ingest", table, "--source", "planilha", "--json").stdout
    assert run("ingest", table, "--source", "planilha", "--json").stdout == first
    assert len(lines(run("deliveries", "list", "--json"))) == 1


def test_ingest_reads_standard_input_and_folders(run: Run, table: Path, tmp_path: Path) -> None:
    body = b'{"nome": "Carla Dias", "email": "carla@example.com"}'
    result = run("ingest", "-", "--source", "agente", "--json", given=body)
    assert json.loads(result.stdout)["outcomes"]["created"] == 1
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(body.replace(b"Carla Dias", b"Davi Reis").replace(b"carla", b"davi"))
    table.rename(folder / "b.csv")
    assert json.loads(run("ingest", folder, "--source", "x", "--json").stdout)["outcomes"]["created"] == 3


@pytest.mark.parametrize(
    "arguments", [("ingest", "nowhere.csv", "--source", "x"), ("ingest", "--source", "x"), ("nonsense",)]
)
def test_wrong_use_is_status_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_lists_show_and_their_json(run: Run, table: Path) -> None:
    run("ingest", table, "--source", "planilha")
    contacts = lines(run("contacts", "list", "--json"))
    assert {each["name"] for each in contacts} == {"Olga Prates", "Bruno Lima"}
    (olga,) = [each for each in contacts if each["name"] == "Olga Prates"]
    assert (olga["emails"], olga["phones"]) == (["olga@example.com"], ["+5511976540123"])
    (shown,) = lines(run("contacts", "show", olga["id"], "--json"))
    for key in ("given_name", "family_name", "documents", "company", "job_title", "score", "crm"):
        assert key in shown
    assert shown["origins"]["emails:olga@example.com"]["source"] == "planilha"
    (delivery,) = lines(run("deliveries", "list", "--json"))
    assert (delivery["source"], delivery["state"], delivery["reason"]) == ("planilha", "opened", "")
    submissions = lines(run("submissions", "list", "--delivery", delivery["id"], "--json"))
    assert [each["state"] for each in submissions] == ["done", "rejected", "done"]
    assert submissions[1]["reason"]
    (told,) = lines(run("submissions", "show", submissions[0]["id"], "--json"))
    assert [move["after"] for move in told["history"]][-1] == "done"
    assert "Olga Prates" in run("contacts", "list").output
    assert "olga@example.com" in run("contacts", "show", olga["id"]).output


def test_a_delivery_gives_back_its_bytes(run: Run, table: Path) -> None:
    run("ingest", table, "--source", "planilha")
    (delivery,) = lines(run("deliveries", "list", "--json"))
    assert run("deliveries", "show", delivery["id"], "--body").stdout_bytes == table.read_bytes()


@pytest.mark.parametrize("kind", ["contacts", "submissions", "deliveries"])
def test_an_unknown_id_is_told(run: Run, kind: str) -> None:
    result = run(kind, "show", "xyz_1")
    assert result.exit_code == 2
    assert "xyz_1" in told(result)


def test_a_quarantined_delivery_is_replayed_when_it_is_mended(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "hook.json"
    file.write_bytes(b'{"form_response": ')
    run("init")
    assert run("ingest", file, "--source", "site").exit_code == 1
    (delivery,) = lines(run("deliveries", "list", "--state", "quarantined", "--json"))
    assert delivery["detail"]
    assert run("deliveries", "replay", delivery["id"]).exit_code == 0
    assert len(lines(run("deliveries", "list", "--state", "quarantined", "--json"))) == 1


def test_a_mended_mapping_and_a_replay_bring_the_rejected_through(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "hook.json"
    file.write_bytes(b'{"xq7": "Olga Prates", "xq8": "Oficina Prates"}')
    run("init")
    assert run("ingest", file, "--source", "site").exit_code == 1
    toml = tmp_path / "data" / "portaria.toml"
    mapping = 'kind = "generic"\nmapping = { xq7 = "name", xq8 = "company" }\n'
    toml.write_text(toml.read_text(encoding="utf-8").replace('kind = "generic"\n', mapping, 1), encoding="utf-8")
    (delivery,) = lines(run("deliveries", "list", "--json"))
    assert run("deliveries", "replay", delivery["id"]).exit_code == 0
    (contact,) = lines(run("contacts", "list", "--json"))
    assert (contact["name"], contact["company"]) == ("Olga Prates", "Oficina Prates")


def test_a_review_is_shown_and_decided(run: Run, tmp_path: Path) -> None:
    # Everything agrees but the document: likely one person, and a rule asks for a person's word.
    same = {"nome": "Marina Azevedo Couto", "email": "marina@example.com", "fone": "(11) 97654-0123"}
    for number, document in enumerate(("529.982.247-25", "111.444.777-35")):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps({**same, "cpf": document}))
        run("ingest", file, "--source", "x")
    (review,) = lines(run("reviews", "list", "--json"))
    shown = run("reviews", "show", review["id"])
    assert "given_name" in shown.output
    assert run("reviews", "resolve", review["id"]).exit_code == 2
    assert run("reviews", "resolve", review["id"], "--same", review["candidate"]).exit_code == 0
    assert lines(run("reviews", "list", "--json")) == []
    assert len(lines(run("contacts", "list", "--json"))) == 1


def test_the_data_folder_may_be_named_before_or_behind(run: Run, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    assert run("--data", elsewhere, "init").exit_code == 0
    assert (elsewhere / "portaria.toml").exists()
    behind = tmp_path / "behind"
    assert run("init", "--data", behind).exit_code == 0
    assert (behind / "portaria.toml").exists()
    assert run("contacts", "list", "--data", behind, "--json").exit_code == 0


def test_a_database_that_does_not_answer_is_status_3(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTARIA_DATABASE__URL", "postgresql://nobody@127.0.0.1:1/none")
    result = run("contacts", "list")
    assert result.exit_code == 3
    assert "the database did not answer" in told(result)


def test_a_file_whose_name_is_no_utf8_is_taken(run: Run, table: Path, tmp_path: Path) -> None:
    folder = tmp_path / "zip"
    folder.mkdir()
    (folder / os.fsdecode("Jo\xe3o.csv".encode("latin-1"))).write_bytes(table.read_bytes())
    result = run("ingest", folder, "--source", "x", "--json")
    assert json.loads(result.stdout)["outcomes"]["created"] == 2


def test_files_are_kept_one_after_the_other(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of mails may be larger than the memory."""
    events: list[str] = []
    read, receive = Path.read_bytes, steps.receive
    monkeypatch.setattr(Path, "read_bytes", lambda path: (events.append("read"), read(path))[1])
    monkeypatch.setattr(steps, "receive", lambda *a, **k: (events.append("keep"), receive(*a, **k))[1])
    for number in range(2):
        (tmp_path / f"{number}.csv").write_text(f"nome,email\nOlga Prates,olga{number}@example.com\n")
    assert run("ingest", tmp_path / "0.csv", tmp_path / "1.csv", "--source", "x", "--json").exit_code == 0
    assert events == ["read", "keep"] * 2
