"""Masking personal data in texts, and columns that name a person by themselves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxlab.data.identifiers import direct_identifier, is_free_text
from cxlab.data.privacy import mask_pii

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
]
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
]


@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_personal_data_become_a_placeholder_of_their_kind(text: str, masked: str) -> None:
    assert mask_pii(text) == masked


@pytest.mark.parametrize("text", KEPT)
def test_what_names_nobody_stays_as_it_is(text: str) -> None:
    assert mask_pii(text) == text


def test_masking_twice_changes_nothing() -> None:
    once = [mask_pii(text) for text, _ in MASKED]
    assert mask_pii(once) == once


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
