import io
import json
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.sdk.calls import CALLS
from connectors.sdk.child import ProcessLimits
from connectors.sdk.entry import Entry
from connectors.sdk.errors import (
    AmbiguousError,
    AuthError,
    BrokenConnectorError,
    ConfigError,
    ConnectorError,
    ForgedRequestError,
    RecordError,
    TransientError,
)
from connectors.sdk.process import ConnectorProcess
from connectors.sdk.protocol import (
    Capability,
    Change,
    Checkpoint,
    Message,
    Op,
    Outcome,
    Record,
    Stream,
    TicketDraft,
    TicketState,
    Touched,
    WebhookRequest,
)
from connectors.sdk.running import Limits

SECRET = "canary-secret-1"
STREAM = Stream(name="rows", title="Rows", json_schema={}, primary_key=("id",))
CHANGES = [Change(id=f"c{n}", op=Op.UPDATE, key=str(n), fields={"n": n}) for n in range(3)]

HOSTILE = """
import ctypes, os, subprocess, sys, time
from pydantic import SecretStr
from connectors.sdk.errors import *
from connectors.sdk.protocol import *

if os.environ.get("LANG") == "noisy":
    print("printed while importing")

class Config(ConnectorConfig):
    does: str = ""
    token: SecretStr = SecretStr("")
    folder: str = "."

def record(key, stream="rows", **data):
    return Record(stream=stream, key=key, data={"id": key, **data})

class Hostile(Source[Config], Sink[Config], WebhookReceiver[Config], Ticketing[Config], Messenger[Config]):
    spec = Spec(kind="hostile", title="Hostile", summary="Misbehaves.")
    config_model = Config

    def act(self):
        does, token = self.config.does, self.config.token.get_secret_value()
        if does == "print":
            print("printed"); os.write(1, b"written to fd 1\\n")
            ctypes.CDLL(None).puts(b"from C"); ctypes.CDLL(None).fflush(None)
            print("read", repr(sys.stdin.read()))
        if does == "hang": time.sleep(3600)
        if does == "exit": os._exit(3)
        if does == "sys.exit": sys.exit(4)
        if does == "kill": os.kill(os.getpid(), 9)
        if does == "raise": raise KeyError("bug with " + token)
        if does == "recurse": return self.act()
        if does == "memory": return len(b"x" * (4 << 30))
        if does == "native memory":
            os.write(2, b"memory allocation of 549755813888 bytes failed\\n"); os.abort()
        if does == "compute":
            while True: pass
        if does == "auth": raise AuthError("refused " + token, permission="browse")
        if does == "transient": raise TransientError("later", retry_after=7.5)
        if does == "record": raise RecordError("bad", stream="rows", key="k", place="row 3")
        if does == "own": raise type("Own", (ConfigError,), {})("own class", field="a.b")
        if does == "stderr":
            print("last words of " + token, file=sys.stderr); sys.stderr.flush(); os._exit(5)
        if does == "flood stderr":
            for _ in range(20000): os.write(2, b"x" * 100 + b"\\n")

    def check(self):
        self.act()
        seen = (sorted(os.environ), sys.argv, os.getcwd())
        return Health(account="me", notes=(repr(seen), str(os.getpid())))

    def discover(self): return [Stream(name="rows", title="Rows", json_schema={}, primary_key=("id",))]

    def read(self, stream, cursor):
        yield record("1", seen=cursor)
        if self.config.does == "grandchild":
            yield record(str(subprocess.Popen(["sleep", "3600"]).pid))
            time.sleep(3600)
        if self.config.does == "foreign": yield record("2", stream="other")
        if self.config.does == "dict": yield {"key": "2"}
        if self.config.does == "nan": yield record("2", x=float("nan"))
        if self.config.does == "huge": yield record("2", x="x" * 2_000_000)
        if self.config.does == "endless":
            while True: yield record("2")
        self.act()
        yield Checkpoint(stream="rows", cursor={"at": 1})

    def fetch(self, stream, keys): return (record(key) for key in keys)
    def keys(self, stream): return iter(["1", "2"])

    def write(self, stream, changes):
        for number, change in enumerate(changes):
            if number == 1: self.act()
            yield Receipt(change_id=change.id, outcome=Outcome.APPLIED, key=change.key)

    def verify(self, request):
        if request.headers.get("x-signature") != "right": raise ForgedRequestError("wrong signature")

    def parse(self, request): yield Touched(stream="rows", key=request.body.hex(), event_id="e1")

    def ticket(self, state=TicketState.OPEN, marker=None):
        return Ticket(key="1", label="T-1", url="https://t/1", state=state, marker=marker)

    def create(self, draft, marker):
        self.act()
        return self.ticket(marker=marker)
    def find(self, marker): return [self.ticket(marker=marker)]
    def get(self, key): return self.ticket() if key == "1" else None
    def update(self, key, draft): return self.ticket()
    def comment(self, key, text, marker): return Receipt(change_id=marker, outcome=Outcome.APPLIED, key=key)
    def transition(self, key, state): return self.ticket(state)
    def send(self, message): return Receipt(change_id=message.id, outcome=Outcome.APPLIED)
"""

