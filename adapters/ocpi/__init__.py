"""What all versions of OCPI have in common: types on the wire, patches, calls, and the adapter itself."""
