"""SPSS files: codes as numbers, words where they are asked for, declared missing codes out and told, no row lost."""

from __future__ import annotations

import datetime as dt
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat
import pytest

import cxlab
from cxlab.config import Source, load_config
from cxlab.data.quality import check
from cxlab.data.sources import RawTable, read_file
from cxlab.data.tables import Ingest, ingest
from cxlab.draft import draft_study
from cxlab.problems import StudyError

STUDY = """
[study]
name = "Acme"
timezone = "Europe/Paris"

[sources.responses]
path = "wave_*.sav"
survey = "tracking"
perspective = "customer"
wave = "2026-Q3"
columns = {response_id = "ID", submitted_at = "DAY"}
keep = ["REGION"]
%s
[items.satisfied]
question = "How satisfied are you?"
column = "Q1"
role = "satisfaction"
scale = [1, 5]
"""
ANSWERS = {1: "very dissatisfied", 5: "very satisfied", 97: "refused", 98: "don't know", 99: "not asked"}
Save = Callable[..., Path]
Read = Callable[..., RawTable]


def survey() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ID": ["a1", "a2", "a3", "a4", "a5"],
            "DAY": [dt.date(2026, 7, day) for day in range(1, 6)],
            "Q1": [5.0, 98.0, 99.0, None, 99.0],
            "REGION": [1.0, 2.0, 1.0, 3.0, 9.0],
        }
    )