Start = Callable[..., ConnectorProcess]


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "hostile_plugin.py").write_text(HOSTILE, encoding="utf-8")
    return folder


@pytest.fixture
def start(plugins: Path) -> Iterator[Start]:
    started: list[ConnectorProcess] = []

    def make(does: str = "", limits: ProcessLimits | None = None, **options: Any) -> ConnectorProcess:  # noqa: ANN401 - passed on
        config = json.dumps({"does": does, "token": SECRET})
        entry = Entry("hostile", "hostile_plugin:Hostile", "hostile", "1")
        started.append(ConnectorProcess(entry, config, limits, search=[str(plugins)], **options))
        return started[-1]

    yield make
    for process in started:
        process.close()


IMPATIENT = ProcessLimits(silence_seconds=1.0)


def test_every_method_of_every_interface_works_through_the_process(start: Start) -> None:
    hostile = start()
    request = WebhookRequest(
        method="POST", path="/", headers={"x-signature": "right"}, body=b"\x00\xff\n\t", received_at=datetime.now(UTC)
    )
    draft = TicketDraft(title="A\tB\nC", closes_when="x")
    assert hostile.check().account == "me"
    assert hostile.discover() == [STREAM]
    items = list(hostile.read(STREAM, {"at": [1, None]}))
    assert items == [
        Record(stream="rows", key="1", data={"id": "1", "seen": {"at": [1, None]}}),
        Checkpoint(stream="rows", cursor={"at": 1}),
    ]
    assert [item.key for item in hostile.fetch(STREAM, ["7", "8"])] == ["7", "8"]
    assert list(hostile.keys(STREAM)) == ["1", "2"]
    assert [receipt.change_id for receipt in hostile.write(STREAM, iter(CHANGES))] == ["c0", "c1", "c2"]
    hostile.verify(request)
    assert list(hostile.parse(request)) == [Touched(stream="rows", key="00ff0a09", event_id="e1")]
    assert hostile.create(draft, "m1").marker == "m1"
    assert [ticket.marker for ticket in hostile.find("m1")] == ["m1"]
    assert hostile.get("2") is None
    assert hostile.update("1", draft) == hostile.get("1")
    assert hostile.comment("1", "text", "m2").outcome is Outcome.APPLIED
    assert hostile.transition("1", TicketState.CLOSED).state is TicketState.CLOSED
    assert hostile.send(Message(id="m", to="a", subject="s", body="b")).change_id == "m"
    assert hostile.capabilities() == set(Capability)


def test_the_process_offers_each_method_of_the_interfaces() -> None:
    assert [name for name in CALLS if not hasattr(ConnectorProcess, name)] == []


def test_one_process_serves_many_calls(start: Start) -> None:
    hostile = start()
    assert hostile.check().notes[1] == hostile.check().notes[1] == str(hostile.pid)


