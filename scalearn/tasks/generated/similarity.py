"""demo_similarity: pairs of sentences with three slots each; 5 means the same in other words, 0 nothing in common."""

from __future__ import annotations

from scalearn.tasks.generated.draw import Draw, Row, sentence

# Each inner tuple holds ways to say the same.
WHO = (
    ("child", "kid"), ("doctor", "physician"), ("teacher", "schoolmaster"), ("sailor", "seaman"), ("thief", "robber"),
    ("lawyer", "attorney"), ("king", "monarch"), ("farmer", "peasant"), ("soldier", "fighter"), ("singer", "vocalist"),
)  # fmt: skip
DOES = (
    ("buys", "purchases"), ("repairs", "fixes"), ("hides", "conceals"), ("throws away", "discards"),
    ("draws", "sketches"), ("destroys", "wrecks"), ("cleans", "washes"), ("looks at", "watches"),
    ("steals", "robs"), ("lifts", "raises"),
)  # fmt: skip
WHAT = (
    ("car", "automobile"), ("boat", "ship"), ("house", "home"), ("jewel", "gem"), ("coat", "jacket"),
    ("computer", "laptop"), ("bicycle", "bike"), ("picture", "photograph"), ("couch", "sofa"), ("rock", "stone"),
)  # fmt: skip
SLOTS = ((WHO, 1.5), (DOES, 1.5), (WHAT, 2.0))  # what a slot in common is worth; together 5
TEMPLATES = ("the {0} {1} the {2}", "today the {0} {1} the {2}")


def similarity(draw: Draw, number: int) -> Row:
    """Return two sentences and what their common slots are worth; 0 to 3 slots in common take turns."""
    common = set(draw.some(range(len(SLOTS)), number % 4))
    first, second, score = [], [], 0.0
    for index, (meanings, worth) in enumerate(SLOTS):
        meaning = draw.pick(meanings)
        first.append(draw.pick(meaning))
        second.append(draw.pick(meaning if index in common else draw.other(meanings, meaning)))
        score += worth * (index in common)
    return {
        "sentence1": sentence(draw.pick(TEMPLATES).format(*first)),
        "sentence2": sentence(draw.pick(TEMPLATES).format(*second)),
        "label": score,
    }
