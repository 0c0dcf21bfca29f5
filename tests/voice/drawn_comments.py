"""Comments with a planted feeling: what each says is known, and the lexicon does not know all of its words."""

from __future__ import annotations

import numpy as np

SAID = {
    "negative": ["overbooked", "nobody answered", "lost my bag", "terrible", "three hours late", "rude", "charged twice", "useless app"],
    "positive": ["on time", "great crew", "smooth boarding", "thank you", "upgraded me", "friendly", "spotless cabin", "quick refund"],
    "neutral": ["my booking is for monday", "which gate is it", "do you fly to lima", "seat map", "i sent the form", "terminal two"],
}  # fmt: skip
FILLERS = [
    "today", "again", "with", "the", "airline", "at", "check-in", "from", "paris", "on", "flight", "to", "rome", "yesterday", "evening",
    "and", "so", "it", "was", "here",
]  # fmt: skip


def comments(
    n: int, *, random_state: int = 0, mistaken: float = 0.1, shares: tuple[float, float, float] = (0.5, 0.25, 0.25)
) -> tuple[list[str], list[str]]:
    """Texts and labels (negative, neutral, positive in these shares); a share of the labels is drawn by luck."""
    rng = np.random.default_rng(random_state)
    texts, labels = [], []
    for number in range(n):
        label = str(rng.choice(["negative", "neutral", "positive"], p=shares))
        words = [str(word) for word in rng.choice(FILLERS, 5)]
        words.insert(int(rng.integers(0, 6)), str(rng.choice(SAID[label])))
        texts.append(" ".join(words) + f" nr{number}")
        labels.append(str(rng.choice(["negative", "neutral", "positive"])) if rng.random() < mistaken else label)
    return texts, labels
