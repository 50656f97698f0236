"""Energy mix."""

from adapters.document import Document
from adapters.ocpi.fields import fields
from canonical.location import EnergyMix


def energy_mix(source: EnergyMix | None) -> Document | None:
    if source is None:
        return None
    return fields(
        is_green_energy=source.is_green_energy,
        energy_sources=[fields(source=part.source, percentage=part.percentage) for part in source.energy_sources],
        environ_impact=[fields(source=part.category, amount=part.amount_g_per_kwh) for part in source.environ_impact],
        supplier_name=source.supplier_name,
        energy_product_name=source.energy_product_name,
    )
