"""What a connector's process is given of our settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.sdk.child import ProcessLimits
from connectors.sdk.network import Network
from hub.connections.processes import Connectors, environment_for_children
from hub.settings import Settings


def test_a_child_sees_the_settings_as_they_count_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLUMBLINE_FILE_ROOTS", os.pathsep.join(["/srv/numbers", "here"]))
    monkeypatch.setenv("PLUMBLINE_CA_BUNDLE", "ca.pem")
    settings = Settings(home=tmp_path, allow_private_hosts=("127.0.0.1",))
    network = Network.from_environ(environment_for_children(settings, os.environ))
    assert network.file_roots == (Path("/srv/numbers"), tmp_path / "here")
    assert network.ca_bundle == tmp_path / "ca.pem"
    assert network.private_hosts == {"127.0.0.1"}


def test_without_the_setting_files_anywhere_may_be_read(settings: Settings) -> None:
    assert Network.from_environ(environment_for_children(settings, {})).file_roots == ()


def test_memory_and_processor_time_of_a_child_are_those_of_the_settings(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, connector_memory_mb=512, connector_cpu_seconds=30)
    with_times = Connectors(settings, limits=ProcessLimits(call_seconds=10.0)).start("spreadsheet", {"path": "/x.csv"})
    assert with_times.limits == ProcessLimits(call_seconds=10.0, memory_bytes=512 * 2**20, cpu_seconds=30)
