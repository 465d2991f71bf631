"""The contract of every connector that is installed here: ours, and whatever brings an entry point."""

from connectors import registry
from connectors.sdk.testing.building import installed_contract

SAMPLES = {"jira": "tests.contract.connectors_jira:sample"}
"""Of connectors whose own distribution brings none."""

for _entry in registry.kinds():
    _sample = registry.sample_target(_entry.kind) or SAMPLES.get(_entry.kind)
    globals()[f"Test_{_entry.kind}"] = installed_contract(_entry, _sample, None)
