"""The same command, once by kubectl and once by tidectl: the same text and the same exit code. What is
different on purpose stands in tidectl's man page, and no row here."""
import concurrent.futures
import difflib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

from tidewatch import BUILD, PATIENCE_S, Server, configmap, main

HERE = os.path.dirname(os.path.abspath(__file__))
TIDECTL = os.path.join(BUILD, "tidectl")
KUBECTLS = subprocess.run([os.path.join(HERE, "kubectls.sh")], stdout=subprocess.PIPE, text=True).stdout.split()
DESCRIPTION = "whatever else there is to say of this tide, which may be so very much that it does not fit on one line"
STRING, INTEGER = {"type": "string"}, {"type": "integer"}
WHEN = {"type": "object", "properties": {"day": {"type": "string", "enum": ["mon", "tue", "wed", "thu", "fri"]},
                                         "hours": {"type": "array", "items": INTEGER}}}
SPEC = {"type": "object", "description": "what it should be", "required": ["metres"], "properties": {
    "metres": {"type": "integer", "description": "how high it gets"}, "when": {"type": "array", "items": WHEN},
    "extra": {"type": "object", "description": DESCRIPTION, "additionalProperties": STRING}}}
STATUS = {"type": "object", "properties": {"conditions": {"type": "array", "items": {
    "type": "object", "properties": {"type": STRING, "status": STRING}}}}}
CRD = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "tides.example.com"},
       "spec": {"group": "example.com", "scope": "Namespaced",
                "names": {"plural": "tides", "singular": "tide", "kind": "Tide", "shortNames": ["td"]},
                "versions": [{"name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
                              "additionalPrinterColumns": [{"name": "Metres", "type": "integer", "jsonPath": ".spec.metres"}],
                              "schema": {"openAPIV3Schema": {"type": "object", "description": "The rise and fall of the sea.",
                                                             "properties": {"spec": SPEC, "status": STATUS}}}}]}}
TIDE = {"apiVersion": "example.com/v1", "kind": "Tide", "metadata": {"name": "high", "namespace": "default", "labels": {"a": "b"}},
        "spec": {"metres": 4, "extra": {"note": "x", "longKeyName": "<&>"},
                 "when": [{"day": "mon", "hours": [1, 2]}, {"day": "tue", "hours": [3]}]}}

READS = r"""
get cm
get cm,secrets
get cm/a secret/s
get cm a b2
get cm a nope
get cm nope --ignore-not-found
get cm -A
get ns
get cm -l tier=front
get cm -l tier=back
get cm --field-selector metadata.name=a
get cm -L tier,x
get cm --show-labels --show-kind
get cm --no-headers -o wide
get cm,secret -o name
get cm a -o json
get cm a -o yaml
get cm -o json
get cm,secret -o yaml
get td
get td high -o yaml
get td high --subresource=status
get cm --sort-by=.metadata.name
get cm --sort-by={.metadata.creationTimestamp} -o name
get cm --chunk-size=1
get -f high.json
get cm a/b
get nope
get all
get --raw /version
get cm -n nope
get cm -o jsonpath={.items[*].metadata.name}
get cm -o 'jsonpath={range .items[*]}{.metadata.name}{"\t"}{.data}{"\n"}{end}'
get cm -o "jsonpath={.items[?(@.metadata.name=='a')].data.k}"
get cm -o 'jsonpath={.items[?(@.metadata.labels.tier)].metadata.name}'
get cm -o 'jsonpath={.items[0,1].metadata.name} {.items[-1:].metadata.name} {.items[::2].metadata.name}'
get td high -o 'jsonpath={..hours}|{.spec.when[*].hours[*]}|{.spec.when[*]["day"]}'
get td high -o "jsonpath={.spec.when[*]['day','hours']}|{.spec['metres']}"
get td high -o "jsonpath={.spec.when[?(@.day!='mon')].hours} {.spec.when[?(@.hours[0]>1)].day}"
get td high -o 'jsonpath={range .spec.when[*]}[{range .hours[*]}{@},{end}]{end}!'
get td high -o 'jsonpath={.spec.extra} {.nope} {5}{true}{"\"x\""}'
get td high -o jsonpath={.spec.when[5].day}
get td high -o jsonpath={.spec
get cm -o custom-columns=NAME:.metadata.name,ALL:.data,L:.metadata.labels
get td -o custom-columns=N:metadata.name,D:.spec.when[*].day,H:.spec.when[*].hours
get cm -o custom-columns=NAME:.metadata.name --no-headers
get cm -o custom-columns=NAME
describe td high
describe td/nope
explain td
explain td.spec
explain td.spec.when
explain td.spec.when.day
explain td.spec.extra
explain td --recursive
explain td.nope
explain cm
explain pod.spec.containers
explain deploy --recursive
explain deploy --api-version=apps/v1
api-resources
api-resources -o wide
api-resources -o name --namespaced=false
api-resources --api-group=apps
api-resources --verbs=list,watch --no-headers --sort-by=kind
api-versions
auth can-i get pods
auth can-i get ns
auth can-i '*' '*'
auth can-i get /healthz
auth can-i --list
auth whoami
config view
config view --minify
config get-contexts
config get-contexts -o name
config current-context
label cm s --list
annotate cm a --list
diff -f high.json
diff -f higher.json
wait td/high --for=condition=Ready
wait td/high --for=condition=Ready=False --timeout=1s
wait td/high --for=jsonpath={.spec.metres}=4
wait td/high --for=jsonpath={.spec.nope} --timeout=1s
wait td/nope --for=delete
wait td/high --for=create
wait cm -l tier=front --for=jsonpath={.data.k}=v
"""
# Nothing here changes what another row sees, so that they may run side by side.
WRITES = r"""
label cm a tier=back
label cm a tier=back --overwrite --dry-run=server
label cm a tier=front
label cm a tier- --dry-run=server
label cm --all new=y --dry-run=client
label cm a b2 new=y --dry-run=server -o name
label cm
annotate cm a why=other
annotate cm a why=other --overwrite --dry-run=server
annotate cm a why- --dry-run=server -o jsonpath={.metadata.annotations}
patch cm a -p '{"data":{"k":"v"}}'
patch cm a --type=merge -p '{"data":{"k":null}}' --dry-run=server -o jsonpath={.data}
patch cm a --type=json -p '[{"op":"remove","path":"/data/k"}]' --dry-run=server -o jsonpath={.data}
patch cm a --type=json -p '[{"op":"remove","path":"/data/nope"}]'
patch td high --type=merge -p '{"spec":{"metres":5}}' --dry-run=server -o jsonpath={.spec.metres}
delete cm a --dry-run=server
delete cm a --dry-run=client -o name
delete cm nope
delete cm nope --ignore-not-found
delete cm
delete cm --all --dry-run=server
delete cm -l tier=front --dry-run=client
delete cm,secret s --dry-run=server --ignore-not-found
delete -f high.json --dry-run=server
create ns foo --dry-run=client -o yaml
create cm foo --from-literal=a=b --from-file=x=high.json --dry-run=client -o yaml
create cm a --from-literal=a=b
create secret generic foo --from-literal=a=b --dry-run=client -o yaml
create sa foo --dry-run=server
create deployment foo --image=a.b/c/nginx:1.2 --replicas=3 --dry-run=client -o yaml
create -f high.json
create -f low.json --dry-run=client -o yaml
create -f low.json --dry-run=server
apply -f high.json --dry-run=server
apply -f higher.json --dry-run=server
apply -f higher.json --dry-run=server -o jsonpath={.spec.metres}
apply -f low.json --dry-run=client
replace -f higher.json --dry-run=server
"""


