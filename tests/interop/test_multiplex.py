"""The multiplexed watch, told to clients that nobody here wrote: npm `ws` over HTTP/1.1 and HTTP/2, npm
`eventsource`, and curl."""
import json
import subprocess
import threading
import unittest
import urllib.parse

from npm import EVENTSOURCE, WS, Page, Ws, fetch, over_both
from tidewatch import CONFIGMAPS, PATIENCE_S, Server, brief, configmap, main

PATH = "/apis/tidewatch.dev/v1/watch"
SECRETS = "/api/v1/namespaces/default/secrets"
LISTS = {"maps": CONFIGMAPS, "secrets": SECRETS}


def many(subscriptions, query=""):
    return f"{PATH}?" + "&".join([f"subscribe={urllib.parse.quote(f'{i}={url}', safe='')}"
                                  for i, url in subscriptions.items()] + [query] * bool(query))


def since(rv):
    return {i: f"{url}?resourceVersion={rv}" for i, url in LISTS.items()}


class Multiplex(unittest.TestCase):
    def setUp(self):
        self.server = Server(flags=["--bookmark-interval=200ms"])
        self.addCleanup(self.server.close)
        self.client = self.server.client()

    def make(self, name, path=CONFIGMAPS):
        kind = "Secret" if path == SECRETS else "ConfigMap"
        answer = self.client.create(path, {**configmap(name), "kind": kind})
        self.assertEqual(answer.code, 201, answer)
        return answer.rv

    def make_both(self, name):
        return [("maps", self.make(name)), ("secrets", self.make(name, SECRETS))]

    # ---- a WebSocket ----

    @staticmethod
    def ask(ws, add=(), remove=()):
        ws.tell(send=json.dumps({"add": list(add), "remove": list(remove)}))

    @staticmethod
    def until(ws, condition):
        told = []
        while not told or not condition(told[-1]):
            told.append(ws.event())
        return told

    @staticmethod
    def says(word, i):
        return lambda e: e["type"] == word and e.get("id") == i

    @over_both
    def test_watches_come_and_go_while_events_flow(self, h2):
        stop, made = threading.Event(), []

        def write():
            client, n = self.server.client(), 0
            while not stop.is_set():
                for path, kind in ((CONFIGMAPS, "ConfigMap"), (SECRETS, "Secret")):
                    body = {**configmap(f"w{int(h2)}-{n}"), "kind": kind}
                    made.append((kind, client.create(path, body).rv))
                n += 1
            client.close()

        maps = {"id": "maps", "version": "v1", "resource": "configmaps", "namespace": "default"}
        secrets = {**maps, "id": "secrets", "resource": "secrets"}
        writer = threading.Thread(target=write, daemon=True)
        with Ws(self.server, PATH, h2=h2) as ws:
            self.assertEqual(ws.next(), {"open": ""})
            self.ask(ws, add=[maps])
            told = self.until(ws, self.says("BOOKMARK", "maps"))
            writer.start()
            told += self.until(ws, lambda e: len(made) > 20 and e["type"] == "ADDED")
            self.ask(ws, add=[secrets])
            told += self.until(ws, self.says("BOOKMARK", "secrets"))
            told += self.until(ws, self.says("ADDED", "secrets"))
            self.ask(ws, remove=["maps"])
            told += self.until(ws, self.says("UNSUBSCRIBED", "maps"))
            ended = len(told)
            told += self.until(ws, self.says("ADDED", "secrets"))
            stop.set()
            writer.join()
            last = max(rv for _, rv in made)
            told += self.until(ws, lambda e: e["type"] == "BOOKMARK" and "id" not in e and brief(e)[2] >= last)
        of = {i: [brief(e)[2] for e in told if e.get("id") == i and e["type"] == "ADDED"] for i in ("maps", "secrets")}
        self.assertNotIn("maps", {e.get("id") for e in told[ended:]})
        self.assertEqual(len(set(of["secrets"])), len(of["secrets"]), "each once")
        self.assertTrue({rv for kind, rv in made if kind == "Secret"} <= set(of["secrets"]), "the state, and all that followed")
        whole = {i: next(n for n, e in enumerate(told) if self.says("BOOKMARK", i)(e)) for i in of}
        live = [brief(e)[2] for n, e in enumerate(told) if e["type"] == "ADDED" and n > whole[e["id"]]]
        self.assertEqual(live, sorted(live), "one order over all of them")

    @over_both
    def test_what_cannot_be_is_told_and_the_socket_lives_on(self, h2):
        maps = {"id": "maps", "version": "v1", "resource": "configmaps"}
        with Ws(self.server, PATH, h2=h2) as ws:
            ws.next()
            for message in ("hello", "[]", '{"add":[{"id":"a b"}]}', '{"more":[]}', "[" * 10000):
                ws.tell(send=message)
                error = self.until(ws, self.says("ERROR", None))[-1]
                self.assertEqual(error["object"]["code"], 400, message)
            self.ask(ws, add=[{**maps, "id": "bad", "fieldSelector": "nope=1"}, maps, maps,
                              {**maps, "id": "odd", "colour": "red"}], remove=["never"])
            told = self.until(ws, self.says("BOOKMARK", "maps"))
            errors = [(e.get("id"), e["object"]["code"], e["object"]["reason"]) for e in told if e["type"] == "ERROR"]
            self.assertEqual(errors, [("bad", 400, "BadRequest"), (None, 409, "AlreadyExists"), ("odd", 400, "BadRequest")])
            self.assertEqual([e["id"] for e in told if e["type"] in ("SUBSCRIBED", "UNSUBSCRIBED")], ["never", "maps"])
            rv = self.make(f"after-{int(h2)}")
            event = self.until(ws, self.says("ADDED", "maps"))[-1]
            self.assertEqual(brief(event)[2], rv)

    @over_both
    def test_limits(self, h2):
        nodes = {"version": "v1", "resource": "nodes", "resourceVersion": "1"}
        with Ws(self.server, PATH, h2=h2) as ws:
            ws.next()
            self.ask(ws, add=[{**nodes, "id": f"n{n}"} for n in range(128)])
            self.until(ws, self.says("SUBSCRIBED", "n127"))
            self.ask(ws, add=[{**nodes, "id": "one-more"}])
            refused = self.until(ws, self.says("ERROR", "one-more"))[-1]
            self.assertEqual((refused["object"]["code"], refused["object"]["reason"]), (429, "TooManyRequests"))
            self.ask(ws, add=[{**nodes, "id": f"m{n}"} for n in range(129)])
            error = self.until(ws, lambda e: e["type"] == "ERROR")[-1]
            self.assertEqual((error.get("id"), error["object"]["code"]), (None, 400))
            self.ask(ws, add=[{**nodes, "id": "n0"}], remove=["n0"])
            self.until(ws, self.says("SUBSCRIBED", "n0"))
            ws.tell(send="x" * 65537)
            self.assertEqual(ws.until(lambda said: said is None or "close" in said)["close"], 1009)

    @over_both
    def test_a_list_in_the_query_begins_at_once_and_goes_on_over_a_restart(self, h2):
        at, seen, made = self.make(f"start-{int(h2)}"), [], []
        for n in range(2):
            made += self.make_both(f"q{int(h2)}-{n}")
            with Ws(self.server, many(since(at)), h2=h2) as ws:
                self.assertEqual(ws.next(), {"open": ""})
                told = self.until(ws, lambda e: e["type"] == "BOOKMARK" and brief(e)[2] >= made[-1][1])
                seen += [(e["id"], brief(e)[2]) for e in told if e["type"] == "ADDED"]
                at = brief(told[-1])[2]
                if n == 0:
                    self.server.kill()
                    self.server.start()
                    self.client = self.server.client()
        self.assertEqual(seen, made)

    def test_shutdown_ends_it_with_1001(self):
        sockets = [Ws(self.server, many(LISTS), h2=h2) for h2 in (False, True)]
        for ws in sockets:
            self.addCleanup(ws.close)
            self.assertEqual(ws.next(), {"open": ""})
            self.until(ws, lambda e: e["type"] == "BOOKMARK" and "id" not in e)
        self.server.stop()
        for ws in sockets:
            self.assertEqual(ws.until(lambda said: said is None or "close" in said)["close"], 1001)

    # ---- the list in the query ----

    def curl(self, *flags):
        return subprocess.Popen(["curl", "-sSN", "--max-time", str(PATIENCE_S * 2), *flags], stdout=subprocess.PIPE)

    def test_lines_to_curl(self):
        start = self.make("start")
        made = self.make_both("a") + self.make_both("b")
        for flag in ("--http1.1", "--http2-prior-knowledge"):
            with self.curl(flag, self.server.url + many(since(start), "timeoutSeconds=1")) as curl:
                told = [json.loads(line) for line in curl.stdout]
            self.assertEqual(curl.returncode, 0)
            self.assertEqual([(e["id"], brief(e)[2]) for e in told if e["type"] == "ADDED"], made, flag)
            self.assertEqual((told[-1]["type"], brief(told[-1])[2]), ("BOOKMARK", made[-1][1]))

    def test_server_sent_events_to_curl(self):
        start = self.make("start")
        made = self.make_both("a") + self.make_both("b")
        for flag in ("--http1.1", "--http2-prior-knowledge"):
            for behind in (0, 1, 3):
                last = [f"Last-Event-ID: {made[behind - 1][1]}.{made[behind - 1][0]}"] if behind else ["X: y"]
                with self.curl(flag, "-H", "Accept: text/event-stream", "-H", *last,
                               self.server.url + many(since(start), "timeoutSeconds=1")) as curl:
                    text = curl.stdout.read().decode()
                ids = [line[4:] for line in text.splitlines() if line.startswith("id: ") and "." in line]
                self.assertEqual(ids, [f"{rv}.{i}" for i, rv in made[behind:]], (flag, behind))

    def test_npm_eventsource_comes_back_and_misses_and_repeats_nothing(self):
        made = []
        with Page(self.server.url + many({**since(self.make("start")), "again": f"{SECRETS}?resourceVersion=1"})) as page:
            seen = []
            for stop in (self.server.stop, self.server.kill, None):
                for n in range(3):
                    i, rv = len(made), self.make(f"m{len(made)}")
                    made.append(("maps", rv))
                    rv = self.make(f"s{i}", SECRETS)
                    made += [("secrets", rv), ("again", rv)]
                while len(seen) < len(made):
                    event, = page.take(1)
                    if event["type"] == "ADDED":
                        told = event["object"]
                        seen.append((told["id"], brief(told)[2]))
                        self.assertEqual(event["id"], f"{seen[-1][1]}.{seen[-1][0]}")
                if stop:
                    stop()
                    page.until(lambda said: said and "error" in said)
                    self.server.start()
                    self.client = self.server.client()
            self.assertEqual(seen, made)


if __name__ == "__main__":
    fetch(WS), fetch(EVENTSOURCE)
    main()
