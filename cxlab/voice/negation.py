"""Praise that is said by denying a problem, and blame that is said by denying its repair.

A list of words reads "no problems at all", "I never had to wait" or "couldn't be happier" as blame, and "nothing but problems", "they
did not fix the fault" or "could not be worse" as praise, because a negation turns the word that it stands before. `repaired` rewrites
such places to one word each, before the text is scored: `GOOD` for a problem that is denied, a repair that is reported or an effort
that was spared; `BAD` for a problem whose repair, reason or end is denied, for freedom from problems that is denied, for more problems
than ever. What somebody else claims ("they said there was no "
"problem") is neither by itself, and is blame where the sentence goes on to
contradict it.

The rules are general frames (negation, up to six words that carry no meaning of their own, what is denied) filled with lists of words;
they know no irony. How well they read phrases that they were not written for stands in `benchmarks/voice_sentiment.py`. English only.
"""

from __future__ import annotations

import re
import string

GOOD, BAD, SAID = "flawlesslyok", "unsolvedbad", "claimedonly"
VALENCES = {GOOD: 2.2, BAD: -2.0}
"""What the words that replace a place are worth on VADER's scale (−4 to 4); `SAID` is worth nothing."""


def _words(words: str) -> str:
    """One of the words, which white space parts."""
    return f"(?:{'|'.join(words.split())})"


def _phrases(phrases: str) -> str:
    """One of the phrases, which "|" parts; a blank is any white space."""
    return "(?:" + re.sub(" +", r"\\s+", phrases) + ")"


