"""`python -m deploy` is `roam`."""

from deploy.cli import main

main()
