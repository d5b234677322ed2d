"""Tokens of links to unsubscribe: only ours are taken, and none tells the address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.opt_outs import address_digest, digest_of, unsubscribe_token

ADDRESS, SECRET = "marina@industria.example.com", "invented-secret"


@given(st.emails(), st.text(min_size=1))
def test_a_token_leads_back_to_its_address_and_does_not_hold_it(address: str, secret: str) -> None:
    token = unsubscribe_token(address, secret)
    assert digest_of(token, secret) == address_digest(address)
    assert address not in token
    assert digest_of(token, f"{secret}x") is None


def test_an_address_is_the_same_however_it_is_written() -> None:
    assert address_digest(f"  {ADDRESS.upper()} ") == address_digest(ADDRESS)


@given(st.integers(min_value=0, max_value=107), st.sampled_from("0123456789abcdefXYZ-_."))
def test_a_token_that_is_changed_anywhere_is_none(position: int, letter: str) -> None:
    token = unsubscribe_token(ADDRESS, SECRET)
    forged = token[:position] + letter + token[position + 1 :]
    assert (digest_of(forged, SECRET) is None) == (forged != token)


@pytest.mark.parametrize("token", ["", ".", "a" * 64, f"{'a' * 64}.", f"{'a' * 64}.{'A' * 43}", "é" * 108])
def test_other_texts_are_no_tokens(token: str) -> None:
    assert digest_of(token, SECRET) is None
