"""The sandbox for people: a list of issues, and a page each with comments and buttons."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connectors.jira.sandbox import model
from connectors.jira.sandbox.documents import plain
from connectors.jira.sandbox.site import Site


def blueprint(site: Site) -> Blueprint:
    """Build the pages; whoever clicks is the person of the site, not the account that Plumbline uses."""
    pages = Blueprint("pages", __name__)
    person = site.accounts[-1]

    @pages.get("/")
    def index() -> str:
        issues = sorted(site.issues.values(), key=lambda issue: -issue.id)
        return render_template("index.html", issues=issues, statuses=model.STATUSES, site=site)

    @pages.get("/browse/<key>")
    def browse(key: str) -> str:
        issue = site.issue(key)
        return render_template(
            "issue.html",
            issue=issue,
            status=model.STATUSES[issue.status],
            resolution=model.RESOLUTIONS.get(issue.resolution or ""),
            description=plain(issue.description),
            comments=[(site.account(comment.author).name, plain(comment.body), comment) for comment in issue.comments],
            assignee=site.account(issue.assignee).name if issue.assignee else "Unassigned",
            ways=site.transitions(issue),
        )

    @pages.post("/browse/<key>/transition")
    def move(key: str) -> Response:
        site.transition(site.issue(key), request.form["transition"], by=person)
        return redirect(url_for("pages.browse", key=key))

    @pages.post("/browse/<key>/comment")
    def comment(key: str) -> Response:
        if text := request.form.get("text", "").strip():
            site.comment(site.issue(key), text, by=person)
        return redirect(url_for("pages.browse", key=key))

    return pages
