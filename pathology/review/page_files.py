"""The page's own files, from the package: listed once, looked up by name, never joined."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from pathology.review.answers import keepable, refused

PAGE: Final = Path(__file__).parent / "page"
TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".json": "application/json",
        ".svg": "image/svg+xml",
        ".txt": "text/plain; charset=utf-8",
    }
)
NOT_SERVED: Final = ("package.json", "package-lock.json", "tsconfig.json", "vendor.json")
ASK_AGAIN_S: Final = 0  # a new version is seen at once


def _served() -> dict[str, Path]:
    return {
        path.name: path
        for folder in (PAGE, PAGE / "vendor")
        for path in folder.iterdir()
        if path.suffix in TYPES and path.name not in NOT_SERVED
    }


FILES: Final[Mapping[str, Path]] = MappingProxyType(_served())


async def page_file(request: Request) -> Response:
    """Script, style or words: no secret is in them."""
    path = FILES.get(request.path_params["file"])
    if path is None:
        return refused(404, "not-found")
    return keepable(request, path.read_bytes(), TYPES[path.suffix], seconds=ASK_AGAIN_S)


async def list_page(request: Request) -> Response:
    """The list of results."""
    return html("list.html")


async def slide_page(request: Request) -> Response:
    """The slide view; what it shows is asked for by its script."""
    return html("slide.html")


async def case_page(request: Request) -> Response:
    """A case: decisions, text, signature."""
    return html("case.html")


async def night_page(request: Request) -> Response:
    """Tonight: progress, plan, failures, slides to be picked."""
    return html("night.html")


def html(name: str, status: int = 200) -> Response:
    """One of the pages; none is made of what somebody sent."""
    return Response((PAGE / name).read_bytes(), status, media_type="text/html")
