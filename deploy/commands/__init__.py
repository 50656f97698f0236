"""The commands of `roam`, one file for each group, imported only when one of them is given."""

from pathlib import Path

PROJECT = Path(__file__).parents[2]
"""The folder of the project, for commands that work on the project itself."""
