import logging
import socket
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr

from connectors.sdk import faults
from connectors.sdk.errors import (
    AmbiguousError,
    AuthError,
    ConfigError,
    ConnectorError,
    NotAppliedError,
    TransientError,
)
from connectors.sdk.faults import Fault, FaultyServer, ManualTime, answer
from connectors.sdk.http import HttpClient, Reply, basic, bearer
from connectors.sdk.network import Network
from connectors.sdk.transport import GuardedAdapter

PATIENT_ENOUGH = 0.2
"""Seconds a test waits for a server that never answers."""


@pytest.fixture
def client(server: FaultyServer, manual_time: ManualTime) -> HttpClient:
    network = replace(server.network(), read_seconds=PATIENT_ENOUGH, timing=manual_time.timing())
    return HttpClient(network, base_url=server.url)


def test_a_read_returns_status_headers_and_json(client: HttpClient, server: FaultyServer) -> None:
    server.script(answer(200, {"total": 3}, {"X-Page": "1"}))
    response = client.get("/search", params={"q": "a b"})
    assert (response.status, response.headers["x-page"], response.json()) == (200, "1", {"total": 3})
    assert server.received[0].target == "/search?q=a+b"


BROKEN: list[tuple[str, Fault]] = [
    ("hang", faults.hang),
    ("drop", faults.drop),
    ("reset", faults.reset),
    ("cut", faults.cut()),
    ("garbage", faults.raw(b"\x00\x01\x02 not http\r\n\r\n")),
    ("cut chunk", faults.raw(b"HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf")),
    ("not gzip", answer(200, b"plain", {"Content-Encoding": "gzip"})),
]


@pytest.mark.parametrize("fault", [f for _, f in BROKEN], ids=[name for name, _ in BROKEN])
def test_a_read_is_repeated_after_a_broken_exchange(client: HttpClient, server: FaultyServer, fault: Fault) -> None:
    server.script(fault, answer(200, {"ok": True}))
    assert client.get("/x").json() == {"ok": True}
    assert (len(server.received), client.network.cost.retries) == (2, 1)


@pytest.mark.parametrize("fault", [f for _, f in BROKEN], ids=[name for name, _ in BROKEN])
def test_a_write_whose_bytes_were_sent_is_ambiguous_and_never_repeated(
    client: HttpClient, server: FaultyServer, fault: Fault
) -> None:
    """R7: nobody knows whether the tool applied it."""
    server.script(fault)
    with pytest.raises(AmbiguousError, match="may have been applied"):
        client.write("POST", "/issue", json={"a": 1})
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("status", "read", "write"),
    [
        (400, ConfigError, NotAppliedError),
        (401, AuthError, AuthError),
        (403, AuthError, AuthError),
        (404, ConfigError, NotAppliedError),
        (408, TransientError, AmbiguousError),
        (409, ConfigError, AmbiguousError),
        (410, ConfigError, NotAppliedError),
        (413, ConfigError, NotAppliedError),
        (425, TransientError, TransientError),
        (429, TransientError, TransientError),
        (500, TransientError, AmbiguousError),
        (502, TransientError, AmbiguousError),
        (503, TransientError, AmbiguousError),
        (504, TransientError, AmbiguousError),
        (599, TransientError, AmbiguousError),
    ],
)
def test_each_status_means_one_decision(
    client: HttpClient,
    server: FaultyServer,
    status: int,
    read: type[ConnectorError],
    write: type[ConnectorError],
) -> None:
    server.script(answer(status, {"why": "words of the tool"}))
    with pytest.raises(ConnectorError, match="words of the tool") as reading:
        client.get("/x")
    with pytest.raises(ConnectorError, match=f"answered {status}") as writing:
        client.write("POST", "/x", json={})
    assert (reading.type, writing.type) == (read, write)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(301, NotAppliedError), (302, AmbiguousError), (303, AmbiguousError), (307, NotAppliedError)],
)
def test_a_write_follows_no_redirect(
    client: HttpClient, server: FaultyServer, status: int, expected: type[ConnectorError]
) -> None:
    server.script(answer(status, headers={"Location": "/elsewhere"}))
    with pytest.raises(expected):
        client.write("POST", "/x", json={})
    assert [request.target for request in server.received] == ["/x"]


