"""demo_rte: news of firms and towns, few rows. The same relation as in demo_nli, in other words about other things."""

from __future__ import annotations

from scalearn.tasks.generated.draw import Draw, Row, article, sentence

ACTORS = {
    "baker": "craftsman", "carpenter": "craftsman", "tailor": "craftsman",
    "bank": "company", "shipyard": "company", "airline": "company", "brewery": "company",
    "senator": "politician", "mayor": "politician", "minister": "politician", "president": "politician",
    "surgeon": "doctor", "dentist": "doctor",
    "university": "school", "academy": "school",
}  # fmt: skip
ORIGINS = ("famous", "local", "wealthy", "foreign", "small", "former", "well-known", "ambitious")
DEEDS = {  # what was done -> what that is, and what it excludes
    "sold seven lorries": ("sold vehicles", "kept all vehicles"),
    "sold a dozen vans": ("sold vehicles", "kept all vehicles"),
    "bought two violins": ("bought instruments", "refused to buy instruments"),
    "bought forty roses": ("bought flowers", "refused to buy flowers"),
    "opened a bookshop": ("opened a store", "closed a store"),
    "opened a pharmacy": ("opened a store", "closed a store"),
    "hired nine welders": ("hired workers", "dismissed workers"),
    "hired many bricklayers": ("hired workers", "dismissed workers"),
    "won a lawsuit": ("was successful in court", "lost in court"),
    "repaired an old mill": ("repaired a building", "tore down a building"),
    "restored a chapel": ("repaired a building", "tore down a building"),
    "praised the new tax": ("supported a law", "opposed a law"),
    "earned millions": ("made money", "lost money"),
    "founded a newspaper": ("started a business", "ended a business"),
    "started a cinema": ("started a business", "ended a business"),
    "lowered the fees": ("became cheaper", "became more expensive"),
    "planted elms": ("planted trees", "cut down trees"),
}
TOWNS = {
    "Lisbon": "Portugal", "Porto": "Portugal", "Munich": "Germany", "Hamburg": "Germany", "Lyon": "France",
    "Marseille": "France", "Osaka": "Japan", "Kyoto": "Japan", "Naples": "Italy", "Milan": "Italy",
    "Oslo": "Norway", "Cairo": "Egypt",
}  # fmt: skip
ADDED = (
    "after a quarrel with a partner", "because of a rumour", "to impress a rival", "for the second time",
    "despite several warnings", "on the advice of a lawyer", "with borrowed money", "in spite of a strike",
)  # fmt: skip


def news(draw: Draw, number: int) -> Row:
    """Return a premise and a hypothesis; even numbers are entailed, the others denied or made up in turns."""
    label = "entailment" if number % 2 == 0 else "not_entailment"
    actor, deed, town = draw.pick(tuple(ACTORS)), draw.pick(tuple(DEEDS)), draw.pick(tuple(TOWNS))
    general, opposite = DEEDS[deed]
    kind, country = ACTORS[actor], TOWNS[town]
    hypothesis = {
        0: (f"{article(kind)} {general}", f"the {actor} {general} in {country}", f"{article(kind)} {deed}"),
        1: (f"{article(kind)} {opposite}", f"the {actor} {opposite} in {town}", f"nobody {general} in {country}"),
        3: tuple(f"{who} {general} {draw.pick(ADDED)}" for who in (f"the {actor}", article(kind))),
    }[0 if label == "entailment" else number % 4]
    return {
        "premise": sentence(f"{article(draw.pick(ORIGINS))} {actor} {deed} in {town}"),
        "hypothesis": sentence(draw.pick(hypothesis)),
        "label": label,
    }
