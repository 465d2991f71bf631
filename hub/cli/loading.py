"""What most commands begin with: settings, logs, the database brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy import inspect

from hub.core.database import Database
from hub.core.errors import SettingError
from hub.core.home import make_home
from hub.core.logs import configure_logs
from hub.core.revisions import current_revision, newest_revision
from hub.settings import Settings, variables

if TYPE_CHECKING:
    from hub.work.service import Ready


def load_settings() -> Settings:
    """Read the settings, make the home, set the logs up; a wrong setting is named by its variable."""
    try:
        settings = Settings()
    except ValidationError as error:
        raise SettingError("; ".join(_sentence(str(one["loc"][0]), one["msg"]) for one in error.errors())) from None
    except ValueError as error:  # a file of a secret that cannot be read
        raise SettingError(str(error)) from None
    configure_logs(level=settings.log_level, style=settings.log_format)
    make_home(settings.home)
    return settings


def open_database(settings: Settings) -> Database:
    """Open the database of these settings; nothing is contacted yet."""
    return Database(settings.database_address())


def find_database(settings: Settings) -> Database:
    """Open the database that the product uses; raises SettingError where there is none yet."""
    from hub.work.models import WorkItem

    database = open_database(settings)
    where = "DATABASE_URL" if settings.database_url else str(settings.home)
    if settings.database_url or settings.sqlite_path.exists():  # asking would make the file
        with database.read() as session:
            if inspect(session.connection()).has_table(WorkItem.__tablename__):
                return database
    raise SettingError(
        f"There is no Plumbline in {where} yet: start `plumbline up`, or set PLUMBLINE_HOME to the folder of the one "
        "that is meant. `make run` uses the folder .plumbline beside the Makefile."
    )


def open_equipped_database(settings: Settings, *, tell_queue: bool = True) -> Database:
    """Open the database for a command that does a worker's work: rules can run, and the queue is told of work.

    Untold, as before the queue server was started, work is found in the database by the workers themselves.
    """
    from hub.areas import AREAS, let_history_be_built
    from hub.work.dispatch import Dispatcher
    from hub.work.handlers import subscribers_of
    from hub.work.queue_server import connect
    from hub.work.service import WorkTables, install

    database = find_database(settings)
    dispatch = Dispatcher(connect(settings)) if tell_queue else _tell_nobody
    install(database.info, WorkTables(dispatch=dispatch, subscribers=subscribers_of(AREAS)))
    let_history_be_built(database)
    return database


def _tell_nobody(_items: list[Ready]) -> None:
    """Leave committed work to whoever looks into the database."""


def upgrade_database(database: Database) -> None:
    """Bring the tables up to this version; where they are, the tool for it is not even loaded."""
    if current_revision(database) != newest_revision():
        from hub.migrations.run import upgrade

        upgrade(database)


def _sentence(field: str, message: str) -> str:
    return f"{_variable(field)}: {message[0].lower()}{message[1:]}"


def _variable(field: str) -> str:
    return variables(field)[0] if field in Settings.model_fields else field
