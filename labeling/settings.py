"""Settings of labelling, read from environment variables that start with ``RANGIN_``, as the colorizer's are."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from colorizer.settings import ROOT


class LabelSettings(BaseSettings):
    """Everything an operator may change about labelling; each field is listed in README."""

    model_config = SettingsConfigDict(env_prefix="RANGIN_", env_ignore_empty=True)

    labels_folder: Path = Field(
        ROOT / "data", description="Folder of the labels' database, photos, CSVs and datasets."
    )
    labels_database: SecretStr = Field(
        SecretStr(""),
        description="Another database than labels.db in that folder: postgresql://user:password@host/name.",
    )
    labels_repo: str = Field(
        "",
        description="Hugging Face dataset repository (user/name) that snapshots are pushed to; none by default.",
    )
    labels_token: SecretStr = Field(
        SecretStr(""), description="Token that may write to that repository; without it HF_TOKEN is taken."
    )
    labels_push_minutes: float = Field(
        15, gt=0, description="How often a snapshot is pushed where anything has changed."
    )
    sign_in: Literal["auto", "name", "huggingface"] = Field(
        "auto",
        description="How annotators say who they are: by a name (trusted), or by signing in with Hugging Face; auto is "
        "huggingface on a Space and name elsewhere.",
    )
    owners: str = Field(
        "",
        description="Who owns the labelling project: names, separated by commas. On one's own machine empty means all.",
    )
    annotators: str = Field(
        "",
        description="Who may label and vote: names, separated by commas. On one's own machine empty means everybody.",
    )
    photo_folders: str = Field(
        "",
        description=f"Folders on the server that owners may take photos from, separated by '{os.pathsep}'.",
    )
    max_archive_mb: float = Field(500, gt=0, description="Largest ZIP of photos, in MB.")
    max_unpacked_mb: float = Field(
        2000, gt=0, description="Most that one upload's photos may take unpacked, in MB."
    )
    max_archive_files: int = Field(
        20_000, ge=1, description="Most entries of one ZIP, or files of one upload."
    )

    @field_validator("labels_folder")
    @classmethod
    def _from_home(cls, folder: Path) -> Path:
        return folder.expanduser().absolute()

    @property
    def database(self) -> str:
        """The database's URL."""
        return self.labels_database.get_secret_value() or f"sqlite:///{self.labels_folder / 'labels.db'}"


@lru_cache
def get_label_settings() -> LabelSettings:
    """The process's settings; `get_label_settings.cache_clear()` rereads the environment."""
    return LabelSettings()
