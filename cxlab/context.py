"""What a notebook that the runner executes has to know about its run.

The runner writes one small JSON file for each notebook and names it in the environment variable CXLAB_RUN. Outside a run
(JupyterLab, a script, a test) there is no such variable: findings and exhibits are then shown and nothing is written.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "CXLAB_RUN"


@dataclass(frozen=True)
class RunContext:
    """One notebook's part in one run. `stage` is its own folder: findings.jsonl, tables/, products/, restricted/."""

    study: str
    period: str
    root: str
    notebook: str
    stage: str
    products: str  # where the products of this run that are already made can be loaded from
    raw_dir: str | None = None
    draft: str | None = None
    findings: str | None = None  # of all other notebooks, for the one that runs last

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1), "utf-8")


def current() -> RunContext | None:
    """The run that this process belongs to, or None."""
    path = os.environ.get(VARIABLE)
    return RunContext(**json.loads(Path(path).read_text("utf-8"))) if path else None
