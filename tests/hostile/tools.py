#!/usr/bin/env python3
"""What the field's own tools say of a server: testssl.sh of its TLS, h2spec of its HTTP/2, slowhttptest of its patience,
while a client at another address asks as ever. One row for each, and 1 if one of them finds what it should not.

    ./dev hostile [SECONDS [CONNECTIONS]]    each of slowhttptest's ways takes so long (30), with so many (2,000)
"""
import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

from tidewatch import CONFIGMAPS, SecureServer, Server, configmap

# Of every certificate that a CA of its own has signed, and that no browser's list of CAs knows.
SELF_SIGNED = {"cert_chain_of_trust", "cert_revocation"}
# nghttp2 has forgotten these streams, and ignores what still comes for them.
FORGOTTEN = {"http2/5.1: closed: Sends a DATA frame after sending RST_STREAM frame",
             "http2/5.1: closed: Sends a HEADERS frame after sending RST_STREAM frame",
             "http2/5.1: closed: Sends a DATA frame", "http2/5.1: closed: Sends a HEADERS frame",
             "http2/5.1.1: Sends stream identifier that is numerically smaller than previous"}
WAYS = {"slow heads": ("-H",), "slow bodies": ("-B",), "ranges": ("-R",), "slow reading": ("-X", "-k", "3", "-w", "1", "-y", "512", "-n", "5")}


def run(*args, **more):
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more).stdout


def find(name):
    here = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "build", "cache", "bin", name)
    return here if os.path.exists(here) else shutil.which(name)


def row(tool, what, fine, says):
    print(f"| {tool} | {what} | {'ok' if fine else 'NOT OK'} | {says} |", flush=True)
    return fine


def testssl(folder):
    with SecureServer() as server:
        path = os.path.join(folder, "testssl.json")
        run("testssl", "--quiet", "--color", "0", "--warnings", "off", "--jsonfile", path, f"127.0.0.1:{server.port}",
            stdin=subprocess.DEVNULL)
        with open(path) as f:
            found = json.load(f)
    above = {f["id"]: f for f in found if f["severity"] in ("MEDIUM", "HIGH", "CRITICAL")}
    low = sorted(f["id"] for f in found if f["severity"] == "LOW")
    worse = [f"{f['id']} {f['severity']}: {f['finding']}" for i, f in above.items() if i not in SELF_SIGNED]
    says = f"{len(found)} findings; above LOW: {', '.join(worse) or 'none'} but {', '.join(sorted(set(above) & SELF_SIGNED))}; LOW: {', '.join(low)}"
    return row("testssl.sh", "https", not worse and len(found) > 100, says)


def h2spec(folder):
    program, path = find("h2spec"), os.path.join(folder, "h2spec.xml")
    if program is None:
        return row("h2spec", "https", True, "skipped: it is not installed, and could not be built")
    with SecureServer() as server:
        run(program, "-h", "127.0.0.1", "-p", str(server.port), "-t", "-k", "-S", "-o", "5", "-P", "/version", "-j", path)
    cases = list(xml.etree.ElementTree.parse(path).iter("testcase"))
    failed = {f"{c.get('package')}: {c.get('classname')}" for c in cases if c.find("failure") is not None or c.find("error") is not None}
    worse = sorted(failed - FORGOTTEN)
    says = f"{len(cases) - len(failed)} of {len(cases)} pass; the {len(failed & FORGOTTEN)} of streams that are over do not; others: {'; '.join(worse) or 'none'}"
    return row("h2spec", "https", not worse and len(cases) > 100, says)


class Probe(threading.Thread):
    """A client of another address, which reads and writes all the time."""

    def __init__(self, server):
        super().__init__()
        self.server, self.over, self.ms, self.bad = server, threading.Event(), [], []

    def run(self):
        connection = None
        for n in range(1 << 30):
            if self.over.wait(0.02):
                return
            began = time.perf_counter()
            try:
                if n % 10 == 0:  # a new connection must find a place, too
                    connection = http.client.HTTPConnection("127.0.0.1", self.server.port, 30, source_address=("127.0.0.2", 0))
                connection.request("PUT", CONFIGMAPS + "/probe", json.dumps(configmap("probe", {"n": str(n)})),
                                   {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    self.bad.append(answer.status)
            except OSError as error:
                self.bad.append(repr(error))
                connection = http.client.HTTPConnection("127.0.0.1", self.server.port, 30, source_address=("127.0.0.2", 0))
            self.ms.append((time.perf_counter() - began) * 1000)


def slowhttptest(what, flags, seconds, connections):
    with Server(storage="memory") as server:
        client = server.client()
        for name in ("probe", *(f"big{i}" for i in range(5))):
            client.create(CONFIGMAPS, configmap(name, {"k": "x" * 100000} if name != "probe" else {}))
        client.close()
        before, probe = server.rss_kib(), Probe(server)
        probe.start()
        said = run("slowhttptest", *flags, "-c", str(connections), "-r", "500", "-i", "2", "-l", str(seconds), "-p", "5", "-u",
                   f"http://127.0.0.1:{server.port}{CONFIGMAPS}", stdin=subprocess.DEVNULL)
        after = server.rss_kib()
        probe.over.set()
        probe.join()
    said = re.sub(r"\x1b\[[0-9;]*m", "", said)
    ended = re.findall(r"Exit status:\s*(.*)", said) or ["?"]
    slowest = max(probe.ms)
    says = (f"{connections} connections ({ended[-1].strip()}); {len(probe.ms)} PUTs of another, {len(probe.bad)} failed, "
            f"p50 {statistics.median(probe.ms):.1f} ms, slowest {slowest:.0f} ms; {before >> 10} -> {after >> 10} MiB")
    return row("slowhttptest", what, not probe.bad and slowest < 5000 and after < 512 << 10 and len(probe.ms) > seconds, says)


def main():
    seconds, connections = (int(a) for a in sys.argv[1:] + ["30", "2000"][len(sys.argv) - 1:])
    folder = tempfile.mkdtemp(prefix="tidewatch-hostile-")
    try:
        os.nice(-15)  # server, tools and client alike, before whatever else the machine does
    except PermissionError:
        pass
    print("| tool | what | | what it says |\n|---|---|---|---|")
    try:
        fine = [testssl(folder), h2spec(folder)]
        fine += [slowhttptest(what, flags, seconds, connections) for what, flags in WAYS.items()]
    finally:
        shutil.rmtree(folder)
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
