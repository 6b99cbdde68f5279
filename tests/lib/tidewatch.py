"""What scenario and interop tests share: a server of their own, and clients that wait with a bound.

Every test program starts servers on port 0 with a data folder of its own, so that any number of
them run side by side. Nothing here sleeps to let something happen: it waits for an event, or fails
at a deadline.
"""
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

BUILD = os.environ.get("TIDEWATCH_BUILD", os.path.join(os.getcwd(), "build", "release"))
# Sanitizer builds are slower; a deadline is there to end a hang, not to measure.
PATIENCE_S = float(os.environ.get("TIDEWATCH_PATIENCE", "60"))
TIDEWATCH = os.path.join(BUILD, "tidewatch")
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


def is_sanitized():
    with open(os.path.join(BUILD, "CMakeCache.txt")) as f:
        return re.search(r"^SANITIZE:\w+=(.+)$", f.read(), re.M) is not None


def sanitizers_kib():
    """What a sanitizer may keep resident itself: freed blocks, and shadows of all bytes."""
    return 1 << 20 if is_sanitized() else 0


def link_of(path):
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""


class Server:
    """A tidewatch process. `with Server() as s:` ends it, and checks that it ended well."""

    scheme = "http"
    environment = {}  # beside ours

    def __init__(self, storage="sqlite", threads=2, flags=()):
        self.folder = tempfile.mkdtemp(prefix="tidewatch-test-")
        self.storage, self.threads, self.flags = storage, threads, list(flags)
        self.port = 0
        self.process = None
        self.start()

    def start(self):
        args = [TIDEWATCH, f"--listen={self.scheme}://127.0.0.1:{self.port}",
                f"--data-dir={self.folder}/data", f"--storage={self.storage}",
                f"--threads={self.threads}", f"--write-kubeconfig={self.folder}/kubeconfig",
                *self.flags]
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=self.log, env={**os.environ, **self.environment})
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        line = self.process.stdout.readline().decode() if ready else ""
        if not line.startswith("tidewatch ready: "):
            self.process.kill()
            raise AssertionError(f"the server did not start: {line!r}\n{self.read_log()}")
        self.url = line.split()[-1]
        self.port = int(self.url.rsplit(":", 1)[1])

    def read_log(self):
        with open(os.path.join(self.folder, "log")) as f:
            return f.read()[-4000:]

    @property
    def kubeconfig(self):
        return os.path.join(self.folder, "kubeconfig")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def stop(self):
        """SIGTERM; returns how many seconds it took to end. (Popen.wait() would look at 64, 114 and 164 ms.)"""
        ended = os.pidfd_open(self.process.pid)
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        select.select([ended], [], [], PATIENCE_S)
        took = time.monotonic() - began
        os.close(ended)
        code = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        self.log.close()
        if code != 0:
            raise AssertionError(f"the server ended with {code}\n{self.read_log()}")
        return took

    def close(self):
        if self.process.poll() is None:
            self.stop()
        elif self.process.returncode not in (0, -signal.SIGKILL):
            raise AssertionError(f"the server died: {self.process.returncode}\n{self.read_log()}")
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            sys.stderr.write(self.read_log())
            if self.process.poll() is None:
                self.kill()
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            self.close()

    def client(self):
        return Client(self.port)

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))

    def sockets(self, at_most=None):
        """How many it has, once there are no more than that; or after a while, however many there are."""
        deadline = time.monotonic() + PATIENCE_S / 4
        while True:
            folder = f"/proc/{self.process.pid}/fd"
            count = sum(link_of(os.path.join(folder, name)).startswith("socket:") for name in os.listdir(folder))
            if at_most is None or count <= at_most or time.monotonic() > deadline:
                return count
            select.select([], [], [], 0.01)

    def metric(self, name, label=""):
        """The sum of a family, or of its series with that label."""
        client = self.client()
        code, _, text = client.raw("GET", "/metrics")
        client.connection.close()
        assert code == 200
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.decode().splitlines()
                   if line.split("{")[0].split(" ")[0] == name and label in line)


