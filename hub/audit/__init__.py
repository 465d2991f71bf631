"""The audit trail: what was changed, when and by whom, in a form that nobody can quietly rewrite."""

from hub.core.area import Area, NavigationEntry, Schedule

AREA = Area(
    name="audit",
    models="hub.audit.models",
    pages="hub.audit.pages:pages",
    navigation=(NavigationEntry("Audit trail", "audit.show_trail", "audit.read", order=90, icon="shield-check"),),
    api="hub.audit.api:api",
    handlers={
        "audit.seal": "hub.audit.jobs:seal",
        "audit.checkpoint": "hub.audit.jobs:checkpoint",
        "audit.verify": "hub.audit.jobs:verify",
    },
    schedules=(
        Schedule("audit.seal", "audit.seal", every_seconds=60),
        Schedule("audit.checkpoint", "audit.checkpoint", every_seconds=3_600),
        Schedule("audit.verify", "audit.verify", every_seconds=86_400),
    ),
    erase="hub.audit.service:erase",
    permissions=("audit.read",),
)
