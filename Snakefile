# A two-stage transfer campaign: adapters per task, then compositions of them. What to run stands in config.yaml,
# how and where to run it in profiles/. Try: snakemake --profile local -n
from snakemake.utils import min_version

from scalearn.cluster.command_line import check_executor, check_targets

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


# Before the first job: a look at the local rows themselves, which a dry run has no need to read; a refusal to make runs
# and tables of another campaign file anew; and notes of this start for `scalearn prune`, of the command line for
# `scalearn resume` and of what is to be made. Dry runs, --unlock and their like never come here.
onstart:
    if not all(job.is_local for job in workflow.dag.needrun_jobs()):
        refuse(check_executor, workflow.executor_plugin.name)
    due = [path for job in workflow.dag.needrun_jobs() for path in job.output]
    refuse(check_rows, campaign)
    refuse(claim_tables, SNAKEMAKE, campaign, campaign_files, due)
    refuse(note_start, SNAKEMAKE, campaign_files, workflow.config_settings.config)
    refuse(note, workflow.executor_plugin.name)
    refuse(note_due, SNAKEMAKE, due)
    # Or the plugin for SLURM would not tell a submission which of its runs go side by side (docs/slurm-plugin.md, 4).
    workflow.executor_plugin.common_settings.pass_group_args = True
    # The limit of job starts per second makes Snakemake look at all waiting jobs again and again (docs/performance.md).
    workflow.scheduler.job_rate_limiter = None


onsuccess:
    settle_due(SNAKEMAKE)


# After a run has failed: the tables of what there is; they name what is missing. The next start makes them anew. Tables
# of another campaign file stay, and so do those that this start was not to make: whether the runs that they show are due
# is known of no run outside its graph.
onerror:
    left = {path for job in workflow.dag.needrun_jobs() for path in job.output}
    settle_due(SNAKEMAKE, left)
    asked = [name for name in campaign.benchmarks if not left.isdisjoint(table_files(name))]
    begun = [name for name in asked if any(map(os.path.exists, records(name)))]
    begun = own_tables(SNAKEMAKE, campaign, campaign_files, begun)
    for benchmark in begun:
        shell(
            "scalearn table --benchmark {benchmark} --runs results/trained"
            " --due {SNAKEMAKE:q}"
            " --output results/{benchmark}_table"
        )
    keep_due(SNAKEMAKE, [path for benchmark in begun for path in table_files(benchmark)])


# Rules of your own, for example one that writes resources/tasks/<task>/.
for rules_of_yours in sorted(Path("workflow/rules/own").glob("*.smk")):

    include: str(rules_of_yours)


rule fetch:
    input:
        expand("resources/models/{model}/model.json", model=campaign.model_names),
        expand("resources/tasks/{task}/task.json", task=campaign.task_names),
    localrule: True


rule tables:
    input:
        expand("results/{benchmark}_table.md", benchmark=campaign.benchmarks),
    localrule: True


rule all:
    default_target: True
    input:
        rules.tables.input,
        "results/scores.parquet",
    localrule: True


# Keep this last: it has to know all rules, also yours.
if workflow.is_main_process:
    refuse(check_targets, workflow, sys.argv, campaign.benchmarks, origin)
