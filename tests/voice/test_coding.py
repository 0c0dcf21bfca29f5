"""Coding sheets: drawn so that rare themes are seen, never written over, read with every mistake named; and what coders agree on."""

from __future__ import annotations

import math
import stat
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from sklearn.metrics import cohen_kappa_score, f1_score, precision_score, recall_score

from cxlab.inference import wilson
from cxlab.problems import StudyError
from cxlab.voice import Codebook, coding
from cxlab.voice.coders import agreement_of_coders, codebook_agreement, cohen_kappa, krippendorff_alpha
from cxlab.voice.coding import coding_guide, coding_sheet, export_coding, read_coding

BOOK = Codebook.from_text(
    """
[themes.bill]
label = "Bills"
any = ["bill*"]
[themes.bill_wrong]
parent = "bill"
label = "Wrong, or late"
any = ["wrong bill*"]
[themes.app]
label = "The app"
any = ["app"]
[themes.staff]
any = ["agent*"]
"""
)
TEXTS = pd.Series(
    [f"the bill of month {i}" for i in range(60)]
    + [f"app version {i}" for i in range(30)]
    + ["a rude agent", "an agent called"]
    + [f"nothing in it {i}" for i in range(40)]
    + [None, "  "],
    index=[f"k{i}" for i in range(134)],
)


def sheet(n: int = 40, **more: object) -> pd.DataFrame:
    return coding_sheet(TEXTS, BOOK, n=n, **more)  # type: ignore[arg-type]


# ----------------------------------------------------------------------------------------------------------------- drawing


def test_rare_themes_and_comments_without_one_are_in_the_sheet_and_weights_add_up_to_all() -> None:
    made = sheet()
    theme = made["text"].str.extract(r"(bill|app|agent|nothing)")[0]
    counts = theme.value_counts()
    # one each, then 18 of the other 36 places by size: 8 bills, 4 apps, no agent, 5 without; the rest level out from the smallest,
    # of whom there are two, to 38 over the three others
    assert counts.to_dict() == {"bill": 12, "app": 13, "nothing": 13, "agent": 2}
    weights = made.groupby(theme)["weight"].agg(["nunique", "sum"])
    assert (weights["nunique"] == 1).all()
    assert weights["sum"].to_dict() == pytest.approx({"bill": 60, "app": 30, "agent": 2, "nothing": 40})
    assert made["weight"].sum() == pytest.approx(132)
    assert made["text_id"].is_unique
    assert (made["text"] == made["text_id"].map(TEXTS)).all()


def test_a_sheet_never_asks_for_more_than_there_is_and_serves_the_largest_first() -> None:
    assert len(sheet(n=500)) == 132
    assert (sheet(n=500)["weight"] == 1).all()
    two = sheet(n=2)["text"].str.extract(r"(bill|app|agent|nothing)")[0]
    assert set(two) == {"bill", "nothing"}


def test_the_same_seed_draws_the_same_sheet_in_an_order_that_tells_nothing() -> None:
    pd.testing.assert_frame_equal(sheet(random_state=4), sheet(random_state=4))
    assert sheet(random_state=4)["text_id"].tolist() != sheet(random_state=5)["text_id"].tolist()
    starts = [text[:3] for text in sheet()["text"]]
    assert sum(one != other for one, other in pairwise(starts)) > 10


def test_a_blind_sheet_says_nothing_of_the_codebook_and_an_open_one_does() -> None:
    assert list(sheet()) == ["text_id", "weight", "text", "sentiment_a", "themes_a", "sentiment_b", "themes_b"]
    shown = sheet(blind=False).set_index("text")["found"]
    assert shown["a rude agent"] == "staff"
    assert set(shown) == {"bill", "app", "staff", "none"}


def test_texts_in_the_sheet_are_masked() -> None:
    said = ["My bill, call 020 7946 0958", "Ann Miller of the shop", "write to ann@mail.example"]
    made = coding_sheet(said, BOOK, n=3, names=["Ann Miller"])
    assert sorted(made["text"]) == ["My bill, call [PHONE]", "[NAME] of the shop", "write to [EMAIL]"]


