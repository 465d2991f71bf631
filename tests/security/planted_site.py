"""A deployment full of canaries, run as a process of its own: everything it shows goes into a folder, to be searched.

    python -m tests.security.planted_site FOLDER < canaries.json

What the environment cannot carry comes by standard input: place -> canary. Canaries that the product makes by itself
(an API token, a session) are written to FOLDER/made.json.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from click.testing import CliRunner
from sqlalchemy import text

from connectors.jira.config import JiraConfig
from hub.app import create_app
from hub.audit.jobs import take_checkpoint
from hub.audit.service import SigningKey, export_trail
from hub.cli.doctor import command as doctor
from hub.cli.secrets import secrets as secrets_command
from hub.connections.configuration import split
from hub.connections.service.configured import Draft, add_connection, find_configured
from hub.core.access import Permission
from hub.core.database import Base, Database
from hub.core.instants import utc_now
from hub.core.keyring import FixedKeyring, parse_keys
from hub.core.logs import configure_logs
from hub.core.sealing import Sealer
from hub.migrations.backup import write_backup
from hub.migrations.metadata import load_metadata
from hub.people.passwords import hash_password
from hub.people.service import Founder, find_person_by_email, make_token, principal_of, set_up
from hub.people.service.accounts import first_run_notice
from hub.settings import Settings
from hub.web.cookies import NAME
from hub.web.requests import public, session
from hub.work.context import Context
from hub.work.engine import Engine
from hub.work.service import enqueue
from tests.visitors import Visitor, form_token_of

EMAIL, NAME_OF_FOUNDER = "zoe.canary@acme.example", "Zoe Canaryson"
log = structlog.get_logger(__name__)


class PlantedSite:
    """The deployment, and what it has shown so far."""

    def __init__(self, canaries: dict[str, str], folder: Path) -> None:
        self.canaries = canaries
        self.folder = folder
        self.made: dict[str, str] = {}
        self.settings = Settings()
        self.settings.home.mkdir(parents=True, exist_ok=True)
        self.database = Database(self.settings.database_address())
        load_metadata()
        Base.metadata.create_all(self.database.engine)
        self.app = create_app(self.settings, database=self.database)
        self._plant_crashes()

    def show(self, name: str, content: str | bytes) -> None:
        """Keep what somebody was shown."""
        path = self.folder / "shown" / name.strip("/").replace("/", "_")[:150]
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as file:
            file.write(content.encode() if isinstance(content, str) else content)

    def visit(self, visitor: Visitor, method: str, address: str, **options: Any) -> Any:  # noqa: ANN401  # a reply
        """Ask for an address and keep the reply; the cookie of one's own session is not a leak."""
        reply = visitor.client.open(address, method=method, **options)
        headers = "\n".join(f"{name}: {value}" for name, value in reply.headers if name != "Set-Cookie")
        self.show(f"{method} {address}", f"{headers}\n\n{reply.text}")
        return reply

    def _plant_crashes(self) -> None:
        everything = " ".join([*self.canaries.values(), EMAIL, NAME_OF_FOUNDER])

        def crash() -> str:
            raise RuntimeError(f"a library quotes {everything}")

        def query() -> str:
            session().execute(text("SELECT :everything FROM nowhere"), {"everything": everything})
            return ""

        for name, view in (("crash", crash), ("query", query)):
            marked = public("a test plants it")(view)
            self.app.add_url_rule(f"/{name}", name, marked)
            self.app.add_url_rule(f"/api/v1/{name}", f"api_{name}", marked)


def set_up_people(site: PlantedSite) -> None:
    """Set the organisation up with a password, and make a token and an invitation."""
    now = utc_now()
    with site.database.write() as opened:
        notice = first_run_notice(opened, address="http://127.0.0.1", now=now) or ""
        site.made["set-up token"] = notice.partition("token=")[2].partition(" ")[0]
    founder = Founder(organisation="Acme", name=NAME_OF_FOUNDER, email=EMAIL, time_zone=None)
    with site.database.write() as opened:
        set_up(opened, site.made["set-up token"], founder, hash_password(site.canaries["password"]), now=now)
    with site.database.write() as opened:
        person = find_person_by_email(opened, EMAIL)
        assert person is not None
        asking = principal_of(opened, person, default_zone="UTC", now=now)
        until = now + timedelta(days=30)
        _, token = make_token(opened, name="test", scopes=list(Permission), expires_at=until, by=asking, now=now)
        site.made["API token"] = token


def add_jira(site: PlantedSite) -> None:
    """Add a connection with secrets in each of its places, and open it once as a worker does."""
    config = {
        "base_url": "https://acme.atlassian.example",
        "auth": {"kind": "api_token", "email": "bot@acme.example", "token": site.canaries["connection secret"]},
        "webhook_secret": [site.canaries["webhook secret"]],
    }
    plain, secrets = split(config, JiraConfig.model_json_schema())
    draft = Draft(key="jira", kind="jira", title="Jira", config=plain, secrets=secrets, org_unit_id=1)
    sealer = Sealer.from_settings(site.settings)
    with site.database.write() as opened:
        connection = add_connection(opened, draft, sealer=sealer, by="system:test", now=utc_now())
        configured = find_configured(opened, connection.id)
        site.show("configured", repr(configured) + repr(draft) + repr(sealer) + repr(vars(sealer)))
        assert configured.open(sealer) == config
        log.info("connection.added", draft=draft, configured=configured, settings=site.settings)
    try:
        Sealer(FixedKeyring("other:" + "B" * 43 + "=")).open(configured.sealed, "here")
    except Exception as error:
        log.exception("sealed.wrong_key")
        site.show("wrong key", str(error))


