"""Every setting: variable, type, default, help, secret or not. `plumbline settings` writes the reference from here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import EnvSettingsSource
from typing_extensions import Annotated  # noqa: UP035  # pydantic-settings looks for this one on 3.11

PREFIX = "PLUMBLINE_"


def default_home() -> Path:
    """Give the folder for data where PLUMBLINE_HOME does not say."""
    return Path.home() / ".plumbline"


class Settings(BaseSettings):
    """Settings of one deployment; every one is read from `PLUMBLINE_<NAME>`, or `PLUMBLINE_<NAME>_FILE` for secrets."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    home: Path = Field(default_factory=default_home, description="Folder for the database, the queue's files and keys.")
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("PLUMBLINE_DATABASE_URL", "DATABASE_URL"),
        description="PostgreSQL or SQLite address; default: a SQLite file in PLUMBLINE_HOME.",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("PLUMBLINE_REDIS_URL", "REDIS_URL"),
        description="Queue server (Valkey or Redis) to use; default: one that Plumbline starts by itself.",
    )
    host: str = Field(default="127.0.0.1", description="Address the web server listens on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port the web server listens on.")
    public_url: str | None = Field(default=None, description="Address people use, put into tickets and messages.")
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=10,
        description="Proxies in front of the web server that each add the caller's address to X-Forwarded-For; "
        "without them nobody believes that header, and all callers count as one.",
    )
    web_threads: int = Field(default=16, ge=1, description="Requests one web process works on at the same time.")
    workers: int = Field(
        default=2,
        ge=1,
        le=64,
        description="Worker processes that `plumbline up` keeps; a long synchronisation keeps one of them busy.",
    )
    secret_keys: SecretStr | None = Field(
        default=None,
        description="Keyring for secrets at rest: `id:base64` pairs, comma separated, newest first; "
        "default: a file only you can read in PLUMBLINE_HOME, made at first start.",
    )
    people_data: Literal["none", "pseudonym", "named"] = Field(
        default="pseudonym",
        description="How actors in data are kept: not at all, by pseudonym, or by name. Applied when data comes in.",
    )
    time_zone: str = Field(default="UTC", description="IANA zone for people who have not chosen one.")
    allow_private_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Hosts on private addresses or plain http that connectors may reach, comma separated.",
    )
    ca_bundle: Path | None = Field(default=None, description="File of certificate authorities to trust for connectors.")
    file_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(),
        description="Folders that connectors may read files from, separated as in PATH; "
        "default: whatever the user that Plumbline runs as may read.",
    )
    connector_memory_mb: int = Field(
        default=1024,
        ge=256,
        description="Most memory (address space, Linux only) that a connector's process may use, in MiB.",
    )
    connector_cpu_seconds: int = Field(
        default=900, ge=1, description="Most processor time that a connector may use for one call."
    )
    lease_seconds: int = Field(default=300, ge=1, description="How long a worker may hold a work item.")
    reconcile_seconds: int = Field(default=60, ge=1, description="How often due work is looked for in the database.")
    settle_seconds: int = Field(
        default=600,
        ge=0,
        description="How long an ambiguous ticket creation is looked up before it is repeated; "
        "at least twice the worst search lag of the site.",
    )
    owner_first_business_days: int = Field(
        default=5, ge=0, description="How long an integrity finding is shown to owner and steward only."
    )
    audit_checkpoint_path: Path | None = Field(
        default=None,
        description="Folder, best one the operator does not control, that signed checkpoints of the audit trail go to.",
    )
    session_idle_minutes: int = Field(default=30, ge=1, description="Sign-in ends after this long without a request.")
    session_hours: int = Field(default=12, ge=1, description="Sign-in ends after this long in any case.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")
    log_format: Literal["console", "json"] = Field(default="console", description="How log lines are written.")

    @field_validator("file_roots", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        return tuple(Path(part) for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @field_validator("allow_private_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the signature is pydantic's
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the arguments, then the environment, then files named by `<NAME>_FILE`."""
        return init_settings, env_settings, FileSource(settings_cls)

    def database_address(self) -> str:
        """Give the database address, with its password: only for opening the database."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.sqlite_path}"

    @property
    def sqlite_path(self) -> Path:
        """Give the place of the database where none is named."""
        return self.home / "plumbline.db"


def variables(name: str) -> list[str]:
    """Give the environment variables that a setting is read from, the one to name first."""
    alias = Settings.model_fields[name].validation_alias
    return [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [PREFIX + name.upper()]


class FileSource(EnvSettingsSource):
    """Reads a mounted secret: `PLUMBLINE_X_FILE` names a file whose content is the value of `PLUMBLINE_X`."""

    def __call__(self) -> dict[str, object]:
        """Give the values of all `<NAME>_FILE` variables that are set; a missing file is an error naming it."""
        found: dict[str, object] = {}
        for name, info in self.settings_cls.model_fields.items():
            names = variables(name)
            for variable in names:
                path = self.env_vars.get(f"{variable}_FILE".lower()) or self.env_vars.get(f"{variable}_FILE")
                if path:
                    found[names[0] if info.validation_alias else name] = _read_secret(variable, Path(path))
        return found


def _read_secret(variable: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"{variable}_FILE names {path}, which cannot be read: {error.strerror}") from error
