"""Masking personal data in texts, and columns that name a person by themselves."""

from __future__ import annotations

import importlib.util
import re
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxlab.data.detectors import folded, is_card, is_iban
from cxlab.data.identifiers import direct_identifier, is_free_text
from cxlab.data.privacy import KINDS, MEASURED, Masker, mask_pii, personal_data

STUDY = Path(__file__).resolve().parents[2] / "benchmarks" / "masking.py"
MASKED = [
    ("mail jane.o'neil+cx@sub.example.co.uk now", "mail [EMAIL] now"),
    ("Write to JANE@EXAMPLE.ORG.", "Write to [EMAIL]."),
    ("see https://example.com/a?b=c.", "see [URL]."),
    ("it was on example.com/help/me", "it was on [URL]"),
    ("IBAN DE89 3704 0044 0532 0130 00 please", "IBAN [IBAN] please"),
    ("GB29NWBK60161331926819 OK THANKS", "[IBAN] OK THANKS"),
    ("card 4111 1111 1111 1111 was charged", "card [CARD] was charged"),
    ("4111-1111-1111-1111", "[CARD]"),
    ("call +44 20 7946 0958", "call [PHONE]"),
    ("call (415) 555-2671 today", "call [PHONE] today"),
    ("my number is 0118 496 0123", "my number is [PHONE]"),
    ("reach me at +33 1 99 00 12 34.", "reach me at [PHONE]."),
    ("+49 30 123456-78 is my office", "[PHONE] is my office"),
    ("ring 555-0147", "ring [PHONE]"),
    ("ask @jane_doe on the other app", "ask [HANDLE] on the other app"),
    ("My name is Ann Smith and I waited", "My name is [NAME] and I waited"),
    ("Mrs Miller was kind", "Mrs [NAME] was kind"),
    ("Mr. O'Neil was not", "Mr. [NAME] was not"),
    ("Dear Anna,\nthanks", "Dear [NAME],\nthanks"),
    ("Great. Kind regards, Peter Jones", "Great. Kind regards, [NAME]"),
    ("I live at 12 Baker Street now", "I live at [ADDRESS] now"),
    ("Hauptstraße 12 in Bonn", "[ADDRESS] in Bonn"),
    ("12 rue de Rivoli", "[ADDRESS]"),
    ("hi, my name is john smith and i waited", "hi, my name is [NAME] and i waited"),
    ("All good. Thanks, Priya Patel", "All good. Thanks, [NAME]"),
    ("Never again.\nRegards Tom", "Never again.\nRegards [NAME]"),
    ("The agent, Kevin, was rude", "The agent, [NAME], was rude"),
    ("Spoke to Dr. Weber about it", "Spoke to Dr. [NAME] about it"),
    ("Mrs. MÜLLER called", "Mrs. [NAME] called"),
    ("Mr del Carmen and Frau van der Berg", "Mr [NAME] and Frau [NAME]"),
    ("Herr Dr. Weber half", "Herr Dr. [NAME] half"),
    ("Ms O'Brien-Smith helped", "Ms [NAME] helped"),
    ("jane (at) example.com or jane at example dot com", "[EMAIL] or [EMAIL]"),
    ("mein Handy 06 12 34 56 78", "mein Handy [PHONE]"),
    ("98765 43210 any time", "[PHONE] any time"),
    ("instagram: jane.doe_7", "instagram: [HANDLE]"),
    ("from 203.0.113.7 again", "from [IP] again"),
    ("4111.1111.1111.1111 was charged", "[CARD] was charged"),
    ("my ssn 078-05-1120", "my ssn [ID]"),
    ("NI number AB 12 34 56 C", "NI number [ID]"),
    ("passport number is X1234567", "passport number is [ID]"),
    ("sort code 20-00-00", "sort code [ID]"),
    ("about my case 020 7946 0958", "about my case [PHONE]"),
    ("see acme-shop.co.uk or amazon.de.", "see [URL] or [URL]."),
    ("on https://user:pw@example.com:8443/a?mail=b@c.org, twice", "on [URL], twice"),
    ("bought on amazon.it yesterday", "bought on [URL] yesterday"),
    ("jane.doe@gmail and bob at gmail.com", "[EMAIL] and [EMAIL]"),
    ("'jane@example.org'", "'[EMAIL]'"),
    ("card 4111 1111 1111 1111 12/27 123", "card [CARD] 12/27 123"),
    ("3782-822463-10005", "[CARD]"),
    ("IBAN: DE89 37040044 0532013000", "IBAN: [IBAN]"),
    ("be68-5390-0754-7034 is mine", "[IBAN] is mine"),
    ("(212)620-8441x758 or 020 7946 0958 ext 12", "[PHONE] or [PHONE]"),
    ("tel.0171/1234567, 0033 1 42 68 53 00", "tel.[PHONE], [PHONE]"),
    ("04-12-13-14-15 is no date", "[PHONE] is no date"),
    ("my insta is zoe_k, IG: karl.h", "my insta is [HANDLE], IG: [HANDLE]"),
    (".@jane_doe said", ".[HANDLE] said"),
    ("1600 Amphitheatre Parkway, Mountain View, CA 94043 is far", "[ADDRESS] is far"),
    ("Flat 3, 221b Baker Street, London NW1 6XE", "[ADDRESS]"),
    ("The Old Mill, 12 Church Lane", "[ADDRESS]"),
    ("99 elm grove, EH1 1YZ", "[ADDRESS]"),
    ("my postcode is SW1A 2AA", "my postcode is [ADDRESS]"),
    ("An der Alster 12, 20099 Hamburg", "[ADDRESS]"),
    ("Karl-Marx-Str. 3/4, 10178 Berlin und P.O. Box 12", "[ADDRESS] und [ADDRESS]"),
    ("MY NAME IS ANN SMITH", "MY NAME IS [NAME]"),
    ("Mr D'Angelo and mrs jones", "Mr [NAME] and mrs [NAME]"),
    ("they transferred me to Yuki", "they transferred me to [NAME]"),
    ("spoke with Jan L at the desk", "spoke with [NAME] at the desk"),
    ("order 4111 1111 1111 1111 is a card", "order [CARD] is a card"),
]
HARDENED = [  # written so that rules would miss it
    ("john dot smith at example dot co dot uk", "[EMAIL]"),
    ("JOHN [AT] EXAMPLE [DOT] COM", "[EMAIL]"),
    ("john @ example.com", "[EMAIL]"),
    ("john@\nexample.com", "[EMAIL]"),
    ("john%40example.com, john_at_example.com", "[EMAIL], [EMAIL]"),
    ("jοhn@exаmple.cοm in other letters", "[EMAIL] in other letters"),
    ("ｊｏｈｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", "[EMAIL]"),
    ("john\u200b@exam\u200dple.com", "[EMAIL]"),
    ("４１１１　１１１１　１１１１　１１１１!", "[CARD]!"),
    ("4111\u200b1111\u200b1111\u200b1111", "[CARD]"),
    ("4111 1111\n1111 1111", "[CARD]"),
    ("4111\u00a01111\u20111111\u20131111", "[CARD]"),
    ("DE89 3704 0044\n0532 0130 00", "[IBAN]"),
    ("+44 20\n7946 0958", "[PHONE]"),
    ("٠٧٧٠٠ ٩٠٠١٢٣ and ４１５−５５５−２６７１", "[PHONE] and [PHONE]"),
    ("0\ufe0f\u20e37\ufe0f\u20e37\ufe0f\u20e30\ufe0f\u20e30\ufe0f\u20e3 900123", "[PHONE]"),
    ("Mr\u00a0Smith", "Mr\u00a0[NAME]"),
]
NOT_FOUND = ["four one five 555 26 71", "O7700 9OO123", "020 7946\n0958", "twelve Baker Street", "ask kevin"]
KEPT = [
    "Order 4155552671 is late",
    "order no. 123-456-789 never came",
    "conf # ABC123, ticket 20251234567",
    "on 2026-07-14 and 14.07.2026",
    "paid 1,299.00 for 24 months, version 10.2.1",
    "seat 14A on flight BA2490",
    "my tracking is 1Z999AA10123456784",
    "4111 1111 1111 1112 fails its checksum",
    "Dear Team,\nthanks",
    "The manager was rude",
    "a @ sign, and 5 @ 10 each",
    "waited 45 minutes. Then 20 more.",
    "e.g. this/that and/or those",
    "This is Great",
    "asked for Refund twice",
    "Ask for Monday",
    "call 24 7 365 1 2 3 4",
    "ref. no. 12345678901",
    "IMEI 490154203237518",
    "The agent was rude",
    "Thanks",
    "Many thanks. Great service!",
    "best service ever",
    "look at me",
    "The driver Was late",
    "passport control took 2 hours",
    "Skype is just so cool",
    "why I love Paris.",
    "the nicest lady I've ever met",
    "order number 068-408-719",
    "order (4155552671), Bestellnummer 2025-123456, policy - 2123456789",
    "order 4111111111111111 in one piece is what it is called",
    "at what point in the delay",
    "Spring 16, During 7 hours",
    "Nov 25, 2025 Frank answers",
    "it was great.it broke. Good.No",
    "my twitter is broken, my facebook account is locked",
    "a 24 hour road block on a 2 lane road",
    "5 star service, 3 more places",
    "asked for Order",
    "transferred to Manchester flight",
    "my name is misspelled",
    "Dear British Airways,\nno",
    "12 000 km, 24/7/365, 1299.00",
    "1 2 3 4 5 6 7 8 9 0 1 2 3",
    "between 2019-2024 and 09:15-10:45",
]


