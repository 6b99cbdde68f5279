"""The rows: what is done to each server, and what is read off.

A row is {name: Row}. Its contestants are measured in turn, round after round, so that what else
the machine does hits all alike; each measurement has a server of its own, and gives {what: number}.
"""
import json
import os
import signal
import subprocess
import time

from servers import (BUILD, CONFIGMAPS, Bare, Etcd, KubeApiserver, Nats, Nginx, NginxTls, Tidewatch, TidewatchTls,
                     installed)
from tidewatch import configmap

HERE = os.path.dirname(os.path.abspath(__file__))
MB = 1 << 20


class Row:
    def __init__(self, goal, contestants):
        self.goal, self.contestants = goal, contestants


def command(tool, *args, **flags):
    return [os.path.join(BUILD, "tests", tool), *args,
            *(f"--{k.replace('_', '-')}={v}" for k, v in flags.items() if v is not None)]


def run(tool, *args, **flags):
    done = subprocess.run(command(tool, *args, **flags), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=600)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(done.args)}: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)


def load(tool, server, **flags):
    pids = ",".join(str(pid) for pid in server.pids)
    asks = {k: v for k, v in server.asks.items() if tool == "watchload" or k != "token"}  # a write needs none
    return run(tool, **{"port": server.port, "pid": pids, "target": server.target, **asks, **flags})


def fill(server, count, **flags):
    """Objects of 1 KB."""
    load("writeload", server, op="create", writers=100, count=count, size=1024, **flags)


def pick(result, **names):
    return {what: result[key] for key, what in names.items()}


# ---- the process ----

def start():
    began = time.monotonic()
    with Tidewatch() as server:
        ready_ms = (time.monotonic() - began) * 1000
        server.client().get("/readyz")
        return {"start to ready, ms": ready_ms, "idle RSS, MiB": server.rss_kib() / 1024}


def start_kube_apiserver():
    with KubeApiserver() as server:
        return {"start to ready, ms": server.ready_s * 1000, "idle RSS, MiB": server.rss_kib() / 1024}


def restart(count):
    with Tidewatch() as server:
        fill(server, count)
        rss = server.rss_kib() / 1024
        stop_ms = server.stop() * 1000
        began = time.monotonic()
        server.start()
        return {f"start to ready with {count:,} objects, ms": (time.monotonic() - began) * 1000,
                f"RSS with {count:,} objects after a start, MiB": server.rss_kib() / 1024,
                f"RSS with {count:,} objects after their creates, MiB": rss,
                f"stop with {count:,} objects, ms": stop_ms}


def stop_with_watches(count):
    with Tidewatch() as server:
        args = command("watchload", port=server.port, watchers=count, rate=1, events=600)
        client = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while server.metric("tidewatch_connections") < count:
            if client.poll() is not None:
                raise SystemExit("watchload ended")
            time.sleep(0.02)
        took = server.stop() * 1000
        client.wait()
        return {f"stop with {count:,} watches open, ms": took}


# ---- writes ----

def writes(peer, writers, count, op="create", **flags):
    def measure():
        with peer() as server:
            r = load("writeload", server, op=op, writers=writers, count=count, size=1024, **flags)
            row = {f"{op}s/s": r["per_s"], "p50, ms": r["p50_ms"], "p99, ms": r["p99_ms"],
                   "server CPU us": r["server_us"]}
            if peer is Tidewatch:
                commits = server.metric("tidewatch_storage_commits_total")
                row["writes a commit"] = count / max(commits, 1)
            return row
    return measure


def bare_sqlite(group):
    def measure():
        folder = os.environ.get("TMPDIR", "/tmp")
        r = run("baresqlite", folder, group=group, seconds=1)
        return {"creates/s": r["per_s"], "p50, ms": r["p50_ms"], "p99, ms": r["p99_ms"],
                "server CPU us": r["cpu_us"]}
    return measure