def test_an_accepted_status_comes_back_as_a_response(client: HttpClient, server: FaultyServer) -> None:
    server.script(answer(404), answer(409, {"kept": 1}))
    assert client.get("/gone", accept={404}).status == 404
    assert client.write("PUT", "/x", json={}, accept={409}).json() == {"kept": 1}


@pytest.mark.parametrize(
    ("reply", "fault", "fine"),
    [
        ("json", answer(201, {"id": "1"}), True),
        ("json", answer(204), True),
        ("json", answer(201), False),
        ("json", answer(200, b"<html>sign in</html>"), False),
        ("json", answer(200, b'{"cut":'), False),
        ("empty", answer(201), True),
        ("empty", answer(200, b"<html>sign in</html>"), False),
        ("any", answer(200, b"ok"), True),
    ],
)
def test_a_write_that_succeeds_with_an_unreadable_reply_is_ambiguous(
    client: HttpClient, server: FaultyServer, reply: Reply, fault: Fault, *, fine: bool
) -> None:
    server.script(fault)
    if fine:
        assert client.write("POST", "/x", json={}, reply=reply).written
        return
    with pytest.raises(AmbiguousError):
        client.write("POST", "/x", json={}, reply=reply)


def test_a_read_that_gets_a_sign_in_page_says_so(client: HttpClient, server: FaultyServer) -> None:
    server.script(answer(200, b"<html>", {"Content-Type": "text/html"}))
    with pytest.raises(TransientError, match="text/html that are not JSON"):
        client.get("/x").json()


def test_a_refused_connection_is_certainly_not_applied(client: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    nobody = HttpClient(client.network, base_url=f"http://127.0.0.1:{port}")
    with pytest.raises(TransientError, match="refused"):
        nobody.write("POST", "/x", json={})


def test_an_unknown_name_is_certainly_not_applied(client: HttpClient) -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    lost = HttpClient(replace(client.network, resolve=unknown), base_url="https://jira.example")
    with pytest.raises(TransientError, match="name could not be resolved"):
        lost.write("POST", "/x", json={})


def test_an_untrusted_certificate_names_the_setting_and_is_not_applied(
    client: HttpClient, tls_server: FaultyServer
) -> None:
    with pytest.raises(ConfigError, match=r"not trusted.*PLUMBLINE_CA_BUNDLE"):
        HttpClient(client.network, base_url=tls_server.url).write("POST", "/x", json={})
    assert tls_server.received == []


def test_the_ca_bundle_makes_an_own_authority_trusted(
    client: HttpClient, tls_server: FaultyServer, certificate: Path
) -> None:
    trusting = replace(client.network, ca_bundle=certificate)
    assert HttpClient(trusting, base_url=tls_server.url).get("/x").json() == {}


def test_a_handshake_that_fails_is_certainly_not_applied(client: HttpClient, server: FaultyServer) -> None:
    with pytest.raises(TransientError):
        HttpClient(client.network, base_url=server.url.replace("http:", "https:")).write("POST", "/x", json={})


@pytest.mark.parametrize(("pause", "connections"), [(1.0, 1), (60.0, 2)])
def test_a_write_after_a_pause_takes_a_new_connection(manual_time: ManualTime, pause: float, connections: int) -> None:
    """A tool closes connections that are idle, and a write that meets the closing one would be ambiguous."""
    seen: set[object] = set()

    class KeptAlive(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            seen.add(self.client_address)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(204)
            self.end_headers()

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), KeptAlive) as tool:
        thread = threading.Thread(target=tool.serve_forever, args=(0.01,))
        thread.start()
        network = Network(private_hosts=frozenset({"127.0.0.1"}), timing=manual_time.timing())
        client = HttpClient(network, base_url=f"http://127.0.0.1:{tool.server_port}")
        client.get("/x")
        manual_time.now += pause
        client.write("POST", "/x", json={})
        client.close()
        tool.shutdown()
        thread.join()
    assert len(seen) == connections


# deadlines


