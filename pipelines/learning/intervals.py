"""How sure a share is that was counted among few."""

from __future__ import annotations

from math import sqrt

_Z = 1.959963984540054
"""Of the 95 % interval."""


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927, "Probable inference"); 0 to 1 where nothing was counted."""
    if not of:
        return 0.0, 1.0
    share = hits / of
    middle = share + _Z**2 / (2 * of)
    half = _Z * sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    whole = 1 + _Z**2 / of
    # Rounding must not put the share itself outside.
    return max(min((middle - half) / whole, share), 0.0), min(max((middle + half) / whole, share), 1.0)