# --- what is denied ----------------------------------------------------------------------------------------------------------------
_PROBLEM_STEM = _words(
    "problem issue complaint hassle fault trouble difficult(?:y|ie) error glitch hiccup bug hitch snag "
    "concern worr(?:y|ie) drama fuss "
    "delay stress pain nonsense flaw gripe grumble quibble queue wait disappointment regret inconvenience "
    "bother headache nightmare "
    "mess mistake defect crash outage interruption disruption cancell?ation argument damage downtime "
    "annoyance frustration confusion "
    "misunderstanding discomfort setback breakdown failure drawback downside aggravation mishap blunder "
    "mix-up hold-up faff rudeness "
    "dropout objection criticism negative turbulence noise smell leak quarrel arguing fighting chasing "
    "queu?ing hard\\s+sell gimmick jargon"
)
_PROBLEM = (
    rf"(?:(?:surprises|{_PROBLEM_STEM}(?:e?s)?(?:ome)?|waiting(?:\s+(?:time|times|around|about|in\s+line"
    rf"|list))?"
    r"|(?:hidden|extra|additional|unexpected|surprise|nasty)\s+(?:charge|fee|cost|surprise)s?"
    r"|(?:bad|negative|poor|nasty|unpleasant|awful|terrible)\s+(?:\w+ing|experience|surprise|word|review"
    r"|thing|feeling|news|service|side)s?"
    r"|(?:lost|missing|broken|damaged|dropped|delayed|cancell?ed|faulty)\s+(?!and\b|or\b)\w+"
    r"|long\s+(?:line|queue|wait|delay)s?|late\s+(?:arrival|deliver(?:y|ie)|payment|train|flight)s?|small\s+"
    r"print)"
    r"(?!\s+(?:solv|resol|fix|handl|desk|form|line|number|department|team|procedure|process|page|message|code"
    r"|report|compensation"
    r"|management|polic|centre|center|time)\w*)\b)"
)
_PROBLEMS = rf"(?:{_PROBLEM}(?:(?:\s*,\s*{_PROBLEM})*\s*,?\s+(?:or|and|nor)\s+(?:no\s+|any\s+)?{_PROBLEM})?)"
_UNPLEASANT = _phrases(
    "kept waiting|keep(?:s|ing)? (?:me|us|you|anyone) waiting|kept (?:me|us) waiting|kept on hold|left "
    "(?:waiting|hanging)|let down"
    "|let(?:s|ting)? (?:me|us|you|anyone) down|mess(?:ed|es)? (?:me|us|you|people) (?:around|about)|ripped "
    "off|overcharged|unfriendly"
    "|unhelpful|unsafe|ignored|rushed|difficult|complicated|tricky|confusing|painful|disappointed|unhappy|bad"
    "|boring|stressful|stressed"
    "|annoying|bothersome|troublesome|overpriced|neglected|pressured|unprofessional|impolite|awkward|misled"
    "|cheated|bored|frustrating"
    "|inconvenient|problematic|left in the dark|out of pocket|expensive|pricey|costly|overcrowded|crowded"
    "|pushy|smelly|stale|bland"
    "|mak(?:e|es|ing|ed) (?:me|us|you|people|anyone) feel (?:stupid|small|bad|guilty|unwelcome|rushed"
    "|uncomfortable|awkward|old|like a \\w+)"
    "|tak(?:e|es|en) (?:very |too |so )?(?:long|ages|forever|hours|weeks)|took (?:very |too |so )?(?:long"
    "|ages|forever|hours|weeks)"
)
_BROKEN = _phrases(
    "rude|damaged|broken|missing|lost|late|slow|dirty|noisy|cramped|delayed|cancell?ed|wrong|faulty|spilled|stolen|dead"
)
_FAILS = (
    _phrases(
        "overcharge(?:s|d)?|rip(?:s|ped)? (?:you|me|us|people) off|cheat(?:s|ed)?|lie(?:s|d)?|cut corners"
        "|mislead(?:s)?|mak(?:e|es) (?:any |a )?mistakes?|forget(?:s)?|forgot"
        "|die(?:s|d)?|quit(?:s)?|crash(?:es|ed)?|fail(?:s|ed)?|drop(?:s|ped)?(?: out)?|break(?:s)?(?: down)?"
        "|broke(?:n)?(?: down)?|freez(?:es|e)|froze|lag(?:s|ged)?"
        "|disconnect(?:s|ed)?|disappoint(?:s|ed)?|let(?:s)? (?:me|us|you) down|go(?:es)? wrong|went wrong"
        "|gone wrong"
        "|malfunction(?:s|ed)?|cut(?:s)? out(?! for)|leak(?:s|ed)?|stall(?:s|ed)?"
    )
    + r"(?!\s+(?:me|us|him|her|off|it|the|my|a|to|by)\b)"
)
_EFFORT = (
    "(?:"
    + _words(
        "wait queue chase call ring phone complain worry ask argue fight bother repeat explain remind stress "
        "panic hurry rush fret"
    )
    + r"(?:\s+(?:about|for|long|twice|again|around|in\s+line)\b)*"
    + _phrases("|pay (?:extra|more)|(?:stand|sit) in line|deal with|go back")[3:-1]
    + ")"
)
_SOLVE = _words(
    r"solv\w+ fix\w* resolv\w+ address(?:ed|es|ing)? sort(?:ed|s|ing)? handl\w+ deal(?:s|t|ing)? answer\w* "
    r"repl(?:y|ied|ies|ying) respond\w* "
    r"explain\w* repair\w* correct(?:ed|s|ing)? rectif\w+ acknowledg\w+ admit\w* listen\w* car(?:e|es|ed|ing) "
    r"help(?:s|ed|ing)? tackl\w+ "
    r"investigat\w+ look(?:ed|ing|s)? apologi[sz]\w+ understand\w* understood know(?:s|n)? knew tell(?:s"
    r"|ing)? told inform(?:ed|s)? "
    r"tak(?:e|es|ing) took own(?:s|ed)? believ\w+ stand bear tolerat\w+ accept\w* done happened put"
)
_SOLVED = _phrases(
    "solved|fixed|resolved|addressed|sorted(?: out)?|corrected|rectified|repaired|dealt with|handled"
    "|cleared(?: up)?|taken care of|ironed out"
)
_UNSOLVED_LATER = _phrases(
    "solved|fixed|resolved|addressed|sorted|handled|dealt|answered|explained|repaired|corrected|rectified"
    "|acknowledged|taken seriously"
    "|going away|gone away|gone|go away|improved|cleared|looked at|investigated|read|heard"
)
_REMEDY = _words(
    "help fix solution answer response reply apolog(?:y|ies) resolution explanation information info "
    "compensation update updates refund refunds "
    "progress warning notice excuse excuses clue idea interest communication news accountability empathy "
    "sympathy action solutions answers "
    "replies responses explanations"
)
# --- what denies -------------------------------------------------------------------------------------------------------------------
_VERB_NOT = r"(?:\w+n't|(?:do|does|did|have|has|had|is|was|were|are|wo|would|could|ca|should)nt|cannot|not)"
_NEGATION = (
    rf"(?:no|zero|never|nothing|none|nobody|no\s+one|neither|hardly|barely|rarely|seldom|scarcely|without"
    rf"|{_VERB_NOT})"
)
_FILL = (
    _phrases(
        "any|a|an|one|single|such|of|of (?:the|my|our|these|those|its) (?:usual|parts|items|staff|people"
        "|things|dishes)?|real|really|major|big|serious"
        "|more|further|technical|other|nasty|slightest|significant|whatsoever|usual|common|typical|tiny|minor"
        "|slight|small|little|at all|absolutely"
        "|whatever|sort of|kind of|signs? of|hint of|trace of|have|has|had|having|been|be|being|was|were|is"
        "|are|got|get|getting|gotten|experience|experienced"
        "|encounter|encountered|meet|met|run into|ran into|see|saw|seen|find|found|finding|(?:cause|caused"
        "|give|gave|given) (?:me|us|them|him|her|anyone)|cause|caused|give|gave|given|notice|noticed|come "
        "across"
        "|came across|hit|face|faced|suffer|suffered|feel|felt|there|it|i|we|they|you|she|he|anyone|anybody"
        "|ever|once|yet|actually"
        "|even|think|believe|did|does|do|will|would|many|much|with|in the least|of us|of them|so far|so much as"
    )
    + r"\s+"
)
_FILLS = rf"(?:{_FILL}){{0,6}}?"
_SOME_FILLS = rf"(?:{_FILL}){{1,6}}?"  # after "don't" or "can't": without a word between, "wait" and "delay" are verbs
_FEW = r"(?:[\w'-]+\s+)"
_ON = r"(?![\w'-])"


