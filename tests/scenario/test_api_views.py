"""The forms of an answer: Table, PartialObjectMetadata, gzip, indentation; of objects, lists and watches."""
import gzip
import json

from tidewatch import CONFIGMAPS, ApiTest, Watch, configmap, main

META = "application/json;g=meta.k8s.io;v=v1;as="
TABLE, PARTIAL, PARTIAL_LIST = (META + name for name in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList"))
KUBECTL = TABLE + ",application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"


class Views(ApiTest):
    def setUp(self):
        super().setUp()
        self.ok("DELETE", CONFIGMAPS)

    def watch(self, path, accept):
        watch = Watch(self.server.port, path, headers={"Accept": accept})
        self.addCleanup(watch.close)
        return watch

    def test_a_table_has_kubectls_columns_and_the_metadata_of_each_row(self):
        made = self.made(CONFIGMAPS, configmap("row", {"a": "1", "b": "2"}))
        table = self.ok("GET", CONFIGMAPS, Accept=KUBECTL)
        self.assertEqual((table["kind"], table["apiVersion"]), ("Table", "meta.k8s.io/v1"))
        self.assertEqual([(c["name"], c["type"], c["format"], c["priority"]) for c in table["columnDefinitions"]],
                         [("Name", "string", "name", 0), ("Data", "string", "", 0), ("Age", "string", "", 0)])
        row = table["rows"][0]
        self.assertEqual(row["cells"][:2], ["row", 2])
        self.assertRegex(row["cells"][2], r"^\d+s$")
        self.assertEqual(row["object"], {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"]})
        self.assertEqual(table["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"])

    def test_include_object_chooses_what_a_row_carries(self):
        made = self.made(CONFIGMAPS, configmap("row", {"a": "1"}))
        for include, wanted in (("None", None), ("Object", made)):
            self.assertEqual(self.ok("GET", f"{CONFIGMAPS}?includeObject={include}", Accept=TABLE)["rows"][0]["object"], wanted)
        self.refused(self.client.get(CONFIGMAPS + "?includeObject=Bogus", Accept=TABLE), 400, "BadRequest", "includeObject")

    def test_a_single_object_can_be_a_table_of_one_row(self):
        self.made(CONFIGMAPS, configmap("one"))
        table = self.ok("GET", CONFIGMAPS + "/one", Accept=TABLE)
        self.assertEqual((table["kind"], len(table["rows"])), ("Table", 1))
        self.assertEqual(self.ok("GET", CONFIGMAPS + "/one", Accept=TABLE.replace("v=v1", "v=v1beta1"))["apiVersion"], "meta.k8s.io/v1beta1")

    def test_tables_have_pages(self):
        for n in range(3):
            self.made(CONFIGMAPS, configmap(f"p{n}"))
        page = self.ok("GET", CONFIGMAPS + "?limit=2", Accept=TABLE)
        self.assertEqual((len(page["rows"]), page["metadata"]["remainingItemCount"]), (2, 1))
        page = self.ok("GET", f"{CONFIGMAPS}?limit=2&continue={page['metadata']['continue']}", Accept=TABLE)
        self.assertEqual((len(page["rows"]), "continue" in page["metadata"]), (1, False))

    def test_an_empty_table_has_columns_and_no_rows(self):
        table = self.ok("GET", CONFIGMAPS, Accept=TABLE)
        self.assertEqual((len(table["columnDefinitions"]), table["rows"]), (3, []))

    def test_every_kind_has_a_table_whose_rows_fit_its_columns(self):
        """Of an object with next to nothing in it: no column may stumble over what is not there."""
        made = 0
        for group in ["/api/v1"] + ["/apis/" + g["preferredVersion"]["groupVersion"] for g in self.ok("GET", "/apis")["groups"]]:
            for resource in self.ok("GET", group)["resources"]:
                if "list" not in resource["verbs"] or resource["name"] == "customresourcedefinitions":
                    continue
                path = f"{group}/namespaces/default/{resource['name']}" if resource["namespaced"] else f"{group}/{resource['name']}"
                labels = {"x": "y"}
                self.client.create(path, {"metadata": {"name": "bare"}, "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}})
                for accept in (TABLE, PARTIAL_LIST):
                    self.ok("GET", path, Accept=accept)
                table = self.ok("GET", path, Accept=TABLE)
                made += len(table["rows"])
                for row in table["rows"]:
                    self.assertEqual(len(row["cells"]), len(table["columnDefinitions"]), resource["name"])
        self.assertGreater(made, 30)

    def test_metadata_alone(self):
        made = self.made(CONFIGMAPS, configmap("meta", {"a": "1"}, labels={"x": "y"}))
        partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"]}
        self.assertEqual(self.ok("GET", CONFIGMAPS + "/meta", Accept=PARTIAL), partial)
        listed = self.ok("GET", CONFIGMAPS, Accept=PARTIAL_LIST)
        self.assertEqual((listed["kind"], listed["apiVersion"], listed["items"]), ("PartialObjectMetadataList", "meta.k8s.io/v1", [partial]))

    def test_writes_answer_in_the_form_asked_for(self):
        self.assertEqual(self.made(CONFIGMAPS, configmap("made"), Accept=PARTIAL)["kind"], "PartialObjectMetadata")
        self.assertEqual(self.ok("PUT", CONFIGMAPS + "/made", configmap("made", {"a": "1"}), Accept=TABLE)["rows"][0]["cells"][:2], ["made", 1])
        self.assertEqual(self.ok("DELETE", CONFIGMAPS, Accept=PARTIAL_LIST)["kind"], "PartialObjectMetadataList")

    def test_a_watch_of_tables_names_the_columns_once(self):
        self.made(CONFIGMAPS, configmap("first"))
        watch = self.watch(CONFIGMAPS + "?watch=1", TABLE)
        self.made(CONFIGMAPS, configmap("second"))
        self.ok("DELETE", CONFIGMAPS + "/second")
        events = watch.take(3)
        self.assertEqual([e["type"] for e in events], ["ADDED", "ADDED", "DELETED"])
        self.assertEqual([len(e["object"]["columnDefinitions"] or ()) for e in events], [3, 0, 0])
        for event in events:
            self.assertEqual((event["object"]["kind"], len(event["object"]["rows"])), ("Table", 1))
        self.assertEqual(events[2]["object"]["rows"][0]["object"]["metadata"]["name"], "second")

    def test_a_watch_of_metadata_with_bookmarks_of_the_same_kind(self):
        self.made(CONFIGMAPS, configmap("first", {"a": "1"}))
        watch = self.watch(CONFIGMAPS + "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true", PARTIAL)
        added, bookmark = watch.take(2)
        self.assertEqual((added["object"]["kind"], sorted(added["object"])), ("PartialObjectMetadata", ["apiVersion", "kind", "metadata"]))
        self.assertEqual((bookmark["type"], bookmark["object"]["kind"]), ("BOOKMARK", "PartialObjectMetadata"))
        self.assertEqual(bookmark["object"]["metadata"]["annotations"], {"k8s.io/initial-events-end": "true"})

    def test_errors_are_a_status_whatever_was_asked_for(self):
        for accept in (TABLE, PARTIAL, "application/json"):
            self.refused(self.client.get(CONFIGMAPS + "/nope", Accept=accept), 404, "NotFound")

    def test_the_first_clause_that_can_be_served_is(self):
        self.made(CONFIGMAPS, configmap("accept"))
        for accept, kind in (("*/*", "ConfigMapList"), ("application/*", "ConfigMapList"), ("application/json;q=0.5,image/png", "ConfigMapList"),
                             ("application/vnd.foo, */*", "ConfigMapList"), (META + "Bogus,application/json", "ConfigMapList"),
                             ("application/json;as=Table;v=v9;g=meta.k8s.io," + TABLE, "Table"), ("application/json, " + TABLE, "ConfigMapList"),
                             (TABLE.replace("as=Table", "as=Table;q=0.1") + ",application/json;q=0.9", "ConfigMapList"), ("", "ConfigMapList")):
            self.assertEqual(self.ok("GET", CONFIGMAPS, Accept=accept)["kind"], kind, accept)
        for accept in ("image/png", META + "Bogus", "text/html"):
            self.refused(self.client.get(CONFIGMAPS, Accept=accept), 406, "NotAcceptable", "only the following media types are accepted: application/json")

    def test_yaml_is_what_kubectl_prints(self):
        self.made(CONFIGMAPS, configmap("yaml", {"a": "yes", "b": "1"}))
        answer = self.client.get(CONFIGMAPS + "/yaml", Accept="application/yaml")
        self.assertEqual((answer.code, answer.headers["content-type"]), (200, "application/yaml"))
        self.assertRegex(answer.body.decode(), r'^apiVersion: v1\ndata:\n  a: "yes"\n  b: "1"\nkind: ConfigMap\nmetadata:\n')
        self.assertIn(b"\n- apiVersion: v1\n", self.client.get(CONFIGMAPS, Accept="application/yaml").body)
        error = self.client.get(CONFIGMAPS + "/nope", Accept="application/yaml")
        self.assertEqual((error.code, error.headers["content-type"], b"\nreason: NotFound\n" in error.body), (404, "application/yaml", True))
        watch = self.client.get(CONFIGMAPS + "?watch=1", Accept="application/yaml")
        self.assertEqual((watch.code, watch.headers["content-type"]), (406, "application/yaml"))
        for words in (b"\nreason: NotAcceptable\n", b"application/json;stream=watch"):
            self.assertIn(words, watch.body)

    def test_people_get_indented_json_and_programs_do_not(self):
        self.made(CONFIGMAPS, configmap("pretty"))
        for headers, query, indented in (({}, "", False), ({"User-Agent": "curl/8"}, "", True), ({"User-Agent": "Mozilla/5.0 X"}, "", True),
                                         ({"User-Agent": "curl/8"}, "?pretty=false", False), ({}, "?pretty=true", True), ({}, "?pretty=1", True),
                                         ({"Accept": "application/json;pretty=1"}, "", True), ({"User-Agent": "kubectl/v1"}, "", False)):
            for path in (CONFIGMAPS, CONFIGMAPS + "/pretty", CONFIGMAPS + "/nope"):
                if "Accept" in headers and path.endswith("nope"):
                    continue
                body = self.client.raw("GET", path + query, None, headers).body
                self.assertEqual(b'\n  "kind"' in body, indented, (headers, query, body[:80]))

    def test_large_answers_are_packed_for_those_who_take_it(self):
        self.made(CONFIGMAPS, configmap("small"))
        self.assertNotIn("content-encoding", self.client.get(CONFIGMAPS, Accept_Encoding="gzip").headers)
        for n in range(15):
            self.made(CONFIGMAPS, configmap(f"large{n:02}", {"k": "x" * 10000}))
        plain = self.client.get(CONFIGMAPS)
        packed = self.client.get(CONFIGMAPS, Accept_Encoding="deflate, gzip")
        self.assertEqual((packed.headers["content-encoding"], packed.headers["vary"]), ("gzip", "Accept-Encoding"))
        self.assertLess(len(packed.body), len(plain.body) // 10)
        self.assertEqual(json.loads(gzip.decompress(packed.body)), plain.json)
        self.assertNotIn("content-encoding", plain.headers)

    def test_every_answer_carries_its_audit_id_and_is_not_kept(self):
        ids = set()
        for path in (CONFIGMAPS, CONFIGMAPS + "/nope", "/nope", "/healthz", "/api"):
            headers = self.client.get(path).headers
            ids.add(headers["audit-id"])
            if path != "/api":
                self.assertEqual(headers["cache-control"], "no-cache, private")
        self.assertEqual(len(ids), 5)


if __name__ == "__main__":
    main()
