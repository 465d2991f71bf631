"""What rules see of reading: how the connection that feeds a series is doing."""

from __future__ import annotations

from sqlalchemy.orm import Session

from hub.metrics.history import Filled, Known
from hub.metrics.history_tables import column, instants
from hub.syncing.service import feeds
from rules.tables import Feeds


def fill(session: Session, known: Known) -> Filled:
    """Fill the table of feeds. It is as of now: what stood in a feed's way on an earlier day is not kept."""
    seen = [
        feed
        for feed in feeds(session)
        if feed.series_id in known.series and feed.last_attempt is not None and feed.last_attempt <= known.as_of
    ]
    table = Feeds.of(
        series=column(known.series[feed.series_id] for feed in seen),
        last_attempt=instants(feed.last_attempt for feed in seen),
        last_success=instants(feed.last_success for feed in seen),
        error=column(feed.error or "" for feed in seen),
        quarantined_since=instants(feed.quarantined_since for feed in seen),
    )
    return Filled(tables={"feeds": table})