@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_personal_data_become_a_placeholder_of_their_kind(text: str, masked: str) -> None:
    assert mask_pii(text) == masked


@pytest.mark.parametrize("text", KEPT)
def test_what_names_nobody_stays_as_it_is(text: str) -> None:
    assert mask_pii(text) == text


@pytest.mark.parametrize(("text", "masked"), HARDENED)
def test_disguised_personal_data_are_seen_through(text: str, masked: str) -> None:
    assert mask_pii(text) == masked


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_is_said_not_to_be_found_is_not_found(text: str) -> None:
    assert mask_pii(text) == text


ALL = [*(text for text, _ in MASKED), *(text for text, _ in HARDENED), *KEPT]
PIECES = [
    *ALL, *(f"[{kind}]" for kind in KINDS), "order", "case no", "call", "Mr", "spoke to", "Regards,", "at", "dot",
    "com", "Ann Price", "Will", "@", "+", "(", "0",
    "12", "2026", "4111", "415-", "Street", "é", "e\u0301", "İ", "ſ", "\u200b", "[", "]", "DE89", "name is",
]  # fmt: skip
written = st.lists(
    st.tuples(st.sampled_from(PIECES) | st.text(max_size=6), st.sampled_from([" ", "\n", ", ", "", ". ", "-"])),
    max_size=7,
).map(lambda parts: "".join(piece + gap for piece, gap in parts))
NAMES = ["Ann Price", "Will Jones", "José García-Müller", "Dirk van Dijk"]


