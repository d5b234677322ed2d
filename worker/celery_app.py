"""The Celery application. Every setting says why.

Celery moves the work; the database is the truth. Measured: no broker setting alone keeps every chain (Redis lost 1 to
4 of 600 over 25 kills at its best), so these settings make loss rare and the sweeper makes it harmless.
"""

from __future__ import annotations

import os

from celery import Celery, Task, signals
from kombu import Exchange, Queue

from worker.config import Settings, load_settings
from worker.errors import PortariaError
from worker.logs import kind_and_place
from worker.steps.runtime import Runtime, build_runtime

INTAKE = "intake"
"""Opening deliveries and sending chains: must never wait behind the work it sends."""
STAGES = "stages"
"""Stages that only compute and touch the store."""
ENRICH = "enrich"
"""Look-ups outside, slow at times."""
CRM = "crm"
"""Calls to the CRM and to sinks: slow, rate-limited, and down at times."""
QUEUES = (INTAKE, STAGES, ENRICH, CRM)

RECONCILE_SECONDS = 60.0
"""How often the scheduler looks for sources whose provider is to be asked what changed."""
SWEEP_SECONDS = 1.0
"""How often the scheduler looks for what is due: the most that a lost doorbell costs."""
WATCH_SECONDS = 600.0
"""How often it is asked whether the time has come to look at drift (`[learning] check_hours`)."""
TELL_SECONDS = 5.0
"""How often it looks whether the CRM has to be told of a merge."""


UNHEARD = frozenset({"portaria.dispatch", "portaria.look_again", "portaria.resume_plans", "portaria.tell_crm"})
"""Tasks that ring no bell: they run all the time, and mostly change nothing."""


class TaskFailed(Exception):
    """A task failed. Celery logs an error's text and sends it to Flower, so this one has none of somebody's data."""


class StepTask(Task):  # type: ignore[misc]  # Celery has no types
    """A task whose failure tells what kind it was and where, and nothing else."""

    def __call__(self, *arguments: object, **keywords: object) -> object:
        try:
            made = super().__call__(*arguments, **keywords)
        except PortariaError as problem:
            raise TaskFailed(f"{problem.code}: {problem}") from None
        except Exception as error:
            raise TaskFailed(kind_and_place(error)) from None
        if self.name not in UNHEARD:
            runtime().changes.ring()  # agents that watch resources look
        return made


RESUME_SECONDS = 30.0
"""How often it looks for plans of agents that a process left in the middle."""

LOOK_AGAIN_SECONDS = 15.0
"""How often the scheduler looks for sources of facts that are to be asked again."""


