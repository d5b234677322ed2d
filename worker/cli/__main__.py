"""`python -m worker.cli`: how the supervisor starts its children."""

from worker.cli.main import main

main()
