"""A real kube-apiserver beside ours: the same programs on the C client see the same, by token and by certificate, in JSON
and in protobuf, over HTTP/1.1 and HTTP/2; and what it answers is what kube_answers.json says. Skipped where there is
none: tests/interop/README.md says how to get one. With --record it only writes kube_answers.json."""
import json
import os
import re
import signal
import subprocess
import sys
import unittest

import kube
import parity
from program import Program
from tidewatch import BUILD, CONFIGMAPS, PATIENCE_S, SecureServer, configmap, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
RECORD = os.path.join(HERE, "kube_answers.json")
LEASE = "/apis/coordination.k8s.io/v1/namespaces/default/leases/lead"
COPIES = CONFIGMAPS.replace("/default/", "/elsewhere/")


def example(name):
    return os.path.join(BUILD, "examples", "example-" + name)


def record(server):
    """A line a step, so that what changed from one version to the next can be read."""
    lines = [f"{json.dumps(name)}: {json.dumps(answer, sort_keys=True)}" for name, answer in parity.play(server, wait_for).items()]
    with open(RECORD, "w") as f:
        f.write("{\n" + ",\n".join(lines) + "\n}\n")


def plain(text):
    """A program's output without what no two runs share."""
    text = re.sub(r"\b\d+(ms|s|m)\b", "<age>", text)
    text = re.sub(r"loop-[a-z0-9]{5}", "loop-<random>", text)
    return [re.sub(r" +", " ", line).rstrip() for line in text.splitlines()]


class Story:
    """What is done to one server, and what is seen: `seen` must be the same for both."""

    def __init__(self, test, server, kubeconfig):
        self.test, self.server, self.kubeconfig, self.seen = test, server, kubeconfig, []
        self.client = server.client()
        test.addCleanup(self.client.close)
        self.env = dict(os.environ, KUBECONFIG=kubeconfig, HOME=server.folder)

    def note(self, *what):
        self.seen += what

    def call(self, method, path, body=None, **more):
        answer = self.client.call(method, path, body, **more)
        self.note(f"{method} {path}: {answer.code}")
        return answer

    def make(self, name, data=None, labels=None, path=CONFIGMAPS):
        self.call("POST", path, configmap(name, data, labels))

    def program(self, name, *args):
        return Program(self.test, example(name), *args, env=self.env)

    def lines(self, program, last):
        """Notes what it prints up to that line, but for what the real server makes itself, some time after its start."""
        begin = len(program.seen)
        program.until_line(last)
        self.note(*(line for line in program.seen[begin:] if " kube-system/" not in line))

    def run(self, *args, stdin=None):
        done = subprocess.run(args, env=self.env, input=stdin, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=2 * PATIENCE_S)
        self.note(" ".join([os.path.basename(args[0]), *args[1:]]), done.returncode, *plain(done.stdout))

    def clear(self):
        self.client.call("DELETE", CONFIGMAPS)
        self.client.call("DELETE", COPIES)
        self.client.call("DELETE", LEASE)


# ---- the stories ----

def changes(story):
    """Adds, changes and deletes, as one program after another prints them."""
    story.make("old")
    for name in ("watch", "informer"):
        program = story.program(name, "configmaps", "default")
        story.lines(program, "added old" if name == "watch" else "found default/old")
        story.make("new", {"a": "1"})
        story.call("PATCH", f"{CONFIGMAPS}/new", {"data": {"a": "2"}}, content_type="application/merge-patch+json")
        story.call("PATCH", f"{CONFIGMAPS}/new", {"data": {"a": "2"}}, content_type="application/merge-patch+json")
        story.call("DELETE", f"{CONFIGMAPS}/new")
        story.lines(program, "deleted new" if name == "watch" else "deleted default/new")
        if name == "informer":
            program.say("")
            story.note(program.process.wait(PATIENCE_S))
        program.end()


def controller(story):
    def is_copied(name, data):
        answer = story.client.get(f"{COPIES}/{name}")
        return answer.code == 200 and answer.json.get("data") == data

    story.client.create("/api/v1/namespaces", {"metadata": {"name": "elsewhere"}})
    story.make("before", {"a": "1"}, {"copy-to": "elsewhere"})
    story.make("private", {"a": "1"})
    program = story.program("controller")
    story.lines(program, "copying")
    wait_for(lambda: is_copied("before", {"a": "1"}), "what was there before")
    story.make("after", {"b": "1"}, {"copy-to": "elsewhere"})
    wait_for(lambda: is_copied("after", {"b": "1"}), "what came after")
    story.call("PUT", f"{CONFIGMAPS}/after", configmap("after", {"b": "2"}, {"copy-to": "elsewhere"}))
    wait_for(lambda: is_copied("after", {"b": "2"}), "a change")
    story.call("DELETE", f"{COPIES}/after")
    wait_for(lambda: is_copied("after", {"b": "2"}), "a copy made anew")
    story.note(sorted((o["metadata"]["name"], o["data"]) for o in story.client.get(COPIES).json["items"]))
    story.call("DELETE", f"{CONFIGMAPS}/after")
    story.call("PUT", f"{CONFIGMAPS}/before", configmap("before", {"a": "1"}))
    wait_for(lambda: story.client.get(COPIES).json["items"] == [], "the copies to go")
    wait_for(lambda: ("after", "Copied", "elsewhere") in [
        (e["involvedObject"]["name"], e["reason"], e["message"])
        for e in story.client.get("/api/v1/namespaces/default/events").json["items"]], "the event")
    story.note(program.end(signal.SIGTERM))


