"""What a crash at any call of the disk may leave of a store opens with all that was acknowledged; and the program that
looks at it (tests/fault/crash) sees what is wrong. The long form is `./dev crash-points`."""
import os
import random
import subprocess
import unittest

from tidewatch import BUILD, main

SANITIZED = os.path.basename(BUILD) in ("asan", "tsan")
PLANTED = {  # what is promised too early -> how that shows
    "synchronous-off": ("lost", "refused", "damaged", "wrong", "invented"),
    "synchronous-normal": ("lost", "refused"),
    "ack-early": ("lost",),
    "unsynced-checkpoint": ("lost", "refused", "damaged", "wrong", "invented"),
    "unsynced-lock": ("invented",),
    "unsynced-backup": ("copy",),
    "forgotten-run": ("invented",),
    "unsynced-creation": ("refused", "damaged"),
}


def crash_points(images, *args):
    seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
    done = subprocess.run([os.path.join(BUILD, "tests", "crash_points"), f"--images={images}", f"--seed={seed}", *args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


class CrashPoints(unittest.TestCase):
    def test_no_crash_loses_what_was_acknowledged(self):
        code, text, log = crash_points(60 if SANITIZED else 1000)
        print(text, end="")
        self.assertEqual(code, 0, text + log[-2000:])

    def test_each_bug_that_is_planted_is_seen(self):
        for bug, signs in list(PLANTED.items())[:2 if SANITIZED else None]:
            with self.subTest(bug):
                code, text, log = crash_points(100 if SANITIZED else 400, f"--plant={bug}")
                self.assertEqual(code, 1, text + log[-2000:])
                found = next(line for line in text.splitlines() if not line.startswith("seed "))  # each process has said it
                self.assertIn(found.split(":")[0], signs, text)


if __name__ == "__main__":
    main()
