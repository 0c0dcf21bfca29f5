"""What the simulated customers write: comments of surveys and tickets, each with a theme and a feeling that are known.

A comment is put together from phrases, so it is shorter and cleaner than a real one; what a method scores here is the
best it can do. A few carry an e-mail address or a telephone number kept for examples, a few are in German, one tries to
run a script in the reader's browser.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cxlab.demo.people import stream
from cxlab.demo.truth import TOUCHPOINTS

SHARE_TRACKING, SHARE_EVENTS = 0.38, 0.50
TICKETS_PER_CUSTOMER = 0.13
RISING = "esim"
RISING_SINCE = pd.Timestamp("2026-07-01")
RISING_BEFORE, RISING_AFTER = 0.01, 0.16  # of the comments about getting started, the app and the network
RISING_AMONG = 0.3, 2.4  # times that, of comments by the content and by the others

_PHRASES: dict[str, dict[str, tuple[str, ...]]] = {
    "onboarding": {
        "negative": (
            "It took {days} days until my line was activated, and nobody told me why.",
            "The shop promised activation within two days, I waited {days} days.",
            "Getting started was a mess: the shop sent me to the hotline and the hotline back to the shop.",
            "Activation failed twice and I had to explain everything again.",
            "Switching over my number was slow and confusing.",
        ),
        "neutral": (
            "Activation took {days} days.",
            "I ordered in the shop and got the card by mail.",
            "My number was moved over on a Monday.",
        ),
        "positive": (
            "Activation was quick, everything worked after {hours} hours.",
            "Getting started was easy and well explained.",
            "No problems at all when I switched over, really smooth.",
            "The welcome package was clear and my line was activated the same day.",
        ),
    },
    "first_bill": {
        "negative": (
            "My first bill was {euros} euros higher than what was agreed.",
            "I was charged twice for the same month and nobody can explain the invoice.",
            "The bill is impossible to understand, with hidden fees of {euros} euros.",
            "Wrong amount on the invoice again, I am really annoyed.",
            "They billed me for an option that I never ordered, this is unacceptable.",
        ),
        "neutral": (
            "The bill came on the third of the month.",
            "I have a question about the connection fee on my invoice.",
            "My invoice shows {euros} euros for the options.",
        ),
        "positive": (
            "The bill is clear and exactly what was agreed.",
            "Never had an issue with an invoice, very transparent.",
            "Billing is simple and correct, I like that.",
        ),
    },
    "app": {
        "negative": (
            "The app crashes every time I open my contract.",
            "I cannot log in to the app since the update, terrible.",
            "The app is slow and keeps losing my settings.",
        ),
        "neutral": (
            "I use the app to look at my data volume.",
            "The app asked me for an update.",
            "In the app the menu has moved.",
        ),
        "positive": (
            "The app is great, I can do everything myself.",
            "I love how easy the app is.",
            "The app works perfectly and looks good.",
        ),
    },
    "network": {
        "negative": (
            "No signal at home for {days} days, that is awful.",
            "The connection drops every evening, very bad coverage.",
            "An outage of {hours} hours without any information, frustrating.",
            "The internet is far slower than promised.",
        ),
        "neutral": (
            "I am mostly on the network in the city.",
            "The speed test shows {euros} megabit.",
            "There was maintenance in my street.",
        ),
        "positive": (
            "Excellent coverage everywhere I go.",
            "Fast and stable connection, very happy.",
            "The network has never let me down.",
        ),
    },
    "help": {
        "negative": (
            "I was on hold for {minutes} minutes and then got disconnected.",
            "I had to call {times} times to get my problem solved, exhausting.",
            "The agent was rude and did not listen.",
            "Nobody answers my messages, I had to chase them for weeks.",
            "My complaint was handed from one department to the next and never answered.",
        ),
        "neutral": (
            "I called the hotline about my contract.",
            "The chat asked for my customer number.",
            "I spoke with the hotline on Tuesday.",
        ),
        "positive": (
            "The agent was friendly and solved it in {minutes} minutes.",
            "Wonderful help on the phone, thank you so much!",
            "Support was patient and very kind.",
            "They fixed my problem at once, great service.",
        ),
    },
    "price": {
        "negative": (
            "Far too expensive compared with others.",
            "The price went up by {euros} euros without any warning.",
            "New customers pay less than loyal ones, that is unfair.",
        ),
        "neutral": (
            "I pay {euros} euros a month.",
            "I am on the tariff from last year.",
            "The price is about the same as elsewhere.",
        ),
        "positive": (
            "Good value for the price.",
            "The tariff is cheap and I get a lot for it.",
            "I am pleased with the price.",
        ),
    },
    "esim": {
        "negative": (
            "The eSIM could not be downloaded, I was without service for {hours} hours.",
            "The QR code for the eSIM did not work on my new phone, very frustrating.",
            "Moving my eSIM to another phone is a nightmare.",
        ),
    },
}
_OPENERS = ("", "", "", "", "Hello. ", "Honestly: ", "To be fair: ", "Again. ")
_CLOSERS = {
    "negative": (
        "",
        "",
        "",
        " Please fix this.",
        " I am disappointed.",
        " I expected more.",
        " I am thinking of leaving!",
    ),
    "neutral": ("", "", "", " That is all."),
    "positive": ("", "", "", " Keep it up!", " Thank you.", " I would recommend it."),
}
_GERMAN = (
    "Alles in Ordnung, ich bin mit dem Netz zufrieden und bleibe gern Kunde.",
    "Die Rechnung ist leider jeden Monat falsch und niemand hilft mir weiter.",
    "Die Freischaltung hat viel zu lange gedauert, das war sehr ärgerlich.",
)
_PERSONAL = (
    " You can reach me at customer{number}@example.com.",
    " Call me on 020 7946 0{three} please.",
    " My name is Alex Example.",
)
_HOSTILE = "<script>alert('read me')</script> The app is slow and keeps losing my settings."
_TICKETS = {"first_bill": 0.40, "network": 0.25, "help": 0.15, "app": 0.08, "price": 0.07, "onboarding": 0.05}


def comments(
    tracking: dict[str, pd.DataFrame], events: pd.DataFrame, log: pd.DataFrame, random_state: int
) -> pd.DataFrame:
    """One row a comment, in the order of time: what is exported, and `theme` and `feeling`, which are not.

    Columns: comment_id, customer_id, response_id, source, touchpoint, submitted_at, rating (1 to 5), text, theme, feeling.
    """
    rng = stream(random_state, "comments")
    parts = [_of_tracking(answers, rng) for answers in tracking.values()]
    parts += [_of_events(events, rng), _tickets(log, rng)]
    table = pd.concat(parts, ignore_index=True).sort_values(["submitted_at", "customer_id"], ignore_index=True)
    _let_rise(table, rng)
    table["text"] = _texts(table, rng)
    foreign = rng.random(len(table)) < 0.015
    table.loc[foreign, "text"] = rng.choice(_GERMAN, int(foreign.sum()))
    table.loc[foreign, "theme"] = "foreign"
    table.loc[table.index[len(table) // 2], ["text", "theme", "feeling"]] = [_HOSTILE, "app", "negative"]
    table.insert(0, "comment_id", [f"K{number:06d}" for number in range(1, len(table) + 1)])
    return table


def _of_tracking(answers: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """About the touchpoint that stands out most for the person, good or bad."""
    told = answers[rng.random(len(answers)) < SHARE_TRACKING]
    scores = told[[f"satisfaction_{touchpoint}" for touchpoint in TOUCHPOINTS]].to_numpy().astype(float)
    scores[scores == 99] = np.nan
    strength = np.where(np.isnan(scores), -9, 1.2 * np.abs(scores - 3.3)) + rng.gumbel(size=scores.shape)
    about = strength.argmax(axis=1)
    score = scores[np.arange(len(told)), about]
    return pd.DataFrame(
        {
            "customer_id": told["customer_id"].to_numpy(),
            "response_id": told["response_id"].to_numpy(),
            "source": "survey",
            "touchpoint": np.array(TOUCHPOINTS)[about],
            "submitted_at": told["submitted_at"].to_numpy(),
            "rating": told["overall"].to_numpy(),
            "theme": np.array(TOUCHPOINTS)[about],
            "feeling": _feeling(np.nan_to_num(score, nan=3)),
        }
    )


def _feeling(scores: np.ndarray) -> np.ndarray:
    return np.where(scores <= 2, "negative", np.where(scores >= 4, "positive", "neutral"))


def _of_events(events: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    told = events[rng.random(len(events)) < SHARE_EVENTS]
    theme = told["touchpoint"].map({"order": "price", "onboarding": "onboarding", "help": "help", "resolution": "help"})
    return pd.DataFrame(
        {
            "customer_id": told["customer_id"].to_numpy(),
            "response_id": told["response_id"].to_numpy(),
            "source": "survey",
            "touchpoint": told["touchpoint"].to_numpy(),
            "submitted_at": told["submitted_at"].to_numpy(),
            "rating": told["satisfaction"].to_numpy(),
            "theme": theme.to_numpy(),
            "feeling": _feeling(told["satisfaction"].to_numpy()),
        }
    )


def _tickets(log: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Tickets of complaints, all of them, and of some calls for help; what is written is no answer to a question."""
    complaints = log[log["touchpoint"] == "complaint"]
    calls = log[(log["touchpoint"] == "help") & (rng.random(len(log)) < 0.04)]
    both = pd.concat([complaints, calls])
    theme = rng.choice(np.array(list(_TICKETS)), len(both), p=list(_TICKETS.values()))
    angry = (both["touchpoint"] == "complaint").to_numpy() | (rng.random(len(both)) < 0.4)
    return pd.DataFrame(
        {
            "customer_id": both["customer_id"].to_numpy(),
            "response_id": None,
            "source": "ticket",
            "touchpoint": both["touchpoint"].to_numpy(),
            "submitted_at": both["timestamp"].to_numpy(),
            "rating": np.nan,
            "theme": theme,
            "feeling": np.where(angry, "negative", "neutral"),
        }
    )