@pytest.mark.parametrize(
    "fault",
    [
        faults.drip(b"HTTP/1.1 200 -\r\nContent-Length: 100000000\r\n\r\n"),
        faults.drip(b"HTTP/1.1 200 -\r\nX-Slow: ", b"x"),
        faults.drip(b"HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    ],
    ids=["body", "headers", "chunk size"],
)
def test_a_peer_who_drips_bytes_meets_the_total_deadline(
    client: HttpClient, server: FaultyServer, manual_time: ManualTime, fault: Fault
) -> None:
    server.script(fault)
    manual_time.tick = 3.0  # each look at the clock costs three of the sixty seconds
    with pytest.raises(TransientError, match="within the time allowed"):
        client.get("/x")
    with pytest.raises(AmbiguousError):
        client.write("POST", "/x", json={})


@pytest.mark.parametrize("fault", [faults.endless], ids=["endless"])
def test_an_endless_body_meets_the_size_limit(client: HttpClient, server: FaultyServer, fault: Fault) -> None:
    server.script(fault)
    small = HttpClient(client.network.with_limits(max_bytes=300_000), base_url=server.url)
    with pytest.raises(ConfigError, match="larger than 300000 bytes"):
        small.get("/x")
    assert small.network.cost.bytes_received < 2_000_000
    with pytest.raises(AmbiguousError):
        small.write("POST", "/x", json={})


def test_a_compressed_bomb_meets_the_size_limit(client: HttpClient, server: FaultyServer) -> None:
    import gzip

    server.script(answer(200, gzip.compress(b"0" * 8_000_000), {"Content-Encoding": "gzip"}))
    with pytest.raises(ConfigError, match="larger than"):
        HttpClient(client.network.with_limits(max_bytes=500_000), base_url=server.url).get("/x")


def test_retries_end_with_the_attempts_and_grow_with_jitter(
    client: HttpClient, server: FaultyServer, manual_time: ManualTime
) -> None:
    server.script(answer(503))
    with pytest.raises(TransientError):
        client.get("/x")
    assert len(server.received) == 4
    assert manual_time.slept == [0.25, 0.5, 1.0]


def test_retries_end_with_the_total_deadline(server: FaultyServer, manual_time: ManualTime) -> None:
    network = replace(server.network(), timing=manual_time.timing(), total_seconds=0.6)
    server.script(answer(503))
    with pytest.raises(TransientError):
        HttpClient(network, base_url=server.url).get("/x")
    assert manual_time.slept == [0.25]


# Retry-After


def _wait_of(server: FaultyServer, manual_time: ManualTime, headers: dict[str, str]) -> list[float]:
    server.script(answer(429, headers=headers), answer(200, {}))
    timing = replace(manual_time.timing(), wall=lambda: 784_111_700.0)
    HttpClient(replace(server.network(), timing=timing), base_url=server.url).get("/x")
    return manual_time.slept


@pytest.mark.parametrize(
    ("headers", "least"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "Sun, 06 Nov 1994 08:48:25 GMT"}, 5.0),
        ({"Retry-After": "Sun, 06 Nov 1994 08:48:25 GMT", "Date": "Sun, 06 Nov 1994 08:48:18 GMT"}, 7.0),
        ({"Retry-After": "Sun, 06 Nov 1994 08:00:00 GMT"}, 0.0),
    ],
)
def test_retry_after_is_never_beaten(
    server: FaultyServer, manual_time: ManualTime, headers: dict[str, str], least: float
) -> None:
    assert _wait_of(server, manual_time, headers) == [least + 0.25]


@pytest.mark.parametrize("value", ["", "soon", "-5", "nan"])
def test_an_unreadable_retry_after_counts_as_absent(server: FaultyServer, manual_time: ManualTime, value: str) -> None:
    assert _wait_of(server, manual_time, {"Retry-After": value}) == [0.25]


@pytest.mark.parametrize(
    ("value", "seconds"), [("20", 20.0), ("60", 60.0), ("3600", 3600.0), ("1e12", 86_400.0), ("inf", 86_400.0)]
)
def test_a_long_retry_after_is_passed_on_and_not_slept(
    client: HttpClient, server: FaultyServer, manual_time: ManualTime, value: str, seconds: float
) -> None:
    server.script(answer(429, headers={"Retry-After": value}))
    for call in (client.get, lambda path: client.write("POST", path, json={})):
        with pytest.raises(TransientError) as raised:
            call("/x")
        assert raised.value.retry_after == seconds
    assert (manual_time.slept, len(server.received)) == ([], 2)


