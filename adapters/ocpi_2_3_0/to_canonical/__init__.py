"""Wire objects of OCPI 2.3.0 to canonical ones, where they differ from 2.2.1."""
