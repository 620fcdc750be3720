"""Which loggers there are, where they write, and the refusal of one that is not installed."""

from __future__ import annotations

import os
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

from scalearn.campaign import loggers
from scalearn.campaign.loggers import Reports, chosen
from scalearn.campaign.plan import Campaign
from scalearn.errors import UserError
from scalearn.preflight.inputs import check_files
from tests.pair import CONFIG

VARIABLES = (
    "WANDB_MODE",
    "WANDB_PROJECT",
    "WANDB_DIR",
    "WANDB_DISABLED",
    "WANDB_ERROR_REPORTING",
    "WANDB_SILENT",
    "MLFLOW_TRACKING_URI",
    "MLFLOW_DISABLE_TELEMETRY",
    "DISABLE_MLFLOW_INTEGRATION",
    loggers.VARIABLE,
)


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test run in an empty folder, and put back what it changes in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that it is as it was after the test
        monkeypatch.delenv(name)


def install(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Put a stand-in of each package where Python looks first."""
    for name in names:
        folder = Path("packages", name)
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("raise SystemExit('looked for, not imported')\n")
    monkeypatch.syspath_prepend(Path("packages").absolute())


def test_without_a_word_no_logger_is_chosen() -> None:
    loggers.begin(())
    assert chosen([]) == ()


def test_the_config_reaches_a_training_through_the_environment_and_an_option_beats_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, "tensorboard")
    loggers.begin(("csv", "tensorboard"))
    assert chosen([]) == ("csv", "tensorboard")
    assert chosen(["csv"]) == ("csv",)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["csb"], "--logger: unknown logger 'csb', did you mean 'csv'?"),
        (["csv", "csv"], "--logger: 'csv' is named more than once; keep one"),
    ],
)
def test_unknown_and_repeated_names_are_refused(names: list[str], said: str) -> None:
    with pytest.raises(UserError) as refusal:
        chosen(names)
    assert str(refusal.value) == said


def test_a_wrong_name_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(loggers.VARIABLE, "csv,")
    with pytest.raises(UserError, match="environment: SCALEARN_LOGGERS: unknown logger ''"):
        chosen([])


def test_a_logger_that_is_not_installed_is_refused_before_work_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "scalearn.campaign.loggers.find_spec", lambda name: PathFinder.find_spec(name, [str(Path.cwd())])
    )
    Path("wandb").mkdir()  # what W&B leaves where it ran is no package
    campaign = Campaign.parse({**CONFIG, "loggers": ["csv", "wandb"]}, "mine.yaml")
    with pytest.raises(UserError) as refusal:
        check_files(campaign, "mine.yaml")
    assert str(refusal.value) == (
        "mine.yaml: loggers: wandb is not installed; type `pip install wandb`, or leave it out"
    )


def test_a_logger_that_the_environment_switches_off_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "wandb")
    monkeypatch.setenv("WANDB_DISABLED", "true")
    with pytest.raises(UserError, match="--logger: WANDB_DISABLED in the environment disables wandb"):
        chosen(["wandb"])


def test_packages_write_below_logs_and_send_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    Reports(("wandb", "mlflow"), "tiny/adapter/single/rte/full/0").begin()
    folder = Path.cwd() / "logs/loggers"
    assert (folder / "wandb/tiny/adapter/single/rte/full/0").is_dir()  # W&B takes no folder that is not there
    environment = {name: value for name in VARIABLES if (value := os.environ.get(name))}
    assert environment == {
        "WANDB_MODE": "offline",
        "WANDB_PROJECT": "scalearn",
        "WANDB_DIR": str(folder / "wandb/tiny/adapter/single/rte/full/0"),
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_SILENT": "true",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow/tiny/adapter/single/rte/full/0/mlflow.db",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def test_what_the_users_environment_says_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking")
    Reports(("wandb", "mlflow"), "a run").begin()
    assert os.environ["WANDB_MODE"] == "online"
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://tracking"


def test_without_loggers_the_environment_and_the_folder_stay_as_they_are() -> None:
    before = dict(os.environ)
    Reports().begin()
    assert dict(os.environ) == before
    assert not list(Path().iterdir())