@pytest.mark.parametrize(
    ("texts", "n", "says"),
    [
        (["a"], 0, "`n` must be a whole number from 1, got 0"),
        ([None, " "], 5, "there is no text to code"),
        (pd.Series(["a", "b"], index=[1, 1]), 5, "the label `1` stands for two texts"),
    ],
)
def test_a_sheet_of_nothing_is_refused(texts: object, n: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        coding_sheet(texts, BOOK, n=n)  # type: ignore[arg-type]


def test_the_guide_names_every_theme_under_its_parent() -> None:
    lines = coding_guide(BOOK).splitlines()
    assert "bill: Bills" in lines
    assert "  bill_wrong: Wrong, or late" in lines


# ----------------------------------------------------------------------------------------------------------------- writing


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    made = sheet(n=10)
    made[["sentiment_a", "themes_a"]] = ["Negative", "bill; The app"]
    made.loc[0, ["sentiment_b", "themes_b"]] = ["positive", "none"]
    assert export_coding(made, tmp_path / "coding" / "sheet.csv") == 10
    back = read_coding(tmp_path / "coding" / "sheet.csv", BOOK)
    pd.testing.assert_frame_equal(back, read_coding(made, BOOK), rtol=1e-5)
    assert back["text"].tolist() == made["text"].tolist()
    assert back["sentiment_a"].tolist() == ["negative"] * 10
    assert back["themes_a"].tolist() == [("bill", "app")] * 10
    assert back["themes_b"].tolist() == [(), *[None] * 9]
    assert back["sentiment_b"].tolist() == ["positive", *[None] * 9]


def test_cells_that_a_spreadsheet_would_compute_are_text_there_and_unchanged_when_read(tmp_path: Path) -> None:
    said = pd.Series(
        ["=1+1 is my bill", "@app", "-5 stars", "+1", "'quoted'", "two\nlines; “ü”", "tab\there"],
        index=[*"abcde", "=f", "g"],
    )
    export_coding(coding_sheet(said, BOOK, n=7), tmp_path / "s.csv")
    content = (tmp_path / "s.csv").read_bytes().decode("utf-8-sig")
    cells = [cell.strip('"') for line in content.splitlines() for cell in line.split(",")]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]
    back = read_coding(tmp_path / "s.csv", BOOK).set_index("text_id")["text"]
    assert back["a"] == "=1+1 is my bill"
    assert back["e"] == "'quoted'"
    assert back["=f"] == "two\nlines; “ü”"
    assert back["g"] == "tab here"


