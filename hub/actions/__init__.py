"""Actions: what is done about findings, and the tickets where it is done."""

from hub.core.area import Area, NavigationEntry

AREA = Area(
    name="actions",
    models="hub.actions.models",
    pages="hub.actions.pages:pages",
    navigation=(NavigationEntry("Actions", "actions.list_actions", "actions.read", order=30, icon="checklist"),),
    api="hub.actions.api:api",
    handlers={
        "actions.on_alert_fired": "hub.actions.jobs:on_alert_fired",
        "actions.on_alert_resolved": "hub.actions.jobs:on_alert_resolved",
        "actions.on_alert_verified": "hub.actions.jobs:on_alert_verified",
        "actions.on_delivery_applied": "hub.actions.jobs:on_delivery_applied",
        "actions.on_record_changed": "hub.actions.jobs:on_record_changed",
    },
    subscriptions={
        "alert.fired": ("actions.on_alert_fired",),
        "alert.resolved": ("actions.on_alert_resolved",),
        "alert.verified": ("actions.on_alert_verified",),
        "delivery.applied": ("actions.on_delivery_applied",),
        "record.changed": ("actions.on_record_changed",),
    },
    panels={"findings.finding": "hub.actions.panels:tickets_of_finding", "overview": "hub.actions.panels:overview"},
    permissions=("actions.read", "actions.write"),
)
