"""npm's eventsource under node: the browser's EventSource, by people who know nothing of us. It follows, loses
its server, comes back by itself, and goes on."""
import unittest

from npm import EVENTSOURCE, Page, fetch
from tidewatch import CONFIGMAPS, Server, configmap, main


class NpmEventSource(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)

    def make(self, name, **kwargs):
        answer = self.server.client().create(CONFIGMAPS, configmap(name, **kwargs))
        self.assertEqual(answer.code, 201, answer)
        return answer.rv

    def page(self, query):
        page = Page(f"{self.server.url}{CONFIGMAPS}?watch=true{query}")
        self.addCleanup(page.close)
        self.assertEqual(page.next(), {"open": True})
        return page

    def test_events_come_as_they_happen(self):
        page = self.page(f"&resourceVersion={self.make('start')}")
        for n in range(3):
            rv = self.make(f"m{n}", data={"text": "line\nline\u2028\u00e4"})
            event, = page.take(1)
            self.assertEqual((event["type"], event["id"], event["object"]["data"]),
                             ("ADDED", str(rv), {"text": "line\nline\u2028\u00e4"}))

    def test_it_comes_back_by_itself_and_goes_on_where_it_was(self):
        page = self.page(f"&resourceVersion={self.make('start')}")
        made, seen = [], []
        for stop in (self.server.stop, self.server.kill):
            made += [self.make(f"m{len(made) + n}") for n in range(3)]
            seen += page.take(3)
            stop()
            page.until(lambda said: said and "error" in said)
            self.server.start()
            made += [self.make(f"m{len(made) + n}") for n in range(3)]  # some before it is back
            seen += page.take(3)
        self.assertEqual([int(e["id"]) for e in seen], made)

    def test_a_clean_end_is_only_a_reason_to_come_back(self):
        page = self.page(f"&resourceVersion={self.make('start')}&timeoutSeconds=1")
        first = self.make("a")
        self.assertEqual(int(page.take(1)[0]["id"]), first)
        page.until(lambda said: said and said.get("open"))
        second = self.make("b")
        self.assertEqual(int(page.take(1)[0]["id"]), second)

    def test_the_first_state_comes_again_only_if_it_was_not_whole(self):
        self.make("a"), self.make("b")
        page = self.page("&allowWatchBookmarks=true")
        self.assertEqual([e["type"] for e in page.take(3)], ["ADDED", "ADDED", "BOOKMARK"])
        self.server.stop()
        self.server.start()
        c = self.make("c")
        events = [e for e in page.take(1)]
        while events[-1]["type"] == "BOOKMARK":
            events = page.take(1)
        self.assertEqual((events[0]["object"]["metadata"]["name"], events[0]["id"]), ("c", str(c)))

    def test_what_is_no_stream_ends_it(self):
        page = Page(f"{self.server.url}{CONFIGMAPS}")
        self.addCleanup(page.close)
        self.assertEqual(page.next(), {"error": 406, "state": 2})


if __name__ == "__main__":
    fetch(EVENTSOURCE)
    main()
