"""OCPI 2.1.1 (with bugfixes 2)."""
