"""Forgetting a customer: out of what is there now, and out of every later run."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from cxlab.config import study_config
from cxlab.data.forgetting import ForgottenIds, forget, forgotten_hashes
from cxlab.data.tables import ingest
from cxlab.problems import StudyError


@pytest.fixture
def published(project: Path) -> Path:
    """The project with tables, a product, decisions and a restricted list that know C007."""
    ingest(project, "acme", study_config(project, "acme"))
    products = project / "data/processed/acme/products/2026-Q3"
    products.mkdir(parents=True)
    pd.DataFrame({"customer_id": ["C006", "C007"], "score": [1, 2]}).to_parquet(products / "scores.parquet")
    pd.DataFrame({"response_id": ["3006", "3007"], "theme": ["a", "b"]}).to_parquet(products / "themes.parquet")
    decisions = project / "data/raw/acme/decisions"
    decisions.mkdir()
    (decisions / "actions.csv").write_text('customer_id,note\nC006,"keep, as it is"\nC007,call\n', "utf-8")
    restricted = project / "reports/acme/2026-Q3/restricted"
    restricted.mkdir(parents=True)
    (restricted / "calls.csv").write_text("customer_id\nC007\n", "utf-8")
    return project


def test_a_forgotten_customer_is_gone_from_everything_that_cxlab_has_made(published: Path) -> None:
    said = "\n".join(forget(published, "acme", "C007"))
    products = published / "data/processed/acme/products/2026-Q3"
    assert pd.read_parquet(products / "scores.parquet")["customer_id"].to_list() == ["C006"]
    assert pd.read_parquet(products / "themes.parquet")["response_id"].to_list() == ["3006"]
    decisions = published / "data/raw/acme/decisions/actions.csv"
    assert decisions.read_text("utf-8") == 'customer_id,note\nC006,"keep, as it is"\n'
    assert (published / "reports/acme/2026-Q3/restricted/calls.csv").read_text("utf-8") == "customer_id\n"
    assert not list((published / "data/processed/acme").glob("tables/*/*.parquet"))
    assert "reports/acme/2026-Q3/restricted/calls.csv: 1 row removed" in said
    assert "the exports in data/raw/acme still hold the person" in said


def test_every_later_run_leaves_them_out_and_the_id_itself_stands_nowhere(published: Path) -> None:
    forget(published, "acme", "C007")
    loaded = ingest(published, "acme", study_config(published, "acme"))
    assert not loaded.tables["customers"]["customer_id"].eq("C007").any()
    assert not loaded.tables["responses"]["customer_id"].eq("C007").any()
    assert loaded.rejects["reason"].value_counts()["forgotten on request"] == 3
    kept = (published / "data/raw/acme/decisions/forgotten.json").read_text("utf-8")
    assert "C007" not in kept


def test_two_forgotten_customers_are_both_remembered_and_salts_differ_by_study(published: Path) -> None:
    forget(published, "acme", "C007")
    forget(published, "acme", "C008")
    known = forgotten_hashes(published, "acme")
    assert known.mask(pd.Series(["C006", "C007", "C008", None])).to_list() == [False, True, True, False]
    assert ForgottenIds("a").hash_of("C007") != ForgottenIds("b").hash_of("C007")


def test_an_id_that_no_table_knew_is_said_and_kept_out_all_the_same(published: Path) -> None:
    with pytest.raises(StudyError, match="no table of acme knows the customer `C999`"):
        forget(published, "acme", "C999")
    with pytest.raises(StudyError, match="the id is empty"):
        forget(published, "acme", " ")
    assert "no table of acme knows `C999`" in "\n".join(forget(published, "acme", "C999", unknown=True))
    assert len(forgotten_hashes(published, "acme").hashes) == 1


def test_a_broken_list_stops_everything_so_that_nobody_comes_back(published: Path) -> None:
    forget(published, "acme", "C007")
    path = published / "data/raw/acme/decisions/forgotten.json"
    path.write_text(json.dumps({"hashes": []}), "utf-8")
    with pytest.raises(StudyError, match=r"forgotten\.json"):
        ingest(published, "acme", study_config(published, "acme"))


def test_a_study_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"there is no data/raw/acme/study\.toml"):
        forget(tmp_path, "acme", "C1")
