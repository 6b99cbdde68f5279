"""What odd input is answered: each line was measured on kube-apiserver; where ours is better, the
test says so."""
import json
import socket

from tidewatch import CONFIGMAPS, ApiTest, Watch, configmap, main


class OddInput(ApiTest):
    def test_duplicate_create_is_409_already_exists(self):
        self.client.create(CONFIGMAPS, configmap("dup"))
        status = self.refused(self.client.create(CONFIGMAPS, configmap("dup")), 409, "AlreadyExists",
                              'configmaps "dup" already exists')
        self.assertEqual(status["details"], {"name": "dup", "kind": "configmaps"})

    def test_create_with_resource_version_is_400_not_500(self):  # documented better
        self.refused(self.client.create(CONFIGMAPS, configmap("rv", resourceVersion="5")), 400, "BadRequest",
                     "resourceVersion should not be set on objects to be created")

    def test_put_with_stale_rv_is_409_conflict(self):
        old = self.client.create(CONFIGMAPS, configmap("stale")).json
        self.assertEqual(self.client.call("PUT", CONFIGMAPS + "/stale", dict(old, data={"a": "1"})).code, 200)
        self.refused(self.client.call("PUT", CONFIGMAPS + "/stale", dict(old, data={"a": "2"})), 409, "Conflict",
                     'Operation cannot be fulfilled on configmaps "stale": the object has been modified; '
                     "please apply your changes to the latest version and try again")

    def test_name_and_namespace_must_match_the_url(self):
        self.client.create(CONFIGMAPS, configmap("here"))
        self.refused(self.client.call("PUT", CONFIGMAPS + "/here", configmap("there")), 400, "BadRequest",
                     "the name of the object (there) does not match the name on the URL (here)")
        self.refused(self.client.create(CONFIGMAPS, configmap("x", namespace="other")), 400, "BadRequest",
                     "the namespace of the provided object does not match the namespace sent on the request")

    def test_deep_json_is_400(self):
        deep = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d"},"x":' + "[" * 10001 + "]" * 10001 + "}"
        self.refused(self.client.create(CONFIGMAPS, deep), 400, "BadRequest")

    def test_body_over_3_mib_is_413(self):
        body = json.dumps(configmap("big", {"k": "x" * (3 * 1024 * 1024)}))
        self.refused(self.server.client().create(CONFIGMAPS, body), 413, "RequestEntityTooLarge", "limit is 3145728")

    def test_configmap_data_over_1_mib_is_422(self):
        self.refused(self.client.create(CONFIGMAPS, configmap("big", {"k": "x" * 1048577})), 422, "Invalid",
                     "Too long: ", "1048576")

    def test_duplicate_json_keys_last_wins(self):
        body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"keys"},"data":{"a":"1","a":"2"}}'
        answer = self.client.create(CONFIGMAPS, body)
        self.assertEqual((answer.code, answer.json["data"]), (201, {"a": "2"}))

    def test_strict_field_validation_refuses_duplicate_keys(self):
        body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"keys2"},"data":{"a":"1","a":"2"}}'
        self.refused(self.client.create(CONFIGMAPS + "?fieldValidation=Strict", body), 400, "BadRequest",
                     'strict decoding error: duplicate field "data.a"')

    def test_limit_beyond_int64_is_400_and_minus_1_is_none(self):
        self.refused(self.client.get(CONFIGMAPS + "?limit=99999999999999999999"), 400, "BadRequest",
                     'strconv.ParseInt: parsing "99999999999999999999": value out of range')
        for query in ("limit=x", "timeoutSeconds=1s"):
            self.refused(self.client.get(f"{CONFIGMAPS}?{query}"), 400, "BadRequest", "invalid syntax")
        self.assertEqual(self.client.get(CONFIGMAPS + "?limit=-1").code, 200)

    def test_bad_resource_versions_are_400_or_422_not_500(self):  # documented better
        self.refused(self.client.get(CONFIGMAPS + "?resourceVersion=abc"), 400, "BadRequest")
        self.refused(self.client.get(CONFIGMAPS + "?watch=1&resourceVersion=-1"), 422, "Invalid")

    def test_watch_at_a_future_rv_is_empty_until_its_timeout(self):
        watch = Watch(self.server.port, CONFIGMAPS + "?watch=1&resourceVersion=999999&timeoutSeconds=1&allowWatchBookmarks=true")
        self.assertEqual((watch.code, watch.rest()), (200, []))

    def test_bad_selectors_are_400(self):
        for query in ("labelSelector=%21%21", "labelSelector=a%20in%20b", "fieldSelector=a", "fieldSelector=spec.bogus%3D1"):
            self.refused(self.client.get(CONFIGMAPS + "?" + query), 400, "BadRequest")
        self.refused(self.client.get(CONFIGMAPS + "?fieldSelector=spec.bogus%3D1"), 400, "BadRequest",
                     '"spec.bogus" is not a known field selector: only "metadata.name", "metadata.namespace"')
        self.refused(self.client.get("/api/v1/pods?fieldSelector=spec.bogus%3D1"), 400, "BadRequest",
                     "field label not supported: spec.bogus")

    def test_json_patch_limits(self):
        self.client.create(CONFIGMAPS, configmap("patch", {"a": "1"}))
        patch = lambda ops: self.client.call("PATCH", CONFIGMAPS + "/patch", ops, content_type="application/json-patch+json")
        self.refused(patch([{"op": "test", "path": "/data/a", "value": "1"}] * 10001), 413, "RequestEntityTooLarge")
        self.refused(patch([{"op": "add", "path": "/metadata/finalizers/999999999", "value": "a/b"}]), 422, "Invalid")

    def test_unknown_media_types_are_415_and_406(self):
        self.refused(self.client.call("POST", CONFIGMAPS, "x", content_type="text/plain"), 415, "UnsupportedMediaType")
        self.client.create(CONFIGMAPS, configmap("media"))
        self.refused(self.client.call("PATCH", CONFIGMAPS + "/media", "{}", content_type="text/plain"), 415, "UnsupportedMediaType")
        self.refused(self.client.get(CONFIGMAPS, Accept="image/png"), 406, "NotAcceptable")

    def test_trace_and_options_are_405(self):
        for method in ("TRACE", "OPTIONS"):
            self.assertEqual(self.client.raw(method, CONFIGMAPS).code, 405)

    def test_405_names_what_is_allowed(self):  # documented better: the real server leaves it out
        item, all_of_them = CONFIGMAPS + "/x", "/api/v1/configmaps"
        for method, path, allow in (("PUT", CONFIGMAPS, "GET, HEAD, POST, DELETE"), ("POST", item, "GET, HEAD, PUT, PATCH, DELETE"),
                                    ("POST", all_of_them, "GET, HEAD"), ("DELETE", all_of_them, "GET, HEAD"),
                                    ("DELETE", "/api/v1/namespaces", "GET, HEAD, POST"),
                                    ("DELETE", "/api/v1/namespaces/default/status", "GET, HEAD, PUT, PATCH"),
                                    ("DELETE", "/api/v1/watch/namespaces/default/configmaps", "GET, HEAD"),
                                    ("POST", "/version", "GET, HEAD"), ("DELETE", "/apis", "GET, HEAD")):
            answer = self.client.raw(method, path, "{}")
            self.refused(answer, 405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
            self.assertEqual(answer.headers["allow"], allow, (method, path))

    def test_head_is_a_get_without_its_body(self):
        self.client.create(CONFIGMAPS, configmap("head"))
        for path, code in ((CONFIGMAPS, 200), (CONFIGMAPS + "/head", 200), (CONFIGMAPS + "/nope", 404), ("/healthz", 200), ("/apis", 200)):
            answer = self.client.raw("HEAD", path)
            self.assertEqual((answer.code, answer.body), (code, b""), path)
            self.assertGreater(int(answer.headers["content-length"]), 0)

    def test_timeouts_are_go_durations(self):
        for good in ("32s", "1m30s", "1.5h", "0", "-1s", "300ms", ""):
            self.assertEqual(self.client.get(f"{CONFIGMAPS}?timeout={good}").code, 200, good)
        for bad, words in (("abc", 'time: invalid duration "abc"'), ("32", 'time: missing unit in duration "32"'),
                           ("3x", 'time: unknown unit "x" in duration "3x"'), ("-", 'time: invalid duration "-"'),
                           ("1.s2", 'time: missing unit in duration "1.s2"')):
            for path in (CONFIGMAPS, "/apis", "/version", CONFIGMAPS + "/x"):
                self.refused(self.client.get(f"{path}?timeout={bad}"), 400, "BadRequest",
                             "invalid timeout specified in the request URL - " + words)
        watch = Watch(self.server.port, CONFIGMAPS + "?watch=1&timeout=abc&timeoutSeconds=1&resourceVersion=999999")
        self.assertEqual((watch.code, watch.rest()), (200, []))

    def test_headers_and_urls_of_2_mb_are_431(self):
        for path, header in ((CONFIGMAPS, "x" * 2_000_000), (CONFIGMAPS + "?x=" + "y" * 2_000_000, "")):
            with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as s:
                try:
                    s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Long: {header}\r\n\r\n".encode())
                except (ConnectionResetError, BrokenPipeError):
                    pass
                try:
                    first = s.recv(64)
                except ConnectionResetError:
                    first = b""
            self.assertIn(first[:12], (b"HTTP/1.1 431", b"HTTP/1.1 400", b""))

    def test_names_that_are_no_names_are_404(self):
        for name in ("..", "%2e%2e%2f", "a%2Fb", "%ff%fe", "a%00b"):
            self.assertEqual(self.client.get(f"{CONFIGMAPS}/{name}").code, 404, name)

    def test_unregistered_paths_are_plain_404(self):
        for path in ("/apis/nope/v1/things", "/nope", "/apis/nope", "//api/v1/pods", "/healthz/nope", "/apiv1"):
            answer = self.client.get(path)
            self.assertEqual((answer.code, answer.body), (404, b"404 page not found\n"), path)

    def test_unregistered_paths_below_a_built_in_group_are_a_status(self):
        for path in ("/api/v1/nope", "/api/v2/pods", "/api/v1/namespaces/default/nodes", "/apis/apps/v1/nope",
                     "/apis/apps/v2/deployments", CONFIGMAPS + "/a/status", CONFIGMAPS + "/a/b/c", "/api/v1/configmaps/a"):
            self.refused(self.client.get(path), 404, "NotFound", "the server could not find the requested resource")

    def test_booleans_follow_apimachinery(self):
        for off in ("false", "False", "0"):
            self.assertEqual(self.client.get(f"{CONFIGMAPS}?watch={off}").json["kind"], "ConfigMapList")
        for on in ("true", "True", "1", "", "yes"):
            watch = Watch(self.server.port, f"{CONFIGMAPS}?watch={on}&timeoutSeconds=1&resourceVersion=999999")
            self.assertEqual((watch.code, watch.rest()), (200, []))

    def test_unknown_query_parameters_are_ignored(self):
        self.assertEqual(self.client.get(CONFIGMAPS + "?export=true&timeout=8m1s&bogus").code, 200)

    def test_a_body_without_content_type_is_json(self):
        answer = self.client.raw("POST", CONFIGMAPS, json.dumps(configmap("untyped")))
        self.assertEqual(answer.code, 201)

    def test_dry_run_leaves_no_trace(self):
        self.assertEqual(self.client.create(CONFIGMAPS + "?dryRun=All", configmap("dry")).code, 201)
        self.assertEqual(self.client.get(CONFIGMAPS + "/dry").code, 404)
        self.refused(self.client.create(CONFIGMAPS + "?dryRun=Some", configmap("dry")), 422, "Invalid")

    def test_numbers_are_kept_exactly(self):
        body = ('{"apiVersion":"v1","kind":"Pod","metadata":{"name":"n"},'
                '"spec":{"activeDeadlineSeconds":9007199254740993,"containers":[{"name":"a","image":"b"}]}}')
        path = "/api/v1/namespaces/default/pods"
        self.assertEqual(self.client.create(path, body).code, 201)
        self.assertIn(b"9007199254740993", self.client.get(path + "/n").body)

    def test_a_nul_in_a_string_is_kept(self):
        body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"nul"},"data":{"k":"a\\u0000b"}}'
        self.assertEqual(self.client.create(CONFIGMAPS, body).code, 201)
        self.assertEqual(self.client.get(CONFIGMAPS + "/nul").json["data"]["k"], "a\0b")


if __name__ == "__main__":
    main()
