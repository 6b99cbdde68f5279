"""Every allocation on the server's request paths fails once. What one request needs is answered with an error; what all
rely on ends the server, with a message. Either way nothing hangs, what was acknowledged is there, what was not is there
wholly or not at all, `tidewatch verify` finds nothing, and a watch that goes on has missed nothing.

    TIDEWATCH_NO_MEMORY=N    so many of the allocations (60, with a sanitizer 25), chosen by TIDEWATCH_SEED; 0: all of them
"""
import http.client
import json
import mmap
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

import tidewatch
from tidewatch import CONFIGMAPS, PATIENCE_S, TIDEWATCH, Server, configmap, main, outcome

TOKEN = "secret-of-dev"
MUX = "/apis/tidewatch.dev/v1/watch?subscribe=a%3D%2Fapi%2Fv1%2Fconfigmaps"
WATCH = CONFIGMAPS + "?watch=1&timeoutSeconds=3600"
OF_SANITIZER = os.path.join(tidewatch.BUILD, "tests", "failing-server")
PRELOADED = os.path.join(tidewatch.BUILD, "tests", "libfail_alloc.so")
AUTHORIZATION = {"Authorization": "Bearer " + TOKEN}
WEBSOCKET = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
PROTOBUF = "application/vnd.kubernetes.protobuf"
CRD = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "drops.a.dev"},
       "spec": {"group": "a.dev", "scope": "Namespaced", "names": {"plural": "drops", "kind": "Drop"},
                "versions": [{"name": "v1", "served": True, "storage": True,
                              "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}
DROPS = "/apis/a.dev/v1/namespaces/default/drops"
UNKNOWN = object()


class Page:
    """What fail_alloc.c maps, too."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as f:
            f.write(bytes(4096))
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 4096)

    def arm(self, n):
        self.map[0:8] = struct.pack("q", n)

    def asked(self):
        return struct.unpack("q", self.map[8:16])[0]

    def failed(self):
        return struct.unpack("q", self.map[16:24])[0]


class FailingServer(Server):
    def start(self):
        self.page = Page(os.path.join(self.folder, "page"))
        tokens, binary = os.path.join(self.folder, "tokens"), TIDEWATCH
        with open(tokens, "w") as f:
            f.write(f'{TOKEN},dev,1,"system:masters"\n')
        self.environment = {**os.environ, "TIDEWATCH_FAIL_ALLOC": self.page.path}
        if os.path.exists(OF_SANITIZER):
            binary = OF_SANITIZER
        else:
            self.environment["LD_PRELOAD"] = PRELOADED
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(
            [binary, f"--listen=http://127.0.0.1:{self.port}", f"--data-dir={self.folder}/data", "--threads=1",
             "--authorization-mode=RBAC", f"--token-auth-file={tokens}", f"--audit-log-path={self.folder}/audit",
             "--watch-window-events=8", *self.flags], stdout=subprocess.PIPE, stderr=self.log, env=self.environment)
        line = self.process.stdout.readline().decode()
        assert line.startswith("tidewatch ready: "), self.read_log()
        self.port = int(line.rsplit(":", 1)[1])

    def verify(self):
        code, text = outcome("verify", f"--data-dir={self.folder}/data")
        assert code == 0, text

    def metric(self, name, label=""):
        raise NotImplementedError


class Standing:
    """A watch that was there before."""

    def __init__(self, port, path, accept=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        self.connection.request("GET", path, headers={**AUTHORIZATION, **({"Accept": accept} if accept else {})})
        self.response = self.connection.getresponse()

    def events(self):
        """(type, object), of lines or of server-sent events."""
        kind = None
        while line := self.response.readline():
            name, _, value = line.decode().partition(": ")
            if line.startswith(b"{"):
                event = json.loads(line)
                yield event["type"], event["object"]
            elif name == "event":
                kind = value.strip()
            elif name == "data":
                yield kind, json.loads(value)

    def told_until(self, name):
        """(name, data.v) of what was told up to the object of that name; None: the watch has ended before."""
        told = set()
        try:
            for kind, it in self.events():
                if kind == "ERROR":
                    return None
                if it["metadata"].get("name") == name:
                    return told
                told.add((it["metadata"].get("name"), None if kind == "DELETED" else (it.get("data") or {}).get("v")))
        except socket.timeout as e:
            raise AssertionError("a watch is silent") from e
        except (OSError, http.client.HTTPException, ValueError):
            pass
        return None

    def close(self):
        self.connection.close()


class Workload:
    """The same requests again and again, and what they may have done."""

    def __init__(self, server):
        self.server, self.connection, self.n = server, None, 0
        self.maybe = {}  # by name: values of data.v it may have; None: it may be absent

    def ask(self, method, path, body=None, content_type="application/json", **headers):
        """The status; UNKNOWN: no answer came. Never longer than PATIENCE_S."""
        headers = {**AUTHORIZATION, **{k.replace("_", "-"): v for k, v in headers.items()}}
        if body is not None:
            headers["Content-Type"] = content_type
            body = body if isinstance(body, (str, bytes)) else json.dumps(body)
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE_S)
            self.connection.request(method, path, body, headers)
            response = self.connection.getresponse()
            if response.status == 101 or "watch" in path and "longPoll" not in path and response.status == 200:
                response.fp.read(1)
                self.hang_up()
            else:
                self.body = response.read()
            return response.status
        except socket.timeout as e:
            raise AssertionError(f"{method} {path} hangs") from e
        except (OSError, http.client.HTTPException):
            self.hang_up()
            return UNKNOWN

    def hang_up(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def write(self, name, method, path, body, after, **more):
        code = self.ask(method, path, body, **more)
        if code in (200, 201):
            self.maybe[name] = {after}
            self.sure.append((name, after))
        elif code is UNKNOWN or code >= 500:
            self.maybe[name] = self.maybe.get(name, {None}) | {after}
        return code

    def writes(self):
        name = f"it-{self.n}"
        path = f"{CONFIGMAPS}/{name}"
        self.write(name, "POST", CONFIGMAPS, configmap(name, {"v": "0"}), "0")
        self.write(name, "PUT", path, configmap(name, {"v": "1"}), "1")
        self.write(name, "PATCH", path, {"data": {"v": "2"}}, "2", content_type="application/merge-patch+json")
        self.write(name, "PATCH", path, [{"op": "add", "path": "/data/v", "value": "3"}], "3",
                   content_type="application/json-patch+json")
        self.write(name, "PUT", path, f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{v: '4'}}\n", "4",
                   content_type="application/yaml")
        self.ask("POST", DROPS, {"apiVersion": "a.dev/v1", "kind": "Drop", "metadata": {"name": name}, "spec": {"a": [1, {"b": 2}]}})
        self.ask("DELETE", DROPS + "?labelSelector=a%3Db")
        self.ask("DELETE", f"{DROPS}/{name}")
        before = f"it-{self.n - 1}"
        if before in self.maybe:
            self.write(before, "DELETE", f"{CONFIGMAPS}/{before}", None, None)

    def reads(self):
        self.ask("GET", f"{CONFIGMAPS}/it-{self.n}")
        for accept in ("application/json", PROTOBUF, "application/yaml", "application/json;as=Table;v=v1;g=meta.k8s.io",
                       "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"):
            self.ask("GET", CONFIGMAPS, Accept=accept)
        self.ask("GET", CONFIGMAPS + "?limit=1&labelSelector=a!%3Db&fieldSelector=metadata.name!%3Dx")
        self.ask("GET", f"{CONFIGMAPS}?resourceVersion={self.rv}&resourceVersionMatch=Exact")
        self.ask("GET", "/api/v1/namespaces/big/configmaps")
        self.ask("GET", "/api/v1/namespaces/big/configmaps", Accept_Encoding="gzip")

    def watches(self):
        for accept in ("application/json", "text/event-stream", PROTOBUF + ";stream=watch"):
            self.ask("GET", WATCH + "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
                     Accept=accept)
        self.ask("GET", f"{WATCH}&resourceVersion={self.rv}")  # from disk: the window is small
        self.ask("GET", WATCH + "&longPoll=true&resourceVersion=" + self.rv)
        self.ask("GET", WATCH, **{k: v for k, v in WEBSOCKET.items()})
        self.ask("GET", MUX)

    def over_http2(self):
        url = f"http://127.0.0.1:{self.server.port}"
        subprocess.run(["curl", "-s", "--http2-prior-knowledge", "--max-time", str(PATIENCE_S), "-H", f"Authorization: Bearer {TOKEN}",
                        url + CONFIGMAPS, url + "/api/v1/namespaces/big/configmaps"], stdout=subprocess.DEVNULL, check=False)

    def run(self):
        self.n += 1
        self.sure = []
        for part in (self.writes, self.reads, self.watches, self.over_http2):
            part()

    def check(self):
        """What is there is what may be."""
        assert self.ask("GET", CONFIGMAPS) == 200, self.body
        listed = json.loads(self.body)
        found = {o["metadata"]["name"]: o["data"].get("v") for o in listed["items"]}
        for name, values in self.maybe.items():
            assert found.get(name) in values, (name, found.get(name), values)
        assert set(found) <= set(self.maybe), found
        for name in [name for name in self.maybe if name not in found]:
            del self.maybe[name]
        self.maybe.update({name: {n} for name, n in found.items()})
        return listed["metadata"]["resourceVersion"]


class NoMemory(unittest.TestCase):
    def setUp(self):
        self.server = FailingServer()
        self.addCleanup(lambda: self.server.process.poll() is None and self.server.kill())
        self.load = Workload(self.server)
        self.assertEqual(self.load.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "big"}}), 201)
        self.assertEqual(self.load.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", CRD), 201)
        for i in range(8):
            self.assertEqual(self.load.ask("POST", "/api/v1/namespaces/big/configmaps", configmap(f"b-{i}", {"x": "x" * 150_000})), 201)
        self.load.rv = self.load.check()
        self.ends = self.answered = self.missed = 0

    def points(self):
        """Which allocations: a workload asks for so many."""
        self.load.run()
        self.load.check()
        before = self.server.page.asked()
        self.load.run()
        total = self.server.page.asked() - before
        count = int(os.environ.get("TIDEWATCH_NO_MEMORY", "25" if os.path.exists(OF_SANITIZER) else "60"))
        if count == 0 or count >= total:
            return range(1, total + 1)
        return sorted(random.Random(int(os.environ.get("TIDEWATCH_SEED", "1"))).sample(range(1, total + 1), count))

    def ended(self):
        """It may, but not without saying why."""
        code = self.server.process.wait(PATIENCE_S)
        self.assertIn(code, (1, -signal.SIGABRT), self.server.read_log())
        said = self.server.read_log()[-2000:]
        self.assertTrue("out of memory" in said or "no memory" in said, said)
        self.server.process.stdout.close()
        self.server.log.close()
        self.server.verify()
        self.load.hang_up()
        self.server.start()
        self.ends += 1

    def is_up(self):
        """False: it is ending, or has. The connection tells which, whatever the process table says."""
        for _ in range(3):
            code = self.load.ask("GET", "/livez")
            if code == 200:
                return True
        return False

    def fail_at(self, point):
        standing = [Standing(self.server.port, WATCH), Standing(self.server.port, WATCH, "text/event-stream"),
                    Standing(self.server.port, WATCH, PROTOBUF + ";stream=watch"), Standing(self.server.port, MUX)]
        failed = self.server.page.failed()
        self.server.page.arm(point)
        self.load.run()
        self.server.page.arm(0)
        if self.server.page.failed() == failed:
            self.missed += 1  # threads make a few more or less each time
        if not self.is_up():
            self.ended()
        else:
            self.answered += 1
            self.check_watches(standing[:2])
        self.load.check()
        for watch in standing:
            watch.close()

    def check_watches(self, watches):
        end, sure = f"it-{self.load.n}-end", list(self.load.sure)
        self.assertEqual(self.load.write(end, "POST", CONFIGMAPS, configmap(end), None), 201)
        for watch in watches:
            told = watch.told_until(end)
            if told is not None:  # else it ended, and its client knows
                self.assertEqual([it for it in sure if it not in told], [])
        self.assertEqual(self.load.ask("DELETE", f"{CONFIGMAPS}/{end}"), 200)
        del self.load.maybe[end]

    def test_each_allocation_fails_once(self):
        points, began = self.points(), time.monotonic()
        for point in points:
            try:
                self.fail_at(point)
            except Exception as e:
                raise AssertionError(f"allocation {point} of {points[-1]}") from e
        self.server.stop()
        self.server.verify()
        print(f"{len(points)} allocations failed: {self.answered} answered, {self.ends} times the server ended with a message, "
              f"{self.missed} not reached; {time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
