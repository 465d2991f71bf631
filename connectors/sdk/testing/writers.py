"""Checks of whatever writes: sinks, tickets, messages. They need their part of the sample."""

from __future__ import annotations

from typing import Any

from connectors.sdk.errors import AuthError, ConnectorError, NotAppliedError
from connectors.sdk.protocol import Change, Op, Outcome, Record, Stream, Ticket, TicketDraft, TicketState
from connectors.sdk.testing.trial import Trial, attempt, must, skip

NOBODY = "no-such-key-in-any-tool"
MARKER, OTHER_MARKER = "c0ffee" * 5 + "00", "c0ffee" * 5 + "01"


class SinkContract:
    """The contract of what fields are written to."""

    def test_receipts_answer_the_changes_in_order(self, trial: Trial) -> None:
        for stream, changes in _changes(trial):
            receipts = list(trial.connector().write(stream, changes))
            must(
                [receipt.change_id for receipt in receipts] == [change.id for change in changes],
                "one receipt a change, in order",
            )
            must(
                all(receipt.outcome is Outcome.APPLIED for receipt in receipts),
                f"the sample's changes are not applied: {receipts}",
            )

    def test_writing_twice_with_one_change_id_writes_once(self, trial: Trial) -> None:
        for stream, changes in _changes(trial):
            list(trial.connector().write(stream, changes))
            trial.world.settle()
            once = _state(trial, stream)
            list(trial.connector().write(stream, changes))
            trial.world.settle()
            must(_state(trial, stream) == once, f"{stream.name}: the same changes written again changed something")

    def test_a_change_of_what_is_not_there_is_not_applied(self, trial: Trial) -> None:
        for stream, changes in _changes(trial):
            lost = Change(id="lost", op=Op.UPDATE, key=NOBODY, fields=changes[0].fields)
            outcome = _outcome(trial, stream, lost)
            must(outcome is Outcome.NOT_APPLIED, f"an update of an unknown key is {outcome}, not NOT_APPLIED")


class TicketingContract:
    """The contract of what keeps tickets."""

    def test_a_created_ticket_is_found_by_its_marker(self, trial: Trial) -> None:
        made = _create(trial)
        must(made.marker == MARKER, "create() has to return the marker")
        trial.world.settle()
        found = trial.connector().find(MARKER)
        must([ticket.key for ticket in found] == [made.key], f"find() by the marker gave {found}")
        must(found[0].marker == MARKER, "find() has to return the marker")

    def test_a_closed_ticket_is_still_found(self, trial: Trial) -> None:
        made = _create(trial)
        trial.connector().transition(made.key, TicketState.CLOSED)
        trial.world.settle()
        must(made.key in {ticket.key for ticket in trial.connector().find(MARKER)}, "find() leaves closed tickets out")

    def test_an_unknown_marker_finds_nothing(self, trial: Trial) -> None:
        _create(trial)
        trial.world.settle()
        must(not trial.connector().find(OTHER_MARKER), "find() by another marker gave a ticket")

    def test_a_ticket_is_read_by_its_key(self, trial: Trial) -> None:
        made = _create(trial)
        read = trial.connector().get(made.key)
        must(
            read is not None and (read.key, read.marker) == (made.key, MARKER),
            "get() gives another ticket than create()",
        )
        must(trial.connector().get(NOBODY) is None, "get() of an unknown key has to be None")

    def test_updating_keeps_key_and_marker(self, trial: Trial) -> None:
        made = _create(trial)
        draft = _draft(trial).model_copy(update={"title": "Another title"})
        updated = trial.connector().update(made.key, draft)
        must((updated.key, updated.marker) == (made.key, MARKER), "update() loses the key or the marker")
        trial.world.settle()
        must(
            [ticket.key for ticket in trial.connector().find(MARKER)] == [made.key],
            "after update() the marker finds it no more",
        )

    def test_commenting_twice_with_one_marker_comments_once(self, trial: Trial) -> None:
        made = _create(trial)
        first = trial.connector().comment(made.key, "A comment.", OTHER_MARKER)
        trial.world.settle()
        second = trial.connector().comment(made.key, "A comment.", OTHER_MARKER)
        must((first.outcome, second.outcome) == (Outcome.APPLIED, Outcome.APPLIED), "both comments have to be APPLIED")
        must(
            first.key is not None and first.key == second.key,
            "the second comment is another one: the marker was not looked for",
        )

    def test_a_transition_repeated_changes_nothing(self, trial: Trial) -> None:
        made = _create(trial)
        for state in (TicketState.CLOSED, TicketState.OPEN):
            once = trial.connector().transition(made.key, state)
            must(once.state is state, f"transition() to {state} left the ticket {once.state}")
            must(
                trial.connector().transition(made.key, state) == once,
                f"a second transition to {state} changed the ticket",
            )

    def test_a_ticket_that_is_gone_is_not_written_to(self, trial: Trial) -> None:
        _draft(trial)
        connector = trial.connector()
        acts = {
            "comment": lambda: connector.comment(NOBODY, "A comment.", OTHER_MARKER),
            "transition": lambda: connector.transition(NOBODY, TicketState.CLOSED),
        }
        for name, act in acts.items():
            error: ConnectorError | None = attempt(act)
            must(
                isinstance(error, NotAppliedError | AuthError),
                f"{name}() on a missing ticket has to raise NotAppliedError, not {error!r}",
            )


class MessengerContract:
    """The contract of what brings messages."""

    def test_a_message_is_answered_with_its_id(self, trial: Trial) -> None:
        message = trial.world.message or skip("the sample has no message")
        receipt = trial.connector().send(message)
        must((receipt.change_id, receipt.outcome) == (message.id, Outcome.APPLIED), f"send() gave {receipt}")


def _changes(trial: Trial) -> list[tuple[Stream, list[Change]]]:
    make = trial.world.changes or skip("the sample has no changes")
    found = [(stream, list(make(stream))) for stream in trial.streams() if stream.writable]
    must(found and all(changes for _, changes in found), "no stream is writable, or the sample has no change for one")
    return found


def _state(trial: Trial, stream: Stream) -> list[Any]:
    return [item for item in trial.read(stream) if isinstance(item, Record)]


def _outcome(trial: Trial, stream: Stream, change: Change) -> Outcome:
    try:
        (receipt,) = trial.connector().write(stream, [change])
    except NotAppliedError:
        return Outcome.NOT_APPLIED
    outcome: Outcome = receipt.outcome
    return outcome


def _draft(trial: Trial) -> TicketDraft:
    return trial.world.draft or skip("the sample has no draft")


def _create(trial: Trial) -> Ticket:
    made: Ticket = trial.connector().create(_draft(trial), MARKER)
    return made
