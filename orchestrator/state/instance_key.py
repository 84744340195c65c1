"""A random key of the instance's own, for digests that outsiders can see: nobody can try values against them."""

import secrets

from orchestrator.state.journal import Journal

_BUCKET, _NAME = "instance", "digest key"
_BYTES = 32


def instance_key(journal: Journal) -> bytes:
    """The key; made on first use, and on disk before it is given (blocks), so that a crash makes no second one."""
    document = journal.get(_BUCKET, _NAME)
    if document is None:
        document = {"key": secrets.token_hex(_BYTES)}
        journal.put(_BUCKET, _NAME, document)
        journal.flush()
    return bytes.fromhex(document["key"])
