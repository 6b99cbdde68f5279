"""Every row of the watch table (apiserver/pkg/storage/testing/watcher_tests.go RunWatchSemantics), and
what events look like on the wire."""
import time
import unittest

from tidewatch import CONFIGMAPS, Server, Watch, brief, configmap, made, main

END = "k8s.io/initial-events-end"


def is_bookmark(event):
    return event["type"] == "BOOKMARK"


class WatchSemantics(unittest.TestCase):
    def setUp(self):
        self.server = Server(storage="memory", flags=["--bookmark-interval=100ms"])
        self.addCleanup(self.server.close)
        self.client = self.server.client()

    def make(self, name, **kwargs):
        return made(self.client, configmap(name, **kwargs))

    def put(self, name, data, **kwargs):
        answer = self.client.call("PUT", f"{CONFIGMAPS}/{name}", configmap(name, data, **kwargs))
        self.assertEqual(answer.code, 200, answer)
        return answer.rv

    def watch(self, query=""):
        watch = Watch(self.server.port, f"{CONFIGMAPS}?watch=1&timeoutSeconds=20{query}")
        self.addCleanup(watch.close)
        self.assertEqual(watch.code, 200)
        return watch

    def test_rv_unset_legacy_sends_the_state_then_what_follows(self):
        a, b = self.make("a"), self.make("b")
        watch = self.watch()
        c = self.make("c")
        self.assertEqual([brief(e) for e in watch.take(3)],
                         [("ADDED", "a", a), ("ADDED", "b", b), ("ADDED", "c", c)])

    def test_rv_unset_with_send_initial_events_and_bookmarks_ends_with_the_annotated_bookmark(self):
        for query in ("", "&resourceVersion=0", "&resourceVersion="):
            self.make("a" + str(len(query)))
            watch = self.watch("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true" + query)
            events = watch.until(is_bookmark)
            self.assertEqual(events[-1]["object"]["metadata"]["annotations"], {END: "true"})
            self.assertEqual((events[-1]["object"]["kind"], events[-1]["object"]["apiVersion"]), ("ConfigMap", "v1"))
            self.assertTrue(all(e["type"] == "ADDED" for e in events[:-1]))
            self.assertEqual(len(events) - 1, len(self.client.get(CONFIGMAPS).json["items"]))
            follow = self.put("a" + str(len(query)), {"k": query or "x"})
            later = [e for e in watch.until(lambda e: e["type"] == "MODIFIED")]
            self.assertEqual(brief(later[-1])[2], follow)
            self.assertFalse(any(END in str(e) for e in later), "the marker comes once")

    def test_rv_0_legacy_with_bookmarks_gets_the_annotated_bookmark_too(self):
        self.make("a")
        events = self.watch("&resourceVersion=0&allowWatchBookmarks=true").until(is_bookmark)
        self.assertIn(END, events[-1]["object"]["metadata"]["annotations"])

    def test_send_initial_events_without_bookmarks_has_no_marker(self):
        self.make("a")
        watch = self.watch("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=0")
        b = self.make("b")
        self.assertEqual([e["type"] for e in watch.take(2)], ["ADDED", "ADDED"])
        self.assertGreater(b, 0)

    def test_rv_unset_or_0_without_initial_events_is_live_only(self):
        for query in ("", "&resourceVersion=0"):
            self.make("old" + str(len(query)))
            watch = self.watch("&sendInitialEvents=false&resourceVersionMatch=NotOlderThan" + query)
            new = self.make("new" + str(len(query)))
            self.assertEqual(brief(watch.next()), ("ADDED", "new" + str(len(query)), new))

    def test_rv_n_sends_events_after_n(self):
        a, b = self.make("a"), self.make("b")
        watch = self.watch(f"&resourceVersion={a}")
        self.assertEqual(brief(watch.next()), ("ADDED", "b", b))

    def test_rv_n_in_the_future_yields_only_events_after_it(self):
        now = self.make("a")
        watch = self.watch(f"&resourceVersion={now + 2}&allowWatchBookmarks=true")
        self.make("b"), self.make("c")
        d = self.make("d")
        self.assertEqual(brief([e for e in watch.until(lambda e: not is_bookmark(e))][-1]), ("ADDED", "d", d))

    def test_rv_n_with_initial_events_waits_until_the_state_is_there(self):
        now = self.make("a")
        watch = None
        import threading
        writer = threading.Timer(0.2, lambda: self.server.client().create(CONFIGMAPS, configmap("b")))
        writer.start()
        watch = self.watch(f"&resourceVersion={now + 1}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")
        events = watch.until(is_bookmark)
        self.assertEqual([brief(e)[1] for e in events[:-1]], ["a", "b"])
        self.assertGreaterEqual(brief(events[-1])[2], now + 1)
        writer.join()

    def test_rv_n_with_initial_events_too_new_is_an_error_event_504(self):
        watch = self.watch("&resourceVersion=99999&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")
        event = watch.next()
        self.assertEqual((event["type"], event["object"]["code"], event["object"]["reason"]), ("ERROR", 504, "Timeout"))
        self.assertIsNone(watch.next())

    def test_refused_combinations_are_422(self):
        for query in ("sendInitialEvents=true", "resourceVersionMatch=NotOlderThan",
                      "sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=1"):
            answer = self.client.get(f"{CONFIGMAPS}?watch=1&{query}")
            self.assertEqual((answer.code, answer.json["reason"]), (422, "Invalid"), query)

    def test_selector_transitions(self):
        watch = self.watch("&resourceVersion=1&labelSelector=on%3Dyes")
        self.make("x", labels={"on": "no"})                                        # no -> no
        entered = self.put("x", {"v": "1"}, labels={"on": "yes"})                  # no -> yes
        changed = self.put("x", {"v": "2"}, labels={"on": "yes"})                  # yes -> yes
        left = self.put("x", {"v": "3"}, labels={"on": "no"})                      # yes -> no
        self.client.call("DELETE", CONFIGMAPS + "/x")                              # deleted, did not match
        self.make("y", labels={"on": "yes"})
        self.client.call("DELETE", CONFIGMAPS + "/y")                              # deleted while matching
        events = watch.take(5)
        self.assertEqual([brief(e) for e in events[:3]],
                         [("ADDED", "x", entered), ("MODIFIED", "x", changed), ("DELETED", "x", left)])
        self.assertEqual(events[2]["object"]["data"], {"v": "2"}, "the body is the previous one")
        self.assertEqual([brief(e)[:2] for e in events[3:]], [("ADDED", "y"), ("DELETED", "y")])

    def test_deleted_carries_the_last_state_and_the_deletes_rv(self):
        rv = self.make("a", data={"k": "last"})
        watch = self.watch(f"&resourceVersion={rv}")
        self.client.call("DELETE", CONFIGMAPS + "/a")
        event = watch.next()
        self.assertEqual((event["type"], event["object"]["data"]), ("DELETED", {"k": "last"}))
        self.assertEqual(int(event["object"]["metadata"]["resourceVersion"]), self.client.get(CONFIGMAPS).rv)

    def test_bookmarks_come_on_an_idle_resource_and_move_on(self):
        rv = self.make("a")
        watch = self.watch(f"&resourceVersion={rv}&allowWatchBookmarks=true")
        first = watch.next()
        self.assertTrue(is_bookmark(first))
        other = self.client.create("/api/v1/namespaces/default/secrets",
                                   {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}).rv
        watch.until(lambda e: is_bookmark(e) and brief(e)[2] >= other)

    def test_no_bookmark_without_asking(self):
        watch = Watch(self.server.port, f"{CONFIGMAPS}?watch=1&resourceVersion=1&timeoutSeconds=1")
        self.assertEqual(watch.rest(), [])

    def test_timeout_seconds_ends_cleanly_with_a_last_bookmark(self):
        rv = self.make("a")
        began = time.monotonic()
        events = Watch(self.server.port, f"{CONFIGMAPS}?watch=1&resourceVersion={rv}&timeoutSeconds=1&allowWatchBookmarks=true").rest()
        self.assertGreaterEqual(time.monotonic() - began, 0.9)
        self.assertTrue(events and is_bookmark(events[-1]))

    def test_single_object_by_field_selector_and_legacy_path(self):
        rv = self.make("a")
        self.make("b")
        by_selector = self.watch(f"&resourceVersion={rv}&fieldSelector=metadata.name%3Da")
        by_path = Watch(self.server.port, f"/api/v1/watch/namespaces/default/configmaps/a?resourceVersion={rv}&timeoutSeconds=20")
        changed = self.put("a", {"k": "1"})
        for watch in (by_selector, by_path):
            self.assertEqual(brief(watch.next()), ("MODIFIED", "a", changed))
        answer = self.client.get("/api/v1/watch/namespaces/default/configmaps/a?fieldSelector=metadata.name%3Db")
        self.assertEqual(answer.code, 400)

    def test_legacy_paths_of_a_collection(self):
        a = self.make("a")
        for path in ("/api/v1/watch/configmaps", "/api/v1/watch/namespaces/default/configmaps"):
            watch = Watch(self.server.port, path + "?timeoutSeconds=20")
            self.assertEqual(brief(watch.next()), ("ADDED", "a", a))
            watch.close()

    def test_a_no_op_write_makes_no_event(self):
        self.make("a", data={"k": "1"})
        before = self.client.get(CONFIGMAPS + "/a").rv
        watch = self.watch(f"&resourceVersion={before}")
        self.assertEqual(self.put("a", {"k": "1"}), before)
        changed = self.put("a", {"k": "2"})
        self.assertEqual(brief(watch.next())[2], changed)

    def test_table_watch_sends_columns_once(self):
        import http.client, json
        self.make("a", data={"k": "1"})
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        connection.request("GET", CONFIGMAPS + "?watch=1&timeoutSeconds=20",
                           headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})
        response = connection.getresponse()
        first = json.loads(response.readline())
        self.put("a", {"k": "2"})
        second = json.loads(response.readline())
        connection.close()
        self.assertEqual(first["object"]["kind"], "Table")
        self.assertEqual([c["name"] for c in first["object"]["columnDefinitions"]], ["Name", "Data", "Age"])
        self.assertFalse(second["object"].get("columnDefinitions"))
        self.assertEqual(second["object"]["rows"][0]["cells"][:2], ["a", 1])
        self.assertEqual(second["object"]["rows"][0]["object"]["kind"], "PartialObjectMetadata")

    def test_sigterm_ends_watches_cleanly(self):
        watch = self.watch("&resourceVersion=1")
        took = self.server.stop()
        self.assertIsNone(watch.next())
        self.assertLess(took, 5)

    def test_concurrent_watches_see_the_same_order(self):
        watches = [self.watch("&resourceVersion=1") for _ in range(5)]
        for n in range(50):
            self.make(f"c{n}")
        orders = [[brief(e) for e in w.take(50)] for w in watches]
        self.assertTrue(all(o == orders[0] for o in orders))
        self.assertEqual([o[2] for o in orders[0]], sorted(o[2] for o in orders[0]))


class Expired(unittest.TestCase):
    def test_a_watch_below_the_floor_is_200_and_an_error_event_410(self):
        with Server(flags=["--history-age=1s", "--watch-window-events=4"]) as server:
            client = server.client()
            rv = client.create(CONFIGMAPS, configmap("a")).rv
            deadline, n = time.monotonic() + 30, 0
            while server.metric("tidewatch_storage_floor") <= rv + 1:
                n += 1
                client.call("PUT", CONFIGMAPS + "/a", configmap("a", {"n": str(n)}))
                self.assertLess(time.monotonic(), deadline)
            watch = Watch(server.port, f"{CONFIGMAPS}?watch=1&resourceVersion={rv}&timeoutSeconds=20")
            event = watch.next()
            self.assertEqual((watch.code, event["type"]), (200, "ERROR"))
            self.assertEqual((event["object"]["code"], event["object"]["reason"]), (410, "Expired"))
            self.assertIn(f"too old resource version: {rv} (", event["object"]["message"])
            self.assertIsNone(watch.next())


if __name__ == "__main__":
    main()