DESCRIBED: dict[str, Any] = {
    "column_labels": {"Q1": "How satisfied are you with\nus overall? (ä)", "REGION": "Region"},
    "variable_value_labels": {"Q1": ANSWERS, "REGION": {1: "North", 2: "Süd", 9: "unknown"}},
    "missing_ranges": {"Q1": [{"lo": 97, "hi": 99}], "REGION": [9]},
}


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write an SPSS file; `replace` puts other bytes of the same length into it."""

    def write(
        frame: pd.DataFrame, name: str = "wave_1.sav", *, replace: dict[bytes, bytes] | None = None, **about: Any
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pyreadstat.write_sav(frame, path, **about)
        data = path.read_bytes()
        for old, new in (replace or {}).items():
            assert old in data
            assert len(old) == len(new)
            data = data.replace(old, new)
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def read(save: Save) -> Read:
    """Write an SPSS file and read it through the public reader; `source` are options of the source."""

    def written_and_read(frame: pd.DataFrame, *, source: dict[str, Any] | None = None, **about: Any) -> RawTable:
        path = save(frame, **about)
        table = read_file(path, Source(path=path.name, **(source or {})), shown=path.name)
        assert len(table.rows) + len(table.rejects) == len(frame)
        return table

    return written_and_read


def cells(table: RawTable, column: str) -> list[str | None]:
    return table.rows[column].tolist()


def notes(table: RawTable, severity: str = "note") -> list[str]:
    return [str(note) for note in table.notes if note.severity == severity]


def refusal(path: Path, **source: Any) -> str:
    with pytest.raises(StudyError) as refused:
        read_file(path, Source(path=path.name, **source), shown=path.name)
    assert len(refused.value.problems) == 1
    return str(refused.value)


# --------------------------------------------------------------------------------------------------------------- cells


def test_every_case_is_a_row_of_text_at_its_number(read: Read) -> None:
    frame = pd.DataFrame(
        {
            "code": [5.0, 0.0, None, -1.0],
            "weight": [1.25, 0.1, 3.0, None],
            "id": [12345678901.0, 7.0, 1.0, 2.0],
            "word": ["  Grüße ", "", "007", "x\ny"],
            "flag": [True, False, True, True],
        }
    )
    table = read(frame)
    assert table.rows.index.tolist() == [1, 2, 3, 4]
    assert table.rows.index.name == "line"
    assert cells(table, "code") == ["5", "0", None, "-1"]
    assert cells(table, "weight") == ["1.25", "0.1", "3", None]
    assert cells(table, "id") == ["12345678901", "7", "1", "2"]
    assert cells(table, "word") == ["Grüße", None, "007", "x\ny"]
    assert cells(table, "flag") == ["1", "0", "1", "1"]
    assert set(table.rows.dtypes) == {pd.Series([None], dtype=object).dtype}
    assert table.notes == []


def test_a_case_without_any_answer_is_rejected_and_the_lines_of_the_others_stay(read: Read) -> None:
    table = read(pd.DataFrame({"Q1": [1.0, None, 99.0, 4.0]}), missing_ranges={"Q1": [99]})
    assert table.rows.index.tolist() == [1, 4]
    assert table.rejects[["line", "reason"]].to_numpy().tolist() == [
        [2, "every cell is empty"],
        [3, "every cell is empty"],
    ]
    assert table.n_rows == 4


def test_dates_moments_and_clocks_are_iso_text_and_what_is_no_date_stays_a_number(read: Read) -> None:
    # seconds since 14 October 1582: 2026-07-01 is day 162,063, that is 14,002,243,200 s
    day = 14_002_243_200.0
    frame = pd.DataFrame(
        {"d": [day, day - 1, None, 1e17], "m": [day + 36005.25, day, None, 0.0], "c": [36005.0, 97200.5, None, -5.0]}
    )
    formats = {"d": "EDATE10", "m": "DATETIME23.2", "c": "TIME11.2"}
    table = read(frame.assign(x=1.0), variable_format=formats)
    assert cells(table, "d") == ["2026-07-01", "2026-06-30", None, "1e+17"]
    assert cells(table, "m") == ["2026-07-01T10:00:05.250", "2026-07-01T00:00:00", None, "1582-10-14T00:00:00"]
    assert cells(table, "c") == ["10:00:05", "27:00:00.500", None, "-5"]


def test_python_dates_come_back_as_they_were_written(read: Read) -> None:
    days = [dt.date(2026, 2, 28), dt.date(1500, 1, 1), dt.date(9999, 12, 31)]
    moments = [dt.datetime(2026, 2, 28, 23, 59, 59), dt.datetime(2000, 1, 1), dt.datetime(2026, 3, 1, 12, 30)]
    table = read(pd.DataFrame({"day": days, "moment": moments}))
    assert cells(table, "day") == [day.isoformat() for day in days]
    assert cells(table, "moment") == [moment.isoformat() for moment in moments]


def test_long_answers_are_whole(read: Read) -> None:
    texts = ["ü" * 5000 + "end", "short", ""]
    table = read(pd.DataFrame({"Q9": texts, "n": [1.0, 2.0, 3.0]}))
    assert cells(table, "Q9") == [texts[0], "short", None]


@pytest.mark.parametrize(("name", "about"), [("a.zsav", {"compress": True}), ("a.sav", {"row_compress": True})])
def test_a_compressed_file_is_the_same_table(read: Read, name: str, about: dict[str, Any]) -> None:
    plain, packed = read(survey(), **DESCRIBED), read(survey(), name=name, **about, **DESCRIBED)
    pd.testing.assert_frame_equal(plain.rows, packed.rows)
    assert packed.question_text == plain.question_text


# ------------------------------------------------------------------------------------------------------- missing codes


def test_codes_that_the_file_declares_missing_are_empty_and_told_with_their_labels_and_rows(read: Read) -> None:
    table = read(survey(), **DESCRIBED)
    assert cells(table, "Q1") == ["5", None, None, None, None]
    assert cells(table, "REGION") == ["1", "2", "1", "3", None]
    (told,) = [note for note in notes(table) if "missing" in note]
    assert (
        "no answer, in 2 columns: Q1: 99 not asked (2 rows), 98 don't know (1 row); REGION: 9 unknown (1 row)" in told
    )


def test_single_codes_ranges_open_ranges_and_words_are_missing_and_their_neighbours_are_not(read: Read) -> None:
    frame = pd.DataFrame(
        {
            "single": [7.0, 8.0, 9.0, 1.0],
            "both": [96.0, 97.0, 99.0, -1.0],
            "below": [-5.0, 0.0, 0.5, 1.0],
            "above": [89.0, 90.0, 1e9, 1.0],
            "word": ["NA", "na", "N", "NA x"],
            "keep": ["a", "b", "c", "d"],
        }
    )
    low, high = -1234.5, 9876.5  # stand for LOWEST and HIGHEST, which the writer does not know
    declared = {
        "single": [7, 9],
        "both": [{"lo": 97, "hi": 99}, -1],
        "below": [{"lo": low, "hi": 0}],
        "above": [{"lo": 90, "hi": high}],
        "word": ["NA", "N"],
    }
    ends = {
        struct.pack("<d", low): struct.pack("<d", -sys.float_info.max),
        struct.pack("<d", high): struct.pack("<d", sys.float_info.max),
    }
    table = read(frame, missing_ranges=declared, replace=ends)
    assert cells(table, "single") == [None, "8", None, "1"]
    assert cells(table, "both") == ["96", None, None, None]
    assert cells(table, "below") == [None, None, "0.5", "1"]
    assert cells(table, "above") == ["89", None, None, "1"]
    assert cells(table, "word") == [None, "na", None, "NA x"]


def test_many_missing_codes_are_counted_and_the_most_frequent_are_shown(read: Read) -> None:
    frame = pd.DataFrame({"age": [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -6.0, 30.0]})
    (told,) = notes(read(frame, missing_ranges={"age": [{"lo": -10, "hi": -1}]}))
    assert "age: -6 (2 rows), -1 (1 row), -2 (1 row), -3 (1 row), 2 more (2 rows)" in told


# -------------------------------------------------------------------------------------------------------- value labels


def test_codes_are_read_unless_words_are_asked_for_and_the_note_names_what_the_study_keeps_first(read: Read) -> None:
    table = read(survey(), source={"keep": ["REGION"]}, **DESCRIBED)
    assert cells(table, "REGION") == ["1", "2", "1", "3", None]
    (told,) = [note for note in notes(table) if "value labels" in note]
    assert "of 2 columns with value labels the codes are read: REGION; Q1" in told
    assert 'labels = ["REGION"]' in told
    assert [n for n in notes(read(survey(), source={"labels": []}, **DESCRIBED)) if "value labels" in n] == []


@pytest.mark.parametrize("labels", [["REGION"], ["REG*"], ["REGION", "R*"]])
def test_a_column_of_labels_is_read_in_words_and_a_code_without_one_stays_and_is_told(
    read: Read, labels: list[str]
) -> None:
    table = read(survey(), source={"labels": labels}, **DESCRIBED)
    assert cells(table, "REGION") == ["North", "Süd", "North", "3", None]
    assert cells(table, "Q1") == ["5", None, None, None, None]
    (told,) = [note for note in notes(table) if "without a value label" in note]
    assert "column `REGION`: codes without a value label stay as they are: 3 (1 row)" in told


def test_labels_of_words_are_found_by_the_word(read: Read) -> None:
    frame = pd.DataFrame({"PLAN": ["b", "p", "x-long-one"]})
    table = read(frame, source={"labels": ["PLAN"]}, variable_value_labels={"PLAN": {"b": "Basic", "p": "Plus"}})
    assert cells(table, "PLAN") == ["Basic", "Plus", "x-long-one"]


def test_two_codes_with_one_label_become_one_and_that_is_told(read: Read) -> None:
    frame = pd.DataFrame({"PLAN": [1.0, 2.0, 3.0]})
    table = read(
        frame, source={"labels": ["PLAN"]}, variable_value_labels={"PLAN": {1: "Basic", 2: "Other", 3: "Other"}}
    )
    assert cells(table, "PLAN") == ["Basic", "Other", "Other"]
    assert "the codes 2, 3 are all called `Other`" in notes(table)[0]


def test_a_note_about_codes_shows_no_personal_data(read: Read) -> None:
    frame = pd.DataFrame({"PLAN": ["b", "ask ann@example.com"]})
    table = read(frame, source={"labels": ["PLAN"]}, variable_value_labels={"PLAN": {"b": "Basic"}})
    assert "ann@example.com" not in "".join(notes(table))
    assert "ask" in notes(table)[0]


@pytest.mark.parametrize(("label", "meant"), [("REGOIN", "REGION"), ("region", "REGION")])
def test_a_column_of_labels_that_is_not_there_is_refused_with_the_likely_one(
    save: Save, label: str, meant: str
) -> None:
    said = refusal(save(survey(), **DESCRIBED), labels=["Q1", label])
    assert f"wave_1.sav, labels: the file has no column `{label}`; did you mean `{meant}`?" in said


def test_a_pattern_of_labels_may_match_nothing_and_labels_may_be_absent_which_is_told(read: Read) -> None:
    table = read(survey(), source={"labels": ["PLAN*", "ID"]}, **DESCRIBED)
    assert [note for note in notes(table) if "`PLAN*` matches no column" in note]
    assert [note for note in notes(table) if "column `ID`: has no value labels" in note]


# ----------------------------------------------------------------------------------------------------- questions, names


def test_variable_labels_are_the_texts_of_the_questions(read: Read) -> None:
    assert read(survey(), **DESCRIBED).question_text == {
        "Q1": "How satisfied are you with us overall? (ä)",
        "REGION": "Region",
    }


def test_a_name_that_is_there_twice_is_refused(save: Save) -> None:
    frame = pd.DataFrame({"a_long_name_1": [1.0], "a_long_name_2": [2.0], "a_long_name_3": [2.0]})
    path = save(frame, replace={b"a_long_name_2": b"a_long_name_1", b"a_long_name_3": b"a_long_name_1"})
    assert refusal(path) == "wave_1.sav: column `a_long_name_1` is there twice; rename one"


# ----------------------------------------------------------------------------------------------------------- encodings

NARROW = {"Köln".encode(): "Köln".encode("cp1252") + b" ", "schön".encode(): "schön".encode("cp1252") + b" "}
CITY: dict[str, Any] = {"variable_value_labels": {"Q1": {1: "schön"}}}


def test_a_file_in_another_encoding_than_it_says_is_refused_and_read_where_it_is_said(save: Save) -> None:
    path = save(pd.DataFrame({"city": ["Köln", "Ulm"], "Q1": [1.0, 2.0]}), replace=NARROW, **CITY)
    assert 'no text in the encoding it is read in; say the right one, for example encoding = "cp1252"' in refusal(path)
    table = read_file(path, Source(path=path.name, encoding="cp1252", labels=["Q1"]), shown=path.name)
    assert cells(table, "city") == ["Köln", "Ulm"]
    assert cells(table, "Q1") == ["schön", "2"]


def test_an_encoding_that_nobody_knows_and_one_that_garbles_are_told(save: Save) -> None:
    path = save(pd.DataFrame({"city": ["München", "Ulm"]}))
    assert "encoding `klingon` is unknown" in refusal(path, encoding="klingon")
    assert "is in an encoding that is unknown" in refusal(path, encoding="rot13")
    garbled = read_file(path, Source(path=path.name, encoding="latin-1"), shown=path.name)
    assert cells(garbled, "city") == ["MÃ¼nchen", "Ulm"]
    assert "UTF-8 that was once read as cp1252" in notes(garbled, "warning")[0]


# ---------------------------------------------------------------------------------------------------------- wrong files


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"ID,Q1\n1,5\n", "is no SPSS file and cannot be read as SPSS"),
        (b"PK\x03\x04rest", "is an Excel workbook or a zip archive and cannot be read as SPSS"),
        (b"\x1c\0\0\0\0\0\0\0ENCRYPTEDSAV\x15", "is an SPSS file with a password"),
        (b"", "is empty"),
        (b"$FL2", "is cut off or damaged"),
        (b"$FL2" + b"\xff" * 500, "is cut off or damaged"),
    ],
)
def test_what_is_no_spss_file_is_refused_in_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "wave.sav"
    path.write_bytes(content)
    assert said in refusal(path)


def test_a_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert "there is no such file" in refusal(tmp_path / "wave.sav")


@pytest.mark.parametrize("about", [{}, {"row_compress": True}, {"compress": True}])
def test_a_file_that_was_cut_off_is_refused_wherever_it_was_cut(save: Save, about: dict[str, Any]) -> None:
    path = save(pd.concat([survey()] * 20), **DESCRIBED, **about)
    data = path.read_bytes()
    for n in range(4, len(data), 97):
        path.write_bytes(data[:n])
        assert "is cut off or damaged" in refusal(path), n


def test_a_file_that_does_not_say_how_many_rows_it_has_is_read_and_that_is_told(read: Read) -> None:
    n_rows = {b"\x05\0\0\0" + struct.pack("<d", 100.0): b"\xff\xff\xff\xff" + struct.pack("<d", 100.0)}
    table = read(survey(), replace=n_rows)
    assert cells(table, "ID") == ["a1", "a2", "a3", "a4", "a5"]
    assert "does not say how many rows it has; 5 were read" in notes(table)[0]


@pytest.mark.parametrize("compress", [False, True])
def test_an_spss_file_under_the_ending_of_a_csv_is_called_what_it_is(save: Save, compress: bool) -> None:
    assert "is an SPSS file, not CSV" in refusal(save(survey(), "wave.csv", compress=compress))
    said = read_file(save(survey(), "wave.csv"), Source(path="wave.csv", format="spss"), shown="wave.csv")
    assert len(said.rows) == 5


def test_a_file_without_rows_is_told(read: Read) -> None:
    assert "has columns and no rows" in notes(read(survey().iloc[:0]), "warning")[0]


# ------------------------------------------------------------------------------------------------------- a whole study


def study(root: Path, options: str = "") -> Ingest:
    folder = root / "data" / "raw" / "acme"
    (folder / "study.toml").write_text(STUDY % options, "utf-8")
    return ingest(root, "acme", load_config(folder / "study.toml"), use_cache=False)


def test_a_survey_with_don_t_know_from_97_to_99_is_a_survey_from_1_to_5(save: Save, tmp_path: Path) -> None:
    save(survey(), "data/raw/acme/wave_1.sav", **DESCRIBED)
    later = survey().assign(ID=["b1", "b2", "b3", None, "b5"], Q1=[97.0, 1.0, 3.0, 4.0, 5.0])
    save(later, "data/raw/acme/wave_2.sav", **DESCRIBED)
    found = study(tmp_path, 'labels = ["REGION"]')
    assert [str(problem) for problem in found.problems if problem.severity == "error"] == []
    assert found.accounting[["file", "rows", "kept", "rejected"]].to_numpy().tolist() == [
        ["wave_1.sav", 5, 5, 0],
        ["wave_2.sav", 5, 4, 1],
    ]
    assert found.rejects[["file", "line", "reason"]].to_numpy().tolist() == [["wave_2.sav", 4, "no response_id"]]
    responses = found.tables["responses"].set_index("response_id")
    assert responses["satisfied"].dropna().to_dict() == {"a1": 5, "b2": 1, "b3": 3, "b5": 5}
    assert responses["REGION"].dropna().to_list() == ["North", "Süd", "North", "3", "North", "Süd", "North"]
    assert responses.loc["a1", "submitted_at"] == pd.Timestamp("2026-06-30 22:00", tz="UTC")  # midnight in Paris
    told = [str(problem) for problem in found.problems]
    assert any(
        "wave_2.sav: codes that the file declares missing" in note and "97 refused (1 row)" in note for note in told
    )


def test_a_code_that_the_file_does_not_declare_missing_is_still_refused_off_its_scale(
    save: Save, tmp_path: Path
) -> None:
    save(survey(), "data/raw/acme/wave_1.sav", variable_value_labels=DESCRIBED["variable_value_labels"])
    (message,) = [str(problem) for problem in study(tmp_path).problems if problem.severity == "error"]
    assert "99 (2 rows), 98 (1 row) lie off the scale 1 to 5" in message


def test_the_words_of_a_scale_are_refused_by_name(save: Save, tmp_path: Path) -> None:
    save(survey(), "data/raw/acme/wave_1.sav", **DESCRIBED)
    (message,) = [str(p) for p in study(tmp_path, 'labels = ["*"]').problems if p.severity == "error"]
    assert "very satisfied (1 row)" in message


def test_a_mistake_in_labels_is_said_by_check_and_a_cached_study_is_the_same_study(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(survey(), "data/raw/acme/wave_1.sav", **DESCRIBED)
    toml = tmp_path / "data" / "raw" / "acme" / "study.toml"
    toml.write_text(STUDY % 'labels = ["REGOIN"]', "utf-8")
    assert any("did you mean `REGION`" in str(p) for p in check(tmp_path, "acme") if p.severity == "error")
    toml.write_text(STUDY % 'labels = "REGION"', "utf-8")
    assert any("[sources.responses] labels" in str(p) for p in check(tmp_path, "acme") if p.severity == "error")
    toml.write_text(STUDY % 'labels = ["REGION"]', "utf-8")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert cxlab.open_study("acme").responses["REGION"].dropna().to_list() == ["North", "Süd", "North", "3"]


def test_a_draft_takes_the_questions_from_the_file_and_reads_without_an_error(save: Save, tmp_path: Path) -> None:
    answers = {f"Q{n}": [1.0 + (i + n) % 5 for i in range(39)] + [99.0] for n in (1, 2)}
    frame = pd.DataFrame({"RESPID": [f"r{i}" for i in range(40)], "DATE": dt.date(2026, 8, 1)} | answers)
    frame = frame.rename(columns={"RESPID": "RESP_ID"})
    asked = {"Q1": 'The "app":\nhow satisfied are you?', "Q2": "Service"}
    path = save(frame, "tracking.sav", column_labels=asked, missing_ranges={"Q1": [99], "Q2": [99]})
    toml = draft_study(tmp_path, "acme", [path])
    config = load_config(toml)
    assert {name: item.question for name, item in config.items.items()} == {
        "q1": 'The "app": how satisfied are you?',
        "q2": "Service",
    }
    assert config.items["q1"].scale == (1, 5)
    assert config.sources["responses"].missing_by_item == {}
    path.rename(toml.parent / path.name)
    assert [str(problem) for problem in check(tmp_path, "acme") if problem.severity == "error"] == []
