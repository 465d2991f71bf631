"""The audit trail: what was changed, when and by whom, in a form that nobody can quietly rewrite."""

from hub.core.area import Area

AREA = Area(name="audit", models="hub.audit.models")