# redirects, R27


def test_a_redirect_is_followed_and_keeps_credentials_on_the_same_host(server: FaultyServer) -> None:
    server.script(answer(302, headers={"Location": "/there?x=1"}), answer(200, {}))
    HttpClient(server.network(), base_url=server.url, authorization=bearer(SecretStr("token-1"))).get("/here")
    assert [(r.target, r.headers.get("authorization")) for r in server.received] == [
        ("/here", "Bearer token-1"),
        ("/there?x=1", "Bearer token-1"),
    ]


def test_a_redirect_to_another_host_drops_credentials_body_and_own_headers(
    server: FaultyServer, other_server: FaultyServer
) -> None:
    server.script(answer(302, headers={"Location": f"{other_server.url}/there"}))
    client = HttpClient(
        server.network(),
        base_url=server.url,
        authorization=basic("ann", SecretStr("password-1")),
        headers={"X-Api-Key": "key-1", "Cookie": "a=b"},
    )
    client.read("POST", "/search", json={"private": "words"})
    assert server.received[0].headers["x-api-key"] == "key-1"
    (moved,) = other_server.received
    assert sorted(moved.headers) == ["accept", "accept-encoding", "host", "user-agent"]
    assert (moved.method, moved.body) == ("GET", b"")


def test_a_body_is_not_redirected_to_another_host(
    client: HttpClient, server: FaultyServer, other_server: FaultyServer
) -> None:
    server.script(answer(307, headers={"Location": f"{other_server.url}/there"}))
    with pytest.raises(ConfigError, match="redirects a body"):
        client.read("POST", "/search", json={"private": "words"})
    assert other_server.connections == 0


def test_the_next_page_on_another_host_gets_no_credentials(server: FaultyServer, other_server: FaultyServer) -> None:
    client = HttpClient(server.network(), base_url=server.url, authorization=bearer(SecretStr("token-1")))
    client.get(f"{other_server.url}/next")
    assert "authorization" not in other_server.received[0].headers


def test_cookies_of_the_tool_are_not_kept(client: HttpClient, server: FaultyServer) -> None:
    server.script(answer(200, {}, {"Set-Cookie": "session=1; Path=/"}))
    client.get("/x")
    client.get("/x")
    assert "cookie" not in server.received[1].headers


def test_a_sixth_redirect_is_refused(client: HttpClient, server: FaultyServer) -> None:
    server.script(answer(302, headers={"Location": "/again"}))
    with pytest.raises(ConfigError, match="more than 5 times"):
        client.get("/x")
    assert len(server.received) == 6


@pytest.mark.parametrize(
    "target",
    ["http://localhost:1/", "https://localhost:1/", "https://169.254.169.254/", "file:///etc/passwd", "https://[::1]/"],
)
def test_each_hop_of_a_redirect_is_checked_again(client: HttpClient, server: FaultyServer, target: str) -> None:
    server.script(answer(302, headers={"Location": target}))
    with pytest.raises(ConfigError, match=r"refused|Only https"):
        client.get("/x")


def test_https_never_redirects_to_plain_http(
    client: HttpClient, server: FaultyServer, tls_server: FaultyServer, certificate: Path
) -> None:
    tls_server.script(answer(302, headers={"Location": server.url}))
    with pytest.raises(ConfigError, match="from https to http"):
        HttpClient(replace(client.network, ca_bundle=certificate), base_url=tls_server.url).get("/x")
    assert server.connections == 0