@settings(derandomize=True, deadline=None)
@given(written)
def test_masking_twice_changes_nothing(text: str) -> None:
    once = mask_pii(text, names=NAMES)
    assert mask_pii(once, names=NAMES) == once


@settings(derandomize=True, deadline=None)
@given(written)
def test_a_text_without_a_sign_of_a_kind_need_not_be_read_for_it(text: str) -> None:
    assert Masker(names=NAMES).spans(text) == Masker(names=NAMES, filtered=False).spans(text)


@settings(derandomize=True, deadline=None)
@given(written)
def test_what_is_outside_a_span_stays_sign_by_sign(text: str) -> None:
    spans = personal_data(text, names=NAMES)
    assert all(first[1] <= then[0] for first, then in pairwise(spans))
    outside = [
        text[end:start]
        for end, start in zip(
            [0, *(end for _, end, _ in spans)], [*(start for start, *_ in spans), len(text)], strict=True
        )
    ]
    rebuilt = outside[0] + "".join(f"[{kind}]{after}" for (_, _, kind), after in zip(spans, outside[1:], strict=True))
    assert mask_pii(text, names=NAMES) == rebuilt


def _with_checksum(digits: str) -> str:
    return next(f"{digits}{last}" for last in range(10) if is_card(f"{digits}{last}"))


