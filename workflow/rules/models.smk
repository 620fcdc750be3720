# Encoders: fetched once, on the machine where Snakemake runs (a login node reaches the hub, its nodes often do not).


rule fetch_model:
    input:
        lambda wildcards: campaign.model_inputs(model_of(wildcards)),
    output:
        config="resources/models/{model}/config.json",
        weights="resources/models/{model}/model.safetensors",
        tokenizer="resources/models/{model}/tokenizer.json",
        model="resources/models/{model}/model.json",
    log:
        "logs/fetch_model/{model}.log",
    localrule: True
    params:
        version=versions.FETCHING,
        name=lambda wildcards: model_of(wildcards),
        source=lambda wildcards: campaign.model_definition(model_of(wildcards)),
        switches=lambda wildcards: [] if campaign.trains(model_of(wildcards)) else ["--not-trained"],
    shell:
        "scalearn fetch-model {params.name} --source {params.source:q} {params.switches}"
        " --output resources/models/{wildcards.model} > {log} 2>&1"
