"""`portaria demo`: the shipped deliveries over real HTTP, through the real chain, into the built-in CRM."""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from worker import steps
from worker.config import load_settings
from worker.errors import TransientError
from worker.patience import GivenTime, Patience, family
from worker.steps.outcomes import outcome_name
from worker.steps.runtime import Runtime, build_runtime
from worker.store import workflows, writes

FOLDER = Path(__file__).parent / "deliveries"
SECRET = "demo-secret"  # noqa: S105 - of a data folder that lives for a minute
START_SECONDS = 30.0
SETTLE_SECONDS = 45.0
"""For so long nothing may change, in the time that the machine gives it."""
LONGEST = 900.0

CONFIGURATION = """
[sources.site]
kind = "generic"
secret = "{secret}"
[sources.typeform]
kind = "typeform"
secret = "{secret}"
[sources.tally]
kind = "tally"
secret = "{secret}"
[sources.elementor]
kind = "elementor"
secret = "{secret}"
[sources.jotform]
kind = "jotform"
secret = "{secret}"
[sources.kommo]
kind = "kommo"
secret = "{secret}"
subdomain = "acme"
[sources.rdstation]
kind = "rdstation"
secret = "{secret}"
[sources.planilha]
kind = "generic"
secret = "{secret}"
[sources.caixa]
kind = "generic"
secret = "{secret}"
"""

_TYPES = {
    ".json": "application/json",
    ".urlencoded": "application/x-www-form-urlencoded",
    ".multipart": "multipart/form-data; boundary=demo-boundary",
    ".csv": "text/csv; charset=utf-8",
    ".eml": "message/rfc822",
}


def _bearer(_body: bytes) -> dict[str, str]:
    return {"Authorization": f"Bearer {SECRET}"}


def _hmac(body: bytes) -> str:
    return base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()


@dataclass(frozen=True)
class _Sent:
    """One shipped delivery: what it is, where it goes and how its sender proves itself."""

    file: str
    what: str
    source: str = "site"
    prove: Callable[[bytes], dict[str, str]] = _bearer
    in_path: bool = False


DELIVERIES: Sequence[_Sent] = (
    _Sent("01_site.json", "Web form: a director asks for a quote"),
    _Sent("02_site_sent_twice.json", "The same form, sent twice"),
    _Sent("03_site_typos.json", "He writes again: no accents, old phone number, tagged mail"),
    _Sent(
        "04_typeform.json", "Typeform, signed", "typeform", lambda body: {"Typeform-Signature": f"sha256={_hmac(body)}"}
    ),
    _Sent("05_tally.json", "Tally, signed", "tally", lambda body: {"Tally-Signature": _hmac(body)}),
    _Sent("06_elementor.urlencoded", "Elementor form, secret in the path", "elementor", lambda _: {}, in_path=True),
    _Sent("07_jotform.multipart", "Jotform (multipart)", "jotform", lambda _: {}, in_path=True),
    _Sent(
        "08_kommo_contact_added.urlencoded", "Kommo: contact added, no phone yet", "kommo", lambda _: {}, in_path=True
    ),
    _Sent(
        "09_kommo_contact_updated.urlencoded",
        "Kommo: its update, with phone and mail",
        "kommo",
        lambda _: {},
        in_path=True,
    ),
    _Sent("10_kommo_task.urlencoded", "Kommo: a task hook", "kommo", lambda _: {}, in_path=True),
    _Sent("11_rdstation.json", "RD Station conversion", "rdstation"),
    _Sent("12_site_junk.json", "Web form: junk"),
    _Sent("13_site_broken.json", "Web form: cut off in the middle"),
    _Sent("14_site_unsigned.json", "Web form: no secret", "site", lambda _: {}),
    _Sent("15_planilha.csv", "A spreadsheet of six rows", "planilha"),
    _Sent("16_mail_person.eml", "Mail from a person, with a signature", "caixa"),
    _Sent("17_mail_form.eml", "Mail from the site's robot about a person", "caixa"),
    _Sent("18_mail_bounce.eml", "Mail: a bounce", "caixa"),
    _Sent("19_site_same_mailbox.json", "Her sister, on the same mailbox"),
)


@dataclass
class _Answer:
    sent: _Sent
    status: int
    delivery: str = ""
    repeated: bool = False
    lines: list[tuple[str, str, str]] = field(default_factory=list)


