"""Run migrations; the one place that needs Alembic."""

from datetime import datetime

from alembic import command
from alembic.config import Config

from newsletter.errors import SchemaError
from newsletter.store import schema
from newsletter.store.database import Database


def upgrade(database: Database, now: datetime) -> tuple[str | None, str]:
    """Bring a database's schema to this version in one transaction; return the version before and after.

    Raises SchemaError for a database of a newer version.
    """
    with database.writing() as connection:
        before = schema.current(connection)
        if before is not None and before > schema.HEAD:
            raise SchemaError(
                f"{database.name} was made by a newer newsletter (schema {before})",
                mend="install the newer version",
            )
        config = Config()
        config.set_main_option("script_location", str(schema.MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if before is None:
            schema.stamp_deployment(connection, now)
    return before, schema.HEAD
