"""A random key of the instance's own, for digests that outsiders can see: nobody can try values against them."""

import secrets

import msgspec

from orchestrator.state.journal import Journal

_BUCKET, _NAME = "instance", "digest key"
_BYTES = 32


class _Key(msgspec.Struct, frozen=True):
    key: str

    def __post_init__(self) -> None:
        bytes.fromhex(self.key)


def instance_key(journal: Journal) -> bytes:
    """The key; made on first use, and on disk before it is given (blocks), so that a crash makes no second one."""
    document = journal.read(_BUCKET, _NAME, _Key)
    if document is None:
        document = _Key(secrets.token_hex(_BYTES))
        journal.put(_BUCKET, _NAME, msgspec.to_builtins(document))
        journal.flush()
    return bytes.fromhex(document.key)
