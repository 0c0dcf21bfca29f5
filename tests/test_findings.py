"""Recording what a notebook concludes."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cxlab.context import VARIABLE, RunContext
from cxlab.findings import record


@dataclass
class Result:
    estimate: float = 41.0
    std_error: float = 2.0
    conf_low: float = 37.1
    conf_high: float = 44.9
    conf_level: float = 0.95
    n: int = 900
    reason: str = ""

    def headline(self) -> str:
        return f"NPS is {self.estimate:.0f}."


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Inside a run of 08_tracking."""
    run = RunContext("acme", "2026-Q3", str(tmp_path), "08_tracking", str(tmp_path), str(tmp_path))
    run.write(tmp_path / "context.json")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "context.json"))
    return tmp_path


def _recorded(stage: Path) -> list[dict[str, Any]]:
    lines = (stage / "findings.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON")) for line in lines]


def test_a_finding_has_its_numbers_and_says_what_they_are_about(stage: Path) -> None:
    record("nps", Result(), level="segment", target="Busy", owner="Ann", unit="points", better="higher", key=True)
    (finding,) = _recorded(stage)
    assert finding == {
        "name": "nps", "notebook": "08_tracking", "level": "segment", "target": "Busy", "owner": "Ann", "unit": "points",
        "better": "higher", "definition": None, "comparable": "independent", "label": "nps", "key": True, "attention": False,
        "caution": "",
        "estimate": 41.0, "std_error": 2.0, "conf_low": 37.1, "conf_high": 44.9, "conf_level": 0.95, "n": 900,
        "reason": None, "headline": "NPS is 41.",
    }  # fmt: skip


def test_findings_follow_each_other(stage: Path) -> None:
    record("nps", Result(), level="all")
    record("csat", {"estimate": 70.0}, level="all")
    assert [finding["name"] for finding in _recorded(stage)] == ["nps", "csat"]


def test_what_is_undefined_is_null_with_the_reason(stage: Path) -> None:
    record("nps", Result(estimate=math.nan, conf_low=math.nan, reason="n<30"), level="all")
    (finding,) = _recorded(stage)
    assert (finding["estimate"], finding["conf_low"], finding["n"], finding["reason"]) == (None, None, 900, "n<30")


def test_a_missing_field_names_itself_where_no_reason_is_given(stage: Path) -> None:
    record("share", {"estimate": 0.4, "n": 10.0}, level="all")
    (finding,) = _recorded(stage)
    assert finding["reason"] == "not defined: std_error, conf_low, conf_high, conf_level"
    assert finding["n"] == 10


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"level": "customer"}, "`level` must be one of account, segment, all, got 'customer'"),
        ({"level": "all", "better": "up"}, "`better` must be one of higher, lower, None, got 'up'"),
        ({"level": "all", "comparable": "yes"}, "`comparable` must be one of independent"),
    ],
)
def test_a_word_that_is_none_is_refused(stage: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as error:
        record("nps", Result(), **more)
    assert said in str(error.value)


def test_a_number_that_is_none_is_refused(stage: Path) -> None:
    with pytest.raises(ValueError, match="finding `nps`: `estimate` must be a number, got 'high'"):
        record("nps", {"estimate": "high"}, level="all")
    with pytest.raises(ValueError, match="finding `nps`: `estimate` is missing"):
        record("nps", {"estimat": 1.0}, level="all")


def test_outside_a_run_a_finding_is_shown_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    record("nps", Result(), level="all")
    record("churn", {"estimate": math.nan, "reason": "n<30"}, level="all", label="Customers lost")
    assert capsys.readouterr().out == "NPS is 41.\nCustomers lost: n<30\n"
    assert list(tmp_path.iterdir()) == []