def _let_rise(table: pd.DataFrame, rng: np.random.Generator) -> None:
    """Let some comments be about the theme that rises, mostly those of people who are not content."""
    near = table["theme"].isin(["onboarding", "app", "network"])
    chance = np.where(table["submitted_at"] >= RISING_SINCE, RISING_AFTER, RISING_BEFORE)
    chance = chance * np.where(table["feeling"] == "positive", *RISING_AMONG)
    about_it = near & (rng.random(len(table)) < chance)
    table.loc[about_it, "theme"] = RISING
    table.loc[about_it, "feeling"] = "negative"


def _texts(table: pd.DataFrame, rng: np.random.Generator) -> list[str]:
    texts = []
    numbers = rng.integers(2, 60, (len(table), 5))
    draws = rng.random((len(table), 5))
    for theme, feeling, number, draw in zip(table["theme"], table["feeling"], numbers, draws, strict=True):
        phrases = _PHRASES[theme][feeling]
        said = phrases[int(draw[0] * len(phrases))].format(
            days=number[0] // 4 + 3,
            hours=number[1] // 6 + 1,
            euros=number[2],
            minutes=number[3],
            times=number[4] // 12 + 2,
        )
        closers = _CLOSERS[feeling]
        text = _OPENERS[int(draw[1] * len(_OPENERS))] + said + closers[int(draw[2] * len(closers))]
        if draw[3] < 0.05:
            personal = _PERSONAL[int(draw[4] * len(_PERSONAL))]
            text += personal.format(number=1000 + number[0], three=number[1] + 200)
        texts.append(text)
    return texts
