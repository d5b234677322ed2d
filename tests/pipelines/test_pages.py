"""Which pages somebody looked at, as trackers say it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.pages import Page, read_pages


@pytest.mark.parametrize(
    ("extra", "page", "views"),
    [
        ({"page_url": "https://example.com/br/precos?utm_source=x"}, "pricing", 0),
        ({"Página": "https://example.com/blog/como-vender"}, "content", 0),
        ({"pages": "https://example.com/blog https://example.com/planos"}, "pricing", 0),
        ({"landing page": "https://example.com/trabalhe-conosco/vagas"}, "careers", 0),
        ({"referrer": "https://precos.example.com/"}, None, 0),
        ({"Page views": "7", "TotalVisits": "3.0"}, None, 3),
        ({"Mensagem": "https://example.com/precos"}, None, 0),
        ({"url": "http://[::1/precos", "page views": "-3"}, None, 0),
        ({}, None, 0),
    ],
)
def test_pages(extra: dict[str, str], page: str | None, views: int) -> None:
    assert read_pages(extra) == (page, views)


@given(st.dictionaries(st.sampled_from(("url", "page_views", "pagina")), st.text(max_size=60)))
def test_nothing_raises(extra: dict[str, str]) -> None:
    page, views = read_pages(extra)
    assert page is None or page in set(Page)
    assert views >= 0