def _compiled(begins: str, *patterns: str) -> re.Pattern[str]:
    """One of the patterns at the beginning of a word. `begins` is what each of them begins with: asked once, before them all."""
    return re.compile(rf"(?<![\w'-])(?={begins})(?:" + "|".join(patterns) + ")" + _ON, re.IGNORECASE)


# More than the words say is in "not just", "no wonder", "no doubt": they deny nothing.
_NO_DENIAL = _compiled(
    "no",
    r"no\s+(?:wonder|doubt)(?!\s*(?:or|,))",
    r"no\s+surprise(?=\s+(?:that|if|when|they|it|he|she|there|you|so|to|at)\b)",
)
_NOT_ONLY = re.compile(
    r"\b(?:(is|was|are|were|do|does|did)n't|not)\s+(just|only|merely|simply)\b(?!\s+(?:the"
    r"|my)\b)",
    re.IGNORECASE,
)

_DENIES = (
    rf"(?:no|zero|never|nothing|none|nobody|neither|hardly|barely|rarely|seldom|scarcely|without|little"
    rf"|anything|nowhere|far|(?:could|would|will|can)\s+not|{_VERB_NOT})(?![\w'])"
)
_STILL_BAD = _compiled(
    _DENIES,
    rf"(?:nothing|not\s+anything)\s+but\s+{_FILLS}{_PROBLEMS}",
    rf"no\s+(?:doubt|wonder|surprise\s+that)\s+{_FEW}{{1,5}}?{_PROBLEMS}",
    rf"no\s+(?:end|shortage|lack)\s+of\s+{_FILLS}{_PROBLEMS}",
    rf"(?:not|never|{_VERB_NOT})\s+{_FEW}{{0,2}}?without\s+(?:(?:its|their|his|her|some|the|an?|other)\s+"
    rf"){{0,2}}{_FILLS}{_PROBLEMS}",
    rf"(?:not\s+(?:an?|one)|no|hardly\s+an?|barely\s+an?|rarely\s+an?|never\s+an?)\s+{_FEW}{{1,4}}?without\s+"
    rf"{_FILLS}{_PROBLEMS}",
    rf"(?:{_VERB_NOT}|never)\s+(?:the|my|our|your|their|his|her)\s+(?:first|only|last|second|third|biggest"
    rf"|one)\s+{_FEW}?{_PROBLEM}(?:\s+with)?",
    rf"(?:{_VERB_NOT}|never)\s+(?:just|only|even)\s+{_FEW}{{0,2}}?{_PROBLEM}",
    rf"(?:{_VERB_NOT}|never|no\s+other)\s+{_FEW}{{0,3}}?(?:so\s+many|so\s+much|such(?:\s+an?)?|worse|an?\s+"
    rf"worse|this\s+many|that\s+many"
    rf"|as\s+many|as\s+much|so\s+often|a\s+longer|longer)\s+{_FEW}?{_PROBLEM}",
    rf"(?:{_VERB_NOT}|never|hardly|anything\s+but|nothing\s+but|far\s+from|nowhere\s+near)\s+"
    rf"{_FEW}{{0,3}}?(?:{_PROBLEM_STEM}s?[ -]free|painless|smooth|seamless)",
    rf"(?:{_VERB_NOT}|never|no\s+one|nobody|none|nothing|without)\s+(?!(?:have|had|having|need|needed)\s+to\b)"
    rf"{_FEW}{{0,3}}?{_SOLVE}\s+(?!no\b|without\b){_FEW}{{0,4}}?{_PROBLEM}",
    rf"(?:{_VERB_NOT}|no\s+one|nobody)\s+(?:get|got|getting|have|had)\s+{_FEW}{{0,2}}?{_PROBLEM}\s+"
    rf"{_FEW}?{_UNSOLVED_LATER}",
    rf"(?:no|zero|never\s+(?:an?|any)|{_VERB_NOT}\s+(?:an?|any|get|got|received?))\s+(?:(?:any|an?|real|clear"
    rf"|proper|further)\s+){{0,2}}{_REMEDY}\s+{_FEW}{{0,4}}?{_PROBLEM}",
    r"(?:no|zero|little|not?\s+any|without\s+any|without)\s+(?:(?:real|any)\s+)?(?:concern|respect|regard"
    r"|consideration|empathy|sympathy|care|interest)\s+(?:for|from|about|in|towards)",
    rf"no\s+reason\s+(?:given\s+)?for\s+(?:the|this|that|these|such|our|my)\s+{_FEW}?{_PROBLEM}",
    rf"(?:no|{_VERB_NOT}\s+any)\s+way\s+(?:to|of)\s+{_FEW}{{1,3}}?{_PROBLEM}",
    rf"(?:no\s+one|nobody|{_VERB_NOT}\s+anyone)\s+{_FEW}{{1,4}}?(?:about|of|for|why|to)\s+"
    rf"{_FEW}{{0,4}}?{_PROBLEM}",
    rf"(?:no|{_NEGATION}\s+(?:one|any|a\s+single)|none)\s+(?:of\s+(?:my|our|the|these)\s+)?{_PROBLEM}\s+"
    rf"(?:(?:is|was|were|are|has|have|been|being|ever|yet"
    rf"|got|gets|properly|fully|actually|i|we|had|reported|sent)\s+){{1,5}}?{_UNSOLVED_LATER}",
    r"never\s+fail(?:s|ed)?\s+to\s+(?:disappoint|annoy|frustrate|irritate|let|mess|upset|ruin|lose|fail"
    r"|confuse|enrage|delay)",
    r"could(?:n't|nt|\s+not)\s+(?:possibly\s+)?(?:have\s+)?(?:be|been|get|gotten|got|go|gone)\s+(?:any\s+"
    r")?(?:worse|slower|ruder|less\s+\w+"
    r"|more\s+(?:rude|disappoint\w+|unhelpful|wrong|frustrat\w+|unhappy|annoy\w+|angry|upset|difficult"
    r"|complicated|confus\w+|stressful|useless|painful))",
    r"can(?:'t|not|\s+not)\s+(?:even\s+)?complain\s+to(?:\s+anyone)?|could(?:n't|\s+not)\s+complain\s+to(?:\s+"
    r"anyone)?",
)

