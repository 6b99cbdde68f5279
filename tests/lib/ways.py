"""Every way to be told of changes, each read by a client nobody here wrote (curl, node's ws, python3-protobuf). A reader
is made with a server, the path and query of a watch, and a resourceVersion; iterating it gives (type, object, id), and
ends when the stream does, whole or cut. A new way is a row of WAYS."""
import base64
import json
import os
import subprocess
import time

import kubeproto
import npm
from tidewatch import PATIENCE_S

H1, H2 = ("--http1.1",), ("--http2-prior-knowledge",)
CLIENT = os.path.join(npm.INTEROP, "websocket", "client.js")
WS = None if npm.missing_tool() else npm.fetch(npm.WS)


def event_of(told):
    """An event, or the refusal of a watch as one."""
    return ("ERROR", told, None) if told.get("kind") == "Status" else (told["type"], told["object"], None)


def mark(rv, id=None):
    return "BOOKMARK", {"metadata": {"resourceVersion": str(rv)}}, id


class Reader:
    accept = None
    tells_end = True

    def __init__(self, server, path, query, rv, options):
        self.closed = self.half = False  # half: it ended in the middle of a line
        self.url = f"{server.url}{path}?watch=true{query}"
        self.rv, self.options = rv, options
        self.process = self.open()

    def at_rv(self):
        return "" if self.rv is None else f"&resourceVersion={self.rv}"

    def curl(self, url):
        accept = ["-H", f"Accept: {self.accept}"] if self.accept else []
        return subprocess.Popen(["curl", "-sSN", "--max-time", str(PATIENCE_S * 2), "-A", "tests", *accept, *self.options, url],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def open(self):
        return self.curl(self.url + self.at_rv())

    def lines(self):
        """Whole lines; a cut one is none."""
        for line in self.process.stdout:
            if not line.endswith(b"\n"):
                self.half = True
                return
            yield line

    def tell_end(self, record):
        """Of a stream that ended by itself: when, and whether as HTTP says that it is whole."""
        if self.tells_end:
            record["over"], record["half"] = time.monotonic(), self.half
            record["whole"] = self.process.wait() == 0

    def close(self):
        """From any thread: ends the iteration."""
        self.closed = True
        self.process.kill()
        self.process.wait()


class Lines(Reader):
    def __iter__(self):
        return (event_of(json.loads(line)) for line in self.lines())


class EventStream(Reader):
    accept = "text/event-stream"

    def __iter__(self):
        fields = {}
        for line in self.lines():
            line = line.decode().rstrip("\n")
            if line.startswith("{"):  # a refusal is no stream
                yield event_of(json.loads(line))
            name, _, value = line.partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
            if line:
                continue
            id = int(fields["id"]) if fields.get("id") else None
            if "data" in fields:
                yield fields["event"], json.loads(fields["data"]), id
            elif id is not None:
                yield mark(id, id)
            fields = {}


class Protobuf(Reader):
    accept = kubeproto.STREAM

    def __iter__(self):
        head = self.process.stdout.read(1)
        if head == b"k":
            yield "ERROR", kubeproto.decode(head + self.process.stdout.read()), None
            return
        try:
            for data in kubeproto.frames(lambda n, first=[head]: first.pop() + self.process.stdout.read(n - 1) if first
                                         else self.process.stdout.read(n)):
                yield event_of(kubeproto.event_of(data))
        except AssertionError:
            self.half = True  # it was cut inside of a frame


class LongPolls(Reader):
    tells_end = False

    def open(self):
        return self.curl(f"{self.url}&longPoll=true&timeoutSeconds=20{self.at_rv()}")

    def __iter__(self):
        while not self.closed:
            text = self.process.communicate()[0]
            try:
                answer = json.loads(text)
            except ValueError:
                return
            if answer["kind"] == "Status":
                yield event_of(answer)
                return
            yield from map(event_of, answer["events"])
            self.rv = answer["metadata"]["resourceVersion"]
            yield mark(self.rv)
            self.process = self.open()


class WebSocket(Reader):
    tells_end = False

    def open(self):
        return subprocess.Popen(["node", CLIENT, self.url.replace("http:", "ws:") + self.at_rv(), json.dumps(self.options)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                env={**os.environ, "NODE_PATH": WS})

    def __iter__(self):
        for line in self.lines():
            told = json.loads(line)
            if "status" in told:
                yield event_of(json.loads(told["body"]))
            elif "message" in told:
                yield event_of(kubeproto.event_of(base64.b64decode(told["message"])) if told["binary"]
                               else json.loads(told["message"]))
            elif {"close", "end", "error"} & told.keys():
                return


WAYS = {
    "lines over HTTP/1.1": (Lines, H1),
    "lines over HTTP/2": (Lines, H2),
    "server-sent events over HTTP/1.1": (EventStream, H1),
    "server-sent events over HTTP/2": (EventStream, H2),
    "long polls over HTTP/1.1": (LongPolls, H1),
    "long polls over HTTP/2": (LongPolls, H2),
}
if WS:
    WAYS["WebSocket over HTTP/1.1"] = (WebSocket, {})
    WAYS["WebSocket over HTTP/2"] = (WebSocket, {"h2": True})
if kubeproto.available():
    WAYS["protobuf over HTTP/1.1"] = (Protobuf, H1)
    WAYS["protobuf over HTTP/2"] = (Protobuf, H2)
    if WS:
        WAYS["protobuf over WebSocket over HTTP/1.1"] = (WebSocket, {"headers": {"Accept": kubeproto.STREAM}})
        WAYS["protobuf over WebSocket over HTTP/2"] = (WebSocket, {"headers": {"accept": kubeproto.STREAM}, "h2": True})


def read(way, server, path, rv, query=""):
    reader, options = WAYS[way]
    return reader(server, path, query, rv, options)
