"""Findings: installed rules, evaluation, alerts and their verification."""

from hub.core.area import Area, NavigationEntry, Schedule

AREA = Area(
    name="findings",
    models="hub.findings.models",
    pages="hub.findings.pages:pages",
    navigation=(
        NavigationEntry("Findings", "findings.inbox", "findings.read", order=20, icon="search"),
        NavigationEntry("Rules", "findings.rules", "rules.read", order=70, icon="ruler"),
    ),
    api="hub.findings.api:api",
    handlers={
        "findings.evaluate": "hub.findings.jobs:evaluate",
        "findings.install_packs": "hub.findings.jobs:install_packs",
        "findings.verify": "hub.findings.jobs:verify",
        "findings.on_observations_recorded": "hub.findings.jobs:on_observations_recorded",
    },
    subscriptions={"observations.recorded": ("findings.on_observations_recorded",)},
    schedules=(
        Schedule("findings.install_packs", "findings.install_packs", every_seconds=86_400),
        Schedule("findings.evaluate", "findings.evaluate", every_seconds=900),
    ),
    panels={"overview": "hub.findings.panels:overview"},
    permissions=("findings.read", "findings.answer", "rules.read", "rules.write"),
)
