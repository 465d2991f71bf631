"""Checks of sources."""

from __future__ import annotations

from connectors.sdk.errors import ConfigError, ConnectorError
from connectors.sdk.protocol import Checkpoint, Cursor, Record, Rejected, Stream
from connectors.sdk.testing.trial import Trial, attempt, keys_of, must

NO_SUCH_KEY = "no-such-key-in-any-tool"


class SourceContract:
    """The contract of what is read from."""

    def test_discover_is_stable(self, trial: Trial) -> None:
        streams = trial.streams()
        names = [stream.name for stream in streams]
        must(streams, "a source has at least one stream")
        must(len(set(names)) == len(names), f"two streams have one name: {names}")
        must(trial.streams() == streams, "discover() gives another answer the second time")

    def test_schemas_are_valid(self, trial: Trial) -> None:
        from jsonschema import Draft202012Validator  # noqa: PLC0415 - only these checks need it

        for stream in trial.streams():
            Draft202012Validator.check_schema(stream.json_schema)
            must(stream.json_schema.get("type") == "object", f"the schema of {stream.name} has to be that of an object")

    def test_records_match_their_schema(self, trial: Trial) -> None:
        from jsonschema import Draft202012Validator  # noqa: PLC0415 - only these checks need it

        for stream in trial.streams():
            validator = Draft202012Validator(stream.json_schema)
            for record in trial.records(stream):
                wrong = next(validator.iter_errors(record.data), None)
                must(wrong is None, f"{stream.name} {record.key}: {wrong and wrong.message}")

    def test_records_belong_to_the_stream_asked_for(self, trial: Trial) -> None:
        for stream in trial.streams():
            must(
                {item.stream for item in trial.read(stream)} <= {stream.name},
                f"{stream.name} gives items of other streams",
            )

    def test_primary_key_is_unique_and_never_null(self, trial: Trial) -> None:
        for stream in trial.streams():
            must(stream.primary_key, f"{stream.name} has no primary key")
            records = trial.records(stream)
            values = [tuple(_at(record, path) for path in stream.primary_key) for record in records]
            must(not any(None in value for value in values), f"{stream.name}: a part of the primary key is null")
            must(all(record.key for record in records), f"{stream.name}: a key is empty")
            must(
                len({record.key for record in records}) == len(records),
                f"{stream.name}: one key stands for two records",
            )
            must(len(set(map(repr, values))) == len(records), f"{stream.name}: the primary key is not unique")

    def test_a_read_ends_in_a_checkpoint(self, trial: Trial) -> None:
        for stream in trial.streams():
            items = trial.read(stream)
            must(
                items and isinstance(items[-1], Checkpoint),
                f"{stream.name}: the last item of a read has to be a Checkpoint",
            )

    def test_reading_on_yields_nothing_older(self, trial: Trial) -> None:
        for stream in trial.streams():
            items = trial.read(stream)
            again = [item for item in trial.read(stream, _last_cursor(items)) if isinstance(item, Record | Rejected)]
            newest = max(
                (item.changed_at for item in items if isinstance(item, Record) and item.changed_at), default=None
            )
            if newest is None or not trial.world.overlap:
                must(not again, f"{stream.name}: {len(again)} unchanged items are read again")
                continue
            bound = newest - trial.world.overlap
            older = [item for item in again if isinstance(item, Record) and item.changed_at and item.changed_at < bound]
            must(not older, f"{stream.name}: reading on gave records from before the overlap")

    def test_reading_on_from_any_checkpoint_loses_nothing(self, trial: Trial) -> None:
        for stream in trial.streams():
            items = trial.read(stream)
            for place, item in enumerate(items):
                if isinstance(item, Checkpoint):
                    missing = keys_of(items[place:]) - keys_of(trial.read(stream, item.cursor))
                    must(
                        not missing,
                        f"{stream.name}: after a restart at checkpoint {place} {sorted(missing)[:3]} are lost",
                    )

    def test_reading_changes_nothing(self, trial: Trial) -> None:
        for stream in trial.streams():
            must(trial.read(stream) == trial.read(stream), f"{stream.name}: the second read differs from the first")

    def test_fetch_gives_what_read_gave(self, trial: Trial) -> None:
        for stream in trial.streams():
            records = trial.records(stream)
            fetched = {record.key: record for record in trial.connector().fetch(stream, [r.key for r in records])}
            for record in records:
                must(
                    fetched.get(record.key) == record,
                    f"{stream.name} {record.key}: fetch gives something else than read",
                )

    def test_an_unknown_key_is_deleted(self, trial: Trial) -> None:
        for stream in trial.streams():
            fetched = list(trial.connector().fetch(stream, [NO_SUCH_KEY]))
            must(
                [record.key for record in fetched] == [NO_SUCH_KEY],
                "fetch has to answer for each key, also for unknown ones",
            )
            must(
                fetched[0].deleted and not fetched[0].data,
                "an unknown key has to come back with deleted=True and no data",
            )

    def test_the_census_is_what_is_read(self, trial: Trial) -> None:
        for stream in trial.streams():
            census, read = list(trial.connector().keys(stream)), keys_of(trial.read(stream))
            must(len(set(census)) == len(census), f"{stream.name}: keys() gives a key twice")
            must(set(census) == read, f"{stream.name}: keys() and read() differ in {sorted(set(census) ^ read)[:3]}")

    def test_what_is_rejected_says_where_why_and_what_to_do(self, trial: Trial) -> None:
        for stream in trial.streams():
            for item in trial.read(stream):
                told = not isinstance(item, Rejected) or (item.place and item.reason and item.remedy)
                must(told, f"{stream.name}: a rejected item needs place, reason and remedy: {item!r:.200}")

    def test_an_unknown_stream_is_refused(self, trial: Trial) -> None:
        stream = Stream(name="no_such_stream", title="?", json_schema={}, primary_key=("id",))
        connector = trial.connector()
        acts = {"read": lambda: list(connector.read(stream, None)), "keys": lambda: list(connector.keys(stream))}
        for name, act in acts.items():
            error: ConnectorError | None = attempt(act)
            must(
                isinstance(error, ConfigError), f"{name}() of an unknown stream has to raise ConfigError, not {error!r}"
            )


def _at(record: Record, path: str) -> object:
    value: object = record.data
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _last_cursor(items: list[Record | Rejected | Checkpoint]) -> Cursor:
    cursors = [item.cursor for item in items if isinstance(item, Checkpoint)]
    must(cursors, "a read has to give a Checkpoint")
    return cursors[-1]
