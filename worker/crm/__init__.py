"""CRMs. One file each; to add one, see CONTRIBUTING."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from worker.config import CrmSection
from worker.crm.local import LocalCrm
from worker.errors import ConfigurationError
from worker.ports import Crm, LocalRecords

CRMS: Mapping[str, Callable[[CrmSection, LocalRecords], Crm]] = {
    "local": lambda _section, records: LocalCrm(records),
}


def build_crm(section: CrmSection, records: LocalRecords) -> Crm:
    """The CRM that `[crm]` names. Raises `ConfigurationError`."""
    try:
        build = CRMS[section.kind]
    except KeyError:
        kinds = ", ".join(sorted(CRMS))
        raise ConfigurationError(f"[crm] kind: there is no {section.kind!r}; there are {kinds}") from None
    return build(section, records)
