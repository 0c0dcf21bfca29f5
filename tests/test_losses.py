"""What each notebook leaves out is what the notebook itself says it leaves out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import cxlab
from cxlab.drivers import loyalty_drivers
from cxlab.losses import Losses, losses
from cxlab.segments.needs import needs_answers
from cxlab.study import Study
from cxlab.value import retention


@pytest.fixture(scope="module")
def study(company: Path) -> Study:
    return cxlab.open_study("demo", period="2026-Q3", root=company)


@pytest.fixture(scope="module")
def found(study: Study) -> Losses:
    return losses(study)


def test_given_is_used_and_left_out(found: Losses) -> None:
    rows = found.rows
    assert (rows["n"] == rows["used"] + rows["lost"]).all()
    assert (rows["lost"] >= 0).all()
    assert ((rows["why"] != "") == (rows["lost"] > 0)).all()


def test_the_notebooks_use_what_is_said_of_them(study: Study, found: Losses) -> None:
    rows = found.rows.drop_duplicates("notebook").set_index("notebook")
    drivers = loyalty_drivers(study.responses, study.items, study.touchpoints, n_boot=100)
    assert rows.loc["07 Drivers", ["n", "used"]].tolist() == [drivers.n_asked, drivers.n]
    *_, screened = needs_answers(study.responses, study.items)
    assert rows.loc["01 Needs", ["n", "used"]].tolist() == [len(screened), screened["keep"].sum()]
    assert rows.loc["09 Retention", "used"] == retention(study.customers, as_of=study.known_until).n


def test_a_notebook_that_leaves_out_much_is_told_up_front(found: Losses) -> None:
    (said,) = found.sentences()
    assert said.startswith("Left out by 07 Drivers ")
    ((words, _),) = found.losses_shown()
    assert words["title"].startswith("07 Drivers leaves out most: ")


def test_a_study_without_anything_for_a_notebook_says_what_it_needs(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "raw" / "acme"
    folder.mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    (folder / "study.toml").write_text(
        '[study]\nname = "Acme"\n[sources.responses]\npath = "s.csv"\nsurvey = "tracking"\nperspective = "customer"\n'
        'columns = {response_id = "ID", submitted_at = "day"}\nwave = "A"\n'
        '[items.recommend]\nquestion = "?"\nrole = "loyalty"\nscale = [0, 10]\n'
    )
    pd.DataFrame({"ID": ["1", "2"], "day": ["2026-08-01", "2026-08-02"], "recommend": [9, None]}).to_csv(
        folder / "s.csv", index=False
    )
    found = losses(cxlab.open_study("acme", period="2026-Q3", root=tmp_path))
    assert found.rows[["notebook", "n", "used"]].to_numpy().tolist() == [["08 Tracking", 2, 1]]
    assert found.unfit["notebook"].tolist() == ["01 Needs", "07 Drivers"]
