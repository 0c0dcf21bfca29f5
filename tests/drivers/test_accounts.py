"""Priorities of single accounts: between their own regression and the whole, and closer to the truth than either."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxlab.drivers.accounts import (
    AccountPriorities,
    _at,
    _away_from_zero,
    _fitted,
    _Sums,
    account_priorities,
    customer_priorities,
)
from cxlab.problems import NotApplicableError

DRIVERS = ["app", "help"]
WHOLE = np.array([0.6, 0.3])


def _record(
    seed: Any = 0, accounts: int = 40, sd: tuple[float, float] = (0.5, 0.3), each: int = 24
) -> tuple[pd.DataFrame, Any]:
    """Accounts with 2 to `each` answers. Their coefficients scatter around .6 (app) and .3 (help) with `sd`, their level with .7."""
    rng = np.random.default_rng(seed)
    account = np.repeat(np.arange(accounts), rng.integers(2, each + 1, accounts))
    X = rng.normal(size=(len(account), 2)) + 0.5 * rng.normal(size=(len(account), 1))
    slopes = WHOLE + rng.normal(size=(accounts, 2)) * sd
    loyal = (
        5 + 0.7 * rng.normal(size=accounts)[account] + (X * slopes[account]).sum(axis=1) + rng.normal(size=len(account))
    )
    table = pd.DataFrame(X + 3, columns=DRIVERS)  # answers around 3, not centred
    return table.assign(loyal=loyal, account=[f"K{a:03d}" for a in account]), slopes


def _found(table: pd.DataFrame, **more: Any) -> AccountPriorities:
    return account_priorities(table, **{"outcome": "loyal", "drivers": DRIVERS, "account_col": "account"} | more)


@pytest.fixture(scope="module")
def planted() -> tuple[AccountPriorities, pd.DataFrame, Any]:
    table, slopes = _record()
    return _found(table), table, slopes


def _own(table: pd.DataFrame) -> pd.DataFrame:
    """Each account's own regression, where it has one."""
    rows = {}
    for name, part in table.groupby("account"):
        if len(part) > len(DRIVERS) + 1:
            design = np.column_stack([np.ones(len(part)), part[DRIVERS]])
            rows[name] = np.linalg.lstsq(design, part["loyal"], rcond=None)[0][1:]
    return pd.DataFrame(rows, index=DRIVERS).T


def test_the_likelihood_is_that_of_the_whole_covariance_matrix_written_out() -> None:
    rng = np.random.default_rng(3)
    codes = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
    Z = np.column_stack([np.ones(9), rng.normal(size=9)])
    y, ratios = rng.normal(size=9), np.array([0.7, 0.4])
    fit = _at(ratios, _Sums.of(Z, Z, y, codes, 3))
    V = np.eye(9) + (codes[:, None] == codes) * (Z @ np.diag(ratios) @ Z.T)
    P = np.linalg.inv(V)
    A = Z.T @ P @ Z
    beta = np.linalg.solve(A, Z.T @ P @ y)
    rest = (y - Z @ beta) @ P @ (y - Z @ beta)
    assert fit.beta == pytest.approx(beta)
    assert fit.variance == pytest.approx(rest / 7)
    assert fit.deviance == pytest.approx(np.linalg.slogdet(V)[1] + np.linalg.slogdet(A)[1] + 7 * np.log(rest))
    step = 1e-6
    for j in range(2):
        ahead = [_at(ratios + sign * step * np.eye(2)[j], _Sums.of(Z, Z, y, codes, 3)).deviance for sign in (1, -1)]
        assert fit.gradient[j] == pytest.approx((ahead[0] - ahead[1]) / (2 * step), rel=1e-5)


def test_estimates_and_errors_are_those_of_the_mixed_model_equations() -> None:
    table, _ = _record(4, accounts=12)
    codes = pd.factorize(table["account"], sort=True)[0]
    scale = table[DRIVERS].std(ddof=0).to_numpy()
    Z = np.column_stack([np.ones(len(table)), (table[DRIVERS] - table[DRIVERS].mean()) / scale])
    means = pd.DataFrame(Z[:, 1:]).groupby(codes).transform("mean").to_numpy()
    X = np.column_stack([Z, means])
    sums = _Sums.of(X, Z, table["loyal"].to_numpy(), codes, 12)
    fit = _away_from_zero(sums, _fitted(sums))
    assert (fit.ratios > 0).all()
    wide = np.concatenate([Z * (codes == g)[:, None] for g in range(12)], axis=1)
    both = np.column_stack([X, wide])
    left = both.T @ both
    left[5:, 5:] += np.diag(np.tile(1 / fit.ratios, 12))  # Henderson's equations
    C = np.linalg.inv(left) * fit.variance
    found = C @ both.T @ table["loyal"].to_numpy() / fit.variance
    shown = _found(table).table
    for g in (0, 5):
        for j in (1, 2):
            pick = np.zeros(len(found))
            pick[j] = pick[5 + 3 * g + j] = 1
            row = shown.iloc[2 * g + j - 1]
            assert row["estimate"] * scale[j - 1] == pytest.approx(pick @ found, rel=1e-4)
            assert row["std_error"] * scale[j - 1] == pytest.approx(np.sqrt(pick @ C @ pick), rel=1e-4)
        pick = np.zeros(len(found))
        pick[0] = pick[5 + 3 * g] = 1
        pick[3:5] = means[codes == g][0]
        head = _found(table).accounts.iloc[g]
        assert head["level"] == pytest.approx(pick @ found, rel=1e-4)
        assert head["level_high"] - head["level"] == pytest.approx(1.959964 * np.sqrt(pick @ C @ pick), rel=1e-3)


