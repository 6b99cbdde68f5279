"""Every row of the list table of Kubernetes' resourceVersion semantics, and paging.

https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list
"""
import base64
import gzip
import json
import socket
import time
import unittest

from tidewatch import CONFIGMAPS, Server, configmap, main, wait_for


class ListSemantics(unittest.TestCase):
    def setUp(self):
        self.server = Server(storage="memory")
        self.addCleanup(self.server.close)
        self.client = self.server.client()

    def make(self, *names):
        return [self.client.create(CONFIGMAPS, configmap(n)).rv for n in names]

    def names(self, query=""):
        answer = self.client.get(CONFIGMAPS + query)
        self.assertEqual(answer.code, 200, answer)
        return [i["metadata"]["name"] for i in answer.json["items"]], answer

    def test_unset_rv_is_most_recent(self):
        for n in range(20):
            rv = self.make(f"c{n}")[0]
            names, answer = self.names()
            self.assertIn(f"c{n}", names)
            self.assertGreaterEqual(answer.rv, rv)

    def test_rv_0_is_any_and_ignores_limit(self):
        self.make("a", "b", "c")
        for query in ("?resourceVersion=0&limit=1", "?resourceVersion=0&limit=1&resourceVersionMatch=NotOlderThan"):
            names, answer = self.names(query)
            self.assertEqual(names, ["a", "b", "c"])
            self.assertNotIn("continue", answer.json["metadata"])

    def test_rv_n_without_match_or_limit_is_not_older_than(self):
        first, _, _ = self.make("a", "b", "c")
        names, answer = self.names(f"?resourceVersion={first}")
        self.assertEqual(names, ["a", "b", "c"])
        self.assertGreater(answer.rv, first)

    def test_rv_n_with_limit_and_no_match_is_exact(self):
        _, second, _ = self.make("a", "b", "c")
        names, answer = self.names(f"?resourceVersion={second}&limit=10")
        self.assertEqual(names, ["a", "b"])
        self.assertEqual(answer.rv, second)

    def test_rv_n_not_older_than(self):
        _, second, third = self.make("a", "b", "c")
        for query in ("", "&limit=500"):
            names, answer = self.names(f"?resourceVersion={second}&resourceVersionMatch=NotOlderThan{query}")
            self.assertEqual(names, ["a", "b", "c"])
            self.assertGreaterEqual(answer.rv, third)

    def test_rv_n_exact(self):
        rvs = self.make("a", "b", "c")
        rvs.append(int(self.client.call("DELETE", CONFIGMAPS + "/a").json["metadata"].get("resourceVersion", 0)) or None)
        for i, rv in enumerate(rvs[:3]):
            names, answer = self.names(f"?resourceVersion={rv}&resourceVersionMatch=Exact")
            self.assertEqual(names, ["a", "b", "c"][:i + 1])
            self.assertEqual(answer.rv, rv)

    def test_exact_shows_the_object_as_it_was(self):
        self.make("a")
        old = self.client.get(CONFIGMAPS + "/a").json
        self.client.call("PUT", CONFIGMAPS + "/a", configmap("a", {"k": "2"}))
        rv = old["metadata"]["resourceVersion"]
        answer = self.client.get(f"{CONFIGMAPS}?resourceVersion={rv}&resourceVersionMatch=Exact")
        self.assertEqual(answer.json["items"][0]["metadata"], old["metadata"])
        self.assertNotIn("k", answer.json["items"][0].get("data", {}))

    def test_future_rv_is_504_after_3_s(self):
        began = time.monotonic()
        answer = self.client.get(CONFIGMAPS + "?resourceVersion=99999&resourceVersionMatch=NotOlderThan")
        self.assertGreater(time.monotonic() - began, 2.5)
        self.assertEqual(answer.code, 504)
        status = answer.json
        self.assertEqual(status["reason"], "Timeout")
        self.assertIn("Too large resource version: 99999, current: ", status["message"])
        self.assertEqual(status["details"]["causes"][0]["reason"], "ResourceVersionTooLarge")
        self.assertEqual(status["details"]["retryAfterSeconds"], 1)

    def test_exact_future_rv_is_504_at_once(self):
        began = time.monotonic()
        answer = self.client.get(CONFIGMAPS + "?resourceVersion=99999&resourceVersionMatch=Exact")
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(answer.code, 504)

    def test_a_future_rv_that_comes_within_3_s_is_answered(self):
        rv = self.make("a")[0]
        waiter = self.server.client()
        waiter.get("/version")
        waiter.connection.request("GET", f"{CONFIGMAPS}?resourceVersion={rv + 1}&resourceVersionMatch=NotOlderThan")
        self.make("b")
        response = waiter.connection.getresponse()
        self.assertEqual(response.status, 200)
        self.assertEqual(len(json.loads(response.read())["items"]), 2)

    def test_refused_combinations_are_422(self):
        for query in ("resourceVersionMatch=Exact", "resourceVersion=0&resourceVersionMatch=Exact",
                      "resourceVersion=1&resourceVersionMatch=Bogus", "sendInitialEvents=true",
                      "resourceVersion=0&resourceVersionMatch=NotOlderThan&continue=x"):
            answer = self.client.get(CONFIGMAPS + "?" + query)
            self.assertEqual((answer.code, answer.json["reason"]), (422, "Invalid"), query)

    def test_continue_forbids_a_resource_version(self):
        self.make("a", "b")
        token = self.names("?limit=1")[1].json["metadata"]["continue"]
        answer = self.client.get(f"{CONFIGMAPS}?limit=1&continue={token}&resourceVersion=1")
        self.assertEqual(answer.code, 400)
        self.assertIn("specifying resource version is not allowed when using continue", answer.json["message"])

    def test_pages_are_one_snapshot_while_writes_go_on(self):
        self.make(*[f"c{n:02}" for n in range(10)])
        names, page = self.names("?limit=3")
        self.assertEqual(page.json["metadata"]["remainingItemCount"], 7)
        rv, rounds = page.rv, 0
        while "continue" in page.json["metadata"]:
            self.client.call("DELETE", f"{CONFIGMAPS}/c{9 - rounds:02}")
            self.make(f"c{rounds:02}-new")
            more, page = self.names("?limit=3&continue=" + page.json["metadata"]["continue"])
            self.assertEqual(page.rv, rv)
            names += more
            rounds += 1
            if "continue" in page.json["metadata"]:
                self.assertEqual(page.json["metadata"]["remainingItemCount"], 10 - len(names))
        self.assertEqual(names, [f"c{n:02}" for n in range(10)])

    def test_pages_across_namespaces_are_ordered_by_namespace_and_name(self):
        for ns in ("kube-system", "default", "kube-public"):
            for name in ("b", "a"):
                self.client.create(f"/api/v1/namespaces/{ns}/configmaps", configmap(name))
        seen, token = [], ""
        while True:
            page = self.client.get("/api/v1/configmaps?limit=1&continue=" + token).json
            seen += [(i["metadata"]["namespace"], i["metadata"]["name"]) for i in page["items"]]
            token = page["metadata"].get("continue")
            if not token:
                break
        self.assertEqual(seen, sorted(seen))
        self.assertEqual(len(seen), 6)

    def test_a_selector_fills_pages_and_hides_the_remaining_count(self):
        for n in range(9):
            self.client.create(CONFIGMAPS, configmap(f"c{n}", labels={"odd": str(n % 2)}))
        names, page = self.names("?labelSelector=odd%3D1&limit=2")
        self.assertEqual(names, ["c1", "c3"])
        self.assertNotIn("remainingItemCount", page.json["metadata"])
        names, page = self.names("?labelSelector=odd%3D1&limit=2&continue=" + page.json["metadata"]["continue"])
        self.assertEqual(names, ["c5", "c7"])
        self.assertNotIn("continue", page.json["metadata"])

    def test_an_empty_list_has_items(self):
        answer = self.client.get("/api/v1/namespaces/nowhere/configmaps")
        self.assertEqual(answer.code, 200)
        self.assertEqual(answer.json["items"], [])
        self.assertEqual(answer.json["kind"], "ConfigMapList")

    def test_garbage_continue_is_400(self):
        for token in ("garbage", "", base64.urlsafe_b64encode(b'{"v":"meta.k8s.io/v1","rv":1,"start":"../x"}').decode().rstrip("=")):
            answer = self.client.get(f"{CONFIGMAPS}?continue={token or 'e30'}")
            self.assertEqual((answer.code, answer.json["reason"]), (400, "BadRequest"))


