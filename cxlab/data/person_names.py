"""Names of persons in a text: after a cue, and those that a study knows.

Without a model no rule finds every name. `cued_names` finds a name where the sentence says that one follows: "my name is", a
title, a greeting, a signature, "spoke to". `KnownNames` finds the names that are handed to it, those of a study's own customers
and staff: whole names wherever they stand, single words of them where they are written as names are. Names that are also words
of every day (Will, May, Mark, Grace, Price) count alone only where the words beside them speak of a person.

What stays: a name that nobody told and no cue announces ("Kevin lost my bag"), nicknames, misspelt names, a known name that is
an ordinary word in a place where both make sense ("Hope was lost"). What is masked too much: a brand after a cue ("spoke to
Acme"), a place that is a customer's rare surname.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

Span = tuple[int, int]

_NAME_WORD = r"[A-ZÀ-ÖØ-Þ](?:['’][A-ZÀ-ÖØ-Þ])?[a-zà-öø-ÿ'’]+(?:-[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ]+)*"
_PARTICLE = r"(?:d[aeiou]|del|della|dos|van|von|der|den|la|le|el|al|bin|ibn|ter|zu)"
_NAME = rf"{_NAME_WORD}(?:\s+(?:{_PARTICLE}\s+){{0,2}}{_NAME_WORD}){{0,2}}"
_INITIAL = r"(?:\s[B-HJ-Z](?![\w'’]))?"
_SURNAME = (
    rf"(?:{_PARTICLE}\s+){{0,2}}(?:{_NAME_WORD}|[A-ZÀ-ÖØ-Þ]{{2,}})(?:\s+(?:{_PARTICLE}\s+){{0,2}}{_NAME_WORD}){{0,2}}"
)
_TITLE = r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herrn?|Frau|Madame|Mme|Monsieur|Se[ñn]ora?|Sra?|Signora?)"
_STOPS = (
    r"(?:and|i|but|from|the|a|of|with|who|at|in|my|on|or|as|so|not|now|to|is|was|an|this|that|it|we|you|your"
    r"|here|customer|please"
    r"|thanks|und|et|aus|for|since|by|have|had|can|what)"
)
_CUES: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (clues, re.compile(pattern))
    for clues, pattern in (
        (
            ("name", "am called", "hei", "appelle"),
            r"\b(?i:my (?:full )?name is|my name['’]?s|i am called|ich hei(?:ß|ss)e|je m['’]appelle)\s+"
            rf"(?P<name>[^\W\d_]+(?:['’-][^\W\d_]+)*(?:\s+(?:{_PARTICLE}\s+){{0,2}}(?!{_STOPS}\b)[^\W\d_]+(?:['’-][^\W\d_]+)*)?(?:\s+{_NAME_WORD})?)",
        ),
        (
            ("spoke ", "speak", "talk", "ask ", "asked ", "named", "called", "helped by", "served by", "assisted by", "transfer"),
            r"\b(?:[Ss]poke (?:to|with)|[Ss]peak(?:ing)? (?:to|with)|[Tt]alk(?:ed|ing)? (?:to|with)"
            r"|[Aa]sk(?:ed)? for|[Nn]amed|[Cc]alled by"
            r"|[Hh]elped by|[Ss]erved by|[Aa]ssisted by|[Tt]ransferred (?:(?:me|us) )?to|(?:someone|somebody"
            r"|person|one) called)"
            rf"\s+(?:{_TITLE}\.?\s+)*(?P<name>{_NAME}{_INITIAL})(?!\w)(?!\s(?:flights?|rep|reps"
            rf"|representatives?|agents?|staff|codeshare|crew|airport|customer|support"
            r"|services?|team|desk|concierge|A\d))",
        ),
        (
            ("this is",),
            rf"\b[Tt]his is\s+(?P<name>{_NAME})(?=\s*,|\s+(?:from|calling|speaking|here|writing|again|at)\b)",
        ),
        (("this is",), rf"\b[Tt]his is\s+(?P<name>{_NAME_WORD}\s+(?:{_PARTICLE}\s+){{0,2}}{_NAME_WORD})\s*(?:[.!]|$)"),
        (
            ("Mr", "Ms", "Miss", "Mx", "Dr", "Prof", "Herr", "Frau", "Madame", "Mme", "Monsieur", "Señor", "Senor", "Sr", "Signor"),
            rf"\b(?:{_TITLE}\.?\s+)+(?P<name>{_SURNAME})",
        ),
        (("mr",), r"\b(?:[Mm]rs?|MRS?)\.?\s+(?!(?:and|or|who"
            r"|und)\b)(?P<name>(?:[^\W\d_]['’])?[^\W\d_]{2,}(?:['’-][^\W\d_]+)*)"),
        (
            ("agent", "rep", "advis", "colleague", "driver", "technician", "manager", "engineer", "steward", "nurse", "clerk",
             "assistant", "gentleman", "lady", "guy", "man", "girl", "boy"),
            r"\b(?:agent|rep|representative|advis[eo]r|colleague|driver|technician|manager|engineer|steward"
            r"|stewardess|nurse|clerk"
            rf"|assistant|gentleman|lady|guy|woman|man|girl|boy)(?:\s*,\s*|\s+(?:named|called)\s+"
            rf"|\s+)(?P<name>{_NAME}{_INITIAL})",
        ),
        (
            ("dear", "hi", "hello", "hey", "hola", "hallo", "bonjour", "ciao"),
            rf"(?:^|\n)\s*(?:Dear|Hi|Hello|Hey|Hola|Hallo|Bonjour|Ciao)\s+(?P<name>{_NAME})\s*(?:[,!]|:|\s[-–]|\n|$)",
        ),
        (
            ("regards", "sincerely", "yours", "cheers", "thank", "thx", "gru", "grü", "cordialement", "best", "love"),
            r"(?i:\b(?:(?:kind|best|warm|many) regards|regards|sincerely|yours(?: (?:truly|sincerely"
            r"|faithfully))?|cheers|(?:many )?thanks|thank you|thx"
            rf"|gr(?:uß|uss|üße)|cordialement)|(?:^|\n)\s*(?:best|love)|\b(?:best|love),)\s*"
            rf"[,.!\n-]?\s*(?P<name>{_NAME})\s*[.!]?\s*$",
        ),
    )
)  # fmt: skip
_MOST_READ = 20_000
_TAIL = 120  # a signature stands at the end
_NO_NAME = frozenset({
    "a", "again", "all", "also", "always", "amazing", "an", "and", "another", "anyone", "april", "as", "at", "august", "awesome",
    "awful", "bad", "best", "both", "business", "but", "cancellation", "company", "correct", "customer", "customers", "december",
    "different", "dr", "everybody", "everyone", "everything", "excellent", "fantastic", "february", "first", "folks", "for", "friday",
    "from", "god", "good", "goodness", "great", "guest", "guys", "he", "help", "here", "horrible", "hotline", "i", "if", "in",
    "incorrect", "instead", "it", "january", "july", "june", "just", "keep", "ladies", "last", "listed", "lovely", "madam", "management",
    "march", "may", "misspelled", "misspelt", "missing", "monday", "more", "mr", "mrs", "ms", "my", "never", "nice", "no", "nobody",
    "not", "november", "now", "october", "ok", "on", "once", "one", "only", "our", "over", "people", "please", "poor", "printed", "prof",
    "reception", "refund", "refunds", "reservations", "right", "sales", "saturday", "security", "september", "she", "shown", "sir",
    "so", "somebody", "someone", "spelled", "spelt", "staff", "still", "sunday", "supervisor", "support", "terrible", "thank", "thanks",
    "that", "the", "their", "them", "there", "they", "this", "thursday", "to", "today", "tomorrow", "truly", "tuesday", "upgrade",
    "very", "was", "we", "wednesday", "well", "what", "when", "who", "why", "with", "wonderful", "world", "written", "wrong", "yes",
    "you", "your", "yours", "absolutely", "hard", "difficult", "easy", "long", "short", "common", "foreign", "known",
    "unusual", "overall", "nothing", "order", "orders", "ticket", "tickets", "flight",
    "compensation", "information", "water", "coffee", "assistance", "followed", "done", "sorted", "such", "worst",
    "shame", "fast", "quick", "clean", "friendly",
})  # fmt: skip
_ORGANISATION = frozenset({  # a name with one of these words is that of a company, a place or a part of one
    "air", "airline", "airlines", "airways", "america", "american", "asian", "australian", "bank", "british", "canadian", "care",
    "center", "centre", "chinese", "class", "club", "cabin", "complaints", "crew", "delta", "department", "desk", "dutch", "english",
    "european", "express", "french", "german", "group", "hotel", "inc", "indian", "international", "irish", "italian",
    "japanese", "lounge",
    "ltd", "airport", "office", "relations", "service", "services", "social", "southwest", "spanish", "team", "terminal", "united",
    "virgin", "world", "account", "accounts", "billing", "booking", "bookings", "call", "check", "control", "returns", "delivery",
})  # fmt: skip


def cued_names(text: str, *, filtered: bool = True) -> Iterator[Span]:
    """Names that the sentence announces. `filtered` skips a pattern of which no cue is in the text."""
    lower = text.lower()
    for clues, pattern in _CUES:
        if filtered and not any(clue in (lower if clue.islower() else text) for clue in clues):
            continue
        for match in pattern.finditer(text, max(len(text.rstrip()) - _TAIL, 0) if pattern.pattern.endswith("$") else 0):
            words = re.findall(r"\S+", match["name"])
            folds = [re.split("['’]", word.casefold())[0] for word in words]
            while words and (
                folds[-1] in _NO_NAME or (len(words) > 1 and folds[-1] in ORDINARY_WORDS and words[-1].islower())
            ):
                words.pop()  # "spoke to Kevin. Great" without its full stop
                folds.pop()
            if not words or folds[0] in _NO_NAME or _ORGANISATION & set(folds):
                continue
            if words[0].islower() and re.search(r"(?:ed|ing|ly)$", words[0]):  # "my name is misspelled"
                continue
            last = re.finditer(r"\S+", match["name"])
            ends = [found.end() for found in last][len(words) - 1]
            yield match.start("name"), match.start("name") + ends


# -------------------------------------------------------------------------------------------------------- names of the study

ORDINARY_WORDS = frozenset(  # names that are words of every day, months, places or trades: alone they name nobody
    """
    abbey able bar book business class club company economy gentleman hung jun keep lady member needs passenger sing
    stew traveller traveler
    abbey able about after agent all also and angel any app april archer are art arts ash august austin avis bach
    bacon bag bailey baker ball bank banks barber barker bass bath battle bauer bay bean bear beard beau because been
    beer before being bell bench berg berlin berry best bethlehem bill bird birmingham bishop black blanc blank bliss
    blue bolt bon bond booking booth boss boston both bowl box branch brand brands bravo brazil brick bride bridge
    bridges bright bristol brook brooks brown buck bud bueno bull burn burns busch bush but butcher butler cable cain
    california call camp camps can canada candy cannon card care carpenter carrier carry carter case cases cash castle
    chad chamber chambers champion chance chandler chapel charity charlotte chase chelsea cherry chester chevalier
    child china christian christmas church city clay clear clerk cliff close cloud coach coffee coin comfort company
    cook cord cork corn cotton couch could counter country court cousin cousins craft crane crew crisp cross crow
    crown cruise cruz cuba curry curt customer cyprus dale dallas dam dash date dawn day days dean dear december deep
    delay delta denver destiny dew diamond dick did doctor does doing dollar dolly door dove down downs drake draw
    drew drum duck duke during each earl early east easter easy eden egg elder else england english ernest eve even
    ever fair faith fall falls farmer farrow fast feather february fee ferry few field fields finch fine fire first
    fish fisher fleet fleming fleur flight flood floor florence flores flower flowers fly fontaine foot for force ford
    foreman forest forth forum fox france frank frankfurt freeman french fresh friday friend from frost fry fuchs gage
    gale game garden gardener gardner garland gas gate gates gay gem general geneva genoa gentry georgia german
    germany gift ginger glass glasses glory glover gold golden good goodman gore gown grace graf grand grant graves
    gray green greene greet grey grim gross grove guard guide gun guy had hall ham hammer hancock hand hands happy
    hard hardy hare harm harmony harper harsh hart harvest has hase have haven having hawk hay hazard hazel head heart
    heath heather heaven hello help henry her herbst here hero herring herzog hi hill hills hilton hint hire hirsch
    his hoar hobby hog holden holder holiday holland holly home honey honor honour hood hook hooker hoop hope hopper
    horn horse host hour house houston how hunger hunt hunter hurt ice india ireland iris irish iron israel italy
    ivory ivy jade jam january jasmine jersey jet job jobs jordan joy judge july jump june jung junior justice kaiser
    keen keeper keller kent kettle key keys kid king kings kiss kitchen klein knight koch kraft kramer kranz krieg
    kurz lake lamb land lane lang lange large lark laurel law lawless lay leach leader leaf legrand lemon less liberty
    light lily lima lincoln line lines link links lion lips little liverpool lock loft london long look loos lord lot
    love lovely low loyal luck lucky luggage luna lux lyon lyons mace madison madrid main major mall malta man manager
    manchester mane manila manning manor march marchand mark market marks marsh marshal marshall mason mass master
    masters mate max may mayo mayor meadow means meister melody memphis mercedes mercer mercy merit merry mexico milan
    mild miles mill mint miracle mist moan modest monaco monday money moody moon moor moose more moritz morning moss
    moth moulin mount mountain munich mutter myrtle mühle nagel near neat nevada new newport nice nickel nile noble
    noir noon noone north norway not notice november oak ocean ochs odd office old olive opal orange order orlando
    otter our outlaw over pace pack page pages paine painter pal palm paradise parent paris parish park parker parks
    parson part partridge party pass passage pastor patience patient pay peace peach peacock pear pearl peer pence
    penny pepper perfect perry person petit petty pfeffer philadelphia phoenix pickle piece pier pike pilot pine piper
    pitt plant play please pole police pool poole poor pope porch port porter portland post potter pound powder power
    powers preston price priest primrose prince prize proper prosper proud pry purple quick quiet rail rails rain
    rainbow raleigh ranger rank ransom raven ray read reader real reason red reed refund reich reina rey reyes rice
    rich richter rider riding ring rise ritter river rivers road robin rock rocky roi rojo roman rome root rose
    rosemary rot round row ruby rule rush rusty sage saint sales salmon salt sample sand sands santiago saturday sauer
    savage savannah say schatz schneider schwarz schäfer sea seal seat self senior september service shade shaw shell
    shepherd sherry shine ship shirt shoe shop shore short should sierra silk silver simple singer sky slack slater
    slaughter small smart smiles smoke snow soap sofia sol sole sommer son song sonntag sorry south southern space
    spain spark sparks speaker spear speed spice spring stack stacy staff stage stahl stand star stark starling stars
    state steady steel steer stein sterling stern steward stewart still stock stokes stolz stone storm story straight
    strand street strong style sue sugar summer summers sun sunday sunny sunshine swan sweet swift sydney tag tailor
    tank tanner tell temple tender thank thanks that the them then there they this thunder thursday ticket tide tidy
    ties till timber time tone torre torres tours tower towers town trace travel treasure tree trinity trip troy true
    trust tuesday turkey turn turner twist underground underwood union urban vale valentine valley van vance vega
    venice verity vessel victor victoria victory view viola violet virgin virginia vista vogel wade wagner waiter wald
    walk wall walls ward ware warmer warner was washington waste water waters way weaver web wednesday week weeks wein
    weir weiss weiß were west western what wheel wheeler when which whistle white who why wild wilder will winchester
    windsor wine wing winkel winner winter winters wirt wise wish wit with wolf wonder wood woods word workman world
    worth would wren yard york you young your zimmer zion
    """.split()  # noqa: SIM905  (a list of seven hundred quoted words reads worse)
)
_TWO_LETTERS = frozenset({
    "ad", "ai", "al", "am", "an", "as", "at", "be", "by", "do", "ed", "eh", "ex", "go", "ha", "he", "hi", "id", "if",
    "in", "is", "it", "la", "le", "me", "mr", "ms", "my", "no", "of", "oh", "ok", "on", "or", "ox", "pa", "re", "so",
    "tv", "uk", "up", "us", "vs", "we", "wo", "ya", "ye", "da", "de", "di", "du", "el", "es", "et", "im", "um", "zu",
})  # fmt: skip
_SMALL = frozenset(
    {
        "van",
        "von",
        "der",
        "den",
        "del",
        "della",
        "dos",
        "des",
        "las",
        "los",
        "bin",
        "ibn",
        "ter",
        "the",
        "and",
        "jnr",
        "snr",
        "esq",
        "phd",
        "mrs",
    }
)
_LETTERS = re.compile(r"[^\W\d_]+")
_GAP = re.compile(r"[ \t]{0,2}[-'’. \n][ \t]{0,2}|,\s|[-'’]")
_BEFORE = re.compile(  # the words before a name
    r"(?:\b(?:(?:spoke|spoken|speak|speaking|talk|talked|talking) (?:to|with)|asked? for|named|called|helped by"
    r"|served by|assisted by|handled by|thanks(?: to)?"
    r"|thank you(?: to)?|kudos to|shout ?out to|credit to|cheers|dear|hi|hello|hey|agent|rep|representative"
    r"|advis[eo]r|colleague|steward(?:ess)?"
    r"|hostess|my name is|i am|i'm|mr|mrs|ms|miss|dr|regards|sincerely|transferred to|told|gave|asked|let|lady"
    r"|guy|gentleman|girl|man|woman),?\.?\s+$)",
    re.IGNORECASE,
)
_LOWER_BEFORE = re.compile(
    r"(?:\b(?:(?:spoke|spoken|speak|speaking|talked|talking) (?:to|with)|asked? for|named|helped by|served by"
    r"|assisted by|handled by|thanks to"
    r"|kudos to|agent|rep|advis[eo]r|my name is|mr|mrs|regards|sincerely|transferred to),?\.?\s+$)",
    re.IGNORECASE,
)
_AFTER = re.compile(  # the words after a name
    r"\s+(?:(?:also |then |even |really |at least |very kindly )?(?:helped|said|told|explained|apologi[sz]ed"
    r"|promised|answered|listened|assisted|hung|spoke|smiled|laughed"
    r"|sorted|resolved|solved|fixed|rang|phoned|emailed|refused|insisted|transferred|replied|shouted|ignored"
    r"|offered|advised|assured|and (?:his|her|their)"
    r"|who\b)|(?:was|is|were) (?:so |very |really |extremely |incredibly |super |the )?(?:rude|lovely|helpful"
    r"|kind|friendly|polite|patient|brilliant|fantastic|amazing"
    r"|wonderful|attentive|professional|welcoming|efficient|knowledgeable|unhelpful|arrogant|dismissive"
    r"|sympathetic|courteous|funny|nice|best)"
    r"|(?:from|at|in) (?:customer|your|the (?:call|service|support|billing|help)|billing|support|reservations"
    r"|sales|accounts|head office))\b",
    re.IGNORECASE,
)
_PART_OF_WORD = re.compile(r"['’](?:t|ve|re|ll|m)\b|['’][a-z]{2}|-[a-z]")  # Don't, Jo'burg
_PLACE_BEFORE = re.compile(  # San Francisco, Marks & Spencer, Yin-Yang
    r"(?:\b(?:San|Santa|Los|Las|Fort|Port|Mount|Lake|New|North|South|East|West|Saint|St\.?|Puerto|Rio|Queen"
    r"|King|Leeds|Toronto|Marks (?:and|&))\s+"
    r"|[a-z]&|[a-z]-)$"
)
_PLACE_AFTER = re.compile(
    r"\s+(?:[Aa]irport|Rica|Street|Road|Avenue|Hotel|Bridge|Beach|City|Island|University"
    r"|[Tt]erminal|[Ss]tation|de Gaulle|De Gaulle)\b"
)
_INITIALS = re.compile(r"(?:(?<![\w.])[A-Z]\.?\s?){1,2}$")


def plain_words(text: str) -> list[str]:
    """The words of a name without case and accents: José García-Müller → jose, garcia, muller."""
    return [_bare(word) for word in _LETTERS.findall(text)]


def _bare(word: str) -> str:
    if word.isascii():
        return word.casefold()
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def words_of_every_day(texts: Sequence[str], names: Collection[str]) -> set[str]:
    """Words of names that a study's own comments use as words: small at least five times, and as often as with a capital.

    A customer who calls herself "Business Traveller" makes no class of seats a name. At most 20,000 texts are read, evenly.
    """
    parts = {word for name in names for word in plain_words(str(name)) if len(word) > 1} - ORDINARY_WORDS
    small: Counter[str] = Counter()
    capital: Counter[str] = Counter()
    for text in texts[:: max(len(texts) // _MOST_READ, 1)] if parts else ():
        for word in set(_LETTERS.findall(text)):
            bare = _bare(word)
            if bare in parts and not (word.isupper() and len(word) > 1):
                (small if word.islower() else capital)[bare] += 1
    return {word for word, n in small.items() if n >= 5 and n >= capital[word]}


class KnownNames:
    """Names of persons that are known beforehand, looked up word by word: a million of them cost a text no more than one.

    Whole names are found in any case, with and without accents, hyphens and "Smith, John"; single words of them where they
    begin with a capital, or after a cue. They live in memory only. `ordinary` are words that are treated like `ORDINARY_WORDS`.
    """

    def __init__(self, names: Collection[str], ordinary: Collection[str] = ()) -> None:
        self._ordinary = ORDINARY_WORDS | {_bare(word) for word in ordinary}
        self._wholes: set[tuple[str, ...]] = set()
        self._parts: set[tuple[str, ...]] = set()
        for name in names:
            parts = [tuple(plain_words(part)) for part in str(name).split()]
            whole = tuple(word for part in parts for word in part)
            if len(whole) > 1 and any(len(word) > 1 for word in whole):
                self._wholes.add(whole)
                if len(parts) == 2:
                    self._wholes.add((*parts[1], *parts[0]))
            particle = next((place for place, part in enumerate(parts) if place and part and part[0] in _SMALL), 0)
            if particle and particle + 1 < len(parts):  # van Dijk
                self._parts.add(tuple(word for part in parts[particle:] for word in part))
            for part in parts:
                for own in {part, *((word,) for word in part if len(part) > 1 and len(word) > 3)}:
                    if _names_alone(own):
                        self._parts.add(own)
        self._lengths: dict[str, tuple[int, ...]] = {}
        longest: dict[str, set[int]] = {}
        for known in self._wholes | self._parts:
            longest.setdefault(known[0], set()).add(len(known))
        self._lengths = {first: tuple(sorted(lengths, reverse=True)) for first, lengths in longest.items()}

    def spans(self, text: str) -> Iterator[Span]:
        """Where known names stand; those of possessives and hyphens without the rest of the word."""
        if not self._lengths:
            return
        bare = _bare(text)
        if len(bare) == len(text):
            words = [(found.start(), found.end(), found.group()) for found in _LETTERS.finditer(bare)]
        else:
            words = [(found.start(), found.end(), _bare(found.group())) for found in _LETTERS.finditer(text)]
        if self._lengths.keys().isdisjoint(word for _, _, word in words):
            return
        at, shouted = 0, _is_shouted(text)
        while at < len(words):
            length = next(
                (n for n in self._lengths.get(words[at][2], ()) if self._is_name(text, words, at, n, shouted=shouted)),
                0,
            )
            if length:
                start, end = words[at][0], words[at + length - 1][1]
                if initials := _INITIALS.search(text, max(start - 6, 0), start):
                    start = initials.start()
                yield start, end
            at += length or 1

    def _is_name(self, text: str, words: list[tuple[int, int, str]], at: int, length: int, *, shouted: bool) -> bool:
        here = words[at : at + length]
        if len(here) < length:
            return False
        known = tuple(word for _, _, word in here)
        gaps = [text[first[1] : then[0]] for first, then in pairwise(here)]
        if not all(_GAP.fullmatch(gap) for gap in gaps):
            return False
        capital = all(text[start].isupper() for start, _, word in here if word not in _SMALL)
        if known in self._wholes:
            ordinary = all(word in self._ordinary or len(word) == 1 for word in known)
            if not ordinary or (capital and not shouted):
                return True
        ordinary = length == 1 and known[0] in self._ordinary
        return known in self._parts and _stands_as_name(text, here, ordinary=ordinary, capital=capital, shouted=shouted)


def _names_alone(words: tuple[str, ...]) -> bool:
    """Whether a part of a name says enough by itself: no particle, and no more than two letters only where they are no word."""
    if len(words) > 1:
        return True
    (word,) = words or ("",)
    return word not in _SMALL and (len(word) > 2 or (len(word) == 2 and word not in _TWO_LETTERS))


def _stands_as_name(
    text: str, here: list[tuple[int, int, str]], *, ordinary: bool, capital: bool, shouted: bool
) -> bool:
    """A single word of a name: with a capital where it is no ordinary word, else only where the words beside it speak of a person."""
    start, end = here[0][0], here[-1][1]
    if text[start - 1 : start] in ("@", "#", "_") or text[end : end + 1] == "_" or _PART_OF_WORD.match(text, end):
        return False
    before = text[max(start - 40, 0) : start]
    if not capital:
        return not ordinary and _LOWER_BEFORE.search(before) is not None
    if _PLACE_BEFORE.search(before) or _PLACE_AFTER.match(text, end):
        return False
    if not ordinary:
        if text[start:end].isupper() and end - start <= 3 and not shouted:  # MIA is an airport
            return False
        return not text[start:end].isupper() or not shouted or end - start > 3
    if text[start:end].isupper() and end - start > 1:
        return False
    return (_BEFORE.search(before) is not None and not _goes_on(text, end)) or _AFTER.match(text, end) is not None


def _goes_on(text: str, end: int) -> bool:
    """Whether another word with a capital or a noun of the trade follows: "Mark Lane", "Gold card"."""
    return re.match(r"\s+(?:[A-Z]|card|class|lounge|line|code|up\b)", text[end:]) is not None


def _is_shouted(text: str) -> bool:
    """Whether a text is all in capitals, so that a capital says nothing."""
    return sum(map(str.isupper, text)) > 2 * sum(map(str.islower, text))
