"""Plain polling: an answer is known by its ETag, and 304 says that nothing has changed."""
import unittest

from tidewatch import CONFIGMAPS, Server, configmap, main

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
LIST_METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


class PollingETags(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.client = self.server.client()
        for name in "abc":
            self.make(name)

    def make(self, name, path=CONFIGMAPS, **kwargs):
        answer = self.client.create(path, configmap(name, **kwargs))
        self.assertEqual(answer.code, 201, answer)

    def etag(self, path, **headers):
        answer = self.client.get(path, **headers)
        self.assertEqual(answer.code, 200, answer)
        self.assertEqual(self.header(answer, "cache-control"), "no-cache, private")
        return self.header(answer, "etag")

    @staticmethod
    def header(answer, name):
        return {k.lower(): v for k, v in answer.headers.items()}.get(name)

    def again(self, path, etag, **headers):
        return self.client.get(path, If_None_Match=etag, **headers)

    def test_an_object_is_304_until_it_changes(self):
        path = CONFIGMAPS + "/a"
        etag = self.etag(path)
        answer = self.again(path, etag)
        self.assertEqual((answer.code, answer.body, self.header(answer, "etag")), (304, b"", etag))
        self.make("d")
        self.assertEqual(self.again(path, etag).code, 304, "another object was made")
        self.client.call("PUT", path, configmap("a", {"k": "v"}))
        changed = self.again(path, etag)
        self.assertEqual((changed.code, changed.json["data"]), (200, {"k": "v"}))
        self.client.call("DELETE", path)
        self.assertEqual(self.again(path, etag).code, 404)
        self.make("a")
        self.assertEqual(self.again(path, etag).code, 200, "another one of that name")

    def test_a_list_is_304_until_something_of_its_resource_changes(self):
        for query in ("", "?labelSelector=on%3Dyes", "?limit=2", "?resourceVersion=0"):
            path = CONFIGMAPS + query
            etag = self.etag(path)
            self.assertEqual(self.again(path, etag).code, 304, query)
            self.client.create("/api/v1/namespaces/default/secrets", {"metadata": {"generateName": "s"}})
            self.assertEqual(self.again(path, etag).code, 304, "another resource changed")
            self.make("x" + str(len(query)), labels={"on": "yes"})
            self.assertEqual(self.again(path, etag).code, 200, query)

    def test_the_pages_of_a_snapshot_do_not_change(self):
        token = self.client.get(CONFIGMAPS + "?limit=1").json["metadata"]["continue"]
        path = f"{CONFIGMAPS}?limit=1&continue={token}"
        etag = self.etag(path)
        self.make("x")
        self.assertEqual(self.again(path, etag).code, 304)

    def test_what_is_asked_in_another_form_is_another_answer(self):
        path = CONFIGMAPS + "/a"
        forms = [{}, {"Accept": "application/yaml"}, {"Accept": METADATA}, {"User_Agent": "curl/8"},
                 {"Accept": "application/json;drop=data"}, {"Accept": "application/json;fields=data"}]
        etags = [self.etag(path, **form) for form in forms] + [self.etag(path + "?pretty=1")]
        self.assertEqual(len(set(etags)), len(etags))
        for form, etag in zip(forms, etags):
            self.assertEqual(self.again(path, etag, **form).code, 304, form)
            self.assertEqual(self.again(path, etags[-1], **form).code, 200, form)
        lists = {self.etag(CONFIGMAPS), self.etag(CONFIGMAPS + "?limit=500"), self.etag("/api/v1/configmaps"),
                 self.etag(CONFIGMAPS, Accept=LIST_METADATA)}
        self.assertEqual(len(lists), 4)

    def test_a_table_has_none_since_the_ages_in_it_change(self):
        self.assertIsNone(self.etag(CONFIGMAPS, Accept=TABLE))
        self.assertIsNone(self.etag(CONFIGMAPS + "/a", Accept=TABLE))

    def test_the_header_may_hold_several_or_a_star(self):
        path = CONFIGMAPS + "/a"
        etag = self.etag(path)
        for tags in (f'"x", {etag}', etag.removeprefix("W/"), "*"):
            self.assertEqual(self.again(path, tags).code, 304, tags)
        for tags in ('"x"', "W/", "", etag[:-1]):
            self.assertEqual(self.again(path, tags).code, 200, tags)

    def test_every_connection_and_loop_agrees(self):
        etags = {(self.server.client().get(CONFIGMAPS).headers.get("etag")) for _ in range(16)}
        self.assertEqual(len(etags), 1)

    def test_head_says_it_too(self):
        head = self.client.call("HEAD", CONFIGMAPS + "/a")
        self.assertEqual(self.header(head, "etag"), self.etag(CONFIGMAPS + "/a"))

    def test_a_poller_misses_no_change(self):
        etag, seen = None, 0
        for n in range(50):
            self.client.call("PUT", f"{CONFIGMAPS}/a", configmap("a", {"n": str(n)}))
            answer = self.server.client().get(CONFIGMAPS, **({"If_None_Match": etag} if etag else {}))
            self.assertEqual(answer.code, 200)
            self.assertEqual(next(o for o in answer.json["items"] if o["metadata"]["name"] == "a")["data"], {"n": str(n)})
            etag, seen = self.header(answer, "etag"), seen + 1
        self.assertEqual(seen, 50)


if __name__ == "__main__":
    main()
