"""What operators ask: is it healthy, and what does it do?"""
import re
import unittest

from tidewatch import CONFIGMAPS, ApiTest, Server, Watch, configmap, main, wait_for

EVENTS = "/api/v1/namespaces/default/events"


def series(page, name, **labels):
    """The sum of the samples of a metric whose labels are these."""
    total, found = 0.0, False
    for line in page.splitlines():
        sample = re.match(r"(\w+)(?:\{(.*)\})? (\S+)$", line)
        if sample and sample[1] == name and all(f'{k}="{v}"' in (sample[2] or "").split(",") for k, v in labels.items()):
            total, found = total + float(sample[3]), True
    return total if found else None


class Health(ApiTest):
    def test_the_three_pages_say_ok(self):
        for page in ("healthz", "livez", "readyz"):
            answer = self.client.get("/" + page)
            self.assertEqual((answer.code, answer.body, answer.headers["content-type"]), (200, b"ok", "text/plain; charset=utf-8"))

    def test_verbose_names_each_check(self):
        text = self.client.get("/readyz?verbose").body.decode()
        self.assertEqual(text, "[+]ping ok\n[+]storage ok\n[+]shutdown ok\nreadyz check passed\n")
        self.assertEqual(self.client.get("/livez?verbose").body, b"[+]ping ok\n[+]storage ok\nlivez check passed\n")

    def test_checks_can_be_excluded_or_asked_for_alone(self):
        self.assertIn(b"[+]ping excluded: ok\n", self.client.get("/readyz?verbose&exclude=ping&exclude=storage").body)
        self.assertEqual(self.client.get("/livez/ping").body, b"ok")
        self.assertEqual(self.client.get("/readyz/storage?verbose").body, b"[+]storage ok\nreadyz check passed\n")
        self.assertEqual(self.client.get("/livez/nope").code, 404)


