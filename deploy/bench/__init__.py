"""Measuring the edge: ours and a ceiling of the same kind in one run, in turns, so that noise hits both."""