def test_pooled_estimates_are_closer_to_the_planted_ones_than_own_regressions_and_than_the_whole(planted: Any) -> None:
    found, table, slopes = planted
    own = _own(table)
    truth = pd.DataFrame(slopes, columns=DRIVERS, index=sorted(table["account"].unique())).loc[own.index]
    pooled = found.table.pivot_table(index="account", columns="driver", values="estimate").loc[own.index, DRIVERS]
    whole = found.spread.set_index("driver").loc[DRIVERS, "estimate"].to_numpy()
    loss = {
        name: float(((values - truth) ** 2).to_numpy().mean())
        for name, values in (("pooled", pooled), ("own", own), ("whole", truth * 0 + whole))
    }
    assert loss["pooled"] < 0.7 * loss["own"]
    assert loss["pooled"] < 0.7 * loss["whole"]


def test_intervals_hold_the_planted_coefficients_about_as_often_as_they_say() -> None:
    held = []
    for seed in range(5):
        table, slopes = _record([1, seed])
        rows = _found(table).table
        held.append((rows["conf_low"] < slopes.ravel()) & (slopes.ravel() < rows["conf_high"]))
    assert 0.91 <= np.mean(held) <= 0.98  # 400 intervals of 95%


def test_an_account_with_few_answers_lies_near_the_whole_and_says_so(planted: Any) -> None:
    found, table, _ = planted
    counts = table["account"].value_counts()
    rows = found.table[found.table["driver"] == "app"].set_index("account")
    few, many = rows.loc[counts.index[-1]], rows.loc[counts.index[0]]
    assert few["n"] == counts.iloc[-1]
    assert few["reliability"] < 0.5 < many["reliability"]
    assert few["std_error"] > many["std_error"]
    assert rows["reliability"].between(0, 1).all()
    assert (rows["estimate"] - rows["whole"]).to_numpy() == pytest.approx(rows["difference"].to_numpy())
    own = _own(table)["app"]
    between = (rows.loc[own.index, "estimate"] - rows.loc[own.index, "whole"]).abs() < (
        own - rows.loc[own.index, "whole"]
    ).abs()
    assert between.mean() > 0.8


def test_how_far_accounts_scatter_is_recovered_and_tested(planted: Any) -> None:
    found, table, _ = planted
    spread = found.spread.set_index("driver")
    assert spread["sd"].to_dict() == pytest.approx({"app": 0.5, "help": 0.3}, abs=0.2)
    assert spread.loc["app", "reading"] == "differs"
    assert found.residual_sd == pytest.approx(1, abs=0.15)
    assert found.level_sd == pytest.approx(0.7, abs=0.3)
    assert found.headline().startswith("What matters differs between them, clearly in app")
    assert (found.n, found.n_accounts, found.n_short) == (len(table), 40, 0)


def test_where_accounts_do_not_differ_each_gets_the_whole_and_no_difference_is_claimed() -> None:
    called = 0
    for seed in range(5):
        table, _ = _record([2, seed], sd=(0.0, 0.0))
        found = _found(table)
        called += (found.spread["reading"] == "differs").sum()
        assert found.table["difference"].abs().max() < 0.35
        assert not (found.table["reading"] != "not clear").mean() > 0.1
    assert called <= 2
    assert "does not clearly differ" in found.headline()


def test_accounts_have_a_level_a_first_driver_and_its_chance(planted: Any) -> None:
    found, table, _ = planted
    heads = found.accounts.set_index("account")
    firsts = found.table[found.table["place"] == 1].set_index("account")["driver"]
    assert (heads["first"] == firsts.reindex(heads.index)).all()
    assert heads["probability_first"].between(0.5, 1).all()  # of two drivers
    rich = table["account"].value_counts().index[0]
    assert heads.loc[rich, "level"] == pytest.approx(table.loc[table["account"] == rich, "loyal"].mean(), abs=0.6)
    means = table.groupby("account")[DRIVERS].mean()
    rows = found.table.set_index(["account", "driver"])["mean"]
    assert rows[(rich, "app")] == pytest.approx(means.loc[rich, "app"])


