"""The voice of the customer in one study: shares, impact, rises, quotes, and nobody unmasked."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import cxlab
from cxlab import exhibits
from cxlab.inference import wilson
from cxlab.problems import NotApplicableError
from cxlab.voice import Codebook, VoiceOfCustomer, voice_of_customer

BOOK = """
[codebook]
name = "small"
language = "en"
[themes.bill]
label = "Bills"
touchpoint = "first_bill"
any = ["bill"]
[themes.staff]
label = "Staff"
any = ["staff"]
[themes.app]
label = "The app"
any = ["app"]
"""
BAD_BILL = "The bill was wrong again, and that is really awful."
GOOD_BILL, BAD_STAFF = "I love that the bill is so great.", "The staff were awful and rude, I hate them."
GOOD_STAFF = "The staff were friendly and did a great job."
PLAIN = "I use it on most days of the week."


@pytest.fixture
def book(tmp_path: Path) -> Codebook:
    (tmp_path / "small.toml").write_text(BOOK, "utf-8")
    return Codebook.from_toml(tmp_path / "small.toml")


def comments(
    *texts: tuple[str, int], day: str = "2026-08-01", in_period: bool = True, **columns: object
) -> pd.DataFrame:
    said = [text for text, n in texts for _ in range(n)]
    frame = pd.DataFrame({"text": said, "source": "survey"}).assign(
        counted_at=pd.Timestamp(day, tz="UTC"), in_period=in_period, rating=math.nan
    )
    prefix = f"{day}{'' if in_period else 'x'}"
    frame["comment_id"] = [f"{prefix}-{number}" for number in range(len(frame))]
    frame["customer_id"] = [f"c{prefix}-{number}" for number in range(len(frame))]
    frame["response_id"] = [f"r{prefix}-{number}" for number in range(len(frame))]
    return frame.assign(**columns)


# 40 complain about bills, 40 praise staff, 20 speak of neither; three in four of them are covered by no hand
NOW = comments((BAD_BILL, 40), (GOOD_STAFF, 40), (PLAIN, 20))


def made(rows: pd.DataFrame, book: Codebook, **more: object) -> VoiceOfCustomer:
    given: dict[str, object] = {"n_boot": 200} | more
    return voice_of_customer(rows, book, **given)  # type: ignore[arg-type]


def numbered(rows: pd.DataFrame) -> pd.DataFrame:
    """The same comments, each in words of its own."""
    said = [f"{text} {chr(97 + i // 26)}{chr(97 + i % 26)}x" for i, text in enumerate(rows["text"])]
    return rows.assign(text=said)


def test_feelings_and_themes_by_hand(book: Codebook) -> None:
    found = made(NOW, book)
    assert found.feeling.set_index("label")["estimate"].to_dict() == {"negative": 40, "neutral": 20, "positive": 40}
    themes = found.themes.set_index("theme")
    assert themes[["share", "negative", "n"]].to_numpy().tolist() == [[40, 100, 40], [40, 0, 40]]
    low, high = wilson(0.4, 100)
    assert themes.loc["bill", ["conf_low", "conf_high"]].tolist() == pytest.approx([100 * low, 100 * high])
    assert found.coverage == 0.8
    assert "The codebook covers 80% of comments." in found.sentences()
    assert found.headline() == "40% of comments are negative; what adds most to that is bills (100% of 40 comments)."


def test_the_headline_names_what_adds_most_negative_comments_and_not_the_small_theme_that_is_worst(
    book: Codebook,
) -> None:
    # bills: 40 of 45 negative, 60 in 135 are usual, so 20 more than usual; staff: 20 of 20, so 11.1 more
    rows = comments((BAD_BILL, 40), (GOOD_BILL, 5), (BAD_STAFF, 20), (PLAIN, 70))
    found = made(rows, book, min_base=10)
    worst = found.themes.set_index("theme")["negative"]
    assert worst["staff"] == 100 > worst["bill"]
    assert "adds most to that is bills (89% of 45 comments)" in found.headline()


def test_comments_scored_and_not_scored_add_up_to_all(book: Codebook) -> None:
    german = ("Die Rechnung war schon wieder falsch, das ist wirklich eine ganz große Frechheit von Ihnen", 15)
    rows = pd.concat([NOW, comments(german, day="2026-08-02")])
    found = made(rows, book)
    assert (found.n, found.n_not_scored) == (100, 15)
    assert found.n + found.n_not_scored == len(rows)
    assert found.feeling["n"].tolist() == [100, 100, 100]
    assert "15 comments are counted and not scored, mostly for the language." in found.sentences()
    assert found.scores.loc[found.scores["language"] == "de", "score"].isna().all()
    assert len(found.scores) == 115


def test_a_missing_text_is_no_comment(book: Codebook) -> None:
    rows = pd.concat([NOW, comments((PLAIN, 3), day="2026-08-03").assign(text=None)])
    assert made(rows, book).n == 100


def test_fewer_than_a_hundred_comments_are_no_study(book: Codebook) -> None:
    with pytest.raises(NotApplicableError, match="needs 100 comments in the language of the codebook; there are 99"):
        made(NOW.head(99), book)
    with pytest.raises(NotApplicableError, match="there are 0"):
        made(NOW.assign(in_period=False), book)


def test_a_theme_on_a_small_base_has_no_share_of_negative_and_no_quote(book: Codebook) -> None:
    rows = comments((BAD_BILL, 29), (GOOD_STAFF, 40), (PLAIN, 40))
    found = made(rows, book)
    assert math.isnan(found.themes.set_index("theme").loc["bill", "negative"])
    assert found.quotes["label"].tolist() == ["Staff"]
    assert made(comments((BAD_BILL, 30), (GOOD_STAFF, 80)), book).quotes["label"].tolist() == ["Staff", "Bills"]


def test_a_quote_has_the_feeling_in_which_ratings_and_words_agree(book: Codebook) -> None:
    irony = "The bill is great, thank you very much, what a friendly surprise"
    texts = ((irony, 45), (BAD_BILL, 35), (PLAIN, 20))
    quote = made(comments(*texts), book).quotes.iloc[0]
    assert (quote["feeling"], quote["quote"]) == ("positive", f"“{irony}”")
    rated = made(comments(*texts).assign(rating=[1.0] * 80 + [5.0] * 20), book).quotes.iloc[0]
    assert (rated["feeling"], rated["quote"]) == ("negative", f"“{BAD_BILL}”")
    few = made(comments(*texts).assign(rating=[1.0] * 74 + [math.nan] * 6 + [5.0] * 20), book).quotes.iloc[0]
    assert few["feeling"] == "positive", "29 in whom both agree are no base"


def test_no_comment_is_quoted_for_two_themes(book: Codebook) -> None:
    both = "The bill was awful and the staff were awful when I asked about it."
    assert len(made(comments((both, 100)), book).quotes) == 1
    other = "The staff were rude, unhelpful and terrible on the telephone."
    found = made(comments((both, 60), (other, 40)), book).quotes
    assert sorted(found["label"]) == ["Bills", "Staff"]
    assert found["quote"].nunique() == found["text_id"].nunique() == 2


def test_many_comments_of_few_people_are_not_quoted(book: Codebook) -> None:
    rows = NOW.assign(customer_id=[f"p{number % 20}" for number in range(100)])
    assert made(rows, book).quotes.empty


def test_comments_of_one_customer_go_together(book: Codebook) -> None:
    alone = made(NOW, book).feeling.set_index("label")
    twice = pd.concat([NOW, NOW.assign(comment_id="again " + NOW["comment_id"], counted_at=NOW["counted_at"])])
    found = made(twice, book).feeling.set_index("label")
    assert found.loc["negative", "n"] == 200
    assert found.loc["negative", "std_error"] == pytest.approx(alone.loc["negative", "std_error"])


def loyal(rows: pd.DataFrame, scores: list[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Answers to the question of loyalty, one for each response."""
    answers = pd.DataFrame({"response_id": rows["response_id"].to_numpy(), "ltr": scores})
    return answers, pd.DataFrame({"item": ["ltr"], "role": ["loyalty"], "low": [0.0], "high": [10.0]})


