"""RFC 6455 case by case, over HTTP/1.1 and over HTTP/2 (RFC 8441): the categories of Autobahn|Testsuite's fuzzing
client, under its numbers. That client itself runs on Python 2 alone; here node sends what a case says, and npm
`ws` reads what comes back.

The server is no echo; but a multiplexed watch tells which member of a message it does not know, which is as good:
{"TEXT":[]} is answered by TEXT. Autobahn's 9.x (performance with messages up to 16 MiB) is here: more than 64 KiB
is refused. Its 12.x and 13.x are compression, which is not taken."""
import base64
import itertools
import json
import os
import unittest

from npm import INTEROP, WS, Node, fetch
from tidewatch import Server, main

PATH = "/apis/tidewatch.dev/v1/watch"
TEXT, BINARY, CLOSE, PING, PONG, MORE = 0x81, 0x82, 0x88, 0x89, 0x8A, 0x80  # with FIN; MORE: a continuation
OURS = 4001  # the code of the close with which a case ends that is right
PROTOCOL, NOT_UTF8, TOO_LARGE = 1002, 1007, 1009


def frame(first, payload=b"", mask=b"\x37\xfa\x21\x3d", length=None, form=None):
    """`length` and `form` (2 or 8 bytes of it): as told, if not as they are."""
    told = len(payload) if length is None else length
    form = form if form is not None else 0 if told < 126 else 2 if told < 65536 else 8
    head = bytes([first, 0x80 | (told if form == 0 else 126 if form == 2 else 127)])
    return head + (told.to_bytes(form, "big") if form else b"") + mask + bytes(
        c ^ mask[i % 4] for i, c in enumerate(payload))


def close(code, reason=b""):
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


def said(text, size=0):
    """A message whose answer tells the text; blanks make it as long as it is to be."""
    text = text if isinstance(text, bytes) else text.encode()
    message = b'{"' + text + b'":[]}'
    return message + b" " * max(0, size - len(message))


def fragments(message, size, more=()):
    """In pieces of that size, with frames between them."""
    pieces = [message[i:i + size] for i in range(0, len(message), size)] or [b""]
    for n, piece in enumerate(pieces):
        yield frame((TEXT & 0x0F if n == 0 else 0) | (0x80 if n == len(pieces) - 1 else 0), piece)
        if n < len(pieces) - 1:
            yield from more


class Cases:
    """A number among the frames waits until so much was told: who closes is not answered any more."""

    def __init__(self):
        self.all = []

    def good(self, number, frames, told=()):
        """It goes on: a close with a code of ours is answered with the same."""
        self.all.append((number, [*frames, len(told), close(OURS)], list(told), OURS))

    def ends(self, number, frames, code, told=()):
        self.all.append((number, list(frames), list(told), code))


def as_line(case, h2, frames):
    writes = [f if isinstance(f, int) else base64.b64encode(f).decode() for f in frames]
    return {"id": case, "h2": h2, "writes": writes}


def framing(c):
    for n, size in enumerate((7, 125, 126, 127, 128, 65535, 65536), 1):
        for kind, first in ((1, TEXT), (2, BINARY)):
            c.good(f"1.{kind}.{n}", [frame(first, said("x", size))], ["x"])
    c.good("1.1.8", fragments(said("x", 65536), 997), ["x"])
    c.good("1.3 a long length that is short", [frame(TEXT, said("x"))], ["x"])
    c.ends("1.3.1 a length in more bytes than it needs", [frame(TEXT, said("x"), form=2)], PROTOCOL)
    c.ends("1.3.2", [frame(TEXT, said("x"), form=8)], PROTOCOL)
    c.ends("1.3.3 a length with the top bit", [frame(TEXT, b"x", length=1 << 63, form=8)], PROTOCOL)
    c.ends("1.3.4 no mask", [bytes([TEXT, 1]) + b"x"], PROTOCOL)


def pings(c):
    for number, payload in ((1, b""), (2, b"Hello, world!"), (3, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), (4, b"\xfe" * 125)):
        c.good(f"2.{number}", [frame(PING, payload)], [payload])
    c.ends("2.5", [frame(PING, b"\xfe" * 126)], PROTOCOL)
    c.good("2.6", [bytes([b]) for b in frame(PING, b"\xfe" * 125)], [b"\xfe" * 125])
    c.good("2.7", [frame(PONG)])
    c.good("2.8", [frame(PONG, b"unsolicited")])
    c.good("2.9", [frame(PONG, b"unsolicited"), frame(PING, b"ping")], [b"ping"])


