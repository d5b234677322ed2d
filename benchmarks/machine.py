"""What every benchmark prints first: the machine, the versions, the parameters."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("celery", "kombu", "redis", "sqlalchemy", "psycopg", "pydantic", "rapidfuzz", "phonenumbers", "starlette")


def describe(**parameters: object) -> None:
    """Print them."""
    model = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    print(f"machine: {model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}")
    print(f"python {platform.python_version()}; " + ", ".join(f"{name} {version(name)}" for name in PACKAGES))
    print("parameters: " + ", ".join(f"{name}={value}" for name, value in parameters.items()))