def _iban(account: int) -> str:
    return next(f"DE{check:02d}{account:018d}" for check in range(2, 99) if is_iban(f"DE{check:02d}{account:018d}"))


LOCAL = st.from_regex(r"[a-z][a-z0-9]{0,8}([._+-][a-z0-9]{1,6}){0,2}", fullmatch=True)
PLANTED = st.one_of(
    st.tuples(
        LOCAL,
        st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z0-9](\.[a-z]{2,8}){0,1}\.(com|org|de|co\.uk|travel)", fullmatch=True),
    ).map("@".join),
    st.from_regex(r"(4[0-9]{14}|5[1-5][0-9]{13}|6011[0-9]{11})", fullmatch=True).map(_with_checksum),
    st.integers(0, 10**18 - 1).map(_iban),
)
AROUND = st.sampled_from(
    ["", "I paid twice.", "Great!", "my details:", "charged (", "ask", "Seat 14A, gate B4.", "the 2nd of May", "why?"]
)


@settings(derandomize=True, deadline=None)
@given(AROUND, PLANTED, st.sampled_from([".", ",", " please", "!", ")", "\nthanks", ""]), st.booleans())
def test_a_planted_address_card_or_account_never_stays(before: str, planted: str, after: str, grouped: bool) -> None:
    shown = " ".join(re.findall(".{1,4}", planted)) if grouped and "@" not in planted else planted
    masked = mask_pii(f"{before} {shown}{after}")
    assert planted not in masked.replace(" ", "")
    assert masked in {f"{before} [{kind}]{after}" for kind in ("EMAIL", "CARD", "IBAN")}


def test_a_folded_text_tells_where_each_sign_was() -> None:
    text = "a\u200b１é e\u0301–x"
    plain, places = folded(text)
    assert plain == "a1é é-x"
    assert places is not None
    assert [text[place] for place in places] == ["a", "１", "é", " ", "e", "–", "x"]
    assert folded("as it is") == ("as it is", None)


def test_the_container_comes_back_with_its_index_and_missing_texts() -> None:
    series = pd.Series(["a@b.example", None], index=[7, 9], name="text", dtype="str")
    pd.testing.assert_series_equal(mask_pii(series), pd.Series(["[EMAIL]", None], [7, 9], dtype="str", name="text"))
    assert mask_pii(("x", "a@b.example")) == ("x", "[EMAIL]")
    assert mask_pii(np.array(["a@b.example"], dtype=object)).tolist() == ["[EMAIL]"]
    assert mask_pii(["a@b.example", None, 3.5]) == ["[EMAIL]", None, 3.5]


def test_names_of_the_studys_own_customers_are_masked_where_they_stand() -> None:
    names = ["Ann Price", "José García-Müller", "Mei Wu", "Kim Ng"]
    assert mask_pii("then Wu and Ng came", names=names) == "then [NAME] and [NAME] came"
    assert mask_pii("then ann price said no", names=names) == "then [NAME] said no"
    assert mask_pii("José García-Müller helped", names=names) == "[NAME] helped"
    assert mask_pii("I told García-Müller that", names=names) == "I told [NAME] that"
    assert mask_pii("and the Price was high", names=names) == "and the Price was high"
    assert mask_pii("Price is too high. The price went up.", names=names) == "Price is too high. The price went up."


