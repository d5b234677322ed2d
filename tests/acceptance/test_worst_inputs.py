# ruff: noqa: E501 - a row of the table is a line
"""The worst that forms, lists and people send, from the field's name to the reasons of the score: what comes of each is
what a salesperson would nod at. `python -m tests.acceptance.test_worst_inputs` prints them all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipelines.enrich import merge_facts, wanted_facts
from pipelines.models import Contact, DecisionKind, Fact, Origin, Score, SourceField, SourceRecord
from pipelines.normalize import normalize_record
from pipelines.score import score_features
from pipelines.scoring_features import read_features
from pipelines.scoring_rules import ScoringRules, read_scoring
from pipelines.states import Stage
from pipelines.validate import is_rejected, validate_contact
from worker.enrichment import FACT_SOURCES

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RULES = read_scoring({"competitors": ["concorrente.com.br", "Rival Sistemas"]})
CEL, FIXO, CNPJ = "(11) 98765-4301", "(11) 3333-4444", "11.222.333/0001-81"
QUERO = "Gostaria de um orçamento para 50 licenças"

# What it is | hot, warm, cold or rejected | features that must be among the reasons (- before: must not) | the fields
TABLE = f"""
company as the job title|warm|company intent_buy|nome=Ana Souza;email=ana@padaria.com.br;fone={CEL};cargo=Padaria Invenção Ltda;mensagem=Qual o valor?
company and post in the job title|hot|seniority company|nome=Ana Souza;email=ana@padaria.com.br;fone={CEL};cargo=Diretora - Padaria Invenção Ltda;mensagem={QUERO}
free mail with a CNPJ|warm|cnpj -corporate_mail|nome=Rui Lima;email=rui.inventado@gmail.com;fone={CEL};cnpj={CNPJ};mensagem=Preço?
free mail with a CNPJ and no word|cold|cnpj|nome=Rui Lima;email=rui.inventado@gmail.com;cnpj={CNPJ}
a person without a name|warm|no_name intent_buy|email=ana@padaria.com.br;fone={CEL};mensagem={QUERO}
no name, only a phone|cold|no_name mobile_phone|fone={CEL}
no name, only free mail|cold|no_name|email=x9@gmail.com
a CNPJ with wrong digits|warm|-cnpj|nome=Rui Lima;email=rui@padaria.com.br;fone={CEL};cnpj=11.222.333/0001-82;mensagem=Preço?
a CPF in the field of the CNPJ|cold|-cnpj|nome=Rui Lima;email=rui@gmail.com;cnpj=529.982.247-25
the name is a company|warm|role_mail company -full_name|nome=Padaria Invenção Ltda;email=contato@padaria.com.br;fone={FIXO};mensagem={QUERO}
the name in capitals|hot|full_name seniority|nome=ANA SOUZA;email=ANA@PADARIA.COM.BR;fone={CEL};cargo=DIRETORA;empresa=PADARIA;mensagem=QUERO UM ORÇAMENTO
a first name alone|warm|-full_name intent_buy|nome=Ana;email=ana@padaria.com.br;fone={CEL};mensagem={QUERO}
the name is an e-mail|warm|corporate_mail|nome=ana@padaria.com.br;email=ana@padaria.com.br;fone={CEL};mensagem={QUERO}
the name is a phone number|cold|mobile_phone|nome=11987654301;fone={CEL}
an emoji for a name|cold||nome=🦄;email=u@gmail.com;fone={CEL}
teste teste|cold|test_like|nome=Teste;email=teste@teste.com;fone={CEL};mensagem=teste
asdf|rejected||nome=asdf asdf;email=asdf@asdf.com;fone=(11) 99999-9999;mensagem=asdf
a test of our own form with a real mailbox|cold|no_name|nome=Teste do formulário;email=ana@padaria.com.br;mensagem=teste
nothing but placeholders|rejected||nome=-;email=n/a;mensagem=xxx
nothing but a message|rejected||mensagem={QUERO}
a throw-away mailbox asks for a quote|cold|disposable_mail|nome=Ana Souza;email=a@mailinator.com;fone={CEL};mensagem={QUERO}
a throw-away mailbox of a director|cold|disposable_mail|nome=Ana Souza;email=a@yopmail.com;cargo=Diretora;empresa=Padaria;mensagem={QUERO}
gmial.com|warm|-corporate_mail|nome=Ana Souza;email=ana@gmial.com;fone={CEL};mensagem={QUERO}
gmail.com.br|warm|-corporate_mail|nome=Ana Souza;email=ana@gmail.com.br;fone={CEL};mensagem={QUERO}
a desk's mailbox|warm|role_mail|nome=Ana Souza;email=compras@padaria.com.br;fone={FIXO};mensagem={QUERO}
no-reply as the address|cold|role_mail|email=noreply@padaria.com.br
a student by the mailbox|cold|student -corporate_mail|nome=Ana Souza;email=ana@aluno.faculdade.edu.br;fone={CEL};mensagem={QUERO}
a student by the message|cold|student|nome=Ana Souza;email=ana@gmail.com;mensagem=Sou estudante e preciso de preços para o TCC
a student by the job title|cold|student|nome=Ana Souza;email=ana@gmail.com;cargo=Estudante;fone={CEL};mensagem=Qual o preço?
an intern asks for the director|warm|-seniority intent_buy|nome=Ana Souza;email=ana@padaria.com.br;fone={CEL};cargo=Estagiária da Diretoria;empresa=Padaria;mensagem={QUERO}
an ex-director|warm|-seniority|nome=Ana Souza;email=ana@padaria.com.br;fone={CEL};cargo=ex-diretora;mensagem={QUERO}
an art director|warm|seniority|nome=Ana Souza;email=ana@agencia.com.br;fone={CEL};cargo=Diretora de Arte;mensagem=Quanto custa?
a housewife|warm|-seniority|nome=Ana Souza;email=ana@gmail.com;fone={CEL};cargo=Dona de casa;mensagem=Quanto custa?
the owner with free mail|cold|seniority|nome=Ana Souza;email=ana@gmail.com;fone={CEL};cargo=Proprietária
the owner, free mail, wants to buy|hot|seniority intent_buy|nome=Ana Souza;email=ana@gmail.com;fone={CEL};empresa=Ateliê;cargo=Sócia;mensagem={QUERO}
a retired manager|cold|-seniority|nome=Ana Souza;email=ana@gmail.com;cargo=Gerente aposentada;fone={CEL};mensagem=oi
a title of nonsense|warm|-seniority|nome=Ana Souza;email=ana@padaria.com.br;fone={CEL};cargo=Ninja das planilhas;mensagem={QUERO}
a title of a paragraph|hot|seniority|nome=Ana Souza;email=ana@padaria.com.br;fone={CEL};cargo=Gerente de compras, responsável por suprimentos e contratos da matriz e das filiais;mensagem={QUERO}
CEO in English|hot|seniority|nome=Jane Doe;email=jane@example.com;fone=+1 202 555 0143;cargo=CEO & Founder;mensagem=Please send pricing for 50 seats
a job seeker|cold|job_seeker|nome=Ana Souza;email=ana@gmail.com;fone={CEL};mensagem=Segue meu currículo, procuro emprego
a director looks for work|cold|job_seeker|nome=Ana Souza;email=ana@padaria.com.br;fone={CEL};cargo=Diretora;empresa=Padaria;mensagem=Segue meu currículo para a vaga de emprego
somebody sells search rankings|cold|vendor|nome=John Roe;email=john@seo.example.com;mensagem=We offer SEO services, first page of Google guaranteed, any interest?
somebody sells politely|cold|vendor|nome=Rui Lima;email=rui@fornecedor.com.br;fone={CEL};empresa=Fornecedor;cargo=Diretor;mensagem=Gostaria de apresentar nossos serviços em uma reunião
wants no more mail|cold|opted_out|nome=Ana Souza;email=ana@padaria.com.br;fone={CEL};cargo=Diretora;mensagem=Descadastrem meu e-mail, não quero mais receber
unsubscribe in English|cold|opted_out|nome=Jane Doe;email=jane@example.com;mensagem=Please unsubscribe me, remove me from this list
asks for their data to be deleted|cold|opted_out|nome=Ana Souza;email=ana@gmail.com;mensagem=Pela LGPD, excluam meus dados
a competitor by domain|cold|competitor|nome=Ana Souza;email=ana@concorrente.com.br;fone={CEL};cargo=Gerente;mensagem={QUERO}
a competitor by name, free mail|cold|competitor|nome=Ana Souza;email=ana@gmail.com;fone={CEL};empresa=Rival Sistemas Ltda;mensagem={QUERO}
does not want a quote|warm|-intent_buy|nome=Ana Souza;email=ana@padaria.com.br;fone={CEL};cargo=Diretora;empresa=Padaria;mensagem=Não preciso de orçamento
no interest|cold|-intent_ask|nome=Ana Souza;email=ana@gmail.com;fone={CEL};mensagem=Não tenho interesse, obrigada
a complaint|cold|-intent_buy|nome=Ana Souza;email=ana@gmail.com;fone={CEL};mensagem=O produto veio quebrado e ninguém me responde há dias
wants a bill's second copy|cold|-intent_buy|nome=Ana Souza;email=ana@gmail.com;fone={CEL};mensagem=Preciso da segunda via do boleto
only a question mark|cold||nome=Ana Souza;email=ana@gmail.com;mensagem=?
only good morning|cold||nome=Ana Souza;email=ana@gmail.com;fone={CEL};mensagem=bom dia
price in one word|warm|intent_buy|nome=Ana Souza;email=ana@gmail.com;fone={CEL};mensagem=preço
price in slang|warm|intent_buy|nome=Ana Souza;email=ana@gmail.com;fone={CEL};mensagem=qto custa??
urgent in capitals|hot|urgent intent_buy|nome=Ana Souza;email=ana@padaria.com.br;fone={CEL};empresa=Padaria;cargo=Gerente;mensagem=URGENTE!!! ORÇAMENTO PARA HOJE
urgency without a wish|cold|urgent -intent_buy|nome=Ana Souza;email=ana@gmail.com;fone={CEL};mensagem=urgente
wants to be called|warm|intent_meet|nome=Ana Souza;email=ana@gmail.com;fone={CEL};mensagem=Podem me ligar amanhã?
a demonstration for a team|hot|intent_meet seniority|nome=Ana Souza;email=ana@padaria.com.br;fone={CEL};empresa=Padaria;cargo=Gerente de TI;mensagem=Queremos agendar uma demonstração para a equipe de vinte pessoas
in Spanish|hot|intent_buy seniority|nome=Luz Vega;email=luz@ejemplo.es;fone=+34 612 34 56 78;empresa=Ejemplo;cargo=Jefa de Compras;mensagem=Necesitamos una cotización
in two languages|warm|intent_buy|nome=Ana Souza;email=ana@gmail.com;fone={CEL};mensagem=Hi, quero um orçamento please
a phone of eight digits|cold|-mobile_phone|nome=Ana Souza;email=ana@gmail.com;fone=33334444;mensagem=oi
a phone without the ninth digit|warm|mobile_phone|nome=Ana Souza;email=ana@gmail.com;fone=(11) 8765-4301;mensagem=Quero um orçamento
a phone of nines|cold|-mobile_phone|nome=Ana Souza;email=ana@gmail.com;fone=(11) 99999-9999;mensagem=oi
a phone of letters|cold|-mobile_phone|nome=Ana Souza;email=ana@gmail.com;fone=chamar no zap
a toll-free number|warm|fixed_phone|nome=Ana Souza;email=ana@padaria.com.br;fone=0800 123 4567;empresa=Padaria;mensagem={QUERO}
two phones in one field|warm|mobile_phone|nome=Ana Souza;email=ana@gmail.com;fone={FIXO} / {CEL};mensagem=Quero um orçamento
an extension|hot|fixed_phone|nome=Ana Souza;email=ana@padaria.com.br;fone={FIXO} ramal 23;empresa=Padaria;cargo=Gerente;mensagem={QUERO}
two addresses in one field|warm|corporate_mail|nome=Ana Souza;email=ana@gmail.com, ana@padaria.com.br;mensagem={QUERO}
an address with blanks|warm|corporate_mail|nome=Ana Souza;email= ana @ padaria.com.br ;fone={CEL};mensagem={QUERO}
an address without its dot|cold|mobile_phone -corporate_mail|nome=Ana Souza;email=ana@padaria;fone={CEL};mensagem=oi
an address that is none|rejected||nome=Ana Souza;email=não tenho
a full form without a way back|cold|unreachable|nome=Ana Souza;empresa=Padaria;cargo=Diretora;mensagem={QUERO}
three hundred words of text|cold|message_long|nome=Ana Souza;email=ana@gmail.com;fone={CEL};cargo=Analista;mensagem={"palavra de quem escreve muito sem nada pedir " * 40}
a link farm|cold|-message_long|nome=Kjhgd;email=k@gmail.com;mensagem=http://a.example http://b.example http://c.example
markup as the name|cold||nome=<script>alert(1)</script>;email=ana@gmail.com;mensagem=oi
SQL as the name|cold||nome=Robert') DROP TABLE contacts --;email=bob@gmail.com
mojibake|hot|seniority intent_buy|nome=JoÃ£o da Silva;email=joao@padaria.com.br;fone={CEL};cargo=SÃ³cio;empresa=Padaria;mensagem=Quero um orÃ§amento
size of the company said in the form|hot|company_size seniority|nome=Ana Souza;email=ana@padaria.com.br;fone={CEL};cargo=Gerente;empresa=Padaria;Nº de funcionários=201-500;mensagem=Quero um orçamento
a company of one|warm|-company_size|nome=Ana Souza;email=ana@gmail.com;fone={CEL};Quantos funcionários?=Só eu;mensagem=Quanto custa?
no size told|warm|-company_size|nome=Ana Souza;email=ana@padaria.com.br;fone={CEL};Nº de funcionários=Prefiro não dizer;mensagem={QUERO}
revenue per month|hot|revenue intent_buy|nome=Ana Souza;email=ana@padaria.com.br;fone={CEL};empresa=Padaria;Faturamento mensal=R$ 1 milhão a R$ 5 milhões;mensagem={QUERO}
came from the page of open positions|cold|page_careers|nome=Ana Souza;email=ana@gmail.com;fone={CEL};page_url=https://example.com/trabalhe-conosco/vagas;mensagem=Olá, gostaria de conversar
came from the prices|cold|page_pricing|nome=Ana Souza;email=ana@padaria.com.br;fone={CEL};page_url=https://example.com/precos
downloaded an e-book|cold|page_content|nome=Ana Souza;email=ana@gmail.com;landing page=https://example.com/ebook-gratis
a government buyer|warm|role_mail|nome=Setor de Compras;email=licitacao@prefeitura.sp.gov.br;fone={FIXO};mensagem=Solicitamos cotação de preços para 200 unidades
a school's teacher|warm|corporate_mail -student|nome=Ana Souza;email=ana@escola.edu.br;fone={CEL};cargo=Professora;mensagem=Qual o valor para a escola?
a company abroad without a phone|hot|corporate_mail|nome=Jane Doe;email=jane@example.co.uk;empresa=Example Ltd;cargo=Head of Procurement;mensagem=Could you quote 500 units?
a lawyer on behalf of another|warm|seniority|nome=Rui Lima;email=rui@advocacia.adv.br;fone={CEL};cargo=Advogado;mensagem=Meu cliente quer comprar o sistema
a partner program|cold|-intent_buy|nome=Rui Lima;email=rui@gmail.com;fone={CEL};mensagem=Como viro revendedor de vocês?
a journalist|cold|seniority -intent_buy|nome=Ana Souza;email=ana@gmail.com;cargo=Jornalista;fone={CEL};mensagem=Entrevista sobre o mercado
an automatic answer|cold||nome=Ana Souza;email=ana@gmail.com;mensagem=Estou de férias e volto no dia 10
the same field twice over|warm|intent_buy|nome=Ana Souza Ana Souza;email=ana@gmail.com;fone={CEL};mensagem=Quero um orçamento Quero um orçamento
a lead of a bought list|cold||nome=ANA SOUZA;fone={CEL};cidade=Campinas
a customer's number as the message|cold||nome=Ana Souza;email=ana@gmail.com;mensagem=48151623
a name of three hundred letters|cold||nome={"a" * 300};email=ana@gmail.com
a birth date in the future|cold|full_name|nome=Ana Souza;email=ana@gmail.com;nascimento=01/01/2090
everything in the message|cold|no_name|email=ana@gmail.com;mensagem=Ana Souza, 11 98765-4301, diretora da Padaria
a director of a large company, in every field|hot|seniority company_size cnpj|nome=Ana Souza;email=ana@padaria.com.br;fone={CEL};cargo=Diretora;empresa=Padaria;cnpj={CNPJ};Funcionários=5000;mensagem={QUERO} com urgência
"""


def score_of(fields: str) -> tuple[Contact, Score | None]:
    """The path of one submission through the pure stages; None: rejected."""
    given = dict(each.split("=", 1) for each in fields.split(";"))
    record = SourceRecord(fields=tuple(SourceField(key=key, values=(value,)) for key, value in given.items()))
    origin = Origin(source="site", delivery="d", submission="s", stage=Stage.NORMALIZE, at=NOW - timedelta(minutes=1))
    contact = normalize_record(record, {}, origin, now=NOW, region="BR").contact
    if is_rejected(validate_contact(contact, now=NOW)):
        return contact, None
    sources = list(FACT_SOURCES.values())
    facts: list[Fact] = []
    for question in wanted_facts(contact, sources):
        facts += FACT_SOURCES[question.source].ask(question.key, NOW)
    contact, kept = merge_facts(contact, facts, origin)
    features = read_features(contact, kept, DecisionKind.NEW, "site", now=NOW, competitors=RULES.competitors)
    return contact, score_features(features, RULES)


CASES = [tuple(line.split("|", 3)) for line in TABLE.strip().splitlines()]


def test_there_are_a_hundred() -> None:
    assert len({case[0] for case in CASES}) == len(CASES) >= 100
    assert isinstance(RULES, ScoringRules)


@pytest.mark.parametrize(("what", "expected", "reasons", "fields"), CASES, ids=[case[0] for case in CASES])
def test_a_salesperson_would_nod(what: str, expected: str, reasons: str, fields: str) -> None:
    _, score = score_of(fields)
    told = [f"{part.points:+d} {part.feature}" for part in score.contributions] if score else []
    assert (score.temperature.value if score else "rejected") == expected, (score.value if score else None, told)
    found = {part.feature for part in score.contributions} if score else set()
    for reason in reasons.split():
        assert (reason.removeprefix("-") in found) is not reason.startswith("-"), (reason, told)


def main() -> None:
    """Print them all, to be read."""
    for what, expected, _, fields in CASES:
        _, score = score_of(fields)
        told = [f"{part.points:+d} {part.feature}" for part in score.contributions] if score else []
        print(f"{score.value if score else 0:>3} {expected:<8} {what}: {', '.join(told)}")  # noqa: T201


if __name__ == "__main__":
    main()
