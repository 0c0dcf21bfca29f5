"""One run from exports to a published report, with small notebooks: what runs, what is skipped, what survives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cxlab.problems import StudyError
from cxlab.report import publish
from cxlab.report.runner import LockedError, periods_since, run_study

AddNotebook = Callable[..., Path]
SETTINGS = 'study: str = ""\nperiod: str = ""'
MAKER = """import pandas as pd
import cxlab
from cxlab import exhibits, findings, products
data = cxlab.open_study(study, period=period)
scores = data.responses[data.responses["wave"] == data.responses["wave"].max()]
products.save("scores", scores[["customer_id", "recommend"]])
exhibits.answer(f"{len(scores)} customers have a score of at least {least}.")
"""
STRANGER = """from cxlab import charts, exhibits, findings, products
table = products.load("scores")
row = {"label": "Mean score", "estimate": table["recommend"].mean(), "std_error": 0.1, "conf_low": 4.0, "conf_high": 8.0,
       "conf_level": 0.95, "n": len(table), "unit": "0 to 10"}
exhibits.answer(f"The mean score is {row['estimate']:.1f}.")
exhibits.exhibit(table.head(3), title="Three customers out of all.", name="three")
findings.record("mean_score", row, level="all", unit="0 to 10", better="higher", label="Mean score", key=True)
"""


@pytest.fixture(scope="module")
def make_bare(make_project: Callable[[Path], Path], add_notebook: AddNotebook) -> Callable[[Path], Path]:
    """Write the project with two notebooks of a stranger in place of the committed ones."""

    def make(root: Path) -> Path:
        make_project(root)
        for path in (root / "notebooks").glob("*.ipynb"):
            path.unlink()
        add_notebook(
            root, "20_scores", f"{SETTINGS}\nleast: int = 0", MAKER, title="Who has a score?",
            needs=["responses"], produces=["scores"],
        )  # fmt: skip
        add_notebook(root, "21_mean", SETTINGS, STRANGER, title="How high is it?", needs=["scores"])
        return root

    return make


@pytest.fixture
def bare(make_bare: Callable[[Path], Path], tmp_path: Path) -> Path:
    """The project with two notebooks of a stranger, before its first run."""
    return make_bare(tmp_path / "project")


@pytest.fixture(scope="module")
def reported(make_bare: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with its reports of both quarters. Not to be changed."""
    root = make_bare(tmp_path_factory.mktemp("reported") / "project")
    for period in ("2026-Q2", "2026-Q3"):
        assert run(root, period=period).exit_code == 0
    return root


@pytest.fixture
def published(reported: Path, tmp_path: Path) -> Path:
    """A copy of the project with its reports of both quarters."""
    return Path(shutil.copytree(reported, tmp_path / "project"))


def run(root: Path, *notebooks: str, period: str = "2026-Q3", **options: Any) -> Any:
    return run_study("acme", list(notebooks) or None, period=period, root=root, **options)


def report(root: Path, period: str = "2026-Q3") -> Path:
    return root / "reports" / "acme" / period


def states(manifest: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["status"] for entry in manifest["notebooks"]}


def edit_survey(root: Path) -> None:
    path = root / "data/raw/acme/survey_2026-Q3.csv"
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n", "utf-8")


# ------------------------------------------------------------------------------------------------------------ publishing


def test_a_strangers_notebook_takes_part_with_needs_products_findings_and_a_page(bare: Path) -> None:
    result = run(bare)
    assert result.exit_code == 0
    assert states(result.manifest) == {"20_scores": "ok", "21_mean": "ok"}
    folder = report(bare)
    scores = (folder / "20_scores.html").read_text("utf-8")
    assert "120 customers have a score of at least 0." in scores
    index = (folder / "index.html").read_text("utf-8")
    assert 'href="21_mean.html"' in index
    assert "Mean score" in index
    finding = json.loads((folder / "findings.json").read_text("utf-8"))[0]
    assert (finding["notebook"], finding["name"], finding["n"]) == ("21_mean", "mean_score", 120)
    assert (folder / "tables" / "21_mean_three.csv").is_file()
    assert (bare / "data/processed/acme/products/2026-Q3/scores.parquet").is_file()
    assert json.loads((bare / "reports/acme/latest.json").read_text("utf-8"))["period"] == "2026-Q3"
    assert 'href="acme/2026-Q3/index.html"' in (bare / "reports/index.html").read_text("utf-8")


