"""Many watches on one stream: one order of revisions over all of them, a bookmark that is a cut through all of
them, and a resume that neither loses nor repeats, whatever the reader and the server do."""
import itertools
import json
import random
import threading
import unittest
import urllib.parse

from tidewatch import CONFIGMAPS, EventSource, Server, Watch, configmap, main, wait_for

PATH = "/apis/tidewatch.dev/v1/watch"
SECRETS = "/api/v1/namespaces/default/secrets"


def many(subscriptions, query=""):
    """The URL of a multiplexed watch: {id: URL of a watch}."""
    return f"{PATH}?" + "&".join([f"subscribe={urllib.parse.quote(f'{i}={url}', safe='')}"
                                  for i, url in subscriptions.items()] + [query] * bool(query))


def rev(event):
    return int(event["object"]["metadata"]["resourceVersion"])


def is_event(event):
    return event["type"] in ("ADDED", "MODIFIED", "DELETED")


def is_cut(event):
    return event["type"] == "BOOKMARK" and "id" not in event


def labelled(told):
    """What a line says, out of a server-sent event of it."""
    return {**told["object"], "event_id": told["id"]}


class Writer(threading.Thread):
    """Creates, changes and deletes, in and out of a selector, until told to stop."""

    def __init__(self, server, path, kind, names, seed):
        super().__init__(daemon=True)
        self.client, self.path, self.kind, self.names = server.client(), path, kind, names
        self.dice, self.stopping, self.last, self.failed = random.Random(seed), threading.Event(), 0, None

    def write(self, there):
        name = f"o{self.dice.randrange(self.names)}"
        body = {**configmap(name, labels={"on": self.dice.choice(["yes", "no"])}), "kind": self.kind}
        if name not in there:
            answer = self.client.create(self.path, body)
            there.add(name)
        elif self.dice.random() < 0.3:
            answer = self.client.call("DELETE", f"{self.path}/{name}")
            there.discard(name)
        else:
            answer = self.client.call("PUT", f"{self.path}/{name}", body)
        assert answer.code in (200, 201), answer

    def run(self):
        there = set()
        try:
            while not self.stopping.is_set():
                self.write(there)
        except Exception as e:
            self.failed = e

    def stop(self):
        self.stopping.set()
        self.join()
        self.client.close()
        if self.failed:
            raise self.failed


