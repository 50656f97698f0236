"""The invoice for machines: its canonical JSON, indented, one fixed order of fields."""

from canonical.settlement import Invoice


def write(invoice: Invoice) -> bytes:
    return invoice.model_dump_json(indent=2).encode() + b"\n"
