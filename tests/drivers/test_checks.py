"""What an expert checks: each check is made to pass and to fail on answers that were made for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from cxlab.drivers import relative_importance
from cxlab.drivers.checks import ExpertChecks, expert_checks
from cxlab.problems import NotApplicableError

DRIVERS = ["app", "shop", "help", "web"]


def _answers(seed: int = 0, n: int = 300) -> pd.DataFrame:
    """Answers of 1 to 7 that have nothing in common; loyal goes with app most, with web not at all."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.integers(1, 8, (n, 4)).astype(float), columns=DRIVERS)
    return table.assign(loyal=table @ [0.8, 0.5, 0.3, 0.0] + rng.normal(size=n))


def _found(table: pd.DataFrame, **more: Any) -> ExpertChecks:
    return expert_checks(table, **{"outcome": "loyal", "drivers": DRIVERS} | more)


def _rows(found: ExpertChecks) -> pd.DataFrame:
    return found.table.set_index("check")


SCALES = dict.fromkeys(DRIVERS, (1.0, 7.0))


def test_plain_answers_pass_and_the_same_source_stays_a_question() -> None:
    found = _found(_answers(), scales=SCALES, touchpoint_of={name: name for name in DRIVERS}, touchpoints=DRIVERS)
    verdicts = _rows(found)["verdict"].to_dict()
    assert verdicts.pop("same source") == "look"
    assert verdicts.pop("outcome at the top") == "not checked"  # its scale was not given
    assert set(verdicts.values()) == {"fine"}
    assert found.headline() == "11 of 12 checks are fine; look at same source."
    assert _rows(_found(_answers(), same_source=False)).loc["same source", "verdict"] == "fine"


def test_the_shares_are_those_of_lmg() -> None:
    table = _answers()
    shares = relative_importance(table[DRIVERS], table["loyal"])["share"]
    importance = _found(table).importance
    assert importance["share"].tolist() == pytest.approx(shares.tolist())
    assert importance["place"].tolist() == [1, 2, 3, 4]


def test_overlap_is_the_largest_variance_inflation() -> None:
    table = _answers()
    table["shop"] = table["app"] + 0.3 * table["shop"]
    row = _rows(_found(table)).loc["overlap"]
    r2 = sm.OLS(table["shop"], sm.add_constant(table[["app", "help", "web"]])).fit().rsquared
    other = sm.OLS(table["app"], sm.add_constant(table[["shop", "help", "web"]])).fit().rsquared
    assert row["estimate"] == pytest.approx(max(1 / (1 - r2), 1 / (1 - other)))
    assert row["verdict"] == "warning"
    assert row["detail"] == "app and shop can hardly be told from the others"


def test_a_sign_that_turns_is_a_warning_where_it_is_clear() -> None:
    table = _answers()
    table["shop"] = table["app"] + 0.7 * table["shop"]  # suppressor: goes with loyal through app, and lowers it
    table["loyal"] = 2 * table["app"] - 0.6 * table["shop"] + 0.3 * np.random.default_rng(1).normal(size=300)
    row = _rows(_found(table, drivers=["app", "shop", "help"])).loc["sign reversal"]
    assert np.corrcoef(table["shop"], table["loyal"])[0, 1] > 0
    assert row["verdict"] == "warning"
    assert row["detail"].startswith("shop (clear)")


def test_halo_is_the_part_of_the_first_eigenvalue() -> None:
    table = _answers()
    values = np.linalg.eigvalsh(np.corrcoef(table[DRIVERS].T))
    assert _rows(_found(table)).loc["halo", "estimate"] == pytest.approx(100 * values[-1] / 4)
    mood = 3 * np.random.default_rng(2).normal(size=300)
    moody = table.assign(**{name: table[name] + 3 * mood for name in DRIVERS})
    assert _rows(_found(moody)).loc["halo", "verdict"] == "look"


