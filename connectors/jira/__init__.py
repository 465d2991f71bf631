"""Jira: issues in, tickets out, webhooks in between."""

from __future__ import annotations

from connectors.jira.connector import JiraConnector

__all__ = ["JiraConnector"]
