"""A later outcome on earlier drivers: planted effects in time, who came back, and how few are too few."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from cxlab.drivers.waves import COLUMNS, RETURNERS, LaggedDrivers, lagged_drivers
from cxlab.problems import NotApplicableError

DRIVERS = ["app", "help"]


def _panel(seed: int = 0, n: int = 500, back: int = 400) -> pd.DataFrame:
    """What was rated earlier: app moves loyalty later (.5), help does not; loyalty moves help later (.4). Half of loyalty stays."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2)) + 0.4 * rng.normal(size=(n, 1))
    loyal = 0.3 * X.sum(axis=1) + rng.normal(size=n)
    first = pd.DataFrame(X, columns=DRIVERS).assign(loyal=loyal, wave="2026-Q1")
    second = pd.DataFrame(
        {
            "app": 0.5 * X[:, 0] + rng.normal(size=n),
            "help": 0.4 * loyal + 0.3 * X[:, 1] + rng.normal(size=n),
            "loyal": 0.5 * loyal + 0.5 * X[:, 0] + rng.normal(size=n),
            "wave": "2026-Q2",
        }
    )
    ids = [f"C{i:03d}" for i in range(n)]
    return pd.concat([first.assign(customer_id=ids), second.assign(customer_id=ids).head(back)], ignore_index=True)


def _found(table: pd.DataFrame, **more: Any) -> LaggedDrivers:
    options: dict[str, Any] = {
        "outcome": "loyal", "drivers": DRIVERS, "respondent_col": "customer_id", "wave_col": "wave", "earlier": "2026-Q1",
        "later": "2026-Q2",
    }  # fmt: skip
    return lagged_drivers(table, **options | more)


@pytest.fixture(scope="module")
def found() -> LaggedDrivers:
    return _found(_panel())


def test_the_estimates_are_those_of_a_regression_on_the_merged_waves(found: LaggedDrivers) -> None:
    table = _panel()
    first, second = (table[table["wave"] == wave].set_index("customer_id") for wave in ("2026-Q1", "2026-Q2"))
    both = first.join(second.add_suffix("_later"), how="inner")
    fit = sm.OLS(both["loyal_later"], sm.add_constant(both[["app", "help", "loyal"]])).fit(cov_type="HC3", use_t=True)
    rows = found.table.set_index("driver")
    assert rows["estimate"].to_dict() == pytest.approx(fit.params[DRIVERS].to_dict())
    assert rows["p_value"].to_dict() == pytest.approx(fit.pvalues[DRIVERS].to_dict())
    assert rows[["conf_low", "conf_high"]].to_numpy() == pytest.approx(fit.conf_int().loc[DRIVERS].to_numpy())
    assert found.carried.loc[0, "estimate"] == pytest.approx(fit.params["loyal"])
    reverse = sm.OLS(both["help_later"], sm.add_constant(both[["loyal", "app", "help"]])).fit(cov_type="HC3")
    assert rows.loc["help", "reverse_estimate"] == pytest.approx(reverse.params["loyal"])
    assert rows.loc["help", "reverse_std_error"] == pytest.approx(reverse.bse["loyal"])
    same = sm.OLS(both["loyal"], sm.add_constant(both[DRIVERS])).fit(cov_type="HC3")
    assert rows["same_wave_estimate"].to_dict() == pytest.approx(same.params[DRIVERS].to_dict())
    assert list(found.table.columns) == COLUMNS


def test_the_planted_direction_is_found(found: LaggedDrivers) -> None:
    rows = found.table.set_index("driver")
    assert rows["reading"].to_dict() == {"app": "clear", "help": "not clear"}
    assert rows["reverse_reading"].to_dict() == {"app": "not clear", "help": "clear"}
    assert rows.loc["app", "conf_low"] < 0.5 < rows.loc["app", "conf_high"]
    assert found.carried.loc[0, "estimate"] == pytest.approx(0.5, abs=0.15)
    assert found.headline() == (
        "app of 2026-Q1 goes with the change of the outcome until 2026-Q2 (400 of 500 respondents of 2026-Q1 came back in 2026-Q2, "
        "400 with every answer)."
    )


