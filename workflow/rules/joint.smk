# Joint training: one model for all tasks of a benchmark. Its checkpoints lie undeclared, as stage 1's do.


rule train_joint:
    input:
        data=lambda wildcards: encoded(wildcards, "encoding.json"),
    output:
        run=update("results/trained/{model}/{variant}/{benchmark}/joint/full/{seed}/run.json"),
    log:
        "logs/train/{model}/{variant}/{benchmark}/joint/full/{seed}.log",
    wildcard_constraints:
        variant=variants_of("joint"),
    threads: 4
    resources:
        gpu=1,
        tmpdir=None,
        mem_mb=times_attempt(12000),
        runtime=times_attempt(1440),
    params:
        spec=with_signature(lambda wildcards: run_of(wildcards).json_text),
    shell:
        "scalearn train --spec {params.spec:q} --output $(dirname {output.run}) > {log} 2>&1"
