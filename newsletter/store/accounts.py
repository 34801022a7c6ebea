"""The pace of each provider account, shared by all workers."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from newsletter.domain.account import Account
from newsletter.store.database import insert_new
from newsletter.store.hot import Hot
from newsletter.store.tables import provider_state

_COLUMNS = [column for column in provider_state.c if column is not provider_state.c.provider]
_GET = select(*_COLUMNS).where(provider_state.c.provider == bindparam("name"))
_PUT = (
    update(provider_state)
    .where(provider_state.c.provider == bindparam("name"))
    .values({column: bindparam(f"{column.name}_", type_=column.type) for column in _COLUMNS})
)
_HOT_GET, _HOT_PUT = Hot(_GET), Hot(_PUT)
_HOT_GET_LOCKED = Hot(_GET.with_for_update(key_share=True))


def get(tx: Connection, provider: str) -> Account:
    """Read where an account stands; one that was never used has a new one's values."""
    row = _HOT_GET.first(tx, {"name": provider})
    return _account(row) if row else Account()


def get_locked(tx: Connection, provider: str) -> Account:
    """Read where an account stands, and keep others from changing it until the transaction ends."""
    row = _HOT_GET_LOCKED.first(tx, {"name": provider})
    if row is None:
        tx.execute(insert_new(tx, provider_state), {"provider": provider})
        row = _HOT_GET_LOCKED.first(tx, {"name": provider})
        assert row is not None, "inserted just before"
    return _account(row)


def put(tx: Connection, provider: str, account: Account) -> None:
    """Write an account that was read by `get_locked`."""
    values = {f"{column.name}_": getattr(account, column.name) for column in _COLUMNS}
    _HOT_PUT.run(tx, {"name": provider, **values})


def _account(row: Sequence[Any]) -> Account:
    return Account(**{column.name: value for column, value in zip(_COLUMNS, row, strict=True)})