class SecureServer(Server):
    """The same over https: its certificates are in `certs`, where it makes those it was not given; an
    admin's are always there."""

    scheme = "https"

    def __init__(self, storage="memory", threads=2, flags=(), mode="RBAC"):
        super().__init__(storage, threads, [f"--authorization-mode={mode}", *flags])

    @property
    def certs(self):
        return os.path.join(self.folder, "data", "certs")

    def context(self, cert=None, alpn=("http/1.1",)):
        """What a client needs to trust the server; `cert` names files of its own."""
        context = ssl.create_default_context(cafile=os.path.join(self.certs, "ca.crt"))
        context.set_alpn_protocols(list(alpn))
        if cert is not None:
            path = os.path.join(self.certs, cert)
            context.load_cert_chain(path + ".crt", path + ".key")
        return context

    def client(self, token=None, cert=None, headers=None):
        """An admin, unless it is told who: token "" is nobody."""
        if token is None and cert is None:
            cert = "admin"
        headers = dict(headers or {}, **({"Authorization": f"Bearer {token}"} if token else {}))
        return Client(self.port, self.context(cert), headers)

    def watch(self, path, token=None, cert=None, headers=None):
        headers = dict(headers or {}, **({"Authorization": f"Bearer {token}"} if token else {}))
        return Watch(self.port, path, headers=headers,
                     context=self.context("admin" if token is None and cert is None else cert))


class Answer:
    def __init__(self, code, headers, body):
        self.code, self.headers, self.body = code, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def rv(self):
        return int(self.json["metadata"]["resourceVersion"])

    def __iter__(self):
        return iter((self.code, self.headers, self.body))

    def __repr__(self):
        return f"<{self.code} {self.body[:400]!r}>"


def new_connection(port, timeout, context=None):
    if context is None:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=timeout, context=context)


