"""Clients from npm, that nobody here wrote: `ws` and `eventsource`, each in a process of node, telling what
happens to it as lines of JSON. They are fetched once, into the build's cache."""
import fcntl
import json
import os
import select
import shutil
import subprocess
import time

from tidewatch import PATIENCE_S

CACHE = os.path.abspath(os.environ.get("TIDEWATCH_CACHE", os.path.join("build", "cache")))
WS, EVENTSOURCE = "ws@8.18.0", "eventsource@4.0.0"  # both run under node 18 and later
INTEROP = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "interop")


def skip(why):
    print(f"skipped: {why}")
    raise SystemExit(77)


def missing_tool():
    return next((tool for tool in ("node", "npm") if shutil.which(tool) is None), None)


def fetch(package):
    """Its folder of modules; where it cannot be had there is nothing to drive."""
    name = package.split("@")[0]
    folder = os.path.join(CACHE, name)
    if missing_tool():
        skip(f"no {missing_tool()} here")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other tests may want it in the same moment
        if not os.path.isdir(os.path.join(folder, "node_modules", name)):
            done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts",
                                   "--prefix", folder, package], stdin=subprocess.DEVNULL)
            if done.returncode != 0:
                skip(f"npm cannot fetch {package}")
    return os.path.join(folder, "node_modules")


class Node:
    """A process that tells lines of JSON: one by one, each wait bounded."""

    def __init__(self, script, *args, modules, **env):
        self.process = subprocess.Popen(["node", script, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        bufsize=0, env={**os.environ, "NODE_PATH": modules, **env})
        self.buffered = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.process.kill()
        self.process.communicate()

    def next(self):
        """None when it has ended."""
        deadline = time.monotonic() + PATIENCE_S
        while b"\n" not in self.buffered:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise AssertionError("nothing happened")
            some = os.read(self.process.stdout.fileno(), 65536)
            if not some:
                return None
            self.buffered += some
        line, self.buffered = self.buffered.split(b"\n", 1)
        return json.loads(line)

    def until(self, condition):
        while not condition(said := self.next()):
            if said is None:
                raise AssertionError("it has ended")
        return said

    def tell(self, **command):
        self.process.stdin.write(json.dumps(command).encode() + b"\n")


def over_both(test):
    """A test that takes `h2`, over HTTP/1.1 and over HTTP/2."""
    def run(self):
        for h2 in (False, True):
            with self.subTest(h2=h2):
                test(self, h2)
    return run


class Ws(Node):
    """A WebSocket of interop/websocket/client.js."""

    def __init__(self, server, path, **options):
        super().__init__(os.path.join(INTEROP, "websocket", "client.js"), f"ws://127.0.0.1:{server.port}{path}",
                         json.dumps(options), modules=fetch(WS))

    def event(self):
        """The next event; a text message is one, whole."""
        told = self.until(lambda said: said is None or "ping" not in said)
        assert told and "message" in told and not told["binary"], told
        assert told["message"].endswith("}\n"), told
        return json.loads(told["message"])


class Page(Node):
    """An EventSource of interop/eventsource/follow.js."""

    def __init__(self, url):
        super().__init__(os.path.join(INTEROP, "eventsource", "follow.js"), url, modules=fetch(EVENTSOURCE))

    def take(self, count):
        """The next events; that it connects, or has to, is passed over."""
        return [self.until(lambda said: said and "type" in said) for _ in range(count)]