SCORES = [0.0, 8.0] * 20 + [10.0] * 40 + [8.0] * 20  # those who complain: −50, those who praise: 100, the others: 0


def test_the_impact_is_linked_by_response_and_said_as_association(book: Codebook) -> None:
    responses, items = loyal(NOW, SCORES)
    found = made(NOW, book, responses=responses.sample(frac=1, random_state=1), items=items)
    # NPS of all (40 − 20)/100 = 20; without the complaints 40/60 = 66.7
    row = found.themes.set_index("theme").loc["bill"]
    assert row["impact"] == pytest.approx(20 - 200 / 3)
    assert row["impact_n"] == 40
    assert found.headline().startswith(
        "Bills goes with the largest loss of loyalty: without those who mention it, NPS would be 47 points higher ("
    )
    words, table = next(found.about.impact_shown())
    assert "Association, not cause" in words["note"]["Read"]
    assert table.set_index("theme").loc["bill", "reading"] == "worse"
    assert table.set_index("theme").loc["staff", "reading"] == "better"


def test_a_respondent_with_two_comments_counts_once_in_the_impact(book: Codebook) -> None:
    responses, items = loyal(NOW, SCORES)
    twice = pd.concat([NOW, NOW.assign(comment_id="again " + NOW["comment_id"])])
    once, found = (
        made(rows, book, responses=responses, items=items, n_boot=1000).themes.set_index("theme").loc["bill"]
        for rows in (NOW, twice)
    )
    assert found["impact_n"] == once["impact_n"] == 40
    width, wanted = (row["impact_high"] - row["impact_low"] for row in (found, once))
    assert width == pytest.approx(wanted, rel=0.1)