# addresses, R27


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}",
        "https://127.0.0.1:{port}",
        "https://localhost:{port}",
        "https://[::1]:{port}",
        "https://[::ffff:127.0.0.1]:{port}",
        "https://127.1:{port}",
        "https://2130706433:{port}",
        "https://0x7f000001:{port}",
        "https://0.0.0.0:{port}",
        "https://0:{port}",
        "https://127.0.0.1.:{port}",
        "https://\u2460\u2461\u2466.0.0.1:{port}",
        "https://10.0.0.5",
        "https://192.168.1.1",
        "https://172.16.0.1",
        "https://100.64.0.1",
        "https://169.254.169.254",
        "https://[fe80::1]",
        "https://[fd00::1]",
        "https://[64:ff9b::7f00:1]",
        "https://[2002:7f00:1::]",
    ],
)
def test_private_addresses_get_no_packet(server: FaultyServer, url: str) -> None:
    with pytest.raises((ConfigError, TransientError)):
        HttpClient(Network(attempts=1), base_url=url.format(port=server.port)).get("/x")
    assert server.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::ffff:10.0.0.1"], ["fe80::1%eth0"], ["not an address"]],
)
def test_a_public_name_that_resolves_to_a_private_address_is_refused(
    server: FaultyServer, addresses: list[str]
) -> None:
    network = Network(resolve=lambda host, port: addresses)
    with pytest.raises(ConfigError):
        HttpClient(network, base_url=f"https://public.example:{server.port}").get("/x")
    assert server.connections == 0


def test_the_checked_address_is_the_connected_one_when_the_name_changes_its_mind(server: FaultyServer) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    network = Network(resolve=lambda host, port: next(answers), private_hosts=frozenset({"rebinding.example"}))
    HttpClient(network, base_url=f"http://rebinding.example:{server.port}").get("/x")
    assert server.received[0].headers["host"] == f"rebinding.example:{server.port}"
    assert next(answers) == ["10.0.0.1"], "the name was resolved once"


@pytest.mark.parametrize("address", ["169.254.169.254", "168.63.129.16", "224.0.0.1", "fe80::1"])
def test_an_allowed_name_may_not_lead_to_cloud_metadata(address: str) -> None:
    network = Network(resolve=lambda host, port: [address], private_hosts=frozenset({"jira.intranet"}))
    with pytest.raises(ConfigError, match="private or reserved"):
        HttpClient(network, base_url="https://jira.intranet").get("/x")


def test_the_next_address_is_tried_when_one_is_dead(server: FaultyServer) -> None:
    network = Network(resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"], private_hosts=frozenset({"two.example"}))
    assert HttpClient(network, base_url=f"http://two.example:{server.port}").get("/x").json() == {}


@pytest.mark.parametrize("url", ["ftp://files.example", "file:///etc/passwd", "gopher://x", "jira.example", "https://"])
def test_only_web_addresses_are_taken(url: str) -> None:
    with pytest.raises(ConfigError):
        HttpClient(Network(), base_url=url).get("/x")


def test_credentials_in_an_address_are_refused_without_repeating_them() -> None:
    with pytest.raises(ConfigError) as raised:
        HttpClient(Network(), base_url="https://ann:password-1@jira.example")
    assert "password-1" not in str(raised.value)


# proxies


def test_https_goes_through_the_proxy_by_name(server: FaultyServer) -> None:
    server.script(answer(403))
    proxy = f"http://ann:proxy-pass@127.0.0.1:{server.port}"

    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "only the proxy can resolve this")

    network = Network(https_proxy=proxy, attempts=1, resolve=unknown)
    with pytest.raises(TransientError) as raised:
        HttpClient(network, base_url="https://jira.example").write("POST", "/x", json={})
    assert (server.received[0].method, server.received[0].target) == ("CONNECT", "jira.example:443")
    assert server.received[0].headers["proxy-authorization"].startswith("Basic ")
    assert "proxy-pass" not in f"{raised.value}{network!r}"


@pytest.mark.parametrize("target", ["https://10.0.0.1", "https://localhost", "https://127.0.0.1", "https://[::1]"])
def test_a_proxy_opens_no_way_to_private_addresses(server: FaultyServer, target: str) -> None:
    network = Network(https_proxy=server.url, attempts=1)
    with pytest.raises(ConfigError, match="private or reserved"):
        HttpClient(network, base_url=target).get("/x")
    assert server.connections == 0


def test_no_proxy_is_honoured(server: FaultyServer, other_server: FaultyServer) -> None:
    network = replace(
        Network(private_hosts=frozenset({"tool.example"}), resolve=lambda host, port: ["127.0.0.1"]),
        http_proxy=other_server.url,
        no_proxy="tool.example",
    )
    HttpClient(network, base_url=f"http://tool.example:{server.port}").get("/x")
    assert (server.connections, other_server.connections) == (1, 0)
    HttpClient(replace(network, no_proxy=""), base_url=f"http://tool.example:{server.port}").get("/x")
    assert (server.connections, other_server.connections) == (1, 1)