def test_a_second_export_appends_what_is_new_and_changes_no_byte_of_what_a_person_wrote(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    export_coding(sheet(n=10), path)
    first = path.read_text("utf-8-sig").splitlines()
    first[0] += ",my remark"
    first[1] = f'{first[1].removesuffix(",,,,")},negative,bill,,,"mine, not yours"'
    mine = "\ufeff" + "\n".join(first)
    path.write_text(mine, "utf-8")
    more = sheet(n=60)
    new = len(set(more["text_id"]) - {line.split(",")[0] for line in first})
    assert export_coding(more, path) == new > 0
    assert path.read_text("utf-8").startswith(mine)
    assert (tmp_path / "s.csv.bak").read_text("utf-8") == mine
    assert len(read_coding(path, BOOK)) == 10 + new
    before = path.read_bytes()
    assert export_coding(more, path) == 0
    assert path.read_bytes() == before


def test_a_file_from_a_spreadsheet_keeps_its_semicolons_and_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(
        b'text_id;weight;text;sentiment_a;themes_a;sentiment_b;themes_b\r\nk1;1,5;my bill;negative;"bill;app";;\r\n'
    )
    export_coding(sheet(n=20), path)
    assert path.read_bytes().count(b"\r\n") == path.read_bytes().count(b"\n")
    back = read_coding(path, BOOK).set_index("text_id")
    assert back.loc["k1", "themes_a"] == ("bill", "app")
    assert back.loc["k1", "weight"] == 1.5


def test_each_coder_may_have_a_file_of_their_own(tmp_path: Path) -> None:
    made = sheet(n=6)
    for coder in ("a", "b"):
        export_coding(made, tmp_path / f"{coder}.csv", coder=coder)  # type: ignore[arg-type]
        lines = (tmp_path / f"{coder}.csv").read_text("utf-8-sig").splitlines()
        assert lines[0] == f"text_id,weight,text,sentiment_{coder},themes_{coder}"
        rest = [line + ("app" if coder == "a" else "none") for line in lines[1:]]
        (tmp_path / f"{coder}.csv").write_text("\n".join([lines[0], *rest]), "utf-8")
    back = read_coding([tmp_path / "a.csv", tmp_path / "b.csv"], BOOK)
    assert back["text_id"].tolist() == made["text_id"].tolist()
    assert back["themes_a"].tolist() == [("app",)] * 6
    assert back["themes_b"].tolist() == [()] * 6
    with pytest.raises(ValueError, match="`coder` must be a or b"):
        export_coding(made, tmp_path / "c.csv", coder="c")  # type: ignore[arg-type]


def test_two_files_that_say_different_things_for_one_coder_are_refused(tmp_path: Path) -> None:
    one, other = sheet(n=3).assign(sentiment_a="negative"), sheet(n=3).assign(sentiment_a="positive")
    with pytest.raises(StudyError, match="`sentiment_a` is 'positive' here, 'negative' in another file"):
        read_coding([one, other], BOOK)


def test_a_file_that_is_locked_or_read_only_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.csv"
    export_coding(sheet(n=3), path)
    before = path.read_bytes()
    monkeypatch.setattr(coding, "LOCK_SECONDS", 0.05)
    with FileLock(f"{path}.lock"), pytest.raises(StudyError, match=r"s\.csv: another process holds its lock"):
        export_coding(sheet(n=30), path)
    path.chmod(stat.S_IRUSR)
    with pytest.raises(StudyError, match=r"s\.csv: cannot be written: "):
        export_coding(sheet(n=30), path)
    assert path.read_bytes() == before


# ----------------------------------------------------------------------------------------------------------------- reading

HEAD = "text_id,weight,text,sentiment_a,themes_a,sentiment_b,themes_b\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (HEAD + "k1,1,t,negativ,,,\n", "s.csv, line 2, sentiment_a: unknown label `negativ`; did you mean `negative`?"),
        (HEAD + "k1,1,t,,bill; aps,,\n", "s.csv, line 2, themes_a: unknown theme `aps`; did you mean `app`?"),
        (HEAD + "k1,1,t,,,,none; app\n", "s.csv, line 2, themes_b: has `none` beside other themes"),
        (HEAD + "k1,1,t,,,,\nk1,1,t,,,,\n", "s.csv, line 3: `k1` stands in s.csv, line 2 too"),
        (HEAD + ",1,t,,app,,\n", "s.csv, line 2: has no text_id"),
        (HEAD + "k1,many,t,,,,\n", "s.csv, line 2, weight: `many` is no number above 0"),
        (HEAD + "k1,0,t,,,,\n", "s.csv, line 2, weight: `0` is no number above 0"),
        ("text_id,texts,themes_a\nk,t,\n", "s.csv: has no column `text`; did you mean `texts`?"),
        ("text_id,text\nk,t\n", "s.csv: has no column of a coder"),
        ("text_id,text,text,themes_a\nk,t,t,\n", "s.csv: has 2 columns `text`"),
        (HEAD + 'k1,1,"t,,,,\n', "s.csv, line 2: cannot be read: unexpected end of data; mend the quotes"),
        ("\n", "s.csv: is empty"),
    ],
)
def test_a_mistake_in_a_sheet_is_told_with_row_value_and_nearest_name(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "s.csv").write_text(content, "utf-8")
    with pytest.raises(StudyError) as caught:
        read_coding(tmp_path / "s.csv", BOOK)
    assert says in str(caught.value)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].way_out