def test_the_same_input_gives_the_same_bytes(published: Path, snapshot: Callable[[Path], dict[str, bytes]]) -> None:
    first = snapshot(report(published))
    assert not run(published, force=True, jobs=2).unchanged
    second = snapshot(report(published))
    differing = {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)}
    assert differing == {"manifest.json"}, "the manifest alone knows when it was made"


def test_the_server_of_kernels_has_no_thread_that_a_fork_would_lose(reported: Path) -> None:
    """But the one with which Arrow's memory is given back. Where there is no /proc, nothing is looked at."""
    server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    assert server is not None
    threads = [path.read_text("utf-8").strip() for path in Path("/proc", str(server)).glob("task/*/comm")]
    assert len([name for name in threads if name != "jemalloc_bg_thd"]) <= 1, threads


def test_parameters_given_for_one_notebook_reach_it(bare: Path) -> None:
    result = run(bare, params={"20_scores.least": "3"})
    assert result.manifest["parameters"]["20_scores"]["least"] == 3
    assert "score of at least 3." in (report(bare) / "20_scores.html").read_text("utf-8")


def test_a_notebook_whose_question_the_study_cannot_be_asked_is_not_run_and_says_why(
    published: Path, add_notebook: AddNotebook
) -> None:
    raises = (
        "from cxlab.problems import NotApplicableError\nraise NotApplicableError('needs answers about expectation')"
    )
    add_notebook(published, "22_gap", SETTINGS, raises, title="How wide is the gap?")
    result = run(published)
    assert result.exit_code == 0
    assert states(result.manifest)["22_gap"] == "skipped"
    assert "not run: 22_gap (needs answers about expectation)" in result.message
    assert "needs answers about expectation" in (report(published) / "index.html").read_text("utf-8")
    assert not (report(published) / "22_gap.ipynb").exists()
    assert run(published).unchanged


def test_a_notebooks_own_default_that_does_not_fit_the_study_is_no_refusal(
    published: Path, add_notebook: AddNotebook
) -> None:
    raises = "from cxlab.problems import ParameterError\nraise ParameterError('wave', f'`{wave}` was never asked')"
    add_notebook(published, "22_wave", f'{SETTINGS}\nwave: str = "first"', raises, title="Which wave?")
    assert states(run(published).manifest)["22_wave"] == "skipped"
    with pytest.raises(StudyError, match="22_wave: parameter `wave`: `second` was never asked"):
        run(published, params={"wave": "second"})


def test_a_report_compares_its_findings_with_the_period_before(reported: Path) -> None:
    entry = json.loads((report(reported) / "changes.json").read_text("utf-8"))[0]
    assert entry["reading"] == "worse"
    assert entry["difference"] == pytest.approx(entry["after"] - entry["before"])
    assert "2026-Q2" in (report(reported) / "index.html").read_text("utf-8")


def test_a_list_of_persons_is_readable_by_its_owner_alone_and_in_no_page(bare: Path, add_notebook: AddNotebook) -> None:
    cell = (
        "from pathlib import Path\nfrom cxlab import context\n"
        "folder = Path(context.current().stage, 'restricted'); folder.mkdir()\n"
        "(folder / 'calls.csv').write_text('customer_id\\nC' + '007\\n')"
    )
    add_notebook(bare, "22_calls", SETTINGS, cell)
    result = run(bare, "22_calls")
    folder = report(bare) / "restricted"
    assert (folder / "22_calls_calls.csv").read_text("utf-8").endswith("C007\n")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert result.manifest["notebooks"][0]["files"] == ["restricted/22_calls_calls.csv"]
    assert "C007" not in "".join(page.read_text("utf-8") for page in report(bare).glob("*.html"))


