"""A job title is read as a person reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.jobs import Area, Job, Seniority, read_job


@pytest.mark.parametrize(
    ("title", "seniority", "area"),
    [
        ("Diretora Comercial", "director", "sales"),
        ("DIRETOR DE TI", "director", "it"),
        ("Gerente de Compras", "manager", "purchasing"),
        ("Coordenador pedagógico", "manager", "education"),
        ("Sócio-administrador", "owner", None),
        ("Sócia e Diretora Financeira", "owner", "finance"),
        ("Proprietária", "owner", None),
        ("Diretor-presidente", "executive", None),
        ("Vice-presidente de Operações", "vice_president", "operations"),
        ("Analista de RH", "professional", "human_resources"),
        ("Engenheiro de vendas", "professional", "sales"),
        ("Estagiária de Marketing", "intern", "marketing"),
        ("Aux. / Auxiliar administrativo", "assistant", "administration"),
        ("Estudante de direito", "student", None),
        ("CEO & Founder", "owner", None),
        ("Chief Revenue Officer", "executive", "sales"),
        ("CFO", "executive", "finance"),
        ("VP Sales", "vice_president", "sales"),
        ("Head of Growth", "director", "marketing"),
        ("Purchasing Manager", "manager", "purchasing"),
        ("Software Engineer", "professional", "it"),
        ("Law student", "student", None),
        ("Directora de Compras", "director", "purchasing"),
        ("Jefe de ventas", "manager", "sales"),
        ("Director general", "executive", None),
        ("Becario", "intern", None),
    ],
)
def test_titles_in_three_languages(title: str, seniority: str, area: str | None) -> None:
    assert read_job(title) == Job(seniority=Seniority(seniority), area=Area(area) if area else None)


@pytest.mark.parametrize(
    ("title", "seniority"),
    [
        ("Assistente de Diretoria", "assistant"),
        ("Assistente do Diretor Comercial", "assistant"),
        ("Secretária da Presidência", "assistant"),
        ("Assistente Diretoria", "assistant"),
        ("Estagiário Gerência Comercial", "intern"),
        ("Director's Assistant", "assistant"),
        ("Executive Assistant to the CEO", "assistant"),
        ("Assistant Director", "director"),
        ("Assistant Manager", "manager"),
    ],
)
def test_who_serves_a_director_is_none(title: str, seniority: str) -> None:
    assert read_job(title).seniority == seniority


@pytest.mark.parametrize(
    ("title", "seniority"),
    [
        ("Diretor de Arte", "professional"),
        ("Gerente de contas", "professional"),
        ("HR Business Partner", "professional"),
    ],
)
def test_posts_that_only_sound_high(title: str, seniority: str) -> None:
    assert read_job(title).seniority == seniority


@pytest.mark.parametrize(
    "title", ["Ex-diretor", "Former CEO", "Engenheira aposentada", "Dona de casa", "Sem cargo", "", "😀", "\x00"]
)
def test_what_is_no_post_today_has_no_seniority(title: str) -> None:
    assert read_job(title).seniority is None


def test_a_former_post_does_not_hide_the_present_one() -> None:
    assert read_job("Gerente (ex-diretor)").seniority is Seniority.MANAGER


@pytest.mark.parametrize("title", ["Padaria Invenção Ltda", "Presidente Transportes Ltda", "Diretor S/A"])
def test_a_company_in_the_place_of_a_title_is_no_post(title: str) -> None:
    assert read_job(title) == Job()


def test_the_employer_behind_a_preposition_is_no_hindrance() -> None:
    assert read_job("Diretor da Invenção Ltda").seniority is Seniority.DIRECTOR


@given(st.text(max_size=300))
def test_never_fails_and_depends_on_nothing_but_the_words(title: str) -> None:
    assert read_job(title) == read_job(f"  {title} ") or len(title) > 190
