"""A TCP proxy that does to each connection one thing that networks and servers do: in an order that a seed decides.

    client --> FaultProxy --> server        proxy.counts: how often each fault took effect

A connection is forwarded until its fault is due: at its first request, after so many bytes of the answer, or after a
while of quiet. HTTP/1.1, HTTP/2 and WebSockets look the same from here, but for the answers made up on the way.
"""
import random
import select
import socket
import struct
import threading
import time

STATUSES = {410: "Expired", 429: "TooManyRequests", 500: "InternalError"}
# Instead of an answer; and in the middle of one.
ANSWERS = ["410", "429", "500", "garbage answer"]
BREAKS = ["cut", "reset", "truncate", "garbage", "black hole", "delay", "delay"]
LINGER_S = 30.0  # until someone must have noticed a black hole


def status_body(code):
    return (f'{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"the proxy says '
            f'{code}","reason":"{STATUSES[code]}","code":{code}}}').encode()


def answer_http1(code):
    body = status_body(code)
    return (f"HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n").encode() + body


def frame_http2(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def answer_http2(code):
    """SETTINGS, HEADERS with a literal :status (RFC 7541, 6.2.2, name 8) and DATA that ends stream 1."""
    head = b"\x08\x03" + str(code).encode() + b"\x0f\x10\x10application/json"
    return frame_http2(4, 0, 0, b"") + frame_http2(1, 4, 1, head) + frame_http2(0, 1, 1, status_body(code))


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Connection(threading.Thread):
    def __init__(self, proxy, client, rng):
        super().__init__(daemon=True)
        self.proxy, self.client, self.rng = proxy, client, rng
        self.server = None
        self.said = [b"", b""]
        proxy.said.append(self.said)

    def run(self):
        try:
            self.play()
        except OSError:
            pass  # either end has gone: that is what we are for
        finally:
            self.client.close()
            if self.server is not None:
                self.server.close()

    def play(self):
        fault = self.proxy.next_fault(self.rng)
        if fault in ANSWERS:
            return self.answer(fault)
        self.server = socket.create_connection(("127.0.0.1", self.proxy.upstream))
        while self.forward(int(2 ** self.rng.uniform(0, 17)), self.rng.uniform(0.02, 0.3)):
            if fault == "delay":
                self.stall(self.rng.uniform(0.02, 0.5))
            elif fault is not None:
                return getattr(self, "do_" + fault.replace(" ", "_"))()
            fault = self.proxy.next_fault(self.rng, BREAKS)

    def answer(self, fault):
        request = self.client.recv(65536)
        if not request:
            return
        self.proxy.count(fault)
        if fault == "garbage answer":
            self.client.sendall(self.rng.randbytes(200))
        else:
            make = answer_http2 if request.startswith(b"PRI ") else answer_http1
            self.client.sendall(make(int(fault)))
        self.client.shutdown(socket.SHUT_WR)
        self.await_client()

    def forward(self, count, quiet_s):
        """Until the server has said `count` bytes, or nobody anything for a while. False: it is over."""
        while count > 0:
            ready, _, _ = select.select([self.client, self.server], [], [], quiet_s)
            if not ready:
                return True
            for source in ready:
                data = source.recv(65536 if source is self.client else min(count, 65536))
                if not data:
                    return False
                self.note(source is self.server, data)
                if source is self.server:
                    self.client.sendall(data)
                    count -= len(data)
                else:
                    self.server.sendall(data)
        return True

    def note(self, by_server, data):
        if len(self.said[by_server]) < 65536:
            self.said[by_server] += data

    def await_client(self):
        """Until the client has gone; how long that took."""
        began = time.monotonic()
        self.client.settimeout(LINGER_S)
        try:
            while self.client.recv(65536):
                pass
        except socket.timeout:
            self.proxy.unnoticed += 1
        return time.monotonic() - began

    def stall(self, seconds):
        """Forwards nothing for so long, or until the client has had enough of it."""
        until = time.monotonic() + seconds
        self.proxy.count("delay")
        poller = select.poll()
        poller.register(self.client, select.POLLRDHUP)
        poller.poll(max(0, (until - time.monotonic()) * 1000))

    def do_cut(self):
        self.proxy.count("cut")

    def do_reset(self):
        self.proxy.count("reset")
        reset(self.client)

    def do_truncate(self):
        """Half of what comes next, and then a clean end."""
        self.server.settimeout(1)
        data = self.server.recv(65536)
        self.client.sendall(data[:len(data) // 2])
        self.client.shutdown(socket.SHUT_WR)
        self.proxy.count("truncate")
        self.await_client()

    def do_garbage(self):
        self.proxy.count("garbage")
        self.client.sendall(self.rng.randbytes(64))
        self.client.shutdown(socket.SHUT_WR)
        self.await_client()

    def do_black_hole(self):
        self.proxy.count("black hole")
        self.proxy.noticed(self.await_client())


class FaultProxy:
    """It only forwards until arm() says how many faults there are to be, and again when they are used up."""

    def __init__(self, upstream, seed):
        self.upstream, self.left, self.seed = upstream, 0, seed
        self.counts, self.unnoticed, self.longest_hole_s = {}, 0, 0.0
        self.said = []  # by connection: what the client said first, and the server
        self.lock = threading.Lock()
        self.done = threading.Event()  # all faults are used up
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.closing = False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        number = 0
        while not self.closing:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            number += 1
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Connection(self, client, random.Random(f"{self.seed}/{number}")).start()

    def arm(self, faults):
        self.done.clear()
        with self.lock:
            self.left = faults

    def next_fault(self, rng, among=tuple(ANSWERS + BREAKS)):
        with self.lock:
            return rng.choice(among) if self.left > 0 else None

    def count(self, fault):
        with self.lock:
            self.counts[fault] = self.counts.get(fault, 0) + 1
            self.left -= 1
            if self.left <= 0:
                self.done.set()

    def noticed(self, seconds):
        with self.lock:
            self.longest_hole_s = max(self.longest_hole_s, seconds)

    def close(self):
        self.closing = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