_NOBODY = _compiled(
    r"(?:nobody|no\s+one|nothing)",
    r"(?:nobody|no\s+one)\s+(?:(?:even|would|could|can|will|ever|really|actually|has|had|wants?\s+to|seems\s+"
    r"to|bothere?d?\s+to)\s+)?(?:care|help|listen|answer|respond|repli|apologi|smile|call"
    r"|pick|turn|show|know|knew|understand|explain)\w*(?:\s+(?:me|us|up|back|the\s+phone))?",
    r"nothing\s+(?:(?:ever|is|was|has|really|actually)\s+)?(?:work(?:s|ed|ing)?|function\w*|help(?:s|ed)?"
    r"|happen(?:s|ed|ing)?|chang(?:es|ed)|gets?\s+done|got\s+done)",
)
_NOT_YET = _compiled(
    rf"(?:{_PROBLEM_STEM})",
    rf"{_PROBLEM}\s+(?:{_FEW}{{0,2}}?(?:{_VERB_NOT}|never|yet\s+to\s+be|still\s+to\s+be)\s+"
    rf"{_FEW}{{0,3}}?{_UNSOLVED_LATER}"
    r"|(?:(?:is|are|was|were|remains?|remained|still|stays?|stayed|goes|went|currently)\s+){1,3}un(?:resolved"
    r"|solved|answered|explained|fixed|addressed))",
)
_ASKED_FOR = _compiled(
    r"(?:when|how|need|want|waiting|please|can|could|will|still|fail|refus|unable)",
    rf"(?:when|how\s+long|need\w*|want\w*|waiting|please|(?:can|could|will)\s+you|still\s+trying)\s+"
    rf"{_FEW}{{0,5}}?{_PROBLEM}\s+{_FEW}{{0,3}}?{_SOLVED}",
    rf"(?:please|(?:can|could|will|need|want)\s+you(?:\s+to)?|still\s+trying\s+to)\s+{_FEW}{{0,2}}?(?:fix"
    rf"|solve|resolve|sort|address|correct|look)\s+{_FEW}{{0,3}}?{_PROBLEM}",
    rf"(?:fail(?:s|ed)?|refus(?:e|es|ed)|unable)\s+to\s+{_FEW}{{0,2}}?{_SOLVE}\s+{_FEW}{{0,4}}?{_PROBLEM}",
)

