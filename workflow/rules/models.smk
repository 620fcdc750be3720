# Encoders: fetched once, on the machine where Snakemake runs (a login node reaches the hub, its nodes often do not).


rule fetch_model:
    input:
        lambda wildcards: campaign.model_inputs(wildcards.model),
    output:
        config="resources/models/{model}/config.json",
        weights="resources/models/{model}/model.safetensors",
        tokenizer="resources/models/{model}/tokenizer.json",
        model="resources/models/{model}/model.json",
    log:
        "logs/fetch_model/{model}.log",
    benchmark:
        "logs/fetch_model/{model}.tsv"
    localrule: True
    params:
        version=versions.FETCHING,
        source=lambda wildcards: campaign.model_definition(wildcards.model),
        switches=lambda wildcards: [] if campaign.trains(wildcards.model) else ["--not-trained"],
    shell:
        "scalearn fetch-model {wildcards.model} --source {params.source:q} {params.switches}"
        " --output resources/models/{wildcards.model} > {log} 2>&1"
