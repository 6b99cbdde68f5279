"""The programs of client-go-like/examples do what they say, against a real server."""
import json
import os
import subprocess
import tempfile
import threading
import unittest

from tidewatch import BUILD, CONFIGMAPS, PATIENCE_S, Server, main, wait_for


def run(name, *args, **env):
    return subprocess.run([os.path.join(BUILD, "examples", name), *args], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=2 * PATIENCE_S, env=dict(os.environ, **env))


EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "client-go-like", "examples")
BEAGLE = "/apis/example.com/v1/namespaces/default/boats/beagle"


def make_boats(client, numbered):
    """The custom resource type of examples/boat.proto, with its numbers or without."""
    text = {"type": "string"}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "captain": text, "crew": {"type": "array", "items": text}, "lengthCm": {"type": "integer"}}}}}
    numbers = {"tidewatch.dev/protobuf-field-numbers": json.dumps({"spec.captain": 1, "spec.crew": 2, "spec.lengthCm": 3})}
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
           "metadata": {"name": "boats.example.com", "annotations": numbers if numbered else {}},
           "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "boats", "kind": "Boat"},
                    "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}]}}
    answer = client.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
    assert answer.code == 201, answer
    wait_for(lambda: client.get("/apis/example.com/v1/boats").code == 200, "the CRD to be served")


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

    def test_a_custom_resource_is_a_generated_struct_over_protobuf_and_over_json(self):
        for numbered in (True, False):  # without numbers it is JSON for those who take it
            with self.subTest(numbered=numbered), Server() as server:
                client = server.client()
                make_boats(client, numbered)
                done = run("example-typed", server.url)
                self.assertEqual((done.returncode, done.stdout), (0, "beagle: captain robert, crew of 2, 27.70 m\n"))
                boat = client.get(BEAGLE).json
                self.assertEqual(boat["spec"], {"captain": "robert", "crew": ["ada", "grace"], "lengthCm": 2770})

    def test_an_informers_handlers_see_the_generated_struct(self):
        with Server() as server:
            client = server.client()
            make_boats(client, numbered=True)
            self.assertEqual(run("example-typed", server.url).returncode, 0)
            program = subprocess.Popen([os.path.join(BUILD, "examples", "example-typed_informer"), server.url],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            guard = threading.Timer(4 * PATIENCE_S, program.kill)  # a hang is the end of its lines
            guard.start()
            lines = iter(program.stdout.readline, "")
            self.assertIn("found beagle: captain robert, crew of 2, 27.70 m\n", lines)
            boat = client.get(BEAGLE).json
            boat["spec"]["captain"] = "charles"
            self.assertEqual(client.call("PUT", BEAGLE, boat).code, 200)
            self.assertIn("changed beagle: captain charles, crew of 2, 27.70 m\n", lines)
            program.communicate()
            guard.cancel()
            self.assertEqual(program.returncode, 0)

    def test_the_informer_that_cannot_begin_says_why_and_leaves_nothing_behind(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as kubeconfig:
            kubeconfig.write("current-context: nowhere\n")
            kubeconfig.flush()
            done = run("example-informer", KUBECONFIG=kubeconfig.name)
        self.assertEqual(done.returncode, 1, done.stdout)  # a leak has another code
        self.assertIn("nowhere", done.stdout)

    def test_the_informer_is_20_lines_of_code(self):
        with open(os.path.join(EXAMPLES, "informer.c"), encoding="utf-8") as f:
            lines = [line.strip() for line in f]
        code = [line for line in lines if line and line not in "{}" and not line.startswith(("/*", "#include"))]
        self.assertLessEqual(len(code), 22, "an informer, its two handlers and the error are about 20 lines")


if __name__ == "__main__":
    main()
