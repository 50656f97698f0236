"""`roam deliveries …`: what a person decides about a CDR on its way, over the contract API."""

import json
from pathlib import Path
from urllib.parse import quote

from deploy.commands.finance import call, show


def decide(folder: Path, connection: str, cdr: str, what: str, order: dict[str, str | bool]) -> None:
    """`what` is the last part of the call's path. The same decision may be taken again later: it is no repeat."""
    path = f"/deliveries/{quote(connection, safe='')}/{quote(cdr, safe='')}/{what}"
    show(call(folder, "POST", path, json.dumps(order).encode(), once=False))
