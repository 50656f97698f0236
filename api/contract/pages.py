"""A page on which a person can try the contract API. All its scripts are ours: nothing is loaded from elsewhere."""

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from starlette.requests import Request
from starlette.responses import Response

_SCRIPTS = "/docs-static"


def install(app: FastAPI) -> None:
    """`/docs`, open to everybody like the OpenAPI document: the calls made from it need a key."""

    async def page(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        return get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=app.title,
            swagger_js_url=f"{root}{_SCRIPTS}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{_SCRIPTS}/swagger-ui.css",
            swagger_favicon_url=f"{root}{_SCRIPTS}/favicon.png",
        )

    app.add_route("/docs", page, include_in_schema=False)
    # The package is here for these files alone: FastAPI's own page takes them from a public network.
    app.mount(_SCRIPTS, StaticFiles(packages=[("fastapi_offline", "static")]), name="docs-static")
