"""Is the document right, and whose is it?"""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ("11.222.333/0001-81", {"document_kind": "cnpj", "document_valid": "true", "cnpj_root": "11222333"}),
        ("11.222.333/0001-82", {"document_kind": "cnpj", "document_valid": "false"}),
        ("529.982.247-25", {"document_kind": "cpf", "document_valid": "true"}),
        ("12.ABC.345/01DE-35", {"document_kind": "cnpj", "document_valid": "true", "cnpj_root": "12ABC345"}),
        (
            "529.982.247-25 11.222.333/0001-81",
            {"document_kind": "cnpj", "document_valid": "true", "cnpj_root": "11222333"},
        ),
        ("AB123456", {}),
        ("", {}),
    ],
)
def test_kind_check_digits_and_root(
    values_of: Callable[..., dict[str, str]], document: str, found: dict[str, str]
) -> None:
    assert values_of("document", document=document) == found