class Client:
    """One keep-alive connection, one thread."""

    def __init__(self, port, context=None, headers=None):
        self.port, self.context, self.headers = port, context, headers or {}
        self.connection = None

    def raw(self, method, path, body=None, headers=None):
        if self.connection is None:
            self.connection = new_connection(self.port, PATIENCE_S, self.context)
        try:
            self.connection.request(method, path, body, {**self.headers, **(headers or {})})
            response = self.connection.getresponse()
            headers = {}
            for name, value in response.getheaders():
                name = name.lower()
                headers[name] = f"{headers[name]}, {value}" if name in headers else value
            return Answer(response.status, headers, response.read())
        except Exception:
            self.connection.close()
            self.connection = None
            raise

    def call(self, method, path, body=None, content_type="application/json", **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        if body is not None:
            headers.setdefault("Content-Type", content_type)
            body = body if isinstance(body, (bytes, str)) else json.dumps(body)
        return self.raw(method, path, body, headers)

    def get(self, path, **headers):
        return self.call("GET", path, **headers)

    def create(self, path, body):
        return self.call("POST", path, body)

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Watch:
    """A watch on a socket of its own: events by next(), each wait bounded."""

    def __init__(self, port, path, patience=None, headers=None, context=None):
        self.patience = patience or PATIENCE_S
        self.connection = new_connection(port, self.patience, context)
        self.connection.request("GET", path, headers=headers or {})
        self.response = self.connection.getresponse()
        self.code = self.response.status

    def next(self):
        """The next event, or None at the clean end of the stream."""
        line = self.response.readline()
        return json.loads(line) if line else None

    def until(self, condition):
        """Events up to and with the first that meets the condition."""
        seen = []
        while True:
            event = self.next()
            if event is None:
                raise AssertionError(f"the watch ended; seen: {seen[-3:]}")
            seen.append(event)
            if condition(event):
                return seen

    def take(self, count):
        events = []
        while len(events) < count:
            event = self.next()
            if event is None:
                raise AssertionError(f"the watch ended after {events}")
            events.append(event)
        return events

    def rest(self):
        """All events until the clean end."""
        return list(iter(self.next, None))

    def close(self):
        self.connection.close()


class ApiTest(unittest.TestCase):
    """One server in memory for all tests of a class, and a client for each of them."""

    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(storage="memory", flags=cls.flags)
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        self.client = self.server.client()
        self.addCleanup(self.client.close)

    def made(self, path, body, **headers):
        """What a create answers."""
        answer = self.client.call("POST", path, body, **headers)
        self.assertEqual(answer.code, 201, answer)
        return answer.json

    def ok(self, method, path, body=None, **headers):
        answer = self.client.call(method, path, body, **headers)
        self.assertEqual(answer.code, 200, answer)
        return answer.json

    def patched(self, path, patch, form="merge-patch"):
        return self.ok("PATCH", path, patch, content_type=f"application/{form}+json")

    def refused(self, answer, code, reason, *words):
        """The Status of an answer that must be this refusal, with these words in its message."""
        self.assertEqual(answer.code, code, answer)
        status = answer.json
        self.assertEqual((status["kind"], status["apiVersion"], status["status"]), ("Status", "v1", "Failure"))
        self.assertEqual((status["code"], status["reason"]), (code, reason))
        for word in words:
            self.assertIn(word, status["message"])
        return status


class EventSource(Watch):
    """A watch by server-sent events, read as the HTML standard says: next() gives what a page would
    see, {"type":, "object":, "id":}; what it would not see is noted in `retry`, `comments` and
    `last_id`."""

    def __init__(self, port, path, last_id=None, headers=None, context=None):
        self.last_id, self.retry, self.comments = "", None, 0
        headers = {"Accept": "text/event-stream", **(headers or {})}
        if last_id is not None:
            headers["Last-Event-ID"] = str(last_id)
        super().__init__(port, path, headers=headers, context=context)

    def next_block(self):
        """The fields of the next block, [] for one of comments alone, None at the end."""
        fields = []
        while line := self.response.readline():
            line = line.decode().rstrip("\n")
            if not line:
                return fields
            name, _, value = line.partition(":")
            if name:
                fields.append((name, value[1:] if value.startswith(" ") else value))
            else:
                self.comments += 1
        return None

    def next(self):
        while (block := self.next_block()) is not None:
            fields = dict(block)
            self.last_id = fields.get("id", self.last_id)
            self.retry = fields.get("retry", self.retry)
            if "data" in fields:
                return {"type": fields["event"], "object": json.loads(fields["data"]), "id": self.last_id}
        return None

    def until_seen(self, condition):
        """Reads blocks until the condition holds for what a page does not see."""
        while not condition(self):
            block = self.next_block()
            if block is None:
                raise AssertionError("the stream ended")
            self.last_id = dict(block).get("id", self.last_id)


def configmap(name, data=None, labels=None, **metadata):
    meta = {"name": name, **metadata}
    if labels is not None:
        meta["labels"] = labels
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data or {}}


def made(client, body):
    """The revision of a ConfigMap that was created."""
    answer = client.create(CONFIGMAPS, body)
    assert answer.code == 201, answer
    return answer.rv


def brief(event):
    """(type, name, resourceVersion) of an event."""
    meta = event["object"]["metadata"]
    return event["type"], meta.get("name"), int(meta.get("resourceVersion", 0))


def wait_for(condition, what):
    """Polls a condition that no event announces, e.g. one of another process."""
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what}")
        pause.wait(0.01)


def run(*args):
    """Runs the server's program with a command that ends, or with settings that it refuses."""
    return subprocess.run([TIDEWATCH, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=PATIENCE_S * 2)


def outcome(*args):
    """Its exit code, and all that it said."""
    done = run(*args)
    return done.returncode, done.stdout + done.stderr


def forget_history(server, client, upto):
    """Writes until the log of a server with --history-bytes=1 begins above `upto`, with some room for a small
    window: the compactor looks once in 256 changes."""
    path = f"{CONFIGMAPS}/forget-history"
    assert client.create(CONFIGMAPS, configmap("forget-history")).code == 201
    for n in range(300):
        assert client.call("PUT", path, configmap("forget-history", {"n": str(n)})).code == 200
    wait_for(lambda: server.metric("tidewatch_storage_floor") > upto + 8, "the log to be compacted")


def main():
    unittest.main(verbosity=2, warnings="ignore")  # of sockets that end with their test