def test_with_the_mood_held_fixed_a_driver_has_what_it_adds_to_a_persons_other_answers() -> None:
    table = _answers(n=60)
    gains = []
    for name in DRIVERS:
        others = table[[other for other in DRIVERS if other != name]].mean(axis=1)
        small = sm.OLS(table["loyal"], sm.add_constant(others)).fit()
        large = sm.OLS(table["loyal"], sm.add_constant(np.column_stack([others, table[name]]))).fit()
        gains.append(large.rsquared - small.rsquared)
    found = _found(table)
    assert found.importance["share_mood_fixed"].tolist() == pytest.approx([gain / sum(gains) for gain in gains])
    alone = sm.OLS(table["loyal"], sm.add_constant(table[DRIVERS].mean(axis=1))).fit().rsquared
    assert f"a person's mean answer alone explains {alone:.0%} of" in _rows(found).loc["mood held fixed", "detail"]


def test_a_first_driver_that_is_only_mood_is_seen_once_the_mood_is_held_fixed() -> None:
    rng = np.random.default_rng(4)
    mood, own = rng.normal(size=600), rng.normal(size=(600, 8))
    names = ["m", *"abcdefg"]  # m says the mood best and does nothing; a does .3 of its own
    table = pd.DataFrame(mood[:, None] + own * [0.4] + own * [0, *[0.6] * 7], columns=names)
    table["loyal"] = 2 * mood + 0.3 * own[:, 1] + 0.5 * rng.normal(size=600)
    found = _found(table, drivers=names)
    assert found.importance.set_index("driver")["place"]["m"] == 1
    row = _rows(found).loc["mood held fixed"]
    assert row["verdict"] == "look"
    assert row["detail"].startswith("a is first instead of m; a person's mean answer alone explains ")


def test_scales_of_different_lengths_are_brought_to_one_before_a_persons_mean_is_taken() -> None:
    table = _answers()
    longer = table.assign(app=(table["app"] - 1) / 6 * 100)
    one, other = _found(table, scales=SCALES), _found(longer, scales=SCALES | {"app": (0, 100)})
    assert other.importance["share_mood_fixed"].tolist() == pytest.approx(one.importance["share_mood_fixed"].tolist())
    half = _found(longer, scales={"app": (0, 100)})
    assert _rows(half).loc["mood held fixed", "detail"] == "the scales of some drivers are not given"


def test_one_respondent_on_whom_the_first_driver_hangs_is_found() -> None:
    table = _answers(n=150)
    assert _rows(_found(table)).loc["influence", "verdict"] == "fine"
    table.loc[0, ["web", "loyal"]] = [100.0, 120.0]
    found = _found(table)
    row = _rows(found).loc["influence"]
    assert row["verdict"] == "warning"
    assert row["detail"].startswith("app is first instead of web; one of them moves web by ")
    assert row["n"] == 148  # the most influential 1% of 150, rounded up
    without = table.drop(index=0)
    influence = sm.OLS(table["loyal"], sm.add_constant(table[DRIVERS])).fit().get_influence()
    assert influence.cooks_distance[0].argmax() == 0
    second = influence.cooks_distance[0].argsort()[-2]
    kept = without.drop(index=second)
    shares = relative_importance(kept[DRIVERS], kept["loyal"])["share"]
    assert found.importance["share_without_influential"].tolist() == pytest.approx(shares.tolist())


