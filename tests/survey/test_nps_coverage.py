"""The NPS interval keeps its promise: exact coverage on small bases, and simulated with weights and clusters."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

STUDY = Path(__file__).resolve().parents[2] / "benchmarks" / "nps_coverage.py"


@pytest.fixture(scope="module")
def study() -> ModuleType:
    spec = importlib.util.spec_from_file_location("nps_coverage", STUDY)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["nps_coverage"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("n", "shares", "wald", "adjusted"), [(20, (0.8, 0.05), 0.860, 0.956), (10, (0.5, 0.2), 0.896, 0.962)]
)
def test_exact_coverage_is_the_published_one(
    study: ModuleType, n: int, shares: tuple[float, float], wald: float, adjusted: float
) -> None:
    row = study.exact_coverage(n, [shares]).iloc[0]
    assert row["wald"] == pytest.approx(wald, abs=5e-4)
    assert row["adjusted"] == pytest.approx(adjusted, abs=5e-4)


def test_the_lowest_coverage_of_ten_answers_is_093(study: ModuleType) -> None:
    cells = study.exact_coverage(10, study.share_grid(0.05))
    assert len(cells) == 171
    assert cells["adjusted"].min() == pytest.approx(0.930, abs=5e-4)
    assert cells["adjusted"].mean() > 0.95
    assert cells["wald"].min() < 0.7


def test_the_whole_study_finds_47_of_855_cells_below_094(study: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    study.main(["exact"])
    adjusted, wald = capsys.readouterr().out.splitlines()
    assert adjusted.startswith("adjusted: mean 0.952, lowest 0.930 (n 10, ")
    assert adjusted.endswith("below 0.940 in 47 of 855 cells")
    assert wald.startswith("wald: mean 0.9")


def test_clusters_and_weights_keep_the_promise_where_ignoring_them_breaks_it(study: ModuleType) -> None:
    found = study.simulated_coverage(
        n=400, clusters=40, icc=0.15, weight_spread=0.4, shares=(0.45, 0.2), replications=600, random_state=1
    ).set_index("method")
    # 600 samples at 95% scatter by 0.9 points: four of these on either side
    assert found.loc["weights and clusters", "coverage"] == pytest.approx(0.95, abs=0.036)
    assert found.loc["neither", "coverage"] < 0.9


def test_a_wrong_argument_is_refused_by_name(study: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        study.parse(["exact", "--conf-level", "95"])
    assert "--conf-level must be between 0 and 1, got 95; 95% is 0.95" in capsys.readouterr().err