def reserved_bits(c):
    for bits in range(1, 8):
        for n, opcode in enumerate((TEXT, BINARY, CLOSE, PING, PONG)):
            c.ends(f"3.{bits}.{n}", [frame(TEXT, said("before")), 1, frame(opcode | bits << 4, b"")], PROTOCOL, ["before"])


def opcodes(c):
    for kind, of in ((1, range(3, 8)), (2, range(11, 16))):
        for opcode in of:
            c.ends(f"4.{kind}.{opcode}", [frame(0x80 | opcode)], PROTOCOL)
            c.ends(f"4.{kind}.{opcode} with payload", [frame(TEXT, said("x")), 1, frame(0x80 | opcode, b"reserved"),
                                                       frame(PING)], PROTOCOL, ["x"])


def fragmentation(c):
    ping, two = frame(PING, b"p"), said("fragment1fragment2")
    c.ends("5.1", [frame(PING & 0x0F, b"f1"), frame(MORE, b"f2")], PROTOCOL)
    c.ends("5.2", [frame(PONG & 0x0F, b"f1"), frame(MORE, b"f2")], PROTOCOL)
    c.good("5.3", fragments(two, 14), ["fragment1fragment2"])
    c.good("5.5", [bytes([b]) for b in b"".join(fragments(two, 14))], ["fragment1fragment2"])
    c.good("5.6", fragments(two, 14, [ping]), [b"p", "fragment1fragment2"])
    c.good("5.8", [bytes([b]) for b in b"".join(fragments(two, 14, [ping]))], [b"p", "fragment1fragment2"])
    for n, first in enumerate((MORE, MORE, 0x00, 0x00), 9):
        c.ends(f"5.{n}", [frame(first, b"nothing to go on with"), frame(TEXT, said("x"))], PROTOCOL)
    c.ends("5.15", [*fragments(two, 14), 1, frame(0x00, b"f3"), frame(TEXT, said("x"))], PROTOCOL, ["fragment1fragment2"])
    c.ends("5.16", [frame(0x00, b"f1"), frame(TEXT, said("x"))] * 2, PROTOCOL)
    c.ends("5.18", [frame(0x01, b"f1"), frame(0x01, b"f2")], PROTOCOL)
    c.ends("5.18 FIN", [frame(0x01, b"f1"), frame(TEXT, b"f2")], PROTOCOL)
    pieces = list(fragments(said("f1f2f3f4f5"), 3))
    mixed = [*pieces[:2], frame(PING, b"1"), 1, *pieces[2:4], frame(PING, b"2"), 2, *pieces[4:]]
    c.good("5.19", mixed, [b"1", b"2", "f1f2f3f4f5"])
    c.good("5.20 empty fragments", [frame(0x01), frame(0x00), frame(0x00, said("x")), frame(MORE)], ["x"])


# Autobahn's 6.5 to 6.23: first and last of each length, boundaries, non-characters.
GOOD_UTF8 = ["κόσμε", "\x7f", "\x80", "\u07ff", "\u0800", "\uffff", "\U00010000", "\U0010ffff", "\ud7ff",
             "\ue000", "\ufffd", "\ufffe", "\ufdd0", "\U0001fffe", "\U0010fffe", "Hello-µ@ßöäüàá-UTF-8!!"]
BAD_UTF8 = [b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited", b"\x80", b"\xbf", b"\x80\xbf" * 3,
            b"\xc0", b"\xdf", b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xc1\xbf", b"\xe0\x9f\xbf",
            b"\xf0\x8f\xbf\xbf", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"\xf7\xbf\xbf\xbf",
            b"\xf4\x90\x80\x80", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80", b"\xfe", b"\xff",
            b"\xc3 ", b"\xe1\xbd ", b"\xf0\x90\x80 "]


def utf8(c):
    c.good("6.1.2", [frame(0x01), frame(0x00), frame(MORE, said("x"))], ["x"])
    for n, text in enumerate(GOOD_UTF8):
        told = [json.loads(f'"{text}"')] if text != "\x7f" else [text]
        c.good(f"6.good.{n}", [frame(TEXT, said(text))], told)
        c.good(f"6.good.{n} byte by byte", fragments(said(text), 1), told)
    for n, text in enumerate(BAD_UTF8):
        c.ends(f"6.bad.{n}", [frame(TEXT, said(text))], NOT_UTF8)
        c.ends(f"6.bad.{n} byte by byte", fragments(said(text), 1), NOT_UTF8)
    c.ends("6.4 a character that does not end", [frame(TEXT, b"\xce\xba\xe1\xbd")], NOT_UTF8)
    c.good("6.0 a character in two fragments", [frame(0x01, said("κ")[:3]), frame(MORE, said("κ")[3:])], ["κ"])


