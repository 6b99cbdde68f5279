"""An operator checks, copies and brings back a store: while it is served, and when it is damaged."""
import json
import os
import shutil
import subprocess
import threading
import unittest

from tidewatch import CONFIGMAPS, PATIENCE_S, Server, Watch, configmap, main, outcome

class Backup(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.client = self.server.client()
        self.data = os.path.join(self.server.folder, "data")
        self.file = os.path.join(self.server.folder, "copy")

    def make(self, count, prefix="a"):
        for n in range(count):
            self.assertEqual(self.client.create(CONFIGMAPS, configmap(f"{prefix}{n}", {"n": str(n)})).code, 201)

    def names(self):
        return {item["metadata"]["name"] for item in self.client.get(CONFIGMAPS).json["items"]}

    def backup(self):
        code, text = outcome("backup", f"--data-dir={self.data}", self.file)
        self.assertEqual(code, 0, text)

    def restart_from_the_backup(self):
        self.server.kill()
        shutil.rmtree(self.data)
        code, text = outcome("restore", f"--data-dir={self.data}", self.file)
        self.assertEqual(code, 0, text)
        self.server.start()
        self.client = self.server.client()

    def test_a_backup_taken_while_writes_go_on_is_one_moment_of_the_store(self):
        """Writers write a0, a1, ..; a copy that has aN has all before it."""
        stop, wrote = threading.Event(), threading.Event()

        def write():
            client, n = self.server.client(), 0
            while not stop.is_set():
                client.create(CONFIGMAPS, configmap(f"a{n}", {"text": "x" * 2000}))
                n += 1
                if n == 200:
                    wrote.set()

        writer = threading.Thread(target=write)
        writer.start()
        self.assertTrue(wrote.wait(PATIENCE_S))
        self.backup()
        stop.set()
        writer.join()
        self.restart_from_the_backup()
        names = self.names()
        self.assertGreaterEqual(len(names), 200)
        self.assertEqual(names, {f"a{n}" for n in range(len(names))})

    def test_a_restored_store_goes_on_above_every_revision_that_anyone_saw(self):
        self.make(2)
        self.backup()
        self.make(3, "later")
        seen = self.client.get(CONFIGMAPS).rv
        self.restart_from_the_backup()
        self.assertEqual(self.names(), {"a0", "a1"})
        self.assertGreater(self.client.get(CONFIGMAPS).rv, seen)
        watch = Watch(self.server.port, f"{CONFIGMAPS}?watch=true&resourceVersion={seen}")
        self.addCleanup(watch.close)
        self.assertEqual(watch.next()["object"]["reason"], "Expired")

    def test_a_backup_is_known_as_one_in_the_very_folder_that_it_came_from(self):
        """Copied by hand over the store that made it, with the lock file still there."""
        self.make(2)
        self.backup()
        self.make(3, "later")
        seen = self.client.get(CONFIGMAPS).rv
        self.server.kill()
        for name in os.listdir(self.data):
            if name.startswith("tidewatch.db") and not name.endswith(".lock"):
                os.unlink(os.path.join(self.data, name))
        shutil.copy(self.file, os.path.join(self.data, "tidewatch.db"))
        self.server.start()
        self.client = self.server.client()
        self.assertGreater(self.client.get(CONFIGMAPS).rv, seen)

    def test_verify_counts_what_is_there_and_sees_one_flipped_bit(self):
        self.make(50)
        code, text = outcome("verify", f"--data-dir={self.data}")
        self.assertEqual(code, 0, text)
        self.assertRegex(text, r"\d+ objects at revision \d+, \d+ stored changes, history from revision 0\n")
        self.backup()
        with open(self.file, "r+b") as f:
            data = f.read()
            at = data.index(b'"n":"33"') + 5
            f.seek(at)
            f.write(bytes([data[at] ^ 1]))
        code, text = outcome("verify", self.file)
        self.assertEqual(code, 1)
        self.assertIn("its checksum does not fit", text)
        code, text = outcome("restore", f"--data-dir={self.server.folder}/other", self.file)
        self.assertEqual(code, 1)
        self.assertEqual(os.listdir(f"{self.server.folder}/other"), [])

    def test_nothing_is_overwritten_and_nothing_in_use_is_replaced(self):
        self.make(1)
        self.backup()
        code, text = outcome("backup", f"--data-dir={self.data}", self.file)
        self.assertEqual((code, "exists already" in text), (1, True), text)
        code, text = outcome("restore", f"--data-dir={self.data}", self.file)
        self.assertEqual((code, "another process has the store" in text), (1, True), text)
        self.server.kill()
        code, text = outcome("restore", f"--data-dir={self.data}", self.file)
        self.assertEqual((code, "exists already" in text), (1, True), text)
        self.server.start()

    def test_a_store_with_a_missing_change_is_not_whole(self):
        self.make(5)
        self.backup()
        subprocess.run(["sqlite3", self.file, "DELETE FROM log WHERE rev = (SELECT max(rev) - 2 FROM log)"], check=True)
        code, text = outcome("verify", self.file)
        self.assertEqual((code, "it is missing" in text), (1, True), text)

    def test_what_is_no_store_is_refused_with_a_reason(self):
        with open(self.file, "w") as f:
            f.write("hello" * 1000)
        for args, code, words in ((("verify", self.file), 1, "cannot be read as a store"),
                                  (("verify", "/nowhere"), 1, "cannot read /nowhere"),
                                  (("backup",), 2, "usage: tidewatch backup"),
                                  (("verify", "a", "b"), 2, "usage: tidewatch verify"),
                                  (("frobnicate",), 2, "there is no command frobnicate")):
            got, text = outcome(*args)
            self.assertEqual((got, words in text), (code, True), text)


if __name__ == "__main__":
    main()