# ------------------------------------------------------------------------------------------- unchanged, carried over


def test_a_run_that_would_change_nothing_says_so_and_an_edited_file_runs_again(published: Path) -> None:
    manifest = (report(published) / "manifest.json").read_bytes()
    again = run(published)
    assert again.unchanged
    assert (report(published) / "manifest.json").read_bytes() == manifest
    edit_survey(published)
    third = run(published)
    assert not third.unchanged
    assert "119 customers" in (report(published) / "20_scores.html").read_text("utf-8")


def test_a_changed_notebook_runs_alone_and_the_others_are_carried_over(
    published: Path, add_notebook: AddNotebook
) -> None:
    add_notebook(published, "21_mean", SETTINGS, STRANGER.replace("mean score is", "average is"), needs=["scores"])
    result = run(published)
    carried = {entry["name"]: entry["carried"] for entry in result.manifest["notebooks"]}
    assert carried == {"20_scores": True, "21_mean": False}
    assert "The average is" in (report(published) / "21_mean.html").read_text("utf-8")
    assert "120 customers" in (report(published) / "20_scores.html").read_text("utf-8")


def test_running_one_notebook_keeps_the_pages_of_the_others(published: Path) -> None:
    result = run(published, "21_mean", force=True)
    assert states(result.manifest) == {"20_scores": "ok", "21_mean": "ok"}
    assert (report(published) / "20_scores.html").is_file()


def test_asking_for_a_notebook_runs_what_it_builds_on(bare: Path) -> None:
    result = run(bare, "21_mean")
    assert states(result.manifest) == {"20_scores": "ok", "21_mean": "ok"}


def test_an_edited_decision_runs_the_notebooks_again(published: Path) -> None:
    folder = published / "data/raw/acme/decisions"
    folder.mkdir()
    (folder / "names.csv").write_text("segment,name\n1,Savers\n", "utf-8")
    assert not run(published).unchanged
    assert run(published).unchanged


# ------------------------------------------------------------------------------------------------- failed and skipped


def test_a_failed_notebook_is_named_and_does_not_stop_the_others(bare: Path, add_notebook: AddNotebook) -> None:
    add_notebook(bare, "20_scores", SETTINGS, "raise ValueError('no column `comment`')", produces=["scores"])
    add_notebook(bare, "22_other", SETTINGS, "from cxlab import exhibits\nexhibits.answer('Fine.')")
    result = run(bare)
    assert result.exit_code == 1
    assert states(result.manifest) == {"20_scores": "failed", "21_mean": "skipped", "22_other": "ok"}
    reasons = {entry["name"]: entry["reason"] for entry in result.manifest["notebooks"]}
    assert "no column `comment`" in reasons["20_scores"]
    assert reasons["21_mean"] == "needs scores: 20_scores did not make it (failed)"
    page = (report(bare) / "20_scores.html").read_text("utf-8")
    assert "This notebook failed" in page
    assert not (report(bare) / "21_mean.html").exists()
    index = (report(bare) / "index.html").read_text("utf-8")
    assert "20_scores did not make it" in index
    assert "20_scores" in result.message
    kept = list((bare / "reports/.failed").rglob("20_scores.log"))
    assert "ValueError" in kept[0].read_text("utf-8")