def test_without_answers_the_rating_of_the_comments_stands_in_on_its_own_scale(book: Codebook) -> None:
    found = made(NOW.assign(rating=[1.0] * 40 + [5.0] * 40 + [3.0] * 20), book)
    # all: (1·40 + 5·40 + 3·20)/100 = 3; without the complaints 260/60 = 4.33
    assert (found.about.metric, found.unit) == ("mean rating", "1 to 5")
    assert found.themes.set_index("theme").loc["bill", "impact"] == pytest.approx(3 - 260 / 60)
    assert "mean rating" in found.headline()


def test_the_impact_of_a_theme_on_a_small_base_is_not_shown(book: Codebook) -> None:
    rows = comments((BAD_BILL, 29), (GOOD_STAFF, 40), (PLAIN, 40))
    responses, items = loyal(rows, [0.0] * 29 + [10.0] * 80)
    row = made(rows, book, responses=responses, items=items).themes.set_index("theme").loc["bill"]
    assert row["impact_n"] == 29
    assert row[["impact", "impact_low", "impact_high", "impact_q"]].isna().all()


def test_the_feeling_is_checked_against_the_ratings_of_the_same_people(book: Codebook) -> None:
    # each text counts once: 36 of 40 complaints and all of the others are read as they are rated
    rows = numbered(NOW).assign(rating=[1.0] * 36 + [5.0] * 44 + [3.0] * 20)
    found = made(rows, book)
    assert found.read.sentiment.method == "lexicon"
    row = found.felt.agreement.iloc[0]
    assert (row["n"], row["accuracy"], row["used"]) == (100, pytest.approx(0.96), True)
    assert any("the customer's own rating in 96 of 100 comments" in line for line in found.sentences())
    assert not list(made(NOW, book).felt.check_shown()), "nobody rated: there is nothing to check against"


BEFORE = comments((BAD_BILL, 10), (GOOD_STAFF, 50), (PLAIN, 60), day="2026-05-01", in_period=False)


def test_a_theme_that_rises_is_tested_against_the_quarter_before_and_said(book: Codebook) -> None:
    found = made(pd.concat([BEFORE, NOW]), book)
    row = found.themes.set_index("theme").loc["bill"]
    assert (row["was"], row["share"]) == (pytest.approx(100 * 10 / 120), 40)
    assert found.rising["theme"].tolist() == ["bill"]
    assert "More often than in 2026-Q2: bills (8% to 40%)." in found.sentences()


def test_rises_are_corrected_for_the_number_of_themes(book: Codebook) -> None:
    rows = pd.concat([BEFORE, comments((BAD_BILL, 18), (GOOD_STAFF, 42), (PLAIN, 40))])
    themes = made(rows, book).themes.set_index("theme")
    # 8.3% to 18%: p below .05 alone, not among two tests
    assert themes.loc["bill", "rise_p"] < 0.05 < themes.loc["bill", "rise_q"]
    assert themes.loc["bill", "rise_q"] == pytest.approx(2 * themes.loc["bill", "rise_p"])
    assert "No theme is clearly more frequent than in 2026-Q2." in made(rows, book).sentences()


def test_a_quarter_with_few_comments_is_nothing_to_compare_with(book: Codebook) -> None:
    found = made(pd.concat([BEFORE.head(99), NOW]), book)
    assert found.read.before == ""
    assert found.themes["rise"].isna().all()
    assert found.about.themes_words()["note"]["Rising"] == "No earlier period to compare with"


def test_the_trend_counts_a_customer_with_several_comments_as_a_cluster(book: Codebook) -> None:
    once = made(NOW, book).trend.set_index("theme").loc["bill"]
    twice = pd.concat([NOW, NOW.assign(comment_id="again " + NOW["comment_id"])])
    found = made(twice, book).trend.set_index("theme").loc["bill"]
    assert (found["n"], found["estimate"]) == (200, once["estimate"])
    assert found["std_error"] == pytest.approx(once["std_error"])


def test_the_trend_has_the_shares_of_each_quarter_and_a_picture_that_describes_itself(book: Codebook) -> None:
    found = made(pd.concat([BEFORE, NOW]), book)
    shares = found.trend.set_index(["period", "theme"])["estimate"].to_dict()
    assert shares[("2026-Q2", "staff")] == pytest.approx(100 * 50 / 120)
    assert shares[("2026-Q3", "bill")] == 40
    words, _ = next(found.news.trend_shown())
    assert words["title"] == "Share of comments in 2026-Q3: bills 40% and staff 40%."
    assert "Bills: 2026-Q2 8%" in words["alt"]


