"""CustomResourceDefinitions and what they define: served in the moment they are made, until the last object is gone."""
import threading

from tidewatch import ApiTest, Watch, main

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OPEN = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
SPEC = {"type": "object", "x-kubernetes-preserve-unknown-fields": True,
        "properties": {"color": {"type": "string"}, "size": {"type": "integer"}, "sunk": {"type": "boolean"}}}
BOAT = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"spec": SPEC}}}
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def version(name, served=True, storage=False, schema=None, **more):
    return {"name": name, "served": served, "storage": storage, "schema": schema or OPEN, **more}


def crd(plural, kind, *versions, group="crd.example.com", scope="Namespaced", **names):
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": scope, "names": {"plural": plural, "kind": kind, **names},
                     "versions": list(versions) or [version("v1", storage=True)]}}


def condition(body, name):
    return next((c for c in body["status"]["conditions"] if c["type"] == name), None)


class Crds(ApiTest):
    def define(self, plural, kind, *versions, **more):
        """The path of the objects, in the version stored."""
        body = self.made(CRDS, crd(plural, kind, *versions, **more))
        self.assertEqual(condition(body, "Established")["status"], "True")
        stored = next(v["name"] for v in body["spec"]["versions"] if v["storage"])
        namespace = "" if more.get("scope") == "Cluster" else "namespaces/default/"
        return f"/apis/{body['spec']['group']}/{stored}/{namespace}{plural}"

    def watch(self, path):
        watch = Watch(self.server.port, path)
        self.addCleanup(watch.close)
        return watch

    def drop(self, name):
        """Deletes a definition, and returns when it is gone: this one, not an earlier one of its name."""
        made = self.client.get(f"{CRDS}/{name}")
        since = made.rv if made.code == 200 else 1
        self.assertIn(self.client.call("DELETE", f"{CRDS}/{name}").code, (200, 404))
        watch = self.watch(f"{CRDS}?watch=1&resourceVersion={since}&fieldSelector=metadata.name%3D{name}")
        return watch.until(lambda e: e["type"] == "DELETED")

    def resources(self, group_version):
        return {r["name"]: r for r in self.ok("GET", "/apis/" + group_version)["resources"]}

    def test_defaults_and_status_are_in_the_answer(self):
        body = self.made(CRDS, crd("sails", "Sail", shortNames=["sl"], categories=["all"]))
        self.assertEqual(body["spec"]["names"], {"plural": "sails", "kind": "Sail", "singular": "sail", "listKind": "SailList",
                                                 "shortNames": ["sl"], "categories": ["all"]})
        self.assertEqual(body["status"]["acceptedNames"], body["spec"]["names"])
        self.assertEqual((body["spec"]["conversion"], body["status"]["storedVersions"]), ({"strategy": "None"}, ["v1"]))
        self.assertEqual([condition(body, c)["reason"] for c in ("NamesAccepted", "Established")], ["NoConflicts", "InitialNamesAccepted"])
        self.assertEqual(body["metadata"]["finalizers"], ["customresourcecleanup.apiextensions.k8s.io"])

    def test_its_kind_is_served_and_discovered_at_once_on_every_loop(self):
        path = self.define("masts", "Mast")
        for _ in range(8):  # connections are dealt out to the loops
            client = self.server.client()
            self.assertEqual(client.get(path).json["kind"], "MastList")
            self.assertIn("masts", [r["name"] for r in client.get("/apis/crd.example.com/v1").json["resources"]])
            client.close()

    def test_every_served_version_shows_the_same_object(self):
        path = self.define("hulls", "Hull", version("v1", storage=True), version("v1beta1"), version("v1alpha1", served=False))
        made = self.made(path, {"apiVersion": "crd.example.com/v1", "kind": "Hull", "metadata": {"name": "h"}, "spec": {"a": 1}})
        other = self.ok("GET", path.replace("/v1/", "/v1beta1/") + "/h")
        self.assertEqual(other, dict(made, apiVersion="crd.example.com/v1beta1"))
        self.assertEqual(self.client.get(path.replace("/v1/", "/v1alpha1/") + "/h").body, b"404 page not found\n")
        changed = self.ok("PUT", path.replace("/v1/", "/v1beta1/") + "/h", dict(other, spec={"a": 2}))
        self.assertEqual((changed["apiVersion"], self.ok("GET", path + "/h")["spec"]), ("crd.example.com/v1beta1", {"a": 2}))
        watch = self.watch(path.replace("/v1/", "/v1beta1/") + "?watch=1")
        self.assertEqual(watch.next()["object"]["apiVersion"], "crd.example.com/v1beta1")
        self.refused(self.client.create(path, dict(other, metadata={"name": "x"})), 400, "BadRequest", "does not match the expected API version")

    def test_the_best_version_is_preferred(self):
        self.define("ranks", "Rank", version("v1alpha1"), version("v2"), version("v1", storage=True), version("foo"), version("v2beta1"),
                    group="ranks.example.com")
        group = self.ok("GET", "/apis/ranks.example.com")
        self.assertEqual([v["version"] for v in group["versions"]], ["v2", "v1", "v2beta1", "v1alpha1", "foo"])
        self.assertEqual(group["preferredVersion"]["version"], "v2")

    def test_deprecated_versions_warn(self):
        path = self.define("rafts", "Raft", version("v1", storage=True), version("v1beta1", deprecated=True),
                           version("v2", deprecated=True, deprecationWarning="not yet"))
        for name, warning in (("v1", None), ("v1beta1", '299 - "crd.example.com/v1beta1 Raft is deprecated"'), ("v2", '299 - "not yet"')):
            self.assertEqual(self.client.get(path.replace("/v1/", f"/{name}/")).headers.get("warning"), warning)

    def test_cluster_scope_has_no_namespaces_and_namespaced_no_other_path(self):
        path = self.define("seas", "Sea", scope="Cluster")
        made = self.made(path, {"metadata": {"name": "north"}})
        self.assertNotIn("namespace", made["metadata"])
        self.assertEqual(self.client.get("/apis/crd.example.com/v1/namespaces/default/seas").code, 404)
        inner = self.define("bays", "Bay")
        self.made(inner, {"metadata": {"name": "b"}})
        across = "/apis/crd.example.com/v1/bays"
        self.assertEqual(len(self.ok("GET", across)["items"]), 1)
        for method, path in (("POST", across), ("DELETE", across), ("GET", across + "/b")):
            self.assertEqual(self.client.raw(method, path, "{}").body, b"404 page not found\n")

    def test_updates_need_a_revision(self):
        path = self.define("oars", "Oar")
        made = self.made(path, {"metadata": {"name": "o"}})
        status = self.refused(self.client.call("PUT", path + "/o", {"metadata": {"name": "o"}}), 422, "Invalid", '"o" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update')
        self.assertEqual(status["details"]["causes"][0]["field"], "metadata.resourceVersion")
        changed = self.ok("PUT", path + "/o", dict(made, spec={"a": 1}))
        self.assertEqual(changed["metadata"]["generation"], 2)

    def test_there_is_no_strategic_merge_patch(self):
        path = self.define("knots", "Knot")
        self.made(path, {"metadata": {"name": "k"}})
        answer = self.client.call("PATCH", path + "/k", {}, content_type="application/strategic-merge-patch+json")
        self.refused(answer, 415, "UnsupportedMediaType", "application/json-patch+json, application/merge-patch+json")
        self.assertEqual(self.patched(path + "/k", {"spec": {"a": 1}})["spec"], {"a": 1})

    def test_status_and_scale_are_there_when_asked_for(self):
        scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.selector"}
        path = self.define("crews", "Crew", version("v1", storage=True, subresources={"status": {}, "scale": scale}), version("v2"))
        made = self.made(path, {"metadata": {"name": "c"}, "spec": {"replicas": 3}, "status": {"x": 1}})
        self.assertNotIn("status", made)
        crew = self.patched(path + "/c/status", {"status": {"replicas": 2, "selector": "a=b"}, "spec": {"replicas": 9}})
        self.assertEqual((crew["spec"], crew["metadata"]["generation"]), ({"replicas": 3}, 1))
        shown = self.ok("GET", path + "/c/scale")
        self.assertEqual((shown["spec"], shown["status"]), ({"replicas": 3}, {"replicas": 2, "selector": "a=b"}))
        self.patched(path + "/c/scale", {"spec": {"replicas": 4}})
        crew = self.ok("GET", path + "/c")
        self.assertEqual((crew["spec"], crew["metadata"]["generation"]), ({"replicas": 4}, 2))
        self.assertEqual(sorted(n for n in self.resources("crd.example.com/v1") if n.startswith("crews")), ["crews", "crews/scale", "crews/status"])
        for sub in ("status", "scale", "bogus"):  # v2 has none of them
            self.refused(self.client.get(path.replace("/v1/", "/v2/") + "/c/" + sub), 404, "NotFound", 'crews.crd.example.com "c" not found')

    def test_columns_of_every_type(self):
        columns = [("Color", "string", ".spec.color"), ("Size", "integer", ".spec.size"), ("Ratio", "number", ".spec.ratio"),
                   ("Sunk", "boolean", ".spec.sunk"), ("Built", "date", ".spec.built"), ("Cargo", "string", ".spec.cargo[*].name")]
        printed = [{"name": n, "type": t, "jsonPath": p, **({"priority": 1} if n == "Cargo" else {})} for n, t, p in columns]
        path = self.define("ships", "Ship", version("v1", storage=True, additionalPrinterColumns=printed), version("v1beta1"))
        self.made(path, {"metadata": {"name": "a"}, "spec": {"color": "red", "size": 3, "ratio": 1.5, "sunk": False, "built": "2000-01-01T00:00:00Z",
                                                             "cargo": [{"name": "tea"}, {"name": "tin"}]}})
        self.made(path, {"metadata": {"name": "b"}})
        table = self.ok("GET", path, Accept=TABLE)
        self.assertEqual([(c["name"], c["type"], c["priority"]) for c in table["columnDefinitions"]],
                         [("Name", "string", 0)] + [(n, t, int(n == "Cargo")) for n, t, _ in columns])
        first, second = (row["cells"] for row in table["rows"])
        self.assertEqual(first[:5] + first[6:], ["a", "red", 3, 1.5, False, "tea"])
        self.assertRegex(first[5], r"^\d+y$")
        self.assertEqual(second, ["b"] + [None] * 6)
        plain = self.ok("GET", path.replace("/v1/", "/v1beta1/"), Accept=TABLE)
        self.assertEqual([c["name"] for c in plain["columnDefinitions"]], ["Name", "Age"])

    def test_selectable_fields_select(self):
        fields = [{"jsonPath": ".spec.color"}, {"jsonPath": ".spec.size"}, {"jsonPath": ".spec.sunk"}]
        path = self.define("boats", "Boat", version("v1", storage=True, schema=BOAT, selectableFields=fields))
        watch = self.watch(path + "?watch=1&fieldSelector=spec.color%3Dred")
        for name, spec in (("a", {"color": "red", "size": 3}), ("b", {"color": "blue", "sunk": True}), ("c", {})):
            self.made(path, {"metadata": {"name": name}, "spec": spec})
        for query, names in (("spec.color%3Dred", ["a"]), ("spec.size%3D3", ["a"]), ("spec.sunk%3Dtrue", ["b"]), ("spec.color%3D", ["c"]),
                             ("spec.color%21%3Dred", ["b", "c"]), ("metadata.name%3Db", ["b"])):
            items = self.ok("GET", f"{path}?fieldSelector={query}")["items"]
            self.assertEqual([i["metadata"]["name"] for i in items], names, query)
        self.refused(self.client.get(path + "?fieldSelector=spec.bogus%3D1"), 400, "BadRequest", "field label not supported: spec.bogus")
        self.patched(path + "/a", {"spec": {"color": "green"}})
        self.patched(path + "/b", {"spec": {"color": "red"}})
        self.assertEqual([(e["type"], e["object"]["metadata"]["name"]) for e in watch.take(3)], [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "b")])

    def test_a_definition_that_is_wrong_is_422_and_names_the_field(self):
        wrong = crd("things", "Thing")
        for change, field in (({"scope": "Galaxy"}, "spec.scope"), ({"group": "nodot"}, "spec.group"), ({"versions": []}, "spec.versions"),
                              ({"versions": [version("v1", storage=True), version("v2", storage=True)]}, "spec.versions"),
                              ({"versions": [dict(version("v1", storage=True), schema={})]}, "spec.versions[0].schema.openAPIV3Schema"),
                              ({"names": {"plural": "Bad", "kind": "Thing"}}, "spec.names.plural"),
                              ({"names": {"plural": "things"}}, "spec.names.kind")):
            status = self.refused(self.client.create(CRDS, dict(wrong, spec=dict(wrong["spec"], **change))), 422, "Invalid")
            self.assertIn(field, [c["field"] for c in status["details"]["causes"]])
        self.refused(self.client.create(CRDS, dict(wrong, metadata={"name": "other.example.com"})), 422, "Invalid", "must be spec.names.plural")

    def test_what_was_established_stays(self):
        self.define("piers", "Pier")
        body = self.ok("GET", CRDS + "/piers.crd.example.com")
        for change, field in (({"scope": "Cluster"}, "spec.scope"), ({"group": "x.example.com"}, "spec.group"),
                              ({"versions": [version("v2", storage=True)]}, "status.storedVersions[0]")):
            status = self.refused(self.client.call("PUT", CRDS + "/piers.crd.example.com", dict(body, spec=dict(body["spec"], **change))), 422, "Invalid")
            self.assertIn(field, [c["field"] for c in status["details"]["causes"]])

    def test_versions_come_and_go_with_an_update(self):
        path = self.define("ropes", "Rope")
        self.made(path, {"metadata": {"name": "r"}})
        body = self.ok("GET", CRDS + "/ropes.crd.example.com")
        body["spec"]["versions"] = [version("v1", served=False), version("v2", storage=True)]
        self.assertEqual(self.ok("PUT", CRDS + "/ropes.crd.example.com", body)["status"]["storedVersions"], ["v1", "v2"])
        self.assertEqual(self.client.get(path).code, 404)
        self.assertEqual(self.ok("GET", path.replace("/v1/", "/v2/") + "/r")["apiVersion"], "crd.example.com/v2")

    def test_names_in_use_are_not_accepted_until_they_are_free(self):
        self.define("owners", "Owner", shortNames=["ow"], group="names.example.com")
        rival = self.made(CRDS, crd("rivals", "Owner", shortNames=["ow"], group="names.example.com"))
        self.assertEqual((condition(rival, "NamesAccepted")["status"], condition(rival, "Established")["status"]), ("False", "False"))
        self.assertEqual(self.client.get("/apis/names.example.com/v1/rivals").code, 404)
        self.define("others", "Other", shortNames=["ow"], group="elsewhere.example.com")  # another group: kubectl warns, no more

    def test_deleting_it_deletes_its_objects_with_events_and_ends_their_watches(self):
        path = self.define("floats", "Float")
        for n in range(5):
            self.made(path, {"metadata": {"name": f"f{n}"}})
        watch, table = self.watch(path + "?watch=1"), self.watch("/apis/crd.example.com/v1/floats?watch=1")
        self.drop("floats.crd.example.com")
        for events in (watch.rest(), table.rest()):
            self.assertEqual([e["type"] for e in events], ["ADDED"] * 5 + ["DELETED"] * 5)
            self.assertEqual(sorted(e["object"]["metadata"]["name"] for e in events[5:]), [f"f{n}" for n in range(5)])
        self.assertEqual(self.client.get(path).body, b"404 page not found\n")
        self.assertNotIn("floats", self.resources("crd.example.com/v1") if self.client.get("/apis/crd.example.com/v1").code == 200 else {})

    def test_while_it_ends_objects_are_read_and_let_go_but_not_made(self):
        path = self.define("tugs", "Tug")
        self.made(path, {"metadata": {"name": "held", "finalizers": ["a.b/c"]}})
        body = self.ok("DELETE", CRDS + "/tugs.crd.example.com")
        self.assertEqual(condition(body, "Terminating")["reason"], "InstanceDeletionInProgress")
        self.refused(self.client.create(path, {"metadata": {"name": "late"}}), 405, "MethodNotAllowed",
                     "create not allowed while custom resource definition is terminating")
        self.assertEqual(self.resources("crd.example.com/v1")["tugs"]["verbs"], ["delete", "deletecollection", "get", "list", "watch"])
        self.assertEqual(len(self.ok("GET", path)["items"]), 1)
        self.refused(self.client.create(CRDS, crd("tugs", "Tug")), 409, "AlreadyExists")
        self.watch(path + "?watch=1").until(lambda e: e["object"]["metadata"].get("deletionTimestamp"))
        self.patched(path + "/held", {"metadata": {"finalizers": None}})
        self.drop("tugs.crd.example.com")

    def test_a_new_one_of_its_name_starts_empty(self):
        for n in range(5):
            path = self.define("waves", "Wave")
            self.assertEqual(self.ok("GET", path)["items"], [])
            self.made(path, {"metadata": {"name": "w"}})
            self.drop("waves.crd.example.com")

    def test_no_object_outlives_its_definition(self):
        """Creates race with the deletion: each is refused, or gone with the rest."""
        path = self.define("races", "Race")
        stop = threading.Event()

        def create(who):
            client, n = self.server.client(), 0
            while not stop.is_set():
                client.create(path, {"metadata": {"name": f"r{who}-{n}"}})
                n += 1
            client.close()

        watch = self.watch(path + "?watch=1")
        threads = [threading.Thread(target=create, args=(who,)) for who in range(3)]
        for thread in threads:
            thread.start()
        events = watch.take(20)
        self.drop("races.crd.example.com")
        stop.set()
        for thread in threads:
            thread.join()
        events += watch.rest()
        made = [e["object"]["metadata"]["name"] for e in events if e["type"] == "ADDED"]
        gone = [e["object"]["metadata"]["name"] for e in events if e["type"] == "DELETED"]
        self.assertEqual(sorted(made), sorted(gone))
        self.assertEqual(self.ok("GET", self.define("races", "Race"))["items"], [])

    def test_metadata_is_that_of_all_objects(self):
        path = self.define("reefs", "Reef")
        self.refused(self.client.create(path, {"metadata": {"name": "BAD"}}), 422, "Invalid", 'Reef.crd.example.com "BAD" is invalid: metadata.name')
        self.refused(self.client.create(path, {"kind": "Other", "metadata": {"name": "x"}}), 422, "Invalid", "must be Reef")
        self.refused(self.client.get(path + "/nope"), 404, "NotFound", 'reefs.crd.example.com "nope" not found')
        made = self.made(path, {"metadata": {"generateName": "r-", "annotations": {}, "labels": {"a": "b"}}})
        self.assertEqual((made["metadata"]["generation"], "annotations" in made["metadata"]), (1, False))


if __name__ == "__main__":
    main()