def test_a_chatty_plugin_does_not_break_the_protocol(start: Start) -> None:
    hostile = start("print", environ={"LANG": "noisy"})
    assert hostile.check().account == "me"
    assert len(list(hostile.read(STREAM, None))) == 2


def test_a_plugin_that_floods_stderr_does_not_block(start: Start) -> None:
    assert start("flood stderr").check().account == "me"


def test_the_plugin_sees_no_secret_of_the_hub_and_its_own_only_on_the_pipe(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R35."""
    monkeypatch.setenv("PLUMBLINE_SECRET_KEYS", "hub-secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://hub-secret")
    monkeypatch.setenv("PLUMBLINE_ALLOW_PRIVATE_HOSTS", "127.0.0.1")
    hostile = start()
    names, arguments, folder = eval(hostile.check().notes[0])  # noqa: S307 - the repr that our own plugin made
    allowed = {
        "PATH",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "TMPDIR",
        "PYTHONPATH",
        "PYDANTIC_DISABLE_PLUGINS",
        "PLUMBLINE_ALLOW_PRIVATE_HOSTS",
    }
    allowed |= {"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy", "PLUMBLINE_CA_BUNDLE"}
    assert set(names) <= allowed
    assert "PLUMBLINE_ALLOW_PRIVATE_HOSTS" in names
    assert (len(arguments), folder) == (1, "/")
    for place in ("environ", "cmdline"):
        assert SECRET.encode() not in Path(f"/proc/{hostile.pid}/{place}").read_bytes()


@pytest.mark.parametrize(
    ("does", "kind", "details"),
    [
        ("auth", AuthError, {"permission": "browse"}),
        ("transient", TransientError, {"retry_after": 7.5}),
        ("record", RecordError, {"stream": "rows", "key": "k", "place": "row 3"}),
        ("own", ConfigError, {"field": "a.b"}),
    ],
)
def test_errors_come_back_as_the_classes_they_were(
    start: Start, does: str, kind: type[ConnectorError], details: dict[str, object]
) -> None:
    hostile = start(does)
    with pytest.raises(ConnectorError) as raised:
        hostile.check()
    assert (type(raised.value), vars(raised.value)) == (kind, details)
    assert hostile.discover() == [STREAM], "an error is an answer, the process lives on"


def test_a_wrong_signature_comes_back_as_forged(start: Start) -> None:
    request = WebhookRequest(method="POST", path="/", headers={}, body=b"", received_at=datetime.now(UTC))
    with pytest.raises(ForgedRequestError):
        start().verify(request)


@pytest.mark.parametrize("does", ["auth", "raise", "stderr"])
def test_secrets_are_masked_in_what_comes_back(start: Start, caplog: pytest.LogCaptureFixture, does: str) -> None:
    """R30."""
    hostile = start(does)
    with caplog.at_level("DEBUG"), pytest.raises(ConnectorError) as raised:
        hostile.check()
    assert "***" in str(raised.value)
    assert SECRET not in f"{raised.value!r} {hostile!r} {caplog.text}"


@pytest.mark.parametrize("does", ["raise", "recurse"])
def test_a_bug_in_a_read_is_told_with_its_place_and_in_a_write_is_ambiguous(start: Start, does: str) -> None:
    hostile = start(does)
    with pytest.raises(BrokenConnectorError, match=r"failed while check: \w+Error at hostile_plugin.py:\d+"):
        hostile.check()
    with pytest.raises(AmbiguousError, match="failed while create"):
        hostile.create(TicketDraft(title="t", closes_when="x"), "m")


@pytest.mark.parametrize("does", ["foreign", "dict", "nan"])
def test_what_the_interface_does_not_allow_is_refused(start: Start, does: str) -> None:
    """R35."""
    hostile = start(does)
    with pytest.raises(BrokenConnectorError):
        list(hostile.read(STREAM, None))
    assert hostile.discover() == [STREAM]


def test_an_item_that_is_too_large_ends_the_process(start: Start) -> None:
    with pytest.raises(BrokenConnectorError, match="over 1000000 bytes"):
        list(start("huge", ProcessLimits(line_bytes=1_000_000)).read(STREAM, None))


DEATHS = [("hang", "in time"), ("exit", "exit code 3"), ("sys.exit", "exit code 4"), ("kill", "SIGKILL")]


@pytest.mark.parametrize(("does", "said"), DEATHS)
def test_a_read_whose_process_is_lost_is_transient_and_the_next_call_starts_another(
    start: Start, does: str, said: str
) -> None:
    hostile = start(does, IMPATIENT if does == "hang" else None)
    reading = hostile.read(STREAM, None)
    assert next(reading) == Record(stream="rows", key="1", data={"id": "1", "seen": None})
    first = hostile.pid
    with pytest.raises(TransientError, match=said):
        list(reading)
    assert hostile.discover() == [STREAM]
    assert hostile.pid != first


@pytest.mark.parametrize(("does", "said"), DEATHS)
def test_a_write_whose_process_is_lost_is_ambiguous(start: Start, does: str, said: str) -> None:
    """R7, R35: what was answered counts, of the rest nobody knows."""
    hostile = start(does, IMPATIENT if does == "hang" else None)
    writing = hostile.write(STREAM, CHANGES)
    assert next(writing).change_id == "c0"
    with pytest.raises(AmbiguousError, match=said):
        list(writing)
    with pytest.raises(AmbiguousError, match=said):
        hostile.create(TicketDraft(title="t", closes_when="x"), "m")


def test_a_write_that_never_reached_a_process_is_certainly_not_applied(start: Start) -> None:
    hostile = start("", ProcessLimits(start_seconds=0.0))
    with pytest.raises(TransientError, match="in time"):
        hostile.create(TicketDraft(title="t", closes_when="x"), "m")


class Closed(io.BytesIO):
    def flush(self) -> None:
        raise BrokenPipeError


def test_a_write_that_could_not_be_handed_over_is_certainly_not_applied(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = start()
    hostile.check()
    monkeypatch.setattr(hostile._child, "_requests", Closed())  # it stopped listening after we looked
    with pytest.raises(TransientError, match="process ended"):
        hostile.create(TicketDraft(title="t", closes_when="x"), "m")


def test_a_call_has_an_end_even_when_it_keeps_talking(start: Start) -> None:
    with pytest.raises(TransientError, match="in time"):
        list(start("endless", ProcessLimits(call_seconds=0.3)).read(STREAM, None))


def test_a_read_may_be_left_early(start: Start) -> None:
    hostile = start("endless")
    reading = hostile.read(STREAM, None)
    next(reading)
    reading.close()  # type: ignore[attr-defined]  # what a for loop that is left does
    assert hostile.discover() == [STREAM]


def test_two_calls_at_once_are_refused(start: Start) -> None:
    hostile = start()
    reading = hostile.read(STREAM, None)
    next(reading)
    with pytest.raises(RuntimeError, match="Another call is under way"):
        hostile.discover()
    assert len(list(reading)) == 1
    assert hostile.discover() == [STREAM]


@pytest.mark.parametrize(
    ("config", "field"),
    [({"tokn": SECRET}, "tokn"), ({"does": 1, "token": SECRET}, "does"), ({"token": [SECRET]}, "token")],
)
def test_a_wrong_configuration_names_the_key_and_not_the_value(
    plugins: Path, config: dict[str, object], field: str
) -> None:
    entry = Entry("hostile", "hostile_plugin:Hostile", "hostile", "1")
    with ConnectorProcess(entry, json.dumps(config), search=[str(plugins)]) as hostile:
        with pytest.raises(ConfigError, match=field) as raised:
            hostile.check()
        assert raised.value.field == field
        assert SECRET not in str(raised.value)


def test_a_class_that_cannot_be_imported_says_whose_it_is() -> None:
    lost = ConnectorProcess(Entry("lost", "no_such_module:X", "some-distribution", "2.1"), "{}")
    with pytest.raises(BrokenConnectorError, match=r"'lost' of some-distribution 2.1: no_such_module:X"):
        lost.check()


MEMORY = ProcessLimits(memory_bytes=1 << 30)


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="limits of Linux")
@pytest.mark.parametrize("does", ["memory", "native memory"])
def test_a_connector_that_needs_too_much_memory_names_the_setting(start: Start, does: str) -> None:
    """R35; what native code cannot allocate ends its process."""
    hostile = start(does, MEMORY)
    with pytest.raises(ConfigError, match=r"more memory than the 1024 MiB it may use.*PLUMBLINE_CONNECTOR_MEMORY_MB"):
        hostile.check()
    writing = hostile.write(STREAM, CHANGES)
    assert next(writing).change_id == "c0"
    with pytest.raises(AmbiguousError, match="PLUMBLINE_CONNECTOR_MEMORY_MB"):
        list(writing)


def test_a_call_that_computes_for_too_long_names_the_setting(start: Start) -> None:
    """R35."""
    hostile = start("compute", ProcessLimits(cpu_seconds=1))
    with pytest.raises(ConfigError, match=r"more than 1 s of processor time.*PLUMBLINE_CONNECTOR_CPU_SECONDS"):
        list(hostile.read(STREAM, None))
    assert hostile.discover() == [STREAM]


def test_the_processor_time_of_one_call_does_not_count_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    granted: list[tuple[float, float]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _what, given: granted.append(given))
    monkeypatch.setattr(time, "process_time", lambda: 0.4 + 1000 * len(granted))
    limits = Limits(None, 900)
    limits.begin_call()
    limits.begin_call()
    assert [soft for soft, _ in granted] == [901, 1901]
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (60, 60))
    limits.begin_call()
    assert granted[-1] == (60, 60)  # what the machine's admin allows is less


def test_what_a_plugin_started_ends_with_it(start: Start) -> None:
    hostile = start("grandchild", IMPATIENT)
    reading = hostile.read(STREAM, None)
    next(reading)
    item = next(reading)
    assert isinstance(item, Record)
    with pytest.raises(TransientError):
        next(reading)
    assert _ended(int(item.key))


def test_the_process_ends_when_it_is_closed(start: Start) -> None:
    hostile = start()
    hostile.check()
    pid = hostile.pid
    assert pid is not None
    hostile.close()
    assert not Path(f"/proc/{pid}").exists()
    assert hostile.pid is None


@pytest.mark.parametrize("does", ["", "hang"])
def test_the_process_dies_with_its_parent(plugins: Path, does: str) -> None:
    script = f"""
import json, os, sys, threading
from connectors.sdk.process import ConnectorProcess
from connectors.sdk.entry import Entry
entry = Entry("hostile", "hostile_plugin:Hostile", "hostile", "1")
hostile = ConnectorProcess(entry, json.dumps({{"does": {does!r}}}), search=[{str(plugins)!r}])
hostile.capabilities()
print(hostile.pid, flush=True)
hostile.check()
sys.stdin.read()
"""
    import subprocess
    import sys

    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert _ended(child)


def test_the_process_outlives_the_thread_that_first_called_it(start: Start) -> None:
    hostile = start()
    first: list[str] = []
    thread = threading.Thread(target=lambda: first.append(hostile.check().notes[1]))
    thread.start()
    thread.join()
    assert hostile.check().notes[1] == first[0]


def test_a_process_that_cannot_be_started_is_transient(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.sdk.child.COMMAND", ("/no/such/python",))
    with pytest.raises(TransientError, match="could not be started"):
        start().create(TicketDraft(title="t", closes_when="x"), "m")


def _ended(pid: int) -> bool:
    """Wait until a process that is not ours to wait for is gone; False after 10 s."""
    pause = threading.Event()
    for _ in range(1000):
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        pause.wait(0.01)
    return False
