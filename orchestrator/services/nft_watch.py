"""Tells at once when somebody else changes our table (`nft flush ruleset`): the kernel announces each transaction.

It does so on a netlink socket (nfnetlink, group NFNLGRP_NFTABLES of linux/netfilter/nfnetlink.h), before the one who
asked has the answer: of the transactions that are there to read when our own command has ended, one is our own.
"""

import asyncio
import errno
import logging
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

_NETFILTER, _GROUP = 12, 1 << 6
_NFTABLES = 10
"""NFNL_SUBSYS_NFTABLES, the upper half of a message's type."""
_HEADER, _GENERAL, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BBH"), struct.Struct("=HH")
_TABLE = 1
"""The attribute with the table's name: NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE, ..."""
_GENERATION = 15
"""NFT_MSG_NEWGEN, the end of each transaction: it has no table, but another attribute of that number."""
_LARGEST = 1 << 16
END = ""


class TableWatch:
    """`by_others` is set as soon as another process has changed the table."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._socket: socket.socket | None = None
        self._expected = 0
        """Transactions of our own that are still to be announced."""
        self._named: set[str] = set()
        """The tables of the transaction that is being announced."""
        self.by_others = asyncio.Event()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Follow the kernel meanwhile; where it does not tell, nothing is ever set."""
        loop = asyncio.get_running_loop()
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, _NETFILTER)
            self._socket.bind((0, _GROUP))
        except OSError as error:
            log.debug("the kernel does not tell of changes of its rules: %s", error)
        else:
            loop.add_reader(self._socket, self._read)
        try:
            yield
        finally:
            if self._socket is not None:
                loop.remove_reader(self._socket)
                self._socket.close()
                self._socket = None

    @contextmanager
    def own_change(self) -> Iterator[None]:
        """One transaction meanwhile is our own; whoever is faster than the end of our command is another."""
        self._read()
        self._expected = 1
        try:
            yield
        finally:
            self._read()
            self._expected = 0
            self._named.clear()

    def _read(self) -> None:
        overflown = False
        while self._socket is not None:
            try:
                packet = self._socket.recv(_LARGEST)
            except BlockingIOError:
                if overflown and not self._expected:
                    # The end of it may be among what is lost.
                    self._note(END)
                return
            except OSError as error:
                log.debug("%s", error)
                if error.errno != errno.ENOBUFS:
                    return
                overflown = True  # more was announced than fits
                continue
            for table in tables(packet):
                self._note(table)

    def _note(self, table: str) -> None:
        if table != END:
            self._named.add(table)
            return
        if self._table in self._named:
            if not self._expected:
                self.by_others.set()
            self._expected = 0
        self._named.clear()


def tables(packet: bytes) -> Iterator[str]:
    """The tables of family ip that the messages of a packet are about; END where a transaction is over."""
    place = 0
    while place + _HEADER.size <= len(packet):
        length, kind, *_ = _HEADER.unpack_from(packet, place)
        if length < _HEADER.size:
            return
        message = packet[place + _HEADER.size : place + length]
        place += -(-length // 4) * 4
        if kind == _NFTABLES << 8 | _GENERATION:
            yield END
        elif kind >> 8 == _NFTABLES and message[:1] == bytes([socket.AF_INET]):
            yield from _names(message[_GENERAL.size :])


def _names(attributes: bytes) -> Iterator[str]:
    place = 0
    while place + _ATTRIBUTE.size <= len(attributes):
        length, kind = _ATTRIBUTE.unpack_from(attributes, place)
        if length < _ATTRIBUTE.size:
            return
        if kind == _TABLE:
            yield attributes[place + _ATTRIBUTE.size : place + length].rstrip(b"\0").decode(errors="replace")
        place += -(-length // 4) * 4
