# Joint training: one model for all tasks of a benchmark. Its checkpoints lie undeclared, as stage 1's do.


rule train_joint:
    input:
        model="resources/models/{model}/model.json",
        data=lambda wildcards: encoded(wildcards, "encoding.json"),
    output:
        weights=update("results/trained/{model}/{variant}/{benchmark}/joint/full/{seed}/weights.safetensors"),
        run=update("results/trained/{model}/{variant}/{benchmark}/joint/full/{seed}/run.json"),
    log:
        "logs/train/{model}/{variant}/{benchmark}/joint/full/{seed}.log",
    wildcard_constraints:
        variant=of_family("joint"),
    threads: 4
    resources:
        gpu=1,
        mem_mb=lambda wildcards, attempt: 12000 * attempt,
        runtime=lambda wildcards, attempt: 1440 * attempt,
    params:
        spec=lambda wildcards: run_of(wildcards).json_text,
        data=lambda wildcards: [f"--data={os.path.dirname(path)}" for path in encoded(wildcards, "encoding.json")],
    shell:
        "scalearn train --spec {params.spec:q} --model resources/models/{wildcards.model} {params.data}"
        " --output $(dirname {output.run})"
        " > {log} 2>&1"
