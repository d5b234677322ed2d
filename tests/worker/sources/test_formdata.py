"""The decoder of form bodies: PHP's bracket keys, doubles, bad escapes, charsets, bounds."""

from __future__ import annotations

from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import Unparsable
from worker.sources.formdata import MAX_PARAMETERS, multipart_pairs, nest, urlencoded_pairs
from worker.sources.trees import MAX_DEPTH

BOUNDARY = b"frontier"


def decoded(body: bytes) -> object:
    return nest(urlencoded_pairs(body))


def multipart(*parts: tuple[str, bytes], end: bytes = b"--frontier--\r\n") -> bytes:
    return (
        b"".join(
            b"--frontier\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + data + b"\r\n"
            for head, data in parts
        )
        + end
    )


@pytest.mark.parametrize(
    ("body", "tree"),
    [
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        (b"a%5Bb%5D%5B0%5D=1", {"a": {"b": {"0": "1"}}}),
        (b"a[7]=x&a[3]=y", {"a": {"7": "x", "3": "y"}}),
        (b"a[]=x&a[]=y&a[5]=z&a[]=w", {"a": {"0": "x", "1": "y", "5": "z", "6": "w"}}),
        (b"a[][b]=x&a[][b]=y", {"a": {"0": {"b": "x"}, "1": {"b": "y"}}}),
        (b"a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
        (b"a=1&a[b]=2", {"a": {"": "1", "b": "2"}}),
        (b"a[b]=2&a=1&a=3", {"a": {"b": "2", "": ["1", "3"]}}),
        (b"flag&=x&&", {"flag": "", "": "x"}),
        (b"a=b=c", {"a": "b=c"}),
        (b"[b]=1&a[b=2&c]=3&a]b[=4", {"[b]": "1", "a[b": "2", "c]": "3", "a]b[": "4"}),
        (b"linked_leads_id[15][ID]=15", {"linked_leads_id": {"15": {"ID": "15"}}}),
        (b"nome=Jo%C3%A3o+Prado", {"nome": "João Prado"}),
        (b"nome=Jo%E3o", {"nome": "João"}),
        (b"nome=Jo\xe3o", {"nome": "João"}),
        (b"a=100%&b=%zz&c=%4", {"a": "100%", "b": "%zz", "c": "%4"}),
        (b"a=x\r\n", {"a": "x"}),
        (b"a=%EF%BB%BFx&b=%FF%FE", {"a": "\ufeffx", "b": "ÿþ"}),
    ],
)  # fmt: skip
def test_keys_and_values_mean_what_php_and_browsers_write(body: bytes, tree: object) -> None:
    assert decoded(body) == tree


def test_a_declared_charset_is_obeyed_unless_it_is_only_habit() -> None:
    assert urlencoded_pairs("имя=Анна".encode("cp1251"), "windows-1251") == [("имя", "Анна")]
    assert urlencoded_pairs("nome=João".encode(), "iso-8859-1") == [("nome", "João")]


def test_a_hook_of_sixty_leads_keeps_all_its_1200_parameters() -> None:
    pairs = [(f"leads[add][{lead}][f{number}]", f"{lead}-{number}") for lead in range(60) for number in range(20)]
    tree = nest(urlencoded_pairs(urlencode(pairs).encode()))
    leads = tree["leads"]["add"]
    assert len(leads) == 60
    assert all(lead[f"f{number}"] == f"{place}-{number}" for place, lead in leads.items() for number in range(20))


def test_over_the_bounds_the_whole_body_is_refused() -> None:
    assert len(urlencoded_pairs(b"&".join([b"a=1"] * MAX_PARAMETERS))) == MAX_PARAMETERS
    with pytest.raises(Unparsable, match="parameters"):
        urlencoded_pairs(b"&".join([b"a=1"] * (MAX_PARAMETERS + 1)))
    assert nest([("a" + "[b]" * (MAX_DEPTH - 1), "1")])
    with pytest.raises(Unparsable, match="deeper"):
        nest([("a" + "[b]" * MAX_DEPTH, "1")])


def test_multipart_parts_are_fields_and_a_file_is_its_name() -> None:
    body = multipart(
        ('name="nome"', "João".encode()),
        ('name="endereco[cidade]"', b"Natal"),
        ('name="foto"; filename="eu.png"\r\nContent-Type: image/png', b"\x89PNG\r\n--front"),
        ('name="nota"', "ã".encode("latin-1")),
        ('name="vazio"', b""),
    )
    expected = [("nome", "João"), ("endereco[cidade]", "Natal"), ("foto", "eu.png"), ("nota", "ã"), ("vazio", "")]
    assert multipart_pairs(body, BOUNDARY) == expected
    assert multipart_pairs(body, b"") == expected, "the body's first line says the boundary"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (multipart(('name="a"', b"1"), end=b""), "breaks off"),
        (b"", "boundary"),
        (b"--frontier\r\nbad header\r\n\r\nx\r\n--frontier--\r\n", "malformed"),
        (b"--other\r\n", "malformed"),
    ],
)
def test_broken_multipart_is_unparsable(body: bytes, complaint: str) -> None:
    with pytest.raises(Unparsable, match=complaint):
        multipart_pairs(body, BOUNDARY if body else b"")


def test_too_many_parts_are_refused() -> None:
    with pytest.raises(Unparsable, match="parameters"):
        multipart_pairs(multipart(*[('name="a"', b"")] * (MAX_PARAMETERS + 1)), BOUNDARY)


names = st.text(min_size=1, max_size=8).filter(lambda name: not set("[]") & set(name) and not name.isdigit())
leaves = st.text(max_size=12)
trees = st.dictionaries(
    names,
    st.recursive(leaves, lambda inner: st.dictionaries(names, inner, min_size=1, max_size=4), max_leaves=12),
    min_size=1,
    max_size=5,
)


def encoded(tree: object, prefix: str = "") -> list[tuple[str, str]]:
    if isinstance(tree, dict):
        return [
            pair for name, child in tree.items() for pair in encoded(child, f"{prefix}[{name}]" if prefix else name)
        ]
    return [(prefix, str(tree))]


@given(trees)
def test_what_is_encoded_with_brackets_comes_back(tree: dict[str, object]) -> None:
    body = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in encoded(tree)).encode()
    assert decoded(body) == tree


@given(st.lists(st.tuples(names, leaves), min_size=1, max_size=20))
def test_no_value_of_a_doubled_key_is_lost(pairs: list[tuple[str, str]]) -> None:
    tree = nest(pairs)
    kept = [one for value in tree.values() for one in (value if isinstance(value, list) else [value])]
    assert sorted(kept) == sorted(value for _, value in pairs)


def count(tree: object) -> int:
    if isinstance(tree, dict | list):
        return sum(map(count, tree.values() if isinstance(tree, dict) else tree))
    return 1


@given(st.lists(st.tuples(st.text(alphabet="ab[]01", max_size=10), st.just("v")), max_size=30))
def test_whatever_the_brackets_every_value_is_in_the_tree(pairs: list[tuple[str, str]]) -> None:
    assert count(nest(pairs)) == len(pairs)


@given(st.binary(max_size=300) | st.text(alphabet="a[]=&%25+;\x00é", max_size=200).map(str.encode))
def test_arbitrary_bytes_decode_or_are_unparsable(body: bytes) -> None:
    nest(urlencoded_pairs(body))
    for attempt in (body, multipart(('name="a"', body)), b"--frontier\r\n" + body):
        try:
            nest(multipart_pairs(attempt, BOUNDARY))
        except Unparsable:
            continue
