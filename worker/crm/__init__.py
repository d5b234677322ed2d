"""CRMs. One file each; to add one, see CONTRIBUTING."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from worker.asking import Around
from worker.config import CrmSection
from worker.crm.kommo import KommoCrm
from worker.crm.local import LocalCrm
from worker.errors import ConfigurationError
from worker.kommo.settings import open_client, read_settings
from worker.ports import Crm


def _kommo(section: CrmSection, around: Around) -> Crm:
    client = open_client(
        section,
        credentials=around.credentials,
        circuits=around.circuits,
        rates=around.rates,
        clock=around.clock,
    )
    return KommoCrm(client, read_settings(section))


CRMS: Mapping[str, Callable[[CrmSection, Around], Crm]] = {
    "local": lambda _section, around: LocalCrm(around.records),
    "kommo": _kommo,
}


def build_crm(section: CrmSection, around: Around) -> Crm:
    """The CRM that `[crm]` names. Raises `ConfigurationError`."""
    try:
        build = CRMS[section.kind]
    except KeyError:
        kinds = ", ".join(sorted(CRMS))
        raise ConfigurationError(f"[crm] kind: there is no {section.kind!r}; there are {kinds}") from None
    return build(section, around)
