"""Encryption at rest: what is sealed is in no file, opens again, and moves to another key by being written anew."""
import base64
import os
import re
import shutil
import signal
import tempfile
import unittest

from tidewatch import CONFIGMAPS, PATIENCE_S, Server, Watch, configmap, main, outcome, wait_for

SECRETS = "/api/v1/namespaces/default/secrets"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
CANARY = "canary-in-a-coal-mine"
IDENTITY = "identity: {}"
POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
rules: [{level: RequestResponse, resources: [{group: "", resources: [secrets]}]}, {level: Metadata}]
"""


def key(name, of=None):
    secret = base64.b64encode(((of or name) * 32)[:32].encode()).decode()
    return f"{{name: {name}, secret: {secret}}}"


def aesgcm(*names):
    return "aesgcm: {keys: [" + ", ".join(key(name) for name in names) + "]}"


def configuration(*providers, resources="secrets, widgets.example.com"):
    return ("apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n"
            f"resources:\n- resources: [{resources}]\n  providers:\n" +
            "".join(f"  - {provider}\n" for provider in providers))


def secret(name, text=CANARY):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": {"l": CANARY}},
            "data": {"k": base64.b64encode(text.encode()).decode()}}


class Encryption(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tidewatch-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.file = os.path.join(self.folder, "keys.yaml")
        self.setting = f"--encryption-provider-config={self.file}"

    def write_keys(self, *providers, mode=0o600, **options):
        """As a new file under the name, as editors and secrets that are mounted do it."""
        with open(self.file + ".new", "w") as f:
            f.write(configuration(*providers, **options))
        os.chmod(self.file + ".new", mode)
        os.rename(self.file + ".new", self.file)

    def serve(self, *flags):
        self.server = Server(flags=[self.setting, *flags])
        self.addCleanup(self.server.close)
        self.data = os.path.join(self.server.folder, "data")
        self.client = self.server.client()

    def restart(self, kill=True):
        if kill:
            self.server.kill()
        else:
            self.server.stop()
        self.server.start()
        self.client = self.server.client()

    def whole_log(self):
        with open(os.path.join(self.server.folder, "log")) as f:
            return f.read()

    def reload(self):
        """SIGHUP; the line that tells how it went."""
        outcome = re.compile(r"msg=\"(settings(?: not)? reloaded)\"[^\n]*\n")
        before = len(outcome.findall(self.whole_log()))
        self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(outcome.findall(self.whole_log())) > before, "the reload")
        return list(outcome.finditer(self.whole_log()))[-1].group(0)

    def refuses_to_start(self, *words):
        """The data stays; the server says why it does not serve it."""
        with self.assertRaises(AssertionError) as raised:
            self.server.start()
        self.server.process.wait(PATIENCE_S)
        self.server.process.stdout.close()
        self.server.log.close()
        for word in words:
            self.assertIn(word, str(raised.exception))

    def create(self, path, body):
        answer = self.client.create(path, body)
        self.assertEqual(answer.code, 201, answer)
        return answer

    def replace_all(self):
        """What `kubectl get secrets -o json | kubectl replace -f -` sends; how many got a new version."""
        changed = 0
        for item in self.client.get(SECRETS).json["items"]:
            item.update(apiVersion="v1", kind="Secret")
            answer = self.client.call("PUT", f"{SECRETS}/{item['metadata']['name']}", item)
            self.assertEqual(answer.code, 200, answer)
            changed += answer.json["metadata"]["resourceVersion"] != item["metadata"]["resourceVersion"]
        return changed

    def sealed_with(self, *flags):
        """What verify counts, by key."""
        code, text = outcome("verify", f"--data-dir={self.data}", *flags)
        self.assertEqual(code, 0, text)
        return {name: int(count) for count, name in re.findall(r"(\d+) changes sealed with key \"(\w+)\"", text)}

    def files_with(self, *needles):
        """Files below the server's folder that hold one of the texts, as it is or in base64."""
        wanted = [form for needle in needles for form in
                  (needle.encode(), *(base64.b64encode(b"x" * skip + needle.encode())[4:-4] for skip in range(3)))]
        found = []
        for where, _, names in os.walk(self.server.folder):
            for name in names:
                with open(os.path.join(where, name), "rb") as f:
                    data = f.read()
                if any(form in data for form in wanted):
                    found.append(name)
        return found

    def events_after(self, rv, count):
        watch = Watch(self.server.port, f"{SECRETS}?watch=true&resourceVersion={rv}")
        self.addCleanup(watch.close)
        return [(e["type"], e["object"]["metadata"]["name"], base64.b64decode(e["object"]["data"]["k"]).decode())
                for e in watch.take(count)]

    def test_what_is_sealed_is_in_no_file_and_comes_back_after_a_kill(self):
        policy = os.path.join(self.folder, "policy.yaml")
        with open(policy, "w") as f:
            f.write(POLICY)
        self.write_keys(aesgcm("key1"))
        self.serve("--audit-policy-file=" + policy, f"--audit-log-path={self.folder}/audit")
        self.create(CONFIGMAPS, configmap("open", {"k": "not-sealed-at-all"}))
        start = self.client.get(SECRETS).rv
        self.create(SECRETS, secret("a"))
        self.client.call("PUT", f"{SECRETS}/a", secret("a", CANARY + "-2"))
        self.create(SECRETS, secret("b", CANARY + "-3"))
        self.assertEqual(self.client.call("DELETE", f"{SECRETS}/b").code, 200)
        for n in range(100):  # so much that the write-ahead log is written over, and pages are freed
            self.client.call("PUT", f"{SECRETS}/a", secret("a", f"{CANARY}-4-{n}-" + "x" * 2000))
        story = self.events_after(start, 104)
        self.assertEqual(story[:4], [("ADDED", "a", CANARY), ("MODIFIED", "a", CANARY + "-2"),
                                     ("ADDED", "b", CANARY + "-3"), ("DELETED", "b", CANARY + "-3")])
        self.assertEqual(self.files_with(CANARY), [])
        self.server.kill()
        self.assertEqual(self.files_with(CANARY), [])
        self.assertNotEqual(self.files_with("not-sealed-at-all"), [], "the search would not find it")
        self.server.start()
        self.client = self.server.client()
        self.assertEqual(self.events_after(start, 104), story, "from the disk")
        answer = self.client.get(f"{SECRETS}?resourceVersion={start + 3}&resourceVersionMatch=Exact")
        self.assertEqual([base64.b64decode(i["data"]["k"]).decode() for i in answer.json["items"]],
                         [CANARY + "-2", CANARY + "-3"])
        code, text = outcome("backup", f"--data-dir={self.data}", f"{self.server.folder}/copy")
        self.assertEqual(code, 0, text)
        self.server.stop()
        self.assertEqual(self.files_with(CANARY), [])
        self.server.start()
        with open(f"{self.folder}/audit", "rb") as f:
            self.assertNotIn(CANARY.encode(), f.read())
        _, _, metrics = self.server.client().raw("GET", "/metrics")
        self.assertNotIn(CANARY.encode(), metrics)

    def test_keys_rotate_by_rewriting_while_it_serves(self):
        self.write_keys(aesgcm("key1"))
        self.serve()
        start = self.client.get(SECRETS).rv
        for n in range(5):
            self.create(SECRETS, secret(f"s{n}"))
        self.assertEqual(self.replace_all(), 0, "nothing changes, nor does the key")
        self.write_keys(aesgcm("key2", "key1"))
        self.assertIn("settings reloaded", self.reload())
        self.assertEqual(self.replace_all(), 5)
        self.assertEqual(self.replace_all(), 0)
        self.assertEqual(self.sealed_with(), {"key1": 5, "key2": 5})
        self.write_keys(aesgcm("key2"))
        self.assertIn("settings reloaded", self.reload())
        self.restart()
        self.assertEqual(len(self.client.get(SECRETS).json["items"]), 5)
        self.assertIn("old versions are sealed with a key that is not given", self.whole_log())
        # the past is still under the old key: it is told, and never guessed
        watch = Watch(self.server.port, f"{SECRETS}?watch=true&resourceVersion={start}")
        self.addCleanup(watch.close)
        event = watch.next()
        self.assertEqual((event["type"], event["object"]["code"]), ("ERROR", 500), event)
        self.assertIn('sealed with key "key1"', event["object"]["message"])
        answer = self.client.get(f"{SECRETS}?resourceVersion={start + 3}&resourceVersionMatch=Exact")
        self.assertEqual(answer.code, 500, answer)
        self.assertIn('sealed with key "key1"', answer.json["message"])

    def test_reseal_moves_the_past_too_and_then_the_old_key_is_not_needed(self):
        self.write_keys(IDENTITY)
        self.serve()
        start = self.client.get(SECRETS).rv
        self.create(SECRETS, secret("a"))
        self.server.stop()
        self.assertNotEqual(self.files_with(CANARY), [])
        self.write_keys(aesgcm("key1"), IDENTITY)
        self.server.start()
        self.client = self.server.client()
        self.create(SECRETS, secret("b"))
        code, text = outcome("reseal", f"--data-dir={self.data}", self.setting)
        self.assertEqual((code, "another process has the store" in text), (1, True), text)
        self.server.kill()
        code, text = outcome("reseal", f"--data-dir={self.data}")
        self.assertEqual((code, "--encryption-provider-config is missing" in text), (1, True), text)
        self.write_keys(aesgcm("key2", "key1"), IDENTITY)
        code, text = outcome("reseal", f"--data-dir={self.data}", self.setting)
        self.assertEqual(code, 0, text)
        self.assertIn('2 changes sealed with key "key2", opened', text)
        self.assertEqual(self.files_with(CANARY), [], "not in a page that was freed, either")
        self.write_keys(aesgcm("key2"))
        self.server.start()
        self.client = self.server.client()
        self.assertEqual(self.events_after(start, 2), [("ADDED", "a", CANARY), ("ADDED", "b", CANARY)])
        self.assertEqual(self.sealed_with(), {"key2": 2})
        self.assertEqual(self.sealed_with(self.setting), {"key2": 2})
        self.write_keys(aesgcm("key1"))
        code, text = outcome("verify", f"--data-dir={self.data}", self.setting)
        self.assertEqual((code, "2 changes cannot be opened" in text, 'key "key2"' in text), (1, True, True), text)

    def test_a_key_that_is_in_use_cannot_be_dropped(self):
        self.write_keys(aesgcm("key1"))
        self.serve()
        for n in range(3):
            self.create(SECRETS, secret(f"s{n}"))
        self.write_keys(aesgcm("key2"))
        line = self.reload()
        self.assertIn("settings not reloaded", line)
        self.assertIn('3 sealed with key \\"key1\\", which is not among the keys given', line)
        self.write_keys("aesgcm: {keys: [" + key("key1", of="another") + "]}")
        self.assertIn('key \\"key1\\" has two secrets: a new secret needs a new name', self.reload())
        self.create(SECRETS, secret("later"))  # it goes on with the keys that it has
        self.server.kill()
        self.write_keys(aesgcm("key2"))
        self.refuses_to_start("4 objects cannot be opened: 4 sealed with key \"key1\"", "--encryption-provider-config")
        self.server.flags = []
        self.refuses_to_start("4 objects cannot be opened: 4 sealed with key \"key1\"")
        self.server.flags = [self.setting]
        self.write_keys("aesgcm: {keys: [" + key("key1", of="another") + "]}")
        self.refuses_to_start('4 sealed with key "key1", whose secret is another one')
        self.write_keys(aesgcm("key1"))
        self.server.start()
        self.assertEqual(len(self.server.client().get(SECRETS).json["items"]), 4)

    def test_what_lay_open_is_sealed_when_it_is_written_again_and_back(self):
        self.write_keys(IDENTITY)
        self.serve()
        self.create(SECRETS, secret("a"))
        self.write_keys(aesgcm("key1"))
        self.assertIn("not sealed, which no identity provider takes", self.reload())
        self.write_keys(aesgcm("key1"), IDENTITY)
        self.assertIn("settings reloaded", self.reload())
        answer = self.client.call("PATCH", f"{SECRETS}/a", {}, content_type="application/merge-patch+json")
        self.assertEqual(answer.code, 200)
        self.assertEqual(self.sealed_with(), {"key1": 1}, "a patch of nothing is a rewrite, too")
        self.assertEqual(self.replace_all(), 0)
        self.write_keys(aesgcm("key1"))
        self.assertIn("settings reloaded", self.reload())
        self.write_keys(IDENTITY, aesgcm("key1"))
        self.assertIn("settings reloaded", self.reload())
        self.assertEqual(self.replace_all(), 1)
        self.restart(kill=False)
        self.assertEqual(len(self.client.get(SECRETS).json["items"]), 1)

    def test_custom_resources_and_everything_can_be_sealed(self):
        self.write_keys(aesgcm("key1"), resources="'*.*'")
        self.serve()
        crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
               "metadata": {"name": "widgets.example.com"},
               "spec": {"group": "example.com", "scope": "Namespaced",
                        "names": {"plural": "widgets", "kind": "Widget"},
                        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                            "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}
        self.create(CRDS, crd)
        widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"k": CANARY}}
        wait_for(lambda: self.client.create(WIDGETS, widget).code == 201, "the new resource")
        self.create(CONFIGMAPS, configmap("c", {"k": CANARY}))
        self.assertEqual(self.files_with(CANARY, "openAPIV3Schema"), [])
        self.restart()
        self.assertEqual(self.client.get(f"{WIDGETS}/w").json["spec"], {"k": CANARY})
        self.assertEqual(self.files_with(CANARY, "openAPIV3Schema"), [])

    def test_files_that_make_no_sense_are_refused_at_the_start(self):
        self.write_keys(aesgcm("key1"))
        self.serve()
        self.server.stop()
        self.write_keys("aescbc: {keys: [" + key("key1") + "]}")
        self.refuses_to_start('resources[0].providers[0]: provider "aescbc" is not supported')
        self.write_keys(aesgcm("key1"), mode=0o644)
        self.refuses_to_start("others may read or write it (its mode is 644): chmod 600 it")
        os.unlink(self.file)
        self.refuses_to_start("keys.yaml: No such file or directory")
        self.write_keys(aesgcm("key1"))
        self.server.start()


if __name__ == "__main__":
    main()
