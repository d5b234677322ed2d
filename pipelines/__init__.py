"""Decides: pure functions over frozen values. No input or output, no clock, no randomness, no environment."""