def test_words_of_every_day_that_are_also_names_stay_where_they_are_words() -> None:
    names = ["Will May", "Mark Grace", "Rose Price", "Hope Long", "Bill Gold", "Grace Park"]
    for text in (
        "Will you refund me? May I ask why? I will.",
        "Mark my words, in May prices rose. A Rose wine.",
        "Grace period? None. With Hope gone, the bill is long.",
        "The Gold card, Park Lane, and Long Beach",
        "will may mark grace hope",
        "WILL YOU EVER MARK IT AS PAID",
    ):
        assert mask_pii(text, names=names) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Will helped me, thanks Mark!", "[NAME] helped me, thanks [NAME]!"),
        ("I spoke with Grace about it", "I spoke with [NAME] about it"),
        ("Rose was lovely", "[NAME] was lovely"),
        ("Hope from billing called", "[NAME] from billing called"),
        ("Rose Price said so", "[NAME] said so"),
        ("Kevin's tone, KEVIN, and kevin jones", "[NAME]'s tone, [NAME], and [NAME]"),
        ("I asked kevin. spoke to kevin", "I asked kevin. spoke to [NAME]"),
        ("Kevin-Jones and Jones, Kevin; J. Jones", "[NAME] and [NAME]; [NAME]"),
        ("jose garcia muller or José García", "[NAME] or [NAME]"),
        ("Jose\u0301 Garci\u0301a waited", "[NAME] waited"),
        ("the van Dijk family, O’Brien's desk", "the [NAME] family, [NAME]'s desk"),
        ("#Kevin @Kevin_x", "#Kevin [HANDLE]"),
        ("a kevinesque joneser", "a kevinesque joneser"),
        ("Don't ask Don; San Jose, Jo'burg, MIA", "Don't ask [NAME]; San Jose, Jo'burg, MIA"),
    ],
)
def test_known_names_are_found_as_people_write_them(text: str, masked: str) -> None:
    names = [
        "Will May",
        "Mark Grace",
        "Rose Price",
        "Hope Long",
        "Kevin Jones",
        "José García-Müller",
        "Dirk van Dijk",
        "Pat O'Brien",
        "Don Mia",
    ]
    assert mask_pii(text, names=names) == masked


def test_the_country_of_a_number_without_prefix_is_said_by_regions() -> None:
    text = "telephonisch 01 23 45 67 89"
    assert mask_pii(text, regions=("FR",)) == "telephonisch [PHONE]"


@pytest.mark.parametrize(
    ("column", "values", "kind"),
    [
        ("E-mail", ["ann@mail.example", "bob@mail.example", None], "email"),
        ("contact", ["ann@mail.example", "bob@mail.example"], "email"),
        ("RecipientFirstName", ["Ann", "Bob"], "name"),
        ("Contact name", ["Contact 1", "Contact 2"], "name"),
        ("customer_name", ["Ann Smith", "Bob Jones"], "name"),
        ("name", ["Ann Smith", "Bob Jones"], "name"),
        ("Mobile", ["+44 20 7946 0958", "07700 900123"], "phone"),
        ("IPAddress", ["192.0.2.7", "198.51.100.3"], "IP address"),
        ("IBAN", ["DE89370400440532013000"], "IBAN"),
        ("pan", ["4111111111111111", "5500005555555559"], "card"),
        ("Street", ["12 Baker Street", "7 High Road"], "address"),
        ("Date of birth", ["1980-02-01", "01.03.1975"], "birth date"),
    ],
)
def test_a_column_that_names_a_person_is_known(column: str, values: list[str], kind: str) -> None:
    assert direct_identifier(column, pd.Series(values)) == kind


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("customer_id", ["4155552671", "4155552672"]),
        ("email_opened", ["yes", "no"]),
        ("DistributionChannel", ["email", "anonymous"]),
        ("Phone", ["yes", "no"]),
        ("name", ["Acme Ltd", "Globex GmbH", "Initech Inc"]),
        ("product_name", ["Fibre Plus", "Mobile Basic"]),
        ("city", ["Paris", "Lyon"]),
        ("region", ["North", "South"]),
        ("web address", ["a", "b"]),
        ("birth_country", ["France", "Spain"]),
        ("empty", [None, ""]),
    ],
)
def test_a_column_that_names_nobody_is_kept(column: str, values: list[str]) -> None:
    assert direct_identifier(column, pd.Series(values, dtype=object)) is None


@pytest.mark.parametrize(
    ("column", "values"), [("phone_minutes", ["1200301", "1200302"]), ("version", ["1.2.3.4", "1.2.3.5"])]
)
def test_what_only_looks_like_a_phone_or_an_address_is_kept(column: str, values: list[str]) -> None:
    assert direct_identifier(column, pd.Series(values)) is None


@pytest.mark.parametrize("column", ["Account manager", "username", "lname"])
def test_more_columns_that_name_a_person(column: str) -> None:
    assert direct_identifier(column, pd.Series(["Ann Miller", "Bob Jones"])) == "name"


PEOPLE = ["Ann Miller", "José del Carmen", "Mei Wu", "Peter O'Brien-Smith", "Eva van der Berg"]


