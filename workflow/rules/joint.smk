# Joint training: one model for all tasks of a benchmark. Its checkpoints lie undeclared, as stage 1's do.


rule train_joint:
    input:
        model="resources/models/{model}/model.json",
        weights=ancient("resources/models/{model}/model.safetensors"),
        data=lambda wildcards: encoded(wildcards, "encoding.json"),
        rows=ancient(
            lambda wildcards: [
                path for split in ("train", "validation", "test") for path in encoded(wildcards, f"{split}.arrow")
            ]
        ),
    output:
        weights=update("results/runs/{model}/{method}/{benchmark}/joint/full/{seed}/weights.safetensors"),
        tasks=update(directory("results/runs/{model}/{method}/{benchmark}/joint/full/{seed}/tasks")),
        run=update("results/runs/{model}/{method}/{benchmark}/joint/full/{seed}/run.json"),
    log:
        "logs/train/{model}/{method}/{benchmark}/joint/full/{seed}.log",
    benchmark:
        "logs/train/{model}/{method}/{benchmark}/joint/full/{seed}.tsv"
    wildcard_constraints:
        method=of_family("joint"),
    threads: 4
    resources:
        gpu=1,
        mem_mb=lambda wildcards, attempt: 12000 * attempt,
        runtime=lambda wildcards, attempt: 1440 * attempt,
    params:
        version=lambda wildcards: campaign.version(wildcards.method, wildcards.benchmark, JOINT),
        data=lambda wildcards: [f"--data={os.path.dirname(path)}" for path in encoded(wildcards, "encoding.json")],
        hyperparameters=lambda wildcards: campaign.changed(wildcards.method, wildcards.benchmark, JOINT),
        switches=lambda wildcards: switches(wildcards.method, *campaign.joint_tasks(wildcards.benchmark)),
    shell:
        "scalearn train-joint --method {wildcards.method} --benchmark {wildcards.benchmark} --seed {wildcards.seed}"
        " --model resources/models/{wildcards.model} {params.data}"
        " --hyperparameters {params.hyperparameters:q} {params.switches}"
        " --output $(dirname {output.run})"
        " > {log} 2>&1"