def test_a_good_page_stays_when_its_notebook_fails_later(published: Path) -> None:
    good = (report(published) / "21_mean.html").read_bytes()
    path = published / "notebooks/21_mean.ipynb"
    path.write_text(path.read_text("utf-8").replace("products.load", "products.lode"), "utf-8")
    result = run(published)
    assert result.exit_code == 1
    assert states(result.manifest)["21_mean"] == "failed"
    assert (report(published) / "21_mean.html").read_bytes() == good
    findings = json.loads((report(published) / "findings.json").read_text("utf-8"))
    assert [finding["name"] for finding in findings] == ["mean_score"]
    assert "failed" in (report(published) / "index.html").read_text("utf-8").lower()


def test_a_missing_table_skips_with_the_reason_and_a_missing_want_does_not(
    bare: Path, add_notebook: AddNotebook
) -> None:
    add_notebook(bare, "22_journeys", SETTINGS, "1/0", needs=["events"])
    add_notebook(
        bare, "23_wishes", SETTINGS, "from cxlab import exhibits\nexhibits.answer('It runs.')", wants=["themes"]
    )
    result = run(bare, "22_journeys", "23_wishes")
    assert result.exit_code == 0
    assert states(result.manifest) == {"22_journeys": "skipped", "23_wishes": "ok"}
    assert "needs events" in (report(bare) / "index.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "the kernel died"),
        ("import matplotlib.pyplot as plt\nplt.plot([1, 2]);", "without alternative text"),
        ("from cxlab import products\nimport pandas as pd\nproducts.save('x', pd.DataFrame({'a': [1]}))", "`x`"),
    ],
    ids=["a killed kernel", "a picture without a description", "a product that was not announced"],
)
def test_what_no_cell_raises_is_a_failure_too(bare: Path, add_notebook: AddNotebook, cell: str, said: str) -> None:
    add_notebook(bare, "22_odd", SETTINGS, cell, "print('the end')")
    result = run(bare, "22_odd")
    assert result.exit_code == 1
    assert said in result.manifest["notebooks"][0]["reason"]


def test_a_draft_leaves_the_report_of_the_period_alone(
    published: Path, snapshot: Callable[[Path], dict[str, bytes]]
) -> None:
    before = snapshot(report(published)), (published / "reports/index.html").read_bytes()
    result = run(published, draft="try", params={"20_scores.least": "5"})
    assert result.report_dir == published / "reports/acme/drafts/try"
    assert "Draft" in (result.report_dir / "index.html").read_text("utf-8")
    assert (snapshot(report(published)), (published / "reports/index.html").read_bytes()) == before


# ------------------------------------------------------------------------------------------------------ periods, locks


def test_since_lists_the_periods_without_a_report_up_to_the_last_with_rows(bare: Path) -> None:
    assert periods_since("acme", "2026-Q2", root=bare) == ["2026-Q2", "2026-Q3"]
    assert periods_since("acme", "2026-08", root=bare) == ["2026-08"]
    run(bare, period="2026-Q2")
    assert periods_since("acme", "2026-Q2", root=bare) == ["2026-Q3"]
    assert periods_since("acme", "2026-Q2", root=bare, force=True) == ["2026-Q2", "2026-Q3"]
    with pytest.raises(StudyError, match="the newest rows of acme are of 2026-Q3"):
        periods_since("acme", "2027-Q1", root=bare)


def test_an_earlier_period_knows_nothing_of_what_came_later(reported: Path) -> None:
    page = (report(reported, "2026-Q2") / "20_scores.html").read_text("utf-8")
    rows = json.loads((report(reported, "2026-Q2") / "manifest.json").read_text("utf-8"))["rows_known"]
    assert rows["responses"]["rows"] == 120
    assert "120 customers" in page


def test_a_second_run_of_the_same_report_is_turned_away(bare: Path) -> None:
    with publish.report_lock(bare, report(bare)):
        with pytest.raises(LockedError, match="acme/2026-Q3 is going on"):
            run(bare)
        ended = _cxlab(bare, "run", "acme", "--period", "2026-Q3")
        assert ended.returncode == 75
        assert "Traceback" not in ended.stderr
    assert run(bare).exit_code == 0


