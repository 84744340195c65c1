"""Between packets and answers, by dnspython.  Pure.

It costs more than a megabyte, so nothing imports it before the first question comes.  The types of records that we
write are named too: dnspython would import each when it is first met, in the middle of an answer.
"""

from dataclasses import dataclass
from struct import Struct

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.OPT
import dns.rdtypes.ANY.PTR
import dns.rdtypes.ANY.SOA
import dns.rdtypes.ANY.TXT
import dns.rdtypes.IN.A
import dns.rdtypes.IN.SRV
import dns.rrset

from orchestrator.services.dns_zone import TTL, Answer, Record

_HEADER = Struct("!HBBHHHH")
_RESPONSE, _OPCODE, _RECURSION_DESIRED = 0x80, 0x78, 0x01
"""Bits of the header's third byte, RFC 1035 section 4.1.1."""
_PLAIN_DATAGRAM = 512
_OWN_DATAGRAM = 1232
"""What passes every network in one piece (the advice of DNS flag day 2020)."""
_STREAM = 65535
_MALFORMED = (dns.exception.DNSException, ValueError, UnicodeError, IndexError)


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `name` is lower case without final dot, `room` the bytes that its answer may have."""

    message: dns.message.Message
    name: str
    kind: str
    room: int


def read(packet: bytes, *, stream: bool) -> Question | bytes | None:
    """The question in a packet; else what is to be sent back at once, None for silence."""
    if len(packet) < _HEADER.size or packet[2] & _RESPONSE:
        return None
    if packet[2] & _OPCODE:
        return _refusal(packet, dns.rcode.NOTIMP)
    try:
        message = dns.message.from_wire(packet, ignore_trailing=True)
        if len(message.question) != 1:
            return _refusal(packet, dns.rcode.FORMERR)
        asked = message.question[0]
        if message.edns > 0:
            return _plain(message, dns.rcode.BADVERS)
        if asked.rdclass not in (dns.rdataclass.IN, dns.rdataclass.ANY):
            return _plain(message, dns.rcode.REFUSED)
        name = asked.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(asked.rdtype)
    except _MALFORMED:
        return _refusal(packet, dns.rcode.FORMERR)
    datagram = min(max(message.payload, _PLAIN_DATAGRAM), _OWN_DATAGRAM) if message.edns >= 0 else _PLAIN_DATAGRAM
    return Question(message, name, kind, _STREAM if stream else datagram)


def write(question: Question, answer: Answer, found: bytes | None = None) -> bytes:
    """The packet of an answer; `found` is what the host's servers said of the name at which it ends.

    dnspython puts the addresses of a name in another order each time, which spreads clients that take the first.
    """
    reply = dns.message.make_response(question.message, recursion_available=True, our_payload=_OWN_DATAGRAM)
    reply.set_rcode(dns.rcode.from_text(answer.rcode))
    if answer.rcode != "REFUSED":
        reply.flags |= dns.flags.AA
    asked = question.message.question[0].name
    for record in answer.records:
        # A name is given back in the letters in which it was asked.
        _add(reply.answer, record, asked.to_text() if record.name == question.name else f"{record.name}.")
    for record in answer.additional:
        _add(reply.additional, record, f"{record.name}.")
    if answer.soa is not None:
        _add(reply.authority, answer.soa, f"{answer.soa.name}.")
    if found is not None:
        _append(reply, found)
    return reply.to_wire(max_size=question.room, prefer_truncation=True)


def failure(question: Question) -> bytes:
    """The packet that says that nobody could be asked."""
    return _plain(question.message, dns.rcode.SERVFAIL)


def ask(name: str, kind: str) -> bytes:
    """A question to another server, with an identity that cannot be guessed."""
    return dns.message.make_query(f"{name}.", kind, payload=_OWN_DATAGRAM, use_edns=0).to_wire()


def forwarded(question: Question) -> bytes:
    """The same question, to another server."""
    asked = question.message.question[0]
    return dns.message.make_query(asked.name, asked.rdtype, payload=_OWN_DATAGRAM, use_edns=0).to_wire()


def relayed(question: Question, found: bytes) -> bytes:
    """Another server's answer as the answer to this question."""
    reply = dns.message.make_response(question.message, recursion_available=True, our_payload=_OWN_DATAGRAM)
    _append(reply, found)
    return reply.to_wire(max_size=question.room, prefer_truncation=True)


def answers(query: bytes, packet: bytes) -> bool:
    """Whether a packet is the answer to our own question, and whole or cut short, one that can be read."""
    try:
        return dns.message.from_wire(query).is_response(dns.message.from_wire(packet, raise_on_truncation=False))
    except _MALFORMED:
        return False


def _add(section: list[dns.rrset.RRset], record: Record, name: str) -> None:
    rrset = dns.rrset.from_text(name, TTL, "IN", record.type, record.data)
    there = next((each for each in section if each.match(rrset.name, rrset.rdclass, rrset.rdtype, rrset.covers)), None)
    if there is None:
        section.append(rrset)
    else:
        for rdata in rrset:
            there.add(rdata)


def _append(reply: dns.message.Message, found: bytes) -> None:
    more = dns.message.from_wire(found)
    reply.set_rcode(more.rcode())
    reply.answer += more.answer
    reply.authority += more.authority


def _plain(message: dns.message.Message, rcode: dns.rcode.Rcode) -> bytes:
    reply = dns.message.make_response(message, recursion_available=True, our_payload=_OWN_DATAGRAM)
    reply.set_rcode(rcode)
    return reply.to_wire()


def _refusal(packet: bytes, rcode: dns.rcode.Rcode) -> bytes:
    """A header alone: what cannot be read has no question to give back."""
    identity = int.from_bytes(packet[:2])
    return _HEADER.pack(identity, _RESPONSE | packet[2] & (_OPCODE | _RECURSION_DESIRED), int(rcode), 0, 0, 0, 0)
