"""The faces: the partners' OCPI edge and the operator's own contract API. No business rule lives here."""
