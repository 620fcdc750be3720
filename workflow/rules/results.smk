# From predictions to tables: seconds each, no GPU, so that a new metric or table never trains anything. Half of a campaign's
# jobs are scores: what their rules say little of, a dry run prints and keeps little of.


rule score:
    input:
        run="results/runs/{model}/{method}/{group}/{task}/full/{seed}/run.json",
        predictions="results/runs/{model}/{method}/{group}/{task}/full/{seed}/predictions.parquet",
    output:
        "results/runs/{model}/{method}/{group}/{task}/full/{seed}/score.json",
    log:
        "logs/score/{model}/{method}/{group}/{task}/full/{seed}.log",
    wildcard_constraints:
        method=of_family("single", "two_stage"),
        group=one_of(["single", *campaign.benchmarks]),
    localrule: True
    params:
        version=versions.SCORING,
        metrics=lambda wildcards: campaign.scoring(wildcards.task),
    shell:
        "scalearn score $(dirname {output}) {params.metrics:q} > {log} 2>&1"


rule collect_scores:
    input:
        files(campaign.all_runs(), "score.json"),
    output:
        "results/scores.parquet",
    log:
        "logs/collect_scores.log",
    benchmark:
        "logs/collect_scores.tsv"
    localrule: True
    params:
        layouts=[f"--layout={campaign.layout(benchmark)}" for benchmark in campaign.benchmarks],
    shell:
        "scalearn collect {params.layouts:q} --runs results/runs --output {output} > {log} 2>&1"


rule table:
    input:
        lambda wildcards: files(campaign.runs(wildcards.benchmark), "score.json"),
    output:
        markdown="results/{benchmark}_table.md",
        csv="results/{benchmark}_table.csv",
        latex="results/{benchmark}_table.tex",
        figure="results/{benchmark}_table.svg",
    log:
        "logs/table/{benchmark}.log",
    benchmark:
        "logs/table/{benchmark}.tsv"
    localrule: True
    params:
        layout=lambda wildcards: campaign.layout(wildcards.benchmark),
    shell:
        "scalearn table --layout {params.layout:q} --runs results/runs"
        " --output results/{wildcards.benchmark}_table > {log} 2>&1"
