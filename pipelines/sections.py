"""A table of the configuration as a frozen value; a mistake in it is told by the key, never by the value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError

from pipelines.models import Value

V = TypeVar("V", bound=Value)


def read_section(model: type[V], given: Mapping[str, object], where: str) -> V:
    """`given` as a `model`. Raises ValueError with one line for each mistake: `[scoring] points.cnpj: what is wrong`.

    `where` is the table's name in portaria.toml.
    """
    try:
        return model.model_validate(given)
    except ValidationError as problem:
        lines = []
        for error in problem.errors():
            key = ".".join(str(part) for part in error["loc"])
            what = "there is no such key" if error["type"] == "extra_forbidden" else error["msg"]
            lines.append(f"[{where}] {key}: {what}" if key else f"[{where}] {what.removeprefix('Value error, ')}")
        raise ValueError("\n".join(lines)) from None
