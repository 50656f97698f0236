"""One file a partner: which versions it speaks with us, which tolerances it needs, and since when."""
