"""What was measured, and how: each module is a command of its own. Figures are in README.md."""
