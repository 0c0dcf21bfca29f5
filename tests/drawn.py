"""What can be read on a drawn picture, for the tests of charts."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

STRICT = pytest.mark.filterwarnings(
    "error",
    "ignore::ResourceWarning",  # of another test, whose rubbish is collected here
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
"""A warning is a failure."""

LONG = "Overall satisfaction with the airport as a whole, all things considered, compared with other airports"
WORD = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen"


def texts(figure: Figure) -> list[Text]:
    """The texts that can be seen, measured as they are drawn."""
    figure.canvas.draw()
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def words(figure: Figure) -> list[str]:
    """Their words, on one line each."""
    return [text.get_text().replace("\n", " ") for text in texts(figure)]
