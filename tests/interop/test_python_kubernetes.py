"""python3-kubernetes, as Debian ships it: lists, watches and creates."""
import sys
import threading
import unittest

try:
    from kubernetes import client, config, watch
except ImportError:
    print("skipped: python3-kubernetes is not installed for this python")
    sys.exit(77)

from tidewatch import PATIENCE_S, Server, main


class PythonKubernetes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(storage="memory")
        cls.addClassCleanup(cls.server.close)
        config.load_kube_config(cls.server.kubeconfig)
        cls.api = client.CoreV1Api()

    def make(self, name, **labels):
        body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels=labels), data={"k": "v"})
        return self.api.create_namespaced_config_map("default", body)

    def test_create_get_list_delete(self):
        self.assertTrue(self.make("py", a="b").metadata.uid)
        self.assertEqual(self.api.read_namespaced_config_map("py", "default").data, {"k": "v"})
        self.assertIn("py", [i.metadata.name for i in self.api.list_namespaced_config_map("default", label_selector="a=b").items])
        self.api.patch_namespaced_config_map("py", "default", {"data": {"k": "w"}})
        self.assertEqual(self.api.read_namespaced_config_map("py", "default").data, {"k": "w"})
        self.api.delete_namespaced_config_map("py", "default")
        with self.assertRaises(client.exceptions.ApiException) as raised:
            self.api.read_namespaced_config_map("py", "default")
        self.assertEqual(raised.exception.status, 404)

    def test_pages(self):
        for n in range(5):
            self.make(f"page{n}", page="yes")
        names, token = [], None
        while True:
            page = self.api.list_namespaced_config_map("default", label_selector="page=yes", limit=2, _continue=token)
            names += [i.metadata.name for i in page.items]
            token = page.metadata._continue
            if not token:
                break
        self.assertEqual(names, [f"page{n}" for n in range(5)])

    def test_watch(self):
        seen = []
        stream = watch.Watch()

        def make_later():
            self.make("w-second", watch="yes")

        self.make("w-first", watch="yes")
        for event in stream.stream(self.api.list_namespaced_config_map, "default", label_selector="watch=yes",
                                   allow_watch_bookmarks=True, timeout_seconds=int(PATIENCE_S)):
            if event["type"] == "BOOKMARK":
                continue
            seen.append((event["type"], event["object"].metadata.name))
            if len(seen) == 1:
                threading.Thread(target=make_later).start()
            if len(seen) == 2:
                stream.stop()
        self.assertEqual(seen, [("ADDED", "w-first"), ("ADDED", "w-second")])

    def test_custom_objects_and_crds(self):
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
               "metadata": {"name": "tides.example.com"},
               "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "tides", "kind": "Tide"},
                        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}]}}
        client.ApiextensionsV1Api().create_custom_resource_definition(crd)
        api = client.CustomObjectsApi()
        api.create_namespaced_custom_object("example.com", "v1", "default", "tides",
                                            {"apiVersion": "example.com/v1", "kind": "Tide", "metadata": {"name": "high"}, "spec": {"m": 4}})
        self.assertEqual(api.list_namespaced_custom_object("example.com", "v1", "default", "tides")["items"][0]["spec"], {"m": 4})

    def test_workloads_scale_and_status(self):
        apps = client.AppsV1Api()
        template = client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels={"app": "py"}),
                                            spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="nginx")]))
        spec = client.V1DeploymentSpec(selector=client.V1LabelSelector(match_labels={"app": "py"}), template=template)
        made = apps.create_namespaced_deployment("default", client.V1Deployment(metadata=client.V1ObjectMeta(name="py"), spec=spec))
        self.assertEqual((made.spec.replicas, made.metadata.generation), (1, 1))
        scale = apps.read_namespaced_deployment_scale("py", "default")
        scale.spec.replicas = 3
        self.assertEqual(apps.replace_namespaced_deployment_scale("py", "default", scale).spec.replicas, 3)
        self.assertEqual(apps.patch_namespaced_deployment_scale("py", "default", {"spec": {"replicas": 4}}).status.selector, "app=py")
        self.assertEqual(apps.patch_namespaced_deployment_status("py", "default", {"status": {"replicas": 4}}).status.replicas, 4)
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "more", "image": "busybox"}]}}}}  # sent as a strategic merge
        self.assertEqual(len(apps.patch_namespaced_deployment("py", "default", patch).spec.template.spec.containers), 2)
        answer = apps.delete_namespaced_deployment("py", "default", propagation_policy="Background")
        self.assertEqual((answer.status, answer.details.name), ("Success", "py"))

    def test_collections_are_deleted_in_pages(self):
        for n in range(3):
            self.make(f"bulk{n}", bulk="yes")
        page = self.api.delete_collection_namespaced_config_map("default", label_selector="bulk=yes", limit=2)
        self.assertTrue(page.metadata._continue)
        self.assertEqual(len(self.api.list_namespaced_config_map("default", label_selector="bulk=yes").items), 1)
        self.api.delete_collection_namespaced_config_map("default", label_selector="bulk=yes")
        self.assertEqual(self.api.list_namespaced_config_map("default", label_selector="bulk=yes").items, [])

    def test_conflicts_and_dry_runs(self):
        made = self.make("conflict")
        self.api.patch_namespaced_config_map("conflict", "default", {"data": {"k": "w"}})
        with self.assertRaises(client.exceptions.ApiException) as raised:
            self.api.replace_namespaced_config_map("conflict", "default", made)
        self.assertEqual((raised.exception.status, raised.exception.reason), (409, "Conflict"))
        self.api.delete_namespaced_config_map("conflict", "default", dry_run="All")
        self.assertEqual(self.api.read_namespaced_config_map("conflict", "default").data, {"k": "w"})

    def test_the_dynamic_client_finds_its_way_by_discovery(self):
        from kubernetes import dynamic
        api = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="v1", kind="ConfigMap")
        api.create(namespace="default", body={"metadata": {"name": "dynamic"}, "data": {"a": "b"}})
        self.assertEqual(api.get(name="dynamic", namespace="default").data.a, "b")
        self.assertIn("dynamic", [i.metadata.name for i in api.get(namespace="default").items])
        api.patch(name="dynamic", namespace="default", body={"data": {"a": "c"}}, content_type="application/merge-patch+json")
        self.assertEqual(api.get(name="dynamic", namespace="default").data.a, "c")
        api.delete(name="dynamic", namespace="default")

    def test_namespaces_end(self):
        self.api.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name="py-ends")))
        self.api.create_namespaced_secret("py-ends", client.V1Secret(metadata=client.V1ObjectMeta(name="s"), string_data={"a": "b"}))
        since = self.api.list_namespace().metadata.resource_version
        self.api.delete_namespace("py-ends")
        stream = watch.Watch()
        for event in stream.stream(self.api.list_namespace, resource_version=since, field_selector="metadata.name=py-ends", timeout_seconds=int(PATIENCE_S)):
            if event["type"] == "DELETED":
                stream.stop()
        with self.assertRaises(client.exceptions.ApiException) as raised:
            self.api.read_namespaced_secret("s", "py-ends")
        self.assertEqual(raised.exception.status, 404)

    def test_the_server_says_what_it_is(self):
        self.assertEqual(client.VersionApi().get_code().major, "1")
        self.assertIn("apps", [g.name for g in client.ApisApi().get_api_versions().groups])


if __name__ == "__main__":
    main()
