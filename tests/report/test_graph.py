"""Which notebook runs after which."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cxlab.problems import StudyError
from cxlab.report.graph import Notebook, ancestors, missing_table, order, read_notebook


def _book(name: str, *, needs: str = "", wants: str = "", produces: str = "") -> Notebook:
    return Notebook(
        name, Path(f"{name}.ipynb"), name,
        needs=tuple(needs.split()), wants=tuple(wants.split()), produces=tuple(produces.split()),
    )  # fmt: skip


def _write(folder: Path, metadata: object, prose: str = "# Loyalty drivers\n\nWhat moves loyalty?") -> Path:
    path = folder / "07_drivers.ipynb"
    cells = [{"cell_type": "markdown", "source": prose, "metadata": {}}]
    path.write_text(json.dumps({"cells": cells, "metadata": {"cxlab": metadata}}), "utf-8")
    return path


def test_a_notebook_says_its_place_title_and_question(tmp_path: Path) -> None:
    book = read_notebook(_write(tmp_path, {"needs": ["responses"], "produces": ["importance"], "summary_rank": 1}))
    assert (book.name, book.title, book.question) == ("07_drivers", "Loyalty drivers", "What moves loyalty?")
    assert (book.needs, book.wants, book.produces, book.summary_rank) == (("responses",), (), ("importance",), 1)


def test_a_notebook_without_heading_is_called_by_its_name(tmp_path: Path) -> None:
    book = read_notebook(_write(tmp_path, {}, "Only text"))
    assert (book.title, book.question) == ("07_drivers", "")


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"need": []}, "unknown key `need`; did you mean `needs`?"),
        ({"needs": "responses"}, "needs: got 'responses'; write a list of names"),
        ({"summary_rank": "first"}, "summary_rank: got 'first'"),
        (["responses"], "got ['responses']"),
    ],
)
def test_metadata_that_cannot_be_understood_is_refused(tmp_path: Path, metadata: object, said: str) -> None:
    with pytest.raises(StudyError) as error:
        read_notebook(_write(tmp_path, metadata))
    assert said in str(error.value)


def test_a_notebook_runs_after_those_whose_products_it_needs_or_wants() -> None:
    after = order(
        [
            _book("01_journeys", wants="importance", needs="events segments"),
            _book("05_segments", produces="segments"),
            _book("07_drivers", wants="segments", produces="importance"),
        ]
    )
    assert list(after) == ["05_segments", "07_drivers", "01_journeys"]
    assert after["01_journeys"] == {"05_segments", "07_drivers"}


def test_actions_come_last() -> None:
    after = order([_book("10_actions"), _book("90_own"), _book("01_segments")])
    assert list(after)[-1] == "10_actions"


def test_a_circle_is_refused_with_its_path() -> None:
    books = [
        _book("a", needs="from_c", produces="from_a"),
        _book("b", wants="from_a", produces="from_b"),
        _book("c", needs="from_b", produces="from_c"),
    ]
    with pytest.raises(StudyError) as error:
        order(books)
    path = str(error.value).partition("circle: ")[2].partition(";")[0].split(" → ")
    assert path[0] == path[-1]
    assert " → ".join([*path[:-1], *path[:-1]]).find("a → b → c") >= 0  # each feeds the next


def test_a_product_has_one_maker_and_no_name_of_a_table() -> None:
    with pytest.raises(StudyError, match="product `x`: is produced by a and b"):
        order([_book("a", produces="x"), _book("b", produces="x")])
    with pytest.raises(StudyError, match="`responses` is the name of a table"):
        order([_book("a", produces="responses")])


def test_ratings_are_there_where_responses_are() -> None:
    assert missing_table(_book("a", needs="ratings"), ["responses"]) is None
    assert missing_table(_book("a", needs="ratings events"), ["responses"]) == "events"


def test_ancestors_reach_all_the_way_back() -> None:
    after = {"a": set(), "b": {"a"}, "c": {"b"}, "d": set()}
    assert ancestors(["c"], after) == {"a", "b"}