class Metrics(ApiTest):
    def page(self):
        answer = self.client.get("/metrics")
        self.assertEqual((answer.code, answer.headers["content-type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        return answer.body.decode()

    def counted(self, **labels):
        return series(self.page(), "apiserver_request_total", **labels) or 0

    def test_the_page_is_prometheus_text(self):
        for line in self.page().splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [0-9.e+-]+(Inf)?)$')

    def test_each_family_is_described_once_and_stands_together(self):
        families = [line.split()[2] for line in self.page().splitlines() if line.startswith("# TYPE")]
        self.assertEqual(len(families), len(set(families)))

    def test_requests_are_counted_by_verb_resource_and_code(self):
        secrets = "/api/v1/namespaces/default/secrets"  # nobody else's here
        path = secrets + "/counted"
        self.made(secrets, {"metadata": {"name": "counted"}})
        self.ok("GET", path)
        self.patched(path, {"metadata": {"labels": {"a": "2"}}})
        self.ok("PUT", path, {"metadata": {"name": "counted"}})
        self.ok("GET", "/api/v1/secrets")
        self.ok("DELETE", path)
        self.client.get(path)
        self.ok("DELETE", secrets)
        for verb, scope, code in (("POST", "namespace", 201), ("GET", "resource", 200), ("PUT", "resource", 200), ("PATCH", "resource", 200),
                                  ("LIST", "cluster", 200), ("DELETE", "resource", 200), ("GET", "resource", 404), ("DELETECOLLECTION", "namespace", 200)):
            self.assertEqual(self.counted(verb=verb, scope=scope, code=code, resource="secrets", group="", version="v1"), 1, (verb, code))

    def test_requests_that_alternate_are_told_apart(self):
        """On one connection, so one loop counts them all; what it counted last is not all there is."""
        events, leases = "/api/v1/namespaces/default/events", "/apis/coordination.k8s.io/v1/namespaces/default/leases"
        asked = ((leases, "leases", "namespace", "LIST", 200), (events, "events", "namespace", "LIST", 200),
                 ("/api/v1/events", "events", "cluster", "LIST", 200), (leases + "/none", "leases", "resource", "GET", 404))
        labels = [dict(resource=resource, scope=scope, verb=verb, code=code) for _, resource, scope, verb, code in asked]
        before = [self.counted(**one) for one in labels]
        for path, *_ in 3 * asked:
            self.client.get(path)
        self.assertEqual([self.counted(**one) for one in labels], [count + 3 for count in before])

    def test_dry_runs_are_told_apart(self):
        self.made(CONFIGMAPS + "?dryRun=All", configmap("dry"))
        self.assertEqual(self.counted(verb="POST", dry_run="All"), 1)

    def test_paths_that_are_no_resource_are_counted_by_path(self):
        before = {path: self.counted(verb="GET", subresource=path) for path in ("/healthz", "/apis", "/openapi", "/version")}
        etag = self.client.get("/apis").headers["etag"]
        self.client.get("/apis", If_None_Match=etag)
        for path in ("/healthz", "/version", "/openapi/v3"):
            self.client.get(path)
        after = {path: self.counted(verb="GET", subresource=path) - before[path] for path in before}
        self.assertEqual(after, {"/healthz": 1, "/apis": 2, "/openapi": 1, "/version": 1})
        self.assertEqual(self.counted(subresource="/apis", code=304), 1)

    def test_clients_cannot_make_new_series(self):
        """Labels come from our own tables alone (CVE-2020-8552)."""
        def probe(n):
            for method, path in (("GET", f"/nope{n}"), (f"X{n}", CONFIGMAPS), ("GET", f"/api/v1/nope{n}"), ("GET", f"{CONFIGMAPS}/x{n}"),
                                 ("GET", f"{CONFIGMAPS}/x/y{n}"), ("POST", f"{CONFIGMAPS}?dryRun=z{n}"), ("GET", f"/apis/g{n}/v1/r")):
                self.client.raw(method, path, "{}" if method == "POST" else None)
            return len([line for line in self.page().splitlines() if line.startswith("apiserver_request_total{")])

        probe(0)
        before = probe(1)  # the page counts itself, once it is written
        self.assertEqual([probe(n) for n in range(2, 5)], [before] * 3)

    def test_durations_and_sizes_are_histograms(self):
        self.ok("GET", CONFIGMAPS)
        page = self.page()
        labels = {"verb": "LIST", "resource": "configmaps", "scope": "namespace"}
        count = series(page, "apiserver_request_duration_seconds_count", **labels)
        self.assertGreaterEqual(count, 1)
        self.assertEqual(series(page, "apiserver_request_duration_seconds_bucket", le="+Inf", **labels), count)
        self.assertGreater(series(page, "apiserver_response_sizes_sum", **labels), 0)

    def test_objects_are_counted_by_resource(self):
        before = series(self.page(), "apiserver_storage_objects", resource="configmaps")
        self.made(CONFIGMAPS, configmap("object"))
        page = self.page()
        self.assertEqual(series(page, "apiserver_storage_objects", resource="configmaps"), before + 1)
        self.assertEqual(series(page, "apiserver_storage_objects", resource="namespaces"), 4)
        self.assertEqual(series(page, "apiserver_storage_objects", resource="deployments.apps"), 0)

    def test_watches_are_seen_while_they_last(self):
        before = series(self.page(), "apiserver_longrunning_requests", verb="WATCH")
        watch = Watch(self.server.port, CONFIGMAPS + "?watch=1")
        wait_for(lambda: series(self.page(), "apiserver_longrunning_requests", verb="WATCH") == before + 1, "the watch to be counted")
        self.assertGreaterEqual(self.counted(verb="WATCH", resource="configmaps", code=200), 1)
        watch.close()
        wait_for(lambda: series(self.page(), "apiserver_longrunning_requests", verb="WATCH") == before, "the watch to end")


class EventTtl(unittest.TestCase):
    def test_events_go_by_themselves_with_a_deleted_event(self):
        server = Server(storage="memory", flags=["--event-ttl=1s"])
        self.addCleanup(server.close)
        client = server.client()
        self.addCleanup(client.close)
        event = {"metadata": {"name": "brief"}, "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"}, "reason": "Tried", "type": "Normal"}
        self.assertEqual(client.create(EVENTS, event).code, 201)
        self.assertEqual(client.create(CONFIGMAPS, configmap("stays")).code, 201)
        for query, count in (("involvedObject.name%3Dp,reason%3DTried,type%21%3DWarning", 1), ("involvedObject.kind%3DNode", 0)):
            self.assertEqual(len(client.get(f"{EVENTS}?fieldSelector={query}").json["items"]), count)
        watch = Watch(server.port, EVENTS + "?watch=1")
        self.addCleanup(watch.close)
        self.assertEqual([e["type"] for e in watch.take(2)], ["ADDED", "DELETED"])
        self.assertEqual(client.get(EVENTS).json["items"], [])
        self.assertEqual(client.get(CONFIGMAPS + "/stays").code, 200)


if __name__ == "__main__":
    main()
