"""Test classes made for one connector, and a way to run them without a test file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from connectors.sdk.entry import Entry
from connectors.sdk.protocol import Capability, Connector
from connectors.sdk.testing.every import EveryConnector
from connectors.sdk.testing.faulty import FaultyToolContract
from connectors.sdk.testing.sources import SourceContract
from connectors.sdk.testing.trial import Sample, SampleFactory, Trial
from connectors.sdk.testing.webhooks import WebhookContract
from connectors.sdk.testing.writers import MessengerContract, SinkContract, TicketingContract

PREFIX = "test_"
CONTRACTS: Mapping[Capability, type] = {
    Capability.SOURCE: SourceContract,
    Capability.SINK: SinkContract,
    Capability.WEBHOOKS: WebhookContract,
    Capability.TICKETING: TicketingContract,
    Capability.MESSAGES: MessengerContract,
}
NEVER_EXEMPT = frozenset(
    {
        "passes_the_gate",
        "config_forbids_unknown_keys",
        "a_wrong_config_names_the_key_and_no_value",
        "secrets_are_never_shown",
        "runs_in_a_process_of_its_own",
        "a_wrong_signature_is_refused_before_anything_is_parsed",
    }
)
"""What the hub relies on to keep others safe from a connector."""


def connector_contract(
    kind: type[Connector[Any]],
    sample: SampleFactory | Sample | None = None,
    *,
    config: Mapping[str, JsonValue] | None = None,
) -> type:
    """Make the pytest class of a connector; without a sample a `config` will do for what only reads."""
    given = Sample(config) if sample is None and config is not None else sample
    make: Callable[[], AbstractContextManager[Sample | None]] = given if callable(given) else lambda: nullcontext(given)

    @pytest.fixture
    def trial(self: object) -> Iterator[Trial]:  # noqa: ARG001 - a method
        with make() as world:
            yield Trial(kind, world)

    bases = (EveryConnector, *(CONTRACTS[capability] for capability in sorted(kind.capabilities())), FaultyToolContract)
    if given is not None and isinstance(given, Sample) and given.config_at is None:
        bases = bases[:-1]
    return type(f"Test{kind.__name__}", bases, {"trial": trial, **_exemptions(kind, bases)})


def checks(contract: type) -> list[str]:
    """List the checks of a contract class, as `Spec.exempt` names them."""
    return sorted(name.removeprefix(PREFIX) for name in dir(contract) if name.startswith(PREFIX))


def run_contract(
    entry: Entry, sample_target: str | None, *, config_json: str | None = None, options: list[str] | None = None
) -> int:
    """Run the contract for an installed connector and return pytest's exit code.

    A given configuration takes the place of the distribution's own sample; with it nothing is written to the tool.
    """
    text = (
        "import json\n"
        "from connectors.sdk.entry import Entry\n"
        "from connectors.sdk.testing.building import installed_contract\n"
        f"TestContract = installed_contract({entry!r}, {sample_target!r}, {config_json!r})\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"test_{entry.kind}.py"
        file.write_text(text, encoding="utf-8")
        return int(
            pytest.main(
                [
                    str(file),
                    f"--rootdir={folder}",
                    "--import-mode=importlib",
                    "-p",
                    "no:cacheprovider",
                    "-rs",
                    *(options or []),
                ]
            )
        )


def installed_contract(entry: Entry, sample_target: str | None, config_json: str | None) -> type:
    """Make the contract class of an installed connector."""
    if config_json is not None:
        return connector_contract(entry.load(), config=json.loads(config_json))
    if sample_target is None:
        return connector_contract(entry.load())
    module, _, name = sample_target.partition(":")
    return connector_contract(entry.load(), getattr(import_module(module), name))


def _exemptions(kind: type[Connector[Any]], bases: tuple[type, ...]) -> dict[str, Callable[..., None]]:
    """Replace each exempt check by one that is skipped with its reason."""
    known = {name for base in bases for name in checks(base)}
    for name, reason in kind.spec.exempt.items():
        if name not in known:
            raise ValueError(
                f"{kind.__name__}.spec.exempt names {name!r}, which is no check: {', '.join(sorted(known))}"
            )
        if name in NEVER_EXEMPT:
            raise ValueError(f"No connector is exempt from {name!r}: others rely on it.")
        if not reason.strip():
            raise ValueError(f"{kind.__name__}.spec.exempt gives no reason for {name!r}.")
    return {PREFIX + name: _exempt(reason) for name, reason in kind.spec.exempt.items()}


def _exempt(reason: str) -> Callable[..., None]:
    def exempt(self: object) -> None:  # noqa: ARG001 - a method
        pytest.skip(f"exempt: {reason}")

    return exempt
