"""Wire objects of OCPI 2.2.1 to canonical ones: one file a family, no judgement, no loss."""
