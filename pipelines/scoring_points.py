"""The points that rules give: a number for each feature, settable one by one in `[scoring]`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipelines.models import Value

Count = Annotated[int, Field(ge=-100, le=100)]


class Points(Value):
    """Points of each feature: the contribution's name, and when it counts."""

    base: Count = 15
    """Everybody who comes by themselves."""
    # fit
    corporate_mail: Count = 12
    """A person's own mailbox at a company's domain."""
    role_mail: Count = 7
    """Only a desk's mailbox (contato@) at a company's domain."""
    company: Count = 5
    """The company is named, be it in the place of the job title."""
    cnpj: Count = 8
    """A CNPJ with right check digits."""
    # engagement
    intent_buy: Count = 26
    intent_meet: Count = 26
    intent_ask: Count = 8
    """Of these three only the first that the message holds."""
    urgent: Count = 4
    message_long: Count = 5
    """A message of `long_message` words and more."""
    message_short: Count = 2
    """A message of at least five words."""
    page_pricing: Count = 6
    page_demo: Count = 6
    page_product: Count = 2
    page_content: Count = 1
    page_careers: Count = -10
    """Only the page of these that tells most."""
    many_pages: Count = 3
    """Looked at five pages and more."""
    returning: Count = 4
    """For each earlier arrival of the same person, at most `most_returns` times."""
    # quality
    mobile_phone: Count = 10
    fixed_phone: Count = 8
    """Only the better of a valid mobile and another valid number."""
    full_name: Count = 5
    """Given and family name."""
    mail_and_phone: Count = 4
    """Two ways to reach them."""
    # negatives
    no_name: Count = -5
    unreachable: Count = -30
    """Neither an e-mail address nor a valid phone."""
    disposable_mail: Count = -30
    """Every address is a throw-away one."""
    student: Count = -25
    job_seeker: Count = -40
    vendor: Count = -40
    """Wants to sell something to us."""
    test_like: Count = -60
    """Filled in to try the form: teste, asdf."""
    opted_out: Count = -100
    """Asked for no more messages."""
    competitor: Count = -60
    """Of a company or domain among `competitors`."""
    silence: Count = -24
    """Lost bit by bit by who says nothing: half of it after `half_life_days`, three quarters after twice as long."""


class SeniorityPoints(Value):
    """Points by `pipelines.jobs.Seniority`; a student is a negative feature instead."""

    owner: Count = 15
    executive: Count = 15
    vice_president: Count = 15
    director: Count = 15
    manager: Count = 11
    professional: Count = 2
    assistant: Count = 0
    intern: Count = 0


class AreaPoints(Value):
    """Points by `pipelines.jobs.Area`: who buys what you sell is yours to know, so all start alike."""

    administration: Count = 2
    customer_service: Count = 2
    design: Count = 2
    education: Count = 2
    engineering: Count = 2
    finance: Count = 2
    health: Count = 2
    human_resources: Count = 2
    it: Count = 2
    legal: Count = 2
    logistics: Count = 2
    marketing: Count = 2
    operations: Count = 2
    purchasing: Count = 4
    sales: Count = 2


class SizePoints(Value):
    """Points by `pipelines.firmographics.Size`."""

    micro: Count = 0
    small: Count = 3
    medium: Count = 6
    large: Count = 6


class RevenuePoints(Value):
    """Points by the same classes: little, since it says much of what the number of people says."""

    micro: Count = 0
    small: Count = 1
    medium: Count = 3
    large: Count = 3
