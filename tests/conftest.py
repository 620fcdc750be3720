"""Tiny models gain nothing from threads, and lose much where several processes compete for the cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
