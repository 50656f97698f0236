"""`python -m deploy` is `roam`."""

from deploy.cli import main

if __name__ == "__main__":  # a process that is spawned loads this module too
    main()
