"""What clients learn of the API: groups, resources, OpenAPI, version; with the ETags they keep it by."""
from tidewatch import ApiTest, main

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
BETA = AGGREGATED.replace("v=v2", "v=v2beta1")
KUBECTL = f"{AGGREGATED},{BETA},application/json"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WRITES = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def crd(plural, kind, group="found.example.com", scope="Namespaced"):
    schema = {"openAPIV3Schema": {"type": "object", "description": "What floats.", "properties": {
        "spec": {"type": "object", "properties": {"length": {"type": "integer", "description": "From bow to stern."}}}}}}
    return {"metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": scope, "names": {"plural": plural, "kind": kind, "shortNames": [plural[:2]], "categories": ["all"]},
                     "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema, "subresources": {"status": {}}}]}}


class Discovery(ApiTest):
    def define(self, *args, **more):
        self.made(CRDS, crd(*args, **more))

    def test_the_core_group_is_below_api(self):
        self.assertEqual((self.ok("GET", "/api")["kind"], self.ok("GET", "/api")["versions"]), ("APIVersions", ["v1"]))
        self.assertEqual(self.ok("GET", "/api/v1")["groupVersion"], "v1")

    def test_all_other_groups_are_below_apis(self):
        groups = self.ok("GET", "/apis")
        self.assertEqual((groups["kind"], groups["groups"][0]["name"]), ("APIGroupList", "apps"))
        for group in groups["groups"]:
            shown = self.ok("GET", "/apis/" + group["name"])
            self.assertEqual((shown["kind"], shown["versions"], shown["preferredVersion"]), ("APIGroup", group["versions"], group["preferredVersion"]))
            for version in group["versions"]:
                self.assertEqual(self.ok("GET", "/apis/" + version["groupVersion"])["groupVersion"], version["groupVersion"])

    def test_the_root_lists_the_paths_of_all_groups_in_order(self):
        paths = self.ok("GET", "/")["paths"]
        self.assertEqual(paths, sorted(set(paths)))
        groups = self.ok("GET", "/apis")["groups"]
        wanted = {"/apis/" + g["name"] for g in groups} | {"/apis/" + v["groupVersion"] for g in groups for v in g["versions"]}
        self.assertLessEqual(wanted | {"/api/v1", "/version"}, set(paths))
        for path in paths:
            self.assertEqual(self.client.get(path).code, 200, path)

    def test_a_resource_has_its_names_verbs_and_subresources(self):
        resources = {r["name"]: r for r in self.ok("GET", "/apis/apps/v1")["resources"]}
        self.assertEqual(resources["deployments"], {"name": "deployments", "singularName": "deployment", "namespaced": True, "kind": "Deployment",
                                                    "verbs": WRITES, "shortNames": ["deploy"], "categories": ["all"]})
        self.assertEqual((resources["deployments/scale"]["group"], resources["deployments/scale"]["kind"]), ("autoscaling", "Scale"))
        self.assertEqual(resources["deployments/status"]["verbs"], ["get", "patch", "update"])
        namespaces = next(r for r in self.ok("GET", "/api/v1")["resources"] if r["name"] == "namespaces")
        self.assertEqual((namespaces["namespaced"], "deletecollection" in namespaces["verbs"]), (False, False))

    def test_every_resource_listed_can_be_listed(self):
        for group_version in ["/api/v1"] + ["/apis/" + g["preferredVersion"]["groupVersion"] for g in self.ok("GET", "/apis")["groups"]]:
            for resource in self.ok("GET", group_version)["resources"]:
                if "list" in resource["verbs"]:
                    self.assertEqual(self.ok("GET", f"{group_version}/{resource['name']}")["kind"], resource["kind"] + "List")

    def test_aggregated_says_the_same_in_one_document(self):
        answer = self.client.get("/apis", Accept=KUBECTL)
        self.assertEqual((answer.headers["content-type"], answer.json["kind"], answer.json["apiVersion"]),
                         (AGGREGATED, "APIGroupDiscoveryList", "apidiscovery.k8s.io/v2"))
        legacy = {f"{g['name']}/{v['version']}" for g in self.ok("GET", "/apis")["groups"] for v in g["versions"]}
        items = {f"{i['metadata']['name']}/{v['version']}": v for i in answer.json["items"] for v in i["versions"]}
        self.assertEqual(set(items), legacy)
        for group_version, version in items.items():
            self.assertEqual(version["freshness"], "Current")
            listed = self.ok("GET", "/apis/" + group_version)["resources"]
            self.assertEqual([r["resource"] for r in version["resources"]], [r["name"] for r in listed if "/" not in r["name"]])
            self.assertEqual([f"{r['resource']}/{s['subresource']}" for r in version["resources"] for s in r.get("subresources", [])],
                             sorted((r["name"] for r in listed if "/" in r["name"]), key=lambda n: (n.split("/")[0], n)))
        core = self.ok("GET", "/api", Accept=KUBECTL)["items"][0]
        pods = next(r for r in core["versions"][0]["resources"] if r["resource"] == "pods")
        self.assertEqual((pods["scope"], pods["singularResource"], pods["shortNames"], pods["responseKind"]),
                         ("Namespaced", "pod", ["po"], {"group": "", "version": "v1", "kind": "Pod"}))

    def test_the_form_is_that_of_the_first_clause_that_is_known(self):
        for accept, kind, version in ((BETA, "APIGroupDiscoveryList", "v2beta1"), ("application/json", "APIGroupList", "v1"), ("*/*", "APIGroupList", "v1"),
                                      ("application/json, " + AGGREGATED, "APIGroupList", "v1"), (AGGREGATED.replace("v=v2", "v=v9") + "," + BETA, "APIGroupDiscoveryList", "v2beta1")):
            document = self.ok("GET", "/apis", Accept=accept)
            self.assertEqual((document["kind"], document["apiVersion"].rsplit("/", 1)[-1]), (kind, version), accept)

    def test_what_has_not_changed_is_304(self):
        for path in ("/api", "/apis", "/openapi/v3", "/openapi/v2", "/openapi/v3/apis/apps/v1"):
            first = self.client.get(path, Accept=KUBECTL)
            etag = first.headers["etag"]
            self.assertEqual((first.code, first.headers["vary"]), (200, "Accept"))
            for match in (etag, "W/" + etag, '"other", ' + etag, "*"):
                again = self.client.get(path, Accept=KUBECTL, If_None_Match=match)
                self.assertEqual((again.code, again.body, again.headers["etag"]), (304, b"", etag), (path, match))
            self.assertEqual(self.client.get(path, Accept=KUBECTL, If_None_Match='"other"').code, 200)

    def test_a_definition_changes_the_etag_in_the_moment_it_is_made(self):
        before = self.client.get("/apis", Accept=KUBECTL).headers["etag"]
        self.define("canoes", "Canoe")
        changed = self.client.get("/apis", Accept=KUBECTL, If_None_Match=before)
        self.assertEqual(changed.code, 200)
        group = next(i for i in changed.json["items"] if i["metadata"]["name"] == "found.example.com")
        canoe = group["versions"][0]["resources"][0]
        self.assertEqual((canoe["resource"], canoe["shortNames"], canoe["categories"], [s["subresource"] for s in canoe["subresources"]]),
                         ("canoes", ["ca"], ["all"], ["status"]))

    def test_openapi_names_a_document_for_each_group_version(self):
        paths = self.ok("GET", "/openapi/v3")["paths"]
        self.assertLessEqual({"api/v1", "apis/apps/v1", "apis/apiextensions.k8s.io/v1"}, set(paths))
        for path in paths.values():
            answer = self.client.get(path["serverRelativeURL"])
            self.assertEqual((answer.code, answer.headers["cache-control"]), (200, "public, immutable"))
            self.assertEqual(answer.json["openapi"], "3.0.0")

    def test_an_old_hash_leads_to_the_new_one(self):
        url = self.ok("GET", "/openapi/v3")["paths"]["api/v1"]["serverRelativeURL"]
        answer = self.client.get("/openapi/v3/api/v1?hash=0123")
        self.assertEqual((answer.code, answer.headers["location"]), (301, url))

    def test_openapi_tells_kubectl_which_kinds_know_field_validation(self):
        document = self.ok("GET", "/openapi/v3/api/v1")
        kinds = set()
        for operations in document["paths"].values():
            patch = operations.get("patch", {})
            kinds.add(patch.get("x-kubernetes-group-version-kind", {}).get("kind"))
            if patch:
                self.assertIn("application/merge-patch+json", patch["requestBody"]["content"])
                self.assertIn("fieldValidation", [p.get("name") for p in patch["parameters"]])
        self.assertLessEqual({"ConfigMap", "Pod", "Namespace", "Node"}, kinds)

    def test_a_custom_schema_is_shown_as_it_was_sent(self):
        self.define("kayaks", "Kayak", group="shown.example.com")
        schemas = self.ok("GET", "/openapi/v3/apis/shown.example.com/v1")["components"]["schemas"]
        kayak = next(s for s in schemas.values() if {"group": "shown.example.com", "version": "v1", "kind": "Kayak"} in s.get("x-kubernetes-group-version-kind", []))
        self.assertEqual((kayak["description"], kayak["properties"]["spec"]["properties"]["length"]["description"]), ("What floats.", "From bow to stern."))
        patch = next(p["patch"] for p in self.ok("GET", "/openapi/v3/apis/shown.example.com/v1")["paths"].values() if "patch" in p)
        self.assertNotIn("application/strategic-merge-patch+json", patch["requestBody"]["content"])

    def test_unknown_groups_and_versions_are_404(self):
        for path in ("/apis/nope", "/apis/nope/v1", "/openapi/v3/apis/nope/v1", "/openapi/v4"):
            self.assertEqual(self.client.get(path).body, b"404 page not found\n", path)
        for path in ("/apis/apps/v9", "/api/v9"):
            self.refused(self.client.get(path), 404, "NotFound", "the server could not find the requested resource")

    def test_the_version_is_one_that_clients_can_read(self):
        version = self.ok("GET", "/version")
        self.assertRegex(version["major"] + "." + version["minor"], r"^\d+\.\d+$")
        self.assertRegex(version["gitVersion"], rf"^v{version['major']}\.{version['minor']}\.\d+(\+[0-9A-Za-z.-]+)?$")
        self.assertRegex(version["platform"], r"^linux/\w+$")


if __name__ == "__main__":
    main()
