"""The work of this area that nobody asks for."""

from __future__ import annotations

from typing import Any

from hub.people.keeper import lifetime_of
from hub.people.service import prune_sign_ins
from hub.web.replies import prune_replies
from hub.work.context import Context


def prune(context: Context, _payload: dict[str, Any]) -> None:
    """Forget what was kept for a while: ended sign-ins, old tries, used tokens, the API's first replies."""
    now = context.clock()
    with context.transaction() as session:
        prune_sign_ins(session, lifetime=lifetime_of(context.settings), now=now)
        prune_replies(session, now=now)
