"""Costs of a table's rows as text: Markdown, LaTeX and CSV. scalearn.results.cost computes them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from scalearn.results.cells import Table
from scalearn.results.cost import Cost, RowCost, RunCost
from scalearn.results.grid import DASH, Grid, Line, Mark, percent
from scalearn.results.layout import FAMILIES
from scalearn.results.pareto import front

# What a score is set against: a column's key in the CSV, and its value of a row.
MEASURES: Mapping[str, Callable[[RowCost], float | None]] = {
    "parameters": lambda row: row.own.parameters,
    "parameters_with_sources": lambda row: row.with_sources.parameters,
    "hours": lambda row: row.own.hours,
    "hours_with_sources": lambda row: row.with_sources.hours,
    "bytes": lambda row: row.own.size,
    "bytes_with_sources": lambda row: row.with_sources.size,
}


def fronts(table: Table, costs: Sequence[RowCost]) -> dict[str, frozenset[str]]:
    """Return for each of MEASURES the rows that no other row beats: none has as good an average for less.

    Rows without an average, or whose cost is not known, are left out.
    """
    averages = {row.name: row.average for row in table.rows}
    found = {}
    for measure, value in MEASURES.items():
        points = {
            row.name: (cost, score)
            for row in costs
            if (cost := value(row)) is not None and (score := averages[row.name]) is not None
        }
        found[measure] = front(points)
    return found


def cost_grid(table: Table, costs: Sequence[RowCost]) -> Grid:
    """Return the costs as a table: a line per row, for one seed of all tasks of the benchmark."""
    by_name, best = {row.name: row for row in costs}, fronts(table, costs)
    if sum(row.average is not None for row in table.rows) < 2:
        best = dict.fromkeys(MEASURES, frozenset())  # there is nothing to beat
    on_gpu = any(run.gpu_memory is not None for row in costs for run in row.runs)
    lines: list[Line] = []
    for family, rows in table.families.items():
        lines.append(Line(family=FAMILIES[family]))
        lines += [_line(by_name[row.name], row.average, best, on_gpu) for row in rows]
    header = ["Method", "Avg.", "Parameters/task", "Parameters", "+ sources", "Hours", "+ sources", "Hours of all runs"]
    header += ["Memory (MiB)", *(["GPU memory (MiB)"] if on_gpu else [])]
    return Grid(
        f"{table.benchmark}, {table.model}, cost",
        (*header, "MB/task", "MB", "+ sources"),
        tuple(lines),
        (*_legend(table, on_gpu), _devices(costs)),
        (),
        _missing(costs),
    )


def _line(row: RowCost, average: float | None, best: Mapping[str, frozenset[str]], on_gpu: bool) -> Line:
    def mark(measure: str, text: Callable[[float], str]) -> Mark:
        value = MEASURES[measure](row)
        return Mark(DASH) if value is None else Mark(text(value), row.name in best[measure])

    joint = row.family == "joint"
    return Line(
        (
            Mark(row.title),
            Mark(DASH if average is None else percent(average)),
            Mark(_range([task.cost.parameters for task in row.tasks], _count)),
            *(mark(measure, _count) for measure in ("parameters", "parameters_with_sources")),
            *(mark(measure, _hours) for measure in ("hours", "hours_with_sources")),
            Mark(_hours(row.spent)),
            Mark(_largest([run.memory for run in row.runs])),
            *([Mark(_largest([run.gpu_memory for run in row.runs]))] if on_gpu else []),
            Mark(DASH if joint else _range([task.cost.size for task in row.tasks], _megabytes)),
            *(mark(measure, _megabytes) for measure in ("bytes", "bytes_with_sources")),
        )
    )


def _range(values: Sequence[int | None], text: Callable[[float], str]) -> str:
    known = sorted(value for value in values if value is not None)
    return DASH.join(dict.fromkeys([text(known[0]), text(known[-1])])) if known else DASH


def _largest(values: Sequence[int | None]) -> str:
    known = [value for value in values if value is not None]
    return _count(max(known)) if known else DASH


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _hours(value: float) -> str:
    """Return three digits, and all of those before the point."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:#.3g}"


