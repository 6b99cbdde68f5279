"""What is served is compared with what is stored, at one revision, while writes go on."""
import os
import subprocess
import unittest

from tidewatch import CONFIGMAPS, Server, configmap, main, wait_for

CHECKS = "apiserver_storage_consistency_checks_total"


class Consistency(unittest.TestCase):
    def setUp(self):
        self.server = Server(threads=2, flags=["--consistency-check-interval=20ms"])
        self.addCleanup(self.server.close)
        self.client = self.server.client()

    def checks(self, status):
        text = self.client.get("/metrics").body.decode()
        return next(int(line.split()[-1]) for line in text.splitlines()
                    if line.startswith(f'{CHECKS}{{status="{status}"}}'))

    def test_it_agrees_while_objects_come_change_and_go(self):
        before, n = self.checks("success"), 0
        while self.checks("success") < before + 20 or n < 200:
            path = f"{CONFIGMAPS}/a{n % 7}"
            self.client.create(CONFIGMAPS, configmap(f"a{n % 7}", {"n": str(n)}))
            self.client.call("PUT", path, configmap(f"a{n % 7}", {"n": str(-n)}))
            if n % 3 == 0:
                self.client.call("DELETE", path)
            n += 1
        self.assertEqual((self.checks("failure"), self.checks("error")), (0, 0))
        self.server.kill()
        self.server.start()
        self.client = self.server.client()
        wait_for(lambda: self.checks("success") >= 4, "checks of what was loaded")
        self.assertEqual((self.checks("failure"), self.checks("error")), (0, 0))

    def test_a_change_that_vanishes_from_the_disk_is_noticed(self):
        rv = self.client.create(CONFIGMAPS, configmap("gone")).rv
        subprocess.run(["sqlite3", "-cmd", ".timeout 20000", os.path.join(self.server.folder, "data", "tidewatch.db"),
                        f"DELETE FROM log WHERE rev = {rv}"], check=True, stdout=subprocess.DEVNULL)
        wait_for(lambda: self.checks("failure") > 0, "a failed check")
        self.assertIn("what is served differs from what is stored", self.server.read_log())


if __name__ == "__main__":
    main()
