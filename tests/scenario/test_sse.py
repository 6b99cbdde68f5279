"""Server-sent events: what a browser's EventSource would see of a watch, and how it comes back (HTML
standard, section 9.2; CORS by allow-list)."""
import unittest

from tidewatch import CONFIGMAPS, EventSource, Server, brief, configmap, forget_history, made, main

END = "k8s.io/initial-events-end"
HERE = "https://page.example"


class ServerSentEvents(unittest.TestCase):
    def setUp(self):
        self.server = Server(flags=["--bookmark-interval=100ms", f"--cors-allowed-origins={HERE}"])
        self.addCleanup(self.server.close)
        self.client = self.server.client()

    def make(self, name, **kwargs):
        return made(self.client, configmap(name, **kwargs))

    def events(self, query="", **kwargs):
        source = EventSource(self.server.port, f"{CONFIGMAPS}?watch=true{query}", **kwargs)
        self.addCleanup(source.close)
        self.assertEqual((source.code, source.response.getheader("Content-Type")), (200, "text/event-stream"))
        return source

    def test_each_event_has_its_revision_as_id_and_its_type_as_name(self):
        first = self.make("a")
        source = self.events(f"&resourceVersion={first}")
        b = self.make("b", data={"lines": "one\ntwo\r\n\u2028three"})
        self.client.call("DELETE", f"{CONFIGMAPS}/b")
        added, deleted = source.take(2)
        self.assertEqual(source.retry, "1000")
        self.assertEqual((brief(added), added["id"]), (("ADDED", "b", b), str(b)))
        self.assertEqual(added["object"]["data"], {"lines": "one\ntwo\r\n\u2028three"})
        self.assertEqual((deleted["type"], deleted["id"]), ("DELETED", deleted["object"]["metadata"]["resourceVersion"]))

    def test_the_first_state_can_be_resumed_from_only_when_it_is_whole(self):
        for name in "cab":
            last = self.make(name)
        source = self.events()
        self.assertEqual([(e["object"]["metadata"]["name"], e["id"]) for e in source.take(3)],
                         [("a", ""), ("b", ""), ("c", "")])
        source.until_seen(lambda s: s.last_id == str(last))
        with_end = self.events("&allowWatchBookmarks=true").take(4)
        self.assertEqual((with_end[3]["type"], with_end[3]["id"]), ("BOOKMARK", str(last)))
        self.assertIn(END, with_end[3]["object"]["metadata"]["annotations"])

    def test_last_event_id_goes_before_the_url_and_resumes(self):
        a, b, c = self.make("a"), self.make("b"), self.make("c")
        state = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        for query in ("", f"&resourceVersion={a}", state, f"&resourceVersion={c}" + state):
            self.assertEqual(brief(self.events(query, last_id=b).next()), ("ADDED", "c", c), query)
        self.assertEqual(brief(self.events(f"&lastEventId={b}").next()), ("ADDED", "c", c))
        self.assertEqual(brief(self.events(last_id="").next()), ("ADDED", "a", a), "an empty one is none")

    def test_a_last_event_id_that_is_none_of_ours_is_400(self):
        for last_id in ("abc", "-1", "0", "99999999999999999999"):
            source = EventSource(self.server.port, f"{CONFIGMAPS}?watch=true", last_id=last_id)
            self.addCleanup(source.close)
            self.assertEqual(source.code, 400, last_id)

    def test_it_resumes_over_a_restart_and_a_kill(self):
        source = self.events(f"&resourceVersion={self.make('start')}")
        seen, made = [], []
        for stop in (self.server.stop, self.server.kill, None):
            for n in range(3):
                made.append(self.make(f"m{len(made)}"))
            seen += source.take(2)               # one is on its way when the server goes
            last_id = seen[-1]["id"]
            source.close()
            if stop is not None:
                stop()
                self.server.start()
                self.client = self.server.client()
            source = self.events("&resourceVersion=1", last_id=last_id)
        seen += source.take(len(made) - len(seen))
        self.assertEqual([int(e["id"]) for e in seen], made)

    def test_an_idle_stream_has_heartbeats_that_move_the_id_on(self):
        rv = self.make("a")
        source = self.events(f"&resourceVersion={rv}&fieldSelector=metadata.name%3Dnothing")
        source.until_seen(lambda s: s.comments > 1 and s.last_id == str(rv))
        later = self.make("b")                   # does not match, but need not be read again
        source.until_seen(lambda s: s.last_id == str(later))

    def test_history_that_is_gone_is_an_event_named_error_and_a_clean_end(self):
        server = Server(flags=["--history-bytes=1", "--watch-window-events=4"])
        self.addCleanup(server.close)
        client = server.client()
        first = client.create(CONFIGMAPS, configmap("a")).rv
        forget_history(server, client, first)
        source = EventSource(server.port, f"{CONFIGMAPS}?watch=true&timeoutSeconds=20", last_id=first)
        self.addCleanup(source.close)
        event = source.next()
        self.assertEqual((event["type"], event["object"]["code"], event["object"]["reason"]), ("ERROR", 410, "Expired"))
        self.assertEqual(event["id"], "", "or the client would come back with it for ever")
        self.assertIsNone(source.next())

    def test_what_is_no_watch_is_406_and_what_is_refused_is_json(self):
        self.assertEqual(self.client.get(CONFIGMAPS, Accept="text/event-stream").code, 406)
        refused = self.client.get(f"{CONFIGMAPS}?watch=true&sendInitialEvents=true", Accept="text/event-stream")
        self.assertEqual((refused.code, refused.json["reason"]), (422, "Invalid"))

    def test_a_table_comes_as_events_too(self):
        self.make("a")
        row, = self.events(headers={"Accept": "text/event-stream;as=Table;v=v1;g=meta.k8s.io"}).take(1)
        self.assertEqual((row["type"], row["object"]["kind"]), ("ADDED", "Table"))


