#!/usr/bin/env python3
"""Measures the server and prints a table in Markdown: the rows of docs/benchmarks.md.

    ./dev bench [ROW ...] [--repeat=N]

Each row runs on a server of its own, `repeat` times; the median is shown, and the least and the most.
"""
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
os.environ.setdefault("TIDEWATCH_BUILD", os.path.join(ROOT, "build", "release"))
os.environ.setdefault("TIDEWATCH_PATIENCE", "120")

from tidewatch import BUILD, CONFIGMAPS, Server, configmap  # noqa: E402


def tool(name, server, **flags):
    args = [os.path.join(BUILD, "tests", name), f"--port={server.port}", f"--pid={server.process.pid}",
            *(f"--{k}={v}" for k, v in flags.items())]
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(args)}: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)


def start_to_ready():
    began = time.monotonic()
    with Server() as server:
        ready_ms = (time.monotonic() - began) * 1000
        server.client().get("/readyz")
        return {"start to ready, ms": ready_ms, "idle RSS, MiB": server.rss_kib() / 1024}


def restart_with_objects(count=100_000):
    with Server() as server:
        tool("httpload", server, mode="create", count=count, connections=64, size=1024)
        stop_ms = server.stop() * 1000
        began = time.monotonic()
        server.start()
        return {f"start to ready with {count:,} objects of 1 KB, ms": (time.monotonic() - began) * 1000,
                f"RSS with {count:,} objects of 1 KB, MiB": server.rss_kib() / 1024,
                f"stop with {count:,} objects, ms": stop_ms}


def get_one():
    with Server() as server:
        r = tool("httpload", server, mode="get", count=200_000, connections=64)
        return {"GET of one 1 KB object, c=64, requests/s": r["per_s"], "GET, server CPU us": r["server_us"],
                "GET p99, ms": r["p99_ms"]}


def create(connections, count):
    def row():
        with Server() as server:
            r = tool("httpload", server, mode="create", count=count, connections=connections)
            return {f"durable 1 KB creates/s, {connections} writers": r["per_s"],
                    f"create p99, {connections} writers, ms": r["p99_ms"]}
    return row


def list_10000():
    with Server() as server:
        tool("httpload", server, mode="create", count=10_000, connections=64, size=1024)
        r = tool("httpload", server, mode="list", count=100, connections=1)
        return {"list of 10,000 x 1 KB, ms": r["p50_ms"], "list of 10,000 x 1 KB, MB/s": r["mb_per_s"],
                "list of 10,000 x 1 KB, server CPU ms": r["server_us"] / 1000}


def fan_out(watchers, streams, burst, events):
    def row():
        with Server() as server:
            r = tool("watchload", server, watchers=watchers, streams=streams, events=events, burst=burst)
            name = f"{'HTTP/2, 100 streams' if streams else 'HTTP/1.1'}, {watchers:,} watchers, {burst} event{'s' if burst > 1 else ''} a round"
            return {f"{name}: deliveries/s": r["deliveries_per_s"],
                    f"{name}: server CPU us a delivery": r["server_us_a_delivery"],
                    f"{name}: p50, ms": r["p50_ms"], f"{name}: p99, ms": r["p99_ms"],
                    f"{name}: RSS an idle watch, KiB": r["rss_kib_a_watch"],
                    f"{name}: opening all, ms": r["open_ms"]}
    return row


def encode_once(each=10_000, events=100):
    """As many watchers in protobuf as in JSON, of one resource, on all loops."""
    with Server() as server:
        r = tool("watchload", server, watchers=2 * each, protobuf=each, streams=200, events=events)
        row = {f"{each:,} + {each:,} watchers: {form}, encodings of {events} events": server.metric(
            "tidewatch_watch_events_encoded_total", f'format="{form}"') for form in ("json", "protobuf")}
        return {**row, f"{each:,} + {each:,} watchers: deliveries/s": r["deliveries_per_s"],
                f"{each:,} + {each:,} watchers: server CPU us a delivery": r["server_us_a_delivery"]}


ROWS = {
    "start": start_to_ready,
    "restart": restart_with_objects,
    "get": get_one,
    "create-1": create(1, 10_000),
    "create-10": create(10, 40_000),
    "create-100": create(100, 100_000),
    "list": list_10000,
    "watch-h1-1000": fan_out(1000, 0, 1, 200),
    "watch-h1-10000": fan_out(10000, 0, 1, 30),
    "watch-h1-1000-burst": fan_out(1000, 0, 10, 1000),
    "watch-h2-1000": fan_out(1000, 100, 1, 200),
    "watch-h2-10000": fan_out(10000, 100, 1, 100),
    "watch-h2-10000-burst": fan_out(10000, 100, 10, 500),
    "encode-once": encode_once,
}


def shown(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def main():
    repeat = next((int(a.split("=")[1]) for a in sys.argv[1:] if a.startswith("--repeat=")), 5)
    names = [a for a in sys.argv[1:] if not a.startswith("--")] or list(ROWS)
    print("| row | what | median | least | most |\n|---|---|---|---|---|", flush=True)
    for name in names:
        if name not in ROWS:
            raise SystemExit(f"no such row: {name}; there are: {' '.join(ROWS)}")
        runs = [ROWS[name]() for _ in range(repeat)]
        for what in runs[0]:
            values = [r[what] for r in runs]
            print(f"| {name} | {what} | {shown(statistics.median(values))} | {shown(min(values))} | {shown(max(values))} |",
                  flush=True)


if __name__ == "__main__":
    main()
