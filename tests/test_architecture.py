"""The arrows of docs/architecture.md: who may import whom."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = {"problems", "period", "config", "context"}
ANALYSIS = {"survey", "segments", "journeys", "voice", "drivers", "experience", "value"}
SPEECH = {"charts", "exhibits", "findings", "products", "wording"}
MAY_IMPORT = {
    **dict.fromkeys(CORE, CORE),
    "inference": {"problems"},
    "data": CORE | {"products"},
    "study": CORE | {"data", "products", "survey"},  # survey: the answers of an open study are weighted
    **{room: CORE | {"inference", "data", "wording"} for room in ANALYSIS},
    **dict.fromkeys(SPEECH, CORE | SPEECH),
    "report": CORE | {"data", "inference", "findings", "products", "wording", "study"},
    "health": CORE | {"data", "inference", "study", "wording"},
    "losses": CORE | ANALYSIS | {"study", "wording"},  # asks each room what it would leave out
    "draft": CORE | {"data"},
    "demo": CORE | {"data"},
}


def _room(path: Path) -> str:
    return path.relative_to(ROOT / "cxlab").parts[0].removesuffix(".py")


def _imported(path: Path) -> set[str]:
    """Rooms of cxlab that a file imports, also inside functions."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "cxlab":
            parts = node.module.split(".")
            rooms |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            rooms |= {a.name.split(".")[1] for a in node.names if a.name.startswith("cxlab.")}
    return rooms - {"__version__"}


FILES = sorted(path for path in (ROOT / "cxlab").rglob("*.py") if _room(path) not in ("cli", "__init__", "__main__"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_the_rooms_it_may_know(path: Path) -> None:
    room = _room(path)
    assert _imported(path) - {room} <= MAY_IMPORT[room]


def test_there_is_no_utils_module() -> None:
    assert not [path for path in FILES if path.stem in ("utils", "helpers", "common", "misc")]


def test_importing_cxlab_loads_no_heavy_library() -> None:
    import subprocess
    import sys

    heavy = ("pandas", "papermill", "ibis", "matplotlib")
    code = f"import sys, cxlab, cxlab.cli; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
