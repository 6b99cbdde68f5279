"""Answers and watches in protobuf, read by classes that protoc made of proto/. Skipped without protoc or python3-protobuf."""
import gzip
import socket

import kubeproto
from kubeproto import STREAM, TYPE, ProtobufWatch, decode
from tidewatch import CONFIGMAPS, ApiTest, Watch, configmap, main

METADATA = ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
TABLE = ";as=Table;g=meta.k8s.io;v=v1"


def bare(item):
    """An object without what only JSON says: apiVersion and kind of a list's items."""
    return {name: value for name, value in item.items() if name not in ("apiVersion", "kind")}


class Protobuf(ApiTest):
    def protobuf(self, answer, code):
        self.assertEqual((answer.code, answer.headers["content-type"]), (code, TYPE), answer)
        return decode(answer.body)

    def failure(self, answer, code, reason):
        status = self.protobuf(answer, code)
        self.assertEqual((status["apiVersion"], status["kind"], status["status"]), ("v1", "Status", "Failure"))
        self.assertEqual((status["code"], status["reason"]), (code, reason))
        return status

    def test_every_verb_answers_what_it_does_in_json(self):
        path, headers = CONFIGMAPS + "/verbs", {"Accept": TYPE}
        made = self.protobuf(self.client.call("POST", CONFIGMAPS, configmap("verbs", {"a": "1"}, {"l": "x"}), **headers), 201)
        self.assertEqual(made, self.ok("GET", path))
        self.assertEqual(self.protobuf(self.client.get(path, **headers), 200), made)
        updated = self.protobuf(self.client.call("PUT", path, configmap("verbs", {"a": "2"}), **headers), 200)
        self.assertEqual(updated["data"], {"a": "2"})
        patched = self.protobuf(self.client.call("PATCH", path, {"data": {"b": "\u00e4\u0000"}}, "application/merge-patch+json", **headers), 200)
        self.assertEqual(patched, self.ok("GET", path))
        self.assertEqual(patched["data"], {"a": "2", "b": "\u00e4\u0000"})
        deleted = self.protobuf(self.client.call("DELETE", path, **headers), 200)
        self.assertEqual((deleted["kind"], deleted["status"], deleted["details"]["name"]), ("Status", "Success", "verbs"))

    def test_a_list_is_the_same_list_page_by_page(self):
        space = "/api/v1/namespaces/pages/configmaps"
        self.made("/api/v1/namespaces", {"metadata": {"name": "pages"}})
        for n in range(5):
            self.made(space, configmap(f"p{n}", {"n": str(n)}))
        token = ""
        for n in (0, 2, 4):
            query = f"{space}?limit=2{token}"
            plain, page = self.ok("GET", query), self.protobuf(self.client.get(query, Accept=TYPE), 200)
            self.assertEqual((page["apiVersion"], page["kind"]), ("v1", "ConfigMapList"))
            self.assertEqual(page["items"], [bare(item) for item in plain["items"]])
            self.assertEqual([item["metadata"]["name"] for item in page["items"]], [f"p{i}" for i in range(n, min(n + 2, 5))])
            self.assertEqual(page["metadata"], {k: v for k, v in plain["metadata"].items()})
            token = "&continue=" + page["metadata"].get("continue", "")
        none = self.protobuf(self.client.get(space + "?labelSelector=none", Accept=TYPE), 200)
        self.assertNotIn("items", none)
        gone = self.protobuf(self.client.call("DELETE", space, Accept=TYPE), 200)
        self.assertEqual((gone["kind"], len(gone["items"])), ("ConfigMapList", 5))

    def test_a_large_list_comes_packed_like_json(self):
        self.made("/api/v1/namespaces", {"metadata": {"name": "large"}})
        space = "/api/v1/namespaces/large/configmaps"
        for n in range(3):
            self.made(space, configmap(f"l{n}", {"text": "a line\n" * 10000}))
        answer = self.client.get(space, Accept=TYPE, Accept_Encoding="gzip")
        self.assertEqual(answer.headers.get("content-encoding"), "gzip")
        packed = decode(gzip.decompress(answer.body))
        self.assertEqual([item["data"] for item in packed["items"]], [item["data"] for item in self.ok("GET", space)["items"]])

    def test_a_list_too_long_to_be_parsed_between_other_things_is_the_same(self):
        self.made("/api/v1/namespaces", {"metadata": {"name": "long"}})
        space, count = "/api/v1/namespaces/long/configmaps", 510
        for n in range(count):
            self.made(space, configmap(f"c{n:03}", {"n": str(n)}))
        plain = self.ok("GET", space)
        self.assertEqual(len(plain["items"]), count)
        for _ in range(20):     # these leave before they are answered
            with socket.create_connection(("127.0.0.1", self.server.port)) as gone:
                gone.sendall(f"GET {space} HTTP/1.1\r\nHost: x\r\nAccept: {TYPE}\r\n\r\n".encode())
        listed = self.protobuf(self.client.get(space, Accept=TYPE), 200)
        self.assertEqual(listed["metadata"], plain["metadata"])
        self.assertEqual(listed["items"], [bare(item) for item in plain["items"]])
        table = self.client.get(space, Accept="application/json" + TABLE).json
        self.assertEqual([row["cells"][0] for row in table["rows"]], [item["metadata"]["name"] for item in plain["items"]])
        part = self.client.get(space, Accept="application/json;drop=data").json
        self.assertEqual(part["items"], [{k: v for k, v in item.items() if k != "data"} for item in plain["items"]])

    def test_failures_come_in_it_too(self):
        status = self.failure(self.client.get(CONFIGMAPS + "/nope", Accept=TYPE), 404, "NotFound")
        self.assertEqual(status["details"], {"name": "nope", "kind": "configmaps"})
        self.failure(self.client.get("/api/v1/nothing", Accept=TYPE), 404, "NotFound")
        self.failure(self.client.get("/api/v1/nothing", Accept=f"image/png, {TYPE}"), 404, "NotFound")
        self.failure(self.client.call("POST", CONFIGMAPS, "{", Accept=TYPE), 400, "BadRequest")
        self.failure(self.client.call("PUT", CONFIGMAPS, {}, Accept=TYPE), 405, "MethodNotAllowed")
        invalid = self.failure(self.client.call("POST", CONFIGMAPS, configmap("Not_A_Name"), Accept=TYPE), 422, "Invalid")
        self.assertEqual(invalid["details"]["causes"][0]["field"], "metadata.name")
        self.failure(self.client.get(CONFIGMAPS + "?watch=1&resourceVersion=x", Accept=STREAM), 422, "Invalid")

    def test_a_failure_is_never_what_only_an_object_can_be(self):
        self.refused(self.client.get(CONFIGMAPS + "/nope", Accept=TYPE + METADATA), 404, "NotFound")
        self.failure(self.client.get(CONFIGMAPS + "/nope", Accept=f"{TYPE}{METADATA},{TYPE}"), 404, "NotFound")

    def test_metadata_alone(self):
        self.made(CONFIGMAPS, configmap("meta", {"a": "1"}, {"l": "x"}))
        metadata = self.ok("GET", CONFIGMAPS + "/meta")["metadata"]
        part = self.protobuf(self.client.get(CONFIGMAPS + "/meta", Accept=f"{TYPE}{METADATA},application/json{METADATA}"), 200)
        self.assertEqual(part, {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata})
        parts = self.protobuf(self.client.get(CONFIGMAPS, Accept=TYPE + METADATA_LIST), 200)
        self.assertEqual(parts["kind"], "PartialObjectMetadataList")
        self.assertIn({"metadata": metadata}, parts["items"])
        watch = ProtobufWatch(self.server.port, CONFIGMAPS + "?watch=1&fieldSelector=metadata.name%3Dmeta", accept=TYPE + METADATA)
        self.assertEqual(watch.next(), {"type": "ADDED", "object": part})
        watch.close()

    def test_a_table_is_json(self):
        self.refused(self.client.get(CONFIGMAPS, Accept="image/png"), 406, "NotAcceptable", TYPE)
        self.assertEqual(self.client.get(CONFIGMAPS, Accept=TYPE + TABLE).code, 406)
        answer = self.client.get(CONFIGMAPS, Accept=f"{TYPE}{TABLE},application/json{TABLE}")
        self.assertEqual((answer.headers["content-type"], answer.json["kind"]), ("application/json", "Table"))

    def test_accept_decides(self):
        for accept, expected in ((f"{TYPE},application/json", TYPE), (f"application/json,{TYPE}", "application/json"),
                                 (f"{TYPE};q=0.2,application/json;q=0.3", "application/json"), ("*/*", "application/json"),
                                 (f"{TYPE}, */*", TYPE), (f"image/png, {TYPE}", TYPE)):
            self.assertEqual(self.client.get(CONFIGMAPS, Accept=accept).headers["content-type"], expected, accept)

    def test_other_ways_to_be_told_are_json(self):
        for query in ("&longPoll=true", "&push=true"):
            path = f"{CONFIGMAPS}?watch=1&timeoutSeconds=1&resourceVersion=1{query}"
            answer = self.client.get(path, Accept=f"{TYPE},application/json")
            self.assertEqual((answer.code, answer.headers["content-type"]), (200, "application/json"))
            self.failure(self.client.get(path, Accept=TYPE), 406, "NotAcceptable")
        source = Watch(self.server.port, CONFIGMAPS + "?watch=1", headers={"Accept": f"text/event-stream,{STREAM}"})
        self.assertEqual(source.response.headers["content-type"], "text/event-stream")
        source.close()

    def test_each_form_has_its_etag(self):
        self.made(CONFIGMAPS, configmap("tag"))
        for path in (CONFIGMAPS + "/tag", CONFIGMAPS):
            tags = {accept: self.client.get(path, Accept=accept).headers["etag"] for accept in (TYPE, "application/json")}
            self.assertEqual(len(set(tags.values())), 2)
            for accept, tag in tags.items():
                again = self.client.get(path, Accept=accept, If_None_Match=tag)
                self.assertEqual((again.code, again.body), (304, b""))
            self.assertEqual(self.client.get(path, Accept=TYPE, If_None_Match=tags["application/json"]).code, 200)

    def test_projections_trim_messages(self):
        self.made(CONFIGMAPS, configmap("part", {"a": "1"}, {"l": "x"}))
        part = self.protobuf(self.client.get(CONFIGMAPS + "/part", Accept=TYPE + ";fields=metadata.labels"), 200)
        self.assertEqual((part.get("data"), part["metadata"]["labels"]), (None, {"l": "x"}))
        parts = self.protobuf(self.client.get(CONFIGMAPS, Accept=TYPE + ";drop=data"), 200)
        self.assertFalse([item for item in parts["items"] if "data" in item])
        watch = ProtobufWatch(self.server.port, CONFIGMAPS + "?watch=1&fieldSelector=metadata.name%3Dpart", accept=STREAM + ";drop=data")
        self.assertNotIn("data", watch.next()["object"])
        self.client.call("PUT", CONFIGMAPS + "/part", configmap("part", {"a": "2"}, {"l": "x"}))    # not shown, not told
        self.client.call("PUT", CONFIGMAPS + "/part", configmap("part", {"a": "2"}, {"l": "y"}))
        self.assertEqual(watch.next()["object"]["metadata"]["labels"], {"l": "y"})
        watch.close()

    def test_a_body_may_come_in_it_and_what_it_says_beyond_is_passed_over(self):
        body = kubeproto.class_of("v1", "ConfigMap")()
        body.metadata.name, body.data["a"] = "sent", "1"
        known = kubeproto.encode("v1", "ConfigMap", body)
        made = self.protobuf(self.client.call("POST", CONFIGMAPS, known, TYPE, Accept=TYPE), 201)
        self.assertEqual(made["data"], {"a": "1"})
        unknown = kubeproto.message("k8s.io.apimachinery.pkg.runtime.Unknown")(raw=body.SerializeToString() + b"\xf2\x3f\x03new")
        answer = self.client.call("PUT", CONFIGMAPS + "/sent", b"k8s\0" + unknown.SerializeToString(), TYPE)
        self.assertEqual((answer.code, answer.json["data"]), (200, {"a": "1"}))

    def test_discovery_for_clients_that_configure_it(self):
        for path, kind in (("/api", "APIVersions"), ("/apis", "APIGroupList"), ("/apis/apps", "APIGroup"), ("/api/v1", "APIResourceList"),
                           ("/apis/apps/v1", "APIResourceList")):
            answer = self.client.get(path, Accept=f"{TYPE},application/json")
            self.assertEqual((answer.code, answer.headers["content-type"]), (200, TYPE), path)
            plain, document = self.ok("GET", path), decode(answer.body)
            self.assertEqual(document["kind"], kind)
            for name in ("groups", "resources", "versions", "groupVersion", "name"):
                self.assertEqual(document.get(name), plain.get(name), path)
            self.assertNotEqual(answer.headers["etag"], self.client.get(path).headers["etag"])

    def test_a_watch_tells_the_state_what_follows_and_how_far_it_is(self):
        space = "/api/v1/namespaces/told/configmaps"
        self.made("/api/v1/namespaces", {"metadata": {"name": "told"}})
        first = self.made(space, configmap("w", {"n": "1"}))
        watch = ProtobufWatch(self.server.port, space + "?watch=1&sendInitialEvents=true&allowWatchBookmarks=true"
                              "&resourceVersionMatch=NotOlderThan")
        self.assertEqual((watch.code, watch.response.headers["content-type"]), (200, STREAM))
        self.assertEqual(watch.next(), {"type": "ADDED", "object": first})
        mark = watch.next()
        self.assertEqual((mark["type"], mark["object"]["kind"], mark["object"]["metadata"]["annotations"]),
                         ("BOOKMARK", "ConfigMap", {"k8s.io/initial-events-end": "true"}))
        changed = self.ok("PUT", space + "/w", configmap("w", {"n": "2"}))
        self.assertEqual(watch.next(), {"type": "MODIFIED", "object": changed})
        self.ok("DELETE", space + "/w")
        last = watch.next()
        self.assertEqual((last["type"], last["object"]["data"]), ("DELETED", {"n": "2"}))
        watch.close()

    def test_a_watch_that_cannot_go_on_says_so(self):
        watch = ProtobufWatch(self.server.port, CONFIGMAPS + "?watch=1&resourceVersion=99999999&sendInitialEvents=true"
                              "&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan")
        event = watch.next()
        self.assertEqual((event["type"], event["object"]["kind"], event["object"]["reason"]), ("ERROR", "Status", "Timeout"))
        self.assertIsNone(watch.next())
        watch.close()

    def test_many_watchers_cost_one_encoding_a_format(self):
        """The small one; docs/watching.md has the run with 10,000 of each."""
        space, events, each = "/api/v1/namespaces/many/configmaps", 10, 30
        self.made("/api/v1/namespaces", {"metadata": {"name": "many"}})
        rv = self.ok("GET", space)["metadata"]["resourceVersion"]
        path = f"{space}?watch=1&resourceVersion={rv}"
        watches = [make(self.server.port, path) for make in (Watch, ProtobufWatch) for _ in range(each)]
        before = self.encoded()
        for n in range(events):
            self.made(space, configmap(f"m{n}", {"n": str(n)}))
        told = [watch.take(events) for watch in watches]
        self.assertTrue(all(sequence == told[0] for sequence in told))
        after = self.encoded()
        self.assertEqual({form: after[form] - before[form] for form in after}, {"json": events, "sse": 0, "protobuf": events})
        for watch in watches:
            watch.close()

    def encoded(self):
        return {form: self.server.metric("tidewatch_watch_events_encoded_total", f'format="{form}"') for form in ("json", "sse", "protobuf")}


if __name__ == "__main__":
    if not kubeproto.available():
        raise SystemExit(77)
    main()
