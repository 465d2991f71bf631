"""Preview a mapping over all items of a tool: read like a reading, and keep nothing but what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from connectors.sdk.errors import ConnectorError
from connectors.sdk.process import ConnectorProcess
from connectors.sdk.protocol import Record, Rejected, Stream
from hub.connections import service as connections
from hub.connections.models import Connection
from hub.connections.places import Place, using
from hub.core.privacy import PeopleData
from hub.core.sealing import Sealer
from hub.syncing import service
from hub.syncing.mapping import Role, read_mapping
from hub.syncing.people import mask_people
from hub.syncing.reading import Page
from hub.syncing.service import Origin, Preview, Previewing

PAGE = 500
SHOWN = 5
LONGEST = 200
Tell = Callable[[Mapping[str, Any]], None]


def preview(place: Place, connection_id: int, body: Mapping[str, Any], tell: Tell) -> None:
    """Say what a mapping would make of everything there is; `tell` gets each state of it."""
    looker = Looker(place, connection_id, body, tell)
    try:
        with using(place, connection_id) as tool:
            for stream in tool.discover():
                looker.look_at(tool, stream)
    except ConnectorError as error:
        looker.say("failed", error=str(error))
    else:
        looker.say("done", at=place.clock().isoformat())


class Looker:
    """One preview over one connection."""

    def __init__(self, place: Place, connection_id: int, body: Mapping[str, Any], tell: Tell) -> None:
        self._place = place
        self._connection_id = connection_id
        self._body = dict(body)
        self._meaning = read_mapping(body)
        self._tell = tell
        self._seen: list[Preview] = []

    def say(self, state: str, **more: str) -> None:
        """Tell how far it is."""
        streams = [] if state == "reading" else [one.as_json() for one in self._seen]
        read = sum(one.read for one in self._seen)
        self._tell({"state": state, "mapping": self._body, "read": read, "streams": streams, **more})

    def look_at(self, tool: ConnectorProcess, stream: Stream) -> None:
        """Look at all of a stream, page by page."""
        page, looking = Page(self._place.clock()), None
        for item in tool.read(stream, None):
            if isinstance(item, Record):
                page.records.append(item)
            elif isinstance(item, Rejected):
                page.rejected.append(item)
            if len(page) >= PAGE:
                looking = self._look(looking or self._begin(stream, page.records), page)
                page = Page(self._place.clock())
        self._look(looking or self._begin(stream, page.records), page).end()

    def _look(self, looking: Previewing, page: Page) -> Previewing:
        with self._place.reading() as session:
            looking.look(session, page.records, page.rejected)
        self.say("reading")
        return looking

    def _begin(self, stream: Stream, records: Sequence[Record]) -> Previewing:
        layout = self._meaning.layout_of(stream)
        with self._place.transaction() as session:  # the first name of a person makes its pseudonym
            settings = self._place.settings
            people = PeopleData.load(session, settings, Sealer.from_settings(settings))
            shown = mask_people(session, people, records[:SHOWN], self._meaning.person_columns(stream.name))
            connection = session.get_one(Connection, self._connection_id)
        columns = service.columns_of(stream.json_schema, records[:SHOWN])
        used = {layout.column(role).split(".")[0] for role in get_args(Role)} if layout else set()
        seen = Preview(
            stream.name,
            stream.title,
            columns,
            layout is not None,
            ignored=[column for column in columns if layout and column not in used],
            samples=[{name: str(cell)[:LONGEST] for name, cell in record.data.items()} for record in shown],
        )
        self._seen.append(seen)
        return Previewing(Origin(connection, stream.name, layout, self._place.clock()) if layout else None, seen)


def keep_preview(place: Place, connection_id: int, state: Mapping[str, Any]) -> None:
    """Write down how far a preview is, beside what the last check said."""
    with place.transaction() as session:
        connections.note_preview(session, connection_id, state)
