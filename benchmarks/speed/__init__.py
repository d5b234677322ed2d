"""How fast the whole is, and beside it what it cannot do without and what one would pick instead."""
