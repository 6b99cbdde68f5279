"""The hot paths cost as many instructions as recorded, within 3 %: counted by callgrind on fixed input, so
the same on every run. `test_instructions.py --record` writes instructions.json anew, in the commit that
means to change a figure."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("TIDEWATCH_BUILD", os.path.join(os.getcwd(), "build", "release"))
PROGRAM = os.path.join(BUILD, "tests", "hot_paths")
RECORDED = os.path.join(HERE, "instructions.json")
WITHIN = 0.03
FEW, MANY = 20, 60


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def compiler():
    """What made the program: another compiler's figures cannot be compared."""
    comments = subprocess.run(["readelf", "-p", ".comment", PROGRAM], stdout=subprocess.PIPE, text=True, check=True).stdout
    return " ".join(sorted(set(re.findall(r"\] +(\S.*)", comments))))


def is_ours(path):
    """libc picks its functions by the machine's CPU, so it is left out; the libraries we call are not."""
    return not re.search(r"/(libc|ld-linux[^/]*|libpthread)[-.0-9]*\.so", path)


def count(path):
    """Instructions of all but libc, from a callgrind file: lines of self cost below the ob= they belong to."""
    total, ours, call, names = 0, True, False, {}
    with open(path) as f:
        for line in f:
            if line.startswith("ob="):
                number, _, name = line[3:].strip().partition(" ")
                ours = is_ours(names.setdefault(number, name))
            elif line.startswith("cob="):
                number, _, name = line[4:].strip().partition(" ")
                names.setdefault(number, name)
            elif line.startswith("calls="):
                call = True # the next line is the callee's cost
            elif line[0] in "0123456789+-*":
                if ours and not call:
                    total += int(line.split()[1])
                call = False
    return total


def run(path, times):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", PROGRAM, path, str(times)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout
        return count(out)


def cost(path):
    return round((run(path, MANY) - run(path, FEW)) / (MANY - FEW))


def measure():
    return {path: cost(path) for path in subprocess.run([PROGRAM], stdout=subprocess.PIPE, text=True, check=True).stdout.split()}


def is_near(now, was):
    return abs(now - was) <= WITHIN * was


def least(path, now, was):
    """A machine that others want may take so long that a loop breaks off to look at its clock: such a run only costs more."""
    for _ in range(3):
        if now <= was or is_near(now, was):
            break
        now = min(now, cost(path))
    return now


def record():
    with open(RECORDED, "w") as f:
        json.dump({"compiler": compiler(), "instructions": measure()}, f, indent=4)
        f.write("\n")


class Instructions(unittest.TestCase):
    def test_no_hot_path_costs_more_than_recorded_nor_much_less(self):
        with open(RECORDED) as f:
            recorded = json.load(f)
        if recorded["compiler"] != compiler():
            skip(f"recorded with {recorded['compiler']}, built with {compiler()}")
        wrong, now = [], measure()
        self.assertEqual(set(now), set(recorded["instructions"]))
        for path, was in recorded["instructions"].items():
            now[path] = least(path, now[path], was)
            print(f"{path}: {now[path]} instructions, recorded {was}")
            if not is_near(now[path], was):
                wrong.append(f"{path}: {now[path] / was - 1:+.1%}")
        self.assertEqual(wrong, [], "if it is meant: test_instructions.py --record")


if __name__ == "__main__":
    if shutil.which("valgrind") is None:
        skip("valgrind is not installed")
    if re.search("__[at]san_init", subprocess.run(["nm", "-D", PROGRAM], stdout=subprocess.PIPE, text=True, check=True).stdout):
        skip("a sanitizer build has other instructions")
    if sys.argv[1:] == ["--record"]:
        record()
    else:
        unittest.main(verbosity=2)
