"""The wire half of the adapters: bytes to canonical objects and back."""
