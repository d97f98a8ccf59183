"""Settings of training jobs, read from environment variables that start with ``RANGIN_``, as the colorizer's are."""

import os
from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from colorizer.settings import ROOT


class TrainSettings(BaseSettings):
    """Everything an operator may change about jobs; each field is listed in README."""

    model_config = SettingsConfigDict(env_prefix="RANGIN_", env_ignore_empty=True)

    training: str = Field(
        "auto",
        description="Who may train from the page: auto is whoever sits at this machine, and on a Space its owner; off; "
        "everybody who reaches a server of one's own; or the names of accounts that may, separated by commas.",
    )
    training_hosts: str = Field(
        "",
        description="With RANGIN_TRAINING=everybody: the names under which browsers reach the server, separated by "
        "commas. Addresses of numbers and the machine's own name need no mention.",
    )
    runs: Path = Field(ROOT / "runs", description="Folder of all jobs; each is a folder in it.")
    datasets: str = Field(
        "",
        description="Folders on this machine that jobs may read pictures from and write datasets to, separated by "
        f"'{os.pathsep}'; the first gets new ones. By default data.",
    )
    gpus: str = Field(
        "auto",
        pattern=r"^(auto|\d+(,\d+)*)$",
        description="GPUs that jobs on this machine may use: auto is all, or their numbers: 0,1.",
    )
    cpu_jobs: int = Field(1, ge=1, description="How many jobs without a GPU run at once on this machine.")
    jobs_token: SecretStr = Field(
        SecretStr(""),
        description="Token for Hugging Face Jobs of who isn't signed in; without it HF_TOKEN is taken.",
    )
    jobs_namespace: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_.-]{0,96}$",
        description="Account or organisation that Hugging Face Jobs are billed to; by default the token's.",
    )
    jobs_image: str = Field("python:3.11", description="Container that Hugging Face Jobs start from.")

    @field_validator("runs")
    @classmethod
    def _from_home(cls, folder: Path) -> Path:
        return folder.expanduser().absolute()

    @property
    def dataset_folders(self) -> tuple[Path, ...]:
        """The folders of `datasets`, absolute; they may be missing."""
        named = (part.strip() for part in self.datasets.split(os.pathsep))
        return tuple(Path(part).expanduser().absolute() for part in named if part) or (ROOT / "data",)

    @property
    def token(self) -> str:
        """The owner's token for the Hub; empty without one."""
        return self.jobs_token.get_secret_value() or os.environ.get("HF_TOKEN", "")


@lru_cache
def get_train_settings() -> TrainSettings:
    """The process's settings; `get_train_settings.cache_clear()` rereads the environment."""
    return TrainSettings()