def sign_in(site: PlantedSite) -> None:
    """Sign in by the page, with the right and the wrong password, and by token."""
    for password in (site.canaries["password"] + "x", site.canaries["password"]):
        visitor = Visitor(site.app.test_client())
        form = visitor.client.get("/sign-in")
        fields = {"csrf_token": form_token_of(form), "email": EMAIL, "password": password, "next": "/"}
        reply = site.visit(visitor, "POST", "/sign-in", data=fields)
    assert reply.status_code == 303
    cookie = visitor.client.get_cookie(NAME)
    assert cookie is not None
    site.made["session"] = cookie.value
    look_everywhere(site, visitor)
    send_nonsense(site, visitor)
    bearer = {"Authorization": f"Bearer {site.made['API token']}"}
    site.visit(visitor, "GET", "/api/v1/me", headers=bearer)
    assert site.visit(visitor, "GET", "/api/v1/persons", headers=bearer).status_code == 200
    site.visit(visitor, "GET", "/api/v1/persons", headers={"Authorization": bearer["Authorization"] + "x"})


def look_everywhere(site: PlantedSite, visitor: Visitor) -> None:
    """Read every address that takes no argument."""
    for rule in site.app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.arguments:
            site.visit(visitor, "GET", rule.rule)
    for address in ("/connections", "/audit-trail?action=connection", "/nowhere"):
        site.visit(visitor, "GET", address)


def send_nonsense(site: PlantedSite, visitor: Visitor) -> None:
    """Send canaries where they do not belong: a refusal must not echo them."""
    for name, canary in site.canaries.items():
        body = {"name": {"nested": canary}, "scopes": canary, "expires_at": canary}
        bearer = {"Authorization": f"Bearer {site.made['API token']}"}
        site.visit(visitor, "POST", "/api/v1/tokens", json=body, headers=bearer)
        site.visit(visitor, "POST", f"/webhooks/jira?of={name}", data=canary, headers={"X-Hub-Signature": canary})


def fail_work(site: PlantedSite) -> None:
    """Run work whose handler fails with every canary in its message."""

    def handler(_context: Context, _payload: dict[str, Any]) -> None:
        log.warning("test.person", person=EMAIL, note=f"{EMAIL} did it")
        raise RuntimeError(" ".join([*site.canaries.values(), EMAIL, NAME_OF_FOUNDER]))

    with site.database.write() as opened:
        item = enqueue(opened, "test.fail", {})
    assert item is not None
    Engine(site.database, site.settings, {"test.fail": handler}).run_item(item)


def call_what_is_away(site: PlantedSite) -> None:
    """Run the app against a database server and a queue server that do not answer: their addresses hold passwords."""
    away = site.settings.model_copy(
        update={
            "database_url": Settings(database_url=site.canaries["database address"]).database_url,
            "redis_url": Settings(redis_url=site.canaries["queue address"]).redis_url,
        }
    )
    visitor = Visitor(create_app(away).test_client())
    for address in ("/readyz", "/api/v1/persons", "/sign-in", "/healthz", "/metrics"):
        site.visit(visitor, "GET", address, headers={"Authorization": "Bearer plb_x"})
    site.show("settings", repr(away) + str(away) + str(away.model_dump()))
    log.info("settings", settings=away, url=site.canaries["database address"])


def run_commands(site: PlantedSite) -> None:
    """Run commands that look at settings and secrets."""
    for command, arguments in ((secrets_command, ["status"]), (doctor, [])):
        done = CliRunner().invoke(command, arguments)
        site.show("commands", done.output + repr(done.exception))
    configure_logs(level="debug", style="json")  # the runner's stderr is gone


def take_away(site: PlantedSite) -> None:
    """Take a checkpoint, an export and a backup."""
    take_checkpoint(site.settings, write=site.database.write, read=site.database.read)
    with site.database.read() as opened:
        key = SigningKey.find(opened, Sealer.from_settings(site.settings))
        assert key is not None
        export_trail(opened, site.folder / "export", key, now=utc_now())
    write_backup(site.database, site.folder / "backup.db", now=utc_now())
    assert site.settings.secret_keys is not None
    keys = parse_keys(site.settings.secret_keys.get_secret_value(), "the setting")
    site.made |= {f"key {key.id}": key.secret.hex() for key in keys}


STEPS: tuple[Callable[[PlantedSite], None], ...] = (
    set_up_people,
    add_jira,
    sign_in,
    fail_work,
    call_what_is_away,
    run_commands,
    take_away,
)
"""What happens on the site; a new place to configure secrets, or a new way to show something, is a function here."""


def main() -> None:
    """Run the site through all steps."""
    folder = Path(sys.argv[1])
    configure_logs(level="debug", style="json")
    site = PlantedSite(json.load(sys.stdin), folder)
    for step in STEPS:
        step(site)
    site.database.dispose()
    (folder / "made.json").write_text(json.dumps(site.made))


if __name__ == "__main__":
    main()
