"""`roam openapi`."""

import json

import typer

from api.contract import openapi_document


def run() -> None:
    typer.echo(json.dumps(openapi_document(), indent=2, ensure_ascii=False))
