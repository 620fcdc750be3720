"""The encoders and benchmarks of config.yaml, the paper's campaign; their paths contain no digests.

A test compares this module with config.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping

from scalearn.campaign.config import HubModel, ModelSource

MODELS: Mapping[str, ModelSource] = {
    "roberta-base": HubModel(repository="FacebookAI/roberta-base", revision="e2da8e2f811d1448a5b465c236feacd80ffbac7b"),
    "xlm-roberta-base": HubModel(
        repository="FacebookAI/xlm-roberta-base", revision="e73636d4f797dec63c3081bb6ed5c7b0bb3f2089"
    ),
    "all-mpnet-base-v2": HubModel(
        repository="sentence-transformers/all-mpnet-base-v2", revision="e8c3b32edf5434bc2275fc9bab85f82640a19130"
    ),
}
SENTENCE_ENCODER = "all-mpnet-base-v2"

GLUE = ("mnli", "qqp", "qnli", "sst2", "stsb", "mrpc", "rte", "cola")
BENCHMARKS: Mapping[str, tuple[str, ...]] = {
    "glue": GLUE,
    "superglue": ("record", "multirc", "boolq", "wic", "wsc", "copa", "cb", "rte"),
    "gsg": (*GLUE, "record", "multirc", "boolq", "wic", "wsc", "copa", "cb"),
    "humset": ("sectors", "pillars_1d", "subpillars_1d", "pillars_2d", "subpillars_2d"),
}