class Origins(unittest.TestCase):
    def setUp(self):
        self.server = Server(storage="memory", flags=[f"--cors-allowed-origins={HERE},http://localhost:3000"])
        self.addCleanup(self.server.close)
        self.client = self.server.client()

    def preflight(self, origin, client=None):
        return (client or self.client).call("OPTIONS", CONFIGMAPS, Origin=origin,
                                            Access_Control_Request_Method="GET")

    def test_a_listed_page_may_read_streams_answers_and_errors(self):
        source = EventSource(self.server.port, f"{CONFIGMAPS}?watch=true", headers={"Origin": HERE})
        self.addCleanup(source.close)
        self.assertEqual(source.response.getheader("Access-Control-Allow-Origin"), HERE)
        for path in (CONFIGMAPS, "/api", "/version", CONFIGMAPS + "/nothing", "/nowhere"):
            headers = {k.lower(): v for k, v in self.client.get(path, Origin=HERE).headers.items()}
            self.assertEqual(headers.get("access-control-allow-origin"), HERE, path)
            self.assertIn("Origin", headers["vary"], path)

    def test_others_are_told_nothing(self):
        for origin in ("https://evil.example", "https://page.example.evil", "http://page.example", "null"):
            answer = self.client.get(CONFIGMAPS, Origin=origin)
            self.assertEqual(answer.code, 200)
            self.assertNotIn("access-control-allow-origin", {k.lower() for k in answer.headers})
            self.assertEqual(self.preflight(origin).code, 405)

    def test_a_preflight_of_a_listed_page_is_answered(self):
        answer = self.preflight("http://localhost:3000")
        headers = {k.lower(): v for k, v in answer.headers.items()}
        self.assertEqual((answer.code, answer.body), (204, b""))
        self.assertEqual(headers["access-control-allow-origin"], "http://localhost:3000")
        self.assertIn("PATCH", headers["access-control-allow-methods"])
        self.assertIn("Last-Event-ID", headers["access-control-allow-headers"])

    def test_options_that_is_no_preflight_is_405(self):
        self.assertEqual(self.client.call("OPTIONS", CONFIGMAPS, Origin=HERE).code, 405)

    def test_without_a_list_nothing_is_different(self):
        server = Server(storage="memory")
        self.addCleanup(server.close)
        client = server.client()
        self.assertEqual(self.preflight(HERE, client).code, 405)
        headers = {k.lower() for k in client.get(CONFIGMAPS, Origin=HERE).headers}
        self.assertFalse({"access-control-allow-origin", "vary"} & headers)

    def test_a_star_is_every_page(self):
        server = Server(storage="memory", flags=["--cors-allowed-origins=*"])
        self.addCleanup(server.close)
        headers = {k.lower(): v for k, v in server.client().get(CONFIGMAPS, Origin="http://x").headers.items()}
        self.assertEqual(headers["access-control-allow-origin"], "*")

    def test_a_list_that_is_wrong_is_refused_at_the_start(self):
        with self.assertRaisesRegex(AssertionError, "is no origin"):
            Server(storage="memory", flags=["--cors-allowed-origins=https://a.example/"])


if __name__ == "__main__":
    main()
