"""One writer, and every way to be told at once from the same resourceVersion: each tells the same events in
the same order, with equal objects. A new way is a row of WAYS."""
import base64
import json
import os
import random
import subprocess
import threading
import unittest

import kubeproto
import npm
from tidewatch import CONFIGMAPS, PATIENCE_S, Server, configmap, main

CHANGES = 600
LAST = "the-last-one"


class Curl:
    """Reads what curl, which nobody here wrote, makes of a watch."""

    def __init__(self, server, query, *flags):
        self.process = subprocess.Popen(["curl", "-sSN", "--max-time", str(PATIENCE_S * 2), *flags,
                                         f"{server.url}{CONFIGMAPS}?watch=true{query}"],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def lines(self):
        for line in self.process.stdout:
            yield line.decode()
        raise AssertionError(f"curl ended: {self.process.stderr.read()}")

    def close(self):
        self.process.kill()
        self.process.communicate()


def read_lines(server, rv, flags, query=""):
    curl = Curl(server, f"&resourceVersion={rv}{query}", *flags)
    try:
        for line in curl.lines():
            event = json.loads(line)
            yield event["type"], event["object"]
    finally:
        curl.close()


def read_sse(server, rv, flags, query=""):
    curl = Curl(server, f"&resourceVersion={rv}{query}", "-H", "Accept: text/event-stream", *flags)
    fields = {}
    try:
        for line in curl.lines():
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value
                continue
            if "data" in fields:
                last = json.loads(fields["data"])
                assert fields["id"] == last["metadata"]["resourceVersion"], fields
                yield fields["event"], last
            fields = {}
    finally:
        curl.close()


def read_protobuf(server, rv, flags, query=""):
    curl = Curl(server, f"&resourceVersion={rv}{query}", "-H", f"Accept: {kubeproto.STREAM}", *flags)
    try:
        for data in kubeproto.frames(curl.process.stdout.read):
            event = kubeproto.event_of(data)
            yield event["type"], event["object"]
    finally:
        curl.close()


def read_long_polls(server, rv, flags, query=""):
    while True:
        answer = subprocess.run(["curl", "-sS", "--max-time", str(PATIENCE_S * 2), *flags,
                                 f"{server.url}{CONFIGMAPS}?watch=true&longPoll=true&timeoutSeconds=20"
                                 f"&resourceVersion={rv}{query}"], stdout=subprocess.PIPE, check=True)
        answer = json.loads(answer.stdout)
        for event in answer["events"]:
            yield event["type"], event["object"]
        rv = answer["metadata"]["resourceVersion"]


def read_websocket(server, rv, options, query=""):
    process = subprocess.Popen(["node", CLIENT, f"ws://127.0.0.1:{server.port}{CONFIGMAPS}?watch=true&resourceVersion={rv}{query}",
                                json.dumps(options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env={**os.environ, "NODE_PATH": WS})
    try:
        for line in process.stdout:
            told = json.loads(line)
            if "message" in told:
                event = kubeproto.event_of(base64.b64decode(told["message"])) if told["binary"] else json.loads(told["message"])
                yield event["type"], event["object"]
    finally:
        process.kill()
        process.communicate()


CLIENT = os.path.join(npm.INTEROP, "websocket", "client.js")
WS = None if npm.missing_tool() else npm.fetch(npm.WS)
H1, H2 = ("--http1.1",), ("--http2-prior-knowledge",)
WAYS = {
    "lines over HTTP/1.1": (read_lines, H1),
    "lines over HTTP/2": (read_lines, H2),
    "server-sent events over HTTP/1.1": (read_sse, H1),
    "server-sent events over HTTP/2": (read_sse, H2),
    "long polls over HTTP/1.1": (read_long_polls, H1),
    "long polls over HTTP/2": (read_long_polls, H2),
}
if WS:
    WAYS["WebSocket over HTTP/1.1"] = (read_websocket, {})
    WAYS["WebSocket over HTTP/2"] = (read_websocket, {"h2": True})
if kubeproto.available():
    WAYS["protobuf over HTTP/1.1"] = (read_protobuf, H1)
    WAYS["protobuf over HTTP/2"] = (read_protobuf, H2)
    if WS:
        WAYS["protobuf over WebSocket over HTTP/1.1"] = (read_websocket, {"headers": {"Accept": kubeproto.STREAM}})
        WAYS["protobuf over WebSocket over HTTP/2"] = (read_websocket, {"headers": {"accept": kubeproto.STREAM}, "h2": True})
SELECTORS = {"all": "", "some": "&labelSelector=on%3Dyes"}


class SameSequence(unittest.TestCase):
    def write(self, client):
        """Creates, changes and deletes, in and out of the selector, by a seed that is told."""
        seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
        print(f"SEED={seed}")
        dice, there = random.Random(seed), set()
        for n in range(CHANGES):
            name = f"o{dice.randrange(12)}"
            body = configmap(name, {"n": str(n), "text": "line\n" * dice.randrange(40) + "\u00e4\u2028\""},
                             labels={"on": dice.choice(["yes", "no"])})
            if name not in there:
                answer = client.create(CONFIGMAPS, body)
                there.add(name)
            elif dice.random() < 0.3:
                answer = client.call("DELETE", f"{CONFIGMAPS}/{name}")
                there.discard(name)
            else:
                answer = client.call("PUT", f"{CONFIGMAPS}/{name}", body)
            self.assertIn(answer.code, (200, 201), answer)
        client.create(CONFIGMAPS, configmap(LAST, {"n": "last"}, labels={"on": "yes"}))

    def test_every_way_tells_the_same(self):
        with Server(flags=["--watch-window-events=64"]) as server:   # some read the log on disk meanwhile
            client = server.client()
            rv = client.create(CONFIGMAPS, configmap("first")).rv
            told, threads = {}, []

            def follow(key, events):
                seen = told[key] = []
                for kind, item in events:
                    if kind == "BOOKMARK":
                        continue
                    seen.append((kind, item))
                    if item["metadata"].get("name") == LAST:
                        break
                events.close()
                seen.append("whole")

            for selector, query in SELECTORS.items():
                for way, (read, flags) in WAYS.items():
                    threads.append(threading.Thread(target=follow, args=((selector, way),
                                                                         read(server, rv, flags, query)), daemon=True))
            for thread in threads:
                thread.start()
            self.write(client)
            for thread in threads:
                thread.join(PATIENCE_S * 2)
            for selector in SELECTORS:
                expected = told[selector, "lines over HTTP/1.1"]
                self.assertEqual(expected[-1], "whole")
                if selector == "all":
                    self.assertEqual(len(expected), CHANGES + 2)
                for way in WAYS:
                    self.assertEqual(told[selector, way], expected, f"{selector}, {way}")


if __name__ == "__main__":
    main()
