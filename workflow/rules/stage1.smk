# Stage 1: one frozen encoder with one adapter per task, method and seed.
# Only few files are declared, because with thousands of runs each one costs seconds of planning. Of a run these are its
# record, which is written last, and in stage 1 its weights, which stage 2 reads. Of encoded rows it is the small JSON that
# is written last: it holds their checksums and the encoder's, so that another encoder or other rows train anew.
# Checkpoints must not be declared: Snakemake deletes what is when a job fails, and a killed training is to go on from its
# last checkpoint. Outputs are `update`, that is, not deleted when a job starts: where Snakemake starts one for a reason that
# is none to the run, the run says that it is done.
# `tmpdir=None` leaves TMPDIR as it is on the machine of the job: Snakemake would compute it for each of thousands of jobs.


rule train_adapter:
    input:
        data="resources/encoded/{model}/{task}/encoding.json",
    output:
        weights=update("results/trained/{model}/{variant}/single/{task}/full/{seed}/weights.safetensors"),
        run=update("results/trained/{model}/{variant}/single/{task}/full/{seed}/run.json"),
    log:
        "logs/train/{model}/{variant}/single/{task}/full/{seed}.log",
    wildcard_constraints:
        variant=variants_of("single"),
    threads: 4
    resources:
        gpu=1,
        tmpdir=None,
        mem_mb=times_attempt(8000),
        runtime=times_attempt(720),
    params:
        spec=with_signature(lambda wildcards: run_of(wildcards).json_text),
    shell:
        "scalearn train --spec {params.spec:q} --output $(dirname {output.run}) > {log} 2>&1"