def test_the_environment_of_the_process_is_not_read_behind_our_back(
    server: FaultyServer, other_server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", other_server.url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    HttpClient(server.network(), base_url=server.url).get("/x")
    assert other_server.connections == 0


def test_a_netrc_gives_no_credentials_away(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password netrc-pass", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    HttpClient(server.network(), base_url=server.url).get("/x")
    assert "authorization" not in server.received[0].headers


def test_the_adapter_guards_any_session_it_is_mounted_on(server: FaultyServer) -> None:
    def everywhere(host: str, port: int) -> list[str]:
        return ["93.184.216.34"] if host == "public.example" else ["127.0.0.1"]

    with requests.Session() as session:
        session.mount("http://", GuardedAdapter(Network(resolve=everywhere)))
        with pytest.raises(ConfigError, match=r"Plain http to public\.example"):
            session.get("http://public.example", timeout=1)
        session.mount("https://", GuardedAdapter(Network(resolve=everywhere)))
        with pytest.raises(ConfigError, match="private or reserved"):
            session.get(f"https://other.example:{server.port}", timeout=1)
    assert server.connections == 0


def test_a_network_is_read_from_the_variables_an_admin_sets() -> None:
    network = Network.from_environ(
        {
            "PLUMBLINE_ALLOW_PRIVATE_HOSTS": "127.0.0.1, LOCALHOST,[::1] ,",
            "HTTPS_PROXY": "http://proxy:3128",
            "no_proxy": "intranet",
            "PLUMBLINE_CA_BUNDLE": "/etc/ca.pem",
        }
    )
    assert network.private_hosts == {"127.0.0.1", "localhost", "::1"}
    assert (network.https_proxy, network.no_proxy) == ("http://proxy:3128", "intranet")
    assert network.ca_bundle == Path("/etc/ca.pem")


# secrets, R30


@pytest.mark.parametrize(
    "fault", [answer(500, {"you sent": "s3cret/to ken+1"}), faults.cut(), answer(401), faults.drop]
)
@pytest.mark.parametrize("method", ["read", "write"])
def test_secrets_never_appear_in_errors_reprs_and_logs(
    server: FaultyServer, caplog: pytest.LogCaptureFixture, manual_time: ManualTime, fault: Fault, method: str
) -> None:
    """R30, also in base64 and URL-encoded form."""
    secret = "s3cret/to ken+1"
    network = replace(server.network(), timing=manual_time.timing())
    client = HttpClient(network, base_url=server.url, authorization=basic("ann", SecretStr(secret)), secrets=[secret])
    server.script(fault)
    with caplog.at_level(logging.DEBUG), pytest.raises(ConnectorError) as raised:
        getattr(client, method)("POST", f"/x/{secret}", json={}, params={"token": secret})
    shown = f"{raised.value!r} {raised.value} {client!r} {network!r} {caplog.text}"
    assert "127.0.0.1" in shown
    encoded = server.received[0].headers["authorization"].partition(" ")[2]
    assert "s3cret" not in shown
    assert encoded not in shown


def test_cost_counts_requests_retries_and_bytes(client: HttpClient, server: FaultyServer) -> None:
    server.script(answer(503), answer(200, b" " * 1000 + b"{}"))
    client.get("/x")
    cost = client.network.cost
    assert (cost.requests, cost.retries, cost.seconds_waited) == (2, 1, 0.25)
    assert cost.bytes_received > 1000
    assert cost.bytes_sent == sum(len(r.method) + len(r.target) + 14 for r in server.received) + sum(
        len(name) + len(value) + 4 for r in server.received for name, value in r.headers.items()
    )


def test_one_cost_counts_for_all_clients_of_a_network(server: FaultyServer) -> None:
    network = server.network()
    HttpClient(network, base_url=server.url).get("/x")
    HttpClient(network.with_limits(total_seconds=300), base_url=server.url).get("/x")
    assert network.cost.requests == 2
