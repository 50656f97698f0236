"""Energy mix."""

from adapters.ocpi_2_1_1.wire import places as wire
from canonical.location import EnergyMix, EnergySource, EnvironmentalImpact


def energy_mix(source: wire.EnergyMix | None) -> EnergyMix | None:
    """What later versions call the category of an impact is its `source` here."""
    if source is None:
        return None
    return EnergyMix(
        is_green_energy=source.is_green_energy,
        energy_sources=tuple(
            EnergySource(source=part.source, percentage=part.percentage) for part in source.energy_sources
        ),
        environ_impact=tuple(
            EnvironmentalImpact(category=part.source, amount_g_per_kwh=part.amount) for part in source.environ_impact
        ),
        supplier_name=source.supplier_name,
        energy_product_name=source.energy_product_name,
    )
