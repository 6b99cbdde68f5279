"""Creating: names, metadata, namespaces, types, generateName, defaults and what is refused."""
import json

from tidewatch import CONFIGMAPS, ApiTest, Watch, configmap, main

SECRETS = "/api/v1/namespaces/default/secrets"
PODS = "/api/v1/namespaces/default/pods"


class Create(ApiTest):
    def test_the_server_fills_the_metadata_it_owns(self):
        sent = configmap("owned", uid="mine", creationTimestamp="2001-01-01T00:00:00Z", generation=7, selfLink="/x",
                         deletionTimestamp="2001-01-01T00:00:00Z", deletionGracePeriodSeconds=5)
        meta = self.made(CONFIGMAPS, sent)["metadata"]
        self.assertEqual(sorted(meta), ["creationTimestamp", "name", "namespace", "resourceVersion", "uid"])
        self.assertNotEqual(meta["uid"], "mine")
        self.assertRegex(meta["creationTimestamp"], r"^20(?!01)\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_each_object_gets_a_uid_of_its_own_and_a_higher_revision(self):
        first, second = (self.made(CONFIGMAPS, configmap(n))["metadata"] for n in ("rises-a", "rises-b"))
        self.assertNotEqual(first["uid"], second["uid"])
        self.assertLess(int(first["resourceVersion"]), int(second["resourceVersion"]))

    def test_empty_metadata_is_left_out(self):
        meta = self.made(CONFIGMAPS, configmap("bare", labels={}, annotations={}, finalizers=[], ownerReferences=[], generateName="",
                                               resourceVersion="", uid=""))["metadata"]
        for name in ("labels", "annotations", "finalizers", "ownerReferences", "generateName"):
            self.assertNotIn(name, meta)

    def test_api_version_and_kind_may_be_left_out(self):
        made = self.made(CONFIGMAPS, {"metadata": {"name": "typeless"}})
        self.assertEqual((made["apiVersion"], made["kind"]), ("v1", "ConfigMap"))

    def test_another_kind_or_version_is_400(self):
        self.refused(self.client.create(CONFIGMAPS, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}), 400,
                     "BadRequest", 'Secret in version "v1" cannot be handled as a ConfigMap')
        self.refused(self.client.create(CONFIGMAPS, {"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "x"}}), 400,
                     "BadRequest", "the API version in the data (v2) does not match the expected API version (v1)")

    def test_what_is_no_object_is_400_and_says_why(self):
        for body, words in (("{bad", "invalid character 'b'"), ("", "unexpected end of JSON input"), ("[]", "cannot unmarshal array"),
                            ('"x"', "cannot unmarshal string"), ("{}{}", "after top-level value"),
                            ('{"metadata":[]}', "of type v1.ObjectMeta"), ('{"metadata":{"name":5}}', "cannot unmarshal number"),
                            ('{"metadata":{"name":"x","labels":{"a":1}}}', "cannot unmarshal number"),
                            ('{"metadata":{"name":"x"},"data":{"a":1}}', "cannot unmarshal number"),
                            ('{"a":' * 600 + "1" + "}" * 600, "exceeded max depth of 512")):
            self.refused(self.client.create(CONFIGMAPS, body), 400, "BadRequest", words)

    def test_names_are_checked_and_the_status_names_the_field(self):
        for name, words in (("UPPER", "a lowercase RFC 1123 subdomain"), ("a/b", "a lowercase RFC 1123 subdomain"), ("-a", "must start and end"),
                            ("x" * 254, "must be no more than 253 bytes"), ("", "name or generateName is required")):
            status = self.refused(self.client.create(CONFIGMAPS, configmap(name)), 422, "Invalid", words)
            self.assertEqual(status["details"]["kind"], "ConfigMap")
            self.assertEqual([c["field"] for c in status["details"]["causes"]], ["metadata.name"])
        for kind, name in (("namespaces", "a.b"), ("namespaces/default/services", "1a")):
            self.refused(self.client.create("/api/v1/" + kind, {"metadata": {"name": name}}), 422, "Invalid", "metadata.name")

    def test_labels_finalizers_and_owners_are_checked(self):
        for meta, field in (({"labels": {"a b": "c"}}, "metadata.labels"), ({"labels": {"a": "b c"}}, "metadata.labels"),
                            ({"finalizers": ["bad"]}, "metadata.finalizers"), ({"annotations": {"a b": "c"}}, "metadata.annotations"),
                            ({"ownerReferences": [{"name": "x"}]}, "metadata.ownerReferences.apiVersion")):
            status = self.refused(self.client.create(CONFIGMAPS, configmap("checked", **meta)), 422, "Invalid")
            self.assertEqual(status["details"]["causes"][0]["field"], field)

    def test_generate_name_adds_five_letters(self):
        names = {self.made(CONFIGMAPS, {"metadata": {"generateName": "gen-"}})["metadata"]["name"] for _ in range(20)}
        self.assertEqual(len(names), 20)
        for name in names:
            self.assertRegex(name, r"^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$")

    def test_a_long_generate_name_is_cut_to_63(self):
        made = self.made(CONFIGMAPS, {"metadata": {"generateName": "x" * 80}})
        self.assertRegex(made["metadata"]["name"], r"^x{58}.{5}$")

    def test_a_name_wins_over_generate_name(self):
        self.assertEqual(self.made(CONFIGMAPS, configmap("named", generateName="gen-"))["metadata"]["name"], "named")

    def test_dry_run_shows_what_would_be_without_a_revision(self):
        before = self.client.get(CONFIGMAPS).rv
        made = self.made(CONFIGMAPS + "?dryRun=All", {"metadata": {"generateName": "dry-"}})
        self.assertNotIn("resourceVersion", made["metadata"])
        self.assertTrue(made["metadata"]["uid"])
        self.assertEqual(self.client.get(CONFIGMAPS).rv, before)

    def test_options_are_checked(self):
        for query, words in (("dryRun=Some", "dryRun"), ("fieldValidation=Bogus", "fieldValidation"), ("fieldManager=" + "x" * 129, "Too long"),
                             ("fieldManager=a%01b", "U+0001")):
            status = self.refused(self.client.create(f"{CONFIGMAPS}?{query}", configmap("options")), 422, "Invalid", words)
            self.assertEqual((status["details"]["group"], status["details"]["kind"]), ("meta.k8s.io", "CreateOptions"))

    def test_duplicate_fields_are_warned_of_unless_ignored(self):
        body = '{"metadata":{"name":"%s","labels":{"a":"1","a":"2"}}}'
        answer = self.client.create(CONFIGMAPS, body % "warned")
        self.assertEqual((answer.code, answer.headers["warning"]), (201, '299 - "duplicate field \\"metadata.labels.a\\""'))
        self.assertNotIn("warning", self.client.create(CONFIGMAPS + "?fieldValidation=Ignore", body % "unwarned").headers)

    def test_a_missing_namespace_is_404(self):
        status = self.refused(self.client.create("/api/v1/namespaces/nowhere/configmaps", configmap("a")), 404, "NotFound",
                              'namespaces "nowhere" not found')
        self.assertEqual(status["details"], {"name": "nowhere", "kind": "namespaces"})

    def test_yaml_is_taken(self):
        made = self.made(CONFIGMAPS, "metadata:\n  name: yaml\ndata:\n  a: 'yes'\n  b: |\n    two\n    lines\n", content_type="application/yaml")
        self.assertEqual(made["data"], {"a": "yes", "b": "two\nlines\n"})

    def test_secrets_take_string_data_and_refuse_bad_base64(self):
        made = self.made(SECRETS, {"metadata": {"name": "s"}, "data": {"a": "YQ==", "b": "Yg=="}, "stringData": {"b": "x"}})
        self.assertEqual((made["data"], made["type"], "stringData" in made), ({"a": "YQ==", "b": "eA=="}, "Opaque", False))
        self.refused(self.client.create(SECRETS, {"metadata": {"name": "bad"}, "data": {"a": "!"}}), 400, "BadRequest", "illegal base64 data")

    def test_status_is_dropped_where_it_is_a_subresource(self):
        made = self.made(PODS, {"metadata": {"name": "fresh"}, "spec": {"containers": [{"name": "c", "image": "i"}]}, "status": {"phase": "Running"}})
        self.assertEqual(made["status"]["phase"], "Pending")
        node = self.made("/api/v1/nodes", {"metadata": {"name": "n"}, "status": {"phase": "Running"}})
        self.assertEqual(node["status"], {"phase": "Running"})  # kubelets register with one

    def test_what_a_client_reads_without_asking_has_its_default(self):
        """kubectl describe follows these pointers."""
        container = {"name": "c", "image": "nginx"}
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container], "initContainers": [dict(container, name="i", image="x:1")]}}
        deployment = self.made("/apis/apps/v1/namespaces/default/deployments",
                               {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}})
        spec = deployment["spec"]
        self.assertEqual((deployment["metadata"]["generation"], spec["replicas"], spec["strategy"]["type"]), (1, 1, "RollingUpdate"))
        pod = spec["template"]["spec"]
        self.assertEqual((pod["restartPolicy"], pod["containers"][0]["imagePullPolicy"], pod["initContainers"][0]["imagePullPolicy"]),
                         ("Always", "Always", "IfNotPresent"))
        controller = self.made("/api/v1/namespaces/default/replicationcontrollers", {"metadata": {"name": "rc"}, "spec": {"template": template}})
        self.assertEqual((controller["spec"]["selector"], controller["metadata"]["labels"]), ({"a": "b"}, {"a": "b"}))
        cron = self.made("/apis/batch/v1/namespaces/default/cronjobs",
                         {"metadata": {"name": "cj"}, "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}}})
        self.assertEqual(cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"], "Always")
        priority = self.made("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "pc"}, "value": 5})
        self.assertEqual(priority["preemptionPolicy"], "PreemptLowerPriority")
        storage = self.made("/apis/storage.k8s.io/v1/storageclasses", {"metadata": {"name": "sc"}, "provisioner": "x/y"})
        self.assertEqual((storage["reclaimPolicy"], storage["volumeBindingMode"]), ("Delete", "Immediate"))
        slice_ = self.made("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
                           {"metadata": {"name": "es"}, "addressType": "IPv4", "endpoints": [], "ports": [{"port": 80}]})
        self.assertEqual(slice_["ports"], [{"port": 80, "name": "", "protocol": "TCP"}])
        policies = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
        self.assertEqual(self.made(policies, {"metadata": {"name": "in"}, "spec": {"podSelector": {}}})["spec"]["policyTypes"], ["Ingress"])
        self.assertEqual(self.made(policies, {"metadata": {"name": "out"}, "spec": {"podSelector": {}, "egress": [{}]}})["spec"]["policyTypes"],
                         ["Ingress", "Egress"])
        balanced = self.made("/api/v1/namespaces/default/services", {"metadata": {"name": "lb"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 1}]}})
        self.assertEqual((balanced["spec"]["externalTrafficPolicy"], balanced["spec"]["ports"]),
                         ("Cluster", [{"port": 1, "protocol": "TCP", "targetPort": 1}]))

    def test_a_pods_qos_class_is_computed_from_its_resources(self):
        both = {"cpu": "1", "memory": "1Gi"}
        for name, resources, wanted in (("best-effort", {}, "BestEffort"), ("burstable", {"requests": {"cpu": "1"}}, "Burstable"),
                                        ("partly", {"limits": {"cpu": "1"}}, "Burstable"), ("guaranteed", {"limits": both}, "Guaranteed"),
                                        ("less", {"limits": both, "requests": dict(both, cpu="500m")}, "Burstable")):
            pod = self.made(PODS, {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i", "resources": resources}]}})
            self.assertEqual(pod["status"]["qosClass"], wanted, name)
            if "limits" in resources:  # what it may use is what it asks for
                asked = dict(resources["limits"], **resources.get("requests", {}))
                self.assertEqual(pod["spec"]["containers"][0]["resources"]["requests"], asked)

    def test_a_create_is_one_added_event_with_its_revision(self):
        since = self.client.get(CONFIGMAPS).rv
        watch = Watch(self.server.port, f"{CONFIGMAPS}?watch=1&resourceVersion={since}")
        self.addCleanup(watch.close)
        made = self.made(CONFIGMAPS, configmap("watched"))
        self.assertEqual(watch.next(), {"type": "ADDED", "object": made})

    def test_a_client_that_leaves_does_not_undo_its_write(self):
        """Its request is whole, so it is carried out; nobody is there to hear so."""
        watch = Watch(self.server.port, f"{CONFIGMAPS}?watch=1&fieldSelector=metadata.name%3Dleft")
        self.addCleanup(watch.close)
        for n in range(20):
            leaver = self.server.client()
            leaver.get("/version")
            body = json.dumps(configmap("left"))
            leaver.connection.request("POST" if n % 2 == 0 else "DELETE", CONFIGMAPS + ("" if n % 2 == 0 else "/left"), body if n % 2 == 0 else None)
            leaver.connection.sock.shutdown(1)
            self.assertEqual(watch.next()["type"], "ADDED" if n % 2 == 0 else "DELETED")
            leaver.close()


if __name__ == "__main__":
    main()
