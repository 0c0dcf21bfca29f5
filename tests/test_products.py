"""Tables that one notebook makes for others."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cxlab import products
from cxlab.context import VARIABLE, RunContext
from cxlab.problems import StudyError

SEGMENTS = pd.DataFrame({"customer_id": ["007", "NA"], "segment_id": ["A", "B"], "probability": [0.9, 0.6]})


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunContext:
    """Inside a run of 05_touchpoints for 2026-Q3, which sees what lies in `inputs`."""
    (tmp_path / "inputs").mkdir()
    context = RunContext(
        "acme", "2026-Q3", str(tmp_path), "05_touchpoints", str(tmp_path / "work"), str(tmp_path / "inputs")
    )
    context.write(tmp_path / "context.json")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "context.json"))
    return context


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Published segments of two periods, the older with one customer, and those of a draft."""
    folder = tmp_path / "data" / "processed" / "acme" / "products"
    for period, rows in (("2026-09", 1), ("2026-Q4", 2), ("drafts/try", 0)):
        (folder / period).mkdir(parents=True)
        SEGMENTS.head(rows).to_parquet(folder / period / "segments.parquet")
    return tmp_path


def test_a_product_comes_back_as_it_was(run: RunContext) -> None:
    products.save("segments", SEGMENTS)
    (Path(run.stage) / "products" / "segments.parquet").rename(Path(run.products) / "segments.parquet")
    pd.testing.assert_frame_equal(products.load("segments"), SEGMENTS)


def test_inside_a_run_an_older_product_of_the_same_period_is_never_taken(run: RunContext, published: Path) -> None:
    assert not products.exists("segments")
    with pytest.raises(StudyError, match="`segments`: is not there for this run; name it under `needs` or `wants`"):
        products.load("segments")


def test_inside_a_run_other_periods_can_be_read(run: RunContext, published: Path) -> None:
    assert len(products.load("segments", period="2026-Q4")) == 2


def test_without_a_period_the_newest_is_read_and_never_a_draft(published: Path) -> None:
    assert len(products.load("segments", study="acme", root=published)) == 2
    assert len(products.load("segments", study="acme", period="2026-09", root=published)) == 1


def test_the_project_is_found_from_a_folder_inside_it(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (published / "notebooks").mkdir()
    monkeypatch.chdir(published / "notebooks")
    assert products.names(study="acme") == ["segments"]


def test_a_product_that_is_not_there_names_those_that_are(published: Path) -> None:
    with pytest.raises(StudyError, match="product `segment`: is not there for acme 2026-Q4; did you mean `segments`"):
        products.load("segment", study="acme", period="2026-Q4", root=published)


def test_outside_a_run_the_study_has_to_be_named() -> None:
    with pytest.raises(StudyError, match="give study="):
        products.load("segments")


def test_outside_a_run_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    products.save("segments", SEGMENTS)
    assert capsys.readouterr().out == "product `segments`: 2 rows (kept only inside a run)\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../segments", "a b", "", "1st"])
def test_a_name_is_no_path(run: RunContext, name: str) -> None:
    with pytest.raises(ValueError, match="a product's name"):
        products.save(name, SEGMENTS)
