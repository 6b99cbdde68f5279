#!/usr/bin/env python3
"""Ours beside client-go's informer, each a process of its own that syncs the same objects and follows the same changes:
from tidewatch in JSON and in protobuf, and from informerload's made-up server, which is as fast as the socket.

    python3 tests/bench/informers.py [--objects=100000] [--events=100000] [--sizes=1024,4096] [--repeat=3]

Needs Go, to build tests/bench/client_go. Prints a table in Markdown; what is held is the heap after a collection. The
wall times are of a client that shares its cores with the server and the writers: the CPU times are its own.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", "lib"), HERE]
os.environ.setdefault("TIDEWATCH_BUILD", os.path.join(ROOT, "build", "release"))
os.environ.setdefault("TIDEWATCH_PATIENCE", "120")

from tidewatch import BUILD, CONFIGMAPS, Server  # noqa: E402

INFORMERLOAD = os.path.join(BUILD, "tests", "informerload")
WRITELOAD = os.path.join(BUILD, "tests", "writeload")
WHAT = ("sync_ms", "sync_cpu_ms", "bytes_per_object", "events_per_s", "event_cpu_us")


def build_client_go():
    cache = os.path.join(ROOT, "build", "cache")
    os.makedirs(cache, exist_ok=True)
    program = os.path.join(cache, "bench_client_go")
    subprocess.run(["go", "build", "-buildvcs=false", "-o", program, "."], cwd=os.path.join(HERE, "client_go"), check=True)
    return program


def follow(command, begin):
    """Starts a client; when it has synced, lets the changes begin; returns what it measured."""
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if client.stdout.readline() != "synced\n":
        raise SystemExit(f"{command[0]} did not sync")
    client.stdin.write("\n")
    client.stdin.flush()
    begin()
    result = json.loads(client.stdout.readline())
    client.wait()
    return result


def clients(url, form, options, client_go):
    counts = [f"--objects={options.objects}", f"--events={options.events}"]
    return {"tidewatch": [INFORMERLOAD, f"--url={url}", f"--form={form}", "--mode=stream", *counts],
            "client-go": [client_go, f"--form={form}", *counts, url]}


def write(server, op, count, size):
    subprocess.run([WRITELOAD, f"--port={server.port}", f"--pid={server.process.pid}", "--target=kube", f"--op={op}",
                    "--writers=100", f"--count={count}", f"--size={size}", f"--write={CONFIGMAPS}"],
                   check=True, stdout=subprocess.DEVNULL)


def from_tidewatch(options, size, client_go, note):
    with Server(storage="memory") as server:
        write(server, "create", options.objects, size)
        for _ in range(options.repeat):
            for form in ("json", "protobuf"):
                for name, command in clients(server.url, form, options, client_go).items():
                    note(("tidewatch", form, size, name),
                         follow(command, lambda: write(server, "update", options.events, size)))


def from_made_up(options, size, client_go, note):
    for _ in range(options.repeat):
        for name in ("tidewatch", "client-go"):
            server = subprocess.Popen([INFORMERLOAD, "--serve=0", f"--size={size}", f"--objects={options.objects}",
                                       f"--events={options.events}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            url = server.stdout.readline().strip()

            def begin(server=server):
                server.stdin.write("\n")
                server.stdin.flush()

            note(("made up", "json", size, name), follow(clients(url, "json", options, client_go)[name], begin))
            server.kill()
            server.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--objects", type=int, default=100000)
    parser.add_argument("--events", type=int, default=100000)
    parser.add_argument("--sizes", default="1024,4096")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    client_go, results = build_client_go(), {}
    for size in map(int, options.sizes.split(",")):
        for source in (from_made_up, from_tidewatch):
            source(options, size, client_go, lambda key, result: results.setdefault(key, []).append(result))
    print("| server | form | object | informer | sync, ms | sync, CPU ms | bytes held an object | events/s | CPU us an event |\n"
          "|---|---|---|---|---|---|---|---|---|")
    for (server, form, size, name), runs in results.items():
        row = [f"{statistics.median(run[what] for run in runs):,.1f}".removesuffix(".0") for what in WHAT]
        print(f"| {server} | {form} | {size // 1024} KB | {name} | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
