"""People: org units, persons, what they may do, and how they sign in."""

from hub.core.area import Area, NavigationEntry, Schedule

AREA = Area(
    name="people",
    models="hub.people.models",
    pages="hub.people.pages:pages",
    navigation=(
        NavigationEntry("People", "people.persons.list_persons", "people.read", order=80, icon="users"),
        NavigationEntry("Org units", "people.org_units.list_org_units", "people.read", order=81, icon="sitemap"),
    ),
    api="hub.people.api:api",
    handlers={"people.prune": "hub.people.jobs:prune"},
    schedules=(Schedule("people.prune", "people.prune", every_seconds=86_400),),
    erase="hub.people.service.personal:erase",
    permissions=("people.read", "people.manage"),
)
