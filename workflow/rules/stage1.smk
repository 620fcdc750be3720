# Stage 1: one frozen encoder with one adapter per task, method and seed.
# Of a run only its record, which is written last, and its weights are declared, of an encoder and encoded rows only the small
# JSON that is written last and carries their checksums: with thousands of runs each declared file costs seconds of planning.
# Checkpoints must not be declared: Snakemake deletes what is when a job fails, and a killed training is to go on from its
# last checkpoint. Outputs are `update`, that is, not deleted when a job starts: where Snakemake starts one for a reason that
# is none to the run, the run says that it is done.


rule train_adapter:
    input:
        model="resources/models/{model}/model.json",
        data="resources/encoded/{model}/{task}/encoding.json",
    output:
        weights=update("results/trained/{model}/{variant}/single/{task}/full/{seed}/weights.safetensors"),
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
