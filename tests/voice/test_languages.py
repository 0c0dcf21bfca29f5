"""Languages are told, and what is not sure is not scored."""

from __future__ import annotations

import pandas as pd

from cxlab.voice.languages import languages


def test_languages_are_told_and_a_short_text_is_not_guessed() -> None:
    texts = pd.Series(
        [
            "The bill is wrong and nobody answers the phone.",
            "Die Rechnung ist falsch und niemand geht ans Telefon.",
            "La facture est fausse et personne ne répond au téléphone.",
            "Nicht gut.",
            None,
        ],
        index=list("edfsn"),
    )
    assert languages(texts).to_dict() == {"e": "en", "d": "de", "f": "fr", "s": "", "n": ""}