class Expired(unittest.TestCase):
    """A log of one second: what is older can be compacted."""

    def setUp(self):
        self.server = Server(flags=["--history-age=1s"])
        self.addCleanup(self.server.close)
        self.client = self.server.client()

    def compacted_past(self, rv):
        deadline = time.monotonic() + 30
        n = 0
        while self.server.metric("tidewatch_storage_floor") <= rv:
            self.client.call("PUT", CONFIGMAPS + "/churn", configmap("churn", {"n": str(n)})) if n else \
                self.client.create(CONFIGMAPS, configmap("churn"))
            n += 1
            self.assertLess(time.monotonic(), deadline, "the log was not compacted")

    def test_an_exact_rv_below_the_floor_is_410(self):
        rv = self.client.create(CONFIGMAPS, configmap("a")).rv
        self.compacted_past(rv)
        answer = self.client.get(f"{CONFIGMAPS}?resourceVersion={rv}&resourceVersionMatch=Exact")
        self.assertEqual((answer.code, answer.json["reason"]), (410, "Expired"))

    def test_an_expired_continue_is_410_with_a_token_to_go_on(self):
        for name in ("a", "b", "zz"):
            self.client.create(CONFIGMAPS, configmap(name))
        page = self.client.get(CONFIGMAPS + "?limit=1")
        self.compacted_past(page.rv)
        answer = self.client.get(f"{CONFIGMAPS}?limit=1&continue={page.json['metadata']['continue']}")
        self.assertEqual((answer.code, answer.json["reason"]), (410, "Expired"))
        token = answer.json["metadata"]["continue"]
        answer = self.client.get(f"{CONFIGMAPS}?continue={token}")
        self.assertEqual([i["metadata"]["name"] for i in answer.json["items"]], ["b", "churn", "zz"])


