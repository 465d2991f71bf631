"""What findings show on pages of lower areas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.core.access import Permission, Principal
from hub.core.instants import utc_now
from hub.findings import service
from hub.findings.models import Alert, AlertStatus

MOST = 5


def overview(session: Session, principal: Principal) -> tuple[str, Mapping[str, Any]] | None:
    """Show the newest findings that hold, and how many there are."""
    if not principal.may(Permission.FINDINGS_READ):
        return None
    seen = service.list_visible(session, principal, now=utc_now(), permission=Permission.FINDINGS_READ)
    firing = seen.where(Alert.status == AlertStatus.FIRING)
    count = session.scalar(select(func.count()).select_from(firing.subquery())) or 0
    newest = list(session.scalars(firing.order_by(Alert.id.desc()).limit(MOST)))
    return "findings/overview_panel.html", {"alerts": newest, "count": count}
