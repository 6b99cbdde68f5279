"""YAML in every write and out of every read, by sigs.k8s.io/yaml's rules; read here by PyYAML, which nobody
here wrote."""
import json
import unittest

from tidewatch import CONFIGMAPS, Server, configmap, main

try:
    import yaml
except ImportError:
    print("skipped: no PyYAML here (python3-yaml)")
    raise SystemExit(77)

YAML = "application/yaml"
ODD = {"yes": "yes", "octal": "0777", "float": "1e3", "null": "~", "colon": "a: b # c", "lines": "one\n two\n\nthree\n",
       "blank": " ", "empty": "", "unicode": "\u00e4\u4e16\U0001f600", "control": "\u0001\u0085\u2028", "tab": "\t\ttab",
       "date": "2001-01-01", "dash": "- a", "quote": "it's \"so\"", "anchor": "&a *b", "percent": "%TAG", "trailing": "x \n"}


class Yaml(unittest.TestCase):
    def setUp(self):
        self.server = Server(storage="memory")
        self.addCleanup(self.server.close)
        self.client = self.server.client()

    def write(self, method, path, text, code, **headers):
        answer = self.client.call(method, path, text, content_type=YAML, **headers)
        self.assertEqual(answer.code, code, answer)
        return answer

    def read(self, path, **headers):
        answer = self.client.get(path, Accept=YAML, **headers)
        kinds = {k.lower(): v for k, v in answer.headers.items()}
        self.assertEqual(kinds["content-type"], YAML)
        return answer.code, yaml.load(answer.body.decode(), yaml.BaseLoader)  # texts as they stand

    @staticmethod
    def texts(node):
        """As BaseLoader shows a tree: every scalar is its text."""
        if isinstance(node, dict):
            return {k: Yaml.texts(v) for k, v in node.items()}
        if isinstance(node, list):
            return [Yaml.texts(v) for v in node]
        return node if isinstance(node, str) else json.dumps(node)

    def test_a_body_in_yaml_is_what_it_is_in_json(self):
        made = self.write("POST", CONFIGMAPS, "metadata:\n  name: a\n  labels: {x: 'y'}\ndata:\n  k: |\n    one\n    two\n", 201)
        self.assertEqual((made.json["data"], made.json["metadata"]["labels"]), ({"k": "one\ntwo\n"}, {"x": "y"}))
        put = self.write("PUT", CONFIGMAPS + "/a", "metadata: {name: a}\ndata: {k: other}\n", 200)
        self.assertEqual(put.json["data"], {"k": "other"})

    def test_options_of_deletes_may_be_yaml(self):
        for name in "ab":
            self.client.create(CONFIGMAPS, configmap(name))
        refused = self.write("DELETE", CONFIGMAPS + "/a", "preconditions:\n  uid: another\n", 409)
        self.assertEqual(refused.json["reason"], "Conflict")
        self.write("DELETE", CONFIGMAPS + "/a", "kind: DeleteOptions\napiVersion: v1\ndryRun: [All]\n", 200)
        self.assertEqual(self.client.get(CONFIGMAPS + "/a").code, 200)
        self.write("DELETE", CONFIGMAPS + "/a", "propagationPolicy: Background\n", 200)
        self.write("DELETE", CONFIGMAPS, "kind: DeleteOptions\napiVersion: v1\n", 200)
        self.assertEqual(self.client.get(CONFIGMAPS).json["items"], [])

    def test_subresources_take_it_and_a_patch_does_not(self):
        deployment = {"metadata": {"name": "d"}, "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}},
                      "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}}
        path = "/apis/apps/v1/namespaces/default/deployments"
        self.assertEqual(self.client.create(path, deployment).code, 201)
        scaled = self.write("PUT", path + "/d/scale", "metadata: {name: d, namespace: default}\nspec: {replicas: 3}\n", 200)
        self.assertEqual(scaled.json["spec"]["replicas"], 3)
        for kind in (YAML, "application/apply-patch+yaml"):
            self.assertEqual(self.client.call("PATCH", path + "/d", "spec: {replicas: 2}", content_type=kind).code, 415)
        self.assertEqual(self.read(path + "/d/scale")[1]["spec"]["replicas"], "3")

    def test_an_object_and_a_list_are_read_back_as_they_were_written(self):
        self.assertEqual(self.client.create(CONFIGMAPS, configmap("odd", ODD)).code, 201)
        code, got = self.read(CONFIGMAPS + "/odd")
        plain = self.client.get(CONFIGMAPS + "/odd").json
        self.assertEqual((code, got, got["data"]), (200, self.texts(plain), ODD))
        self.assertEqual(self.read(CONFIGMAPS)[1], self.texts(self.client.get(CONFIGMAPS).json))
        text = self.client.get(CONFIGMAPS + "/odd", Accept=YAML).body.decode()
        again = self.write("PUT", CONFIGMAPS + "/odd", text.encode(), 200, Accept=YAML)
        self.assertEqual(again.body.decode(), text, "what is read can be written, and changes nothing")

    def test_tables_metadata_writes_and_errors_come_in_it_too(self):
        self.client.create(CONFIGMAPS, configmap("a"))
        table = self.client.get(CONFIGMAPS, Accept=YAML + ";as=Table;v=v1;g=meta.k8s.io")
        self.assertEqual(yaml.safe_load(table.body)["kind"], "Table")
        code, status = self.read(CONFIGMAPS + "/nothing")
        self.assertEqual((code, status["kind"], status["reason"], status["code"]), (404, "Status", "NotFound", "404"))
        made = self.client.call("POST", CONFIGMAPS, configmap("b"), Accept=YAML)
        self.assertEqual((made.code, yaml.safe_load(made.body)["metadata"]["name"]), (201, "b"))

    def test_a_watch_of_it_is_406_unless_json_will_do(self):
        refused = self.client.get(CONFIGMAPS + "?watch=true", Accept=YAML)
        self.assertEqual((refused.code, yaml.safe_load(refused.body)["reason"]), (406, "NotAcceptable"))
        self.assertEqual(self.client.get(CONFIGMAPS + "?watch=true&timeoutSeconds=1", Accept=YAML + ", application/json").code, 200)

    def test_what_comes_first_in_accept_wins(self):
        self.client.create(CONFIGMAPS, configmap("a"))
        for accept, expected in ((f"{YAML}, application/json", YAML), (f"application/json, {YAML}", "application/json"),
                                 (f"application/json;q=0.5, {YAML}", YAML), (f"*/*, {YAML}", "application/json")):
            answer = self.client.get(CONFIGMAPS + "/a", Accept=accept)
            self.assertEqual({k.lower(): v for k, v in answer.headers.items()}["content-type"], expected, accept)

    def test_what_yaml_could_do_to_a_server_is_refused_quickly(self):
        bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9))
        for text in (bomb, "[" * 80000, "a: b\n" * 2, "%TAG ! tag:x,2000:\n---\na: b\n", b"\xff\xfea\x00", "a: b\n---\nc: d\n",
                     "\u0007", "a: [b", "- a", "just text"):
            answer = self.write("POST", CONFIGMAPS, text if isinstance(text, bytes) else text.encode(), 400)
            self.assertEqual(answer.json["kind"], "Status")


if __name__ == "__main__":
    main()
