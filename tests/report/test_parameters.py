"""The gate before any kernel: what a notebook may be given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest

from cxlab.problems import StudyError
from cxlab.report.parameters import checked, declared, resolve, type_words

CELL = """from typing import Literal
study: str = "acme"
period: str = "2026-Q3"  # a label
segment: str = "all"
n_boot: int = 200
trim: float = 0.5
by_team: bool = False
method: Literal["lmg", "pmvd"] = "lmg"
k: Literal[2, 3] = 2
levels: list[float] = [0.9, 0.95]
cap: int | None = None
unit = "points"
"""


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    return _notebook(tmp_path, CELL)


def _notebook(folder: Path, *sources: str) -> Path:
    cells = [{"cell_type": "code", "source": source, "metadata": {"tags": ["parameters"]}} for source in sources]
    path = folder / "07_drivers.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}}), "utf-8")
    return path


def _resolve(path: Path, **given: Any) -> tuple[dict[str, Any], list[str]]:
    values, problems = resolve(path, supplied={"study": "acme", "period": "2026-Q4"}, study={}, given=given)
    return values, [str(problem) for problem in problems]


def test_a_cell_is_read_without_running_it(notebook: Path) -> None:
    assert declared(notebook)["n_boot"] == (int, 200)
    assert declared(notebook)["method"] == (Literal["lmg", "pmvd"], "lmg")
    assert declared(notebook)["unit"] == (str, "points")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("segment", "007", "007"),
        ("segment", "none", "none"),
        ("n_boot", "500", 500),
        ("trim", "3", 3.0),
        ("by_team", "yes", True),
        ("method", "pmvd", "pmvd"),
        ("k", "3", 3),
        ("levels", "[0.8]", [0.8]),
        ("cap", "9", 9),
        ("cap", "none", None),
    ],
)
def test_text_from_the_command_line_becomes_the_declared_type(
    notebook: Path, name: str, text: str, value: object
) -> None:
    values, problems = _resolve(notebook, **{name: text})
    assert (problems, values[name], type(values[name])) == ([], value, type(value))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"n_boot": "many"}, "-p n_boot: got 'many'; expected int"),
        ({"n_boot": True}, "-p n_boot: got True; expected int"),
        ({"trim": "nan"}, "-p trim: got 'nan'; expected float, a finite one"),
        ({"levels": "[NaN]"}, "-p levels: got '[NaN]'; expected list[float], a finite one"),
        ({"levels": "0.9,0.8"}, "a list is written as JSON"),
        ({"by_team": "maybe"}, "-p by_team: got 'maybe'; expected bool"),
        ({"method": "lmgg"}, "expected 'lmg' or 'pmvd'; did you mean `lmg`?"),
        ({"n_boots": "5"}, "-p n_boots: is not a parameter of 07_drivers; did you mean `n_boot`?"),
        ({"period": "2020"}, "-p period: `period` is set by the run"),
        ({"segment": 7}, "-p segment: got 7; expected str"),
    ],
)
def test_what_does_not_fit_is_refused_with_name_value_and_way_out(
    notebook: Path, given: dict[str, Any], said: str
) -> None:
    _, problems = _resolve(notebook, **given)
    assert len(problems) == 1
    assert said in problems[0]


@pytest.mark.parametrize("name", ["api_token", "PASSWORD", "db_passwd", "api_key", "client_secret", "apikey"])
def test_a_secret_is_refused_without_its_value(notebook: Path, name: str) -> None:
    _, problems = _resolve(notebook, **{name: "hunter2"})
    assert "environment variable" in problems[0]
    assert "hunter2" not in "".join(problems)


def test_a_secret_may_not_have_a_default_either(tmp_path: Path) -> None:
    path = _notebook(tmp_path, 'api_token: str = "hunter2"')
    values, problems = _resolve(path)
    assert values == {}
    assert "looks like a secret" in problems[0]
    assert "hunter2" not in problems[0]


def test_the_command_line_goes_before_the_study_and_the_study_before_the_cell(notebook: Path) -> None:
    study = {"n_boot": 300, "trim": 0.25}
    values, problems = resolve(notebook, supplied={}, study=study, given={"n_boot": "400"})
    assert not problems
    assert (values["n_boot"], values["trim"], values["segment"]) == (400, 0.25, "all")


def test_the_run_sets_study_and_period(notebook: Path) -> None:
    assert _resolve(notebook)[0]["period"] == "2026-Q4"


def test_a_mistake_in_study_toml_is_said_with_its_key(notebook: Path) -> None:
    _, problems = resolve(notebook, supplied={}, study={"n_boot": "many", "n_boost": 1}, given={})
    assert [problem.where for problem in problems] == [
        "study.toml [notebooks.07_drivers] n_boost",
        "study.toml [notebooks.07_drivers] n_boot",
    ]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("n = compute()", "malformed node"),
        ("n: dict = {}", "type `dict` is not allowed"),
        ("levels = [1, 2]", "needs a type"),
        ("import os", "`import os` is not `name: type = literal`"),
        ("n: int =", "invalid syntax"),
    ],
)
def test_a_cell_that_is_no_list_of_settings_is_refused(tmp_path: Path, cell: str, said: str) -> None:
    with pytest.raises(StudyError, match=r"notebooks/07_drivers\.ipynb") as error:
        declared(_notebook(tmp_path, cell))
    assert said in str(error.value)


@pytest.mark.parametrize("sources", [(), ("a = 1", "b = 2")])
def test_exactly_one_cell_is_tagged(tmp_path: Path, sources: tuple[str, ...]) -> None:
    with pytest.raises(StudyError, match=f"{len(sources)} cells are tagged `parameters`"):
        declared(_notebook(tmp_path, *sources))


def test_a_file_that_is_no_notebook_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "07_drivers.ipynb").write_text("[1, 2]", "utf-8")
    with pytest.raises(StudyError, match="is no notebook"):
        declared(tmp_path / "07_drivers.ipynb")


def test_types_are_said_as_they_are_written() -> None:
    assert type_words(int | None) == "int or None"
    assert type_words(list[str]) == "list[str]"


def test_an_integer_is_a_float_but_not_the_other_way_round() -> None:
    assert checked(float, 3) == 3.0
    with pytest.raises(ValueError, match=r"^$"):
        checked(int, 3.5)
