"""OCPI 2.2.1 (d2, with the errata up to May 2026)."""
