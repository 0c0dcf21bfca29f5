"""Whose name a segment has, what is written for a person to fill in, and what of theirs is never touched."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from cxlab.problems import StudyError
from cxlab.segments import naming
from cxlab.segments.naming import Names, confirmed_names

PROPOSED = {"need_price": "Stable price", "need_speed": "Speed", "need_help": "Personal help"}


def _file(folder: Path, text: str | bytes) -> Path:
    path = folder / "segment_names.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def _said(folder: Path, text: str | bytes, **more: Any) -> str:
    _file(folder, text)
    with pytest.raises(StudyError) as refused:
        confirmed_names(folder, PROPOSED, **more)
    return str(refused.value)


def _named(folder: Path, **more: Any) -> Names:
    return confirmed_names(folder, PROPOSED, **{"period": "2026-Q3", **more})


def test_the_first_time_every_proposal_is_listed_for_a_person_to_name(tmp_path: Path) -> None:
    found = _named(tmp_path / "decisions")
    assert (tmp_path / "decisions" / "segment_names.csv").read_text() == (
        "segment_id,proposed,name,since\n"
        "need_price,Stable price,,2026-Q3\n"
        "need_speed,Speed,,2026-Q3\n"
        "need_help,Personal help,,2026-Q3\n"
    )
    assert found.names == PROPOSED
    assert found.confirmed == frozenset()
    assert found.waiting == ("need_price", "need_speed", "need_help")
    assert found.unlisted == found.changed == ()
    assert found.sentence() == (
        "Names are proposals until somebody fills the column `name` of decisions/segment_names.csv; none of 3 is confirmed."
    )


def test_a_persons_name_is_shown_and_the_proposal_elsewhere(tmp_path: Path) -> None:
    _file(
        tmp_path,
        "segment_id,proposed,name,since\nneed_speed,Speed, Gamers ,2026-Q2\nneed_help,Personal help,,2026-Q2\n",
    )
    found = _named(tmp_path)
    assert found.names == {"need_price": "Stable price", "need_speed": "Gamers", "need_help": "Personal help"}
    assert found.confirmed == {"need_speed"}
    assert found.waiting == ("need_price", "need_help")
    assert found.sentence().endswith("1 of 3 is confirmed.")


def test_nothing_new_leaves_every_byte_and_makes_no_backup(tmp_path: Path) -> None:
    path = _file(
        tmp_path, 'segment_id;proposed;name;since;why\r\nneed_price;x;;;"a;b"\r\n\r\nneed_speed;;;;\r\nneed_help;;;;'
    )
    before, told = path.read_bytes(), path.stat()
    _named(tmp_path)
    _named(tmp_path)
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == told.st_mtime_ns
    assert [other.name for other in tmp_path.iterdir()] == ["segment_names.csv"]


@pytest.mark.parametrize(
    ("before", "added"),
    [
        ("segment_id,proposed,name,since\nneed_price,,Thrifty,", "\nneed_speed,Speed,,2026-Q3\nneed_help,Personal help,,2026-Q3\n"),
        ("\ufeffsegment_id;why;since;name;proposed\r\nneed_price;\"a\r\nb\";;'Ärger;=1\r\n;;;;\r\n",
         "need_speed;;2026-Q3;;Speed\r\nneed_help;;2026-Q3;;Personal help\r\n"),
        ("segment_id\tproposed\tname\tsince\nneed_price\t\t\t\n", "need_speed\tSpeed\t\t2026-Q3\nneed_help\tPersonal help\t\t2026-Q3\n"),
    ],
    ids=["without a last newline", "as a German spreadsheet saves it, with a column of its own", "tabs"],
)  # fmt: skip
def test_new_segments_come_behind_the_last_byte_in_the_files_own_kind(tmp_path: Path, before: str, added: str) -> None:
    path = _file(tmp_path, before)
    _named(tmp_path)
    assert path.read_bytes() == (before + added).encode()
    assert (tmp_path / "segment_names.csv.bak").read_bytes() == before.encode()
    assert {other.name for other in tmp_path.iterdir()} <= {path.name, f"{path.name}.bak", f"{path.name}.lock"}
    kept = path.read_bytes()
    assert _named(tmp_path).unlisted == ()
    assert path.read_bytes() == kept


def test_a_proposal_that_changed_later_is_told_and_not_overwritten(tmp_path: Path) -> None:
    text = "segment_id,proposed,name,since\nneed_price,Cheap,Thrifty,2026-Q1\nneed_speed,Fast,,2026-Q1\nneed_help,personal  help,,\n"
    path = _file(tmp_path, text)
    found = _named(tmp_path)
    assert path.read_text() == text
    assert found.changed == ("need_price", "need_speed")
    assert found.names == {"need_price": "Thrifty", "need_speed": "Speed", "need_help": "Personal help"}
    assert (
        "The proposal for “Thrifty” was “Cheap” when it was listed and is another now: see whether the name still fits."
        in found.sentence()
    )
    assert "Proposals that are others now: “Speed” (listed as “Fast”)." in found.sentence()


def test_a_line_that_a_person_wrote_without_a_proposal_has_not_changed(tmp_path: Path) -> None:
    _file(tmp_path, "segment_id,proposed,name,since\nneed_price,,Thrifty,\nneed_speed\nneed_help,,,\n")
    found = _named(tmp_path)
    assert found.changed == ()
    assert found.confirmed == {"need_price"}


def test_a_name_of_a_segment_that_is_gone_is_told(tmp_path: Path) -> None:
    _file(tmp_path, "segment_id,proposed,name,since\nneed_green,Green,Earth first,\nneed_old,Old,,\n")
    found = _named(tmp_path)
    assert found.unused == {"need_green": "Earth first"}
    assert "The file also has names of segments that are not found now: “Earth first”." in found.sentence()


def test_a_proposal_that_a_person_gave_to_another_segment_carries_its_id(tmp_path: Path) -> None:
    _file(tmp_path, "segment_id,proposed,name,since\nneed_price,Stable price,speed,\n")
    assert _named(tmp_path).names == {
        "need_price": "speed",
        "need_speed": "Speed (need_speed)",
        "need_help": "Personal help",
    }


def test_every_name_confirmed_is_said(tmp_path: Path) -> None:
    _file(tmp_path, "segment_id,proposed,name,since\nneed_price,,A,\nneed_speed,,B,\nneed_help,,C,\n")
    assert _named(tmp_path).sentence() == "Every name was confirmed by a person, in decisions/segment_names.csv."
    assert confirmed_names(tmp_path, {}).sentence().startswith("There are no segments to name.")


def test_asked_not_to_write_it_only_reads(tmp_path: Path) -> None:
    found = _named(tmp_path / "none", write=False)
    assert not (tmp_path / "none").exists()
    assert found.names == PROPOSED
    assert found.unlisted == tuple(PROPOSED)
    assert found.sentence().endswith("none of 3 is confirmed. 3 of 3 segments are not listed there yet.")


def test_where_nothing_can_be_written_names_still_work_and_it_is_said(tmp_path: Path) -> None:
    path = _file(tmp_path, "segment_id,proposed,name,since\nneed_price,,Thrifty,\n")
    path.chmod(0o444)
    before = path.read_bytes()
    found = _named(tmp_path)
    assert found.names["need_price"] == "Thrifty"
    assert path.read_bytes() == before
    assert found.sentence().endswith(
        "2 of 3 segments are not listed there yet, and nothing could be written: the file is read-only."
    )
    (tmp_path / "other" / "segment_names.csv.lock").mkdir(parents=True)  # no lock can be had
    assert _named(tmp_path / "other").not_written == "is a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into a read-only folder")
def test_a_read_only_folder_is_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    found = _named(tmp_path)
    tmp_path.chmod(0o755)
    assert found.names == PROPOSED
    assert found.not_written == "permission denied"


def test_a_failure_half_way_leaves_the_file_and_no_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _file(tmp_path, "segment_id,proposed,name,since\nneed_price,,Thrifty,\n")
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(naming.os, "replace", full)
    found = _named(tmp_path)
    assert found.not_written == "no space left on device"
    assert path.read_bytes() == before
    assert not list(tmp_path.glob(".*.partial"))


def test_a_lock_that_another_process_holds_is_waited_for_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(naming, "LOCK_SECONDS", 0.05)
    with FileLock(tmp_path / "segment_names.csv.lock"):
        assert "another process holds its lock" in _named(tmp_path).sentence()
    assert _named(tmp_path).unlisted == ()


def test_many_at_once_list_every_segment_once(tmp_path: Path) -> None:
    wanted = [{f"s{i}": f"Name {i}", f"s{i + 1}": f"Name {i + 1}"} for i in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda own: confirmed_names(tmp_path, own), wanted))
    lines = (tmp_path / "segment_names.csv").read_text().splitlines()
    assert sorted(line.split(",")[0] for line in lines[1:]) == sorted(f"s{i}" for i in range(17))


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    path = _file(tmp_path, "segment_id,proposed,name,since\n")
    path.chmod(0o640)
    folder = tmp_path / "decisions"
    folder.mkdir()
    (folder / "segment_names.csv").symlink_to(path)
    _named(folder)
    assert (folder / "segment_names.csv").is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "need_speed" in path.read_text()


def test_a_proposal_that_looks_like_a_formula_is_no_formula_and_comes_back(tmp_path: Path) -> None:
    confirmed_names(tmp_path, {"a": "=1+1", "b": "- cheap\n and, good"})
    text = (tmp_path / "segment_names.csv").read_text()
    assert text.splitlines()[1:] == ["a,'=1+1,,", 'b,"\'- cheap and, good",,']
    again = confirmed_names(tmp_path, {"a": "=1+1", "b": "- cheap and, good"})
    assert again.changed == ()
    assert again.names == {"a": "=1+1", "b": "- cheap and, good"}


def test_ids_are_text_whatever_they_were(tmp_path: Path) -> None:
    numbered: Any = {0: "First", " 1 ": "Second"}
    assert confirmed_names(tmp_path, numbered).names == {"0": "First", "1": "Second"}
    before = (tmp_path / "segment_names.csv").read_bytes()
    confirmed_names(tmp_path, numbered)
    assert (tmp_path / "segment_names.csv").read_bytes() == before


HEAD = "segment_id,proposed,name,since\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + "a,A,Thrifty,\nb,B,thrifty ,\n",
         "decisions/segment_names.csv, line 3: `name` thrifty is that of a already; give b a name of its own"),
        (HEAD + "a,A,,\n\na,A,,\n", "decisions/segment_names.csv, line 4: `segment_id` a stands there twice; keep one of the lines"),
        (HEAD + ",A,Thrifty,\n",
         "decisions/segment_names.csv, line 2: `segment_id` is empty beside the name `Thrifty`; write the id, or delete the line"),
        (HEAD + "a,A,Price, and value,2026-Q3\n",
         "line 2: has 5 cells where the heading has 4: '2026-Q3' is one too many; put a name with a comma in quotes"),
        ("segment_id,proposed,names,since\n",
         "decisions/segment_names.csv: has no column `name`; did you mean `names`?; it needs segment_id, proposed, name, since"),
        ("segment_id,proposed,name,name,since\n", "has 2 columns `name`; keep one of them"),
        ("", "decisions/segment_names.csv: is empty; delete it, or write segment_id,proposed,name,since as its first line"),
        ((HEAD + "a,A,Ärger,\n").encode("cp1252"), "decisions/segment_names.csv: is not UTF-8; save it as “CSV UTF-8”"),
        ((HEAD + "a,A,B,\n").encode("utf-16"), "is not UTF-8"),
        (HEAD + 'a,A,"Thrifty,\nb,B,Fast,\n', "line 3: cannot be read: unexpected end of data; mend the quotes, or bring back a backup"),
    ],
    ids=["name twice", "id twice", "no id", "comma", "no column", "column twice", "empty", "cp1252", "utf-16", "open quote"],
)  # fmt: skip
def test_a_file_that_cannot_be_trusted_is_refused_with_the_way_out(
    tmp_path: Path, text: str | bytes, says: str
) -> None:
    assert says in _said(tmp_path, text)
    assert says in _said(tmp_path, text, write=False)
    assert not (tmp_path / "segment_names.csv.bak").exists()


def test_everything_wrong_in_a_file_is_told_at_once(tmp_path: Path) -> None:
    assert len(_said(tmp_path, HEAD + "a,,X,\na,,,\n,,Y,\nb,,x,\n").splitlines()) == 3


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "segment_names.csv").mkdir()
    with pytest.raises(StudyError, match=r"segment_names\.csv: cannot be read: is a directory"):
        _named(tmp_path)


def test_a_proposal_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the proposal for the segment `a` is empty"):
        confirmed_names(tmp_path, {"a": " "})