def election(story):
    first = story.program("leader_election", "default", "lead", "one")
    story.lines(first, "one leads")
    second = story.program("leader_election", "default", "lead", "two")
    story.lines(second, "the leader is one")
    first.process.send_signal(signal.SIGTERM)
    story.lines(first, "one has stopped")
    story.note(first.process.wait(PATIENCE_S))
    story.lines(second, "two leads")
    spec = story.client.get(LEASE).json["spec"]
    story.note({key: value for key, value in spec.items() if not key.endswith("Time")}, sorted(spec))
    story.note(second.end(signal.SIGTERM))


def objects(story):
    """But for the order of a patched map's keys, and for "created", which the event may outrun."""
    story.run(example("objects"))
    story.run(example("loop"))
    story.seen = [sorted(line.split()) if isinstance(line, str) else line for line in story.seen if line != "created: 201"]


def typed(story):
    text = {"type": "string"}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "captain": text, "crew": {"type": "array", "items": text}, "lengthCm": {"type": "integer"}}}}}
    story.client.create(parity.CRDS, {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "boats.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "boats", "kind": "Boat"},
                 "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}]}})
    wait_for(lambda: story.client.get("/apis/example.com/v1/boats").code == 200, "the CRD to be served")
    story.run(example("typed"))
    path = "/apis/example.com/v1/namespaces/default/boats/beagle"
    wait_for(lambda: story.client.get(path).code == 200, "the kind to be served")  # the real one takes it away for a moment
    story.note(story.client.get(path).json["spec"])
    story.client.call("DELETE", parity.CRDS + "/boats.example.com")
    wait_for(lambda: story.client.get(parity.CRDS + "/boats.example.com").code == 404, "the CRD to be gone")


def tidectl(story):
    program = os.path.join(BUILD, "tidectl")
    body = json.dumps(configmap("made", {"k": "1"}))
    watch = Program(story.test, program, "get", "cm", "-w", "--no-headers", "-o", "name", env=story.env)
    story.run(program, "get", "cm")
    story.run(program, "apply", "-f", "-", stdin=body)
    story.run(program, "apply", "-f", "-", stdin=body)
    story.run(program, "apply", "-f", "-", stdin=body.replace('"1"', '"2"'))
    story.run(program, "create", "-f", "-", stdin=body)
    story.run(program, "get", "cm", "made")
    story.run(program, "get", "cm", "made", "--show-labels", "--no-headers")
    story.run(program, "get", "cm", "made", "-o", "jsonpath={.data.k}")
    story.run(program, "get", "cm", "-l", "a=b")
    story.run(program, "get", "cm", "none")
    story.run(program, "get", "pods,svc", "-A", "-l", "none=here")
    story.run(program, "label", "cm", "made", "a=b")
    story.run(program, "annotate", "cm", "made", "c=d")
    story.run(program, "patch", "cm", "made", "-p", '{"data":{"k":"3"}}')
    story.run(program, "delete", "cm", "made")
    story.run(program, "delete", "cm", "made")
    story.run(program, "get", "ns", "default", "-o", "name")
    watch.until_line("configmap/made")
    story.note(watch.seen[0])
    watch.end()


def reflector(story):
    """A reflector of each framing over each transport follows twenty changes, in order."""
    for framing in ("json", "protobuf"):
        for transport in ("http1", "http2"):
            story.clear()
            program = Program(story.test, os.path.join(BUILD, "tests", "follow"), story.kubeconfig, framing, transport, "default",
                              env=story.env)
            for n in range(10):
                story.make(f"map-{n}", {"v": str(n)})
            for n in range(5):
                story.call("DELETE", f"{CONFIGMAPS}/map-{n}")
            last = story.client.create(CONFIGMAPS, configmap("last", {"v": "last"}))
            report = json.loads(program.ask(f"until {last.rv}", "{"))
            kept = {o["metadata"]["name"]: [o["metadata"]["resourceVersion"], o.get("data", {}).get("v", "")]
                    for o in story.client.get(CONFIGMAPS).json["items"]}
            story.note(framing, transport, report["wrong"], sorted(kept), report["objects"] == kept)
            program.process.stdin.close()
            story.note(program.process.wait(PATIENCE_S))


class Real(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.real = kube.KubeApiserver(*kube.find())
        cls.addClassCleanup(cls.real.close)

    def told(self, story, server, kubeconfig):
        told = Story(self, server, kubeconfig)
        told.clear()
        story(told)
        return told.seen

    def check(self, story):
        with SecureServer() as server:
            ours = self.told(story, server, server.kubeconfig)
        for kubeconfig in (self.real.kubeconfig, self.real.certificate_kubeconfig()):
            with self.subTest(os.path.basename(kubeconfig)):
                self.assertEqual(ours, self.told(story, self.real, kubeconfig))

    def test_a_watch_and_an_informer_see_the_same_changes(self):
        self.check(changes)

    def test_the_controller_makes_the_same_copies(self):
        self.check(controller)

    def test_leaders_are_elected_alike(self):
        self.check(election)

    def test_the_same_is_made_of_objects(self):
        self.check(objects)

    def test_a_typed_custom_resource_is_the_same(self):
        self.check(typed)

    def test_tidectl_says_the_same(self):
        self.check(tidectl)

    def test_a_reflector_follows_over_each_framing_and_transport(self):
        self.check(reflector)

    def test_the_record_of_answers_holds(self):
        with open(RECORD) as f:
            recorded = json.load(f)
        answers = parity.play(self.real, wait_for)
        for name, answer in answers.items():
            with self.subTest(name):
                self.assertEqual(recorded[name], answer)


if __name__ == "__main__":
    if kube.find() is None:
        print("skipped:", kube.ABSENT)
        raise SystemExit(77)
    if sys.argv[1:] == ["--record"]:
        with kube.KubeApiserver(*kube.find()) as server:
            record(server)
        raise SystemExit(0)
    unittest.main(verbosity=2, warnings="ignore")
