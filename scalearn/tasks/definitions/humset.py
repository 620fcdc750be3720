"""The five HumSet tasks of the paper: excerpts of humanitarian reports in English, French and Spanish.

Fekih et al. 2022, Findings of EMNLP; splits and metrics as in arXiv 2310.01217. The dataset's own terms allow research
that is not commercial, and no redistribution.
"""

from __future__ import annotations

from scalearn.tasks.definition import METRICS, HubSource, Task

REPOSITORY = "nlp-thedeep/humset"
REVISION = "f7ff4f6997d6b269816478e3f558204ace7c96bc"  # the files of its version 1.0.0 lie below data/


def _below(pillars: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(f"{pillar}->{below}" for pillar, names in pillars.items() for below in names)


_STAFF_OR_POPULATION = ("Expressed By Humanitarian Staff", "Expressed By Population")

_PILLARS_1D = {
    "Casualties": ("Dead", "Injured", "Missing"),
    "Context": (
        "Demography",
        "Economy",
        "Environment",
        "Legal & Policy",
        "Politics",
        "Security & Stability",
        "Socio Cultural",
    ),
    "Covid-19": (
        "Cases",
        "Contact Tracing",
        "Deaths",
        "Hospitalization & Care",
        "Restriction Measures",
        "Testing",
        "Vaccination",
    ),
    "Displacement": ("Intentions", "Local Integration", "Pull Factors", "Push Factors", "Type/Numbers/Movements"),
    "Humanitarian Access": (
        "Number Of People Facing Humanitarian Access Constraints/Humanitarian Access Gaps",
        "Physical Constraints",
        "Population To Relief",
        "Relief To Population",
    ),
    "Information And Communication": (
        "Communication Means And Preferences",
        "Information Challenges And Barriers",
        "Knowledge And Info Gaps (Hum)",
        "Knowledge And Info Gaps (Pop)",
    ),
    "Shock/Event": ("Hazard & Threats", "Type And Characteristics", "Underlying/Aggravating Factors"),
}

_PILLARS_2D = {
    "At Risk": ("Number Of People At Risk", "Risk And Vulnerabilities"),
    "Capacities & Response": (
        "International Response",
        "Local Response",
        "National Response",
        "Number Of People Reached/Response Gaps",
    ),
    "Humanitarian Conditions": (
        "Coping Mechanisms",
        "Living Standards",
        "Number Of People In Need",
        "Physical And Mental Well Being",
    ),
    "Impact": (
        "Driver/Aggravating Factors",
        "Impact On People",
        "Impact On Systems, Services And Networks",
        "Number Of People Affected",
    ),
    "Priority Interventions": _STAFF_OR_POPULATION,
    "Priority Needs": _STAFF_OR_POPULATION,
}

# Sorted, which is also the order of the class indices that the hub's own loader gives.
LABELS = {
    "sectors": (
        "Agriculture",
        "Cross",
        "Education",
        "Food Security",
        "Health",
        "Livelihoods",
        "Logistics",
        "Nutrition",
        "Protection",
        "Shelter",
        "WASH",
    ),
    "pillars_1d": tuple(_PILLARS_1D),
    "pillars_2d": tuple(_PILLARS_2D),
    "subpillars_1d": _below(_PILLARS_1D),
    "subpillars_2d": _below(_PILLARS_2D),
}

HUMSET = {
    name: Task(
        source=HubSource(
            repository=REPOSITORY,
            revision=REVISION,
            config="1.0.0",
            files="data/{split}.jsonl",
            validation="validation",
            test="test",
        ),
        kind="multi_label",
        texts=("excerpt",),
        label=name,
        labels=labels,
        metrics=METRICS["multi_label"],
        select="headline",
    )
    for name, labels in LABELS.items()
}
