"""What the audit log says of who did what: audit.k8s.io/v1 Events, by a policy, without secrets."""
import json
import os
import shutil
import signal
import tempfile
import unittest

from tidewatch import CONFIGMAPS, SecureServer, Server, configmap, main, wait_for

POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  nonResourceURLs: ["/healthz*", "/metrics"]
- level: RequestResponse
  resources: [{group: "", resources: ["secrets", "configmaps"]}]
- level: Request
  verbs: ["patch"]
- level: Metadata
  omitStages: ["ResponseStarted"]
"""
SECRETS = "/api/v1/namespaces/default/secrets"
CANARY = "c2VjcmV0LWNhbmFyeQ=="


class Audit(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tidewatch-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, "audit.log")

    def flags(self, policy=None):
        flags = [f"--audit-log-path={self.path}"]
        if policy is not None:
            file = os.path.join(self.folder, "policy.yaml")
            with open(file, "w") as f:
                f.write(policy)
            flags.append(f"--audit-policy-file={file}")
        return flags

    def text(self, path=None):
        with open(path or self.path) as f:
            return f.read()

    def events(self, path=None):
        text = self.text(path)
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]

    def find(self, condition, path=None):
        found = []

        def look():
            found[:] = [e for e in self.events(path) if condition(e)]
            return found
        wait_for(look, "an audit event")
        return found

    def test_each_request_is_a_line_with_who_what_and_how_it_ended(self):
        with Server(storage="memory", flags=self.flags()) as server:
            answer = server.client().create(CONFIGMAPS, configmap("a", {"k": "not in metadata"}))
            audit_id = {k.lower(): v for k, v in answer.headers.items()}["audit-id"]
            event, = self.find(lambda e: e["auditID"] == audit_id)
        self.assertEqual((event["kind"], event["apiVersion"], event["level"], event["stage"]),
                         ("Event", "audit.k8s.io/v1", "Metadata", "ResponseComplete"))
        self.assertEqual((event["verb"], event["requestURI"], event["sourceIPs"]), ("create", CONFIGMAPS, ["127.0.0.1"]))
        self.assertEqual(event["user"]["username"], "system:anonymous")
        self.assertEqual(event["objectRef"], {"resource": "configmaps", "namespace": "default", "name": "a", "apiVersion": "v1"})
        self.assertEqual(event["responseStatus"]["code"], 201)
        self.assertLessEqual(event["requestReceivedTimestamp"], event["stageTimestamp"])
        self.assertNotIn("not in metadata", self.text())

    def test_the_policy_says_how_much_and_a_secret_is_never_more_than_metadata(self):
        with Server(storage="memory", flags=self.flags(POLICY)) as server:
            client = server.client()
            client.get("/healthz")
            client.create(CONFIGMAPS, configmap("a", {"k": "asked"}))
            client.create(SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": CANARY}})
            client.get(SECRETS + "/s")
            client.call("PATCH", SECRETS + "/s", {"data": {"k": CANARY}}, content_type="application/merge-patch+json")
            client.call("POST", "/api/v1/namespaces/default/serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "w"}})
            client.call("PATCH", "/api/v1/namespaces/default/serviceaccounts/w", {"metadata": {"labels": {"l": "x"}}},
                        content_type="application/merge-patch+json")
            client.get("/version")
            self.find(lambda e: e["requestURI"] == "/version")
        events = self.events()
        self.assertEqual([e for e in events if "healthz" in e["requestURI"]], [])
        made, = [e for e in events if e.get("objectRef", {}).get("resource") == "configmaps"]
        self.assertEqual((made["requestObject"]["data"], made["responseObject"]["data"]), ({"k": "asked"}, {"k": "asked"}))
        secrets = [e for e in events if e.get("objectRef", {}).get("resource") == "secrets"]
        self.assertEqual([(e["verb"], e["level"]) for e in secrets], [("create", "Metadata"), ("get", "Metadata"), ("patch", "Metadata")])
        self.assertNotIn(CANARY, self.text())
        patched, = [e for e in events if e["verb"] == "patch" and e["objectRef"]["resource"] == "serviceaccounts"]
        self.assertEqual(patched["requestObject"], {"metadata": {"labels": {"l": "x"}}})
        self.assertNotIn("responseObject", patched)

    def test_a_watch_has_a_start_and_an_end(self):
        with Server(storage="memory", flags=self.flags()) as server:
            path = f"{CONFIGMAPS}?watch=1&timeoutSeconds=1"
            with_end = lambda e: e["requestURI"] == path and e["stage"] == "ResponseComplete"
            self.assertEqual(server.client().get(path).code, 200)
            self.find(with_end)
            self.assertEqual([e["stage"] for e in self.events() if e["requestURI"] == path], ["ResponseStarted", "ResponseComplete"])

    def test_no_token_is_recorded_and_an_impersonated_user_stands_beside_the_real_one(self):
        tokens = os.path.join(self.folder, "tokens")
        with open(tokens, "w") as f:
            f.write('canary-token,root,1,"system:masters"\n')
        with SecureServer(flags=[*self.flags(), f"--token-auth-file={tokens}"]) as server:
            server.client(token="canary-token").get(CONFIGMAPS, **{"Impersonate-User": "jane"})
            event, = self.find(lambda e: "impersonatedUser" in e)
            self.assertEqual((event["user"]["username"], event["impersonatedUser"]["username"], event["responseStatus"]["code"]),
                             ("root", "jane", 403))
            server.client(token="wrong-canary").get(CONFIGMAPS)
            self.find(lambda e: e["responseStatus"]["code"] == 401)
        self.assertNotIn("canary", self.text())

    def test_what_a_client_sends_cannot_forge_a_line(self):
        with Server(storage="memory", flags=self.flags()) as server:
            server.client().get("/api/v1/namespaces/x/pods?a=%0a%7b&b=\"{}", User_Agent="a\"}\t\xff{")
            event, = self.find(lambda e: "/pods" in e["requestURI"])
            self.assertEqual(event["userAgent"], "a\"}\t\xff{")

    def test_it_is_rotated_by_sighup(self):
        with Server(storage="memory", flags=self.flags()) as server:
            server.client().get("/version?before")
            self.find(lambda e: e["requestURI"] == "/version?before")
            os.rename(self.path, self.path + ".1")
            server.process.send_signal(signal.SIGHUP)
            wait_for(lambda: "settings reloaded" in server.read_log(), "the reload")
            server.client().get("/version?after")
            wait_for(lambda: os.path.exists(self.path) and "after" in self.text(), "the new file")
            self.assertNotIn("after", self.text(self.path + ".1"))
            wait_for(lambda: server.metric("apiserver_audit_event_total") >= 2, "the count of events")
            self.assertEqual(server.metric("tidewatch_audit_events_dropped_total"), 0)

    def test_a_disk_that_refuses_loses_events_not_requests(self):
        with Server(storage="memory", flags=["--audit-log-path=/dev/full"]) as server:
            self.assertEqual(server.client().create(CONFIGMAPS, configmap("a")).code, 201)
            wait_for(lambda: server.metric("tidewatch_audit_events_dropped_total") > 0, "the count of losses")

    def test_a_policy_that_is_wrong_is_named(self):
        for text, word in (("kind: Policy", "not an audit.k8s.io/v1 Policy"),
                           (POLICY.replace("level: Request\n", "level: Loud\n"), 'level "Loud"'),
                           (POLICY.replace("verbs:", "verb:"), 'unknown field "verb"')):
            with self.assertRaisesRegex(AssertionError, word):
                Server(storage="memory", flags=self.flags(text))


if __name__ == "__main__":
    main()
