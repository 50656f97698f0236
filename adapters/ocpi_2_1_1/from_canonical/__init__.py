"""Canonical objects to documents of OCPI 2.1.1: one file a family. Fields without a value are left out.

What the version has no words for is left out where that only tells less. Where it would tell something else (a price, a
debt, who may see a place) the object is not written.
"""
