"""The contract that every connector keeps, kept by ours."""

from __future__ import annotations

from connectors.jira import JiraConnector
from connectors.jira.sandbox.sample import sample
from connectors.sdk.testing import connector_contract

TestJiraConnector = connector_contract(JiraConnector, sample)
