"""Projections: Accept parameters that trim objects, and the events that they make needless (KEP-5958 has
the first of them)."""
import unittest

from tidewatch import CONFIGMAPS, EventSource, Server, Watch, brief, configmap, main

IDENTITY = {"name", "namespace", "uid", "resourceVersion"}


class Projections(unittest.TestCase):
    def setUp(self):
        self.server = Server(flags=["--bookmark-interval=100ms"])
        self.addCleanup(self.server.close)
        self.client = self.server.client()
        answer = self.client.create(CONFIGMAPS, self.a(k="1", other="x"))
        self.assertEqual(answer.code, 201, answer)
        self.rv = answer.rv

    @staticmethod
    def a(**data):
        return configmap("a", data, labels={"app.kubernetes.io/name": "web", "tier": "front"})

    def put(self, **data):
        answer = self.client.call("PUT", CONFIGMAPS + "/a", self.a(**data))
        self.assertEqual(answer.code, 200, answer)
        return answer.rv

    def get(self, projection, path=CONFIGMAPS + "/a"):
        answer = self.client.get(path, Accept="application/json;" + projection)
        self.assertEqual(answer.code, 200, answer)
        return answer.json

    def test_drop_takes_away_and_fields_keeps(self):
        dropped = self.get("drop=metadata.labels.tier|data.other")
        self.assertEqual((dropped["data"], dropped["metadata"]["labels"]),
                         ({"k": "1"}, {"app.kubernetes.io/name": "web"}))
        kept = self.get("fields=data.k")
        self.assertEqual((set(kept), set(kept["metadata"]), kept["data"]),
                         ({"apiVersion", "kind", "metadata", "data"}, IDENTITY, {"k": "1"}))

    def test_names_with_dots_and_both_parameters_and_repeated_ones(self):
        self.assertEqual(self.get('fields="metadata.labels.app\\.kubernetes\\.io/name"')["metadata"]["labels"],
                         {"app.kubernetes.io/name": "web"})
        self.assertEqual(self.get("fields=data;drop=data.k")["data"], {"other": "x"})
        self.assertNotIn("data", self.get("drop=metadata.labels;drop=data"))

    def test_who_it_is_always_stays(self):
        self.assertEqual(set(self.get("drop=metadata|kind|data")["metadata"]), IDENTITY)

    def test_items_of_a_list_and_what_a_write_answers_are_trimmed_too(self):
        items = self.get("drop=data|metadata.labels", CONFIGMAPS)["items"]
        self.assertTrue(items and all("data" not in o and "labels" not in o["metadata"] for o in items))
        made = self.client.call("POST", CONFIGMAPS, configmap("b", {"k": "v"}), Accept="application/json;drop=data")
        self.assertEqual((made.code, "data" in made.json), (201, False))
        self.assertEqual(self.client.get(CONFIGMAPS + "/b").json["data"], {"k": "v"}, "it is stored whole")

    def test_what_is_no_path_is_400(self):
        for projection in ("drop=a..b", "fields=.", "fields=" + "|".join(["a"] * 65), 'drop="' + "a" * 5000 + '"',
                           "drop=" + ".".join(["a"] * 17)):
            answer = self.client.get(CONFIGMAPS, Accept="application/json;" + projection)
            self.assertEqual((answer.code, answer.json["reason"]), (400, "BadRequest"), projection)

    def watch(self, kind, accept, query=""):
        watch = kind(self.server.port, f"{CONFIGMAPS}?watch=true{query}", headers={"Accept": accept})
        self.addCleanup(watch.close)
        self.assertEqual(watch.code, 200)
        return watch

    def silent_and_loud(self, watch):
        """Of three changes the watch is told of the one that it can see."""
        self.put(k="1", other="y")
        loud = self.put(k="2", other="y")
        self.put(k="2", other="z")
        self.client.call("DELETE", CONFIGMAPS + "/a")
        seen = watch.take(2)
        self.assertEqual((brief(seen[0]), seen[1]["type"]), (("MODIFIED", "a", loud), "DELETED"))
        self.assertEqual([e["object"].get("data") for e in seen], [{"k": "2"}] * 2)

    def test_a_change_that_is_not_seen_is_not_sent(self):
        self.silent_and_loud(self.watch(Watch, "application/json;fields=data.k", f"&resourceVersion={self.rv}"))

    def test_nor_is_it_by_server_sent_events(self):
        self.silent_and_loud(self.watch(EventSource, "text/event-stream;drop=data.other", f"&resourceVersion={self.rv}"))

    def test_nor_when_it_is_read_from_the_log_after_a_restart(self):
        self.put(k="1", other="y")
        loud = self.put(k="2", other="y")
        last = self.put(k="2", other="z")
        self.server.stop()
        self.server.start()
        watch = self.watch(Watch, "application/json;fields=data.k",
                           f"&resourceVersion={self.rv}&allowWatchBookmarks=true")
        first, second = watch.take(2)
        self.assertEqual((brief(first), second["type"]), (("MODIFIED", "a", loud), "BOOKMARK"))
        self.assertEqual(brief(second)[2], last, "what was not sent is behind it all the same")

    def test_nor_does_it_answer_a_long_poll(self):
        self.put(k="1", other="y")
        loud = self.put(k="2", other="y")
        answer = self.client.get(f"{CONFIGMAPS}?watch=true&longPoll=true&resourceVersion={self.rv}",
                                 Accept="application/json;fields=data.k")
        self.assertEqual([brief(e) for e in answer.json["events"]], [("MODIFIED", "a", loud)])

    def test_what_comes_into_a_selector_or_goes_is_always_sent(self):
        watch = self.watch(Watch, "application/json;fields=data.k",
                           f"&resourceVersion={self.rv}&labelSelector=on%3Dyes")
        body = self.a(k="1")
        body["metadata"]["labels"] = {"on": "yes"}
        self.client.call("PUT", CONFIGMAPS + "/a", body)
        self.put(k="1")
        self.assertEqual([e["type"] for e in watch.take(2)], ["ADDED", "DELETED"])

    def test_metadata_alone_can_be_trimmed(self):
        got = self.client.get(CONFIGMAPS + "/a", Accept="application/json;as=PartialObjectMetadata;v=v1;"
                              "g=meta.k8s.io;drop=metadata.labels").json
        self.assertEqual(got["kind"], "PartialObjectMetadata")
        self.assertNotIn("labels", got["metadata"])


if __name__ == "__main__":
    main()
