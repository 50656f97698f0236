"""What OCPI 2.3.0 has beyond 2.2.1."""
