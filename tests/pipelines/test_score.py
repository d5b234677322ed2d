"""Scores that a salesperson would nod at, and that always sum."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.crm_fields import changed_fields
from pipelines.models import Contact, DecisionKind, Document, DocumentKind, Email, Fact, Origin, Phone, Score
from pipelines.reasons import CLAMP
from pipelines.score import score_features
from pipelines.scoring_features import read_features
from pipelines.scoring_rules import ScoringRules, read_scoring

Make = Callable[..., Contact]
MODEL = ScoringRules()


def typed(**fields: str) -> dict[str, str]:
    """What somebody typed into a form."""
    return fields


MOBILE, FIXED = "(11) 98765-4301", "(11) 3333-4444"
CASES: dict[str, tuple[dict[str, str], str, set[str]]] = {
    "a director of a named company asks for a quote": (
        typed(
            name="Ana Souza", mail="ana.souza@example.com.br", phone=MOBILE, company="Invenção", job_title="Diretora",
            message="Gostaria de um orçamento para 200 licenças.",
        ),
        "hot",
        {"seniority", "corporate_mail", "company", "intent_buy", "mobile_phone"},
    ),
    "the owner of a small firm with free mail and a CNPJ wants to buy today": (
        typed(
            name="Rui Lima", mail="padaria.inventada@gmail.com", phone=MOBILE, document="11.222.333/0001-81",
            company="Padaria Inventada", job_title="Proprietário", message="Quero comprar ainda hoje, qual o valor?",
        ),
        "hot",
        {"seniority", "cnpj", "company", "intent_buy", "urgent"},
    ),
    "a CEO writes in English for pricing": (
        typed(
            name="Jane Doe", mail="jane.doe@example.com", phone="+1 202 555 0143", company="Example Corp",
            job_title="CEO", message="Could you send us pricing for fifty seats, please?",
        ),
        "hot",
        {"seniority", "corporate_mail", "intent_buy", "fixed_phone"},
    ),
    "a buyer writes in Spanish for a quotation, in detail": (
        typed(
            name="Luz Vega", mail="luz.vega@example.com", phone="+34 612 34 56 78", company="Ejemplo SA",
            job_title="Jefa de Compras",
            message="Necesitamos una cotización de cien unidades con entrega en Madrid antes de fin de mes, y saber si "
            "ofrecen descuento por volumen y soporte en español para el equipo.",
        ),
        "hot",
        {"seniority", "area", "intent_buy", "message_long"},
    ),
    "an analyst of a named company wants a demonstration": (
        typed(
            name="Ana Souza", mail="ana.souza@example.com.br", phone=MOBILE, company="Invenção", job_title="Analista",
            message="Podemos agendar uma demonstração?",
        ),
        "warm",
        {"seniority", "intent_meet"},
    ),
    "a manager leaves complete data and no word": (
        typed(
            name="Ana Souza", mail="ana.souza@example.com.br", phone=MOBILE, company="Invenção",
            job_title="Gerente de TI",
        ),
        "warm",
        {"seniority", "area", "corporate_mail"},
    ),
    "somebody with free mail and a mobile asks for the price": (
        typed(name="Bia Lima", mail="bia.inventada@gmail.com", phone=MOBILE, message="Quero saber o preço do serviço"),
        "warm",
        {"intent_buy", "mobile_phone", "full_name"},
    ),
    "a company's desk asks for a quote, no person named": (
        typed(
            mail="contato@example.com.br", phone=FIXED, company="Invenção",
            message="Precisamos de um orçamento de manutenção mensal.",
        ),
        "warm",
        {"role_mail", "no_name", "intent_buy"},
    ),
    "a person without a name asks for a quote from a corporate address": (
        typed(mail="ana.souza@example.com.br", phone=MOBILE, message="Podem me enviar um orçamento?"),
        "warm",
        {"no_name", "corporate_mail", "intent_buy"},
    ),
    "the company is named as the job title": (
        typed(
            name="Ana Souza", mail="ana.souza@example.com.br", phone=MOBILE, job_title="Padaria Invenção Ltda",
            message="Qual o valor do plano anual?",
        ),
        "warm",
        {"company", "intent_buy"},
    ),
    "an anonymous free mailbox": (typed(mail="inventada@gmail.com"), "cold", {"no_name"}),
    "an anonymous free mailbox asks for the price": (
        typed(mail="inventada@gmail.com", message="qual o preço?"),
        "cold",
        {"no_name", "intent_buy"},
    ),
    "free mail with a CNPJ and nothing else": (
        typed(name="Rui Lima", mail="inventada@gmail.com", document="11.222.333/0001-81"),
        "cold",
        {"cnpj", "full_name"},
    ),
    "a throw-away address asks for a quote": (
        typed(name="Ana Souza", mail="x@mailinator.com", phone=MOBILE, message="Quero um orçamento urgente, por favor"),
        "cold",
        {"disposable_mail", "intent_buy", "urgent"},
    ),
    "a student asks for prices for a thesis": (
        typed(
            name="Ana Souza", mail="ana@aluno.example.edu.br", phone=MOBILE,
            message="Sou estudante e preciso saber o preço para o meu TCC",
        ),
        "cold",
        {"student"},
    ),
    "a director looks for work": (
        typed(
            name="Ana Souza", mail="ana.souza@example.com.br", phone=MOBILE, company="Invenção", job_title="Diretora",
            message="Segue meu currículo para a vaga de emprego de diretora",
        ),
        "cold",
        {"job_seeker", "seniority"},
    ),
    "a director wants to sell to us": (
        typed(
            name="Ana Souza", mail="ana.souza@example.com.br", phone=MOBILE, company="Invenção", job_title="Diretora",
            message="Gostaria de apresentar nossos serviços de primeira página do Google, com reunião",
        ),
        "cold",
        {"vendor"},
    ),
    "a director wants no more messages": (
        typed(
            name="Ana Souza", mail="ana.souza@example.com.br", phone=MOBILE, company="Invenção", job_title="Diretora",
            message="Não quero mais receber mensagens, descadastrem meu e-mail",
        ),
        "cold",
        {"opted_out"},
    ),
    "somebody tries the form": (
        typed(name="Teste Teste", mail="teste@example.com", phone=MOBILE, message="teste de orçamento"),
        "cold",
        {"test_like"},
    ),
    "a director does not want a quote": (
        typed(
            name="Ana Souza", mail="ana.souza@example.com.br", phone=MOBILE, company="Invenção", job_title="Diretora",
            message="Não preciso de orçamento, obrigada",
        ),
        "warm",
        {"seniority", "message_short"},
    ),
    "an assistant of a director asks for a price": (
        typed(
            name="Ana Souza", mail="ana.souza@example.com.br", phone=MOBILE, company="Invenção",
            job_title="Assistente da Diretoria", message="Qual o valor do plano?",
        ),
        "warm",
        {"corporate_mail", "intent_buy"},
    ),
    "only a phone and a first name": (typed(name="Bia", phone=MOBILE, message="oi"), "cold", {"mobile_phone"}),
    "nobody": (typed(), "cold", {"no_name", "unreachable"}),
}  # fmt: skip


def features(score: Score) -> set[str]:
    return {part.feature for part in score.contributions}


def points_of(score: Score, feature: str) -> int:
    return sum(part.points for part in score.contributions if part.feature == feature)


@pytest.fixture
def score_of(now: datetime) -> Callable[..., Score]:
    def score(contact: Contact, *facts: Fact, model: ScoringRules = MODEL, **given: Any) -> Score:
        values = {"decision_kind": DecisionKind.NEW, "source": "site", "now": now, **given}
        return score_features(read_features(contact, facts, **values), model)

    return score


@pytest.mark.parametrize("case", CASES)
def test_comes_out_as_a_salesperson_would_sort_it(case: str, contact_of: Make, score_of: Callable[..., Score]) -> None:
    typed, temperature, expected = CASES[case]
    score = score_of(contact_of(**typed))
    assert (score.temperature, score.value) == (temperature, score.value), [
        f"{part.feature} {part.points:+d}" for part in score.contributions
    ]
    assert expected <= features(score)


@given(st.data())
def test_contributions_sum_to_the_value_which_is_within_0_and_100(
    any_contact: st.SearchStrategy[Contact], now: datetime, data: st.DataObject
) -> None:
    model = ScoringRules.model_validate(
        {
            "points": data.draw(
                st.dictionaries(
                    st.sampled_from(("base", "intent_buy", "no_name", "mobile_phone", "unreachable")),
                    st.integers(-100, 100),
                )
            ),
            "sources": {"site": data.draw(st.integers(-100, 100))},
        }
    )
    features_drawn = read_features(
        data.draw(any_contact),
        data.draw(
            st.lists(
                st.builds(
                    Fact,
                    field=st.sampled_from(("seniority", "area", "opted_out", "company_size")),
                    value=st.sampled_from(("director", "sales", "true", "", "\x00")),
                    by=st.just("registry"),
                    at=st.just(now),
                ),
                max_size=3,
            )
        ),
        data.draw(st.sampled_from(DecisionKind)),
        "site",
        now=now,
        arrivals=data.draw(st.integers(-1, 10**9)),
    )
    score = score_features(features_drawn, model)
    assert sum(part.points for part in score.contributions) == score.value
    assert 0 <= score.value <= 100
    assert score.temperature == model.temperature(score.value)
    assert score.model == model.version
    assert len(features(score)) == len(score.contributions)
    assert all(part.points and part.reason for part in score.contributions)


def test_what_the_limits_take_is_a_contribution(contact_of: Make, score_of: Callable[..., Score]) -> None:
    nobody = score_of(contact_of())
    assert nobody.value == 0
    assert points_of(nobody, CLAMP) == -(MODEL.points.base + MODEL.points.no_name + MODEL.points.unreachable)
    assert CLAMP not in features(score_of(contact_of("Ana Souza", mail="ana@example.com")))


@pytest.mark.parametrize(("arrivals", "returns"), [(1, 0), (2, 1), (4, 3), (10**6, 3)])
def test_coming_back_counts_up_to_its_limit(
    contact_of: Make, score_of: Callable[..., Score], arrivals: int, returns: int
) -> None:
    assert points_of(score_of(contact_of("Ana"), arrivals=arrivals), "returning") == returns * MODEL.points.returning


def test_a_match_has_come_before_whatever_the_count(contact_of: Make, score_of: Callable[..., Score]) -> None:
    assert points_of(score_of(contact_of("Ana"), decision_kind=DecisionKind.MATCH), "returning") > 0


def test_a_source_is_worth_what_the_configuration_says(contact_of: Make, score_of: Callable[..., Score]) -> None:
    model = read_scoring({"sources": {"fair": 12}})
    assert points_of(score_of(contact_of("Ana"), model=model, source="fair"), "source") == 12
    assert points_of(score_of(contact_of("Ana"), model=model, source="site"), "source") == 0


def test_facts_speak_where_the_contact_is_silent(
    contact_of: Make, score_of: Callable[..., Score], now: datetime
) -> None:
    director = Fact(field="seniority", value="director", by="registry", at=now)
    assert points_of(score_of(contact_of("Ana"), director), "seniority") == MODEL.seniority.director
    analyst = score_of(contact_of("Ana", job_title="Analista"), director)
    assert points_of(analyst, "seniority") == MODEL.seniority.professional
    nonsense = Fact(field="seniority", value="king", by="registry", at=now)
    assert "seniority" not in features(score_of(contact_of("Ana"), nonsense))


def test_who_a_source_knows_to_have_opted_out_is_never_hot(
    contact_of: Make, score_of: Callable[..., Score], now: datetime
) -> None:
    typed, _, _ = CASES["a director of a named company asks for a quote"]
    opted_out = Fact(field="opted_out", value="True", by="registry", at=now)
    assert score_of(contact_of(**typed), opted_out).value == 0


@pytest.mark.parametrize(("days", "points"), [(0, 0), (1, 0), (30, -7), (60, -12), (120, -18), (3650, -24)])
def test_silence_takes_half_of_what_it_can_every_half_life(
    contact_of: Make, origin_of: Callable[..., Origin], score_of: Callable[..., Score], days: int, points: int
) -> None:
    contact = contact_of("Ana", told=origin_of(days_ago=days))
    assert points_of(score_of(contact), "silence") == points


def test_what_enrichment_found_today_makes_nobody_recent(
    contact_of: Make, origin_of: Callable[..., Origin], score_of: Callable[..., Score]
) -> None:
    contact = contact_of("Ana", company="Invenção", told=origin_of(days_ago=200))
    found = contact.model_copy(update={"origins": {**contact.origins, "company": origin_of(by="registry")}})
    assert points_of(score_of(found), "silence") == -22


def test_a_mailbox_that_a_school_gave_is_no_corporate_one(contact_of: Make, score_of: Callable[..., Score]) -> None:
    found = features(score_of(contact_of(mail="ana@aluno.example.edu.br")))
    assert "student" in found
    assert "corporate_mail" not in found


def test_of_two_phones_only_the_better_counts(contact_of: Make, score_of: Callable[..., Score]) -> None:
    both = features(score_of(contact_of(phone=f"{FIXED},{MOBILE}")))
    assert "mobile_phone" in both
    assert "fixed_phone" not in both


def test_the_zone_of_the_clock_does_not_matter(contact_of: Make, score_of: Callable[..., Score], now: datetime) -> None:
    there = now.astimezone(timezone(timedelta(hours=-3)))
    contact = contact_of("Ana", mail="ana@example.com")
    assert score_of(contact, now=there) == score_of(contact)


def test_reasons_hold_no_personal_data(contact_of: Make, score_of: Callable[..., Score]) -> None:
    contact = contact_of(
        "Zulmira Quixaba", mail="zulmira@quixaba.com.br", phone=MOBILE, company="Quixaba", job_title="Diretora Quixaba",
        message="Quixaba quer um orçamento",
    )  # fmt: skip
    told = " ".join(part.reason for part in score_of(contact).contributions).lower()
    assert "quixaba" not in told
    assert "zulmira" not in told


def test_a_contact_of_thousands_of_values_takes_no_longer_than_their_count(now: datetime) -> None:
    thousands = range(20_000)
    crowd = Contact(
        emails=tuple(Email(address=f"a{number}@example.com", given="") for number in thousands),
        phones=tuple(Phone(e164=f"+55119{number:08}", given="") for number in thousands),
        documents=tuple(Document(kind=DocumentKind.OTHER, number=str(number), given="") for number in thousands),
        message="quero um orcamento nao quero " * 10_000,
        job_title="diretor de " * 10_000,
    )
    start = time.process_time()
    score_features(read_features(crowd, [], DecisionKind.NEW, "site", now=now), MODEL)
    changed_fields(crowd, crowd.model_copy(update={"emails": crowd.emails[::-1]}))
    assert time.process_time() - start < 5
