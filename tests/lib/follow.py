"""Drives tests/fault/follow.c, a reflector whose every change is checked as it comes."""
import json
import os
import select
import subprocess

import tidewatch


class Follower:
    """`more`: "default" for the library's bounds in place of short ones; "list" for no streaming list, with those too."""

    def __init__(self, port, framing, transport, *more):
        self.process = subprocess.Popen(
            [os.path.join(tidewatch.BUILD, "tests", "follow"), f"http://127.0.0.1:{port}", framing, transport,
             *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def until(self, rv):
        self.process.stdin.write(f"until {rv}\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], 2 * tidewatch.PATIENCE_S + 60)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            raise AssertionError("the follower did not get there")
        return json.loads(line)

    def close(self):
        """Its exit code: a sanitizer's findings are there."""
        self.process.stdin.close()
        try:
            return self.process.wait(60)
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self.process.stdout.close()