def test_whoever_came_back_and_how_they_differ_is_counted() -> None:
    table = _panel()
    gone = table["customer_id"].isin([f"C{i:03d}" for i in range(400, 500)])
    table.loc[gone, "loyal"] -= 2
    found = _found(table)
    assert (found.n_earlier, found.n_returned, found.n) == (500, 400, 400)
    rows = found.returners.set_index("item")
    assert list(found.returners.columns) == RETURNERS
    first = table[table["wave"] == "2026-Q1"]
    back = first["customer_id"] < "C400"
    assert rows.loc["loyal", "came_back"] == pytest.approx(first.loc[back, "loyal"].mean())
    assert rows.loc["loyal", "did_not"] == pytest.approx(first.loc[~back, "loyal"].mean())
    assert rows.loc["loyal", "estimate"] == pytest.approx(rows.loc["loyal", "came_back"] - rows.loc["loyal", "did_not"])
    assert rows.loc["loyal", "reading"] == "clear"
    assert rows.loc["app", "reading"] == "not clear"
    assert (rows.loc["loyal", "n"], rows.loc["loyal", "n_came_back"]) == (500, 400)


def test_repeated_answers_unknown_respondents_and_missing_answers_are_left_out_and_counted() -> None:
    table = _panel()
    twice = table[(table["wave"] == "2026-Q1") & (table["customer_id"] == "C007")]
    table.loc[[0, 1], "customer_id"] = None
    table.loc[[10, 11, 12], "app"] = np.nan
    found = _found(pd.concat([twice.assign(app=99.0), table], ignore_index=True))
    assert (found.n_repeated, found.n_unknown) == (1, 2)
    assert (found.n_earlier, found.n_returned, found.n) == (498, 398, 395)
    plain = _found(table)
    assert found.table["estimate"].tolist() == pytest.approx(plain.table["estimate"].tolist())  # the last answer counts


def test_fewer_than_150_who_came_back_are_refused_with_their_number() -> None:
    with pytest.raises(
        NotApplicableError,
        match="needs 150 respondents who answered everything in 2026-Q1 and the outcome in 2026-Q2; 149 of 149 who came back did",
    ):
        _found(_panel(back=149))
    assert _found(_panel(back=150)).n == 150


def test_a_driver_that_too_few_rated_again_has_no_reverse() -> None:
    table = _panel()
    table.loc[(table["wave"] == "2026-Q2") & (table["customer_id"] >= "C100"), "help"] = np.nan
    rows = _found(table).table.set_index("driver")
    assert (rows.loc["help", "n_reverse"], rows.loc["help", "reverse_reading"]) == (100, "not tested")
    assert rows.loc["app", "n_reverse"] == 400
    assert rows.loc["help", "std_error"] > 0


def test_weights_and_accounts_are_those_of_the_earlier_wave() -> None:
    table = _panel()
    table["weight"] = np.where(table["wave"] == "2026-Q1", np.tile([1.0, 3.0], 450), 1.0)
    table["account"] = table["customer_id"].str[:3]
    found = _found(table, weights_col="weight", cluster_col="account")
    first = table[table["wave"] == "2026-Q1"].set_index("customer_id")
    both = first.join(table[table["wave"] == "2026-Q2"].set_index("customer_id").add_suffix("_later"), how="inner")
    fit = sm.WLS(both["loyal_later"], sm.add_constant(both[["app", "help", "loyal"]]), weights=both["weight"]).fit()
    assert found.table["estimate"].tolist() == pytest.approx(fit.params[DRIVERS].tolist())
    doubled = pd.concat([table, table.assign(customer_id=table["customer_id"] + "x")])
    doubled["account"] = doubled["customer_id"].str[:4]
    by_account, alone = (_found(doubled, cluster_col=col).table["std_error"] for col in ("account", None))
    assert (by_account / alone).tolist() == pytest.approx([2**0.5] * 2, rel=0.03)


def test_where_all_came_back_there_is_no_difference_to_tell() -> None:
    rows = _found(_panel(back=500)).returners
    assert set(rows["reason"]) == {"nearly all came back, or nearly none did"}
    assert rows["did_not"].isna().all()


def test_waves_and_columns_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="`later` = '2026-Q3' is no wave; did you mean `2026-Q"):
        _found(_panel(), later="2026-Q3")
    with pytest.raises(ValueError, match="are both '2026-Q1'"):
        _found(_panel(), later="2026-Q1")
    with pytest.raises(ValueError, match="no column `customer`; did you mean `customer_id`"):
        _found(_panel(), respondent_col="customer")
