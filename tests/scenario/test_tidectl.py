"""tidectl and the C reflector against the real server: the same words and columns as kubectl's, and a
watch that goes on when the server is killed."""
import json
import os
import re
import select
import subprocess
import unittest

from tidewatch import BUILD, CONFIGMAPS, PATIENCE_S, Server, configmap, main, wait_for

TIDECTL = os.path.join(BUILD, "tidectl")
WATCH = os.path.join(BUILD, "examples", "example-watch")
CRD = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "tides.example.com"},
       "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "tides", "kind": "Tide", "shortNames": ["td"]},
                "versions": [{"name": "v1", "served": True, "storage": True,
                              "additionalPrinterColumns": [{"name": "Metres", "type": "integer", "jsonPath": ".spec.metres"}],
                              "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}


class Lines:
    """The output of a program, as it comes."""

    def __init__(self, test, *args, env):
        self.test = test
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        self.text = {self.process.stdout: "", self.process.stderr: ""}
        test.addCleanup(self.end)

    def until(self, word, stream=None):
        stream = stream or self.process.stdout
        while word not in self.text[stream]:
            ready, _, _ = select.select([stream], [], [], PATIENCE_S)
            piece = os.read(stream.fileno(), 65536) if ready else b""
            if not piece:
                self.test.fail(f"no {word!r} in {self.text}")
            self.text[stream] += piece.decode()
        return self.text[stream]

    def end(self):
        if self.process.returncode is None:
            self.process.terminate()
            self.process.communicate(timeout=PATIENCE_S)


class Tidectl(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.client = self.server.client()
        self.env = dict(os.environ, KUBECONFIG=self.server.kubeconfig, HOME=self.server.folder)

    def t(self, *args, stdin=None, code=0):
        done = subprocess.run([TIDECTL, *args], env=self.env, input=stdin, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, code, f"tidectl {' '.join(args)}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def make(self, name, **data):
        self.assertEqual(self.client.create(CONFIGMAPS, configmap(name, data)).code, 201)

    def test_get_in_every_form(self):
        self.make("forms", k="v")
        self.assertRegex(self.t("get", "cm"), r"^NAME +DATA +AGE\nforms +1 +\d+s\n$")
        self.assertRegex(self.t("get", "configmaps", "-A"), r"^NAMESPACE +NAME +DATA +AGE\ndefault +forms ")
        self.assertEqual(self.t("get", "cm", "forms", "-o", "name"), "configmap/forms\n")
        self.assertEqual(json.loads(self.t("get", "cm", "forms", "-o", "json"))["data"], {"k": "v"})
        self.assertIn("\n  name: forms\n", self.t("get", "cm", "forms", "-o", "yaml"))
        self.assertRegex(self.t("get", "ns", "-o", "wide"), r"default +Active")
        self.assertEqual(self.t("get", "cm", "-l", "a=b"), "No resources found in default namespace.\n")
        self.assertEqual(self.t("get", "cm", "nope", code=1), 'Error from server (NotFound): configmaps "nope" not found\n')

    def test_create_apply_delete(self):
        body = json.dumps(configmap("made", {"k": "1"}))
        self.assertEqual(self.t("create", "-f", "-", stdin=body), "configmap/made created\n")
        self.t("delete", "configmap", "made")
        self.assertEqual(self.t("apply", "-f", "-", stdin=body), "configmap/made created\n")
        self.assertEqual(self.t("apply", "-f", "-", stdin=body), "configmap/made unchanged\n")
        self.assertEqual(self.t("apply", "-f", "-", stdin=body.replace('"1"', '"2"')), "configmap/made configured\n")
        self.assertEqual(self.client.get(CONFIGMAPS + "/made").json["data"], {"k": "2"})
        self.assertEqual(self.t("delete", "-f", "-", stdin=body), 'configmap "made" deleted\n')

    def test_a_custom_resource(self):
        self.t("apply", "-f", "-", stdin=json.dumps(CRD))
        self.assertRegex(self.t("api-resources"), r"tides +td +example.com/v1 +true +Tide")
        self.t("apply", "-f", "-", stdin='{"apiVersion":"example.com/v1","kind":"Tide","metadata":{"name":"high"},"spec":{"metres":4}}')
        self.assertEqual(self.t("get", "td"), "NAME   METRES\nhigh   4\n")

    def test_watch_goes_on_when_the_server_is_killed(self):
        self.make("first")
        lines = Lines(self, TIDECTL, "get", "cm", "-w", env=self.env)
        lines.until("first")
        wait_for(lambda: self.server.metric("apiserver_longrunning_requests") > 0, "the watch")
        self.make("second")
        lines.until("second")
        self.server.kill()
        self.server.start()
        self.client = self.server.client()
        self.make("third")
        text = lines.until("third")
        self.assertEqual([line.split()[0] for line in text.splitlines()], ["NAME", "first", "second", "third"])
        lines.until("going on from resourceVersion", lines.process.stderr)

    def test_the_reflector_ends_with_the_servers_state_after_crashes(self):
        self.make("kept")
        lines = Lines(self, WATCH, "configmaps", "default", env=self.env)
        lines.until("added kept")
        for n in range(2):
            self.make(f"made{n}")
            self.server.kill()
            self.server.start()
            self.client = self.server.client()
            self.assertEqual(self.client.call("PUT", f"{CONFIGMAPS}/made{n}", configmap(f"made{n}", {"n": "1"})).code, 200)
            self.assertEqual(self.client.call("DELETE", f"{CONFIGMAPS}/made{n}").code, 200)
        self.make("the-end")
        lines.until("added the-end")
        # A relist tells what it added before what is gone: an event after it comes after both.
        self.assertEqual(self.client.call("DELETE", f"{CONFIGMAPS}/the-end").code, 200)
        text = lines.until("deleted the-end")
        # A watch that breaks before it is answered is followed by a new list (client-go's rule), which
        # shows no object that came and went meanwhile. What was shown must have ended.
        for n in range(2):
            seen = re.findall(rf"(\w+) made{n}\n", text)
            self.assertEqual(seen.count("added"), seen.count("deleted"), text)
            self.assertTrue(not seen or (seen[0], seen[-1]) == ("added", "deleted"), text)
        self.assertEqual(text.count("added kept"), 1, text)


if __name__ == "__main__":
    main()
