"""What was measured, and how: each module is a command of its own. Figures are in README.md."""

import worker.cli  # noqa: F401 - looks for garbage as seldom as the processes that are measured
