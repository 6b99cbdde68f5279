"""The programs of client-go-like/examples do what they say, against a real server."""
import os
import subprocess
import unittest

from tidewatch import BUILD, CONFIGMAPS, PATIENCE_S, Server, main


def run(name, *args, **env):
    return subprocess.run([os.path.join(BUILD, "examples", name), *args], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=2 * PATIENCE_S, env=dict(os.environ, **env))


class Examples(unittest.TestCase):
    def test_a_watch_and_a_request_share_one_http2_connection_in_the_callers_loop(self):
        with Server() as server:
            before = server.metric("tidewatch_connections_total")
            done = run("example-loop", server.url)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertIn("ADDED loop-", done.stdout)
            self.assertEqual(server.metric("tidewatch_connections_total") - before, 2)  # one is the metric's own

    def test_objects_are_made_changed_applied_paged_and_deleted(self):
        with Server() as server:
            done = run("example-objects", server.url)
            self.assertEqual((done.returncode, done.stdout), (0, "objects-a: state=new\nobjects-b: state=old\n"
                                                                 "objects-c: state=new color=blue\n"))
            names = [o["metadata"]["name"] for o in server.client().get(CONFIGMAPS).json["items"]]
            self.assertNotIn("objects-a", names)


if __name__ == "__main__":
    main()
