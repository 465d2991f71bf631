"""The Jira connector as the hub sees it."""

from __future__ import annotations

from connectors.jira.source import JiraSource
from connectors.jira.ticketing import JiraTicketing
from connectors.jira.webhook import JiraWebhooks


class JiraConnector(JiraSource, JiraTicketing, JiraWebhooks):
    """Reads issues, keeps tickets, takes webhooks."""