app = Celery("portaria", task_cls=StepTask, include=["worker.tasks"])
app.conf.update(
    # Ids only, and readable in Flower; pickle would run what it reads.
    task_serializer="json",
    accept_content=["json"],
    # State is in the database: a result would be a second truth, and costs an eighth of the throughput.
    task_ignore_result=True,
    # A message is gone only when its stage is saved; a worker that dies leaves it to another.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # Our errors are values in the database; a task that raises hit a bug or a dead database: the sweeper sends it.
    task_acks_on_failure_or_timeout=True,
    # What is prefetched stands before whatever comes that is more urgent, and waits while another worker may be idle.
    worker_prefetch_multiplier=1,
    # On SIGTERM finish what is in hand; past this, put it back. Stages are short, CRM batches take seconds.
    worker_soft_shutdown_timeout=30.0,
    # Keep trying a broker that restarts, for as long as it takes; the default gives up after 100 times.
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # A stage that takes longer than this hangs: its lease has run out and another has taken over.
    task_time_limit=300,
    # Every queue durable and of its own, so that slow CRM calls never starve the rest.
    task_queues=[Queue(name, Exchange(name), routing_key=name) for name in QUEUES],
    task_default_queue=STAGES,
    task_create_missing_queues=False,
    task_routes={
        "portaria.dispatch": {"queue": INTAKE},
        "portaria.admit": {"queue": ENRICH},
        "portaria.reconcile": {"queue": ENRICH},
        "portaria.enrich": {"queue": ENRICH},
        # Now and then it trains for a minute: no stage is to wait for that.
        "portaria.watch_model": {"queue": ENRICH},
        "portaria.look_again": {"queue": ENRICH},
        "portaria.create": {"queue": CRM},
        "portaria.tell_crm": {"queue": CRM},
        "portaria.resume_plans": {"queue": CRM},
        "portaria.trigger": {"queue": CRM},
        "portaria.follow_up": {"queue": INTAKE},
        "portaria.advance": {"queue": CRM},
        "portaria.deliver": {"queue": CRM},
    },
    # So that Flower shows what runs. It costs a third of the throughput of empty tasks, little of real ones.
    worker_send_task_events=True,
    task_send_sent_event=True,
    # The scheduler keeps no file: the sweep has no memory and needs none.
    beat_scheduler="celery.beat:Scheduler",
    beat_schedule={
        # Expires before the next: a queue that was stopped for an hour must not run 3,600 sweeps.
        "sweep": {"task": "portaria.dispatch", "schedule": SWEEP_SECONDS, "options": {"expires": SWEEP_SECONDS * 5}},
        # Each minute: which sources are due is in the database, and so is how far each was asked.
        "reconcile": {"task": "portaria.reconcile", "schedule": RECONCILE_SECONDS, "options": {"expires": 60}},
        "tell": {"task": "portaria.tell_crm", "schedule": TELL_SECONDS, "options": {"expires": TELL_SECONDS}},
        "watch-model": {
            "task": "portaria.watch_model",
            "schedule": WATCH_SECONDS,
            "options": {"expires": WATCH_SECONDS},
        },
        "resume-plans": {
            "task": "portaria.resume_plans",
            "schedule": RESUME_SECONDS,
            "options": {"expires": RESUME_SECONDS},
        },
        "look-again": {
            "task": "portaria.look_again",
            "schedule": LOOK_AGAIN_SECONDS,
            "options": {"expires": LOOK_AGAIN_SECONDS},
        },
        "follow up": {
            "task": "portaria.follow_up",
            "schedule": SWEEP_SECONDS,
            "options": {"expires": SWEEP_SECONDS * 5},
        },
    },
    beat_max_loop_interval=SWEEP_SECONDS,
    timezone="UTC",
    # Our own logging, which holds no personal data; Celery's would print arguments and exceptions as it likes.
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
)

_REDIS_OPTIONS = {
    # Above the longest stage and shorter than the patience of a person: a message whose worker died comes back. (To
    # open an import may take longer; its message comes back expired.)
    "visibility_timeout": 360,
    # How often kombu looks for messages to restore; its default takes about ten visibility timeouts.
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 2,
    # A broken connection is noticed while nothing is sent over it.
    "health_check_interval": 15,
    "socket_keepalive": True,
    "socket_connect_timeout": 5,
}
_MEMORY_OPTIONS = {
    # kombu's default looks once a second, which a chain of seven would pay seven times.
    "polling_interval": 0.01
}


def broker_options(url: str) -> dict[str, object]:
    """kombu's transport options for this broker."""
    if url.startswith("redis"):
        return dict(_REDIS_OPTIONS)
    return dict(_MEMORY_OPTIONS) if url.startswith("memory") else {}


class _Current:
    """The settings of this process, and its runtime: made after a fork, never carried over one."""

    settings: Settings | None = None
    runtime: Runtime | None = None
    pid = 0


def configure(settings: Settings, broker_url: str) -> None:
    """Point the application at the broker and the store of `settings`."""
    _Current.settings = settings
    _Current.runtime = None
    app.conf.update(broker_url=broker_url, broker_transport_options=broker_options(broker_url))


def runtime() -> Runtime:
    """This process's runtime."""
    if _Current.runtime is None or _Current.pid != os.getpid():
        _Current.runtime = build_runtime(_Current.settings or load_settings())
        _Current.pid = os.getpid()
    return _Current.runtime


def use_runtime(given: Runtime) -> None:
    """Use this runtime here (a process that has made one already)."""
    _Current.settings, _Current.runtime, _Current.pid = given.settings, given, os.getpid()


@signals.setup_logging.connect
def _leave_logging_alone(**_: object) -> None:
    """Being connected is what tells Celery that logging is set up elsewhere (`worker.logs`)."""
