"""Where the templates of ownership's panels are found; it has no page of its own yet."""

from __future__ import annotations

from flask import Blueprint

pages = Blueprint("ownership", __name__, template_folder="templates")
