"""The contract tests of connectors, for authors of connectors.

A whole test file:

    from connectors.sdk.testing import connector_contract
    from my_connector import MyConnector, sample

    TestMyConnector = connector_contract(MyConnector, sample)

`sample` gives a `Sample`: a configuration that works, and what else the checks need. A check whose part of the sample
is missing is skipped and says so. Needs pytest and jsonschema.
"""

from connectors.sdk.testing.building import connector_contract, run_contract
from connectors.sdk.testing.trial import README_HEADINGS, Sample, Trial

__all__ = ["README_HEADINGS", "Sample", "Trial", "connector_contract", "run_contract"]
