"""Reason codes of what a delivery holds besides people. Stored and shown: stable."""

from __future__ import annotations

from typing import Final

# --- records that could not be read (BadRecord) ---------------------------------------------------------------------

MALFORMED_RECORD: Final = "malformed_record"
"""Something else stands where the record should be: text in place of an object, a list in place of a person."""
MISSING_ID: Final = "missing_id"
"""A hook about a record without saying which: there is no id to fetch or to update it by."""
BAD_LINE: Final = "bad_line"
"""A line of a JSON Lines file that is not one JSON value."""
BAD_ROW: Final = "bad_row"
"""A row of a table that does not fit its header: too many cells, a quote never closed, an enormous cell."""
BAD_CARD: Final = "bad_card"
"""A vCard that does not parse, or that breaks off before its END."""

# --- readable, and about nobody (NotContact) ------------------------------------------------------------------------

COMPANY: Final = "company"
"""About a company, not a person."""
DELETED: Final = "deleted"
"""A record was deleted or declined: there is nobody to receive."""
OTHER_ENTITY: Final = "other_entity"
"""About something else than people and their leads: a task, a note, a talk, a catalogue."""
OTHER_EVENT: Final = "other_event"
"""An event that brings nobody: a test, a settings change, a subscription this software does not use."""
OUTGOING_MESSAGE: Final = "outgoing_message"
"""A message that our side wrote."""
MESSAGE_STATUS: Final = "message_status"
"""A message of ours was sent, delivered or read."""
EMPTY: Final = "empty"
"""Readable, with nothing in it."""
BOUNCE: Final = "bounce"
"""A mail system reports that a mail was not delivered (RFC 3464, or as such reports look without it)."""
AUTO_REPLY: Final = "auto_reply"
"""A machine answered: out of office, acknowledgement (RFC 3834)."""
MAILING_LIST: Final = "mailing_list"
"""Sent to many: a mailing list or a newsletter (RFC 2369, RFC 2919, Precedence)."""
ROBOT: Final = "robot"
"""Sent by a machine that takes no answer, and holding no filled-in form."""
ABUSE_REPORT: Final = "abuse_report"
"""A mail provider tells of a complaint about a mail of ours (RFC 5965)."""
OWN_DOMAIN: Final = "own_domain"
"""Written by one of our own mail domains, with nobody else's mail or form in it."""
NOT_FOUND: Final = "not_found"
"""The provider has no record of this id (any more), or does not show it to our token."""

NO_CONTACT: Final = "no_contact"
"""A lead that has no contact: nobody is known to be behind it."""

# --- asking a provider for a record: it waits and is asked again ------------------------------------------------------

PROVIDER_UNREACHABLE: Final = "provider_unreachable"
"""No answer from the provider's API."""
PROVIDER_REFUSES: Final = "provider_refuses"
"""The provider's API refuses the source's token: renew it, and what waits goes on by itself."""
PROVIDER_BUSY: Final = "provider_busy"
"""The provider's API asks us to slow down."""
PROVIDER_FAILED: Final = "provider_failed"
"""The provider's API answered with an error of its own."""
OUTCOME: Final = "outcome"
"""Tells that a lead was won, lost or opened again: kept as its outcome."""
