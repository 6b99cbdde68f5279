#!/usr/bin/env python3
"""Measures, and prints the table of docs/benchmarks.md in Markdown; writes the plots beside it.

    ./dev bench [ROW ...] [--repeat=N] [--quick] [--no-plots]

A number is the median of the repeats, with the least and the most; behind a peer's stands how many
times it ours is.
"""
import argparse
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", "lib"), HERE]
os.environ.setdefault("TIDEWATCH_BUILD", os.path.join(ROOT, "build", "release"))
os.environ.setdefault("TIDEWATCH_PATIENCE", "120")

import rows as bench  # noqa: E402
import servers  # noqa: E402
import svg  # noqa: E402

PEERS = ["bare", "bare sqlite", "nginx", "nats", "etcd", "kube-apiserver"]
PLOTS = [("p99, ms", "Latency: write to receipt, p99", "ms"),
         ("RSS a watch, KiB", "Memory of an idle watch", "KiB"),
         ("deliveries/s", "Deliveries a second", "deliveries/s"),
         ("server CPU us a delivery", "CPU of the server a delivery", "us")]


def shown(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value or 0:.3g}"  # -0.0 is 0


def measure(row, repeat):
    """{contestant: {what: [numbers]}}, one round of all after another."""
    results = {name: {} for name in row.contestants}
    for _ in range(repeat):
        for name, contestant in row.contestants.items():
            for what, value in contestant().items():
                results[name].setdefault(what, []).append(value)
    return results


def print_row(name, row, results):
    for what, values in results["tidewatch"].items():
        ours = statistics.median(values)
        others = []
        for peer in PEERS:
            if what in results.get(peer, {}):
                theirs = statistics.median(results[peer][what])
                ratio = f" ({ours / theirs:.2f}x)" if theirs > 0 else ""
                others.append(f"{peer} {shown(theirs)}{ratio}")
        print(f"| {name} | {what} | {shown(ours)} | {shown(min(values))} .. {shown(max(values))} "
              f"| {', '.join(others)} | {row.goal} |", flush=True)


def write_plots(measured):
    """One file a quantity, with a line a server, against the number of watchers."""
    folder = os.path.join(ROOT, "docs", "bench")
    os.makedirs(folder, exist_ok=True)
    for what, title, unit in PLOTS:
        lines = {}
        for name, results in measured.items():
            kind, _, n = name.rpartition("-")
            if kind not in ("watch-h1", "watch-h2"):
                continue
            for peer, found in results.items():
                line = "tidewatch " + kind[-2:] if peer == "tidewatch" else peer
                if what in found and (kind == "watch-h1" or peer == "tidewatch"):
                    lines.setdefault(line, []).append((int(n), statistics.median(found[what])))
        lines = {name: points for name, points in lines.items() if len(points) > 1}
        if lines:
            file = what.split(",")[0].replace("/", "-per-").replace(" ", "-").lower() + ".svg"
            with open(os.path.join(folder, file), "w") as f:
                f.write(svg.plot(title, "watchers", unit, lines))


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="ROW", help="only these rows of the table")
    parser.add_argument("--repeat", type=int, metavar="N", help="rounds of each row (5, or 3 if --quick)")
    parser.add_argument("--quick", action="store_true", help="less of everything, in some ten minutes")
    parser.add_argument("--no-plots", action="store_true", help="leave docs/bench/ as it is")
    options = parser.parse_args()
    rows = bench.all_rows(options.quick)
    names = options.names or list(rows)
    unknown = [name for name in names if name not in rows]
    if unknown:
        raise SystemExit(f"no such row: {unknown[0]}; there are: {' '.join(rows)}")
    for peer, how in servers.missing():
        print(f"not measured: {peer} is not here ({how})", file=sys.stderr)
    measured, began = {}, time.monotonic()
    print("| row | what | median | least .. most | peers (ours is so many times theirs) | goal |\n"
          "|---|---|---|---|---|---|", flush=True)
    for name in names:
        measured[name] = measure(rows[name], options.repeat or (3 if options.quick else 5))
        print_row(name, rows[name], measured[name])
        print(f"{time.monotonic() - began:.0f} s: {name}", file=sys.stderr)
    if not options.no_plots:
        write_plots(measured)


if __name__ == "__main__":
    main()
