"""Sums up by folder what gcovr says of each file (its JSON from stdin), and names what is below the bound.

    gcovr --json ... | report.py [FOLDER ...]      the folders' uncovered branches too, line by line
"""
import collections
import json
import sys

BOUND = 90.0
BOUND_FOLDERS = ("storage", "apiserver/watch", "codec")


def counts(entries):
    return sum(1 for entry in entries if entry["count"] > 0), len(entries)


def percent(taken, there):
    return 100.0 * taken / there if there else 100.0


def show_missing(files, folders):
    for file in files:
        if file["file"].rpartition("/")[0] not in folders:
            continue
        with open(file["file"], encoding="utf-8") as f:
            text = f.read().split("\n")
        for line in file["lines"]:
            taken, there = counts(line["branches"])
            if taken < there:
                number = line["line_number"]
                print(f"{file['file']}:{number}: {there - taken} of {there}: {text[number - 1].strip()}")


def main():
    files = json.load(sys.stdin)["files"]
    sums = collections.defaultdict(lambda: [0, 0, 0, 0])
    for file in files:
        code = [line for line in file["lines"] if not line["gcovr/noncode"]]
        lines = counts(code)
        branches = counts([branch for line in code for branch in line["branches"]])
        of = sums[file["file"].rpartition("/")[0]]
        of[:] = [a + b for a, b in zip(of, branches + lines)]
    show_missing(files, sys.argv[1:])
    print(f"{'folder':32}{'branches':>20}{'lines':>20}")
    below = []
    for folder, (taken, branches, run, lines) in sorted(sums.items()):
        share = percent(taken, branches)
        print(f"{folder:32}{taken:7} of {branches:5} {share:5.1f}%{run:7} of {lines:5} {percent(run, lines):5.1f}%")
        if folder in BOUND_FOLDERS and share < BOUND:
            below.append(folder)
    for folder in below:
        print(f"{folder}: less than {BOUND:.0f} % of its branches are taken", file=sys.stderr)
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
