"""Themes period by period: shares, alerts, first appearances."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from cxlab.inference import share_row
from cxlab.period import Period
from cxlab.voice import first_appearances, theme_alerts, theme_trends
from tests.conftest import REAL_DATA


def comments(days: list[str], **columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"counted_at": pd.to_datetime(pd.Series(days), utc=True)} | columns)


def mentions(**themes: list[object]) -> pd.DataFrame:
    return pd.DataFrame([(i, theme) for theme, ids in themes.items() for i in ids], columns=["text_id", "theme"])


def months(n: int) -> list[str]:
    period, found = Period.parse("2024-01"), []
    for _ in range(n):
        found.append(period.label)
        period = period.next()
    return found


def series(counts: dict[str, list[int]], people: list[int], measure: str = "mentions") -> pd.DataFrame:
    """Trends as `theme_trends` makes them, as far as alerts read them."""
    return pd.concat(
        [
            pd.DataFrame({"theme": theme, "measure": measure, "period": months(len(people)), "people": people, "people_with": row})
            for theme, row in counts.items()
        ]
    )  # fmt: skip


def test_a_row_is_a_theme_and_period_and_the_counts_add_up() -> None:
    told = comments(["2026-01-05", "2026-01-20", "2026-03-02", "2026-03-30", "2026-03-31"])
    found = theme_trends(mentions(bill=[1, 2, 2, 4], app=[0]), told, min_base=1)
    assert found[["theme", "period", "n_mentions", "n"]].to_numpy().tolist() == [
        ["bill", "2026-01", 1, 2], ["bill", "2026-02", 0, 0], ["bill", "2026-03", 2, 3],
        ["app", "2026-01", 1, 2], ["app", "2026-02", 0, 0], ["app", "2026-03", 0, 3],
    ]  # fmt: skip
    assert found["estimate"].tolist()[::2] == pytest.approx([50, 200 / 3, np.nan], nan_ok=True)
    assert found["reason"][1] == "no comments"


def test_a_customer_who_writes_often_is_one_person_and_a_cluster() -> None:
    told = comments(["2026-01-05"] * 6, customer_id=["a", "a", "a", "b", "c", None])
    row = theme_trends(mentions(bill=[0, 1, 2]), told, min_base=1).iloc[0]
    assert (row["n"], row["n_mentions"], row["people"], row["people_with"]) == (6, 3, 4, 1)
    expected = share_row([1, 1, 1, 0, 0, 0], clusters=["a", "a", "a", "b", "c", "d"])
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((expected["conf_low"], expected["conf_high"]))


def test_small_periods_have_a_reason_and_keep_their_counts() -> None:
    told = comments(["2026-01-05"] * 3 + ["2026-02-05"] * 30)
    found = theme_trends(mentions(bill=[0, 5, 6]), told, min_base=30)
    assert found["reason"].tolist() == ["n<30", ""]
    assert np.isnan(found["estimate"][0])
    assert found["n"].tolist() == [3, 30]


def test_the_day_is_that_of_the_study_and_comments_without_one_are_in_no_period() -> None:
    told = comments(["2026-01-31T23:30:00Z", "2026-03-31T23:30:00Z"])
    told.loc[2] = [pd.NaT]
    paris = theme_trends(mentions(bill=[0, 2]), told, timezone="Europe/Paris", min_base=1, themes=["silent"])
    assert paris.loc[paris["theme"] == "bill", "period"].tolist() == ["2026-02", "2026-03", "2026-04"]
    assert paris["n"].sum() == 2 * 2  # two themes, two comments with a date
    assert paris.loc[paris["theme"] == "silent", "n_mentions"].tolist() == [0, 0, 0]
    weeks = theme_trends(mentions(bill=[0]), told, every="week", until="2026-Q1", min_base=1)
    assert weeks["period"].tolist()[0] == "2026-W05"
    assert weeks["period"].tolist()[-1] == "2026-W14"  # the week of 31 March, the last day of the quarter
    with pytest.raises(ValueError, match="`every` must be week, month, quarter or year, got 'day'"):
        theme_trends(mentions(bill=[0]), told, every="day")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`comments` has no column `segment`; it has counted_at"):
        theme_trends(mentions(bill=[0]), told, by="segment")


def test_the_share_negative_is_of_comments_that_mention_the_theme_and_are_told() -> None:
    told = comments(["2026-01-05"] * 5, label=["negative", "positive", "negative", None, "neutral"])
    found = theme_trends(mentions(bill=[0, 1, 3], app=[4]), told, negative_col="label", min_base=1)
    bad = found[found["measure"] == "negative"].set_index("theme")
    assert bad["n"].to_dict() == {"bill": 2, "app": 1}
    assert bad["n_mentions"].to_dict() == {"bill": 1, "app": 0}
    # of the mention where it is told there: once negative towards the theme is negative
    own = mentions(bill=[0, 1, 1]).assign(bad=[False, False, True])
    found = theme_trends(own, told, negative_col="bad", min_base=1)
    assert found.loc[found["measure"] == "negative", "n_mentions"].tolist() == [1]


def test_groups_are_counted_apart() -> None:
    told = comments(["2026-01-05"] * 5, segment=["new", "old", "new", None, "old"])
    found = theme_trends(mentions(bill=[0, 3]), told, by="segment", min_base=1)
    assert found[["group", "n", "n_mentions"]].to_numpy().tolist() == [["new", 2, 1], ["old", 2, 0]]


def test_a_theme_that_doubles_raises_an_alert_with_start_size_and_groups() -> None:
    rng = np.random.default_rng(1)
    people = [800] * 20
    doubled = [*rng.binomial(800, 0.03, 17), *rng.binomial(800, 0.07, 3)]
    steady = {f"t{j}": list(rng.binomial(800, 0.1, 20)) for j in range(5)}
    of_new = pd.concat(
        [
            series({"esim": [*rng.binomial(400, 0.03, 17), *rng.binomial(400, 0.11, 3)]}, [400] * 20).assign(
                group="new"
            ),
            series({"esim": [12, 11, 13, 12] * 4 + [12, 13, 14, 13]}, [400] * 20).assign(group="old"),
        ]
    )
    found = theme_alerts(series({"esim": doubled} | steady, people), by=of_new).set_index("theme")
    row = found.loc["esim"]
    assert row["alert"]
    assert (row["direction"], row["since"], row["groups"]) == ("up", months(20)[17], ["new"])
    assert row["earliest"] <= row["since"] <= row["latest"]
    assert row["before"] == pytest.approx(100 * sum(doubled[:17]) / (17 * 800), rel=0.05)
    assert row["now"] == pytest.approx(100 * sum(doubled[17:]) / (3 * 800), rel=0.05)
    assert row["conf_low"] < 4 < row["conf_high"]
    assert (row["n_before"], row["n"]) == (17 * 800, 3 * 800)
    quiet = found.drop("esim")
    assert not quiet["alert"].any()
    assert set(quiet["direction"]) == {""}


def test_steady_themes_raise_fewer_false_alarms_than_the_level_of_a_look() -> None:
    rng = np.random.default_rng(2)
    alarms = 0
    size = (1 - 0.05) / (0.05 * 0.25**2) - 1  # months differ by a quarter beyond chance
    for codebook in range(30):
        shares = rng.beta(0.05 * size, 0.95 * size, (10, 18))
        counts = rng.binomial(300, shares)
        found = theme_alerts(
            series({f"t{j}": list(counts[j]) for j in range(10)}, [300] * 18), n_sim=400, random_state=codebook
        )
        alarms += bool(found["alert"].any())
        assert found["level"].iloc[0] == pytest.approx(0.5 / 12)
    assert alarms <= 5  # of 30 looks 1.2 expected; more than 5 in 0.1%


def test_a_weekly_look_is_held_to_a_stricter_level_than_a_quarterly_one() -> None:
    trends = series({"t": [30, 31, 29, 30, 31, 29, 30, 48]}, [600] * 8)
    levels = {}
    for length, first in (("week", "2026-W01"), ("month", "2026-01"), ("quarter", "2024-Q1")):
        period, names = Period.parse(first), []
        for _ in range(8):
            names.append(period.label)
            period = period.next()
        levels[length] = theme_alerts(trends.assign(period=names))["level"][0]
    assert levels == pytest.approx({"week": 0.5 / 52, "month": 0.5 / 12, "quarter": 0.05})
    assert theme_alerts(trends, alarms_per_year=0.12)["level"][0] == pytest.approx(0.01)
    with pytest.raises(ValueError, match="`alarms_per_year` must be above 0, got 0"):
        theme_alerts(trends, alarms_per_year=0)


def test_small_periods_are_put_together_with_those_before_them_and_nobody_is_lost() -> None:
    people = [20, 40, 10, 10, 35, 33, 40, 41, 0, 50, 12, 20]
    found = theme_alerts(series({"t": [p // 5 for p in people]}, people), min_base=30, recent=1).iloc[0]
    assert found["merged"]
    # from the newest: 20 + 12 = 32, 50, 0 + 41, 40, 33, 35, 10 + 10 + 40; the oldest 20 go with these
    assert found["period"] == "2024-11 to 2024-12"
    assert found["n_before"] + found["n"] == sum(people)
    assert found["n"] == 32
    alone = theme_alerts(series({"t": [p // 5 for p in people]}, people), min_base=1, recent=1).iloc[0]
    assert alone["period"] == "2024-12"


def test_a_series_that_is_too_short_or_empty_has_a_reason_and_is_no_test() -> None:
    trends = pd.concat(
        [
            series({"t": [9] * 8}, [300] * 8),
            series({"rare": [0] * 8}, [300] * 8),
            series({"few": [1] * 8}, [2] * 8, "negative"),
        ]
    )
    found = theme_alerts(trends).set_index("theme")
    assert found["reason"].to_dict() == {
        "t": "", "rare": "the share is the same in every period", "few": "n<30 in all periods together",
    }  # fmt: skip
    assert found["q_value"].isna().tolist() == [False, True, True]
    assert not found["alert"].any()
    assert theme_alerts(series({"t": [9] * 4}, [300] * 4))["reason"][0] == "needs 5 periods before it, there are 3"
    assert theme_alerts(trends.iloc[:0]).empty


def test_the_same_seed_gives_the_same_alerts() -> None:
    rng = np.random.default_rng(3)
    trends = series({f"t{j}": list(rng.binomial(300, 0.1, 12)) for j in range(3)}, [300] * 12)
    pd.testing.assert_frame_equal(theme_alerts(trends), theme_alerts(trends))
    assert not theme_alerts(trends).equals(theme_alerts(trends, random_state=1))


def told(n_before: int, n_now: int, seed: int) -> pd.DataFrame:
    """Comments of twelve words of 300, before and from 1 June 2026 on."""
    rng = np.random.default_rng(seed)
    words = np.array([f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(300)])
    texts = [" ".join(rng.choice(words, 12)) for _ in range(n_before + n_now)]
    days = ["2026-03-10"] * n_before + ["2026-06-10"] * n_now
    return comments(days, text=texts)


def test_a_word_that_nobody_used_before_is_found_with_its_day_and_examples() -> None:
    frame = told(900, 200, 1)
    frame.loc[920:940:2, "text"] += " my esim activation failed"
    frame.loc[920, "counted_at"] = pd.Timestamp("2026-06-02", tz="UTC")
    (row,) = first_appearances(frame, since="2026-06").to_dict("records")
    assert row["kind"] == "words"
    assert {"esim", "activation", "esim activation"} <= set(row["terms"])  # one group, not five rows
    assert (row["first"], row["n_mentions"], row["n"], row["n_mentions_before"], row["n_before"]) == (
        date(2026, 6, 2),
        11,
        200,
        0,
        900,
    )
    assert row["estimate"] == pytest.approx(5.5)
    assert row["examples"] == [920, 922, 924]
    # 11 of 11 who ever said it are among the newest 200 of 1,100
    assert row["p_value"] == pytest.approx((200 / 1100) ** 11)


def test_one_person_who_repeats_a_word_is_one_person() -> None:
    frame = told(900, 200, 2).assign(customer_id=[f"c{i}" for i in range(1100)])
    frame.loc[920:940:2, "text"] += " esim"
    assert len(first_appearances(frame, since="2026-06")) == 1
    frame.loc[920:940:2, "customer_id"] = "c920"
    assert first_appearances(frame, since=date(2026, 6, 1)).empty


def test_what_was_known_before_is_not_new_however_much_it_rises() -> None:
    frame = told(900, 200, 3)
    frame.loc[0:40, "text"] += " esim"  # 4.6% before
    frame.loc[920:1000, "text"] += " esim"  # 40% now
    assert first_appearances(frame, since="2026-06").empty


def test_steady_words_are_not_called_new() -> None:
    called = sum(len(first_appearances(told(400, 60, seed), since="2026-06")) > 0 for seed in range(10, 30))
    assert called <= 4  # of 20 one is expected at most


def test_a_new_theme_of_the_codebook_takes_its_words_with_it() -> None:
    frame = told(900, 200, 4)
    frame.loc[920:940:2, "text"] += " my esim failed"
    own = mentions(esim=list(range(920, 941, 2)), bill=list(range(0, 1100, 9)))
    (row,) = first_appearances(frame, own, since="2026-06").to_dict("records")
    assert (row["kind"], row["name"]) == ("theme", "esim")
    assert "esim" in row["terms"]


def test_masked_places_are_no_words_and_without_a_past_nothing_is_new() -> None:
    frame = told(900, 200, 5)
    frame.loc[920:990, "text"] += " [NAME] [EMAIL]"
    assert first_appearances(frame, since="2026-06").empty
    assert first_appearances(frame, since="2026-01").empty
    assert first_appearances(frame, since="2027-01").empty


def test_in_real_reviews_the_pandemic_is_what_nobody_had_spoken_of() -> None:
    path = REAL_DATA / "voice" / "ba_reviews.parquet"
    if not path.is_file():
        pytest.skip("the real reviews are not on this machine")
    reviews = pd.read_parquet(path).rename(columns={"ReviewBody": "text"})
    reviews["counted_at"] = pd.to_datetime(
        reviews["Datetime"].str.replace(r"(?<=\d)(?:st|nd|rd|th)", "", regex=True), format="%d %B %Y"
    )
    recent = reviews[reviews["counted_at"].dt.year.isin([2018, 2019, 2020])]
    found = first_appearances(recent, since="2020-03-01")
    words = {word for terms in found["terms"] for word in terms}
    assert {"coronavirus", "covid-19"} <= words
    assert found["first"].min() >= date(2020, 3, 1)
    dates = recent["counted_at"].sample(frac=1, random_state=0).to_numpy()
    assert (
        len(first_appearances(recent.assign(counted_at=dates), since="2020-03-01")) <= 1
    )  # the same words, in no order
