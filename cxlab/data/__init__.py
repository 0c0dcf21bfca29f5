"""The room of exports: connections, file formats, canonical tables, data quality and personal data.

Nothing else in cxlab knows what a file looks like. Names are loaded when they are first used: who wants `mask_pii` alone
does not load an engine.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cxlab.data.engine import connect
    from cxlab.data.privacy import mask_pii
    from cxlab.data.quality import check, freshness, match_rates, missingness
    from cxlab.data.tables import Ingest, ingest, ratings, select
    from cxlab.data.xes import write_xes

__all__ = [
    "Ingest",
    "check",
    "connect",
    "freshness",
    "ingest",
    "mask_pii",
    "match_rates",
    "missingness",
    "ratings",
    "select",
    "write_xes",
]
_FOUND_IN = {
    "connect": "engine",
    "mask_pii": "privacy",
    "write_xes": "xes",
    **dict.fromkeys(("check", "freshness", "match_rates", "missingness"), "quality"),
    **dict.fromkeys(("Ingest", "ingest", "ratings", "select"), "tables"),
}


def __getattr__(name: str) -> Any:
    if name in _FOUND_IN:
        return getattr(importlib.import_module(f"cxlab.data.{_FOUND_IN[name]}"), name)
    raise AttributeError(f"module 'cxlab.data' has no attribute {name!r}")
