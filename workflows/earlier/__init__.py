"""How workflows were told before: for runs that began then, and go on as they were begun."""
