"""Namespaces: how they begin, what they hold, and how they end."""
import unittest

from tidewatch import ApiTest, Server, Watch, configmap, main

NAMESPACES = "/api/v1/namespaces"


class Namespaces(ApiTest):
    def watch(self, path):
        watch = Watch(self.server.port, path)
        self.addCleanup(watch.close)
        return watch

    def make(self, name, **more):
        return self.made(NAMESPACES, {"metadata": {"name": name}, **more})

    def events_to_the_end(self, name):
        """What becomes of a namespace, as its watcher sees it, to DELETED."""
        path = f"{NAMESPACES}?watch=1&resourceVersion=1&fieldSelector=metadata.name%3D{name}"  # it may be gone already
        return self.watch(path).until(lambda e: e["type"] == "DELETED")

    def test_four_are_there_from_the_start(self):
        names = [i["metadata"]["name"] for i in self.ok("GET", NAMESPACES)["items"]]
        self.assertEqual([n for n in names if n == "default" or n.startswith("kube-")], ["default", "kube-node-lease", "kube-public", "kube-system"])

    def test_a_new_one_is_active_with_its_finalizer_and_label(self):
        made = self.make("fresh")
        self.assertEqual((made["spec"], made["status"]), ({"finalizers": ["kubernetes"]}, {"phase": "Active"}))
        self.assertEqual(made["metadata"]["labels"], {"kubernetes.io/metadata.name": "fresh"})

    def test_the_phase_can_be_selected(self):
        self.make("chosen")
        names = [i["metadata"]["name"] for i in self.ok("GET", NAMESPACES + "?fieldSelector=status.phase%3DActive")["items"]]
        self.assertIn("chosen", names)
        self.assertEqual(self.ok("GET", NAMESPACES + "?fieldSelector=status.phase%21%3DActive,metadata.name%3Dchosen")["items"], [])

    def test_those_of_the_system_cannot_be_deleted(self):
        for name in ("default", "kube-system", "kube-public"):
            self.refused(self.client.call("DELETE", f"{NAMESPACES}/{name}"), 403, "Forbidden", "this namespace may not be deleted")

    def test_the_finalizers_change_through_finalize_alone(self):
        self.make("final")
        path = NAMESPACES + "/final"
        self.assertEqual(self.patched(path, {"spec": {"finalizers": []}})["spec"], {"finalizers": ["kubernetes"]})
        body = {"metadata": {"name": "final"}, "spec": {"finalizers": ["kubernetes", "a.b/c"]}}
        self.assertEqual(self.ok("PUT", path + "/finalize", body)["spec"], {"finalizers": ["kubernetes", "a.b/c"]})

    def test_deleting_one_deletes_what_it_holds_each_with_its_event(self):
        self.make("doomed")
        for n in range(300):  # more than are in flight at once
            self.made(f"{NAMESPACES}/doomed/configmaps", configmap(f"c{n:03}"))
        self.made(f"{NAMESPACES}/doomed/secrets", {"metadata": {"name": "s"}})
        self.made(f"{NAMESPACES}/doomed/pods", {"metadata": {"name": "p"}, "spec": {"nodeName": "n", "containers": []}})
        outside = self.made(f"{NAMESPACES}/default/configmaps", configmap("outside"))
        watch = self.watch(f"/api/v1/configmaps?watch=1&resourceVersion={outside['metadata']['resourceVersion']}")
        answer = self.ok("DELETE", NAMESPACES + "/doomed")
        self.assertEqual((answer["status"]["phase"], bool(answer["metadata"]["deletionTimestamp"])), ("Terminating", True))
        events = self.events_to_the_end("doomed")
        self.assertEqual(events[-1]["object"]["status"]["phase"], "Terminating")
        deleted = [e["object"]["metadata"]["name"] for e in watch.take(300) if e["type"] == "DELETED"]
        self.assertEqual(sorted(deleted), [f"c{n:03}" for n in range(300)])
        for resource in ("configmaps", "secrets", "pods"):
            self.assertEqual(self.ok("GET", f"{NAMESPACES}/doomed/{resource}")["items"], [])
        self.assertEqual(self.ok("GET", f"{NAMESPACES}/default/configmaps/outside"), outside)
        self.refused(self.client.get(NAMESPACES + "/doomed"), 404, "NotFound", 'namespaces "doomed" not found')
        self.make("doomed")  # and may come again

    def test_nothing_is_created_in_one_that_ends_and_all_else_goes_on(self):
        self.make("ending")
        held = f"{NAMESPACES}/ending/configmaps"
        self.made(held, configmap("held", finalizers=["a.b/c"]))
        self.ok("DELETE", NAMESPACES + "/ending")
        status = self.refused(self.client.create(held, configmap("late")), 403, "Forbidden",
                              'configmaps "late" is forbidden: unable to create new content in namespace ending because it is being terminated')
        self.assertEqual(status["details"]["causes"], [{"reason": "NamespaceTerminating", "message": "namespace ending is being terminated",
                                                        "field": "metadata.namespace"}])
        self.refused(self.client.create(NAMESPACES, {"metadata": {"name": "ending"}}), 409, "AlreadyExists")
        self.watch(f"{held}?watch=1").until(lambda e: e["object"]["metadata"].get("deletionTimestamp"))
        self.assertEqual(self.patched(held + "/held", {"data": {"a": "b"}})["data"], {"a": "b"})
        self.patched(held + "/held", {"metadata": {"finalizers": None}})
        self.events_to_the_end("ending")

    def test_a_foreign_finalizer_holds_it_and_finalize_lets_it_go(self):
        self.make("held", spec={"finalizers": ["kubernetes", "a.b/c"]})
        watch = self.watch(NAMESPACES + "?watch=1&fieldSelector=metadata.name%3Dheld")
        self.ok("DELETE", NAMESPACES + "/held")
        watch.until(lambda e: e["object"]["spec"].get("finalizers") == ["a.b/c"])
        self.ok("PUT", NAMESPACES + "/held/finalize", {"metadata": {"name": "held"}, "spec": {"finalizers": []}})
        watch.until(lambda e: e["type"] == "DELETED")

    def test_one_with_a_finalizer_of_its_metadata_waits_for_that(self):
        self.made(NAMESPACES, {"metadata": {"name": "meta", "finalizers": ["a.b/c"]}})
        watch = self.watch(NAMESPACES + "?watch=1&fieldSelector=metadata.name%3Dmeta")
        self.ok("DELETE", NAMESPACES + "/meta")
        watch.until(lambda e: not e["object"]["spec"].get("finalizers"))
        self.patched(NAMESPACES + "/meta", {"metadata": {"finalizers": None}})
        watch.until(lambda e: e["type"] == "DELETED")

    def test_custom_objects_go_with_their_namespace(self):
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        self.made("/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                  {"metadata": {"name": "boats.ns.example.com"},
                   "spec": {"group": "ns.example.com", "scope": "Namespaced", "names": {"plural": "boats", "kind": "Boat"},
                            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema},
                                         {"name": "v2", "served": True, "storage": False, "schema": schema}]}})
        self.make("harbour")
        self.made("/apis/ns.example.com/v2/namespaces/harbour/boats", {"metadata": {"name": "b"}})
        self.ok("DELETE", NAMESPACES + "/harbour")
        self.events_to_the_end("harbour")
        self.assertEqual(self.ok("GET", "/apis/ns.example.com/v1/boats")["items"], [])


class AcrossARestart(unittest.TestCase):
    def test_a_deletion_that_a_crash_cut_short_goes_on(self):
        server = Server()
        self.addCleanup(server.close)
        client = server.client()
        client.create(NAMESPACES, {"metadata": {"name": "cut"}})
        client.create(NAMESPACES + "/cut/configmaps", configmap("held", finalizers=["a.b/c"]))
        self.assertEqual(client.call("DELETE", NAMESPACES + "/cut").code, 200)
        server.kill()
        server.start()
        client = server.client()
        answer = client.call("PATCH", NAMESPACES + "/cut/configmaps/held", {"metadata": {"finalizers": None}}, content_type="application/merge-patch+json")
        self.assertEqual(answer.code, 200, answer)
        watch = Watch(server.port, NAMESPACES + "?watch=1&resourceVersion=1&fieldSelector=metadata.name%3Dcut")
        self.addCleanup(watch.close)
        watch.until(lambda e: e["type"] == "DELETED")


if __name__ == "__main__":
    main()
