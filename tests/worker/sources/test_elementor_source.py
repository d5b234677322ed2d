"""Elementor: both layouts of its webhook."""

from __future__ import annotations

import pytest

from worker.errors import Unparsable

FORM = "application/x-www-form-urlencoded"


def test_the_advanced_layout_declares_types_and_titles(payload, read, look) -> None:
    (record,) = read("elementor", payload("elementor.json"))
    seen = look(record)
    assert (seen.values["name"], seen.labels["name"], seen.hints["name"]) == (("Quitéria Luz",), "Nome", "")
    assert (seen.said["email"], seen.said["phone"]) == (["quiteria@example.com.br"], ["(85) 95550-0122"])
    assert seen.values["page_url"] == ("https://example.com.br/",)
    assert seen.values["remote_ip"] == ("2001:db8::7",)
    assert not {"user_agent", "credit"} & set(seen.values)


def test_the_advanced_layout_as_it_is_sent(read, look) -> None:
    body = (
        b"form%5Bid%5D=f1&form%5Bname%5D=Contato&fields%5Bmail%5D%5Btype%5D=email&fields%5Bmail%5D%5Btitle%5D=E-mail"
        b"&fields%5Bmail%5D%5Bvalue%5D=ana%40example.com&fields%5Bplain%5D=x&extra=y"
    )
    (record,) = read("elementor", body, FORM)
    seen = look(record)
    assert seen.said["email"] == ["ana@example.com"]
    assert (seen.values["plain"], seen.values["extra"]) == (("x",), ("y",))


def test_the_simple_layout_has_labels_as_keys(read, look) -> None:
    body = (
        b"Nome=Ana+Prado&E-mail=ana%40example.com&No+Label+tel=85+95550-0122"
        b"&Interesses%5B0%5D=A&Interesses%5B1%5D=B&form_id=f1&form_name=Contato"
    )
    (record,) = read("elementor", body, FORM)
    seen = look(record)
    assert (seen.values["Nome"], seen.labels["Nome"]) == (("Ana Prado",), "Nome")
    assert (seen.values["No Label tel"], seen.labels["No Label tel"]) == (("85 95550-0122",), "tel")
    assert seen.values["Interesses"] == ("A", "B")
    assert seen.hints["form_name"] == "ignore"


def test_a_list_is_unparsable(read) -> None:
    with pytest.raises(Unparsable):
        read("elementor", b"[1]")
