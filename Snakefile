# A two-stage transfer campaign: adapters per task, then compositions of them. What to run stands in config.yaml,
# how and where to run it in profiles/. Try: snakemake --profile local -n
from snakemake.utils import min_version

min_version("9.10")


# Used only with --software-deployment-method apptainer; envs/scalearn.def says how to build it.
container: "envs/scalearn.sif"


include: "workflow/rules/common.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/tasks.smk"
include: "workflow/rules/stage1.smk"
include: "workflow/rules/stage2.smk"
include: "workflow/rules/joint.smk"
include: "workflow/rules/results.smk"


# Dry runs, --unlock and their like never come to `onstart`.
onstart:
    opened.before_first_job()


onsuccess:
    opened.after_success()


# After a run has failed: the tables of what there is. They name what is missing.
onerror:
    begun = opened.tables_after_failure(records)
    for kind, benchmark in begun:
        shell(
            "scalearn {kind} --benchmark {benchmark} --runs results/trained --due .snakemake"
            " --output results/{benchmark}_{kind}"
        )
    opened.after_failure([path for kind, benchmark in begun for path in table_files(kind, benchmark)])


# Rules of your own, for example one that writes resources/tasks/<task>/.
for rules_of_yours in sorted(Path("workflow/rules/own").glob("*.smk")):

    include: str(rules_of_yours)


rule fetch:
    input:
        expand("resources/models/{model}/model.json", model=campaign.model_names),
        expand("resources/tasks/{task}/task.json", task=campaign.task_names),
        expand("resources/adapters/{adapter}/adapter.json", adapter=campaign.adapters),
    localrule: True


rule tables:
    input:
        expand("results/{benchmark}_{kind}.md", benchmark=campaign.benchmarks, kind=["table", "comparisons", "cost"]),
        expand("results/{benchmark}_published.md", benchmark=campaign.compared),
    localrule: True


rule all:
    default_target: True
    input:
        rules.tables.input,
        expand("results/{benchmark}_figures/scores.svg", benchmark=campaign.benchmarks),
        "results/scores.parquet",
        "results/report.html",
    localrule: True


# Keep this last: it needs all rules, also yours.
opened.check_targets()
