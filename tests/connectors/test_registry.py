import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors import registry
from connectors.registry import KindClashError, UnknownKindError
from connectors.sdk.errors import BrokenConnectorError
from connectors.sdk.protocol import Stream
from connectors.sdk.testing import run_contract

Install = Callable[..., None]

PLUGIN = """
from connectors.sdk.protocol import *
{before}
class Config(ConnectorConfig):
    n: int = 2
{config}
class Fake(Source[Config]):
    {spec}
    config_model = Config
    def check(self): return Health()
    def discover(self):
        return [Stream(name="rows", title="Rows", json_schema={{"type": "object"}}, primary_key=("id",))]
    def read(self, stream, cursor):
        if not cursor:
            for n in range(self.config.n): yield Record(stream="rows", key=str(n), data={{"id": n}})
        yield Checkpoint(stream="rows", cursor={{"done": True}})
    def fetch(self, stream, keys): return iter(())
    def keys(self, stream): return (str(n) for n in range(self.config.n))
"""
SPEC = 'spec = Spec(kind="fake", title="Fake", summary="Reads numbers.")'


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install distributions as pip does: a module, and a dist-info folder with entry points."""
    monkeypatch.syspath_prepend(tmp_path)

    def installed(
        distribution: str = "fake-dist",
        kind: str = "fake",
        *,
        target: str = "fake_plugin:Fake",
        spec: str = SPEC,
        before: str = "",
        config: str = "",
    ) -> None:
        source = PLUGIN.format(before=before, config=config, spec=spec)
        (tmp_path / "fake_plugin.py").write_text(source, encoding="utf-8")
        monkeypatch.delitem(sys.modules, "fake_plugin", raising=False)
        info = tmp_path / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[plumbline.connectors]\n{kind} = {target}\n", encoding="utf-8")

    return installed


def test_ours_are_listed_with_their_distribution() -> None:
    ours = [entry for entry in registry.kinds() if entry.distribution == "plumbline-hub"]
    assert {entry.kind for entry in ours} >= {"jira", "spreadsheet"}


@pytest.mark.parametrize("kind", sorted(registry.BUILT_IN))
def test_ours_pass_the_gate(kind: str) -> None:
    assert registry.load(kind).spec.kind == kind


def test_listing_imports_no_connector(install: Install) -> None:
    install(before="raise SystemExit('imported')")
    listed = {entry.kind: entry for entry in registry.kinds()}
    assert (listed["fake"].distribution, listed["fake"].version) == ("fake-dist", "1.2")


def test_an_installed_connector_is_found_and_runs_in_its_own_process(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install()
    assert registry.load("fake").spec.title == "Fake"
    monkeypatch.setattr(
        "connectors.sdk.process.ROOT", f"{registry.__file__.removesuffix('connectors/registry.py')}:{tmp_path}"
    )
    with registry.connect("fake", json.dumps({"n": 5})) as process:
        (stream,) = process.discover()
        assert isinstance(stream, Stream)
        assert len(list(process.keys(stream))) == 5


def test_a_clash_names_both_distributions(install: Install) -> None:
    install()
    install("other-dist")
    with pytest.raises(
        KindClashError, match=r"Both (fake-dist 1.2 and other-dist|other-dist 1.2 and fake-dist) 1.2 bring"
    ):
        registry.kinds()


def test_nobody_takes_the_name_of_one_of_ours(install: Install) -> None:
    install(kind="jira")
    with pytest.raises(KindClashError, match=r"plumbline-hub .* and fake-dist 1\.2"):
        registry.load("jira")


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(UnknownKindError, match=r"'jria' is installed\. Installed: jira, "):
        registry.find("jria")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"spec": "pass"}, "it has no `spec`"),
        ({"spec": SPEC.replace('"fake"', '"other"')}, "named 'fake' and its spec says 'other'"),
        ({"spec": SPEC[:-1] + ', sdk_version="2.0")'}, "made for SDK 2.0, this is 1.0"),
        ({"spec": SPEC[:-1] + ', sdk_version="1.1")'}, "made for SDK 1.1"),
        ({"spec": SPEC[:-1] + ', sdk_version="x")'}, "made for SDK x"),
        ({"config": '    model_config = {"extra": "ignore"}'}, 'extra="forbid"'),
        ({"target": "fake_plugin:Config"}, "is no subclass of Connector"),
        ({"target": "fake_plugin:Nothing"}, "cannot be imported"),
        ({"target": "no_such_module:Fake"}, "cannot be imported"),
        ({"target": "connectors.sdk.protocol:Source"}, "has no `spec`"),
    ],
)
def test_the_gate_names_the_distribution_and_the_reason(install: Install, made: dict[str, str], said: str) -> None:
    install(**made)
    with pytest.raises(BrokenConnectorError, match=r"Connector 'fake' of fake-dist 1\.2") as raised:
        registry.load("fake")
    assert said in str(raised.value)


def test_a_connector_without_all_methods_is_refused(install: Install) -> None:
    install(before="def abstract(kind):\n    del kind.keys\n    return kind", spec=SPEC)
    loaded = registry.load("fake")
    lacking = type("Lacking", (loaded.__mro__[1],), {"spec": loaded.spec, "config_model": loaded.config_model})
    with pytest.raises(BrokenConnectorError, match="it lacks check, discover, fetch, keys, read"):
        registry.find("fake").admit(lacking)


def test_the_contract_of_an_installed_connector_runs_without_a_test_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    entry = registry.find("spreadsheet")
    options = ["-q", "-k", "discover_is_stable or census"]
    assert run_contract(entry, registry.sample_target("spreadsheet"), options=options) == 0
    file = tmp_path / "a.csv"
    file.write_text("metric,period_start,value\nm,2026-01-01,1\nm,2026-01-01,\n", encoding="utf-8")
    assert run_contract(entry, None, config_json=json.dumps({"path": str(file)}), options=options) == 0
    assert "2 passed" in capfd.readouterr().out


def test_a_connector_that_breaks_the_contract_fails_it(install: Install, capfd: pytest.CaptureFixture[str]) -> None:
    install()
    options = ["-q", "-k", "unknown_key or discover"]
    assert run_contract(registry.find("fake"), None, config_json="{}", options=options) == 1
    out = capfd.readouterr().out
    assert "fetch has to answer for each key" in out
    assert "1 failed" in out
