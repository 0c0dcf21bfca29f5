"""study.toml: every mistake is refused by name, with the value and the way out, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxlab.config import load_config
from cxlab.problems import StudyError

SMALLEST = """
[study]
name = "Acme"
timezone = "Europe/Paris"
currency = "EUR"
language = "en"
[sources.responses]
path = "survey.csv"
survey = "tracking"
perspective = "customer"
columns = {response_id = "ID"}
[touchpoints.app]
label = "App"
[items.recommend]
question = "How likely are you to recommend us?"
scale = [0, 10]
role = "loyalty"
[report]
conf_level = 0.95
notebooks = ["08_experience_tracking"]
"""


def _refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "study.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(StudyError) as refused:
        load_config(path)
    return str(refused.value)


def test_the_smallest_study_is_read(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(SMALLEST, "utf-8")
    config = load_config(tmp_path / "study.toml")
    assert config.items["recommend"].scale == (0, 10)
    assert config.table_of("responses") == "responses"
    assert config.report.min_base == 30


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('timezone = "Europe/Paris"', 'timezon = "Europe/Paris"', ["[study] timezon", "did you mean `timezone`?"]),
        ('timezone = "Europe/Paris"', 'timezone = "Europe/Pari"', ["[study]", "Europe/Pari", "is unknown"]),
        ('survey = "tracking"', 'survey = "traking"', ["[sources.responses] survey", "did you mean `tracking`?"]),
        ('role = "loyalty"', 'role = "loyalty"\ntouchpoint = "ap"', ["[items.recommend] touchpoint", "`ap`", "`app`"]),
        ("scale = [0, 10]", "scale = [10, 0]", ["[items.recommend]", "[10.0, 0.0]", "reversed"]),
        ("scale = [0, 10]", "", ["[items.recommend]", "needs a scale"]),
        ("conf_level = 0.95", "conf_level = 95", ["[report] conf_level", "got 95", "less than 1"]),
        ('path = "survey.csv"', "path = 5", ["[sources.responses] path", "got 5", "string"]),
        ("[sources.responses]", '[sources.responses]\nperiod = "2026-Q9"', ["[sources.responses] period", "2026-Q9"]),
        ("[sources.responses]", "[sources.respones]", ["unknown table `respones`", "did you mean `responses`?"]),
        ('name = "Acme"', "", ["[study] name", "is missing"]),
        ('name = "Acme"', "name = Acme", ["not valid TOML", "text needs quotes"]),
        ("conf_level = 0.95", "min_base = 200", ["caution_base", "100 is below min_base 200"]),
        ("[report]", "[stages]\nusage = ['shop']\n[report]", ["[stages] usage", "`shop`", "known: app"]),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_key_value_and_way_out(tmp_path: Path, old: str, new: str, said: list[str]) -> None:
    assert old in SMALLEST
    message = _refusal(tmp_path, SMALLEST.replace(old, new, 1))
    assert all(part in message for part in said), message


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    text = SMALLEST.replace("timezone", "timezon").replace('"tracking"', '"traking"').replace('"loyalty"', '"loyal"')
    assert len(_refusal(tmp_path, text).split("\n")) == 3


def test_a_satisfaction_index_names_items_and_constructs_that_are_there(tmp_path: Path) -> None:
    drawn = '[satisfaction_index]\nmeasured = "loyalty"\npaths = [["quality", "loyalty"]]\n'
    said = _refusal(
        tmp_path, SMALLEST + drawn + '[satisfaction_index.constructs]\nqualty = ["recommend"]\nloyalty = ["recomend"]\n'
    )
    assert "constructs.loyalty: unknown item `recomend`; did you mean `recommend`?" in said
    assert "unknown construct `quality`; did you mean `qualty`?" in said
    none = '[satisfaction_index]\nmeasured = "loyalty"\n[satisfaction_index.constructs]\nloyalty = ["recommend"]\n'
    assert "has constructs and no paths" in _refusal(tmp_path, SMALLEST + none)


def test_a_missing_file_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="cxlab init"):
        load_config(tmp_path / "study.toml")


def test_impossible_answers_are_read_as_sentences(tmp_path: Path) -> None:
    text = SMALLEST + '[items.overall]\nquestion = "Satisfied?"\nscale = [1, 5]\nrole = "satisfaction"\n'
    text += '[careless]\nimpossible = ["recommend >= 9 and overall == 1", "overall > recommend"]'
    (tmp_path / "study.toml").write_text(text, "utf-8")
    config = load_config(tmp_path / "study.toml")
    assert config.careless.pairs == [
        (("recommend", ">=", 9.0), ("overall", "==", 1.0)),
        (("overall", ">", "recommend"),),
    ]


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("recommend is high", "is no condition; write"),
        ("recomend >= 9", "unknown item `recomend`; did you mean `recommend`?"),
    ],
)
def test_a_sentence_that_is_none_is_refused_with_an_example(tmp_path: Path, sentence: str, said: str) -> None:
    assert said in _refusal(tmp_path, f'{SMALLEST}\n[careless]\nimpossible = ["{sentence}"]')
