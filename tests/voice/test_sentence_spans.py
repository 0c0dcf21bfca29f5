"""Comments are cut into sentences and clauses, and nothing is lost."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxlab.voice.sentences import clause_spans, sentence_spans, sentences


def parts(text: str, spans: list[tuple[int, int]]) -> list[str]:
    return [text[start:end] for start, end in spans]


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("Good. Bad! Why? Well…", ["Good.", "Bad!", "Why?", "Well…"]),
        ("Dr. Who called at 10 a.m. sharp. Nobody came", ["Dr. Who called at 10 a.m. sharp.", "Nobody came"]),
        ("It cost 3.50 at shop.example.com today", ["It cost 3.50 at shop.example.com today"]),
        ("one line\n\nanother line", ["one line", "another line"]),
        ('He said "never." Then he left.', ['He said "never."', "Then he left."]),
        ("Did it work? No. It was seat no. 5 again.", ["Did it work?", "No.", "It was seat no. 5 again."]),
        ("   ", []),
    ],
)
def test_a_sentence_ends_where_a_reader_would_end_it(text, cut):
    assert parts(text, sentence_spans(text)) == cut


def test_a_clause_ends_where_the_thought_turns():
    text = "The crew was kind although the seat was broken; food fine, 3,50 well spent. However it left at 10:30 - late"
    assert parts(text, clause_spans(text)) == [
        "The crew was kind",
        "the seat was broken",
        "food fine",
        "3,50 well spent.",
        "it left at 10:30",
        "late",
    ]


def test_words_that_only_contain_a_turn_do_not_cut():
    text = "butter whiled yeti"
    assert parts(text, clause_spans(text)) == [text]


@given(st.text(alphabet="ab.!?,; \n'\"", max_size=60))
def test_no_letter_is_lost_and_no_place_overlaps(text):
    for spans in (sentence_spans(text), clause_spans(text)):
        assert all(start < end for start, end in spans)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
        letters = sum(text[start:end].count(letter) for start, end in spans for letter in "ab")
        assert letters == text.count("a") + text.count("b")


def test_a_table_of_sentences_keeps_the_index_and_leaves_out_the_missing():
    table = sentences(pd.Series(["One. Two.", None, ""], index=["x", "y", "z"]))
    assert table.to_dict("list") == {
        "text_id": ["x", "x"],
        "sentence": [0, 1],
        "start": [0, 5],
        "end": [4, 9],
        "text": ["One.", "Two."],
    }
