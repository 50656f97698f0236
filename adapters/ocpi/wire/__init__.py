"""OCPI's own types, from which the objects of every version are made."""
