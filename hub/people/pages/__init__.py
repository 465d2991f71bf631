"""The pages about people: signing in, one's own profile, persons and their roles, org units."""

from flask import Blueprint

from hub.people.pages import account, org_units, persons, profile

pages = Blueprint("people", __name__, template_folder="../templates")
for _part in (account, profile, persons, org_units):
    pages.register_blueprint(_part.pages)
