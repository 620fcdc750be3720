# Stage 1: one frozen encoder with one adapter per task, method and seed.
# A run's checkpoints lie undeclared in its directory: Snakemake deletes what is declared when a job fails, and a killed
# training is to go on from its last checkpoint. So do its history and timing, which no rule reads: with thousands of runs
# each file that is declared costs seconds of planning. Outputs are `update`, that is, not deleted when a job starts: where
# Snakemake starts one for a reason that is none to the run, the run says that it is done. Large inputs are `ancient`:
# the small JSON beside them carries their checksums, so that a copied campaign trains nothing anew.


rule train_adapter:
    input:
        model="resources/models/{model}/model.json",
        weights=ancient("resources/models/{model}/model.safetensors"),
        data="resources/encoded/{model}/{task}/encoding.json",
        rows=ancient(
            expand("resources/encoded/{{model}}/{{task}}/{split}.arrow", split=["train", "validation", "test"])
        ),
    output:
        weights=update("results/trained/{model}/{variant}/single/{task}/full/{seed}/weights.safetensors"),
        predictions=update("results/trained/{model}/{variant}/single/{task}/full/{seed}/predictions.parquet"),
        run=update("results/trained/{model}/{variant}/single/{task}/full/{seed}/run.json"),
    log:
        "logs/train/{model}/{variant}/single/{task}/full/{seed}.log",
    wildcard_constraints:
        variant=of_family("single"),
    threads: 4
    resources:
        gpu=1,
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
    params:
        spec=lambda wildcards: run_of(wildcards).json_text,
    shell:
        "scalearn train --spec {params.spec:q} --model resources/models/{wildcards.model}"
        " --data resources/encoded/{wildcards.model}/{wildcards.task} --output $(dirname {output.run})"
        " > {log} 2>&1"
