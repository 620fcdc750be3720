"""What is read off Snakemake's command line: its targets, campaign files, executor, and whether it is to work."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from snakemake.cli import get_argument_parser

from scalearn.cluster.command_line import LOOKS, check_config_files, check_executor, check_targets, is_work
from scalearn.errors import UserError


class Rule:
    """What is asked of a rule of Snakemake's."""

    def __init__(self, name: str, *products: str) -> None:
        self.name, self.products = name, products

    def has_wildcards(self) -> bool:
        return self.name == "table"

    def is_producer(self, path: str) -> bool:
        return path in self.products


RULES = [Rule("table", "results/pair_table.md", "results/other_table.md"), Rule("tables"), Rule("fetch")]
WORKFLOW = SimpleNamespace(rules=RULES, is_rule=lambda name: name in [rule.name for rule in RULES])
OTHERS = {"mine.yaml": {"benchmarks": {"mine": ["one"]}}, "profiles/demo/campaign.yaml": {"benchmarks": {"demo": []}}}


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("results/pairs_table.tex", "config.yaml has no benchmark 'pairs', did you mean 'pair'?"),
        ("results/glue_table.md", "config.yaml has no benchmark 'glue'; known: other, pair"),
        (
            "results/mine_table.md",
            "config.yaml has no benchmark 'mine', but mine.yaml has: give `--configfile mine.yaml` at",
        ),
        (
            "results/demo_table.svg",
            "config.yaml has no benchmark 'demo', but profiles/demo/campaign.yaml has: give `--c",
        ),
        (
            "results/demo_cost.csv",
            "config.yaml has no benchmark 'demo', but profiles/demo/campaign.yaml has: give `--c",
        ),
        ("results/pairs_table.parquet", "config.yaml has no benchmark 'pairs', did you mean 'pair'?"),
        ("results/pairs_published.svg", "no rule makes this target"),
        ("tabels", "no rule makes this target, did you mean 'tables'? the benchmarks of config.yaml are pair, other"),
        ("results/runs/x/score.json", "no rule makes this target; the benchmarks of config.yaml are pair, other"),
        ("config.yaml", "no rule makes this target; the benchmarks of config.yaml are pair, other"),
    ],
)
def test_what_is_said_of_a_target(target: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in {**OTHERS, "config.yaml": {"benchmarks": {"pair": [], "other": []}}}.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(yaml.safe_dump(content))
    Path("broken.yaml").write_text("benchmarks: [")
    with pytest.raises(UserError) as refused:
        check_targets(WORKFLOW, ["/usr/bin/snakemake", "-n", target], ["pair", "other"], "config.yaml")
    assert str(refused.value).startswith(f"{target}: {sentence}")
    check_targets(WORKFLOW, ["x/snakemake/__main__.py", "./results/pair_table.md", "tables"], ["pair"], "config.yaml")
    with pytest.raises(
        UserError, match=r"mine\.yaml has no benchmark 'pair', but config\.yaml has: leave out `--configfile`"
    ):
        check_targets(WORKFLOW, ["snakemake", "results/pair_table.tex"], ["mine"], "mine.yaml")
    check_targets(WORKFLOW, ["x/pytest", target], ["pair"], "config.yaml")  # not Snakemake's command line


def test_what_is_not_compared_is_refused_with_the_reason() -> None:
    reasons = {"results/pair_published.md": "its tasks are not the paper's"}
    line = ["snakemake", "-n", "results/../results/pair_published.md"]
    with pytest.raises(
        UserError, match=r"pair_published\.md: no rule makes this target: its tasks are not the paper's; "
    ):
        check_targets(WORKFLOW, line, ["pair"], "config.yaml", reasons)


def test_only_slurm_needs_its_commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    check_executor("local")
    for name in ("sbatch", "squeue"):
        with pytest.raises(UserError, match=f"{name} .*not found on this machine"):
            check_executor("slurm")
        (tmp_path / name).touch(0o755)
    check_executor("slurm")


def test_a_campaign_file_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").touch()
    check_config_files(["--profile", "local", "--configfile", "mine.yaml", "--", "results/x.md"])
    check_config_files(["--configfile=mine.yaml", "results/x.md"])
    for words in (
        ["--configfile", "mine.yaml", "no.yaml", "-n"],
        ["--configfile=no.yaml", "x"],
        ["--configfiles", "no.yaml"],
    ):
        with pytest.raises(UserError, match=r"^--configfile no\.yaml: no such file; mend the path, and"):
            check_config_files(["--profile", "local", *words])


def test_a_command_that_only_looks_is_no_work() -> None:
    for words in (["-n"], ["--summary"], ["--dag"], ["--list-rules"], ["--report", "x.html"], ["--lint"]):
        assert not is_work(["/usr/bin/snakemake", "--cores", "1", *words])
    for words in ([], ["--unlock"], ["--touch", "results/x.md"], ["--delete-all-output"]):
        assert is_work(["x/snakemake/__main__.py", "--cores", "1", *words])
    assert not is_work(["x/pytest"])
    known = vars(get_argument_parser().parse_args([]))
    assert known.keys() >= set(LOOKS)
