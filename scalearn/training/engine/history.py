"""The Trainer's log history as rows of a table."""

from __future__ import annotations

from typing import Any

_DROPPED = ("epoch", "step", "eval_loss", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second")


def history_rows(log: list[dict[str, Any]], unit: str) -> list[dict[str, Any]]:
    """Return one row per epoch: its number, train_loss, eval_loss and the validation metrics.

    log: the Trainer's `log_history`. unit: the name of the first column, "epoch" or "round".
    """
    losses = {round(entry["epoch"]): entry["loss"] for entry in log if "loss" in entry}
    return [
        {unit: round(entry["epoch"]), "train_loss": losses[round(entry["epoch"])], "eval_loss": entry["eval_loss"]}
        | {key: entry[key] for key in sorted(entry) if key not in _DROPPED}
        for entry in log
        if "eval_loss" in entry
    ]
