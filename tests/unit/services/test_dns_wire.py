"""Packets: what is read of them, what is written, and that none of them does harm."""

import random
from ipaddress import IPv4Network

import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.services.dns_wire import Question, answers, ask, read, relayed, write
from orchestrator.services.dns_zone import Answer, Record, Zone

ZONE = Zone("cluster.local", IPv4Network("10.201.0.0/16"))
NAME = "web.shop.svc.cluster.local"


def query(name: str = NAME, kind: str = "A", **options: object) -> dns.message.Message:
    return dns.message.make_query(name, kind, **options)  # type: ignore[arg-type]


def many(count: int) -> Answer:
    return Answer("NOERROR", tuple(Record(NAME, "A", f"10.201.0.{index}") for index in range(count)))


def exchanged(asked: dns.message.Message, answer: Answer, *, stream: bool = False) -> dns.message.Message:
    question = read(asked.to_wire(), stream=stream)
    assert isinstance(question, Question)
    packet = write(question, answer)
    assert len(packet) <= question.room
    reply = dns.message.from_wire(packet)
    assert asked.is_response(reply)
    return reply


def addresses(reply: dns.message.Message) -> list[str]:
    return [str(each) for rrset in reply.answer for each in rrset]


def test_a_name_comes_back_in_the_letters_in_which_it_was_asked() -> None:
    asked = query("Web.SHOP.svc.cluster.local")
    question = read(asked.to_wire(), stream=False)
    assert isinstance(question, Question)
    assert (question.name, question.kind) == (NAME, "A")
    reply = dns.message.from_wire(write(question, many(1)))
    assert reply.answer[0].name.to_text() == "Web.SHOP.svc.cluster.local."
    assert reply.answer[0].ttl == 5
    assert reply.flags & dns.flags.AA


def test_what_does_not_fit_a_datagram_is_cut_short_and_said_so() -> None:
    cut = exchanged(query(), many(200))
    assert cut.flags & dns.flags.TC
    assert len(cut.to_wire()) <= 512
    # One who can take more says so; nobody is sent more than passes every network in one piece.
    larger = exchanged(query(use_edns=0, payload=65000), many(70))
    assert not larger.flags & dns.flags.TC
    assert (len(addresses(larger)), larger.edns, larger.payload) == (70, 0, 1232)
    assert exchanged(query(use_edns=0, payload=65000), many(200)).flags & dns.flags.TC
    # Less than what everybody must take is not believed.
    assert not exchanged(query(use_edns=0, payload=100), many(25)).flags & dns.flags.TC
    whole = exchanged(query(), many(200), stream=True)
    assert not whole.flags & dns.flags.TC
    assert len(addresses(whole)) == 200


def test_each_question_gets_the_addresses_in_another_order() -> None:
    firsts = {addresses(exchanged(query(), many(3)))[0] for _ in range(60)}
    assert firsts == {"10.201.0.0", "10.201.0.1", "10.201.0.2"}


def test_an_alias_comes_with_what_the_hosts_servers_say_of_its_target() -> None:
    question = read(query().to_wire(), stream=False)
    assert isinstance(question, Question)
    theirs = dns.message.make_response(dns.message.from_wire(ask("ext.example.com", "A")))
    theirs.set_rcode(dns.rcode.NXDOMAIN)
    alias = Answer("NOERROR", (Record(NAME, "CNAME", "ext.example.com."),), outside="ext.example.com")
    reply = dns.message.from_wire(write(question, alias, theirs.to_wire()))
    assert (reply.rcode(), addresses(reply)) == (dns.rcode.NXDOMAIN, ["ext.example.com."])
    assert dns.message.from_wire(relayed(question, theirs.to_wire())).rcode() == dns.rcode.NXDOMAIN


def test_only_the_answer_to_the_very_question_is_taken() -> None:
    asked = ask("example.com", "A")
    good = dns.message.make_response(dns.message.from_wire(asked)).to_wire()
    assert answers(asked, good)
    assert not answers(asked, bytes([good[0] ^ 1]) + good[1:])
    assert not answers(asked, dns.message.make_response(query("example.org", id=int.from_bytes(asked[:2]))).to_wire())
    assert not answers(asked, asked)
    assert not answers(asked, good[:13])


def header(first: int, second: int = 0, *counts: int) -> bytes:
    return bytes((7, 7, first, second)) + b"".join(count.to_bytes(2) for count in (*counts, *[0] * (4 - len(counts))))


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        (b"", None),
        (header(1)[:11], None),
        # An answer is never answered: two such servers would talk for ever.
        (dns.message.make_response(query()).to_wire(), None),
        (header(1), "FORMERR"),
        (header(1, 0, 1), "FORMERR"),
        (header(1, 0, 2) + b"\0\0\1\0\1" * 2, "FORMERR"),
        # A name that points at itself, one without end, a label longer than the packet.
        (header(1, 0, 1) + b"\xc0\x0c\0\1\0\1", "FORMERR"),
        (header(1, 0, 1) + b"\x3f" + b"a" * 9, "FORMERR"),
        (header(1, 0, 1) + b"\x80\0\1\0\1", "FORMERR"),
        (header(1, 0, 65535, 65535, 65535, 65535), "FORMERR"),
        # Updates, notifications, and a class that is not the Internet's.
        (header(5 << 3, 0, 1) + b"\0\0\6\0\1", "NOTIMP"),
        (query(rdclass="CH").to_wire(), "REFUSED"),
        (query(use_edns=1).to_wire(), "BADVERS"),
    ],
    # The packets bear numbers by chance, which would be other tests in each process.
    ids=[
        *("empty", "half a header", "answer", "header alone", "no question", "two questions", "a name that is itself"),
        *("no end", "too long a label", "more than there is", "update", "another class", "another EDNS"),
    ],
)
def test_what_is_no_question_gets_an_answer_at_once_or_none(packet: bytes, code: str | None) -> None:
    reply = read(packet, stream=False)
    assert reply is None if code is None else isinstance(reply, bytes)
    if isinstance(reply, bytes):
        assert reply[:2] == packet[:2]
        assert dns.rcode.to_text(dns.message.from_wire(reply).rcode()) == code


@given(st.binary(max_size=600) | st.integers(0, 2**32).map(lambda seed: damaged(seed)))
@example(query(kind="TYPE65535").to_wire())
@example(query(kind="AXFR").to_wire())
@example(query("\\000\\.\\255." * 3).to_wire())
@example(query("x." * 125).to_wire())
def test_no_packet_does_harm(packet: bytes) -> None:
    for stream in (False, True):
        question = read(packet, stream=stream)
        if isinstance(question, Question):
            reply = write(question, ZONE.answer(question.name, question.kind))
            assert dns.message.from_wire(reply).is_response is not None
            assert len(reply) <= question.room


def damaged(seed: int) -> bytes:
    """A question with a few bytes of it changed, doubled or left out."""
    chance = random.Random(seed)
    options = {"use_edns": 0} if chance.random() < 0.5 else {}
    packet = bytearray(query(chance.choice([NAME, "7.2.201.10.in-addr.arpa", "example.com"]), **options).to_wire())
    for _ in range(chance.randrange(1, 5)):
        place = chance.randrange(2, len(packet))
        match chance.randrange(3):
            case 0:
                packet[place] = chance.randrange(256)
            case 1:
                packet[place:place] = packet[chance.randrange(len(packet)) :][: chance.randrange(40)]
            case _:
                del packet[place : place + chance.randrange(4)]
    return bytes(packet)
