"""Dedupe measured: lists, arrivals, look-ups. Figures are in RESULTS.md."""
