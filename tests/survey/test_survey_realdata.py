"""Real surveys against published and independently computed figures: an airport, an airline, schools."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxlab.survey import compare, compare_waves, control_chart, nps, nps_change, rake, track

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "survey"
pytestmark = pytest.mark.realdata


def _needed(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the shared real data lacks survey/{name}")
    return path


@pytest.fixture(scope="module")
def sfo() -> pd.DataFrame:
    return pd.read_parquet(_needed("sfo_tracking_2010_2018.parquet"))


@pytest.fixture(scope="module")
def flights(sfo: pd.DataFrame) -> pd.DataFrame:
    """The waves 2017 and 2018 with the flight at which each questionnaire was handed out."""
    parts = []
    for wave in (2017, 2018):
        raw = pd.read_csv(_needed(f"sfo_raw/sfo_{wave}.csv"), encoding="latin-1", low_memory=False)
        run = raw.rename(columns=str.strip).set_index("RESPNUM")["RUNID"]
        part = sfo[sfo["wave"] == wave]
        parts.append(part.assign(flight=part["respnum"].map(run)))
    return pd.concat(parts)


@pytest.fixture(scope="module")
def ratings(sfo: pd.DataFrame) -> list[str]:
    columns = list(sfo.columns)
    return [name for name in columns[columns.index("art") : columns.index("problem")] if name != "nps"]


def test_sfo_nps_unweighted(sfo: pd.DataFrame) -> None:
    before, after = (sfo.loc[sfo["wave"] == wave, "nps"] for wave in (2017, 2018))
    assert ((before >= 9).sum(), (before <= 6).sum(), before.notna().sum()) == (1436, 342, 2746)
    assert nps(before).estimate == pytest.approx(39.839767, abs=1e-5)
    assert nps(after).estimate == pytest.approx(30.981132, abs=1e-5)
    change = nps_change(before, after)
    assert stats.norm.isf(change.p_value / 2) == pytest.approx(4.507, abs=5e-4)
    assert change.estimate < 0
    assert nps(after).headline() == "NPS is 31, between 28 and 34 (n 2,650)."


def test_weights_shrink_the_fall_by_two_fifths_and_flights_push_its_p_past_005(flights: pd.DataFrame) -> None:
    before, after = (flights[flights["wave"] == wave] for wave in (2017, 2018))
    weights = {"weights_before": before["weight"], "weights_after": after["weight"]}
    plain = nps_change(before["nps"], after["nps"])
    weighted = nps_change(before["nps"], after["nps"], **weights)
    assert weighted.estimate / plain.estimate == pytest.approx(0.6, abs=0.05)
    assert weighted.p_value < 0.05
    clustered = nps_change(
        before["nps"],
        after["nps"],
        **weights,
        clusters_before=before["flight"],
        clusters_after=after["flight"],
    )
    assert clustered.estimate == weighted.estimate
    assert clustered.p_value > 0.05


def test_flights_raise_the_standard_error_by_7_and_over_40_percent(flights: pd.DataFrame) -> None:
    raised = {
        wave: nps(part["nps"], weights=part["weight"], clusters=part["flight"]).std_error
        / nps(part["nps"], weights=part["weight"]).std_error
        for wave, part in flights.groupby("wave")
    }
    assert raised[2017] == pytest.approx(1.07, abs=0.01)
    assert 1.4 < raised[2018] < 1.5


@pytest.mark.parametrize(
    ("columns", "clear"),
    [({}, 7), ({"weights_col": "weight"}, 2), ({"weights_col": "weight", "cluster_col": "flight"}, 1)],
)
def test_of_26_items_seven_two_or_one_survive(
    flights: pd.DataFrame, ratings: list[str], columns: dict[str, str], clear: int
) -> None:
    found = compare(flights, ratings, by="wave", **columns)
    assert found["family_size"].iloc[0] == 26
    assert (found["q_value"] < 0.05).sum() == clear


def test_nine_waves_are_tracked_with_the_unweighted_ones_marked(sfo: pd.DataFrame, ratings: list[str]) -> None:
    items = pd.DataFrame({"item": [*ratings, "nps"], "role": "satisfaction", "low": 1.0, "high": 5.0})
    items.loc[items["item"] == "nps", ["role", "low", "high"]] = ["loyalty", 0.0, 10.0]
    found = track(sfo, items, weights_col="weight").set_index(["wave", "item"])
    assert len(found) == 9 * 27
    assert found.groupby("wave")["weighted"].first().to_dict() == {
        wave: wave not in (2011, 2012) for wave in range(2010, 2019)
    }
    assert found.loc[(2018, "nps"), "n"] == 2650
    assert found.loc[(2010, "nps"), "reason"] == "nobody answered"
    change = compare_waves(sfo, items, before=2017, after=2018)
    assert change.family_size == 27
    assert change.frame.set_index("item").loc["nps", "reading"] == "worse"


def test_the_airline_that_stores_recommendation_as_1_to_11_is_refused_until_it_is_mended() -> None:
    airline = pd.read_csv(_needed("airlinesat.csv"))
    stored = airline["nps"]
    with pytest.raises(ValueError, match=r"`ltr` holds answers off the scale .* 11"):
        nps(stored)
    assert nps(stored - 1).estimate == pytest.approx(-18.1, abs=0.05)


def test_raking_the_school_sample_agrees_with_r_survey() -> None:
    schools = pd.read_csv(_needed("apiclus1.csv"))
    margins = {"stype": {"E": 4421, "H": 755, "M": 1018}, "sch.wide": {"No": 1072, "Yes": 5122}}
    found = rake(schools, margins, base_weight_col="pw")
    of = found.weights.groupby([schools["stype"], schools["sch.wide"]]).first()
    assert of[("E", "Yes")] == pytest.approx(29.870675, rel=1e-6)
    assert of[("H", "No")] == pytest.approx(67.125529, rel=1e-6)
    assert found.n_eff == pytest.approx(174.01, abs=0.005)
    assert np.average(schools["api00"], weights=found.weights) == pytest.approx(641.2303, rel=1e-6)


def test_a_p_chart_of_the_airport_flags_four_of_nine_years_and_p_prime_none(sfo: pd.DataFrame) -> None:
    answered = sfo[sfo["overall"].between(1, 5)].groupby("wave")["overall"]
    top, n = answered.agg(lambda scores: (scores >= 4).sum()), answered.size()
    plain, prime = (control_chart(top, kind=kind, n=n) for kind in ("p", "p_prime"))
    assert (plain.n_points, int(plain.points["signal"].sum())) == (9, 4)
    assert round(prime.sigma_z, 2) == 1.71
    assert not prime.points["signal"].any()