_PRAISE = _compiled(
    rf"(?:{_DENIES}|free|devoid|yet|hard|difficult|impossible)",
    # a problem
    rf"(?:no|zero|without|free\s+(?:of|from)|devoid\s+of)\s+(?:the\s+|all\s+the\s+)?{_FILLS}{_PROBLEMS}(?:\s+"
    rf"(?:at\s+all|whatsoever|so\s+far))?",
    rf"(?:never|nothing|none(?:\s+of\s+the)?|nobody|no\s+one|neither|hardly|barely|rarely|seldom|scarcely"
    rf"|yet\s+to|little\s+or\s+no)\s+{_FILLS}{_PROBLEMS}"
    r"(?:\s+(?:at\s+all|whatsoever|so\s+far|yet))?",
    rf"{_VERB_NOT}\s+{_SOME_FILLS}{_PROBLEMS}(?:\s+(?:at\s+all|whatsoever|so\s+far|yet))?",
    # what is unpleasant, or fails
    rf"(?:{_NEGATION}|none\s+of\s+(?:the|my|our)\s+\w+)\s+{_FILLS}(?:(?:too|very|overly|that|particularly"
    rf"|remotely)\s+)?{_UNPLEASANT}(?:\s+(?:at\s+all|in\s+the\s+least))?",
    rf"(?:nothing|none(?:\s+of\s+(?:the|my|our)\s+\w+)?|nobody|no\s+one|never)\s+{_FILLS}{_BROKEN}",
    rf"(?!do(?:n't|nt|\s+not)\s+(?:forget|quit|lie|make|mislead)\b)(?:never|not\s+once|none\s+of\s+(?:the|my"
    rf"|our)\s+\w+|nothing|{_VERB_NOT})\s+(?:(?:the|my|our)\s+\w+\s+|{_FILL}){{0,3}}?{_FAILS}(?:\s+once)?",
    r"never\s+fail(?:s|ed)?\s+to(?=\s+(?:please|impress|amaze|deliver|delight|help|satisf|surprise|make"
    r"|exceed|bring|put|cheer|meet|provide|give)\w*)",
    # an effort
    rf"(?<!should\s)(?<!would\s)(?!(?:should|would)n't)(?:{_NEGATION})\s+(?:(?:really|even|once|ever|had|have"
    rf"|has|did|i|we|you|us|me|there\s+is|is)\s+){{0,3}}"
    rf"(?:have|had|having|need|needed|any\s+need|a\s+need)\s+(?:for\s+\w+\s+)?to\s+{_EFFORT}",
    rf"no\s+(?:need|reason)\s+(?:for\s+(?:me|us|you|anyone)\s+)?to\s+{_EFFORT}",
    # a reason
    rf"{_NEGATION}\s+{_FILLS}(?:cause|reason|reasons|grounds|occasion|need)\s+(?:at\s+all\s+)?(?:for|to)\s+"
    rf"(?:be\s+|feel\s+|have\s+)?(?:any\s+)?"
    r"(?:complain|complaint|complaints|complaining|regret|regrets|worry|concern|unhappy|disappointed"
    r"|disappointment|doubt|fault|dissatisfied|grumble|alarm)",
    # set phrases
    r"(?:nothing|only)\s+but\s+(?:praise|good|great|positive|compliments|kind|nice|kindness|respect)(?:\s+"
    r"(?:experiences?|things?|words?|service|help))?",
    r"(?:little|not\s+much|hardly\s+anything|barely\s+anything)\s+to\s+(?:complain\s+about|criticise"
    r"|criticize|dislike|fault|improve)",
    r"(?:can(?:'t|t|no|not|\s+not)|couldn'?t|could\s+not|cannot)\s+(?:really\s+|possibly\s+|honestly\s+"
    r")?(?:complain|fault|criticise|criticize|beat\s+(?:it|that|them|this)|go\s+wrong|go\s+far\s+wrong"
    r"|ask\s+for\s+(?:more|better|anything\s+more|a\s+(?:better|nicer)\s+\w+)|say\s+(?:anything|a)\s+(?:bad"
    r"|negative)(?:\s+word)?)",
    r"(?:can(?:'t|not|\s+not)|couldn't|could\s+not)\s+(?:\w+\s+)?(?:thank|recommend|praise|rate|speak)\s+"
    r"(?:\w+\s+){0,6}?(?:enough|highly\s+enough|higher|more\s+highly)",
    r"could(?:n't|nt|\s+not)\s+(?:possibly\s+)?(?:have\s+)?(?:be|been|ask\s+for|asked\s+for|wish\s+for"
    r"|wished\s+for|get|gotten|want|wanted|hope\s+for|hoped\s+for|go|gone|do|done)"
    r"\s+(?:any\s+|an?\s+|for\s+)?(?:better|happier|easier|nicer|kinder|friendlier|smoother|simpler|quicker"
    r"|faster|cleaner|more(?:\s+\w+)?)",
    r"(?:hard|difficult|impossible)\s+to\s+(?:fault|criticise|criticize|beat)",
    rf"{_NEGATION}\s+{_FILLS}(?:really\s+)?bad\s+(?:word|thing|things)\s+(?:to\s+say|for)?",
    r"nothing\s+(?:at\s+all\s+)?(?:i\s+|we\s+)?(?:(?:would|could|can|to|went|bad|negative|really|has|have"
    r"|even|worth|that|i'd|is|was)\s+){1,4}"
    r"(?:complain\s+about|complaining\s+about|criticise|criticize|dislike|fault|wrong|say|report|moan\s+about"
    r"|change|improve)",
    r"nothing\s+(?:(?:is|was|seems|seemed|ever|be|would|being)\s+){0,3}(?:too\s+much|too\s+big|too\s+"
    r"small)(?:\s+(?:of\s+an?|an?))?\s+(?:\w+)",
    r"(?:wo|would)n't\s+hesitate|(?:will|would)\s+not\s+hesitate|never\s+looked\s+back",
    r"(?:wo|do|does|did|would|have|ca)n't\s+(?:ever\s+)?regret(?:ted)?|(?:not|never)\s+(?:ever\s+"
    r")?regret(?:ted)?",
)
_FREE = _compiled(_PROBLEM_STEM, rf"{_PROBLEM_STEM}s?(?:\s*-\s*|\s+)free")
_REPAIRED = _compiled(
    rf"(?:{_PROBLEM_STEM}|solved|fixed|resolved|sorted|corrected|rectified|cleared|dealt|handled|repaired)",
    rf"{_PROBLEM_STEM}s?\s+(?:(?:now|all|both|quickly|finally|soon|then|that\s+\w+\s+\w+|we\s+had|i\s+had)\s+"
    rf"){{0,2}}?"
    rf"(?:was|were|has\s+been|have\s+been|had\s+been|got|is\s+now|are\s+now|is|are|have|has)\s+(?:(?:now|all"
    rf"|both|quickly|finally|soon|then|promptly|swiftly"
    rf"|immediately|already|since|easily|very|fully|completely|well|professionally|efficiently|been)\s+"
    rf"){{0,3}}(?:{_SOLVED}|gone(?!\s+(?:on|up|wrong|un))|disappeared|vanished)",
    rf"(?:solved|fixed|resolved|sorted|corrected|rectified|cleared|dealt\s+with|handled|repaired)\s+(?:out\s+"
    rf"|up\s+)?(?:my|our|the|every|all|all\s+the|all\s+my|any|this"
    rf"|that|both|each|his|her)\s+(?:\w+\s+)?{_PROBLEM_STEM}s?(?:\s+out|\s+up)?",
)
_REPAIRED_AT_ONCE = re.compile(
    rf"(?:(?:^|[.!?,;:]\s*)(?:all\s+|every\s+|both\s+)?)({_PROBLEM_STEM}s?\s+(?:quickly\s+|now\s+|finally\s+"
    rf"|soon\s+)?{_SOLVED}){_ON}",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"(?<![\w'])(?:if|until|till|unless|when|once|before|why|not|never|nor|no|hope\w*|claim\w*|say|says|said"
    r"|told|promis\w+|want\w*|need\w*|wish\w*"
    r"|should|could|would|might|can|to|be|get|getting|gets|after|took|takes|wait\w*|\w+n't|whether|until"
    r"|someone|please|will|still)(?![\w'])",
    re.IGNORECASE,
)
_CLAIMED = re.compile(
    r"(?:(?<![\w'])(?:they|he|she|you|support|staff|agents?|company|guy|lady|woman|man|rep|website|advert"
    r"|manager|driver|desk|service|who)\s+(?:\w+\s+)?"
    r"(?:say|says|said|tell|tells|think|thinks|thought|pretend\w*|reply|replied)|\b(?:told|claim\w*|insist\w*"
    r"|promis\w+|assur\w+|advertis\w+|supposed|apparently))"
    r"(?:\s+(?:me|us|that|you|it|there|will|would|is|was|were|be|i|we|they|had|to|have|the|app|site|my|our"
    r"|line|flight|bill)){0,6}\s*$",
    re.IGNORECASE,
)
_WISHED = re.compile(
    r"(?:would|might|could|may)\s*$|(?<![\w'])(?:hop(?:e|es|ing|ed|efully)|wish\w*|assum\w+|please|mak(?:e|es"
    r"|ing)\s+sure|ensure|should|if|whether|can\s+(?:you|i|we)"
    r"|would\s+(?:be|have\s+been)\s+\w+|how\s+(?:do|can|could)|had\s+the|i'd\s+like|want\w*)(?![\w'])",
    re.IGNORECASE,
)
_NO_LONGER = re.compile(
    r"\s*(?:(?:at|with|from|on|in|\w+)\s+){0,3}?(?:until|till|before)\b(?:\W*$|\W*(?:now|today|tonight|this"
    r"|that|last|yesterday|recently|but|the\s+(?:last|latest|new))\b)"
    r"|\s+before,?\s+but\b",
    re.IGNORECASE,
)
_RATHER = re.compile(
    r"\s*(?:[,.;:-]+\s*)?(?:it'?s|it\s+is|it\s+was|this\s+is|that\s+is|that's|but\s+an?|just\s+an?|so\s+"
    r"much\s+as|either)\b",
    re.IGNORECASE,
)
_A_THING = re.compile(r"(?:not|\w+n't)\s+an?\s", re.IGNORECASE)
_CONTRADICTED = re.compile(
    r"[^.!?]*?(?<![\w'])(?:but|yet|then|however|although|still|and\s+(?:the|my|our|now|it|i|we))(?![\w'])",
    re.IGNORECASE,
)
_SHIELD = ". . . "  # three tokens without a valence: a negation before them does not reach over them
_TURNS = re.compile(
    r"not|no|never|none|nothing|without|cannot|neither|nor|rarely|seldom|despite|\w+n'?t", re.IGNORECASE
)


