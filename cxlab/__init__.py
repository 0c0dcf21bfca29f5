"""cxlab: the research workbench for customer experience teams.

In a notebook: `study = cxlab.open_study("acme", period="2026-Q3")`, then `study.responses`, `study.ratings` and the rooms
`cxlab.survey`, `cxlab.inference`, `cxlab.charts`, `cxlab.exhibits`. Names are loaded when they are first used, so that
`import cxlab` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cxlab.study import Study, open_study

__version__ = "0.1.0"
__all__ = ["Study", "__version__", "open_study"]

_ROOMS = (
    "charts",
    "data",
    "demo",
    "drivers",
    "exhibits",
    "experience",
    "findings",
    "inference",
    "journeys",
    "products",
    "report",
    "segments",
    "study",
    "survey",
    "value",
    "voice",
    "wording",
)


def __getattr__(name: str) -> Any:
    if name in ("open_study", "Study"):
        return getattr(importlib.import_module("cxlab.study"), name)
    if name in _ROOMS:
        return importlib.import_module(f"cxlab.{name}")
    raise AttributeError(f"module 'cxlab' has no attribute {name!r}")
