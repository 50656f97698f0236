"""OCPI 2.1.1: objects without owners, raw tokens, no routing, and one word where later versions have two."""
