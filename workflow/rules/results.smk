# From predictions to tables: no GPU, and what has no current score is scored first, so that a new metric or table never
# trains anything. Scores are no jobs: thousands of them, each a process that starts for a second, would be half of a
# campaign. A score record lies beside its run, and what it was made from stands in it. The commands find the campaign in
# the environment: as a parameter, an edit that no table shows would make them all again.


rule collect_scores:
    input:
        lambda wildcards: records(),
    output:
        "results/scores.parquet",
    log:
        "logs/collect_scores.log",
    localrule: True
    threads: 2
    params:
        version=versions.SCORING,
        shown=lambda wildcards: campaign.shown(),
    shell:
        "scalearn collect --runs results/trained --threads {threads} --output {output} > {log} 2>&1"


rule table:
    input:
        lambda wildcards: records(wildcards.benchmark),
    output:
        markdown="results/{benchmark}_table.md",
        csv=in_report("results/{benchmark}_table.csv", "scores"),
        latex="results/{benchmark}_table.tex",
        figure=in_report("results/{benchmark}_table.svg", "scores, as a figure"),
        parquet="results/{benchmark}_table.parquet",
    log:
        "logs/table/{benchmark}.log",
    localrule: True
    threads: 2
    params:
        version=versions.SCORING,
        shown=lambda wildcards: campaign.shown(wildcards.benchmark),
    shell:
        "scalearn table --benchmark {wildcards.benchmark} --runs results/trained --threads {threads}"
        " --output results/{wildcards.benchmark}_table > {log} 2>&1"


rule comparisons:
    input:
        lambda wildcards: records(wildcards.benchmark),
    output:
        markdown="results/{benchmark}_comparisons.md",
        csv=in_report("results/{benchmark}_comparisons.csv", "differences from the baseline row"),
        latex="results/{benchmark}_comparisons.tex",
    log:
        "logs/comparisons/{benchmark}.log",
    localrule: True
    threads: 2
    params:
        version=versions.SCORING,
        shown=lambda wildcards: campaign.shown(wildcards.benchmark),
    shell:
        "scalearn comparisons --benchmark {wildcards.benchmark} --runs results/trained --threads {threads}"
        " --output results/{wildcards.benchmark}_comparisons > {log} 2>&1"


rule figures:
    input:
        lambda wildcards: records(wildcards.benchmark),
    output:
        table_files("figures", "{benchmark}"),
    log:
        "logs/figures/{benchmark}.log",
    localrule: True
    threads: 2
    params:
        version=versions.SCORING,
        shown=lambda wildcards: campaign.shown(wildcards.benchmark),
    shell:
        "scalearn figures --benchmark {wildcards.benchmark} --runs results/trained --threads {threads}"
        " --output results/{wildcards.benchmark}_figures > {log} 2>&1"


# What the clock measured stands apart from the scores, whose table is the same bytes wherever it is made.
rule cost:
    input:
        lambda wildcards: records(wildcards.benchmark),
    output:
        markdown="results/{benchmark}_cost.md",
        csv=in_report("results/{benchmark}_cost.csv", "costs"),
        latex="results/{benchmark}_cost.tex",
        figure="results/{benchmark}_cost.svg",
    log:
        "logs/cost/{benchmark}.log",
    localrule: True
    threads: 2
    params:
        version=versions.SCORING,
        shown=lambda wildcards: campaign.shown(wildcards.benchmark),
    shell:
        "scalearn cost --benchmark {wildcards.benchmark} --runs results/trained --threads {threads}"
        " --output results/{wildcards.benchmark}_cost > {log} 2>&1"


# The paper's benchmarks beside its published scores.
rule published:
    input:
        lambda wildcards: records(wildcards.benchmark),
    output:
        markdown="results/{benchmark}_published.md",
        csv=in_report("results/{benchmark}_published.csv", "beside the published scores"),
        latex="results/{benchmark}_published.tex",
    log:
        "logs/published/{benchmark}.log",
    wildcard_constraints:
        benchmark=pattern(campaign.compared),
    localrule: True
    threads: 2
    params:
        version=versions.SCORING,
        shown=lambda wildcards: campaign.shown(wildcards.benchmark),
        departures=lambda wildcards: campaign.departures(wildcards.benchmark),
    shell:
        "scalearn published --benchmark {wildcards.benchmark} --runs results/trained --threads {threads}"
        " --output results/{wildcards.benchmark}_published > {log} 2>&1"


# The whole campaign as one page.
rule report_page:
    input:
        lambda wildcards: records(),
    output:
        report("results/report.html", caption="../report/page.rst", category="campaign", labels={"shows": "all"}),
    log:
        "logs/report.log",
    localrule: True
    threads: 2
    params:
        version=versions.SCORING,
        shown=lambda wildcards: campaign.shown(),
    shell:
        "scalearn report --runs results/trained --logs logs/train --threads {threads} --output {output} > {log} 2>&1"