def test_whole_accounts_are_left_out_where_answers_come_in_accounts() -> None:
    table = _answers(n=200).assign(account=np.arange(200) // 10)
    table.loc[:9, "loyal"] += 40 * (table.loc[:9, "web"] - 4)
    row = _rows(_found(table, cluster_col="account")).loc["influence"]
    assert row["n"] == 190
    assert row["verdict"] == "warning"


def test_the_top_of_the_scale_and_straight_lines_are_counted() -> None:
    table = _answers()
    assert _rows(_found(table)).loc["scale use", "verdict"] == "not checked"
    table.loc[:199, DRIVERS] = 7.0
    found = _found(table, scales=SCALES | {"loyal": (-10, 20)})
    rows = _rows(found)
    assert rows.loc["scale use", "estimate"] == pytest.approx(100 * (table[DRIVERS] == 7).to_numpy().mean())
    assert rows.loc["scale use", "verdict"] == "look"
    straight = (table[DRIVERS].nunique(axis=1) == 1).mean()
    assert rows.loc["straight-lining", "estimate"] == pytest.approx(100 * straight)
    assert rows.loc["straight-lining", "verdict"] in ("look", "warning")
    rest = table[table[DRIVERS].nunique(axis=1) > 1]
    shares = relative_importance(rest[DRIVERS], rest["loyal"])["share"]
    assert found.importance["share_without_straight"].tolist() == pytest.approx(shares.tolist())
    assert rows.loc["outcome at the top", "verdict"] == "fine"
    full = _answers().assign(loyal=lambda t: t["loyal"].clip(upper=t["loyal"].quantile(0.4)))
    top = _rows(_found(full, scales={"loyal": (-10, full["loyal"].max())})).loc["outcome at the top"]
    assert (top["verdict"], top["estimate"] >= 50) == ("look", True)


def test_a_bent_driver_is_named_and_yes_no_drivers_are_not_bent() -> None:
    table = _answers()
    table["loyal"] += 0.3 * (table["help"] - 4) ** 2
    row = _rows(_found(table)).loc["straight line"]
    assert row["verdict"] == "look"
    assert row["detail"] == "bent: help"
    flags = table.assign(**{name: (table[name] > 4).astype(float) for name in DRIVERS})
    assert _rows(_found(flags)).loc["straight line", "detail"] == "every driver has two answers"


def test_touchpoints_without_a_driver_are_named() -> None:
    of: dict[str, str | None] = {"app": "app", "shop": "shop", "help": None}
    row = _rows(_found(_answers(), touchpoint_of=of, touchpoints=["app", "shop", "phone", "invoice"])).loc[
        "omitted touchpoints"
    ]
    assert (row["verdict"], row["estimate"], row["n"]) == ("look", 2, 4)
    assert row["detail"] == "no driver is about phone and invoice"


def test_few_rows_and_lost_rows_are_said() -> None:
    table = _answers(n=35)
    table.loc[:9, "app"] = np.nan
    found = _found(table)
    rows = _rows(found)
    assert (rows.loc["rows for each driver", "verdict"], rows.loc["rows for each driver", "estimate"]) == (
        "warning",
        25 / 4,
    )
    assert rows.loc["answers lost", "estimate"] == pytest.approx(100 * 10 / 35)
    assert rows.loc["answers lost", "verdict"] == "look"
    assert (found.n, found.n_left_out) == (25, 10)
    with pytest.raises(NotApplicableError, match="needs more respondents than coefficients; 6 answered all 4 drivers"):
        _found(_answers(n=6))


def test_more_than_fifteen_drivers_are_weighed_by_johnson_and_two_drivers_have_no_mood() -> None:
    rng = np.random.default_rng(5)
    many = pd.DataFrame(rng.normal(size=(200, 16)), columns=[f"d{j}" for j in range(16)])
    many["loyal"] = many.sum(axis=1) + rng.normal(size=200)
    found = _found(many, drivers=[f"d{j}" for j in range(16)])
    johnson = relative_importance(many.drop(columns="loyal"), many["loyal"], method="johnson")["share"]
    assert found.importance["share"].tolist() == pytest.approx(johnson.tolist())
    assert _rows(found).loc["mood held fixed", "verdict"] in ("fine", "look")
    two = _rows(_found(_answers(), drivers=["app", "shop"]))
    assert two.loc["mood held fixed", "detail"] == "fewer than three drivers"


def test_weights_reach_every_share() -> None:
    table = _answers().assign(weight=np.tile([1.0, 4.0], 150))
    shares = relative_importance(table[DRIVERS], table["loyal"], weights=table["weight"])["share"]
    found = _found(table, weights_col="weight", scales=SCALES)
    assert found.importance["share"].tolist() == pytest.approx(shares.tolist())
    top = np.average((table[DRIVERS] == 7).mean(axis=1), weights=table["weight"])
    assert _rows(found).loc["scale use", "estimate"] == pytest.approx(100 * top)


def test_answers_off_their_scale_and_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="`app` holds 7, off its scale 1 to 5"):
        _found(_answers().assign(app=7.0), scales={"app": (1, 5)})
    with pytest.raises(ValueError, match="`scales` names `ap`, which is no driver; did you mean `app`"):
        _found(_answers(), scales={"ap": (1, 7)})
    with pytest.raises(ValueError, match="has no spread"):
        _found(_answers().assign(app=3.0))