def test_what_the_codebook_misses_is_proposed_from_this_period_only(book: Codebook) -> None:
    parking = [(f"parking space was full and dear number{i}", 1) for i in range(30)]
    earlier = [(f"breakfast coffee tasted cold and stale item{i}", 1) for i in range(40)]
    rows = pd.concat([NOW, comments(*parking, day="2026-08-09"), comments(*earlier, day="2026-05-09", in_period=False)])
    found = made(rows, book)
    said = {word for terms in found.proposed["terms"] for word in terms}
    assert "parking" in said
    assert "coffee" not in said


def test_every_mention_belongs_to_its_comment(book: Codebook) -> None:
    found = made(NOW, book)
    texts = NOW.set_index("comment_id")["text"]
    assert len(found.mentions) == 80
    assert all(texts[row.comment_id][row.start : row.end] == row.match for row in found.mentions.itertuples())


SECRETS = ("jane.doe@mail.example", "020 7946 0958", "Jane Doe")


def test_no_address_and_no_number_of_a_customer_reaches_a_reader(project: Path, book: Codebook) -> None:
    said = f"My name is Jane Doe, the bill was awful, mail {SECRETS[0]} or call {SECRETS[1]}"
    folder = project / "data" / "raw" / "acme"
    pd.DataFrame(
        {"ID": range(120), "TEXT": [f"{said} {number}" for number in range(120)], "DATE": "2026-08-03"}
    ).to_csv(folder / "comments.csv", index=False)
    with (folder / "study.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[sources.comments]\npath = "comments.csv"\nsource = "web"\n'
            'columns = {comment_id = "ID", text = "TEXT", submitted_at = "DATE"}\n'
        )
    found = made(cxlab.open_study("acme", root=project).comments, book)
    assert found.n == 120
    assert "[EMAIL]" in found.read.rows["text"].iloc[0]
    tables = (found.quotes, found.proposed, found.scores, found.mentions, found.themes, found.feeling, found.trend)
    shown = " ".join(
        [*(table.to_csv() for table in tables), found.headline(), *found.sentences(), str(found.findings())]
    )
    assert not [secret for secret in SECRETS if secret in shown]


def test_a_script_in_a_comment_stays_text_on_a_page(book: Codebook) -> None:
    nasty = "The bill <script>alert(1)</script> was awful & wrong"
    found = made(comments((nasty, 100)), book)
    assert found.quotes["quote"].tolist() == [f"“{nasty}”"]
    InteractiveShell.instance()
    words, table = next(found.quotes_shown())
    try:
        with capture_output() as captured:
            exhibits.exhibit(table, columns={"label": "Theme", "quote": "Quote"}, **words)
    finally:
        InteractiveShell.clear_instance()
    page = captured.outputs[0].data["text/html"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page


def test_a_finding_says_what_is_rising_and_costly_and_asks_for_attention(book: Codebook) -> None:
    responses, items = loyal(NOW, SCORES)
    found = made(pd.concat([BEFORE, NOW]), book, responses=responses, items=items)
    findings = {finding["name"]: finding for finding in found.findings()}
    assert findings["theme_bill"]["attention"] is True
    assert findings["theme_staff"]["attention"] is False
    assert findings["theme_bill"]["target"] == "first_bill"
    said = findings["theme_bill"]["result"]["headline"]
    assert said.startswith("Bills: 40% of comments, in 100% of them negative; goes with 47 points of NPS lost (")
    assert said.endswith("; rising from 8%.")
    assert findings["negative_comments"]["result"]["headline"] == "40% of comments are negative."


def test_the_base_names_comments_period_and_codebook(book: Codebook) -> None:
    assert made(NOW, book, period="2026-Q3").base_sentence() == (
        "100 comments of 2026-Q3, codebook “small”; names and numbers are masked."
    )


def test_the_same_comments_give_the_same_result(book: Codebook) -> None:
    rng = np.random.default_rng(3)
    responses, items = loyal(NOW, list(rng.integers(0, 11, 100).astype(float)))
    first, again = (made(NOW, book, responses=responses, items=items) for _ in range(2))
    pd.testing.assert_frame_equal(first.themes, again.themes)
    pd.testing.assert_frame_equal(first.quotes, again.quotes)


def test_a_study_in_which_no_theme_is_mentioned_still_has_a_page(book: Codebook) -> None:
    found = made(comments((PLAIN, 120)), book)
    assert found.themes.empty
    assert found.headline() == "0% of comments are negative."
    assert found.about.themes_words()["title"] == "No theme of the codebook is mentioned."