def _cxlab(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cxlab", *arguments], cwd=root, capture_output=True, text=True, check=False
    )


# ---------------------------------------------------------------------------------------------------------------- killed

KILLED_AT = {  # moment: function of the run that ends in a kill −9 of the whole process, before or after it has done its part
    "after the data are read": "after cxlab.report.runner._load",
    "while notebooks run": "in notebook",
    "while pages are rendered": "before cxlab.report.pages.render_index",
    "before the reports are exchanged": "before cxlab.report.publish.exchange",
    "between the exchange and the products": "after cxlab.report.publish.exchange",
    "before the overview": "before cxlab.report.publish.refresh_overview",
}
KILLER = """
import importlib, os, signal, sys
from cxlab.report.runner import run_study

def kill(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)

when, _, name = sys.argv[1].partition(" ")
if when in ("before", "after"):
    module, _, attribute = name.rpartition(".")
    module = importlib.import_module(module)
    own = getattr(module, attribute)
    def killed_after(*arguments, **options):
        own(*arguments, **options)
        kill()
    setattr(module, attribute, kill if when == "before" else killed_after)
if __name__ == "__main__":
    run_study("acme", None, period="2026-Q3", root=".", jobs=2)
"""


@pytest.mark.parametrize("moment", KILLED_AT)
def test_after_a_kill_the_earlier_report_is_whole_and_the_next_run_succeeds(
    published: Path, add_notebook: AddNotebook, snapshot: Callable[[Path], dict[str, bytes]], moment: str
) -> None:
    before = snapshot(report(published))
    edit_survey(published)
    how = KILLED_AT[moment]
    kernel = ""
    if how == "in notebook":
        kernel = (
            "import os, pathlib, time\npathlib.Path('kernel.pid').write_text(f'{os.getpid()}')\n"
            "if pathlib.Path('wait').exists(): time.sleep(60)"
        )
        add_notebook(published, "22_slow", SETTINGS, kernel)
        (published / "wait").touch()
    killer = published / "killer.py"
    killer.write_text(KILLER, "utf-8")
    process = subprocess.Popen([sys.executable, str(killer), how], cwd=published)
    if kernel:
        _wait_for(lambda: (published / "kernel.pid").exists() and (published / "kernel.pid").read_text("utf-8") != "")
        process.kill()
    assert process.wait(timeout=120) == -signal.SIGKILL
    now = snapshot(report(published))
    assert "manifest.json" in now
    exchanged = moment in ("between the exchange and the products", "before the overview")
    assert (now == before) is not exchanged, "the old report as a whole, or the new one as a whole"
    assert _is_whole(report(published))
    if kernel:
        _wait_for(lambda: not _is_alive(int((published / "kernel.pid").read_text("utf-8"))))
        (published / "wait").unlink()
    result = run(published)
    assert result.exit_code == 0
    assert "119 customers" in (report(published) / "20_scores.html").read_text("utf-8")
    product = published / "data/processed/acme/products/2026-Q3/scores.parquet"
    assert len(pd.read_parquet(product)) == 119
    assert "acme/2026-Q3/index.html" in (published / "reports/index.html").read_text("utf-8")
    assert [path.name for path in (published / "reports/.tmp").iterdir()] == ["locks"], (
        "nothing of the killed run is left"
    )