class LongLists(unittest.TestCase):
    """More than 1 MiB is sent in pieces, while the list is written."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(storage="memory")
        cls.addClassCleanup(cls.server.close)
        client = cls.server.client()
        cls.names = [f"c{n:02}" for n in range(30)]
        for name in cls.names:
            assert client.create(CONFIGMAPS, configmap(name, {"k": name * 25_000})).code == 201

    def setUp(self):
        self.client = self.server.client()

    def test_is_whole_and_the_connection_goes_on(self):
        for _ in range(3):
            answer = self.client.get(CONFIGMAPS)
            self.assertEqual(answer.headers.get("transfer-encoding"), "chunked")
            self.assertEqual(answer.headers["content-type"], "application/json")
            self.assertIn("audit-id", answer.headers)
            self.assertTrue(answer.body.endswith(b"]}\n"))
            self.assertEqual([(i["metadata"]["name"], i["data"]["k"]) for i in answer.json["items"]],
                             [(name, name * 25_000) for name in self.names])
            self.assertEqual(self.client.get(CONFIGMAPS + "/c00").json["metadata"]["name"], "c00")

    def test_is_the_state_of_its_revision_whatever_comes_meanwhile(self):
        with socket.create_connection(("127.0.0.1", self.server.port), 60) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
            s.sendall(f"GET {CONFIGMAPS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            begun = s.recv(1000)
            self.assertTrue(begun.startswith(b"HTTP/1.1 200"))
            path = CONFIGMAPS + "/c29"
            self.assertEqual(self.client.call("DELETE", path).code, 200)
            rest = b"".join(iter(lambda: s.recv(1 << 20), b""))
            self.assertIn(b'"c29c29', rest)
            self.assertTrue(rest.endswith(b"0\r\n\r\n"))
        self.client.create(CONFIGMAPS, configmap("c29", {"k": "c29" * 25_000}))

    def test_a_page_says_how_to_go_on(self):
        page = self.client.get(CONFIGMAPS + "?limit=20").json
        rest = self.client.get(CONFIGMAPS + "?limit=20&continue=" + page["metadata"]["continue"]).json
        self.assertEqual([i["metadata"]["name"] for i in page["items"] + rest["items"]], self.names)

    def test_a_client_that_leaves_in_the_middle_is_forgotten(self):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", self.server.port), 60) as s:
                s.sendall(f"GET {CONFIGMAPS} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                self.assertTrue(s.recv(1000))
        wait_for(lambda: self.server.metric("tidewatch_connections") <= 2, "the connections to end")

    def test_what_needs_it_whole_is_done_to_the_whole(self):
        packed = self.client.get(CONFIGMAPS, Accept_Encoding="gzip")
        self.assertEqual(packed.headers["content-encoding"], "gzip")
        self.assertEqual(len(json.loads(gzip.decompress(packed.body))["items"]), 30)
        pretty = self.client.get(CONFIGMAPS + "?pretty=1")
        self.assertEqual((pretty.headers["transfer-encoding"], len(pretty.json["items"])), ("chunked", 30))
        self.assertTrue(pretty.body.startswith(b'{\n  "kind": "ConfigMapList"') and pretty.body.endswith(b"}\n"))
        head = self.client.call("HEAD", CONFIGMAPS)
        self.assertEqual((head.code, head.body), (200, b""))
        self.assertGreater(int(head.headers["content-length"]), 1 << 20)


if __name__ == "__main__":
    main()
