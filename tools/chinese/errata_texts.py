"""What the file of the errata says, as messages: entries, their places, and what is no error."""

from collections.abc import Iterator

from tools.book import errata
from tools.chinese.messages import Message, says

KIND = "erratum"


def found() -> Iterator[Message]:
    """Yield the texts of `book/errata.yml`, each as the site asks for it."""
    for text in dict.fromkeys(_texts()):
        if says(text):
            yield Message(text, KIND)


def _texts() -> Iterator[str]:
    known = errata.data()
    for entry in (*known["errata"], *known["not_errors"], *known["right_things"]):
        yield from (entry[name] for name in errata.SAID if name in entry)
        yield from (errata.parted(place)[1] for place in entry["where"].values())
        yield from _places(entry.get("reference", ""))


def _places(reference: str) -> Iterator[str]:
    """Yield the places of a text that contradicts itself; those of other works stay as cited."""
    for what, _, place in (part.partition(",") for part in reference.split(";")):
        if what.strip() == errata.ITSELF:
            yield place.strip()
