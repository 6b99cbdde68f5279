"""Deleting: answers, preconditions, finalizers, propagation, grace periods, collections."""
from tidewatch import CONFIGMAPS, ApiTest, Watch, brief, configmap, main

PODS = "/api/v1/namespaces/default/pods"


class Delete(ApiTest):
    def delete(self, path, body=None):
        return self.client.call("DELETE", path, body)

    def gone(self, path):
        self.refused(self.client.get(path), 404, "NotFound")

    def test_the_answer_names_what_is_gone_with_its_uid(self):
        uid = self.made(CONFIGMAPS, configmap("named"))["metadata"]["uid"]
        answer = self.ok("DELETE", CONFIGMAPS + "/named")
        self.assertEqual((answer["kind"], answer["status"], answer["details"]), ("Status", "Success", {"name": "named", "kind": "configmaps", "uid": uid}))
        self.gone(CONFIGMAPS + "/named")

    def test_some_kinds_answer_with_the_object(self):
        for path, spec in ((PODS, {"containers": []}), ("/api/v1/namespaces/default/services", {})):
            self.made(path, {"metadata": {"name": "shown"}, "spec": spec})
            self.assertEqual(self.ok("DELETE", path + "/shown")["metadata"]["name"], "shown")

    def test_what_is_not_there_is_404(self):
        self.refused(self.delete(CONFIGMAPS + "/nope"), 404, "NotFound", 'configmaps "nope" not found')

    def test_the_event_carries_the_last_state_and_its_own_revision(self):
        made = self.made(CONFIGMAPS, configmap("last", {"a": "1"}))
        watch = Watch(self.server.port, f"{CONFIGMAPS}?watch=1&resourceVersion={made['metadata']['resourceVersion']}")
        self.addCleanup(watch.close)
        self.ok("DELETE", CONFIGMAPS + "/last")
        event = watch.next()
        self.assertEqual((event["type"], event["object"]["data"]), ("DELETED", {"a": "1"}))
        self.assertGreater(brief(event)[2], int(made["metadata"]["resourceVersion"]))

    def test_preconditions_must_hold(self):
        made = self.made(CONFIGMAPS, configmap("sure"))["metadata"]
        for wrong in ({"uid": "other"}, {"resourceVersion": "1"}):
            self.refused(self.delete(CONFIGMAPS + "/sure", {"preconditions": wrong}), 409, "Conflict", "does not match the")
        self.ok("DELETE", CONFIGMAPS + "/sure", {"preconditions": {"uid": made["uid"], "resourceVersion": made["resourceVersion"]}})

    def test_bad_options_are_refused(self):
        self.made(CONFIGMAPS, configmap("options"))
        path = CONFIGMAPS + "/options"
        for body in ('{"gracePeriodSeconds":"x"}', "{bad", '{"kind":"Foo"}', '{"preconditions":[]}', "[]"):
            self.refused(self.delete(path, body), 400, "BadRequest")
        for query in ("propagationPolicy=Bogus", "dryRun=x", "propagationPolicy=Orphan&orphanDependents=true"):
            self.refused(self.delete(f"{path}?{query}"), 422, "Invalid")
        self.refused(self.delete(path + "?gracePeriodSeconds=x"), 400, "BadRequest")
        self.ok("GET", path)

    def test_a_body_wins_over_the_query(self):
        self.made(CONFIGMAPS, configmap("body"))
        self.ok("DELETE", CONFIGMAPS + "/body?dryRun=All", {"kind": "DeleteOptions", "apiVersion": "v1"})
        self.gone(CONFIGMAPS + "/body")

    def test_a_dry_run_deletes_nothing(self):
        made = self.made(CONFIGMAPS, configmap("dry"))
        for body, query in ((None, "?dryRun=All"), ({"dryRun": ["All"]}, "")):
            self.assertEqual(self.ok("DELETE", CONFIGMAPS + "/dry" + query, body)["status"], "Success")
        self.assertEqual(self.ok("GET", CONFIGMAPS + "/dry"), made)
        self.ok("DELETE", CONFIGMAPS + "?dryRun=All")
        self.assertEqual(self.ok("GET", CONFIGMAPS + "/dry"), made)

    def test_finalizers_hold_an_object_until_the_last_is_taken(self):
        path = CONFIGMAPS + "/held"
        made = self.made(CONFIGMAPS, configmap("held", finalizers=["a.b/one", "a.b/two"]))
        watch = Watch(self.server.port, f"{CONFIGMAPS}?watch=1&resourceVersion={made['metadata']['resourceVersion']}")
        self.addCleanup(watch.close)
        held = self.ok("DELETE", path)
        self.assertEqual((held["kind"], held["metadata"]["deletionGracePeriodSeconds"]), ("ConfigMap", 0))
        self.assertTrue(held["metadata"]["deletionTimestamp"])
        self.assertEqual(self.ok("DELETE", path), held)  # a second one changes nothing
        status = self.refused(self.client.call("PATCH", path, {"metadata": {"finalizers": ["a.b/one", "a.b/two", "a.b/three"]}},
                                               content_type="application/merge-patch+json"), 422, "Invalid")
        self.assertIn("no new finalizers can be added if the object is being deleted", status["message"])
        self.patched(path, {"metadata": {"finalizers": ["a.b/two"]}})
        self.patched(path, {"data": {"still": "writable"}})
        self.patched(path, {"metadata": {"finalizers": None}})
        self.gone(path)
        self.assertEqual([e["type"] for e in watch.take(4)], ["MODIFIED", "MODIFIED", "MODIFIED", "DELETED"])

    def test_propagation_policies_are_finalizers(self):
        for policy, finalizers in (("Foreground", ["foregroundDeletion"]), ("Orphan", ["orphan"])):
            path = f"{CONFIGMAPS}/{policy.lower()}"
            self.made(CONFIGMAPS, configmap(policy.lower()))
            self.assertEqual(self.ok("DELETE", path, {"propagationPolicy": policy})["metadata"]["finalizers"], finalizers)
            self.patched(path, {"metadata": {"finalizers": None}})
            self.gone(path)
        self.made(CONFIGMAPS, configmap("background"))
        self.ok("DELETE", CONFIGMAPS + "/background?propagationPolicy=Background")
        self.gone(CONFIGMAPS + "/background")
        self.made(CONFIGMAPS, configmap("legacy"))
        self.assertEqual(self.ok("DELETE", CONFIGMAPS + "/legacy?orphanDependents=true")["metadata"]["finalizers"], ["orphan"])

    def test_a_pod_on_a_node_gets_its_grace_period(self):
        self.made(PODS, {"metadata": {"name": "graceful"}, "spec": {"nodeName": "n", "containers": []}})
        path = PODS + "/graceful"
        self.assertEqual(self.ok("DELETE", path)["metadata"]["deletionGracePeriodSeconds"], 30)
        self.assertEqual(self.ok("DELETE", path + "?gracePeriodSeconds=60")["metadata"]["deletionGracePeriodSeconds"], 30)  # never longer
        self.assertEqual(self.ok("DELETE", path, {"gracePeriodSeconds": 5})["metadata"]["deletionGracePeriodSeconds"], 5)
        self.ok("DELETE", path + "?gracePeriodSeconds=0")
        self.gone(path)

    def test_a_pod_without_a_node_goes_at_once(self):
        self.made(PODS, {"metadata": {"name": "unscheduled"}, "spec": {"containers": []}})
        self.ok("DELETE", PODS + "/unscheduled")
        self.gone(PODS + "/unscheduled")

    def test_a_name_can_be_used_again_with_another_uid(self):
        uids = set()
        for _ in range(3):
            uids.add(self.made(CONFIGMAPS, configmap("again"))["metadata"]["uid"])
            self.ok("DELETE", CONFIGMAPS + "/again")
        self.assertEqual(len(uids), 3)


