"""A Kommo account to try everything with before a real one is connected, and to prove the adapter against.

It speaks the part of Kommo's API v4 that Portaria uses, with its habits: thin answers, 204 for an empty list, whole
requests refused for one bad field, a search that lags, 429 with the wait in the body, blocks, and hooks. What is not
documented and was chosen here stands in brackets. Everything is in memory and gone when it stops.
"""
