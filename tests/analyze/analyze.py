"""gcc -fanalyzer, clang-tidy and cppcheck over our sources: what they find is mended, or explained in explained.txt.

    analyze.py BUILD_DIR [FILE ...]      BUILD_DIR has compile_commands.json; without FILE, all of our sources

Fails for a finding that is not explained, and for an explanation of nothing.
"""
import collections
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import time

FOLDERS = ("base/", "codec/", "storage/", "apiserver/", "client-go-like/")
EXPLAINED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "explained.txt")
GCC_BOUND_S = 600  # the analyzer of gcc has no bound of its own

Finding = collections.namedtuple("Finding", "check file line text message")
LINE = re.compile(r"^(?P<file>[^\s:]+):(?P<line>\d+):(?:\d+:)? (?:warning|error): (?P<message>.*) "
                  r"\[(?P<check>[\w.,=+-]+)\]$")


def sources(build, chosen):
    """Each of our files, with the preprocessor's part of its command."""
    found = {}
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        commands = json.load(f)
    for command in commands:
        name = os.path.relpath(command["file"])
        if name.startswith(FOLDERS) and (not chosen or name in chosen):
            words = shlex.split(command["command"])
            flags = [word for word in words if word.startswith(("-I", "-D", "-U", "-std"))]
            for at, word in enumerate(words):
                if word == "-isystem":
                    flags += words[at:at + 2]
            found[name] = [flag for flag in flags if not flag.startswith("-D_FORTIFY_SOURCE")]
    return found


def source_line(name, number):
    with open(name, encoding="utf-8") as f:
        return f.read().split("\n")[number - 1].strip()


def findings_of(output):
    for line in output.split("\n"):
        match = LINE.match(line)
        name = os.path.relpath(match["file"]) if match else ""
        if name.startswith(FOLDERS):
            number = int(match["line"])
            yield Finding(match["check"], name, number, source_line(name, number), match["message"])


def run(tool, name, arguments, bound=None):
    try:
        done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              timeout=bound)
    except subprocess.TimeoutExpired:
        return [Finding(tool, name, 1, "", f"not done within {bound} s")]
    found = list(findings_of(done.stdout))
    if done.returncode != 0 and not found:
        found.append(Finding(tool, name, 1, "", done.stdout.strip()))
    return found


def gcc(name, flags):
    return run("gcc", name, ["gcc", *flags, "-O1", "-fanalyzer", "-fdiagnostics-plain-output", "-S", "-o", "/dev/null",
                             name], GCC_BOUND_S)


def clang_tidy(name, flags):
    return run("clang-tidy", name, ["clang-tidy", "--quiet", name, "--", *flags])


def cppcheck(name, flags):
    ours = [flag for flag in flags if flag.startswith("-D")] + ["-I."]
    return run("cppcheck", name, ["cppcheck", "--quiet", "--enable=warning,portability,performance", "--std=c11", "--inline-suppr",
                                  "--template={file}:{line}: warning: {message} [{id}]",
                                  "--suppress=missingInclude", "--suppress=missingIncludeSystem", *ours, name])


def explanations():
    """Rows of explained.txt: check, file (or *), a part of the line (or *); why stands above in `#` lines."""
    with open(EXPLAINED, encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                yield tuple(line.rstrip("\n").split(None, 2))


def explains(row, finding):
    check, name, text = row
    return check == finding.check and name in ("*", finding.file) and (text == "*" or text in finding.text)


def main():
    began = time.monotonic()
    files = sources(sys.argv[1], set(sys.argv[2:]))
    jobs = [(tool, name, flags) for name, flags in sorted(files.items()) for tool in (gcc, clang_tidy, cppcheck)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = set()
        for some in pool.map(lambda job: job[0](*job[1:]), jobs):
            found.update(some)
    rows = list(explanations())
    unexplained = sorted(finding for finding in found if not any(explains(row, finding) for row in rows))
    for finding in unexplained:
        print(f"{finding.file}:{finding.line}: {finding.message} [{finding.check}]\n    {finding.text}")
    unused = [row for row in rows if not any(explains(row, finding) for finding in found)] if len(sys.argv) == 2 else []
    for row in unused:
        print(f"{EXPLAINED}: explains nothing: {' '.join(row)}")
    print(f"{len(files)} files: {len(found)} findings, {len(found) - len(unexplained)} of them explained, "
          f"{len(unexplained)} not; {len(unused)} explanations of nothing; {time.monotonic() - began:.0f} s")
    return 1 if unexplained or unused else 0


if __name__ == "__main__":
    sys.exit(main())