# What each kind of place has to have: asked of single words before any rule is tried, so that most texts cost nothing.
DENIES, DENIED, TROUBLE, MENDS, BLAMED = 1, 2, 4, 8, 32
_HINTS = {
    DENIES: re.compile(
        r"n'?t$|n'?t[^a-z]|(?<![a-z])(?:no|zero|never|nothing|none|nobody|neither|hardly|barely|rarely|seldom"
        r"|scarcely|without|little|anything|nowhere"
        r"|far|not|cannot|yet|hard|difficult|impossible|devoid|free)(?![a-z])"
    ),
    TROUBLE: re.compile(_PROBLEM_STEM),
    MENDS: re.compile(
        "free|going|heard|read|improved|investigat|solv|fix|resolv|address|sort|correct|rectif|clear|deal"
        "|handl|repair|taken|gone|disappear|vanish|ironed|look|fail|refus|unable|answered|explained"
        "|acknowledged"
    ),
    BLAMED: re.compile(
        "surprise|waiting|charge|fee|cost|bad|negative|poor|nasty|unpleasant|awful|terrible|lost|missing"
        "|broken|damaged|dropped|delayed|cancel|faulty|long|late"
        "|print|fail|worse|slower|ruder|less|complain|painless|smooth|seamless|respect|regard|consideration"
        "|empathy|sympathy|care|interest|more"
    ),
    DENIED: re.compile(
        "difficult|kept|keep|left|let|mess|ripped|overcharged|unfriendly|unhelpful|unsafe|ignored|rushed"
        "|complicated|tricky|confusing|painful|disappoint|unhappy"
        "|boring|stress|annoying|bothersome|troublesome|overpriced|neglected|pressured|unprofessional"
        "|impolite|awkward|misled|cheated|bored|frustrating|inconvenient"
        "|rude|slow|dirty|noisy|cramped|wrong|spilled|stolen|dead|crash|drop|br[eo]ak|broke|fr[eo]*z|lag"
        "|disconnect|go(?:es)?$|went|gone|malfunction|cuts?$|leak|stall"
        "|^(?:wait|queue|chas|call|ring|phone|worry|ask|argue|fight|bother|repeat|explain|remind|panic|hurry"
        "|rush|fret|pay|stand|sit|deal)|cause|reason|ground"
        "|occasion|need|regret|dissatisfied|grumble|alarm|doubt|critici|beat|say|thank|recommend|praise|rate"
        "|speak|better|happier|easier|nicer|kinder|friendlier"
        "|simpler|quicker|faster|cleaner|feel|felt|tak|took|overcharg|rip|cheat|lie|corner|mislead|mistake"
        "|forg|die|quit|expensive|pricey|costly|crowd|pushy|smelly|stale|bland|dark|pocket|praise|good|great"
        "|positive|compliment|kind|nice|help|listen|answer|respond|repli|apologi|smile|pick|turn|show|know"
        "|knew|understand|work|function|happen|report|moan|change|improve|dislike|much|big|small|hesitate"
        "|looked|wonder|just|only|merely|simply|fault"
    ),
}
_REACH = 10  # words between a negation and what it denies
_CURLY = 16  # the word has a typographic apostrophe
_MOST_WORDS = 200_000  # distinct words kept in mind; then it starts anew, so that memory stays flat