def test_every_mistake_is_told_at_once_and_a_file_that_is_not_there_by_name(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(HEAD + "k1,1,t,bad,bil,good,aps\n", "utf-8")
    with pytest.raises(StudyError) as caught:
        read_coding(tmp_path / "s.csv", BOOK)
    assert len(caught.value.problems) == 4
    with pytest.raises(StudyError, match=r"none\.csv: there is no such file"):
        read_coding(tmp_path / "none.csv", BOOK)
    (tmp_path / "latin.csv").write_bytes("text_id,text,themes_a\nk,é,".encode("latin-1"))
    with pytest.raises(StudyError, match=r"latin\.csv: is not UTF-8"):
        read_coding(tmp_path / "latin.csv", BOOK)


def test_labels_of_themes_are_read_as_names_in_any_case_and_a_label_may_have_a_comma() -> None:
    rows = pd.DataFrame(
        {"text_id": [*"abcd"], "text": "t", "themes_a": ["the APP| Bills", "wrong, or late", " None ", ""]}
    )
    assert read_coding(rows, BOOK)["themes_a"].tolist() == [("bill", "app"), ("bill_wrong",), (), None]
    assert read_coding(rows, BOOK)["weight"].tolist() == [1.0] * 4


# --------------------------------------------------------------------------------------------------------------- agreement


def coded(rows: list[tuple[str, str, str]], **more: object) -> pd.DataFrame:
    """Rows of text, themes of a, themes of b."""
    frame = pd.DataFrame(rows, columns=["text", "themes_a", "themes_b"]).assign(
        text_id=[str(i) for i in range(len(rows))], **more
    )
    return read_coding(frame, BOOK)


def figure(table: pd.DataFrame, about: str, measure: str) -> pd.Series:
    rows = table[(table["about"] == about) & (table["measure"] == measure)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_kappa_is_that_of_cohens_own_example() -> None:
    # Cohen 1960, table 1: 200 patients in three categories, .70 alike, .41 by chance
    assert cohen_kappa([[88, 14, 18], [10, 40, 10], [2, 6, 12]]) == pytest.approx((0.70 - 0.41) / (1 - 0.41))
    assert math.isnan(cohen_kappa([[10, 0], [0, 0]]))


def test_alpha_is_that_of_krippendorffs_own_examples() -> None:
    # Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011: A two coders yes or no, B five names, C four coders with gaps
    yes_no = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]
    assert krippendorff_alpha(yes_no) == pytest.approx(0.095, abs=5e-4)
    assert krippendorff_alpha([list("aabbdcccedda"), list("babbbccceddd")]) == pytest.approx(0.692, abs=5e-4)
    o = None
    four = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, o, o, o],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, o, 3],
        [o, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, o],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, o],
    ]
    assert krippendorff_alpha(four) == pytest.approx(0.743, abs=5e-4)
    assert math.isnan(krippendorff_alpha([["a", "a"], ["a", "a"]]))
    assert math.isnan(krippendorff_alpha([["a", o], [o, "b"]]))
    with pytest.raises(ValueError, match="the rows differ in length"):
        krippendorff_alpha([["a"], ["a", "b"]])


def test_agreement_of_two_coders_by_hand_and_by_another_route() -> None:
    rows = (
        [("t", "app", "app")] * 6 + [("t", "app", "none")] * 2 + [("t", "none", "app")] + [("t", "none", "none")] * 11
    )
    rows += [("t", "app", "")] * 3  # b coded nothing
    made = coded(
        rows, sentiment_a=["negative"] * 20 + [""] * 3, sentiment_b=["negative"] * 15 + ["positive"] * 5 + [""] * 3
    )
    table = agreement_of_coders(made, BOOK, n_boot=300)
    row = figure(table, "app", "agreement")
    assert (row["estimate"], row["n"], row["label"]) == (17 / 20, 20, "The app")
    one, other = [1] * 8 + [0] * 12, [1] * 6 + [0] * 2 + [1] + [0] * 11
    assert figure(table, "app", "kappa")["estimate"] == pytest.approx(cohen_kappa_score(one, other))
    assert figure(table, "app", "alpha")["estimate"] == pytest.approx(krippendorff_alpha([one, other]))
    assert row["conf_low"] < 17 / 20 < row["conf_high"]
    assert row["std_error"] == pytest.approx(math.sqrt(0.85 * 0.15 / 20), rel=0.15)
    assert figure(table, "sentiment", "agreement")["estimate"] == 0.75
    assert figure(table, "sentiment", "kappa")["estimate"] == pytest.approx(0.0)
    assert set(table["about"]) == {"sentiment", "app"}, "themes that nobody used have no row"


def test_a_theme_counts_for_its_parent_with_both_coders() -> None:
    made = coded([("t", "bill_wrong", "bill")] * 5 + [("t", "none", "none")] * 5)
    table = agreement_of_coders(made, BOOK, n_boot=50)
    assert figure(table, "bill", "agreement")["estimate"] == 1
    assert figure(table, "bill_wrong", "agreement")["estimate"] == 0.5


def test_what_is_undefined_says_why() -> None:
    table = agreement_of_coders(coded([("t", "app", "app")] * 4), BOOK, n_boot=50)
    row = figure(table, "app", "kappa")
    assert math.isnan(row["estimate"])
    assert row["reason"] == "both coders gave every comment the same answer"
    assert figure(table, "app", "agreement")["estimate"] == 1
    none = figure(table, "sentiment", "kappa")
    assert (none["n"], none["reason"]) == (0, "no comment was coded")
    rare = agreement_of_coders(coded([("t", "app", "app"), *[("t", "none", "none")] * 9]), BOOK, n_boot=400)
    row = figure(rare, "app", "kappa")
    assert (row["estimate"], row["reason"]) == (1, "too few comments for an interval")
    assert math.isnan(row["conf_low"])


