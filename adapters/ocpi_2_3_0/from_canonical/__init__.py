"""Canonical objects to documents of OCPI 2.3.0, where they differ from 2.2.1."""
