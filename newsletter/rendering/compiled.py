"""What templates were compiled to, for as long as the process lives: the same text is compiled once."""

from collections.abc import MutableMapping
from types import CodeType

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

#: Templates of a process, those of edits included; beyond, all are forgotten.
_MOST = 1000


class CompiledTemplates(BytecodeCache):
    """Code by the name, the file and the text of a template; for environments that compile alike."""

    def __init__(self) -> None:
        self._codes: MutableMapping[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if len(self._codes) >= _MOST:
            self._codes.clear()
        if bucket.code is not None:
            self._codes[bucket.key, bucket.checksum] = bucket.code
