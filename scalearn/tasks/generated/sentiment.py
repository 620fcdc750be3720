"""demo_sentiment: short reviews. A word decides the polarity, unless a negation turns it or a 'but' overrules it."""

from __future__ import annotations

from scalearn.tasks.generated.draw import Draw, Row, sentence

THINGS = {
    "film": ("plot", "acting", "ending", "soundtrack", "dialogue", "opening scene"),
    "restaurant": ("soup", "service", "dessert", "menu", "coffee", "fish"),
    "hotel": ("room", "bed", "breakfast", "view", "pool", "welcome"),
    "phone": ("screen", "battery", "camera", "speaker", "case", "keyboard"),
    "novel": ("story", "first chapter", "style", "hero", "cover", "translation"),
    "concert": ("singing", "sound", "band", "lighting", "encore", "drumming"),
    "train ride": ("seat", "carriage", "timetable", "ticket office", "heating", "crew"),
    "museum": ("exhibition", "guide", "audio tour", "garden", "shop", "building"),
}
GOOD = (
    "superb", "delightful", "charming", "brilliant", "wonderful", "lovely", "excellent", "impressive", "pleasant",
    "splendid", "marvellous", "fantastic", "enjoyable", "beautiful", "flawless", "great", "gorgeous", "stunning",
    "perfect", "remarkable", "refreshing", "admirable", "fabulous", "satisfying", "outstanding", "elegant",
)  # fmt: skip
BAD = (
    "awful", "dreadful", "boring", "terrible", "disappointing", "dull", "horrible", "poor", "unpleasant", "clumsy",
    "miserable", "tedious", "lousy", "ugly", "annoying", "mediocre", "shabby", "hideous", "pathetic", "useless",
    "disgusting", "painful", "sloppy", "appalling", "dismal", "atrocious",
)  # fmt: skip
LIKED = ("loved", "enjoyed", "admired", "adored", "would recommend", "was delighted by", "was impressed by")
HATED = ("hated", "disliked", "regretted", "detested", "would avoid", "was bored by", "was annoyed by")
DEGREES = ("really", "quite", "simply", "truly", "rather", "absolutely", "very")

PLAIN = (
    "the {aspect} of this {thing} was {degree} {word}",
    "I {verb} this {thing}, the {aspect} was {word}",
    "{degree} {word} {aspect}, and the {second} was {more} too",
    "my friends {verb} the {aspect} of that {thing}",
    "this {thing} has a {degree} {word} {aspect}",
    "what a {word} {thing}, with such a {more} {aspect}",
)
TURNED = (  # `contrary` is a word of the other polarity
    "the {aspect} of this {thing} was not {contrary} at all",
    "nobody would call the {aspect} of this {thing} {contrary}",
    "I never found the {aspect} of that {thing} {contrary}",
    "there was nothing {contrary} about the {aspect} of the {thing}",
)
OVERRULED = (
    "the {aspect} was {contrary}, but overall I {verb} this {thing}",
    "although the {aspect} was {contrary}, the {thing} was {degree} {word}",
    "the {second} was {contrary}, yet the rest of the {thing} was {word}",
)


def sentiment(draw: Draw, number: int) -> Row:
    """Return a review; odd numbers are positive."""
    positive = number % 2 == 1
    same, contrary, verbs = (GOOD, BAD, LIKED) if positive else (BAD, GOOD, HATED)
    thing = draw.pick(tuple(THINGS))
    aspect, second = draw.some(THINGS[thing], 2)
    word, more = draw.some(same, 2)
    templates = draw.pick((PLAIN, PLAIN, PLAIN, TURNED, OVERRULED))
    text = draw.pick(templates).format(
        thing=thing, aspect=aspect, second=second, word=word, more=more,
        contrary=draw.pick(contrary), verb=draw.pick(verbs), degree=draw.pick(DEGREES),
    )  # fmt: skip
    return {"sentence": sentence(text), "label": "positive" if positive else "negative"}
