"""The pace of each provider account, shared by all workers."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from newsletter.domain.account import Account
from newsletter.store.database import insert_new
from newsletter.store.tables import provider_state

_COLUMNS = [column for column in provider_state.c if column is not provider_state.c.provider]
_GET = select(*_COLUMNS).where(provider_state.c.provider == bindparam("name"))
_GET_LOCKED = _GET.with_for_update(key_share=True)
_PUT = (
    update(provider_state)
    .where(provider_state.c.provider == bindparam("name"))
    .values({column: bindparam(f"{column.name}_", type_=column.type) for column in _COLUMNS})
)


def get(tx: Connection, provider: str) -> Account:
    """Read where an account stands; one that was never used has a new one's values."""
    row = tx.execute(_GET, {"name": provider}).first()
    return _account(row) if row else Account()


def get_locked(tx: Connection, provider: str) -> Account:
    """Read where an account stands, and keep others from changing it until the transaction ends."""
    row = tx.execute(_GET_LOCKED, {"name": provider}).first()
    if row is None:
        tx.execute(insert_new(tx, provider_state), {"provider": provider})
        row = tx.execute(_GET_LOCKED, {"name": provider}).one()
    return _account(row)


def put(tx: Connection, provider: str, account: Account) -> None:
    """Write an account that was read by `get_locked`."""
    values = {f"{name}_": value for name, value in asdict(account).items()}
    tx.execute(_PUT, {"name": provider, **values})


def _account(row: Row[*tuple[Any, ...]]) -> Account:
    return Account(**row._asdict())
