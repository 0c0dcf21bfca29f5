"""Answers about drivers, made by hand for the pages of 07."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cxlab.drivers.answers import DriverAnswers


def asked_of(
    table: pd.DataFrame,
    *,
    outcome: str = "q_loyal",
    labels: Mapping[str, str] | None = None,
    scale: tuple[float, float] = (1.0, 5.0),
    outcome_scale: tuple[float, float] = (0.0, 10.0),
    more_touchpoints: tuple[str, ...] = (),
    **more: Any,
) -> DriverAnswers:
    """Every column `q_…` but the outcome is a driver with a touchpoint and an owner of its own; other columns are as they are."""
    drivers = [str(name) for name in table if str(name).startswith("q_") and name != outcome]
    rows = table.assign(**{"survey": "tracking", "wave": "2026-Q2", "counted_at": pd.Timestamp("2026-06-30"), **more})
    items = pd.DataFrame(
        {
            "item": [outcome, *drivers],
            "label": ["Loyalty", *((labels or {}).get(name, name.removeprefix("q_").capitalize()) for name in drivers)],
            "touchpoint": [None, *(name.removeprefix("q_") for name in drivers)],
            "low": [outcome_scale[0], *[scale[0]] * len(drivers)], "high": [outcome_scale[1], *[scale[1]] * len(drivers)],
        }
    ).set_index("item")  # fmt: skip
    places = [*(name.removeprefix("q_") for name in drivers), *more_touchpoints]
    touchpoints = pd.DataFrame(
        {
            "touchpoint": places,
            "label": [f"The {name}" for name in places],
            "owner": [f"{name} team" for name in places],
        }
    )
    return DriverAnswers(rows, outcome, drivers, [], items, touchpoints)
