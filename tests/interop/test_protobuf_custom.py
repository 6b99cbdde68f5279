"""Custom resources in protobuf, by nothing but the .proto files that the server hands out: python3-protobuf for bodies,
answers and watches, and a watcher in C by protoc-c. Skipped without protoc or python3-protobuf."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import kubeproto
from kubeproto import STREAM, TYPE, ProtobufWatch
from tidewatch import PATIENCE_S, ApiTest, main

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NUMBERS = "tidewatch.dev/protobuf-field-numbers"
GROUP = "harbor.example.com"
PACKAGE = "harbor.example.com.v1."
SPEC = {"sail": {"type": "string"}, "crew": {"type": "integer"}, "afloat": {"type": "boolean"},
        "masts": {"type": "array", "items": {"type": "object", "properties": {"height": {"type": "number"}}}},
        "flags": {"type": "object", "additionalProperties": {"type": "string"}},
        "port": {"x-kubernetes-int-or-string": True},
        "cargo": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
BOAT = {"sail": "\u00e4", "crew": -3, "afloat": False, "masts": [{"height": 9.5}, {"height": 0}],
        "flags": {"front": "red"}, "port": "b1", "cargo": {"any": [1, None]}}


def crd(plural, kind, spec, numbers=None, **schema):
    root = {"type": "object", "properties": {"spec": {"type": "object", "properties": spec}}, **schema}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{GROUP}", **({} if numbers is None else {"annotations": {NUMBERS: numbers}})},
            "spec": {"group": GROUP, "scope": "Namespaced", "names": {"plural": plural, "kind": kind},
                     "versions": [{"name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
                                   "schema": {"openAPIV3Schema": root}}]}}


class Custom(ApiTest):
    def define(self, plural, kind, spec, **more):
        self.made(CRDS, crd(plural, kind, spec, **more))
        return f"/apis/{GROUP}/v1/namespaces/default/{plural}"

    def boat(self, name, kind="Boat", **spec):
        return {"apiVersion": GROUP + "/v1", "kind": kind, "metadata": {"name": name}, "spec": {**BOAT, **spec}}

    def proto(self, plural):
        answer = self.client.get(f"/proto/{GROUP}/v1/{plural}.proto")
        self.assertEqual((answer.code, answer.headers["content-type"]), (200, "text/plain; charset=utf-8"))
        return answer.body.decode()

    def numbers(self, plural):
        return dict(re.findall(r" (\w+) = (\d+)", self.proto(plural)))

    def download(self, folder, plural):
        """All files that one needs for a kind; its name."""
        paths = self.ok("GET", "/proto")["paths"]
        mine = f"/proto/{GROUP}/v1/{plural}.proto"
        self.assertIn(mine, paths)
        for path in [path for path in paths if path.count("/") == 2] + [mine]:
            with open(os.path.join(folder, os.path.basename(path)), "wb") as file:
                file.write(self.client.get(path).body)
        return f"{plural}.proto"

    def classes(self, plural):
        with tempfile.TemporaryDirectory() as folder:
            name = self.download(folder, plural)
            for other in os.listdir(folder):     # the server's files are those that kubeproto knows
                if other != name:
                    with open(os.path.join(folder, other), "rb") as a, open(os.path.join(kubeproto.ROOT, "proto", other), "rb") as b:
                        self.assertEqual(a.read(), b.read())
            kubeproto.generate(folder, name)

    def spec(self, m):
        """What a spec says, in the words of the JSON."""
        tree = kubeproto.json_of(m)
        tree["cargo"] = json.loads(m.cargo.raw)
        return tree

    def test_all_ways_with_the_classes_of_the_downloaded_file(self):
        path = self.define("kayaks", "Kayak", SPEC, numbers="{}")
        self.classes("kayaks")
        kayak = kubeproto.message(PACKAGE + "Kayak")()
        kayak.metadata.name, kayak.spec.sail, kayak.spec.crew, kayak.spec.afloat = "sent", "\u00e4", -3, False
        kayak.spec.masts.add().height, kayak.spec.masts.add().height = 9.5, 0
        kayak.spec.flags["front"] = "red"
        kayak.spec.port.type, kayak.spec.port.strVal = 1, "b1"
        kayak.spec.cargo.raw = b'{"any":[1,null]}'
        watch = ProtobufWatch(self.server.port, f"{path}?watch=1", accept=f"{STREAM},application/json")
        self.assertEqual(watch.response.headers["content-type"], STREAM)
        made = self.client.call("POST", path, kubeproto.encode(GROUP + "/v1", "Kayak", kayak), TYPE, Accept=TYPE)
        self.assertEqual((made.code, made.headers["content-type"]), (201, TYPE))
        plain = self.ok("GET", path + "/sent")
        self.assertEqual(plain["spec"], BOAT)
        for data in (made.body, self.client.get(path + "/sent", Accept=f"{TYPE},application/json").body):
            version, kind, raw = kubeproto.envelope(data)
            back = kubeproto.message(PACKAGE + "Kayak").FromString(raw)
            self.assertEqual((version, kind, self.spec(back.spec)), (GROUP + "/v1", "Kayak", BOAT))
            self.assertEqual(kubeproto.json_of(back.metadata), plain["metadata"])
        version, kind, raw = kubeproto.envelope(self.client.get(path, Accept=TYPE).body)
        back = kubeproto.message(PACKAGE + "KayakList").FromString(raw)
        self.assertEqual((kind, [self.spec(item.spec) for item in back.items]), ("KayakList", [BOAT]))
        event = kubeproto.message(kubeproto.META + "WatchEvent").FromString(next(watch.frames))
        _, kind, raw = kubeproto.envelope(event.object.raw)
        self.assertEqual((event.type, kind, self.spec(kubeproto.message(PACKAGE + "Kayak").FromString(raw).spec)), ("ADDED", "Kayak", BOAT))
        back.items[0].spec.crew = 4
        changed = self.client.call("PUT", path + "/sent", kubeproto.encode(version, "Kayak", back.items[0]), TYPE)
        self.assertEqual((changed.code, changed.json["spec"]), (200, {**BOAT, "crew": 4}))
        watch.close()

    def test_clients_that_prefer_protobuf_get_json_unless_the_fields_are_numbered(self):
        """Those of kube-apiserver name both and read JSON only; who names protobuf alone can read it."""
        path = self.define("rafts", "Raft", SPEC)
        both = f"{TYPE},application/json"
        for query, one in (("", TYPE), ("?watch=1&timeoutSeconds=1", STREAM)):
            self.assertEqual(self.client.get(path + query, Accept=both).headers["content-type"], "application/json")
            self.assertEqual(self.client.get(path + query, Accept=TYPE).headers["content-type"], one)
        self.patched(f"{CRDS}/rafts.{GROUP}", {"metadata": {"annotations": {NUMBERS: "{}"}}})
        for query, one in (("", TYPE), ("?watch=1&timeoutSeconds=1", STREAM)):
            self.assertEqual(self.client.get(path + query, Accept=both).headers["content-type"], one)

    def test_a_kind_of_any_form_has_none(self):
        path = self.define("wrecks", "Wreck", SPEC, **{"x-kubernetes-preserve-unknown-fields": True})
        answer = self.client.get(path, Accept=TYPE)
        self.assertEqual((answer.code, kubeproto.decode(answer.body)["reason"]), (406, "NotAcceptable"))
        self.assertEqual(self.client.get(path, Accept=f"{TYPE},application/json").headers["content-type"], "application/json")
        part = self.client.get(path, Accept=f"{TYPE};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
        self.assertEqual(kubeproto.decode(part.body)["kind"], "PartialObjectMetadataList")
        self.assertEqual(self.client.call("POST", path, b"k8s\0\x12\0", TYPE).code, 415)
        self.assertEqual(self.client.get(f"/proto/{GROUP}/v1/wrecks.proto").code, 404)

    def test_numbers_stay_whatever_else_changes(self):
        self.define("yachts", "Yacht", SPEC)
        before = self.numbers("yachts")
        self.assertEqual([before[name] for name in ("metadata", "spec")], ["1", "2"])
        properties = {**{f"new{n}": {"type": "string"} for n in range(20)}, **{k: v for k, v in SPEC.items() if k != "crew"}}
        changed = crd("yachts", "Yacht", properties)["spec"]["versions"]
        self.patched(f"{CRDS}/yachts.{GROUP}", {"spec": {"versions": changed}})
        after = self.numbers("yachts")
        self.assertNotIn("crew", after)
        self.assertIn("new19", after)
        self.assertEqual({name: after[name] for name in before if name != "crew"}, {k: v for k, v in before.items() if k != "crew"})

    def test_given_numbers_are_those_of_the_proto_and_wrong_ones_are_refused(self):
        self.define("tugs", "Tug", SPEC, numbers='{"spec.sail": 7, "spec.masts.height": 1}')
        self.assertEqual([self.numbers("tugs")[name] for name in ("sail", "height")], ["7", "1"])
        for numbers in ('{"spec.sail": 0}', '{"spec.sail": 7, "spec.crew": 7}', '{"spec.sail": 19500}', "[]", "{"):
            refused = self.client.call("POST", CRDS, crd("dinghies", "Dinghy", SPEC, numbers=numbers))
            status = self.refused(refused, 422, "Invalid", NUMBERS)
            self.assertEqual(status["details"]["causes"][0]["field"], f"metadata.annotations[{NUMBERS}]")

    def test_a_watch_ends_when_the_messages_change_and_misses_nothing(self):
        path = self.define("canoes", "Canoe", {"sail": {"type": "string"}})
        self.made(path, {"apiVersion": GROUP + "/v1", "kind": "Canoe", "metadata": {"name": "a"}, "spec": {"sail": "x"}})
        rv = self.ok("GET", path)["metadata"]["resourceVersion"]
        watch = ProtobufWatch(self.server.port, f"{path}?watch=1&resourceVersion={rv}", accept=TYPE)
        properties = crd("canoes", "Canoe", {"sail": {"type": "string"}, "crew": {"type": "integer"}})["spec"]["versions"]
        self.patched(f"{CRDS}/canoes.{GROUP}", {"spec": {"versions": properties}})
        self.patched(path + "/a", {"spec": {"crew": 5}})
        self.assertIsNone(next(watch.frames, None))    # a clean end, with nothing by the old messages
        self.classes("canoes")
        watch = ProtobufWatch(self.server.port, f"{path}?watch=1&resourceVersion={rv}", accept=TYPE)
        event = kubeproto.message(kubeproto.META + "WatchEvent").FromString(next(watch.frames))
        _, _, raw = kubeproto.envelope(event.object.raw)
        self.assertEqual((event.type, kubeproto.message(PACKAGE + "Canoe").FromString(raw).spec.crew), ("MODIFIED", 5))
        watch.close()

    @unittest.skipUnless(shutil.which("protoc-c") and shutil.which("cc"), "no protoc-c or no C compiler here")
    def test_a_watcher_in_c_that_knows_only_the_downloaded_files(self):
        path = self.define("boats", "Boat", SPEC, numbers="{}")
        made = self.made(path, self.boat("one"))
        with tempfile.TemporaryDirectory() as folder:
            self.download(folder, "boats")
            protos = sorted(name for name in os.listdir(folder))
            subprocess.run(["protoc-c", f"-I{folder}", f"--c_out={folder}", *protos], check=True)
            sources = [os.path.join(folder, name.replace(".proto", ".pb-c.c")) for name in ("boats.proto", "meta_v1.proto", "runtime.proto", "intstr.proto")]
            watcher = os.path.join(folder, "watcher")
            there = os.path.join(os.path.dirname(os.path.abspath(__file__)), "proto_c", "watcher.c")
            subprocess.run(["cc", "-w", "-Ulinux", f"-I{folder}", "-o", watcher, there, *sources, "-lprotobuf-c", "-lcurl"], check=True)
            url = f"http://127.0.0.1:{self.server.port}{path}?watch=1"
            process = subprocess.Popen([watcher, url, "3"], stdout=subprocess.PIPE)
            try:
                lines = [process.stdout.readline().decode()]
                changed = self.patched(path + "/one", {"spec": {"crew": 12, "masts": [], "flags": None}})
                self.ok("DELETE", path + "/one")
                lines += process.communicate(timeout=PATIENCE_S * 2)[0].decode().splitlines()
            finally:
                process.kill()
                process.wait()
        self.assertEqual(process.returncode, 0)
        head = GROUP + "/v1 Boat name=one rv="
        self.assertEqual(lines[0].strip(), f"ADDED {head}{made['metadata']['resourceVersion']} sail=\u00e4 crew=-3 mast=9.5 mast=0 flag=front:red")
        self.assertEqual(lines[1], f"MODIFIED {head}{changed['metadata']['resourceVersion']} sail=\u00e4 crew=12")
        self.assertRegex(lines[2], f"^DELETED {head}\\d+ sail=\u00e4 crew=12$")


if __name__ == "__main__":
    if not kubeproto.available():
        raise SystemExit(77)
    main()
