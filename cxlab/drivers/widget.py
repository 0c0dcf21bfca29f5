"""What-if sliders for the notebook: one a driver, and at once the gain with its interval.

The bootstrap refits are made once (`DriverModel.simulator`); moving a slider only averages over them. The sliders are for whoever
explores in JupyterLab. A run that makes a report shows none, and a Python without a front end (a script, a terminal) gets the
table instead: each driver alone, moved by one step and to the top of its scale.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cxlab import context
from cxlab.drivers.simulate import Scale, Simulator, WhatIf, scale_ends
from cxlab.problems import did_you_mean


def what_if_sliders(
    simulator: Simulator,
    drivers: Sequence[str],
    *,
    scale: Scale,
    step: float = 0.25,
    labels: Mapping[str, str] | None = None,
) -> Any:
    """Sliders over the gain, an `ipywidgets.VBox`; the table of `what_if_table` where there is no front end, and None in a run.

    A slider says by how many points a driver moves, at most from one end of its scale to the other, in steps of `step`.
    `labels`: driver → what the slider is called. Raises ValueError for an unknown driver and one without a scale.
    """
    if context.current() is not None:
        return None
    if not step > 0:
        raise ValueError(f"`step` must be a number of points above 0, got {step!r}")
    table = what_if_table(simulator, drivers, scale=scale, step=step)
    if not _has_front_end():
        return table
    import ipywidgets

    names = dict(labels or {})
    width = {"description_width": "12em"}
    sliders = {
        name: ipywidgets.FloatSlider(
            value=0.0, min=0.0, max=float(np.ptp(scale_ends(scale, name))), step=step, description=names.get(name, name), style=width,
            readout_format="+.2f", layout=ipywidgets.Layout(width="36em"),
        )
        for name in drivers
    }  # fmt: skip
    answer = ipywidgets.HTML()

    def told(_: Any = None) -> None:
        answer.value = _said(moved(simulator, {name: one.value for name, one in sliders.items()}, scale=scale))

    for slider in sliders.values():
        slider.observe(told, names="value")
    told()
    return ipywidgets.VBox([*sliders.values(), answer])


def moved(simulator: Simulator, changes: Mapping[str, float], *, scale: Scale) -> WhatIf | None:
    """The gain of the sliders that are not at 0; None where all are."""
    changed = {name: points for name, points in changes.items() if points}
    return simulator.what_if(changed, scale=scale) if changed else None


def what_if_table(simulator: Simulator, drivers: Sequence[str], *, scale: Scale, step: float = 1.0) -> pd.DataFrame:
    """Two rows a driver: it alone moved by `step` points, and to the top of its scale. Columns driver, change, estimate,
    std_error, conf_low, conf_high, conf_level, n, share_can_move, unit, reason."""
    rows = []
    for name in drivers:
        found = [simulator.what_if({name: step}, scale=scale)]
        found.append(simulator.what_if(scale=scale, target={name: scale_ends(scale, name)[1]}))
        rows += [one.parts.iloc[:1].assign(change=one.change) for one in found]
    if not rows:
        raise ValueError(f"there are no drivers to move; {did_you_mean('', simulator.movable())}")
    table = pd.concat(rows, ignore_index=True)
    return table[["driver", "change", *table.columns.drop(["driver", "change"])]]


def _said(found: WhatIf | None) -> str:
    if found is None:
        return "<p>Move a slider: the gain appears here.</p>"
    return f"<p>{html.escape(found.headline())}</p>"


def _has_front_end() -> bool:
    """Whether this is a kernel that somebody looks at, with ipywidgets installed."""
    try:
        import ipywidgets  # noqa: F401
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None
