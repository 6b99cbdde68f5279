"""What people do with kubectl, done with every kubectl there is: Debian's 1.20, and the one on the
PATH."""
import json
import os
import re
import select
import subprocess
import sys
import tempfile
import unittest

from tidewatch import CONFIGMAPS, PATIENCE_S, Server, main, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
KUBECTLS = [line for line in subprocess.run([os.path.join(HERE, "kubectls.sh")], stdout=subprocess.PIPE,
                                            text=True).stdout.split() if line]


def manifest(name):
    return os.path.join(HERE, "manifests", name)


class Kubectl:
    """Runs the tests of a subclass that names a kubectl."""

    path = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.home = tempfile.TemporaryDirectory(prefix="tidewatch-kubectl-")
        cls.addClassCleanup(cls.home.cleanup)
        version = json.loads(cls.run_in(cls, "version", "--client", "-o", "json").stdout)["clientVersion"]
        cls.minor = int(re.match(r"\d+", version["minor"]).group())
        print(f"kubectl {version['gitVersion']} at {cls.path}", file=sys.stderr)

    def environment(self):
        return dict(os.environ, HOME=self.home.name, KUBECONFIG=self.server.kubeconfig, KUBECACHEDIR=self.home.name + "/cache")

    def run_in(self, *args, stdin=None):
        return subprocess.run([self.path, *args], env=Kubectl.environment(self), input=stdin, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE_S * 2)

    def k(self, *args, stdin=None, code=0):
        done = self.run_in(*args, stdin=stdin)
        self.assertEqual(done.returncode, code, f"kubectl {' '.join(args)}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def make(self, name, **data):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"made": "here"}}, "data": data}
        return self.k("create", "-f", "-", stdin=json.dumps(body))

    def get(self, name, path="{.data.k}"):
        return self.k("get", "cm", name, "-o", "jsonpath=" + path)

    def test_get_in_every_form(self):
        self.assertEqual(self.make("forms", k="v"), "configmap/forms created\n")
        self.assertRegex(self.k("get", "cm", "forms"), r"^NAME +DATA +AGE\nforms +1 +\d+s\n$")
        self.assertRegex(self.k("get", "configmaps", "forms", "-o", "wide"), r"^NAME +DATA +AGE\n")
        self.assertEqual(self.k("get", "cm", "forms", "-o", "name"), "configmap/forms\n")
        self.assertEqual(json.loads(self.k("get", "cm", "forms", "-o", "json"))["data"], {"k": "v"})
        self.assertIn("\n  name: forms\n", self.k("get", "cm", "forms", "-o", "yaml"))
        self.assertEqual(self.get("forms"), "v")
        self.assertEqual(self.k("get", "cm", "forms", "-o", "go-template={{.metadata.name}}"), "forms")
        self.assertEqual(self.k("get", "cm", "forms", "-o", "custom-columns=N:.metadata.name,K:.data.k").split(),
                         ["N", "K", "forms", "v"])
        self.assertIn("made=here", self.k("get", "cm", "forms", "--show-labels"))
        self.assertIn("here", self.k("get", "cm", "forms", "-L", "made"))
        self.assertEqual(self.k("get", "cm", "-l", "made=nowhere"), "No resources found in default namespace.\n")
        self.assertIn('Error from server (NotFound): configmaps "nope" not found', self.k("get", "cm", "nope", code=1))

    def test_create_by_hand(self):
        """From 1.32 on kubectl sends these in protobuf."""
        for words, made in (("configmap hand --from-literal=a=b", "configmap/hand"),
                            ("secret generic hand --from-literal=p=q", "secret/hand"),
                            ("namespace hand", "namespace/hand"), ("serviceaccount hand", "serviceaccount/hand"),
                            ("deployment hand --image=nginx", "deployment.apps/hand"),
                            ("job hand --image=busybox", "job.batch/hand"), ("quota hand --hard=pods=3", "resourcequota/hand"),
                            ("service clusterip hand --tcp=80:80", "service/hand"),
                            ("role hand --verb=get --resource=pods", "role.rbac.authorization.k8s.io/hand")):
            self.assertEqual(self.k("create", *words.split()), made + " created\n")
        if self.minor >= 32:
            told = self.k("create", "configmap", "told", "-v=8")
            self.assertEqual(len(re.findall("Content-Type: application/vnd.kubernetes.protobuf", told)), 2, "sent and answered")
        self.assertEqual(self.k("get", "secret", "hand", "-o", "jsonpath={.data.p}"), "cQ==")
        self.assertEqual(self.k("run", "hand", "--image=nginx"), "pod/hand created\n")
        self.k("delete", "ns", "hand")

    def test_what_may_i_do_and_who_am_i(self):
        self.assertEqual(self.k("auth", "can-i", "create", "pods"), "yes\n")
        self.assertIn("*.*", self.k("auth", "can-i", "--list"))
        if self.minor >= 28:
            self.assertIn("system:anonymous", self.k("auth", "whoami"))

    def test_get_across_namespaces_and_in_chunks(self):
        for n in range(5):
            self.make(f"chunk{n}")
        self.assertRegex(self.k("get", "cm", "-A"), r"^NAMESPACE +NAME +DATA +AGE\n")
        chunked = self.k("get", "cm", "--chunk-size=2", "-o", "name").split()
        self.assertEqual(chunked, self.k("get", "cm", "-o", "name").split())
        self.assertGreaterEqual(len(chunked), 5)
        self.assertIn("chunk3", self.k("get", "cm", "--sort-by=.metadata.creationTimestamp"))
        self.assertRegex(self.k("get", "ns"), r"NAME +STATUS +AGE\ndefault +Active ")
        self.assertIn("kube-system", self.k("get", "ns,cm", "-A"))

    def lines_of(self, *args):
        process = subprocess.Popen([self.path, *args], env=self.environment(), stdout=subprocess.PIPE)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.returncode is None:
            process.kill()
            process.communicate()

    def read_until(self, process, word):
        seen = ""
        while word not in seen:
            ready, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
            piece = os.read(process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                self.fail(f"no {word!r} in what came: {seen!r}")
            seen += piece.decode()
        return seen

    def test_watch_shows_changes_as_they_happen(self):
        self.make("watched", k="1")
        for flags in (["-w"], ["--watch-only"], ["-w", "--output-watch-events"]):
            if "--output-watch-events" in flags and self.minor < 17:
                continue
            process = self.lines_of("get", "cm", *flags)
            if "--watch-only" not in flags:
                self.read_until(process, "watched")
            wait_for(lambda: self.server.metric("apiserver_longrunning_requests") > 0, "the watch")
            self.make("new-one")
            self.read_until(process, "new-one")
            self.k("delete", "cm", "new-one")
            if "--output-watch-events" in flags:
                self.read_until(process, "DELETED")
            self.end(process)
            wait_for(lambda: self.server.metric("apiserver_longrunning_requests") == 0, "the watch to end")

    def test_apply_created_changed_unchanged(self):
        path = manifest("deployment.yaml")
        self.assertEqual(self.k("apply", "-f", path), "deployment.apps/web created\n")
        self.assertEqual(self.k("apply", "-f", path), "deployment.apps/web unchanged\n")
        with open(path) as f:
            changed = f.read().replace("nginx:1.25", "nginx:1.27")
        diff = self.run_in("diff", "-f", "-", stdin=changed)
        self.assertEqual(diff.returncode, 1, diff.stderr)
        self.assertRegex(diff.stdout, r"(?m)^\+ *- image: nginx:1.27$")
        self.assertEqual(self.k("apply", "-f", "-", stdin=changed), "deployment.apps/web configured\n")
        images = self.k("get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[*].image}")
        self.assertEqual(images, "nginx:1.27 busybox:1.36")
        self.assertRegex(self.k("get", "deploy", "web"), r"NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +0/2 ")
        self.assertEqual(self.k("apply", "-f", "-", "--dry-run=server", stdin=changed), "deployment.apps/web unchanged (server dry run)\n")
        self.k("scale", "deploy", "web", "--replicas=5")
        self.assertEqual(self.k("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}"), "5")
        self.k("delete", "-f", path)

    def test_patch_in_three_ways(self):
        self.make("patched", k="0", x="y")
        self.k("patch", "cm", "patched", "--type=merge", "-p", '{"data":{"k":"1","x":null}}')
        self.assertEqual(self.get("patched", "{.data}").replace("map[k:1]", '{"k":"1"}'), '{"k":"1"}')
        self.k("patch", "cm", "patched", "--type=json", "-p", '[{"op":"replace","path":"/data/k","value":"2"}]')
        self.assertEqual(self.get("patched"), "2")
        self.k("patch", "cm", "patched", "-p", '{"data":{"k":"3"}}')
        self.assertEqual(self.get("patched"), "3")
        self.k("apply", "-f", manifest("deployment.yaml"))
        self.k("patch", "deploy", "web", "-p",
               '{"spec":{"template":{"spec":{"containers":[{"name":"sidecar","image":"busybox:1.37"}]}}}}')
        self.assertEqual(self.k("get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[*].image}").split(),
                         ["nginx:1.25", "busybox:1.37"])
        self.k("delete", "deploy", "web")

    def test_label_and_annotate(self):
        self.make("marked")
        self.assertEqual(self.k("label", "cm", "marked", "a=b"), "configmap/marked labeled\n")
        self.assertEqual(self.k("annotate", "cm", "marked", "c=d"), "configmap/marked annotated\n")
        self.k("label", "cm", "marked", "a-")
        meta = json.loads(self.k("get", "cm", "marked", "-o", "json"))["metadata"]
        self.assertEqual((meta.get("labels"), meta["annotations"]), ({"made": "here"}, {"c": "d"}))

    def test_replace_and_edit(self):
        self.make("replaced", k="1")
        body = json.loads(self.k("get", "cm", "replaced", "-o", "json"))
        body["data"]["k"] = "2"
        self.assertEqual(self.k("replace", "-f", "-", stdin=json.dumps(body)), "configmap/replaced replaced\n")
        self.assertIn("(Conflict)", self.k("replace", "-f", "-", stdin=json.dumps(dict(body, data={"k": "x"})), code=1))
        editor = os.path.join(self.home.name, "edit.sh")
        with open(editor, "w") as f:
            f.write("#!/bin/sh\nsed -i 's/k: \"2\"/k: \"3\"/' \"$1\"\n")
        os.chmod(editor, 0o755)
        os.environ["KUBE_EDITOR"] = editor
        self.assertEqual(self.k("edit", "cm", "replaced"), "configmap/replaced edited\n")
        self.assertEqual(self.get("replaced"), "3")

    def test_delete_one_and_all(self):
        self.k("create", "-f", "-", stdin='{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"doomed"}}')
        for n in range(3):
            self.k("-n", "doomed", "create", "-f", "-",
                   stdin=json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"d{n}"}}))
        self.assertEqual(self.k("-n", "doomed", "delete", "cm", "d0"), 'configmap "d0" deleted\n')
        self.assertEqual(self.k("-n", "doomed", "delete", "cm", "--all"), 'configmap "d1" deleted\nconfigmap "d2" deleted\n')
        self.k("-n", "doomed", "create", "-f", "-",
               stdin=json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "last"}}))
        self.assertEqual(self.k("delete", "ns", "doomed"), 'namespace "doomed" deleted\n')
        self.assertIn("NotFound", self.k("get", "ns", "doomed", code=1))
        self.assertEqual(self.server.client().get("/api/v1/namespaces/doomed/configmaps").json["items"], [])

    def test_wait(self):
        self.k("apply", "-f", manifest("deployment.yaml"))
        process = self.lines_of("wait", "deploy/web", "--for=condition=Available", "--timeout=30s")
        status = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
                  "status": {"observedGeneration": 1, "conditions": [{"type": "Available", "status": "True"}]}}
        path = "/apis/apps/v1/namespaces/default/deployments/web/status"
        wait_for(lambda: self.server.metric("apiserver_longrunning_requests") > 0, "kubectl wait")
        self.assertEqual(self.server.client().call("PUT", path, status).code, 200)
        self.assertEqual(process.communicate(timeout=PATIENCE_S)[0].decode(), "deployment.apps/web condition met\n")
        if self.minor >= 23:
            process = self.lines_of("wait", "deploy/web", "--for=jsonpath={.status.readyReplicas}=2", "--timeout=30s")
            wait_for(lambda: self.server.metric("apiserver_longrunning_requests") > 0, "kubectl wait")
            status["status"]["readyReplicas"] = 2
            self.server.client().call("PUT", path, status)
            self.assertEqual(process.communicate(timeout=PATIENCE_S)[0].decode(), "deployment.apps/web condition met\n")
        process = self.lines_of("wait", "deploy/web", "--for=delete", "--timeout=30s")
        wait_for(lambda: self.server.metric("apiserver_longrunning_requests") > 0, "kubectl wait")
        self.k("delete", "deploy", "web")
        self.assertIn("condition met", process.communicate(timeout=PATIENCE_S)[0].decode())

    def test_describe(self):
        self.make("described", k="v")
        text = self.k("describe", "cm", "described")
        self.assertRegex(text, r"Name: +described\nNamespace: +default\n")
        self.assertIn("Events:", text)

    def test_explain(self):
        self.assertIn("ConfigMap", self.k("explain", "configmap") if self.minor >= 29 else "ConfigMap")
        if self.minor >= 29:
            self.assertRegex(self.k("explain", "deployment.spec"), r"FIELD")

    def test_api_resources_and_versions(self):
        text = self.k("api-resources")
        for line in (r"configmaps +cm +v1 +true +ConfigMap", r"deployments +deploy +apps/v1 +true +Deployment",
                     r"customresourcedefinitions +crd,crds +apiextensions.k8s.io/v1 +false +CustomResourceDefinition"):
            self.assertRegex(text, line)
        self.assertIn("coordination.k8s.io/v1\n", self.k("api-versions"))

    def test_a_custom_resource_from_the_field(self):
        self.assertEqual(self.k("apply", "-f", manifest("certificates-crd.yaml")),
                         "customresourcedefinition.apiextensions.k8s.io/certificates.cert-manager.io created\n")
        self.k("wait", "crd/certificates.cert-manager.io", "--for=condition=Established", "--timeout=10s")
        self.assertEqual(self.k("apply", "-f", manifest("certificate.yaml")), "certificate.cert-manager.io/example-com created\n")
        self.assertEqual(self.k("apply", "-f", manifest("certificate.yaml")), "certificate.cert-manager.io/example-com unchanged\n")
        watch = self.lines_of("get", "certs", "-w")
        self.read_until(watch, "example-com")
        path = "/apis/cert-manager.io/v1/namespaces/default/certificates/example-com/status"
        answer = self.server.client().call("PATCH", path, {"status": {"conditions": [{"type": "Ready", "status": "True", "message": "Issued"}]}},
                                           content_type="application/merge-patch+json")
        self.assertEqual(answer.code, 200, answer)
        self.read_until(watch, "True")
        self.end(watch)
        self.assertRegex(self.k("get", "cert"), r"^NAME +READY +SECRET +AGE\nexample-com +True +example-com-tls +\d+s\n$")
        self.assertRegex(self.k("get", "certs", "-o", "wide"), r"ISSUER +STATUS +AGE\nexample-com +True +example-com-tls +letsencrypt +Issued ")
        if self.minor >= 29:
            self.assertIn("The Secret that holds the result.", self.k("explain", "certificate.spec"))
        self.k("delete", "-f", manifest("certificates-crd.yaml"))
        gone = self.k("get", "certificates", code=1)  # the second: from the discovery that kubectl keeps
        self.assertRegex(gone, "the server doesn't have a resource type|could not find the requested resource")

    def apply_text(self, *bodies, verb="apply", flags=()):
        return self.k(verb, "-f", "-", *flags, stdin="".join(f"---\n{json.dumps(body)}\n" for body in bodies))

    def test_lists_and_many_documents_are_created_in_one_go(self):
        thing = lambda kind, name, **more: {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": {"set": "many"}}, **more}
        both = {"apiVersion": "v1", "kind": "List", "items": [thing("Secret", "in-list", stringData={"a": "b"}), thing("ServiceAccount", "in-list")]}
        self.assertEqual(self.apply_text(thing("ConfigMap", "doc"), both, verb="create"),
                         "configmap/doc created\nsecret/in-list created\nserviceaccount/in-list created\n")
        self.assertEqual(self.k("get", "cm,secret,sa", "-l", "set=many", "-o", "name"), "configmap/doc\nsecret/in-list\nserviceaccount/in-list\n")
        self.assertRegex(self.k("get", "cm/doc", "sa/in-list"), r"(?s)configmap/doc +0 .*serviceaccount/in-list +0 ")
        self.assertEqual(self.k("delete", "cm,secret,sa", "-l", "set=many").count("deleted"), 3)

    def test_every_kind_is_created_shown_and_described(self):
        path = manifest("every-kind.yaml")
        self.k("create", "-f", path)
        names = self.k("get", "-f", path, "-o", "name").split()
        self.assertGreaterEqual(len(names), 34)
        for form in ("wide", "yaml", "json"):
            shown = re.findall(r'(?m)^\S+/every|\bname"?: "?every(?:-new)?"?,?$', self.k("get", "-f", path, "-o", form))
            self.assertGreaterEqual(len(shown), len(names) - 2, form)  # events are shown by what they are about
        if self.minor < 25:  # describes what is v1 now by v1beta1, which no server of today has
            names = [n for n in names if not n.startswith(("poddisruptionbudget", "ingress", "cronjob", "endpointslice"))]
        self.assertEqual(len(re.findall(r"(?m)^Name: +every", self.k("describe", *names))), len(names))
        names = self.k("get", "-f", path, "-o", "name").split()
        self.assertRegex(self.k("get", "all", "--show-kind"), r"(?s)pod/every .*service/every .*daemonset.apps/every .*statefulset.apps/every ")
        self.assertEqual(self.k("replace", "--force", "-f", path).count(" replaced\n"), len(names))
        self.assertEqual(self.k("delete", "-f", path).count(" deleted\n"), len(names))

    def test_events_are_found_by_what_they_are_about(self):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "busy"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        self.apply_text(pod, verb="create")
        uid = self.k("get", "pod", "busy", "-o", "jsonpath={.metadata.uid}")
        about = {"kind": "Pod", "name": "busy", "namespace": "default", "uid": uid, "apiVersion": "v1"}
        event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "busy.1"}, "involvedObject": about, "reason": "Scheduled",
                 "message": "found a place", "type": "Normal", "count": 1, "source": {"component": "test"},
                 "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z"}
        other = dict(event, metadata={"name": "other.1"}, involvedObject=dict(about, name="other", uid="x"), message="not this one")
        self.apply_text(event, other, verb="create")
        text = self.k("describe", "pod", "busy")
        self.assertRegex(text, r"Normal +Scheduled +\S+ +test +found a place")
        self.assertNotIn("not this one", text)
        self.assertRegex(self.k("get", "events", "--field-selector", "involvedObject.name=busy,type!=Warning"),
                         r"^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n\S+ +Normal +Scheduled +pod/busy +found a place\n$")
        if self.minor >= 26:
            self.assertIn("found a place", self.k("events", "--for", "pod/busy"))
        self.assertIn("field label not supported: bogus", self.k("get", "events", "--field-selector", "bogus=x", code=1))
        self.k("delete", "pod", "busy", "--grace-period=0", "--force")
        self.k("delete", "events", "--all")

    def test_all_of_a_kind_are_labelled_annotated_and_deleted(self):
        self.k("create", "-f", "-", stdin='{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"marks"}}')
        for n in range(3):
            self.k("-n", "marks", "create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"m{n}"}}))
        self.assertEqual(self.k("-n", "marks", "label", "cm", "--all", "a=b").count("labeled"), 3)
        self.assertEqual(self.k("-n", "marks", "annotate", "cm", "--all", "c=d").count("annotated"), 3)
        self.assertIn("--overwrite is false", self.k("-n", "marks", "label", "cm", "m0", "a=c", code=1))
        self.k("-n", "marks", "label", "cm", "m0", "a=c", "--overwrite")
        self.assertEqual(self.k("-n", "marks", "get", "cm", "-l", "a in (c)", "-o", "name"), "configmap/m0\n")
        self.assertIn("(Conflict)", self.k("-n", "marks", "annotate", "cm", "m0", "e=f", "--resource-version=1", code=1))
        self.assertEqual(self.k("-n", "marks", "delete", "cm", "--all", "--dry-run=server").count("(server dry run)"), 3)
        self.assertEqual(self.k("-n", "marks", "delete", "cm", "-l", "a=b").count("deleted"), 2)
        self.k("delete", "ns", "marks")

    def test_what_a_set_no_longer_names_is_pruned(self):
        body = lambda name: {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"prune": "me"}}}
        allow = "--prune-allowlist=" if self.minor >= 26 else "--prune-whitelist="  # of old, it names kinds that are no more
        prune = lambda *names: self.apply_text(*map(body, names), flags=["--prune", "-l", "prune=me", allow + "core/v1/ConfigMap"])
        self.assertIn("configmap/pruned created", prune("kept", "pruned"))
        text = prune("kept")
        self.assertIn("configmap/kept unchanged", text)
        self.assertIn("configmap/pruned pruned", text)
        self.assertIn("name: kept", self.k("apply", "view-last-applied", "cm/kept"))
        self.k("delete", "cm", "kept")

    def test_a_rollout_is_followed_to_its_end(self):
        self.k("apply", "-f", manifest("deployment.yaml"))
        self.k("set", "image", "deploy/web", "nginx=nginx:1.28")
        self.k("set", "env", "deploy/web", "A=b")
        self.assertIn("restarted", self.k("rollout", "restart", "deploy/web"))
        self.assertIn("paused", self.k("rollout", "pause", "deploy/web"))
        self.assertIn("resumed", self.k("rollout", "resume", "deploy/web"))
        deployment = json.loads(self.k("get", "deploy", "web", "-o", "json"))
        self.assertIn("nginx:1.28", [c["image"] for c in deployment["spec"]["template"]["spec"]["containers"]])
        process = self.lines_of("rollout", "status", "deploy/web", "--timeout=30s")
        self.read_until(process, "Waiting for deployment")
        n = deployment["spec"]["replicas"]
        deployment["status"] = {"observedGeneration": deployment["metadata"]["generation"], "replicas": n, "updatedReplicas": n,
                                "readyReplicas": n, "availableReplicas": n}
        path = "/apis/apps/v1/namespaces/default/deployments/web/status"
        self.assertEqual(self.server.client().call("PUT", path, deployment).code, 200)
        self.assertIn("successfully rolled out", process.communicate(timeout=PATIENCE_S)[0].decode())
        self.assertRegex(self.k("get", "deploy", "web"), rf"web +{n}/{n} +{n} +{n} ")
        if self.minor >= 24:
            self.k("patch", "deploy", "web", "--subresource=status", "--type=merge", "-p", '{"status":{"readyReplicas":1}}')
            self.assertEqual(self.k("get", "deploy", "web", "--subresource=status", "-o", "jsonpath={.status.readyReplicas}"), "1")
            self.assertIn("kind: Scale", self.k("get", "deploy", "web", "--subresource=scale", "-o", "yaml"))
        self.k("delete", "deploy", "web")

    def test_finalizers_hold_a_delete_until_they_are_taken(self):
        self.make("held")
        self.k("patch", "cm", "held", "--type=merge", "-p", '{"metadata":{"finalizers":["a.b/c"]}}')
        self.assertIn("timed out", self.k("delete", "cm", "held", "--timeout=1s", code=1))
        process = self.lines_of("delete", "cm", "held")
        self.read_until(process, "deleted")
        self.k("patch", "cm", "held", "--type=json", "-p", '[{"op":"remove","path":"/metadata/finalizers"}]')
        process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.k("delete", "cm", "held", "--ignore-not-found"), "")
        for cascade, finalizer in (("orphan", "orphan"), ("foreground", "foregroundDeletion")):
            if self.minor < 20:
                continue
            self.make("cascade")
            self.k("delete", "cm", "cascade", "--cascade=" + cascade, "--wait=false")
            self.assertEqual(json.loads(self.get("cascade", "{.metadata.finalizers}")), [finalizer])
            self.k("patch", "cm", "cascade", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')

    def test_raw_requests_and_the_server_itself(self):
        self.assertEqual(self.k("get", "--raw", "/readyz"), "ok")
        self.assertEqual(json.loads(self.k("get", "--raw", "/api/v1/namespaces/default"))["kind"], "Namespace")
        for path in ("/nope", "/api/v1/nope", "/apis/nope/v1/x"):
            self.assertIn("the server could not find the requested resource", self.k("get", "--raw", path, code=1))
        self.assertIn("is running at", self.k("cluster-info"))
        self.assertRegex(self.k("version"), r"(?i)server version")
        self.assertIn('doesn\'t have a resource type "nope"', self.k("get", "nope", code=1))
        self.assertIn("configmaps", self.k("api-resources", "-o", "wide", "--verbs=list,watch", "--api-group=", "--namespaced=true"))

    def test_two_versions_of_a_kind_and_the_warning_of_the_old_one(self):
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        version = lambda name, **more: {"name": name, "served": True, "storage": name == "v1", "schema": schema, **more}
        scale = {"scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}, "status": {}}
        body = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "kites.kubectl.example.com"},
                "spec": {"group": "kubectl.example.com", "scope": "Cluster", "names": {"plural": "kites", "kind": "Kite", "shortNames": ["kt"], "categories": ["toys"]},
                         "versions": [version("v1", subresources=scale), version("v1beta1", deprecated=True)]}}
        self.apply_text(body)
        self.k("wait", "crd/kites.kubectl.example.com", "--for=condition=Established")
        kite = {"apiVersion": "kubectl.example.com/v1beta1", "kind": "Kite", "metadata": {"name": "k"}, "spec": {"replicas": 1}}
        self.assertIn("Warning: kubectl.example.com/v1beta1 Kite is deprecated\n", self.apply_text(kite))
        self.assertRegex(self.k("get", "kt,toys"), r"\nk +\d+s")
        self.assertIn("apiVersion: kubectl.example.com/v1\n", self.k("get", "kite", "k", "-o", "yaml"))
        self.assertIn("Warning", self.k("get", "kites.v1beta1.kubectl.example.com", "k"))
        self.k("scale", "kite", "k", "--replicas=4")
        self.assertEqual(self.k("get", "kite", "k", "-o", "jsonpath={.spec.replicas}"), "4")
        self.k("patch", "kite", "k", "--type=merge", "-p", '{"spec":{"color":"red"}}')
        self.assertRegex(self.k("describe", "kite", "k"), r"Color: +red")
        self.k("delete", "kites", "--all")
        self.k("delete", "crd", "kites.kubectl.example.com")


for number, kubectl in enumerate(KUBECTLS):
    globals()[f"Kubectl{number}"] = type(f"Kubectl{number}", (Kubectl, unittest.TestCase), {"path": kubectl})

if __name__ == "__main__":
    if not KUBECTLS:
        print("skipped: no kubectl can be had")
        sys.exit(77)
    main()
