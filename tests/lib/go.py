"""Go programs of tests/interop, which are built with the modules that they name."""
import os
import shutil
import subprocess

INTEROP = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "interop")


def build(name):
    """The path of the program built from interop/`name`; None, with the reason said, if it cannot be built here."""
    cache, source = os.path.abspath(os.environ.get("TIDEWATCH_CACHE", "build/cache")), os.path.join(INTEROP, name)
    if shutil.which("go") is None:
        print("skipped: no go here")
        return None
    fetch = subprocess.run(["go", "mod", "download"], cwd=source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if fetch.returncode != 0:
        print("skipped: go cannot fetch the modules of Kubernetes:", fetch.stdout[-500:])
        return None
    os.makedirs(cache, exist_ok=True)
    program = os.path.join(cache, f"{name}.{os.getpid()}")
    subprocess.run(["go", "build", "-buildvcs=false", "-o", program, "."], cwd=source, check=True)
    return program
