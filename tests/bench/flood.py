#!/usr/bin/env python3
"""What one tenant's flood of lists costs another: GETs and small lists of one user, one by one, while another asks for
the whole of a large collection on many connections; each on the same server, without the flood and with it.

    PYTHONPATH=tests/lib python3 tests/bench/flood.py [CONNECTIONS [ASKED]] [-- SERVER_FLAG ..]

Users are told apart by their address: 127.0.0.1 floods, 127.0.0.2 asks.
"""
import http.client
import os
import statistics
import subprocess
import sys
import time

from tidewatch import CONFIGMAPS, Server, configmap

OBJECTS, OBJECT_BYTES = 5000, 400
SMALL = "/api/v1/namespaces/kube-system/configmaps"
GZIP = {"Accept-Encoding": "gzip"}


def fill(server):
    client = server.client()
    for i in range(OBJECTS):
        assert client.create(CONFIGMAPS, configmap(f"o-{i}", {"x": "x" * OBJECT_BYTES})).code == 201
    for i in range(10):
        assert client.create(SMALL, configmap(f"s-{i}")).code == 201


def p99(values):
    return statistics.quantiles(values, n=100)[98]


def ask(port, count):
    """Milliseconds of each GET and each small list, and how many were refused."""
    connection = http.client.HTTPConnection("127.0.0.1", port, 60, source_address=("127.0.0.2", 0))
    took, refused = {CONFIGMAPS + "/o-7": [], SMALL: []}, 0
    for _ in range(count):
        for path, ms in took.items():
            began = time.perf_counter()
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            ms.append((time.perf_counter() - began) * 1000)
            refused += response.status != 200
    return *took.values(), refused


def flood(server, connections, *more):
    tool = os.path.join(os.environ.get("TIDEWATCH_BUILD", "build/release"), "tests", "readload")
    return subprocess.Popen([tool, f"--port={server.port}", f"--path={CONFIGMAPS}", f"--readers={connections}",
                             "--count=100000000", *more], stdout=subprocess.DEVNULL)


def wait_for_flood(server):
    while server.metric("apiserver_current_inflight_requests") < 10:
        time.sleep(0.01)


def main():
    own, _, flags = " ".join(sys.argv[1:]).partition("-- ")
    connections, count = (int(a) for a in own.split() + ["200", "500"][len(own.split()):])
    with Server(storage="memory", flags=flags.split()) as server:
        fill(server)
        alone = ask(server.port, count)
        for name, more in (("lists", ()), ("lists in gzip", ("--gzip=1",)),
                           ("lists in protobuf", ("--accept=application/vnd.kubernetes.protobuf",))):
            flooding = flood(server, connections, *more)
            wait_for_flood(server)
            beside = ask(server.port, count)
            flooding.kill()
            flooding.wait()
            print(f"{connections} connections ask for {name} of {OBJECTS}; refused: {beside[2]}")
            for what, before, after in zip(("GET", "small list"), alone, beside):
                print(f"  {what}: p50 {statistics.median(before):.2f} -> {statistics.median(after):.2f} ms, "
                      f"p99 {p99(before):.2f} -> {p99(after):.2f} ms")


if __name__ == "__main__":
    main()
