"""The command line: mistakes end in one clear message, exit code 2, and change nothing under reports/."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cxlab.cli import main

REPOSITORY = Path(__file__).resolve().parents[1]
Snapshot = Callable[[Path], dict[str, bytes]]
Command = Callable[..., subprocess.CompletedProcess[str]]


def cxlab(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end. Its output goes to files: a pipe would be held open by the server of kernels for seconds more."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    command = [sys.executable, "-m", "cxlab", *arguments]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        ended = subprocess.run(command, cwd=root, env=environment, stdout=out, stderr=err, check=False)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, ended.returncode, out.read(), err.read())


@pytest.fixture
def cxlab_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command to its end in this process, which has imported everything already. What it raises, the test raises."""

    def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(root)
        monkeypatch.setattr(sys, "argv", ["cxlab", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return subprocess.CompletedProcess(sys.argv, ended.value.code, out, err)

    return run


def _edit(root: Path, old: str, new: str) -> None:
    path = root / "data/raw/acme/study.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def _survey(root: Path) -> Path:
    return root / "data/raw/acme/survey_2026-Q3.csv"


RUN = ("run", "acme", "--period", "2026-Q3")
BROKEN: dict[str, tuple[Callable[[Path], object], tuple[str, ...], list[str]]] = {
    "an unknown key": (
        lambda root: _edit(root, 'timezone = "Europe/Paris"', 'timezon = "Europe/Paris"'),
        RUN, ["study.toml [study] timezon", "did you mean `timezone`?"]),
    "a wrong type": (
        lambda root: _edit(root, "scale = [0, 10]", 'scale = "0-10"'), RUN, ["[items.recommend] scale", "0-10"]),
    "an item at an unknown touchpoint": (
        lambda root: _edit(root, 'touchpoint = "app"', 'touchpoint = "ap"'), RUN, ["unknown touchpoint `ap`", "`app`"]),
    "answers off the scale": (
        lambda root: _edit(root, "missing = [99]", "missing = []"),
        RUN, ["app_good", "99", "1", "5", "missing = [99]"]),
    "a pattern that matches no file": (
        lambda root: _edit(root, "survey_*.csv", "surveys_*.csv"), RUN, ["surveys_*.csv", "no file"]),
    "a column that is not in the file": (
        lambda root: _edit(root, 'wave = "WAVE"', 'wave = "WAWE"'), RUN, ["WAWE", "did you mean `WAVE`?"]),
    "a file with one column where there should be many": (
        lambda root: _survey(root).write_text("ID|DATE|WAVE\n1|2026-08-01|x\n", "utf-8"),
        RUN, ["survey_2026-Q3.csv"]),
    "two columns of one name": (
        lambda root: _survey(root).write_text("ID,CUSTOMER,DATE,WAVE,recommend,satisfied,satisfied,app_good\n", "utf-8"),
        RUN, ["survey_2026-Q3.csv", "satisfied", "twice"]),
    "an unknown parameter": (
        lambda root: None, (*RUN, "-p", "servey=event"), ["servey", "did you mean `survey`?"]),
    "a parameter of the wrong kind": (
        lambda root: None, (*RUN, "-p", "survey=quarterly"), ["survey", "quarterly"]),
    "a secret as a parameter": (
        lambda root: None, (*RUN, "-p", "api_token=s3cr3t"), ["api_token", "environment"]),
    "an unknown notebook": (
        lambda root: None, ("run", "acme", "08_experience_trakking", "--period", "2026-Q3"),
        ["08_experience_trakking", "did you mean `08_experience_tracking`?"]),
    "a period that is none": (
        lambda root: None, ("run", "acme", "--period", "2026-Q7"), ["2026-Q7", "2026-Q3"]),
    "previous without a rhythm": (
        lambda root: _edit(root, 'every = "quarter"', ""), ("run", "acme", "--period", "previous"), ["every"]),
    "an unknown study": (
        lambda root: None, ("run", "acmee", "--period", "2026-Q3"), ["acmee", "did you mean `acme`?"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_mistake_ends_in_one_clear_message_and_changes_nothing(
    project: Path, kind: str, snapshot: Snapshot, cxlab_here: Command
) -> None:
    break_it, command, said = BROKEN[kind]
    reports = project / "reports" / "acme" / "2026-Q2"
    reports.mkdir(parents=True)
    (reports / "index.html").write_text("an earlier report", "utf-8")
    break_it(project)
    before = snapshot(project / "reports")
    ended = cxlab_here(project, *command)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    message = ended.stdout + ended.stderr
    assert all(part in message for part in said), message
    assert "Traceback" not in message
    assert "s3cr3t" not in message
    assert snapshot(project / "reports") == before


def test_a_value_that_only_the_data_can_refuse_ends_with_2_and_keeps_the_report(
    project: Path, snapshot: Snapshot, cxlab_here: Command
) -> None:
    tracking = ("run", "acme", "08_experience_tracking", "--period", "2026-Q3")
    assert cxlab_here(project, *tracking).returncode == 0
    before = snapshot(project / "reports" / "acme")
    refused = {
        "before=2020-Q1": "`2020-Q1` is no wave before 2026-Q3; did you mean `2026-Q2`?",
        "survey=event": "tracking",
    }
    for value, said in refused.items():
        ended = cxlab_here(project, *tracking, "-p", value)
        assert ended.returncode == 2, ended.stdout + ended.stderr
        assert said in ended.stderr
        assert "Traceback" not in ended.stderr
        assert snapshot(project / "reports" / "acme") == before


def test_outside_a_project_the_way_out_is_named(tmp_path: Path) -> None:
    ended = cxlab(tmp_path, *RUN)
    assert ended.returncode == 2
    assert "notebooks/" in ended.stderr


def test_check_reports_everything_at_once_and_changes_nothing(project: Path, snapshot: Snapshot) -> None:
    _edit(project, "missing = [99]", "missing = []")
    _edit(project, 'wave = "WAVE"', 'wave = "WAWE"')
    before = snapshot(project)
    ended = cxlab(project, "check", "acme")
    assert ended.returncode == 2
    assert "99" in ended.stdout
    assert "WAWE" in ended.stdout
    assert snapshot(project) == before


def test_from_the_simulated_company_to_forgetting_a_customer(own_company: Path, cxlab_here: Command) -> None:
    """The commands in the order in which somebody meets them, after `cxlab demo`."""
    root = own_company
    products = root / "data/processed/demo/products/2026-Q3"
    again = cxlab(root, "run", "demo", "--period", "2026-Q3")
    assert "2026-Q3: unchanged" in again.stdout
    assert cxlab_here(root, "check", "demo").returncode == 0
    status = cxlab_here(root, "status").stdout
    assert "2026-Q2" in status
    assert "2026-Q3" in status
    changed = cxlab_here(root, "diff", "demo", "2026-Q2", "2026-Q3").stdout
    assert "First bill" in changed
    segments = set(pd.read_parquet(products / "segment_membership.parquet")["customer_id"])
    someone = next(
        who for who in pd.read_parquet(products / "comment_scores.parquet")["customer_id"] if who in segments
    )
    assert {"segment_membership", "comment_scores", "customers", "responses"} <= set(_where(root, someone))
    forgotten = cxlab_here(root, "forget", "demo", someone)
    assert forgotten.returncode == 0
    assert "every later run leaves the person out" in forgotten.stdout
    (products / "comment_scores.parquet").unlink()
    third = cxlab_here(root, "run", "demo", "06_voice_of_customer", "--period", "2026-Q3")
    assert "published" in third.stdout
    assert _where(root, someone) == []
    assert len(pd.read_parquet(products / "comment_scores.parquet")) > 1_000, "made again, without the person"
    removed = cxlab_here(root, "prune", "demo", "--keep", "1")
    assert "removed 2026-Q2" in removed.stdout
    assert cxlab_here(root, "diff", "demo", "2026-Q2", "2026-Q3").returncode == 2


def _where(root: Path, customer_id: str) -> list[str]:
    """The tables and products in which a customer's id stands."""
    frames = ((path.stem, pd.read_parquet(path)) for path in sorted((root / "data/processed").rglob("*.parquet")))
    return [name for name, frame in frames if (frame.select_dtypes(["object", "string"]) == customer_id).any(axis=None)]


def test_a_failed_notebook_ends_with_1_and_is_named(project: Path, add_notebook: Callable[..., Path]) -> None:
    add_notebook(project, "30_broken", 'study: str = ""', "raise ValueError('mend me')")
    ended = cxlab(project, "run", "acme", "30_broken", "--period", "2026-Q3")
    assert ended.returncode == 1
    assert "30_broken (ValueError: mend me)" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr
