"""HTTP/2 server push, by nghttp: each event comes as PUSH_PROMISE and answer of its object's URL; who
takes no pushes is told inline."""
import json
import re
import select
import shutil
import subprocess
import unittest

from tidewatch import CONFIGMAPS, PATIENCE_S, Server, configmap, main

WATCH = f"{CONFIGMAPS}?watch=true&push=true"


class Push(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("nghttp"):
            print("skipped: no nghttp here")
            raise SystemExit(77)
        cls.server = Server(storage="memory")
        cls.addClassCleanup(cls.server.close)

    def nghttp(self, query, *flags):
        return subprocess.Popen(["nghttp", *flags, f"{self.server.url}{WATCH}&{query}"], stdout=subprocess.PIPE)

    def read_until(self, process, needle, text=b""):
        while needle not in text:
            ready, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
            some = process.stdout.read1(65536) if ready else b""
            self.assertTrue(some, f"{needle} did not come: {text}")
            text += some
        return text

    def test_objects_are_pushed_for_their_own_urls(self):
        client = self.server.client()
        since = client.get(CONFIGMAPS).rv
        watch = self.nghttp(f"resourceVersion={since}&timeoutSeconds=20", "-nv", "--no-dep")
        try:
            self.read_until(watch, b":status: 200")
            for name in ("one", "two"):
                self.assertEqual(client.create(CONFIGMAPS, configmap(name)).code, 201)
                text = self.read_until(watch, f"{CONFIGMAPS}/{name}".encode())
                text = self.read_until(watch, b"; END_STREAM", text.split(b"PUSH_PROMISE")[-1])
            text = re.sub(rb"\x1b\[[0-9;]*m", b"", text)
            self.assertIn(b":status: 200", text)
            self.assertIn(b"content-type: application/json", text)
        finally:
            watch.kill()
            watch.communicate()
        client.connection.close()

    def test_a_deleted_object_is_a_pushed_404(self):
        client = self.server.client()
        self.assertEqual(client.create(CONFIGMAPS, configmap("gone")).code, 201)
        since = client.get(CONFIGMAPS).rv
        watch = self.nghttp(f"resourceVersion={since}&timeoutSeconds=20", "-nv", "--no-dep")
        try:
            self.read_until(watch, b":status: 200")
            self.assertEqual(client.call("DELETE", f"{CONFIGMAPS}/gone").code, 200)
            text = self.read_until(watch, b":status: 404")
            self.assertIn(f"{CONFIGMAPS}/gone".encode(), text)
        finally:
            watch.kill()
            watch.communicate()
        client.connection.close()

    def test_the_stream_itself_names_each_event_in_order(self):
        client = self.server.client()
        since = client.get(CONFIGMAPS).rv
        made = [client.create(CONFIGMAPS, configmap(f"named-{n}")).rv for n in range(100)]
        watch = self.nghttp(f"resourceVersion={since}&timeoutSeconds=1&labelSelector=!none", "--no-dep")
        told, _ = watch.communicate(timeout=PATIENCE_S)
        # nghttp prints bodies as they come, pushed ones among them; lines are whole frames
        lines = [json.loads(line) for line in told.decode().splitlines() if line.startswith('{"type":')]
        lines = [line for line in lines if "/named-" in line["url"]]
        self.assertEqual([line["url"] for line in lines], [f"{CONFIGMAPS}/named-{n}" for n in range(100)])
        self.assertEqual([int(line["resourceVersion"]) for line in lines], made)
        client.connection.close()

    def inline(self, *flags):
        done = subprocess.run(["curl", "-sSiN", "--max-time", str(PATIENCE_S), *flags,
                               f"{self.server.url}{WATCH}&timeoutSeconds=1"], stdout=subprocess.PIPE)
        self.assertEqual(done.returncode, 0)
        head, body = done.stdout.replace(b"\r\n", b"\n").split(b"\n\n", 1)
        self.assertIn(b"tidewatch-push: inline", head)
        self.assertIn("object", json.loads(body.splitlines()[0]))

    def test_who_takes_no_pushes_is_told_inline(self):
        client = self.server.client()
        client.create(CONFIGMAPS, configmap("inline"))
        self.inline()
        self.inline("--http2-prior-knowledge")
        client.connection.close()

    def test_only_whole_objects_are_pushed(self):
        client = self.server.client()
        answer = client.get(WATCH, Accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        self.assertEqual((answer.code, answer.json["message"]), (400, "push is for whole objects"))
        client.connection.close()


if __name__ == "__main__":
    main()