def closing(c):
    c.ends("7.1.1", [frame(TEXT, said("x")), 1, close(1000)], 1000, ["x"])
    c.ends("7.1.2", [close(1000), close(1001)], 1000)
    c.ends("7.1.3", [close(1000), frame(PING)], 1000)
    c.ends("7.1.4", [close(1000), frame(TEXT, said("late"))], 1000)
    c.ends("7.1.5", [frame(0x01, b"f1"), close(1000), frame(MORE, b"f2")], 1000)
    c.ends("7.3.1", [frame(CLOSE)], 1005)
    c.ends("7.3.2", [frame(CLOSE, b"a")], PROTOCOL)
    c.ends("7.3.4", [close(1000, b"Hello World!")], 1000)
    c.ends("7.3.5", [close(1000, b"*" * 123)], 1000)
    c.ends("7.3.6", [close(1000, b"*" * 124)], PROTOCOL)
    c.ends("7.5.1", [close(1000, BAD_UTF8[0])], NOT_UTF8)
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
        c.ends(f"7.7 {code}", [close(code)], code)
    for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
        c.ends(f"7.9 {code}", [close(code)], PROTOCOL)


def limits(c):
    c.good("9.5 64 KiB in pieces of 64", fragments(said("x", 65536), 64), ["x"])
    c.ends("9.1 64 KiB and a byte", [frame(TEXT, b" " * 65537)], TOO_LARGE)
    c.ends("9.1 16 MiB that are told", [frame(TEXT, b"x", length=16 << 20, form=8)], TOO_LARGE)
    c.ends("9.1 2^63 - 1", [frame(TEXT, b"x", length=(1 << 63) - 1, form=8)], TOO_LARGE)
    c.ends("9.3 64 KiB and a byte in fragments", fragments(b" " * 65537, 4096), TOO_LARGE)
    c.good("9.7 many small ones", [frame(TEXT, said(f"n{n}")) for n in range(50)], [f"n{n}" for n in range(50)])
    c.good("10.1.1", fragments(said("x", 65536), 1300), ["x"])


CATEGORIES = (framing, pings, reserved_bits, opcodes, fragmentation, utf8, closing, limits)


def answer(told):
    """A pong's payload, or what the server does not know."""
    word, _, rest = told.partition(" ")
    if word == "pong":
        return base64.b64decode(rest)
    message = json.loads(rest)["object"]["message"] if word == "message" else told
    before, after = 'a message has no member "', '"'
    return message[len(before):-len(after)] if message.startswith(before) else message


class Conformance(unittest.TestCase):
    maxDiff = None

    def run_cases(self, category):
        cases = Cases()
        category(cases)
        expected = {}
        with Server(storage="memory") as server:
            url = f"ws://127.0.0.1:{server.port}{PATH}"
            with Node(os.path.join(INTEROP, "websocket", "cases.js"), url, modules=fetch(WS)) as node:
                for (number, frames, told, code), h2 in itertools.product(cases.all, (False, True)):
                    case = f"{number}{', HTTP/2' if h2 else ''}"
                    self.assertNotIn(case, expected)
                    expected[case] = (told, code)
                    node.tell(**as_line(case, h2, frames))
                seen = {}
                for _ in expected:
                    result = node.next()
                    seen[result["id"]] = ([answer(t) for t in result["told"]], result["close"])
        self.assertEqual(seen, expected)
        print(f"{len(cases.all)} cases")

    def test_framing(self):
        self.run_cases(framing)

    def test_pings_and_pongs(self):
        self.run_cases(pings)

    def test_a_ping_for_each_of_ten(self):
        """2.10 and 2.11: each is answered, or at least the last (RFC 6455, 5.5.3)."""
        writes = [frame(PING, f"payload-{n}".encode()) for n in range(10)] + [1, close(OURS)]
        with Server(storage="memory") as server:
            with Node(os.path.join(INTEROP, "websocket", "cases.js"), f"ws://127.0.0.1:{server.port}{PATH}",
                      modules=fetch(WS)) as node:
                for h2 in (False, True):
                    node.tell(**as_line("2.10", h2, writes))
                    result = node.next()
                    pongs = [answer(told) for told in result["told"]]
                    self.assertEqual(pongs, sorted(pongs))
                    self.assertEqual(result["close"], OURS)

    def test_reserved_bits(self):
        self.run_cases(reserved_bits)

    def test_reserved_opcodes(self):
        self.run_cases(opcodes)

    def test_fragmentation(self):
        self.run_cases(fragmentation)

    def test_utf8(self):
        self.run_cases(utf8)

    def test_closing(self):
        self.run_cases(closing)

    def test_limits(self):
        self.run_cases(limits)


if __name__ == "__main__":
    fetch(WS)
    main()