def test_the_interval_of_kappa_covers_it_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    probability = np.array([0.25, 0.08, 0.07, 0.60])  # both, a alone, b alone, neither
    truth = cohen_kappa(probability.reshape(2, 2))
    app: tuple[str, ...] = ("app",)
    held = 0
    for _ in range(100):
        drawn = rng.choice(4, 150, p=probability)
        made = pd.DataFrame({"sentiment_a": [None] * 150, "sentiment_b": None})
        made["themes_a"] = [app if place in (0, 1) else () for place in drawn]
        made["themes_b"] = [app if place in (0, 2) else () for place in drawn]
        row = figure(agreement_of_coders(made, BOOK, n_boot=200), "app", "kappa")
        held += row["conf_low"] <= truth <= row["conf_high"]
    assert held >= 88  # 95 expected of 100; fewer than 88 in one of 700 such studies


def test_the_same_seed_gives_the_same_intervals() -> None:
    made = coded([("app", "app", "none"), ("bill", "bill", "bill"), ("x", "none", "none")] * 5)
    for of in (agreement_of_coders, codebook_agreement):
        pd.testing.assert_frame_equal(of(made, BOOK, random_state=3), of(made, BOOK, random_state=3))


# ---------------------------------------------------------------------------------------------------------------- codebook


def test_the_codebook_against_the_coders_by_hand() -> None:
    rows = (
        [("the app", "app", "app")] * 4  # found
        + [("it crashed", "app", "")] * 2  # missed; one coder is enough
        + [("the app of others", "none", "none")]  # found wrongly
        + [("the app?", "app", "none")] * 3  # disputed
        + [("hello", "none", "none")] * 5
        + [("the app, not coded", "", "")]
    )
    table = codebook_agreement(coded(rows), BOOK, n_boot=200)
    said = {measure: figure(table, "app", measure) for measure in ("precision", "recall", "f1", "kappa")}
    true, found = [1] * 6 + [0] * 6, [1] * 4 + [0] * 2 + [1] + [0] * 5
    assert said["precision"]["estimate"] == pytest.approx(precision_score(true, found)) == pytest.approx(4 / 5)
    assert said["recall"]["estimate"] == pytest.approx(recall_score(true, found)) == pytest.approx(4 / 6)
    assert said["f1"]["estimate"] == pytest.approx(f1_score(true, found))
    assert said["kappa"]["estimate"] == pytest.approx(cohen_kappa_score(true, found))
    assert said["f1"][["n", "n_coded", "n_disputed"]].tolist() == [12, 6, 3]
    coverage = figure(table, "", "coverage")
    assert coverage["estimate"] == pytest.approx(8 / 15)
    assert coverage[["conf_low", "conf_high"]].tolist() == pytest.approx(wilson(8 / 15, 15))


def test_a_drawn_sheet_with_weights_tells_of_all_comments() -> None:
    # 1,000 comments: 40 of 50 apps are found, and 50 of the 950 others wrongly; the sheet has half of the first and a tenth of the rest
    rows = (
        [("the app", "app", "")] * 20
        + [("it", "app", "")] * 5
        + [("the app", "none", "")] * 5
        + [("it", "none", "")] * 90
    )
    weight = [2.0] * 25 + [10.0] * 95
    table = codebook_agreement(coded(rows, weight=weight), BOOK, n_boot=200)
    assert figure(table, "app", "recall")["estimate"] == pytest.approx(40 / 50)
    assert figure(table, "app", "precision")["estimate"] == pytest.approx(40 / 90)
    coverage = figure(table, "", "coverage")
    assert coverage["estimate"] == pytest.approx(90 / 1000)
    assert coverage[["conf_low", "conf_high"]].tolist() == pytest.approx(wilson(0.09, 1000**2 / (25 * 4 + 95 * 100)))


def test_a_theme_never_found_or_never_coded_says_so() -> None:
    table = codebook_agreement(
        coded([("it", "app", "app"), ("agent", "none", "none"), ("hm", "none", "none")] * 4), BOOK, n_boot=50
    )
    assert figure(table, "app", "precision")["reason"] == "the codebook finds it nowhere"
    assert figure(table, "app", "recall")["estimate"] == 0
    assert figure(table, "staff", "recall")["reason"] == "the coders agree on it nowhere"
    assert figure(table, "staff", "precision")["estimate"] == 0
    assert "bill" not in set(table["about"])
    empty = codebook_agreement(coded([("app", "", "")]), BOOK)
    assert empty[["measure", "reason"]].to_numpy().tolist() == [["coverage", "no comment was coded"]]
