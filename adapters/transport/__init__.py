"""How we speak HTTP with partners: guarded addresses, the OCPI envelope, paging and routing headers.

Nothing in here knows a partner or an object of OCPI; it is shared by the adapters of all versions.
"""
