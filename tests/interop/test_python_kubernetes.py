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


if __name__ == "__main__":
    main()
