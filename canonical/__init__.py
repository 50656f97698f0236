"""The words of the domain, free of any partner and of any protocol version.

Everything above speaks in these models; nothing in here imports from above. The models are frozen,
refuse unknown fields, and grow only for reasons of the domain: their JSON schema is pinned in
`canonical/schema.lock.json`, and a change of that file is explained in the commit that makes it.
"""
