"""Pins the JSON schema of every canonical model, so that none of them changes by accident.

`python -m canonical.schema_lock` writes `canonical/schema.lock.json`; with `--check` it changes nothing, prints
what differs and ends with 1. A commit that changes the lock says in its message why the domain needs it.
"""

import difflib
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic.json_schema import models_json_schema

import canonical
from canonical.model import CanonicalModel

LOCK = Path(__file__).with_name("schema.lock.json")


def models() -> tuple[type[CanonicalModel], ...]:
    """All canonical models, by name. Raises ValueError when two bear the same name."""
    for module in pkgutil.iter_modules(canonical.__path__):
        if not module.ispkg:
            importlib.import_module(f"canonical.{module.name}")
    found = sorted(set(_descendants(CanonicalModel)), key=lambda model: model.__name__)
    names = [model.__name__ for model in found]
    if len(set(names)) < len(names):
        raise ValueError(f"two canonical models share a name: {names}")
    return tuple(found)


def current() -> str:
    """The lock as the code would have it. Descriptions are left out: rewording is no change of the domain."""
    _, schema = models_json_schema([(model, "serialization") for model in models()])
    return json.dumps(_bare(schema["$defs"]), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def differences() -> tuple[str, ...]:
    """Lines of a diff between the lock file and the code; empty when they agree."""
    locked = LOCK.read_text(encoding="utf-8") if LOCK.exists() else ""
    diff = difflib.unified_diff(locked.splitlines(), current().splitlines(), "locked", "code", lineterm="")
    return tuple(diff)


def main(arguments: list[str]) -> int:
    """Write the lock, or check it; returns the exit code."""
    if arguments == ["--check"]:
        diff = differences()
        sys.stdout.writelines(f"{line}\n" for line in diff)
        return 1 if diff else 0
    if arguments:
        sys.stderr.write("usage: python -m canonical.schema_lock [--check]\n")
        return 2
    LOCK.write_text(current(), encoding="utf-8")
    return 0


def _descendants(model: type[CanonicalModel]) -> Iterator[type[CanonicalModel]]:
    for child in model.__subclasses__():
        if child.__module__.startswith("canonical."):
            yield child
            yield from _descendants(child)


def _bare(schema: object) -> object:
    """A schema without its prose. A property that is called `title` is a name, and stays."""
    if isinstance(schema, list):
        return [_bare(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    prose = {key for key in ("title", "description") if isinstance(schema.get(key), str)}
    return {key: _bare(part) for key, part in schema.items() if key not in prose}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
