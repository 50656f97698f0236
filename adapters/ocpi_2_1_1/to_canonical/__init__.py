"""Wire objects of OCPI 2.1.1 to canonical ones: one file a family. Whose they are, the connection says.

What the version has and the canonical model does not is kept for the way back into this version.
"""
