"""Whom to call, and how accounts feel."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxlab.voice import customers_to_call, key_accounts

COMMENTS = pd.DataFrame(
    {
        "comment_id": [f"k{i}" for i in range(9)],
        "customer_id": ["ann", "ann", "bob", "cid", "dee", "eve", None, "fay", "gus"],
        "counted_at": pd.to_datetime(["2026-06-01", "2026-06-20", "2026-06-05", "2026-06-07", "2026-06-09", "2026-06-11", "2026-06-12",
                                      "2026-06-13", "2026-06-30"], utc=True),
    }
)  # fmt: skip
SCORES = pd.DataFrame(
    {
        "score": [-0.3, -0.5, -0.8, -0.9, -0.9, 0.7, -0.4, -0.7, -0.2],
        "label": ["negative"] * 5 + ["positive"] + ["negative"] * 3,
    }
)
MENTIONS = pd.DataFrame({"text_id": [0, 1, 1, 2, 5, 7], "theme": ["bill", "bill", "app", "app", "app", "bill"]})
CUES = pd.DataFrame(
    {
        "text_id": [0, 1, 5, 6, 7, 8],
        "cue": ["actionability", "effort", *["actionability"] * 4],
        "value": ["response needed", "waiting", "response needed", "response needed", "response needed", "suggestion"],
    }
)
CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["ann", "bob", "cid", "dee", "eve", "fay", "gus"],
        "account_id": ["A1", "A1", "A2", None, "A1", "A3", "A1"],
        "end_date": pd.to_datetime([None, None, None, None, None, "2026-06-25", None]),
    }
)
ACCOUNTS = pd.DataFrame(
    {
        "account_id": ["A1", "A2", "A3"],
        "key": ["yes", "no", "no"],
        "renewal_date": pd.to_datetime(["2027-03-01", "2026-08-15", "2026-07-01"]),
        "owner": ["Team 1", "Team 2", "Team 3"],
    }
)


def called(**more: object) -> pd.DataFrame:
    given = {"customers": CUSTOMERS, "accounts": ACCOUNTS} | more
    return customers_to_call(COMMENTS, SCORES, MENTIONS, CUES, **given).frame  # type: ignore[arg-type]


def test_who_complained_and_asked_and_who_is_furious_in_an_account_that_matters_is_called_once() -> None:
    found = called(labels={"bill": "Bills", "app": "App"})
    # ann asked and is in a key account; cid is furious and renews soon, bob furious in a key account; dee is furious and neither
    assert found[["priority", "customer_id", "reasons"]].to_numpy().tolist() == [
        [1, "ann", "complained and asked for an answer; key account"],
        [2, "cid", "wrote very negatively; contract renews on 2026-08-15"],
        [2, "bob", "wrote very negatively; key account"],
    ]
    ann = found.iloc[0]
    assert (ann["n_comments"], ann["worst_comment"], ann["worst_score"]) == (2, "k1", -0.5)
    assert (ann["themes"], ann["owner"], ann["last_comment"].date().isoformat()) == (
        "Bills, App",
        "Team 1",
        "2026-06-20",
    )


def test_what_cannot_be_called_is_counted_and_the_headline_names_nobody() -> None:
    found = customers_to_call(COMMENTS, SCORES, MENTIONS, CUES, customers=CUSTOMERS, accounts=ACCOUNTS)
    assert (found.n, found.n_unknown, found.n_left) == (3, 1, 1)  # fay has left
    said = found.headline()
    assert (
        said
        == "3 customers are to be called, 3 of them in key accounts or before a renewal; 1 more comment names no customer."
    )
    assert not any(name in said for name in ("ann", "bob", "cid", "A1", "Team"))
    nobody = customers_to_call(COMMENTS.iloc[5:6], SCORES, MENTIONS, CUES)
    assert nobody.headline() == "No customer is to be called."
    assert list(nobody.frame.columns) == list(found.frame.columns)


def test_praise_that_asks_is_no_complaint_and_an_answered_cue_is_none() -> None:
    assert "eve" not in set(called()["customer_id"])
    assert "gus" not in set(called()["customer_id"])


def test_without_accounts_only_those_who_asked_are_called() -> None:
    found = called(accounts=None, customers=None)
    assert found[["customer_id", "priority"]].to_numpy().tolist() == [["fay", 3], ["ann", 3]]  # the angrier first
    assert not found["key_account"].any()


def test_an_account_may_be_the_row() -> None:
    found = called(per="account")
    assert found["account_id"].tolist() == ["A1", "A2"]
    assert found["customer_id"].tolist() == ["ann, bob", "cid"]
    assert found["reasons"][0] == "complained and asked for an answer; wrote very negatively; key account"
    with pytest.raises(ValueError, match="`per` must be customer or account, got 'team'"):
        called(per="team")


def test_the_order_of_the_comments_does_not_matter_and_only_the_period_counts() -> None:
    mixed = COMMENTS.sample(frac=1, random_state=2)
    again = customers_to_call(mixed, SCORES, MENTIONS, CUES, customers=CUSTOMERS, accounts=ACCOUNTS).frame
    pd.testing.assert_frame_equal(again, called())
    dated = COMMENTS.assign(in_period=COMMENTS["counted_at"] >= pd.Timestamp("2026-06-06", tz="UTC"))
    assert customers_to_call(dated, SCORES, MENTIONS, CUES, customers=CUSTOMERS, accounts=ACCOUNTS).frame[
        "customer_id"
    ].tolist() == ["cid"]


def test_a_renewal_that_is_past_or_far_is_no_reason() -> None:
    late = ACCOUNTS.assign(renewal_date=pd.Timestamp("2026-06-01"), key="no")
    assert set(called(accounts=late)["customer_id"]) == {"ann"}
    assert "cid" not in set(called(renewal_days=30)["customer_id"])
    assert "cid" in set(called(renewal_days=30, today=pd.Timestamp("2026-07-20"))["customer_id"])


def test_tables_without_their_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="`scores` has no column `label`"):
        customers_to_call(COMMENTS, SCORES[["score"]], MENTIONS)
    with pytest.raises(ValueError, match="`cues` needs text_id and cue or value; it has text_id"):
        customers_to_call(COMMENTS, SCORES, MENTIONS, CUES[["text_id"]])


def test_an_account_is_the_average_of_its_people_not_of_their_comments() -> None:
    found = key_accounts(COMMENTS, SCORES, MENTIONS, customers=CUSTOMERS, accounts=ACCOUNTS).frame.set_index(
        "account_id"
    )
    # A1: ann −100 (two comments), bob −100, eve +100, gus −100
    assert found["estimate"].to_dict() == {"A1": -50, "A2": -100, "A3": -100}
    assert found["n"].to_dict() == {"A1": 4, "A2": 1, "A3": 1}
    assert (found["n_comments"]["A1"], found["worst_theme"]["A1"], found["worst_theme_n"]["A1"]) == (5, "app", 2)
    assert found["reason"].to_dict() == {
        "A1": "",
        "A2": "a single person shows no spread",
        "A3": "a single person shows no spread",
    }
    assert np.isnan(found["std_error"]["A2"])
    assert np.isfinite(found["pooled"]["A2"])


def many(n_accounts: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.Series]:
    """Accounts of one to thirty people whose chance to be negative is known."""
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 31, n_accounts)
    chance = rng.beta(4, 4, n_accounts)
    account = np.repeat(np.arange(n_accounts), size)
    bad = rng.random(len(account)) < chance[account]
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(len(account)),
            "account_id": account,
            "counted_at": pd.Timestamp("2026-06-01", tz="UTC"),
        }
    )
    scores = pd.DataFrame({"score": np.where(bad, -0.5, 0.5), "label": np.where(bad, "negative", "positive")})
    accounts = pd.DataFrame(
        {"account_id": np.arange(n_accounts), "key": np.where(np.arange(n_accounts) % 2, "yes", "no")}
    )
    return frame, scores, accounts, pd.Series(100 * (1 - 2 * chance))


def test_drawing_small_accounts_towards_all_brings_them_nearer_to_the_truth() -> None:
    frame, scores, accounts, truth = many(200, 1)
    none = pd.DataFrame(columns=["text_id", "theme"])
    found = key_accounts(frame, scores, none, accounts=accounts)
    table = found.frame.set_index("account_id").sort_index()
    own, pooled = (np.sqrt(((table[column] - truth) ** 2).mean()) for column in ("estimate", "pooled"))
    assert pooled < 0.8 * own
    held = (table["pooled_low"] <= truth) & (truth <= table["pooled_high"])
    assert 0.9 <= held.mean() <= 0.99
    # beta(4, 4) varies by 1/36: net sentiment by 200/6
    assert found.between == pytest.approx(200 / 6, rel=0.25)
    small = table[table["n"] <= 3]
    assert ((small["pooled"] - found.average).abs() <= (small["estimate"] - found.average).abs() + 1e-9).all()


def test_the_page_counts_accounts_and_hides_what_few_people_stand_behind() -> None:
    frame, scores, accounts, _ = many(40, 2)
    none = pd.DataFrame(columns=["text_id", "theme"])
    found = key_accounts(frame, scores, none, accounts=accounts)
    page = found.page()
    assert page["accounts"].tolist() == [20, 20]
    assert page["n"].sum() == len(frame)
    key = found.frame[found.frame["key_account"]]
    assert found.headline() == (
        f"20 key accounts wrote ({key['n'].sum():,} people); {(key['pooled_high'] < 0).sum()} of them are clearly unhappy."
    )
    few = key_accounts(COMMENTS, SCORES, MENTIONS, customers=CUSTOMERS, accounts=ACCOUNTS)
    assert few.page()[["accounts", "n", "unhappy"]].isna().all(axis=None)
    assert few.headline() == "Too few people of key accounts wrote to say how they feel (n<30)."
    assert key_accounts(COMMENTS, SCORES, MENTIONS).frame.empty
