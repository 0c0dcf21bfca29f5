"""Sliders over a what-if: they answer with the number of the simulator, escape what they show, and stay out of reports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxlab.context import VARIABLE, RunContext
from cxlab.drivers import DriverModel, widget
from cxlab.drivers.simulate import Simulator


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.integers(1, 8, (120, 2)).astype(float), columns=["speed", "<b>price"])
    table["ltr"] = (2 + table["speed"] + 2 * rng.logistic(size=120)).round().clip(0, 10)
    return DriverModel.from_columns(table, "ltr", ["speed", "<b>price"], kind="ordered").simulator(n_boot=50)


@pytest.fixture
def front_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widget, "_has_front_end", lambda: True)


@pytest.mark.usefixtures("front_end")
def test_moving_a_slider_tells_the_gain_at_once(simulator: Simulator) -> None:
    box = widget.what_if_sliders(simulator, ["speed", "<b>price"], scale=(1, 7), labels={"speed": "Speed"})
    speed, _, answer = box.children
    assert (speed.description, speed.min, speed.max, speed.step) == ("Speed", 0, 6, 0.25)
    assert answer.value == "<p>Move a slider: the gain appears here.</p>"
    speed.value = 1.0
    expected = simulator.what_if({"speed": 1.0}, scale=(1, 7)).headline()
    assert answer.value == f"<p>{expected}</p>"
    speed.value = 0.0
    assert answer.value == "<p>Move a slider: the gain appears here.</p>"


@pytest.mark.usefixtures("front_end")
def test_the_name_of_a_driver_is_text_and_never_markup(simulator: Simulator) -> None:
    box = widget.what_if_sliders(simulator, ["<b>price"], scale=(1, 7))
    box.children[0].value = 1.0
    assert "more of &lt;b&gt;price" in box.children[-1].value


def test_without_a_front_end_the_table_says_a_step_and_the_top(simulator: Simulator) -> None:
    found = widget.what_if_sliders(simulator, ["speed"], scale=(1, 7), step=0.5)
    assert found["change"].tolist() == ["0.5 points more of speed", "speed at 7 at least"]
    step, top = (
        simulator.what_if(*change, scale=(1, 7), target=to)
        for change, to in (([{"speed": 0.5}], None), ([], {"speed": 7}))
    )
    assert found["estimate"].tolist() == [step.estimate, top.estimate]
    assert {"std_error", "conf_low", "conf_high", "conf_level", "n", "share_can_move", "unit"} <= set(found)


@pytest.mark.usefixtures("front_end")
def test_a_run_that_makes_a_report_has_no_sliders(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.json"
    RunContext(study="acme", period="2026-Q3", root=".", notebook="07", stage=".", products=".").write(path)
    monkeypatch.setenv(VARIABLE, str(path))
    assert widget.what_if_sliders(simulator, ["speed"], scale=(1, 7)) is None


def test_what_has_no_slider_is_refused(simulator: Simulator) -> None:
    with pytest.raises(ValueError, match="there is no driver `sped` that can move; did you mean `speed`"):
        widget.what_if_sliders(simulator, ["sped"], scale=(1, 7))
    with pytest.raises(ValueError, match="`step` must be a number of points above 0, got 0"):
        widget.what_if_sliders(simulator, ["speed"], scale=(1, 7), step=0)
    with pytest.raises(ValueError, match="there are no drivers to move"):
        widget.what_if_sliders(simulator, [], scale=(1, 7))
