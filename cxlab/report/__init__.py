"""Running notebooks and publishing what they found as pages that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cxlab.report.html import render
    from cxlab.report.runner import RunResult, run_study

__all__ = ["RunResult", "render", "run_study"]


def __getattr__(name: str) -> Any:
    if name == "render":
        from cxlab.report.html import render

        return render
    if name in ("run_study", "RunResult"):
        from cxlab.report import runner

        return getattr(runner, name)
    raise AttributeError(f"module 'cxlab.report' has no attribute {name!r}")