def rows(text):
    return [line for line in text.splitlines() if line]


def plain(text):
    """Without what differs from one run to the next."""
    text = re.sub(r"\b\d+[smh](\d+[sm])?\b *", "AGE ", text)
    text = re.sub(r"/[^ ]*/(LIVE|MERGED)-\w+/", r"\1/", text)
    text = re.sub(r"(?m)^((---|\+\+\+) [^\t]*)\t.*$", r"\1", text)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UID", text)


@unittest.skipUnless(KUBECTLS, "no kubectl to compare with")
class SameText(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(storage="memory")
        cls.addClassCleanup(cls.server.close)
        cls.folder = tempfile.TemporaryDirectory(prefix="tidewatch-tidectl-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.env = dict(os.environ, HOME=cls.folder.name, KUBECONFIG=cls.server.kubeconfig, TMPDIR=cls.folder.name,
                       KUBECACHEDIR=cls.folder.name + "/cache")
        cls.make_objects()

    @classmethod
    def make_objects(cls):
        for name, spec in (("high", {}), ("higher", {"metres": 7}), ("low", {})):
            tide = dict(TIDE, spec=dict(TIDE["spec"], **spec),
                        metadata=dict(TIDE["metadata"], name="low" if name == "low" else "high"))
            with open(os.path.join(cls.folder.name, name + ".json"), "w") as f:
                json.dump(tide, f)
        items = [CRD, configmap("a", {"k": "v", "n": "w"}, {"tier": "front", "x": "y"}, annotations={"why": "because"}),
                 configmap("b2", {"z": "1"}), configmap("s"),
                 {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": "q"}}]
        cls.run_ok(TIDECTL, "create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        cls.run_ok(TIDECTL, "wait", "crd/tides.example.com", "--for=condition=Established")
        cls.run_ok(TIDECTL, "apply", "-f", "high.json")
        cls.run_ok(TIDECTL, "patch", "td", "high", "--subresource=status", "--type=merge",
                   "-p", '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}')
        cls.run_ok(KUBECTLS[-1], "api-resources")  # its cache of discovery is then there

    @classmethod
    def run_one(cls, *args, stdin=None):
        return subprocess.run(args, env=cls.env, cwd=cls.folder.name, input=stdin, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=PATIENCE_S * 4)

    @classmethod
    def run_ok(cls, *args, stdin=None):
        done = cls.run_one(*args, stdin=stdin)
        assert done.returncode == 0, (args, done.stdout, done.stderr)

    def compare(self, row):
        words = shlex.split(row)
        theirs, ours = self.run_one(KUBECTLS[-1], *words), self.run_one(TIDECTL, *words)
        if (theirs.returncode, plain(theirs.stdout)) == (ours.returncode, plain(ours.stdout)):
            return None
        diff = "\n".join(difflib.unified_diff(plain(theirs.stdout).split("\n"), plain(ours.stdout).split("\n"), "kubectl",
                                              "tidectl", lineterm=""))
        return f"{row}: exit codes {theirs.returncode}, {ours.returncode}\n{diff}\n{theirs.stderr}{ours.stderr}"

    def compare_all(self, text):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            wrong = [told for told in pool.map(self.compare, rows(text)) if told]
        self.assertFalse(wrong, f"{len(wrong)} differ\n" + "\n".join(wrong))

    def test_reading_prints_what_kubectl_prints(self):
        self.compare_all(READS)

    def test_writing_prints_what_kubectl_prints(self):
        self.compare_all(WRITES)


if __name__ == "__main__":
    print(f"kubectl: {KUBECTLS[-1:]}", file=sys.stderr)
    main()