def run(console: Console, *, keep: bool) -> bool:
    """Run the demo; whether every delivery ended as one outcome."""
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="portaria-demo-"))
    (folder / "portaria.toml").write_text(CONFIGURATION.format(secret=SECRET))
    port = _free_port()
    console.print(f"Starting Portaria (web, workers, scheduler, a private Valkey) on port {port} …")
    with (folder / "up.log").open("wb") as log:
        command = [sys.executable, "-m", "worker.cli", "up", "--data", str(folder), "--port", str(port)]
        up = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - our own command line
        try:
            well = _through(console, folder, f"http://127.0.0.1:{port}", up)
        finally:
            up.send_signal(signal.SIGTERM)
            _wait(up)
    console.print(f"\nDone in {time.monotonic() - started:.0f} s, with everything stopped again.")
    if keep or not well:
        console.print(f"The data folder is {folder}: portaria contacts list --data {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    console.print("Next: [bold]portaria up[/bold], and open http://127.0.0.1:8080/")
    return well


def _through(console: Console, folder: Path, address: str, up: subprocess.Popen[bytes]) -> bool:
    with httpx.Client(base_url=address, timeout=60) as client:
        _until_ready(client, folder, up)
        console.print(f"Sending {len(DELIVERIES)} deliveries over HTTP …\n")
        answers = [_send(client, sent) for sent in DELIVERIES]
    first: dict[str, _Answer] = {}
    for answer in answers:
        answer.repeated = answer.delivery in first
        first.setdefault(answer.delivery, answer)
    runtime = build_runtime(load_settings(folder))
    kept = [answer for answer in answers if answer.delivery and not answer.repeated]
    settled = _until_settled(console, runtime, [answer.delivery for answer in kept], up)
    for answer in kept:
        answer.lines = list(_became(runtime, answer.delivery))
    console.print(_table(answers))
    console.print(_summary(runtime))
    runtime.database.close()
    return settled


def _patience(still: float, up: subprocess.Popen[bytes]) -> Patience:
    return Patience(still, LONGEST, GivenTime(lambda: family(up.pid)))


def _until_ready(client: httpx.Client, folder: Path, up: subprocess.Popen[bytes]) -> None:
    patience = _patience(START_SECONDS, up)
    while up.poll() is None and not (why := patience.is_over()):
        patience.look(len(family(up.pid)))
        try:
            if client.get("/readyz").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    tail = (folder / "up.log").read_text(errors="replace")[-2000:]
    what = "it ended" if up.poll() is not None else why
    raise TransientError(f"`portaria up` did not come up ({what}); its log {folder / 'up.log'} ends:\n{tail}")


def _wait(up: subprocess.Popen[bytes]) -> None:
    """Until it has stopped."""
    try:
        up.wait(LONGEST)
    except subprocess.TimeoutExpired:
        up.kill()
        up.wait()


def _send(client: httpx.Client, sent: _Sent) -> _Answer:
    body = (FOLDER / sent.file).read_bytes()
    path = f"/hooks/{sent.source}/{SECRET}" if sent.in_path else f"/hooks/{sent.source}"
    headers = {"Content-Type": _TYPES[Path(sent.file).suffix], **sent.prove(body)}
    response = client.post(path, content=body, headers=headers)
    delivery = response.json().get("delivery", "") if response.status_code == httpx.codes.ACCEPTED else ""
    return _Answer(sent, response.status_code, delivery)


def _until_settled(console: Console, runtime: Runtime, ids: Sequence[str], up: subprocess.Popen[bytes]) -> bool:
    patience = _patience(SETTLE_SECONDS, up)
    while not (why := patience.is_over()):
        stories = [steps.story(runtime, delivery) for delivery in ids]
        if all(story is not None and story.settled for story in stories):
            return True
        patience.look([[row["state"] for row in story.submissions] if story else [] for story in stories])
        time.sleep(0.2)
    console.print(f"[yellow]Not all is settled: {why}.[/yellow]")
    return False


_COLOURS = {"created": "green", "matched": "cyan", "review": "yellow", "rejected": "red", "quarantined": "red"}


def _became(runtime: Runtime, delivery: str) -> list[tuple[str, str, str]]:
    """(outcome, whom or why, what follows) of each submission, or of the delivery when it has none."""
    story = steps.story(runtime, delivery)
    if story is None:
        return [("lost", "", "")]
    if not story.submissions:
        return [(story.delivery["state"], story.delivery["detail"] or story.delivery["reason"], "")]
    with runtime.database.read() as tx:
        started = workflows.started_for(tx, [row["id"] for row in story.submissions])
        made = {run.id: writes.wanted_by(tx, run.id) for some in started.values() for run in some}
    lines = []
    for row in story.submissions:
        outcome = outcome_name(row["state"], row["decision"]) or row["state"]
        contact = story.contacts.get(row["contact_id"], {})
        whom = contact.get("name") or ", ".join(contact.get("emails", ())) or row["detail"] or row["reason"]
        score = f"{contact['score']} {contact['temperature']}" if contact.get("score") is not None else ""
        done = [write["kind"] for run in started.get(row["id"], []) for write in made[run.id]]
        lines.append((outcome, whom, _follow_up(score, done)))
    return lines


def _follow_up(score: str, writes: Sequence[str]) -> str:
    done = ", ".join(kind.removeprefix("create_").removeprefix("add_") for kind in writes)
    return f"{score}: {done}" if done else score


def _table(answers: Sequence[_Answer]) -> Table:
    table = Table(header_style="bold", pad_edge=False, box=None)
    for heading in ("sent", "answer", "became", "who, or why", "score and follow-up"):
        table.add_column(heading, overflow="fold")
    for answer in answers:
        lines = answer.lines
        if answer.repeated:
            lines = [("known", "the same delivery: answered the same, kept once", "")]
        elif not answer.delivery:
            lines = [("refused", "nothing was stored", "")]
        for position, (outcome, whom, follow_up) in enumerate(lines):
            colour = _COLOURS.get(outcome, "white")
            table.add_row(
                answer.sent.what if position == 0 else "",
                str(answer.status) if position == 0 else "",
                f"[{colour}]{outcome}[/{colour}]",
                escape(whom),
                escape(follow_up),
            )
    return table


def _summary(runtime: Runtime) -> str:
    standing = steps.standing(runtime)
    people = sum(standing.submissions.values())
    return f"\n{sum(standing.deliveries.values())} deliveries kept, {people} submissions, {standing.contacts} contacts."


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
