"""The web app and its visitors (tests/visitors.py)."""

from tests.visitors import app, areas, client, nobody, signed_in, site_database, with_token

__all__ = ["app", "areas", "client", "nobody", "signed_in", "site_database", "with_token"]