def create_row(writers, count, goal, group=None, parts=((Etcd, 2), (KubeApiserver, 10)), **flags):
    contestants = {"tidewatch": writes(Tidewatch, writers, count, **flags)}
    for peer, part in parts:
        if installed(peer):
            contestants[peer.name] = writes(peer, writers, count // part, **flags)
    # groups grow to half the writers: one half commits while the other's requests come
    contestants["bare sqlite"] = bare_sqlite(group or max(1, min(512, writers // 2)))
    return Row(goal, contestants)


def growth(objects):
    def measure():
        with Tidewatch() as server:
            fill(server, 1000)
            few = load("writeload", server, op="create", writers=100, count=20_000, size=1024)
            few_watched = load("watchload", server, watchers=100, events=1000)
            fill(server, objects)
            many = load("writeload", server, op="create", writers=100, count=20_000, size=1024)
            many_watched = load("watchload", server, watchers=100, events=1000)
            return {"creates/s from 1,000 objects on": few["per_s"],
                    f"creates/s from {objects:,} on": many["per_s"],
                    "ratio of creates/s": few["per_s"] / many["per_s"],
                    "ratio of server CPU": many["server_us"] / few["server_us"],
                    "ratio of p99": many["p99_ms"] / few["p99_ms"],
                    "ratio of server CPU a delivery": many_watched["server_us_a_delivery"] / few_watched["server_us_a_delivery"]}
    return measure


# ---- reads ----

def get(peer, count, **flags):
    """One thread, as the bare server and nginx's worker: two of them would share two cores with the client."""
    path = {"tidewatch": CONFIGMAPS + "/bench-0", "nginx": "/object", "bare": "/"}[peer.name]

    def measure():
        with (peer(threads=1) if peer is Tidewatch else peer()) as server:
            if peer is Tidewatch:
                server.client().create(CONFIGMAPS, configmap("bench-0", {"k": "x" * 700}))
            pids = ",".join(str(pid) for pid in server.pids)
            r = run("readload", port=server.port, pid=pids, path=path, count=count, readers=64, **flags)
            return pick(r, per_s="requests/s", server_us="server CPU us", p99_ms="p99, ms")
    return measure


def lists(objects, count, **flags):
    def measure():
        with Tidewatch() as server:
            fill(server, objects)
            r = run("readload", port=server.port, pid=server.pids[0], path=flags.get("path", CONFIGMAPS),
                    count=count, readers=1, **{k: v for k, v in flags.items() if k != "path"})
            return {"ms": r["p50_ms"], "MB/s a core of the server": r["server_mb_per_cpu_s"],
                    "MB/s": r["mb_per_s"], "more RSS while it runs, MiB": r["rss_more_mib"]}
    return measure


def lists_beside_writes(objects, seconds):
    def measure():
        with Tidewatch() as server:
            fill(server, objects)
            write = dict(op="update", writers=10, seconds=seconds, size=1024)
            alone = load("writeload", server, **write)
            reader = subprocess.Popen(command("readload", port=server.port, path=CONFIGMAPS, rate=10,
                                              readers=10, count=10 * seconds),
                                      stdout=subprocess.DEVNULL)
            beside = load("writeload", server, **write)
            reader.wait()
            return {"p99 of writes alone, ms": alone["p99_ms"],
                    "p99 of writes beside 10 lists/s, ms": beside["p99_ms"],
                    "ratio": beside["p99_ms"] / alone["p99_ms"]}
    return measure


def long_history(server, events):
    """So many changes of 1,000 objects; the query that watches them all."""
    load("writeload", server, op="create", writers=100, count=1000, size=256)
    rev = server.client().get(CONFIGMAPS + "?limit=1").rv
    load("writeload", server, op="update", writers=100, count=events, size=256)
    return f"{CONFIGMAPS}?watch=1&resourceVersion={rev}&timeoutSeconds=3600"


def resume(events):
    def measure():
        with Tidewatch() as server:
            r = load("watchload", server, watchers=1, resume=events, watch=long_history(server, events))
            return {"events/s": r["resumed_per_s"]}
    return measure


def resume_beside(events):
    """What live watchers notice of one that reads history all the time."""
    def measure():
        with Tidewatch() as server:
            watch = long_history(server, events)
            live = dict(watchers=100, rate=100, events=300)
            alone = load("watchload", server, **live)
            reader = subprocess.Popen(["/bin/sh", "-c", 'while "$@"; do :; done', "sh",
                                       *command("watchload", port=server.port, watchers=1, resume=events, watch=watch)],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            beside = load("watchload", server, **live)
            os.killpg(reader.pid, signal.SIGTERM)
            reader.wait()
            return {"p99 of live watches alone, ms": alone["p99_ms"],
                    "p99 of live watches beside one that resumes, ms": beside["p99_ms"],
                    "ratio": beside["p99_ms"] / alone["p99_ms"]}
    return measure


# ---- watches ----

def watched(peer, **flags):
    extra = ["--ping-interval=0ms"] if issubclass(peer, Tidewatch) else []
    with (peer(flags=extra) if extra else peer()) as server:
        return load("watchload", server, **{**flags, **({"http": 1} if peer is Bare else {}),
                                            **({"kind": server.asks.get("kind")}
                                               if not issubclass(peer, Tidewatch) else {})})


def beyond_the_first(peer, r, flags):
    """What a delivery costs besides the write and the first one: the write is a request and a commit here, and next
    to nothing in the bare server."""
    if {"flood", "rate", "burst"} & set(flags):
        return {}
    alone = watched(peer, **{**flags, "watchers": 1, "events": 500})
    us = (r["server_us_an_event"] - alone["server_us_an_event"]) / (flags["watchers"] - 1)
    return {"server CPU us a delivery beyond the first": us}


def fan_out(peer, **flags):
    def measure():
        r = watched(peer, **flags)
        return {"deliveries/s": r["deliveries_per_s"],
                "server CPU us a delivery": r["server_us_a_delivery"],
                **beyond_the_first(peer, r, flags),
                "p50, ms": r["p50_ms"], "p99, ms": r["p99_ms"], "p99.9, ms": r["p999_ms"],
                "RSS a watch, KiB": r["rss_kib_a_watch"], "opening all, ms": r["open_ms"],
                "bytes a delivery": r["bytes_a_delivery"]}
    return measure


def fan_out_row(goal, peers, **flags):
    return Row(goal, {peer.name: fan_out(peer, **flags) for peer in installed(Tidewatch, *peers)})


NODE_PODS = "/api/v1/namespaces/default/pods"
POD = '"spec":{"nodeName":"node-0","containers":[{"name":"c","image":"i"}]}'


def selectors(watchers, events):
    def measure():
        with Tidewatch() as server:
            r = load("watchload", server, http=2, watchers=watchers, matching=1, events=events, write=NODE_PODS,
                     watch="/api/v1/pods?watch=1&resourceVersion=%r&fieldSelector=spec.nodeName%3Dnode-%d",
                     object=POD)
            return {f"N={watchers:,}: server CPU us an event": r["server_us_an_event"],
                    f"N={watchers:,}: p99, ms": r["p99_ms"]}
    return measure


def many_selectors(watchers, rate, events):
    """As kubelets: each of so many watches has a selector of its own, an event matches one."""
    def measure():
        with Tidewatch() as server:
            r = load("watchload", server, http=2, streams=200, watchers=watchers, matching=1, rate=rate, events=events,
                     write=NODE_PODS, watch="/api/v1/pods?watch=1&resourceVersion=%r&fieldSelector=spec.nodeName%3Dnode-%d",
                     object=POD)
            return {"p50, ms": r["p50_ms"], "p99, ms": r["p99_ms"], "server CPU us an event": r["server_us_an_event"],
                    "RSS of the server, MiB": r["rss_kib_a_watch"] * watchers / 1024, "opening all, ms": r["open_ms"]}
    return measure


def selectors_row(counts, events):
    def measure():
        row = {}
        for count in counts:
            row.update(selectors(count, events)())
        return row
    return Row("within 10 % from N = 10 to 10,000", {"tidewatch": measure})


def encode_once(each, events):
    """As many watchers in protobuf as in JSON, of one resource, on all loops."""
    def measure():
        with Tidewatch() as server:
            r = load("watchload", server, watchers=2 * each, protobuf=each, http=2, streams=200, events=events)
            row = {f"{each:,} + {each:,} watchers: {form}, encodings of {events} events": server.metric(
                "tidewatch_watch_events_encoded_total", f'format="{form}"') for form in ("json", "protobuf")}
            return {**row, "deliveries/s": r["deliveries_per_s"],
                    "server CPU us a delivery": r["server_us_a_delivery"]}
    return measure


def opening(watchers, elsewhere, **flags):
    def measure():
        with Tidewatch() as server:
            server.client().create("/api/v1/namespaces", {"metadata": {"name": "other"}})
            fill(server, elsewhere, write="/api/v1/namespaces/other/configmaps")
            r = load("watchload", server, watchers=watchers, hold=1, **flags)
        with Tidewatch() as server:  # what the objects' creates have given back would hide it
            alone = load("watchload", server, watchers=watchers, hold=1, **flags)
        return {f"opening {watchers:,} watches, {elsewhere:,} objects elsewhere, ms": r["open_ms"],
                "RSS a watch, KiB": alone["rss_kib_a_watch"],
                "kernel memory a watch, both ends, KiB": alone["kernel_kib_a_watch"]}
    return measure


def many(watchers, rate, events):
    def measure():
        with Tidewatch() as server:
            r = load("watchload", server, watchers=watchers, http=2, streams=200, rate=rate, events=events)
            return {"p50, ms": r["p50_ms"], "p99, ms": r["p99_ms"], "deliveries/s": r["deliveries_per_s"],
                    "server CPU us a delivery": r["server_us_a_delivery"],
                    "RSS of the server, MiB": r["rss_kib_a_watch"] * watchers / 1024,
                    "opening all, ms": r["open_ms"]}
    return measure


def codec():
    return pick(run("bench_codec", os.path.join(HERE, "pod.json"), "1"), json_read_mb_per_s="JSON into a tree, MB/s",
                json_write_mb_per_s="a tree into JSON, MB/s", protobuf_write_mb_per_s="a tree into protobuf, MB/s",
                protobuf_read_mb_per_s="protobuf into a tree, MB/s")


def informer_of(form, objects, events):
    """The C client on tidewatch: the writers bound the events a second, the client's CPU an event does not depend on them."""
    def measure():
        with Tidewatch() as server:
            fill(server, objects)
            client = subprocess.Popen(command("informerload", url=f"http://127.0.0.1:{server.port}", form=form, mode="stream",
                                              objects=objects, events=events),
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            if client.stdout.readline() != "synced\n":
                raise SystemExit("informerload did not sync")
            sent = server.metric("tidewatch_watch_bytes_total")
            client.stdin.write("\n")
            client.stdin.flush()
            load("writeload", server, op="update", writers=100, count=events, size=1024)
            r = json.loads(client.stdout.readline())
            client.wait()
            wire = (server.metric("tidewatch_watch_bytes_total") - sent) / events
            return {f"ms to sync {objects:,} objects": r["sync_ms"], "client CPU ms to sync": r["sync_cpu_ms"],
                    "client CPU us an event": r["event_cpu_us"], "bytes an event": wire,
                    "MB/s of events a core of the client": wire / r["event_cpu_us"]}
    return measure


def informer(size, **flags):
    """The C client: informerload starts a server of its own."""
    def measure():
        r = run("informerload", size=size, **flags)
        return {f"ms to sync {r['objects']:,} objects": r["sync_ms"], "bytes held an object": r["bytes_per_object"],
                "events/s": r["events_per_s"], "client CPU us an event": r["event_cpu_us"],
                "bytes an event": r["bytes_per_event"],
                "MB/s of events a core of the client": r["bytes_per_event"] / r["event_cpu_us"],
                "CPU ns a get": r["get_ns"], "CPU ms a walk": r["walk_ms"]}
    return measure


def one(goal, measure):
    return Row(goal, {"tidewatch": measure})


def all_rows(quick):
    """{name: Row}, in the order of the table."""
    part = (lambda full, short: short) if quick else (lambda full, short: full)
    below = "<= 1.10 x bare, below nchan"
    rows = {
        "start": Row("<= 10 ms, <= 8 MB", {"tidewatch": start, **{
            p.name: start_kube_apiserver for p in installed(KubeApiserver)}}),
        "restart": one("<= 1 s; <= 1.6 x the bytes + 20 MB", lambda: restart(100_000), 1),
        "stop": one("<= 100 ms", lambda: stop_with_watches(10_000)),
    }
    rows["codec"] = one("a 4 KB Pod: read >= 1.5 GB/s, write >= 2 GB/s", codec)
    for writers, count in ((1, part(10_000, 2000)), (10, part(40_000, 10_000)),
                           (100, part(100_000, 40_000)), (1000, part(100_000, 40_000))):
        rows[f"create-{writers}"] = create_row(writers, count, ">= 2 x etcd, >= 0.8 x bare sqlite"
                                               + ("; p99 <= 2 fsyncs" if writers == 100 else ""))
    # a quarter of what they could: what a write waits for when nobody stands in its way
    rows["create-100-paced"] = create_row(100, part(50_000, 10_000), "p99 <= 2 fsyncs", group=1, parts=((Etcd, 2),), rate=5000)
    rows["create-h2-100"] = one("", writes(Tidewatch, 100, part(100_000, 40_000), write_http=2))
    rows["update-100"] = one("", writes(Tidewatch, 100, part(100_000, 40_000), op="update"))
    rows["patch-100"] = one("", writes(Tidewatch, 100, part(100_000, 40_000), op="patch"))
    rows["growth"] = one("within 1.3 x", growth(part(1_000_000, 100_000)), 1)
    rows["get-h1"] = Row(">= 1.1 x nginx", {p.name: get(p, part(200_000, 100_000))
                                            for p in installed(Tidewatch, Nginx, Bare)})
    rows["get-h2"] = Row(">= 1.1 x nginx", {
        "tidewatch": get(Tidewatch, part(200_000, 100_000), http=2),
        **{p.name: get(p, part(200_000, 100_000)) for p in installed(Nginx)}})
    rows["list-10000"] = one(">= 1 GB/s a core; <= 4 MB more", lists(10_000, part(100, 40)))
    rows["list-100000"] = one(">= 1 GB/s a core; <= 4 MB more", lists(100_000, part(20, 8)), 1)
    rows["list-pages"] = one("", lists(10_000, part(100, 40), path=CONFIGMAPS + "?limit=500", pages=1))
    rows["list-gzip"] = one("", lists(10_000, part(50, 20), gzip=1))
    rows["list-writes"] = one("<= 1.2 x", lists_beside_writes(10_000, part(10, 4)))
    rows["resume"] = one(">= 300,000 events/s", resume(part(1_000_000, 200_000)), 1)
    rows["resume-live"] = one("<= 1.2 x", resume_beside(part(1_000_000, 200_000)))
    for n, events in ((100, part(2000, 500)), (1000, part(500, 100)), (10_000, part(50, 15))):
        peers, slow = [Bare, Nginx, Nats, Etcd], [KubeApiserver] if n == 1000 else []
        rows[f"watch-h1-{n}"] = fan_out_row(below, peers, watchers=n, events=events)
        rows[f"watch-h2-{n}"] = fan_out_row("<= 0.15 x bare", [Bare], watchers=n, events=2 * events, http=2)
        rows[f"watch-tls-h1-{n}"] = Row("below nchan with TLS", {
            p.name: fan_out(p, watchers=n, events=events) for p in installed(TidewatchTls, NginxTls, *slow)})
        rows[f"watch-tls-h2-{n}"] = Row("<= 1/5 of kube-apiserver's", {
            p.name: fan_out(p, watchers=n, events=2 * events, http=2) for p in installed(TidewatchTls, *slow)})
    rows["flood-h1-1000"] = Row("<= 1.15 x bare with 10 events a write", {
        "tidewatch": fan_out(Tidewatch, watchers=1000, events=part(5000, 2000), flood=1),
        "bare": fan_out(Bare, watchers=1000, events=part(5000, 2000), burst=10)})
    rows["flood-h2-1000"] = one(">= 2,000,000/s a core", fan_out(
        Tidewatch, watchers=1000, events=part(5000, 2000), flood=1, http=2))
    rows["watch-events-1000"] = one("", fan_out(Tidewatch, watchers=1000, events=part(500, 100), kind="events"))
    rows["watch-websocket-1000"] = one("<= 1.0 KiB", fan_out(
        Tidewatch, watchers=1000, events=part(500, 100), kind="websocket"))
    rows["encode-once"] = one("once a format", encode_once(10_000, part(100, 30)), 1)
    rows["latency-1000"] = fan_out_row("<= 1/3 of etcd's and kube-apiserver's p99", [Etcd, KubeApiserver], watchers=1000,
                                       rate=100, events=part(1000, 300))
    rows["selectors"] = selectors_row((10, 1000, 10_000), part(2000, 300))
    rows["open-10000"] = one("<= 1 s; <= 0.6 KiB", opening(10_000, 100_000), 1)
    rows["open-h2-10000"] = one("<= 1.2 KiB", opening(10_000, 1000, http=2))
    rows["open-websocket-10000"] = one("<= 1.0 KiB", opening(10_000, 1000, kind="websocket"))
    rows["watchers-100000"] = one("held", many(100_000, part(10, 4), part(100, 12)), 1)
    rows["watchers-100000-selectors"] = one("held at 100 writes/s", many_selectors(100_000, 100, part(3000, 1000)), 1)
    rows["watchers-1000000"] = one("", many(1_000_000, 1, part(10, 4)), 1)
    for size in (1024, 4096):
        rows[f"informer-{size}"] = one("100,000 objects in <= 1 s; >= 800 MB/s", informer(size), 1)
    for form, goal in (("json", ">= 800 MB/s"), ("protobuf", ">= 500 MB/s")):
        rows[f"informer-{form}"] = one(goal, informer_of(form, 100_000, part(200_000, 50_000)), 1)
        # Events as fast as the socket, a handler told each: what the client can, not what a server's commits bring.
        for size, name in ((1024, f"informer-full-{form}"), (4096, f"informer-full-{form}-4096")):
            rows[name] = one(goal, informer(size, form=form, mode="stream", handlers=1), 1)
    return rows
