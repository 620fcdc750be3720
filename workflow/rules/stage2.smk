# Stage 2: compositions of a benchmark's source adapters, which are stacked once into the one file that each run reads.


rule stack_sources:
    input:
        weights=sources("weights"),
        run=sources("record"),
        model=lambda wildcards: campaign.stack_model(stack_of(wildcards)),
    output:
        "results/sources/{model}/{benchmark}.safetensors",
    log:
        "logs/stack_sources/{model}/{benchmark}.log",
    localrule: True
    params:
        version=versions.STACKING,
        # Adapters from elsewhere are compared with the encoder.
        runs=lambda wildcards, input: [
            *(os.path.dirname(run) for run in input.run),
            *(f"--model={os.path.dirname(model)}" for model in input.model),
        ],
    shell:
        "scalearn stack --output {output} {params.runs} > {log} 2>&1"


# How similar tasks are, for methods that ask for it.
rule embed_task:
    input:
        model="resources/models/{model}/model.json",
        weights=ancient("resources/models/{model}/model.safetensors"),
        task="resources/tasks/{task}/task.json",
        train=ancient("resources/tasks/{task}/train.parquet"),
    output:
        "resources/embedded/{model}/{task}.safetensors",
    log:
        "logs/embed_task/{model}/{task}.log",
    threads: 4
    resources:
        gpu=1,
        mem_mb=times_attempt(8000),
        runtime=times_attempt(120),
    params:
        version=versions.EMBEDDING,
    shell:
        "scalearn embed --task resources/tasks/{wildcards.task} --model resources/models/{wildcards.model}"
        " --output {output} > {log} 2>&1"


rule similarities:
    input:
        lambda wildcards: expand(
            "resources/embedded/{model}/{task}.safetensors",
            model=wildcards.model,
            task=campaign.comparisons[f"{wildcards.model}/{wildcards.benchmark}"],
        ),
    output:
        "results/similarities/{model}/{benchmark}.json",
    log:
        "logs/similarities/{model}/{benchmark}.log",
    localrule: True
    params:
        version=versions.EMBEDDING,
    shell:
        "scalearn similarities {input} --output {output} > {log} 2>&1"


rule train_composition:
    input:
        similarities=with_signature(compared),
        sources="results/sources/{model}/{benchmark}.safetensors",
        data="resources/encoded/{model}/{task}/encoding.json",
    output:
        run=update("results/trained/{model}/{variant}/{benchmark}/{task}/full/{seed}/run.json"),
    log:
        "logs/train/{model}/{variant}/{benchmark}/{task}/full/{seed}.log",
    wildcard_constraints:
        variant=variants_of("two_stage"),
    threads: 4
    resources:
        gpu=1,
        tmpdir=None,
        mem_mb=times_attempt(8000),
        runtime=times_attempt(720),
    params:
        spec=with_signature(lambda wildcards: run_of(wildcards).json_text),
    shell:
        "scalearn train --spec {params.spec:q} --similarities={input.similarities} --output $(dirname {output.run})"
        " > {log} 2>&1"
