"""What people coded in a study's decisions is read, compared, and asked for where nobody coded."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cxlab.problems import StudyError
from cxlab.voice import Codebook, voice_of_customer
from cxlab.voice.hand_coded import coded_sentiment, coding_of

BOOK = Codebook.from_text(
    '[themes.bill]\nlabel = "Bills"\nany = ["bill"]\n[themes.staff]\nlabel = "Staff"\nany = ["staff"]'
)


def comments(n: int = 120) -> pd.DataFrame:
    said = ["The bill was wrong and that is awful", "The staff were great and helpful", "I use it on most days"]
    return pd.DataFrame(
        {
            "comment_id": [f"k{i}" for i in range(n)],
            "text": [f"{said[i % 3]} {chr(97 + i // 26)}{chr(97 + i % 26)}x" for i in range(n)],
            "source": "survey",
            "counted_at": pd.Timestamp("2026-08-01", tz="UTC"),
        }
    )


def write_sheet(folder: Path, n: int = 60) -> None:
    """Every third comment is a complaint about bills, a praise of staff, or neither; the coders differ in the first."""
    rows = comments(n)
    feeling = ["negative", "positive", "neutral"]
    theme = ["Bills", "Staff", "none"]
    sheet = pd.DataFrame(
        {
            "text_id": rows["comment_id"], "weight": 1.0, "text": rows["text"],
            "sentiment_a": [feeling[i % 3] for i in range(n)], "themes_a": [theme[i % 3] for i in range(n)],
            "sentiment_b": ["neutral" if i == 0 else feeling[i % 3] for i in range(n)], "themes_b": [theme[i % 3] for i in range(n)],
        }
    )  # fmt: skip
    sheet.to_csv(folder / "coding.csv", index=False)


def test_of_two_coders_who_differ_nothing_is_taken(tmp_path: Path) -> None:
    write_sheet(tmp_path)
    told = coded_sentiment(coding_of(tmp_path, BOOK))
    assert told is not None
    assert len(told) == 59
    assert "k0" not in told.index
    assert (told["k1"], told["k2"], told["k3"]) == ("positive", "neutral", "negative")


def test_a_sheet_in_the_decisions_checks_the_feeling_and_the_codebook(tmp_path: Path) -> None:
    write_sheet(tmp_path)
    found = voice_of_customer(comments(), BOOK, decisions=tmp_path, n_boot=99)
    assert found.coded.n == 60
    words, rows = next(found.coded.codebook_shown())
    assert rows.set_index("about").loc["bill", ["precision", "recall", "kappa"]].tolist() == [1.0, 1.0, 1.0]
    assert "kappa of 1.00" in words["title"]
    title = next(found.coded.coders_shown())[0]["title"]
    assert title.startswith("Two people who coded 60 comments agree on sentiment with a kappa of 0.9")
    assert found.felt.agreement["n"].iloc[0] == 59, "the feeling is checked on what people read"
    assert not any("Nobody coded themes" in line for line in found.sentences())


def test_where_nobody_coded_the_page_says_so_and_lays_out_a_sheet(tmp_path: Path) -> None:
    found = voice_of_customer(comments(), BOOK, decisions=tmp_path, n_boot=99)
    assert any(line.startswith("Nobody coded themes by hand") for line in found.sentences())
    sheet = dict(found.restricted())["voice_coding_sheet"]
    assert len(sheet) == 120
    assert not list(found.coded.coders_shown())
    write_sheet(tmp_path)
    again = dict(voice_of_customer(comments(), BOOK, decisions=tmp_path, n_boot=99).restricted())["voice_coding_sheet"]
    assert len(again) == 60, "those that are coded are not asked for again"
    assert not set(again["text_id"]) & {f"k{i}" for i in range(60)}


def test_a_theme_that_the_codebook_lacks_is_refused_by_row(tmp_path: Path) -> None:
    write_sheet(tmp_path)
    path = tmp_path / "coding.csv"
    path.write_text(path.read_text("utf-8").replace("Bills", "Bils", 1), "utf-8")
    with pytest.raises(StudyError, match=r"coding\.csv.*Bils"):
        coding_of(tmp_path, BOOK)
