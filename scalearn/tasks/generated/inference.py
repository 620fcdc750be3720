"""demo_nli: everyday scenes. A hypothesis says less (entailment), adds something (neutral), or denies something."""

from __future__ import annotations

from scalearn.tasks.generated.draw import Draw, Row, article, sentence

LABELS = ("entailment", "neutral", "contradiction")

AGENTS = {  # who -> what each of them is too
    "boy": "child", "girl": "child", "toddler": "child",
    "man": "person", "woman": "person", "teenager": "person", "nurse": "person", "farmer": "person",
    "dog": "animal", "cat": "animal", "horse": "animal", "monkey": "animal",
}  # fmt: skip

# what somebody does -> what that is, and what it excludes
HUMAN = {
    "playing the violin": ("making music", "sitting in silence"),
    "singing a song": ("making music", "keeping quiet"),
    "beating a drum": ("making music", "sitting in silence"),
    "eating a banana": ("eating fruit", "refusing to eat"),
    "biting into a peach": ("eating fruit", "refusing to eat"),
    "riding a bicycle": ("moving", "standing still"),
    "running a race": ("moving", "lying down"),
    "dancing": ("moving", "standing still"),
    "painting a portrait": ("making art", "destroying a picture"),
    "drawing flowers": ("making art", "destroying a picture"),
    "reading a novel": ("reading a book", "burning a book"),
    "laughing at a joke": ("having fun", "crying"),
    "telling a joke": ("talking", "keeping quiet"),
    "whispering a secret": ("talking", "shouting"),
    "drinking lemonade": ("drinking something", "without anything to drink"),
    "sipping tea": ("drinking something", "holding an empty cup"),
    "washing the dishes": ("cleaning something", "making everything dirty"),
    "sweeping the floor": ("cleaning something", "making everything dirty"),
    "sleeping": ("resting", "wide awake"),
    "taking a nap": ("resting", "wide awake"),
}
BEASTLY = {
    "chasing a ball": ("moving", "standing still"),
    "jumping over a box": ("moving", "lying down"),
    "sleeping": ("resting", "wide awake"),
    "dozing": ("resting", "wide awake"),
    "eating a carrot": ("eating a vegetable", "refusing to eat"),
    "chewing on cabbage": ("eating a vegetable", "refusing to eat"),
    "drinking water": ("drinking something", "refusing to drink"),
}
PLACES = {  # where -> inside or outside
    "in the kitchen": "indoors", "in the living room": "indoors", "in a classroom": "indoors",
    "in the bathroom": "indoors", "in the attic": "indoors",
    "in the park": "outdoors", "on the beach": "outdoors", "in the forest": "outdoors", "on a meadow": "outdoors",
    "beside the river": "outdoors",
}  # fmt: skip
ADDED = (
    "because of a bet", "before the wedding", "for the third time", "to please a neighbour", "after losing a key",
    "for a birthday film", "to win a prize", "on a Tuesday", "despite the rain", "to forget a quarrel",
    "before lunch", "for a cousin",
)  # fmt: skip


def inference(draw: Draw, number: int) -> Row:
    """Return a premise and a hypothesis; labels take turns."""
    label = LABELS[number % 3]
    agent, place = draw.pick(tuple(AGENTS)), draw.pick(tuple(PLACES))
    kind = AGENTS[agent]
    actions = BEASTLY if kind == "animal" else HUMAN
    action = draw.pick(tuple(actions))
    general, opposite = actions[action]
    hypothesis = {"entailment": _less, "neutral": _more, "contradiction": _denied}[label](
        draw, agent, kind, action, general, opposite, place
    )
    return {
        "premise": sentence(f"{draw.pick(('a', 'the', 'our'))} {agent} is {action} {place}"),
        "hypothesis": sentence(hypothesis),
        "label": label,
    }


def _less(draw: Draw, agent: str, kind: str, action: str, general: str, opposite: str, place: str) -> str:
    return draw.pick(
        (
            f"{article(kind)} is {general}",
            f"the {agent} is {general} {place}",
            f"{article(kind)} is {action}",
            f"the {agent} is {PLACES[place]}",
            f"{article(kind)} is {general} {PLACES[place]}",
            f"there is {article(kind)} {place}",
        )
    )


def _more(draw: Draw, agent: str, kind: str, action: str, general: str, opposite: str, place: str) -> str:
    added = draw.pick(ADDED)
    return draw.pick(
        (
            f"{article(kind)} is {general} {added}",
            f"the {agent} is {action} {added}",
            f"the {agent} is {place} {added}",
            f"{article(kind)} is {PLACES[place]} {added}",
        )
    )


def _denied(draw: Draw, agent: str, kind: str, action: str, general: str, opposite: str, place: str) -> str:
    elsewhere = "outdoors" if PLACES[place] == "indoors" else "indoors"
    return draw.pick(
        (
            f"the {agent} is {opposite}",
            f"{article(kind)} is {opposite} {place}",
            f"the {agent} is {elsewhere}",
            f"{article(kind)} is {general} {elsewhere}",
            f"nobody is {general} {place}",
            f"there is no {kind} {place}",
        )
    )
