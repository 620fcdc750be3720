# Tasks: every rule here writes the same format, and so may a rule of yours (workflow/rules/own/).
# Which rule makes a task follows from its source in the campaign; all run where Snakemake runs, and only they fetch.


rule task_from_hub:
    output:
        train="resources/tasks/{task}/train.parquet",
        validation="resources/tasks/{task}/validation.parquet",
        test="resources/tasks/{task}/test.parquet",
        task="resources/tasks/{task}/task.json",
    log:
        "logs/task_from_hub/{task}.log",
    wildcard_constraints:
        task=pattern(campaign.task_keys("hub")),
    localrule: True
    params:
        version=versions.PREPARING,
        name=lambda wildcards: task_of(wildcards),
        definition=lambda wildcards: campaign.definition(task_of(wildcards)),
    shell:
        "scalearn prepare-task {params.name} --definition {params.definition:q}"
        " --output resources/tasks/{wildcards.task} > {log} 2>&1"


rule task_from_mirror:
    input:
        lambda wildcards: campaign.task_inputs(task_of(wildcards)),
    output:
        train="resources/tasks/{task}/train.parquet",
        validation="resources/tasks/{task}/validation.parquet",
        test="resources/tasks/{task}/test.parquet",
        task="resources/tasks/{task}/task.json",
    log:
        "logs/task_from_mirror/{task}.log",
    wildcard_constraints:
        task=pattern(campaign.task_keys("mirror")),
    localrule: True
    params:
        version=versions.PREPARING,
        name=lambda wildcards: task_of(wildcards),
        definition=lambda wildcards: campaign.definition(task_of(wildcards)),
        mirror=campaign.config.mirror,
    shell:
        "scalearn prepare-task {params.name} --definition {params.definition:q} --mirror {params.mirror:q}"
        " --output resources/tasks/{wildcards.task} > {log} 2>&1"


rule task_from_files:
    input:
        lambda wildcards: campaign.task_inputs(task_of(wildcards)),
    output:
        train="resources/tasks/{task}/train.parquet",
        validation="resources/tasks/{task}/validation.parquet",
        test="resources/tasks/{task}/test.parquet",
        task="resources/tasks/{task}/task.json",
    log:
        "logs/task_from_files/{task}.log",
    wildcard_constraints:
        task=pattern(campaign.task_keys("files")),
    localrule: True
    params:
        version=versions.PREPARING,
        name=lambda wildcards: task_of(wildcards),
        definition=lambda wildcards: campaign.definition(task_of(wildcards)),
    shell:
        "scalearn prepare-task {params.name} --definition {params.definition:q}"
        " --output resources/tasks/{wildcards.task} > {log} 2>&1"


rule make_task:
    output:
        train="resources/tasks/{task}/train.parquet",
        validation="resources/tasks/{task}/validation.parquet",
        test="resources/tasks/{task}/test.parquet",
        task="resources/tasks/{task}/task.json",
    log:
        "logs/make_task/{task}.log",
    wildcard_constraints:
        task=pattern(campaign.task_keys("generated")),
    localrule: True
    params:
        version=versions.PREPARING,
        name=lambda wildcards: task_of(wildcards),
        definition=lambda wildcards: campaign.definition(task_of(wildcards)),
    shell:
        "scalearn prepare-task {params.name} --definition {params.definition:q}"
        " --output resources/tasks/{wildcards.task} > {log} 2>&1"


rule encode:
    input:
        tokenizer="resources/models/{model}/tokenizer.json",
        model="resources/models/{model}/model.json",
        task="resources/tasks/{task}/task.json",
        rows=ancient(expand("resources/tasks/{{task}}/{split}.parquet", split=["train", "validation", "test"])),
    output:
        train="resources/encoded/{model}/{task}/train.arrow",
        validation="resources/encoded/{model}/{task}/validation.arrow",
        test="resources/encoded/{model}/{task}/test.arrow",
        encoding="resources/encoded/{model}/{task}/encoding.json",
    log:
        "logs/encode/{model}/{task}.log",
    threads: 2
    resources:
        mem_mb=times_attempt(4000),
        runtime=times_attempt(60),
    params:
        version=versions.ENCODING,
    shell:
        "scalearn encode --task resources/tasks/{wildcards.task} --model resources/models/{wildcards.model}"
        " --output resources/encoded/{wildcards.model}/{wildcards.task} > {log} 2>&1"
