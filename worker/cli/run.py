"""`up`, `demo`, and the single processes of a grown deployment: `web`, `worker`, `beat`, `mailbox`, `flower`."""

from __future__ import annotations

import os
import signal
import socket
import threading

import click
import uvicorn

from worker import celery_app, demo, embedded, supervisor, tasks
from worker.cli import starting
from worker.cli.shell import NOT_WELL, Shell, console, open_runtime, settings
from worker.config import Settings
from worker.errors import ConfigurationError, TransientError
from worker.mailbox import read_mailboxes
from worker.webhook import Doorbell

PING_SECONDS = 5.0

WORKER_NICENESS = 10
"""On a machine of their own workers take what they get; on a shared one the door goes first."""


def add_to(portaria: Shell) -> None:
    """Add these commands to the command line."""
    for command in (up, run_demo, web, worker, beat, mailbox, flower):
        portaria.add_command(command)


@click.command(cls=Shell.command_class)
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the web server.  [default: web.port, 8080]")
@click.option("--host", help="Address of the web server.  [default: web.host, 127.0.0.1]")
@click.option("--flower", is_flag=True, help="Run Flower too, to watch the chains (on loopback, port 5555).")
def up(port: int | None, host: str | None, flower: bool) -> None:
    """Run everything on this machine: web, workers, scheduler and a private broker. Ctrl-C stops it."""
    chosen = starting.ensure_folder(settings())
    chosen = _with_web(chosen, host, port)

    def ready() -> None:
        console.print(f"[bold green]Portaria is up[/bold green] at http://{chosen.web.host}:{chosen.web.port}/")
        for line in starting.how_to_send(chosen):
            console.print(line)
        if flower:
            console.print("Flower: http://127.0.0.1:5555/")
        console.print("Ctrl-C stops it; started again, it carries on where it was.")

    program = embedded.find_server() if chosen.embedded_broker else None
    if chosen.broker.url == embedded.IN_PROCESS or (chosen.embedded_broker and program is None):
        console.print("No broker server: everything runs in this one process.")
        supervisor.run_in_one_process(chosen, ready=ready)
    else:
        supervisor.Supervisor(chosen, program, flower=flower).run(ready=ready)
    console.print("Stopped.")


def _with_web(chosen: Settings, host: str | None, port: int | None) -> Settings:
    given = {"host": host, "port": port}
    web_section = chosen.web.model_copy(update={key: value for key, value in given.items() if value is not None})
    return chosen.model_copy(update={"web": web_section})


@click.command("demo", cls=Shell.command_class)
@click.option("--keep", is_flag=True, help="Keep the demo's data folder and say where it is.")
def run_demo(keep: bool) -> None:
    """Send the shipped deliveries through the whole chain over HTTP, and show what became of each."""
    if not demo.run(console, keep=keep):
        click.get_current_context().exit(NOT_WELL)


@click.command(cls=Shell.command_class)
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: web.port]")
@click.option("--host", help="Address to listen on.  [default: web.host]")
def web(port: int | None, host: str | None) -> None:
    """Run the HTTP door alone."""
    from worker.site import build_site  # mcp takes a second to import, and only the web process needs it

    supervisor.end_with_supervisor()
    chosen = _with_web(settings(), host, port)
    celery_app.configure(chosen, _broker(chosen))
    runtime = open_runtime(chosen)
    uvicorn.run(
        build_site(runtime),
        host=chosen.web.host,
        port=chosen.web.port,
        access_log=False,  # its lines hold the secrets of /hooks/{source}/{secret}
        log_config=None,
        server_header=False,
    )


@click.command(cls=Shell.command_class)
@click.option("--queues", default=",".join(celery_app.QUEUES), show_default=True, help="Queues to work on.")
@click.option("--name", default="all", show_default=True, help="Name of this worker, as Flower shows it.")
@click.option("--processes", type=click.IntRange(1), help="Pool processes.  [default: worker.processes]")
@click.option("--ping", is_flag=True, help="Ask this host's worker of that name whether it is well, and end.")
def worker(queues: str, name: str, processes: int | None, ping: bool) -> None:
    """Run a Celery worker."""
    if ping:
        _ping(name)
        return
    unknown = sorted(set(queues.split(",")) - set(celery_app.QUEUES))
    if unknown:
        raise ConfigurationError(f"no such queue: {', '.join(unknown)}; there are {', '.join(celery_app.QUEUES)}")
    supervisor.end_with_supervisor()
    if supervisor.is_supervised():
        os.nice(WORKER_NICENESS)
    chosen = settings()
    celery_app.configure(chosen, _broker(chosen))
    open_runtime(chosen).database.close()
    arguments = ["--quiet", "worker", "--hostname", f"{name}@%h", "--queues", queues, "--loglevel", "INFO"]
    arguments += ["--concurrency", str(processes or chosen.processes), "--without-mingle", "--without-gossip"]
    celery_app.app.worker_main(arguments)


def _ping(name: str) -> None:
    chosen = settings()
    celery_app.configure(chosen, _broker(chosen))
    worker_name = f"{name}@{socket.gethostname()}"
    if not celery_app.app.control.ping(destination=[worker_name], timeout=PING_SECONDS):
        raise TransientError(f"{worker_name} does not answer")


@click.command(cls=Shell.command_class)
def beat() -> None:
    """Run the scheduler, which looks each second for what is due. One of them is enough; two do no harm."""
    supervisor.end_with_supervisor()
    chosen = settings()
    celery_app.configure(chosen, _broker(chosen))
    celery_app.app.Beat(loglevel="INFO", quiet=True).run()


@click.command(cls=Shell.command_class)
def mailbox() -> None:
    """Read the mailboxes of portaria.toml. One such process is enough; two do no harm."""
    supervisor.end_with_supervisor()
    chosen = settings()
    if not chosen.mailboxes:
        raise ConfigurationError(f"there is no mailbox to read: add a [mailboxes.NAME] to {chosen.file}")
    celery_app.configure(chosen, _broker(chosen))
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    read_mailboxes(open_runtime(chosen), ring=Doorbell(tasks.ring).press, stop=stop)


@click.command(cls=Shell.command_class)
@click.option("--port", type=click.IntRange(1, 65535), default=5555, show_default=True)
@click.option("--address", default="127.0.0.1", show_default=True, help="Keep it on loopback or behind a proxy.")
def flower(port: int, address: str) -> None:
    """Run Flower, to watch workers and chains. It shows ids only; still, it has no login of its own here."""
    supervisor.end_with_supervisor()
    chosen = settings()
    celery_app.configure(chosen, _broker(chosen))
    celery_app.app.start(["flower", f"--port={port}", f"--address={address}", "--read-only=True"])


def _broker(chosen: Settings) -> str:
    url = embedded.broker_url(chosen)
    if url is None:
        raise ConfigurationError(
            "no broker: [broker] url is empty, and the embedded one is not running. "
            "Run `portaria up`, or set [broker] url (PORTARIA_BROKER__URL) to a Redis or Valkey server"
        )
    return url