def test_units_of_drivers_and_outcome_and_the_order_of_rows_change_nothing_else(planted: Any) -> None:
    found, table, _ = planted
    turned = table.sample(frac=1, random_state=2).assign(
        app=lambda t: 10 * t["app"] - 7, loyal=lambda t: 1000 + t["loyal"]
    )
    other = _found(turned)
    assert other.table["reliability"].tolist() == pytest.approx(found.table["reliability"].tolist(), abs=1e-4)
    app = other.table["driver"] == "app"
    assert (10 * other.table.loc[app, "estimate"]).tolist() == pytest.approx(
        found.table.loc[app, "estimate"].tolist(), abs=1e-4
    )
    assert (other.accounts["level"] - 1000).tolist() == pytest.approx(found.accounts["level"].tolist(), abs=1e-3)


def test_accounts_that_are_loyal_for_other_reasons_and_served_better_do_not_change_what_their_people_weigh_up() -> None:
    rng = np.random.default_rng(6)
    account = np.repeat(np.arange(60), 8)
    served = rng.normal(size=60)
    app = 3 + served[account] + rng.normal(size=480)
    table = pd.DataFrame(
        {"app": app, "account": account, "loyal": 0.5 * app + 2 * served[account] + rng.normal(size=480)}
    )
    found = _found(table, drivers=["app"])
    assert found.means_held
    row = found.spread.loc[0]
    assert row["conf_low"] < 0.5 < row["conf_high"]
    within = table[["app", "loyal"]] - table.groupby("account")[["app", "loyal"]].transform("mean")
    assert row["estimate"] == pytest.approx(
        (within["app"] @ within["loyal"]) / (within["app"] @ within["app"]), abs=0.05
    )
    constant = table.assign(app=served[account])
    assert not _found(constant, drivers=["app"]).means_held


def test_accounts_below_the_least_answers_take_part_and_are_counted_not_shown(planted: Any) -> None:
    found, table, _ = planted
    some = _found(table, least_answers=10)
    counts = table["account"].value_counts()
    assert some.n_short == (counts < 10).sum()
    assert set(some.table["account"]) == set(counts.index[counts >= 10])
    merged = some.table.merge(found.table, on=["account", "driver"])
    assert merged["estimate_x"].tolist() == pytest.approx(merged["estimate_y"].tolist())


def test_customers_with_a_long_record_have_their_own_priorities_and_what_a_wave_shares_is_taken_out() -> None:
    rng = np.random.default_rng(5)
    table, slopes = _record(5, accounts=60, each=16)
    table = table.assign(wave=table.groupby("account").cumcount().astype(str))
    shift = dict(zip(sorted(table["wave"].unique()), rng.normal(scale=3, size=20), strict=False))
    table["loyal"] += table["wave"].map(shift)
    found = customer_priorities(
        table.rename(columns={"account": "customer_id"}), outcome="loyal", drivers=DRIVERS, customer_col="customer_id",
        wave_col="wave",
    )  # fmt: skip
    counts = table["account"].value_counts()
    assert set(found.table["customer_id"]) == set(counts.index[counts >= 5])
    assert found.n_short == (counts < 5).sum()
    assert found.residual_sd == pytest.approx(1, abs=0.15)  # the shifts of waves are not taken for noise
    shown = found.table.pivot_table(index="customer_id", columns="driver", values="estimate")[DRIVERS]
    truth = pd.DataFrame(slopes, columns=DRIVERS, index=sorted(counts.index)).loc[shown.index]
    assert np.corrcoef(shown["app"], truth["app"])[0, 1] > 0.7


def test_too_few_accounts_too_short_records_and_impossible_columns_are_refused() -> None:
    table, _ = _record()
    with pytest.raises(NotApplicableError, match="needs 10 values of account with 2 complete answers or more; 9 of 9"):
        _found(table[table["account"] < "K009"])
    with pytest.raises(NotApplicableError, match="needs 30 values of account with 5 complete answers or more"):
        customer_priorities(
            table.head(300).assign(wave="1"), outcome="loyal", drivers=DRIVERS, customer_col="account", wave_col="wave"
        )
    with pytest.raises(ValueError, match="must not be called `driver`"):
        _found(table.rename(columns={"account": "driver"}), account_col="driver")
    with pytest.raises(ValueError, match="`app` has no spread"):
        _found(table.assign(app=3.0))
    with pytest.raises(ValueError, match="follow from each other"):
        _found(table.assign(both=table["app"] + table["help"]), drivers=[*DRIVERS, "both"])
    with pytest.raises(ValueError, match="`least_answers` must be 1 or more"):
        _found(table, least_answers=0)
    single = table.groupby("account").head(1)
    short = pd.concat([single, table.groupby("account").nth(1).head(10)])
    noise = {f"n{j}": np.random.default_rng(j).normal(size=90) for j in range(4)}
    many = pd.concat([short, single.assign(account=single["account"] + "x")]).assign(**noise)
    with pytest.raises(NotApplicableError, match="needs more answers"):
        _found(many, drivers=[*DRIVERS, *noise])
