"""Whole deployments, on either database."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.deployment import Deployment, deployed
from tests.workbench import short_folder


@pytest.fixture(params=["sqlite", "postgresql"])
def deployment(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """Give a deployment that is not started yet, once on each database."""
    with short_folder() as folder:
        if request.param == "sqlite":
            with deployed(folder) as found:
                yield found
            return
        server: str = request.getfixturevalue("postgresql_server")
        name = f"e2e_{secrets.token_hex(4)}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
        with deployed(folder, database_url=url) as found:
            yield found
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
