"""Everything that may know a partner or a version of OCPI, and nothing else does.

The public face is `adapters.contract` (what an adapter is) and `adapters.registry` (which one to use).
"""
