"""Settings, read from environment variables that start with ``RANGIN_`` (``RANGIN_MAX_FILE_MB=50 python app.py``)."""

from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).parents[1]


class Settings(BaseSettings):
    """Everything an operator may change without touching code; each field is listed in README."""

    model_config = SettingsConfigDict(env_prefix="RANGIN_", env_ignore_empty=True)

    max_file_mb: float = Field(25, gt=0, description="Largest file that is read, in MB (10^6 bytes).")
    max_megapixels: float = Field(50, gt=0, description="Largest photo that is decoded, in megapixels.")
    model: str = Field("default", description="Model the page starts with.")
    models: Path = Field(
        ROOT / "models",
        description="Folder of further weights, which may be missing; a model there comes before the package's of "
        "the same name.",
    )
    device: str = Field("auto", description="auto, cpu, or cuda.")
    at_once: int = Field(1, ge=1, description="How many photos the page works on at the same time.")
    queue_size: int = Field(
        20, ge=1, description="How many more may wait; the next is asked to come back later."
    )
    keep_minutes: float = Field(
        60,
        ge=1,
        description="How long the page keeps an upload and its results for the visitor who made them.",
    )
    keep_mb: float = Field(
        400,
        gt=0,
        description="Memory, in MB, for photos that visitors may recolour without a new search for faces.",
    )

    @field_validator("models")
    @classmethod
    def _from_home(cls, folder: Path) -> Path:
        return folder.expanduser()


@lru_cache
def get_settings() -> Settings:
    """The process's settings; `get_settings.cache_clear()` rereads the environment."""
    return Settings()


def table(settings: type[BaseSettings] = Settings) -> str:
    """README's table of every setting, in Markdown; written there by `make readme`."""
    prefix = settings.model_config["env_prefix"]
    rows = [
        f"| `{prefix}{name.upper()}` | {_code(field.default)} | {field.description} |"
        for name, field in settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


def _code(default: object) -> str:
    short = _short(default)
    return f"`{short}`" if short != "" else "(empty)"


def _short(default: object) -> object:
    """A folder as seen from Rangin's own, so that README names none of the machine it was written on."""
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    return default.relative_to(ROOT).as_posix() if isinstance(default, Path) else default
