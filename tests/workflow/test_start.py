"""What a Snakemake command line is refused for before its first job: a missing SLURM, target or campaign file."""

from __future__ import annotations

import shutil

import pytest

from tests.workflow.project import Project

OWN = """
rule own_table:
    output:
        "results/own_table.md",
    localrule: True
    shell:
        "touch {output}"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A campaign with the benchmark `pair`, and a rule of the user's that makes a table."""
    project = Project.make(tmp_path_factory.mktemp("start") / "a project")
    (project.path / "workflow/rules/own/table.smk").write_text(OWN)
    return project


def test_a_wrong_target_is_refused_before_the_graph_is_built(project: Project) -> None:
    arguments = ("--profile", "local", "-n", "--config", "max_time=9m", "--", "results/pair_tabel.md")
    said = project.snakemake(*arguments, status=1).splitlines()
    assert said[-1] == (
        "error: results/pair_tabel.md: no rule makes this target, did you mean 'results/pair_table.md'? "
        "the benchmarks of config.yaml are pair"
    )
    assert not any("MissingRule" in line or "Building DAG" in line for line in said)


def test_targets_that_rules_make_pass_also_those_of_a_rule_of_ones_own(project: Project) -> None:
    project.snakemake("--profile", "local", "-n", "./results/pair_table.csv", "results/own_table.md", "fetch")


def test_without_slurm_its_profile_is_refused_before_the_first_job(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project.path / "no slurm here"
    path.mkdir()
    for name in ("bash", "which"):
        (path / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(path))
    said = project.snakemake("--profile", "slurm", "results/pair_table.md", status=1).splitlines()
    assert said[-1].startswith("error: SLURM: sbatch and squeue not found on this machine; ")
    assert said[-1].endswith("or give `--profile local` to train on this machine")
    assert not (project.path / "calls.txt").exists()
    project.snakemake("--profile", "slurm", "-n", "results/pair_table.md")  # on a laptop, to see what would run
