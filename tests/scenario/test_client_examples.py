"""The programs of client-go-like/examples do what they say, against a real server."""
import json
import os
import subprocess
import unittest

from tidewatch import BUILD, CONFIGMAPS, PATIENCE_S, Server, main, wait_for


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

    def test_a_custom_resource_is_a_generated_struct_over_protobuf_and_over_json(self):
        text = {"type": "string"}
        schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "captain": text, "crew": {"type": "array", "items": text}, "lengthCm": {"type": "integer"}}}}}
        numbered = {"tidewatch.dev/protobuf-field-numbers": json.dumps({"spec.captain": 1, "spec.crew": 2, "spec.lengthCm": 3})}
        for annotations in (numbered, {}):  # without numbers it is JSON for those who take it
            crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                   "metadata": {"name": "boats.example.com", "annotations": annotations},
                   "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "boats", "kind": "Boat"},
                            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}]}}
            with self.subTest(annotations=annotations), Server() as server:
                client = server.client()
                self.assertEqual(client.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd).code, 201)
                wait_for(lambda: client.get("/apis/example.com/v1/boats").code == 200, "the CRD to be served")
                done = run("example-typed", server.url)
                self.assertEqual((done.returncode, done.stdout), (0, "beagle: captain robert, crew of 2, 27.70 m\n"))
                boat = client.get("/apis/example.com/v1/namespaces/default/boats/beagle").json
                self.assertEqual(boat["spec"], {"captain": "robert", "crew": ["ada", "grace"], "lengthCm": 2770})


if __name__ == "__main__":
    main()
