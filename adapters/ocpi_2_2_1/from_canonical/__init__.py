"""Canonical objects to documents of OCPI 2.2.1: one file a family. Fields without a value are left out."""
