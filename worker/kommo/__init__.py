"""Kommo's API v4: its client and what is known of an account. The CRM adapter, the source and the importer share it."""