class DeleteCollection(ApiTest):
    def setUp(self):
        super().setUp()
        self.ok("DELETE", CONFIGMAPS)
        for n in range(6):
            self.made(CONFIGMAPS, configmap(f"c{n}", labels={"odd": str(n % 2)}))

    def names(self, answer):
        return [i["metadata"]["name"] for i in answer["items"]]

    def left(self):
        return self.names(self.ok("GET", CONFIGMAPS))

    def test_all_are_deleted_and_shown(self):
        answer = self.ok("DELETE", CONFIGMAPS)
        self.assertEqual((answer["kind"], self.names(answer), self.left()), ("ConfigMapList", [f"c{n}" for n in range(6)], []))

    def test_selectors_choose(self):
        self.assertEqual(self.names(self.ok("DELETE", CONFIGMAPS + "?labelSelector=odd%3D1")), ["c1", "c3", "c5"])
        self.assertEqual(self.names(self.ok("DELETE", CONFIGMAPS + "?fieldSelector=metadata.name%3Dc2")), ["c2"])
        self.assertEqual(self.left(), ["c0", "c4"])

    def test_limit_is_a_page_and_continue_the_next(self):
        page = self.ok("DELETE", CONFIGMAPS + "?limit=2")
        self.assertEqual((self.names(page), self.left()), (["c0", "c1"], ["c2", "c3", "c4", "c5"]))
        page = self.ok("DELETE", f"{CONFIGMAPS}?limit=1&labelSelector=odd%3D1&continue={page['metadata']['continue']}")
        self.assertEqual((self.names(page), self.left()), (["c3"], ["c2", "c4", "c5"]))
        page = self.ok("DELETE", f"{CONFIGMAPS}?limit=10&continue={page['metadata']['continue']}")
        self.assertEqual((self.names(page), "continue" in page["metadata"], self.left()), (["c4", "c5"], False, ["c2"]))

    def test_bad_options_delete_nothing(self):
        for query, code in (("labelSelector=%21%21", 400), ("fieldSelector=x%3Dy", 400), ("limit=x", 400), ("continue=garbage", 400), ("dryRun=x", 422)):
            self.assertEqual(self.client.call("DELETE", f"{CONFIGMAPS}?{query}").code, code, query)
        self.assertEqual(len(self.left()), 6)

    def test_what_is_held_is_shown_as_it_is_now(self):
        self.patched(CONFIGMAPS + "/c1", {"metadata": {"finalizers": ["a.b/c"]}})
        items = self.ok("DELETE", CONFIGMAPS)["items"]
        self.assertEqual([bool(i["metadata"].get("deletionTimestamp")) for i in items], [False, True] + [False] * 4)
        self.assertEqual(self.left(), ["c1"])
        self.patched(CONFIGMAPS + "/c1", {"metadata": {"finalizers": None}})

    def test_each_deletion_is_an_event_with_a_revision_of_its_own(self):
        watch = Watch(self.server.port, f"{CONFIGMAPS}?watch=1&resourceVersion={self.client.get(CONFIGMAPS).rv}")
        self.addCleanup(watch.close)
        self.ok("DELETE", CONFIGMAPS)
        events = [brief(e) for e in watch.take(6)]
        self.assertEqual({e[0] for e in events}, {"DELETED"})
        self.assertEqual(len({e[2] for e in events}), 6)

    def test_namespaces_and_all_namespaces_at_once_are_405(self):
        for path in ("/api/v1/namespaces", "/api/v1/configmaps"):
            self.refused(self.client.call("DELETE", path), 405, "MethodNotAllowed")


if __name__ == "__main__":
    main()
