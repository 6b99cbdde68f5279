"""Updating and patching: preconditions, what stays, generation, subresources, the three patch types."""
import threading

from tidewatch import CONFIGMAPS, ApiTest, Watch, configmap, main

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
PODS = "/api/v1/namespaces/default/pods"


def deployment(name, **spec):
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": {"app": name}}, "template": template, **spec}}


class Update(ApiTest):
    def put(self, path, body):
        return self.client.call("PUT", path, body)

    def test_what_the_server_owns_stays(self):
        old = self.made(CONFIGMAPS, configmap("stays"))["metadata"]
        sent = configmap("stays", {"a": "1"}, creationTimestamp="2001-01-01T00:00:00Z", deletionTimestamp="2001-01-01T00:00:00Z",
                         selfLink="/x", annotations={})
        new = self.ok("PUT", CONFIGMAPS + "/stays", sent)["metadata"]
        self.assertEqual(dict(new, resourceVersion=old["resourceVersion"]), old)
        self.assertGreater(int(new["resourceVersion"]), int(old["resourceVersion"]))

    def test_the_same_again_keeps_its_revision_and_is_no_event(self):
        made = self.made(CONFIGMAPS, configmap("same", {"a": "1"}))
        since = self.client.get(CONFIGMAPS).rv
        self.assertEqual(self.ok("PUT", CONFIGMAPS + "/same", made), made)
        self.assertEqual(self.patched(CONFIGMAPS + "/same", {"data": {"a": "1"}}), made)
        self.assertEqual(self.client.get(CONFIGMAPS).rv, since)

    def test_a_stale_revision_or_another_uid_is_409(self):
        old = self.made(CONFIGMAPS, configmap("stale"))
        self.ok("PUT", CONFIGMAPS + "/stale", dict(old, data={"a": "1"}))
        status = self.refused(self.put(CONFIGMAPS + "/stale", dict(old, data={"a": "2"})), 409, "Conflict", "the object has been modified")
        self.assertEqual(status["details"], {"name": "stale", "kind": "configmaps"})
        self.refused(self.put(CONFIGMAPS + "/stale", configmap("stale", uid="other")), 409, "Conflict",
                     f"Precondition failed: UID in precondition: other, UID in object meta: {old['metadata']['uid']}")
        self.refused(self.put(CONFIGMAPS + "/stale", configmap("stale", resourceVersion="abc")), 400, "BadRequest")

    def test_without_a_revision_the_last_writer_wins(self):
        self.made(CONFIGMAPS, configmap("last", {"a": "1"}))
        self.assertEqual(self.ok("PUT", CONFIGMAPS + "/last", configmap("last", {"b": "2"}))["data"], {"b": "2"})

    def test_what_is_not_there_is_404_and_names_must_agree(self):
        self.refused(self.put(CONFIGMAPS + "/nope", configmap("nope")), 404, "NotFound", 'configmaps "nope" not found')
        self.made(CONFIGMAPS, configmap("agree"))
        self.refused(self.put(CONFIGMAPS + "/agree", configmap("other")), 400, "BadRequest",
                     "the name of the object (other) does not match the name on the URL (agree)")
        self.refused(self.put(CONFIGMAPS + "/agree", {}), 400, "BadRequest", "name must be provided")
        self.refused(self.put(CONFIGMAPS + "/agree", configmap("agree", namespace="other")), 400, "BadRequest", "does not match the namespace")

    def test_events_and_leases_are_created_by_an_update(self):
        path = "/api/v1/namespaces/default/events"
        answer = self.put(path + "/made", {"metadata": {"name": "made"}, "involvedObject": {"namespace": "default"}})
        self.assertEqual(answer.code, 201, answer)
        self.refused(self.put(path + "/was", {"metadata": {"name": "was", "uid": "1"}, "involvedObject": {"namespace": "default"}}), 409, "Conflict")

    def test_an_immutable_config_map_is_not_changed(self):
        self.made(CONFIGMAPS, dict(configmap("fixed", {"a": "1"}), immutable=True))
        self.refused(self.put(CONFIGMAPS + "/fixed", configmap("fixed", {"a": "2"})), 422, "Invalid", "field is immutable when `immutable` is set")
        self.ok("PUT", CONFIGMAPS + "/fixed", dict(configmap("fixed", {"a": "1"}, labels={"x": "y"}), immutable=True))

    def test_a_dry_run_changes_nothing(self):
        made = self.made(CONFIGMAPS, configmap("dry", {"a": "1"}))
        self.assertEqual(self.ok("PUT", CONFIGMAPS + "/dry?dryRun=All", configmap("dry", {"a": "2"}))["data"], {"a": "2"})
        self.assertEqual(self.patched(CONFIGMAPS + "/dry?dryRun=All", {"data": {"b": "3"}})["data"], {"a": "1", "b": "3"})
        self.assertEqual(self.ok("GET", CONFIGMAPS + "/dry"), made)

    def test_generation_counts_what_is_wanted_and_not_what_is(self):
        self.made(DEPLOYMENTS, deployment("counts"))
        path = DEPLOYMENTS + "/counts"
        for patch, generation in (({"metadata": {"labels": {"x": "y"}}}, 1), ({"spec": {"replicas": 3}}, 2), ({"spec": {"replicas": 3}}, 2)):
            self.assertEqual(self.patched(path, patch)["metadata"]["generation"], generation)
        self.assertEqual(self.patched(path + "/status", {"status": {"replicas": 3}})["metadata"]["generation"], 2)

    def test_status_is_written_through_its_subresource_alone(self):
        self.made(PODS, {"metadata": {"name": "halves"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
        path = PODS + "/halves"
        self.assertEqual(self.patched(path, {"status": {"phase": "Running"}, "metadata": {"labels": {"a": "b"}}})["status"]["phase"], "Pending")
        pod = self.patched(path + "/status", {"status": {"phase": "Running"}, "spec": {"nodeName": "x"}, "metadata": {"labels": {"a": "c"}}})
        self.assertEqual((pod["status"]["phase"], "nodeName" in pod["spec"], pod["metadata"]["labels"]), ("Running", False, {"a": "b"}))
        self.assertEqual(self.ok("GET", path + "/status"), self.ok("GET", path))
        self.assertEqual(self.ok("PUT", path + "/status", dict(pod, status={"phase": "Failed"}))["status"], {"phase": "Failed"})

    def test_scale_reads_and_writes_the_replicas(self):
        made = self.made(DEPLOYMENTS, deployment("scaled", replicas=2))
        path = DEPLOYMENTS + "/scaled/scale"
        scale = self.ok("GET", path)
        self.assertEqual((scale["kind"], scale["apiVersion"], scale["spec"], scale["status"]),
                         ("Scale", "autoscaling/v1", {"replicas": 2}, {"replicas": 0, "selector": "app=scaled"}))
        self.assertEqual(scale["metadata"]["uid"], made["metadata"]["uid"])
        self.ok("PUT", path, dict(scale, spec={"replicas": 5}))
        self.refused(self.put(path, dict(scale, spec={"replicas": 6})), 409, "Conflict")
        self.assertEqual(self.patched(path, {"spec": {"replicas": 7}})["spec"], {"replicas": 7})
        self.assertEqual(self.ok("GET", DEPLOYMENTS + "/scaled")["spec"]["replicas"], 7)

    def test_a_workloads_selector_must_match_and_stay(self):
        self.refused(self.client.create(DEPLOYMENTS, deployment("off", selector={"matchLabels": {"a": "b"}})), 422, "Invalid",
                     "`selector` does not match template `labels`")
        made = self.made(DEPLOYMENTS, deployment("fixed"))
        made["spec"]["selector"]["matchLabels"]["x"] = made["spec"]["template"]["metadata"]["labels"]["x"] = "y"
        self.refused(self.put(DEPLOYMENTS + "/fixed", made), 422, "Invalid", "field is immutable")


class Patch(ApiTest):
    def patch(self, path, body, form):
        return self.client.call("PATCH", path, body, content_type=f"application/{form}+json")

    def test_merge_patch_sets_and_removes(self):
        self.made(CONFIGMAPS, configmap("merge", {"a": "1", "b": "2"}))
        self.assertEqual(self.patched(CONFIGMAPS + "/merge", {"data": {"a": None, "c": "3"}})["data"], {"b": "2", "c": "3"})

    def test_json_patch_is_all_or_nothing(self):
        path = CONFIGMAPS + "/json"
        made = self.made(CONFIGMAPS, configmap("json", {"a": "1"}))
        ops = [{"op": "add", "path": "/data/b", "value": "2"}, {"op": "test", "path": "/data/a", "value": "9"}]
        status = self.refused(self.patch(path, ops, "json-patch"), 422, "Invalid", "the server rejected our request due to an error in our request")
        self.assertEqual(status["details"]["causes"], [{"reason": "UnexpectedServerResponse", "field": "patch",
                                                        "message": "testing value /data/a failed: test failed"}])
        self.assertEqual(self.ok("GET", path), made)
        ops = [{"op": "test", "path": "/data/a", "value": "1"}, {"op": "move", "from": "/data/a", "path": "/data/x"}]
        self.assertEqual(self.patched(path, ops, "json-patch")["data"], {"x": "1"})

    def test_strategic_merge_patch_knows_the_lists_of_built_in_kinds(self):
        self.made(DEPLOYMENTS, deployment("lists"))
        containers = [{"name": "c", "image": "nginx:2"}, {"name": "d", "image": "busybox:1"}]
        patch = {"spec": {"template": {"spec": {"containers": containers}}}}
        pod = self.patched(DEPLOYMENTS + "/lists", patch, "strategic-merge-patch")["spec"]["template"]["spec"]
        self.assertEqual(sorted((c["name"], c["image"]) for c in pod["containers"]), [("c", "nginx:2"), ("d", "busybox:1")])
        patch["spec"]["template"]["spec"]["containers"] = [{"name": "c", "$patch": "delete"}]
        pod = self.patched(DEPLOYMENTS + "/lists", patch, "strategic-merge-patch")["spec"]["template"]["spec"]
        self.assertEqual([c["name"] for c in pod["containers"]], ["d"])

    def test_a_patch_with_a_revision_is_a_precondition(self):
        made = self.made(CONFIGMAPS, configmap("locked"))
        rv = made["metadata"]["resourceVersion"]
        self.patched(CONFIGMAPS + "/locked", {"metadata": {"resourceVersion": rv}, "data": {"a": "1"}})
        answer = self.patch(CONFIGMAPS + "/locked", {"metadata": {"resourceVersion": rv}, "data": {"a": "2"}}, "merge-patch")
        self.refused(answer, 409, "Conflict", "the object has been modified")

    def test_the_name_may_not_be_patched(self):
        self.made(CONFIGMAPS, configmap("fixed-name"))
        self.refused(self.patch(CONFIGMAPS + "/fixed-name", {"metadata": {"name": "other"}}, "merge-patch"), 400, "BadRequest", "does not match the name")

    def test_what_comes_out_must_be_an_object_of_the_kind(self):
        path = CONFIGMAPS + "/typed"
        self.made(CONFIGMAPS, configmap("typed"))
        self.refused(self.patch(path, {"data": {"a": 1}}, "merge-patch"), 422, "Invalid", "cannot unmarshal number")
        warned = self.patched(path, {"colour": "red"})
        self.assertNotIn("colour", warned)
        self.refused(self.patch(path + "?fieldValidation=Strict", {"colour": "red"}, "merge-patch"), 422, "Invalid",
                     'strict decoding error: unknown field "colour"')
        self.refused(self.patch(path, {"metadata": {"labels": {"a b": "c"}}}, "merge-patch"), 422, "Invalid", "metadata.labels")
        for body in ("{bad", "", "[]", "null"):
            self.refused(self.patch(path, body, "merge-patch"), 400, "BadRequest", "error decoding patch")
        self.refused(self.patch(path, [{"op": "bogus", "path": "/data"}], "json-patch"), 400, "BadRequest")

    def test_what_is_not_there_is_404(self):
        self.refused(self.patch(CONFIGMAPS + "/nope", {}, "merge-patch"), 404, "NotFound", 'configmaps "nope" not found')

    def test_other_types_are_415_and_name_those_that_are_taken(self):
        self.made(CONFIGMAPS, configmap("types"))
        for content_type in ("application/json", "text/plain"):
            self.refused(self.client.call("PATCH", CONFIGMAPS + "/types", "{}", content_type=content_type), 415, "UnsupportedMediaType",
                         "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json")

    def test_force_is_for_apply_alone(self):
        self.made(CONFIGMAPS, configmap("forced"))
        self.refused(self.patch(CONFIGMAPS + "/forced?force=true", {}, "merge-patch"), 422, "Invalid", "may not be specified for non-apply patch")

    def test_patches_at_the_same_time_are_all_applied(self):
        """The server itself tries a conflicting patch again."""
        self.made(CONFIGMAPS, configmap("busy"))

        def write(who):
            client = self.server.client()
            for n in range(25):
                answer = client.call("PATCH", CONFIGMAPS + "/busy", {"data": {f"w{who}-{n}": "x"}}, content_type="application/merge-patch+json")
                self.assertEqual(answer.code, 200, answer)
            client.close()

        since = self.client.get(CONFIGMAPS).rv
        threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(self.ok("GET", CONFIGMAPS + "/busy")["data"]), 100)
        watch = Watch(self.server.port, f"{CONFIGMAPS}?watch=1&resourceVersion={since}&fieldSelector=metadata.name%3Dbusy")
        self.addCleanup(watch.close)
        self.assertEqual([len(e["object"]["data"]) for e in watch.take(100)], list(range(1, 101)))


if __name__ == "__main__":
    main()