def _megabytes(value: float) -> str:
    return f"{value / 1e6:,.2f}"


def _legend(table: Table, on_gpu: bool) -> list[str]:
    joint = "; a joint run has those of all tasks" if "joint" in table.families else ""
    host = "Memory: of the process on the host, the largest peak of all runs"
    foreign = ", ".join(table.foreign)
    return [
        "Costs of one seed, mean over seeds, summed over the tasks of the benchmark. Avg.: from the table of scores.",
        "+ sources: with stage 1 of all source adapters that a two-stage method composes, once.",
        f"Parameters: trainable ones, heads not counted{joint}.",
        "Hours: how long a run held its device. Runs that share a device count in full; of a run that was interrupted"
        " only the last part is known. Hours of all runs: of all seeds and settings of a row, without sources.",
        host + ("; GPU memory: what torch allocated there." if on_gpu else "."),
        "MB: the size of weights.safetensors in 10^6 bytes, heads included.",
        "Bold: no other row has as good an average for less of this.",
        *([f"Adapters from elsewhere do not count among the sources: {foreign}."] if foreign else []),
    ]


def _devices(costs: Sequence[RowCost]) -> str:
    counted = Counter(run.device for row in costs for run in row.runs if run.device)
    listed = "; ".join(
        f"{device} ({number} {'run' if number == 1 else 'runs'})" for device, number in sorted(counted.items())
    )
    warning = " Hours on different devices cannot be compared." if len(counted) > 1 else ""
    return f"Devices: {listed or 'not known'}.{warning}"


def _missing(costs: Sequence[RowCost]) -> tuple[str, ...]:
    runs = [
        f"{row.title}, {task.task or 'all tasks'}: {len(task.runs)} of {task.planned} runs are finished"
        for row in costs
        for task in row.tasks
        if not task.complete
    ]
    return (*runs, *(f"{row.title}: {fault}" for row in costs for fault in row.faults))


# ---------------------------------------------------------------------- as numbers

ALL = "all"  # stands in place of a task in the line of the whole benchmark
CSV_HEADER = (
    *("method", "family", "task", "planned", "n", *MEASURES),
    *("hours_of_all_runs", "peak_memory_mib", "peak_gpu_memory_mib", "average", "front", "devices"),
)


def cost_csv(table: Table, costs: Sequence[RowCost]) -> str:
    """Return the costs as CSV: per row a line for each task, and one (`all`) for the benchmark.

    front: the measures by which no other row has as good an average for less, with blanks between them. Columns
    `_with_sources` of a single task count all source adapters of the benchmark, for it needs them all.
    """
    averages, best = {row.name: row.average for row in table.rows}, fronts(table, costs)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for row in costs:
        for task in row.tasks if row.family != "joint" else ():
            both = task.cost + row.sources
            names = (row.name, row.family, task.task, task.planned, len(task.runs))
            writer.writerow(
                [*names, *_measures(task.cost, both), None, *_facts(task.runs), None, None, _names(task.runs)]
            )
        measures = _measures(row.own, row.with_sources)
        names = (row.name, row.family, ALL, sum(task.planned for task in row.tasks), len(row.runs))
        of_fronts = " ".join(measure for measure in MEASURES if row.name in best[measure])
        facts = (*_facts(row.runs), averages[row.name], of_fronts, _names(row.runs))
        writer.writerow([*names, *measures, row.spent, *facts])
    return stream.getvalue()


def _measures(own: Cost, both: Cost) -> tuple[float | None, ...]:
    """Return the values of MEASURES, in their order."""
    return own.parameters, both.parameters, own.hours, both.hours, own.size, both.size


def _facts(runs: Sequence[RunCost]) -> tuple[int | None, int | None]:
    """Return the largest peak memory on the host and on the GPU."""
    host = [run.memory for run in runs if run.memory is not None]
    gpu = [run.gpu_memory for run in runs if run.gpu_memory is not None]
    return max(host, default=None), max(gpu, default=None)


def _names(runs: Sequence[RunCost]) -> str:
    return "; ".join(sorted({run.device for run in runs if run.device}))