class _Hints(dict[str, int]):
    """Which of the kinds each word that was met can belong to."""

    def __missing__(self, word: str) -> int:
        if len(self) > _MOST_WORDS:
            self.clear()
        low = word.lower().replace("’", "'")
        made = sum(kind for kind, pattern in _HINTS.items() if pattern.search(low)) | (_CURLY if "’" in word else 0)
        self[word] = made
        return made


_hints = _Hints()


def repaired(text: str) -> str:
    """A text in which a denied problem is one word of praise, and a denied repair one word of blame; the others stay as they are.

    >>> repaired("No problems at all"), repaired("nothing but problems"), repaired("I never had to wait.")
    ('flawlesslyok', 'unsolvedbad', 'I flawlesslyok.')
    """
    words = text.split()
    hints = list(map(_hints.__getitem__, words))
    seen = 0
    for hint in hints:
        seen |= hint
    if seen & _CURLY:
        return repaired(text.replace("’", "'"))
    if not _possible(seen):
        return text
    parts, begin, changed = [], 0, False
    for place, word in enumerate(words, 1):
        if word[-1] in ".!?" or place == len(words):
            part = " ".join(words[begin:place])
            made = _in_sentence(part, hints[begin:place])
            changed = changed or made != part
            parts.append(made)
            begin = place
    return _shielded(" ".join(parts)) if changed else text


