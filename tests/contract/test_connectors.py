"""The contract of every connector that is installed here: ours, and whatever brings an entry point."""

from connectors import registry
from connectors.sdk.testing.building import installed_contract

for _entry in registry.kinds():
    globals()[f"Test_{_entry.kind}"] = installed_contract(_entry, registry.sample_target(_entry.kind), None)
