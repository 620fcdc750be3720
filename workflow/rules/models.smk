# Encoders, and source adapters from elsewhere: fetched once, on the machine where Snakemake runs (a login node reaches the hub, its nodes often do not).


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


rule fetch_adapter:
    input:
        files=lambda wildcards: campaign.adapter_inputs(wildcards.adapter),
        models=lambda wildcards: expand(
            "resources/models/{model}/model.json", model=campaign.adapter_models(wildcards.adapter)
        ),
    output:
        config="resources/adapters/{adapter}/adapter_config.json",
        weights="resources/adapters/{adapter}/adapter.safetensors",
        record="resources/adapters/{adapter}/adapter.json",
    log:
        "logs/fetch_adapter/{adapter}.log",
    localrule: True
    params:
        version=versions.FETCHING,
        name=lambda wildcards: campaign.adapters[wildcards.adapter].name,
        source=lambda wildcards: campaign.adapter_definition(wildcards.adapter),
        # What the adapter has to fit.
        fits=lambda wildcards, input: [
            *(f"--model={os.path.dirname(model)}" for model in input.models),
            *(f"--reduction-factor={factor}" for factor in campaign.adapter_factors(wildcards.adapter)),
        ],
    shell:
        "scalearn fetch-adapter {params.name} --source {params.source:q} {params.fits}"
        " --output resources/adapters/{wildcards.adapter} > {log} 2>&1"