@pytest.mark.parametrize(
    ("column", "values", "kind"),
    [
        ("first", ["Ann", "José", "Mei"], "name"),
        ("last", ["Miller", "del Carmen", "Wu"], "name"),
        *[
            (column, PEOPLE, "name")
            for column in ("Customer", "agent", "Display Name", "Name of customer", "respondent")
        ],
        ("ssn", ["078-05-1120", "078051121"], "papers"),
        ("passport", ["X1234567", "C01X00T47"], "papers"),
        ("whatsapp", ["+44 7700 900123", "07700 900124"], "phone"),
        ("contact_no", ["07700 900123", "07700 900124"], "phone"),
        ("twitter", ["@ann", "@mei_wu"], "handle"),
        ("LocationLatitude", ["48.8566", "51.5072"], "place"),
        ("birth_date", ["19750312", "19801105"], "birth date"),
        ("street", ["High Street", "Hauptstraße", "Rue Cler"], "address"),
    ],
)
def test_columns_whose_values_give_persons_away(column: str, values: list[str], kind: str) -> None:
    assert direct_identifier(column, pd.Series(values)) == kind


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("order id", ["4111111111111111", "4012888888881881"]),
        ("address type", ["Home 1", "Work 2"]),
        ("member name", ["Gold Club", "Silver Club"] * 10),
        ("client name", ["Basic Plan", "Plus Plan"] * 10),
        ("Contact", ["Web Chat", "Phone Call", "Web Chat", "Phone Call"] * 5),
        ("name", ["Basic Plan", "Plus Plan", "Family Plan"] * 9),
        ("names", ["Paris", "London"]),
        ("agent", ["A-17", "A-18"]),
        ("Customer", ["C1", "C2"]),
    ],
)
def test_columns_that_only_sound_like_persons_are_kept(column: str, values: list[str]) -> None:
    assert direct_identifier(column, pd.Series(values)) is None


def test_what_somebody_wrote_is_told_from_categories() -> None:
    assert is_free_text(pd.Series(["called twice, wants a refund", "asked for Ann on Monday", None]))
    assert not is_free_text(pd.Series(["very satisfied with the service"] * 30))
    assert not is_free_text(pd.Series(["North", "South West"]))


@pytest.fixture(scope="module")
def study() -> ModuleType:
    spec = importlib.util.spec_from_file_location("masking", STUDY)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["masking"] = module
    spec.loader.exec_module(module)
    return module


def test_the_figures_that_a_report_states_are_those_of_the_study(study: ModuleType) -> None:
    found = study.measured(study.EVALUATION, MEASURED.n)
    kinds = found.loc[list(study.STRUCTURED), "share"]
    assert MEASURED.recall == pytest.approx(100 * found.loc["structured", "share"], abs=0.06)
    assert MEASURED.weakest == (kinds.idxmin(), pytest.approx(100 * kinds.min(), abs=0.06))
    assert MEASURED.names == pytest.approx(100 * found.loc["name", "share"], abs=0.06)
    assert MEASURED.orders_touched == pytest.approx(100 * found.loc["order", "share"], abs=0.06)


@pytest.mark.parametrize("name", ["tuning", "tuning_2", "tuning_3", "evaluation"])
def test_the_masker_reaches_its_goals_on_planted_data(study: ModuleType, name: str) -> None:
    found = study.measured(study.SETS[name], 1500, seed=7)
    assert found.loc["structured", "share"] >= 0.99
    assert found.loc[list(study.STRUCTURED), "share"].min() >= 0.97
    assert found.loc["name", "share"] >= 0.85
    assert found.loc[["order", "number", "nobody"], "share"].max() <= 0.01
    assert found.loc["nothing", "found"] == 0


def test_a_miss_of_the_study_is_a_miss(study: ModuleType) -> None:
    whole, part = (
        study.Planted("pay 12 Xyz Qqq now", "address", 4, 14),
        study.Planted("mail a@b.example", "email", 0, 16),
    )
    assert study.measured_one(whole, ("US",)) == "missed"
    assert study.measured_one(part, ("US",)) == "missed"  # "mail" was said to be planted, and stays
    assert study.measured_one(study.Planted("call 020 7946 0958", "number", 5, 18), ("US",)) == "touched"