class Multiplex(unittest.TestCase):
    def start(self, *flags, **kwargs):
        self.server = Server(flags=["--bookmark-interval=50ms", *flags], **kwargs)
        self.addCleanup(self.server.close)
        self.client = self.server.client()

    def watch(self, subscriptions, query=""):
        watch = Watch(self.server.port, many(subscriptions, query))
        self.addCleanup(watch.close)
        self.assertEqual((watch.code, watch.response.getheader("Content-Type")), (200, "application/json"))
        return watch

    def source(self, subscriptions, last_id=None):
        source = EventSource(self.server.port, many(subscriptions), last_id=last_id)
        self.addCleanup(source.close)
        self.assertEqual((source.code, source.response.getheader("Content-Type")), (200, "text/event-stream"))
        return source

    def make(self, name, path=CONFIGMAPS, kind="ConfigMap", **kwargs):
        answer = self.client.create(path, {**configmap(name, **kwargs), "kind": kind})
        self.assertEqual(answer.code, 201, answer)
        return answer.rv

    # ---- order and cuts ----

    def test_one_order_and_every_bookmark_is_a_cut(self):
        self.start("--watch-window-events=64")
        seed = random.randrange(1 << 30)
        print(f"SEED={seed}")
        lists = {"maps": CONFIGMAPS, "all-maps": "/api/v1/configmaps", "secrets": SECRETS,
                 "some": f"{CONFIGMAPS}?labelSelector=on%3Dyes", "one": f"{CONFIGMAPS}?fieldSelector=metadata.name%3Do1",
                 "spaces": "/api/v1/namespaces"}
        writers = [Writer(self.server, CONFIGMAPS, "ConfigMap", 8, seed),
                   Writer(self.server, SECRETS, "Secret", 8, seed + 1)]
        for writer in writers:
            writer.start()
        watch = self.watch(lists)
        state, last, cuts, whole = {i: {} for i in lists}, 0, 0, set()
        while cuts < 6:
            event = watch.next()
            i = event.get("id")
            if is_event(event):
                self.assertIn(i, state)
                meta, of = event["object"]["metadata"], state[i]
                if i in whole:
                    self.assertGreaterEqual(rev(event), last, "one order over all of them")
                    last = rev(event)
                key = (meta.get("namespace"), meta["name"])
                self.assertEqual(key in of, event["type"] != "ADDED", event)
                if event["type"] == "DELETED":
                    del of[key]
                else:
                    of[key] = event["object"]
            elif event["type"] == "BOOKMARK" and i:
                whole.add(i)
            elif is_cut(event):
                self.assertGreaterEqual(rev(event), last)
                self.assertEqual(whole, set(lists))
                last, cuts = rev(event), cuts + 1
                for i, url in lists.items():
                    answer = self.client.get(f"{url}{'&' if '?' in url else '?'}resourceVersion={last}"
                                             "&resourceVersionMatch=Exact")
                    self.assertEqual(answer.code, 200, answer)
                    items = {(o["metadata"].get("namespace"), o["metadata"]["name"]): o["metadata"]["resourceVersion"]
                             for o in answer.json["items"]}
                    self.assertEqual({k: o["metadata"]["resourceVersion"] for k, o in state[i].items()}, items,
                                     f"{i} at {last}")
        for writer in writers:
            writer.stop()

    def test_each_has_its_own_format(self):
        self.start(storage="memory")
        self.make("a", data={"k": "v"}, labels={"l": "1"})
        watch = self.watch({"object": CONFIGMAPS, "meta": f"{CONFIGMAPS}?format=metadata",
                            "table": f"{CONFIGMAPS}?format=table&includeObject=None",
                            "fields": f"{CONFIGMAPS}?fields=metadata.labels", "drop": f"{CONFIGMAPS}?drop=data"})
        said = {e["id"]: e["object"] for e in watch.until(is_cut) if is_event(e)}
        self.assertEqual(said["object"]["data"], {"k": "v"})
        self.assertEqual(said["meta"]["kind"], "PartialObjectMetadata")
        self.assertEqual((said["table"]["kind"], said["table"]["rows"][0]["cells"][0]), ("Table", "a"))
        self.assertEqual((said["fields"]["metadata"]["labels"], "data" in said["fields"]), ({"l": "1"}, False))
        self.assertEqual((said["drop"]["kind"], "data" in said["drop"]), ("ConfigMap", False))
        changed = self.client.call("PUT", f"{CONFIGMAPS}/a", configmap("a", {"k": "w"}, labels={"l": "1"}))
        events = [e for e in watch.until(lambda e: is_cut(e) and rev(e) >= changed.rv) if is_event(e)]
        self.assertEqual([e["id"] for e in events], ["object", "meta", "table"],
                         "what a projection does not show is not sent")

    # ---- resuming ----

    def test_lines_go_on_from_a_cut_over_a_restart_and_a_kill(self):
        self.start()
        at, seen, made = self.make("start"), [], []
        for stop in (self.server.stop, self.server.kill, None):
            made += [self.make(f"m{len(made)}"), self.make(f"s{len(made)}", SECRETS, "Secret")]
            watch = self.watch({"maps": f"{CONFIGMAPS}?resourceVersion={at}", "secrets": f"{SECRETS}?resourceVersion={at}"})
            told = watch.until(lambda e: is_cut(e) and rev(e) >= made[-1])
            seen += [rev(e) for e in told if is_event(e)]
            at = rev(told[-1])
            if stop:
                stop()
                self.server.start()
                self.client = self.server.client()
        self.assertEqual(seen, made)

    def test_server_sent_events_go_on_behind_any_event_each_once(self):
        self.start()
        since = self.make("start")
        lists = {i: f"{url}?resourceVersion={since}" for i, url in
                 {"maps": CONFIGMAPS, "again": "/api/v1/configmaps", "secrets": SECRETS, "third": CONFIGMAPS}.items()}
        expected = []
        for n in range(6):
            at = self.make(f"m{n}")
            expected += [(at, "maps"), (at, "again"), (at, "third")]
            expected.append((self.make(f"s{n}", SECRETS, "Secret"), "secrets"))
        seen, last_id, restarts = [], None, itertools.count()
        while len(seen) < len(expected):
            source = self.source(lists, last_id)
            events = map(labelled, iter(source.next, None))
            for event in itertools.islice(filter(is_event, events), 3):  # it leaves in the middle of a revision, too
                seen.append((rev(event), event["id"]))
                self.assertEqual(event["event_id"], f"{rev(event)}.{event['id']}")
                last_id = event["event_id"]
            source.close()
            if next(restarts) % 3 == 0:
                self.server.kill()
                self.server.start()
        self.assertEqual(seen, expected)

    def test_a_state_that_was_not_whole_has_no_id_and_comes_again(self):
        self.start(storage="memory")
        self.make("a"), self.make("b")
        lists = {"maps": CONFIGMAPS, "secrets": SECRETS}
        source = self.source(lists)
        told = []
        while not told or not is_cut(told[-1]):
            told.append(labelled(source.next()))
        self.assertEqual({e["event_id"] for e in told[:-1]}, {""})
        self.assertEqual(told[-1]["event_id"], str(rev(told[-1])))
        later = self.make("c", SECRETS, "Secret")
        source = self.source(lists, told[-1]["event_id"])
        event = next(filter(is_event, map(labelled, iter(source.next, None))))
        self.assertEqual((event["id"], rev(event), event["event_id"]), ("secrets", later, f"{later}.secrets"))

    # ---- what cannot be ----

    def test_what_is_wrong_with_one_is_told_of_it_and_the_others_go_on(self):
        self.start(storage="memory")
        wrong = {"gone": ("/api/v1/nothing", 404, "could not find"), "group": ("/apis/no.such/v1/things", 404, "could not find"),
                 "label": (f"{CONFIGMAPS}?labelSelector=a%3D%3D%3D", 400, "unable to parse"),
                 "field": (f"{CONFIGMAPS}?fieldSelector=spec.x%3D1", 400, "field"),
                 "rv": (f"{CONFIGMAPS}?resourceVersion=abc", 422, "resourceVersion"),
                 "far": (f"{CONFIGMAPS}?resourceVersion=99999&sendInitialEvents=true"
                         "&resourceVersionMatch=NotOlderThan", 504, "Too large resource version"),
                 "format": (f"{CONFIGMAPS}?format=xml", 400, "format is"), "drop": (f"{CONFIGMAPS}?drop=a..b", 400, ""),
                 "review": ("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", 405, "not supported"),
                 "scope": ("/api/v1/namespaces/default/namespaces", 404, ""), "version": ("/version", 400, "not the URL"),
                 "no-url": ("", 400, "not the URL"), "status": (f"{CONFIGMAPS}/a/status", 400, "not the URL")}
        watch = self.watch({**{i: url for i, (url, _, _) in wrong.items()}, "fine": CONFIGMAPS})
        told = watch.until(is_cut)
        errors = {e["id"]: e["object"] for e in told if e["type"] == "ERROR"}
        self.assertEqual({i: s["code"] for i, s in errors.items()}, {i: code for i, (_, code, _) in wrong.items()})
        for i, (_, _, words) in wrong.items():
            self.assertEqual((errors[i]["kind"], errors[i]["status"]), ("Status", "Failure"))
            self.assertIn(words, errors[i]["message"])
        self.make("a")
        self.assertEqual(watch.until(is_event)[-1]["id"], "fine")

    def test_a_list_that_is_none_is_refused_whole(self):
        self.start(storage="memory")
        twice = f"subscribe=a%3D{CONFIGMAPS}"
        for query in ("", "subscribe=", "subscribe=%3D/api/v1/pods", "subscribe=a!%3D/api/v1/pods", f"{twice}&{twice}",
                      f"subscribe={'a' * 64}%3D/api/v1/pods", twice + "&timeoutSeconds=soon",
                      "&".join(f"subscribe=i{n}%3D/api/v1/pods" for n in range(129))):
            answer = self.client.get(f"{PATH}?{query}")
            self.assertEqual((answer.code, answer.json["kind"], answer.json["reason"]), (400, "Status", "BadRequest"), query)
        for last_id in ("x", "0", "5.nobody", "-1"):
            answer = self.client.get(f"{PATH}?{twice}", Accept="text/event-stream", Last_Event_ID=last_id)
            self.assertEqual(answer.code, 400, last_id)
        for method in ("POST", "PUT", "DELETE", "HEAD"):
            answer = self.client.call(method, f"{PATH}?{twice}")
            self.assertEqual((answer.code, answer.headers["allow"].split(",")[0]), (405, "GET"), method)
        for accept in ("application/yaml", "application/vnd.kubernetes.protobuf;stream=watch"):
            self.assertEqual(self.client.get(f"{PATH}?{twice}", Accept=accept).code, 406)

    def test_discovery_does_not_show_it(self):
        self.start(storage="memory")
        self.assertNotIn("tidewatch.dev", json.dumps(self.client.get("/apis").json))
        self.assertEqual(self.client.get("/apis/tidewatch.dev").code, 404)
        self.assertEqual(self.client.get("/apis/tidewatch.dev/v1").code, 404)

    def test_when_none_is_left_it_ends(self):
        self.start(storage="memory")
        told = self.watch({"a": "/api/v1/nothing", "b": "/api/v1/nowhere"}).rest()
        self.assertEqual([(e["type"], e["id"]) for e in told if not is_cut(e)], [("ERROR", "a"), ("ERROR", "b")])
        ended = self.watch({"a": CONFIGMAPS}, "timeoutSeconds=1").rest()
        self.assertTrue(is_cut(ended[-1]))

    # ---- slow ones ----

    def test_a_slow_reader_reads_on_from_the_log_and_then_is_told_that_it_is_gone(self):
        self.start("--watch-window-events=16", "--history-bytes=3000000")
        since = self.make("start")
        body = {"text": "x" * 1000}
        made = [self.make(f"m{n}", CONFIGMAPS if n % 3 else SECRETS, "ConfigMap" if n % 3 else "Secret",
                          **({"data": body} if n % 3 else {})) for n in range(300)]
        lists = {i: f"{url}?resourceVersion={since}" for i, url in {"maps": CONFIGMAPS, "secrets": SECRETS}.items()}
        watch = self.watch(lists)
        told = [e for e in watch.until(lambda e: is_cut(e) and rev(e) >= made[-1]) if is_event(e)]
        self.assertEqual([rev(e) for e in told], made)
        self.assertGreater(self.server.metric("tidewatch_watch_behind_reads_total"), 1)
        counter = itertools.count()

        def compacted():
            self.client.call("PUT", f"{CONFIGMAPS}/start", configmap("start", {"n": f"{next(counter)}" + "x" * 100000}))
            return self.server.metric("tidewatch_storage_floor") > since

        wait_for(compacted, "the log to be compacted")
        now = self.client.get(CONFIGMAPS).rv
        late = self.watch({**lists, "fresh": f"{SECRETS}?resourceVersion={now}"})
        errors = [late.until(lambda e: e["type"] == "ERROR")[-1] for _ in range(2)]
        self.assertEqual({(e["id"], e["object"]["code"], e["object"]["reason"]) for e in errors},
                         {("maps", 410, "Expired"), ("secrets", 410, "Expired")})
        last = self.make("last", SECRETS, "Secret")
        event = late.until(is_event)[-1]
        self.assertEqual((event["id"], rev(event)), ("fresh", last))


if __name__ == "__main__":
    main()