def _possible(seen: int) -> bool:
    return bool(seen & TROUBLE and seen & MENDS) or bool(seen & DENIES and seen & (DENIED | BLAMED | TROUBLE))


def _in_sentence(text: str, hints: list[int]) -> str:
    seen = 0
    for hint in hints:
        seen |= hint
    if not _possible(seen):
        return text
    mended = seen & TROUBLE and seen & MENDS
    near = 0
    for place, hint in enumerate(hints):
        if hint & DENIES:
            for later in hints[place : place + _REACH]:
                near |= later
    if near or seen & DENIES:
        low = text.lower()
        if near & (TROUBLE | BLAMED):
            text = _STILL_BAD.sub(BAD, text)
        if "wonder" in low or "doubt" in low or "surprise" in low:
            text = _NO_DENIAL.sub("indeed", text)
        if "nobody" in low or "no one" in low or "nothing" in low:
            text = _NOBODY.sub(BAD, text)
    if mended:
        text = _ASKED_FOR.sub(BAD, _NOT_YET.sub(BAD, text))
    if near & (DENIED | BLAMED | TROUBLE):
        if "just" in low or "only" in low or "merely" in low or "simply" in low:
            text = _NOT_ONLY.sub(lambda found: f"{found[1] or ''} {found[2]}".strip(), text)
        text = _PRAISE.sub(_praised, text)
    if mended:
        if "free" in text.lower():
            text = _FREE.sub(_praised, text)
        text = _REPAIRED.sub(_if_reported, text)
        text = _REPAIRED_AT_ONCE.sub(lambda found: found[0].replace(found[1], GOOD), text)
    return text


def _shielded(text: str) -> str:
    """A negation up to three words before a replaced place would turn it: three tokens are put between them."""
    words = text.split()
    return " ".join(
        _SHIELD + word
        if (GOOD in word or BAD in word)
        and any(_TURNS.fullmatch(before.strip(string.punctuation)) for before in words[max(place - 3, 0) : place])
        else word
        for place, word in enumerate(words)
    )


def _praised(found: re.Match[str]) -> str:
    before, after = found.string[: found.start()], found.string[found.end() :]
    if _CLAIMED.search(before):
        return BAD if _CONTRADICTED.match(after) else SAID
    if _NO_LONGER.match(after):
        return BAD
    if _WISHED.search(" ".join(_clause_of(before)[-8:])) or (_A_THING.match(found.group()) and _RATHER.match(after)):
        return SAID
    return GOOD


def _clause_of(before: str) -> list[str]:
    """The words since the last mark that ends a clause."""
    return re.split(r"[.!?;,:]", before)[-1].split()


def _if_reported(found: re.Match[str]) -> str:
    """Praise, unless the words before it say that the repair was wished, claimed, late or denied."""
    clause = _clause_of(found.string[: found.start()])
    return found.group() if _HEDGE.search(" ".join(clause[-5:])) else GOOD
