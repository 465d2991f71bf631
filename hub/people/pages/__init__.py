"""The pages about people: signing in, one's own profile, persons and their roles, org units."""

from flask import Blueprint

from hub.people.pages.account import account
from hub.people.pages.org_units import org_units
from hub.people.pages.persons import persons
from hub.people.pages.profile import profile

pages = Blueprint("people", __name__, template_folder="../templates")
for _part in (account, profile, persons, org_units):
    pages.register_blueprint(_part)