def test_between_two_renames_the_report_is_put_back_by_the_next_run(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no system call exchanges two folders: killed after the old report was moved aside."""
    edit_survey(published)
    killer = published / "killer.py"
    code = KILLER.replace(
        "when, _, name",
        "from cxlab.report import publish\npublish._swap = lambda one, other: False\n"
        "own_rename, target = os.rename, os.path.abspath('reports/acme/2026-Q3')\n"
        "def rename(one, other):\n    own_rename(one, other)\n    str(one) == target and kill()\n"
        "publish.os.rename = rename\nwhen, _, name",
    )
    killer.write_text(code, "utf-8")
    ended = subprocess.run([sys.executable, str(killer), "never"], cwd=published, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not report(published).exists()
    publish.recover(published, report(published))
    assert _is_whole(report(published))
    assert "120 customers" in (report(published) / "20_scores.html").read_text("utf-8")
    assert run(published).exit_code == 0


def test_a_terminated_run_ends_with_143_and_publishes_nothing(
    published: Path, add_notebook: AddNotebook, snapshot: Callable[[Path], dict[str, bytes]]
) -> None:
    before = snapshot(report(published))
    add_notebook(
        published,
        "22_slow",
        SETTINGS,
        "import os, pathlib, time\npathlib.Path('kernel.pid').write_text(f'{os.getpid()}')\ntime.sleep(60)",
    )
    process = subprocess.Popen([sys.executable, "-m", "cxlab", "run", "acme", "--period", "2026-Q3"], cwd=published)
    _wait_for(lambda: (published / "kernel.pid").exists() and (published / "kernel.pid").read_text("utf-8") != "")
    process.terminate()
    assert process.wait(timeout=60) == 143
    assert snapshot(report(published)) == before
    _wait_for(lambda: not _is_alive(int((published / "kernel.pid").read_text("utf-8"))))
    assert [path.name for path in (published / "reports/.tmp").iterdir()] == ["locks"]


def _is_whole(folder: Path) -> bool:
    """Whether every page, table and product that the manifest names is there."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    pages = [folder / f"{entry['name']}.html" for entry in manifest["notebooks"] if entry["page"] != "none"]
    files = [folder / file for entry in manifest["notebooks"] for file in entry["files"]]
    return all(path.is_file() for path in [*pages, *files, folder / "index.html", folder / "findings.json"])


def _wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text("utf-8").rpartition(")")[2].split()[0] != "Z"


# --------------------------------------------------------------------------------------------------- cleaning up, status


def test_prune_keeps_the_newest_periods_and_the_overview_follows(published: Path) -> None:
    assert publish.prune(published, "acme", keep=1) == ["2026-Q2"]
    assert not report(published, "2026-Q2").exists()
    assert "2026-Q2" not in (published / "reports/index.html").read_text("utf-8")
    with pytest.raises(StudyError, match="did you mean `acme`"):
        publish.prune(published, "acmee", keep=1)


def test_prune_counts_each_length_apart_and_stops_before_it_begins_where_a_run_goes_on(published: Path) -> None:
    run(published, period="2026-08")
    with publish.report_lock(published, report(published, "2026-Q2")), pytest.raises(LockedError):
        publish.prune(published, "acme", keep=1)
    assert report(published, "2026-Q2").exists()
    assert publish.prune(published, "acme", keep=1) == ["2026-Q2"]
    assert report(published, "2026-08").exists()


def test_a_report_of_a_period_that_goes_on_says_so_and_is_made_again_once_it_has_ended(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(pd.Timestamp):
        @classmethod
        def now(cls, tz: Any = None) -> pd.Timestamp:
            return pd.Timestamp("2026-09-01", tz="UTC")

    with monkeypatch.context() as patched:
        patched.setattr(pd, "Timestamp", Clock)
        result = run(bare)
    assert result.manifest["provisional"]
    assert "provisional" in result.message
    assert "it has not ended: provisional" in (report(bare) / "index.html").read_text("utf-8")
    assert periods_since("acme", "2026-Q3", root=bare) == ["2026-Q3"]
    final = run(bare)
    assert not final.unchanged
    assert not final.manifest["provisional"]
    assert periods_since("acme", "2026-Q3", root=bare) == []


def test_reports_and_processed_data_can_be_deleted_and_made_again(published: Path) -> None:
    page = (report(published) / "21_mean.html").read_bytes()
    shutil.rmtree(published / "reports")
    shutil.rmtree(published / "data/processed")
    run(published)
    assert (report(published) / "21_mean.html").read_bytes() == page
