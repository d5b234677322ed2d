"""The command line: one module for each group of commands, put together in `main`."""

import gc

GARBAGE_AFTER = 20_000
"""How many values have to have been made and kept before Python looks for garbage in them (its default is 700).

A contact on its way is thousands of small values and leaves no cycles behind, so to look for them took a seventh of
the time (benchmarks/README.md), and a sixth of the time that a process takes to start.
"""

# Before the modules of the commands are loaded: loading is when most is made that stays.
gc.set_threshold(GARBAGE_AFTER, 20, 20)
