"""The transcoder's bytes are what protoc's own encoder makes of the same fields, for every manifest, by the .proto
files of proto/. Skipped without protoc or python3-protobuf."""
import glob
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TRANSCODE = os.path.join(os.environ.get("TIDEWATCH_BUILD", "build/release"), "tests", "transcode")
MANIFESTS = sorted(glob.glob(os.path.join(ROOT, "tests", "unit", "codec", "manifests", "*.json")))
PROTOS = sorted(glob.glob(os.path.join(ROOT, "proto", "*.proto")))
META = "k8s.io.apimachinery.pkg.apis.meta.v1."
PACKAGES = {"": "k8s.io.api.core.v1.", "rbac.authorization.k8s.io": "k8s.io.api.rbac.v1.",
            "apiextensions.k8s.io": "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1."}


def transcode(data, *args):
    done = subprocess.run([TRANSCODE, *args], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(done.stderr.decode())
    return done.stdout


# Names that are keywords, no identifiers, or the same but for case.
CRD = {"spec": {"group": "my-group.example.com", "names": {"kind": "Cron"}, "versions": [{"name": "v1", "schema": {
    "openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "message": {"type": "string"}, "int": {"type": "integer"}, "x-y": {"type": "number"}, "x_y": {"type": "boolean"},
        "X_Y": {"type": "string"}, "k8s": {"x-kubernetes-int-or-string": True}, "9 \u00fc\"\\\n": {"type": "string"},
        "items": {"type": "array", "items": {"type": "object", "properties": {"items": {
            "type": "array", "items": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}}}}}},
        "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"Map": {"type": "integer"}}}},
        "mapEntry": {"type": "string"}, "any": {}}}}}}}]}}
CRON = {"apiVersion": "my-group.example.com/v1", "kind": "Cron", "metadata": {"name": "a"}, "spec": {
    "message": "m", "int": -1, "x-y": 0.25, "x_y": True, "X_Y": "s", "k8s": 8, "9 \u00fc\"\\\n": "odd",
    "items": [{"items": [[{"a": "b"}], [{}, {"a": "c"}]]}], "map": {"k": {"Map": 7}}, "mapEntry": "e", "any": [1, None]}}


def class_of(api_version, kind):
    """The generated class of a kind, found as a reader of the .proto files would."""
    group = api_version.rpartition("/")[0]
    package = PACKAGES.get(group) or f"k8s.io.api.{group.partition('.')[0]}.v1."
    for name in (package + kind, META + kind):
        try:
            descriptor = symbol_database.Default().pool.FindMessageTypeByName(name)
            return symbol_database.Default().GetPrototype(descriptor)
        except KeyError:
            pass
    raise AssertionError(f"no message for {api_version} {kind}")


class Python(unittest.TestCase):
    def check(self, path):
        with open(path, "rb") as f:
            ours = transcode(f.read(), "to-protobuf")
        self.assertEqual(ours[:4], b"k8s\0")
        unknown = symbol_database.Default().GetSymbol("k8s.io.apimachinery.pkg.runtime.Unknown").FromString(ours[4:])
        message = class_of(unknown.typeMeta.apiVersion, unknown.typeMeta.kind).FromString(unknown.raw)
        message.DiscardUnknownFields()
        self.assertEqual(message.SerializeToString(deterministic=True), unknown.raw)
        self.assertEqual(unknown.SerializeToString(deterministic=True), ours[4:])

    def test_bytes_are_those_of_another_encoder(self):
        self.assertTrue(MANIFESTS)
        for path in MANIFESTS:
            with self.subTest(os.path.basename(path)):
                self.check(path)

    def test_another_encoders_object_is_read(self):
        secret = class_of("v1", "Secret")()
        secret.metadata.name = "a"
        secret.metadata.creationTimestamp.seconds = 86400
        secret.metadata.labels["k"] = "v"
        secret.data["raw"] = b"\xff\0"
        json = transcode(secret.SerializeToString(), "message-to-json", "k8s.io.api.core.v1.Secret")
        self.assertEqual(json, b'{"metadata":{"name":"a","creationTimestamp":"1970-01-02T00:00:00Z","labels":{"k":"v"}},'
                               b'"data":{"raw":"/wA="}}')

    def test_another_encoders_default_is_absence(self):
        spec = class_of("v1", "Pod")().spec
        spec.nodeName = ""
        spec.hostNetwork = False
        spec.terminationGracePeriodSeconds = 0
        spec.containers.add().name = ""
        json = transcode(spec.SerializeToString(), "message-to-json", "k8s.io.api.core.v1.PodSpec")
        self.assertEqual(json, b'{"containers":[{"name":""}],"terminationGracePeriodSeconds":0}')

    def test_a_custom_resource_is_read_by_the_proto_that_comes_with_it(self):
        with tempfile.TemporaryDirectory() as folder:
            crd = os.path.join(folder, "crd.json")
            with open(crd, "w", encoding="utf-8") as f:
                json.dump(CRD, f)
            with open(os.path.join(folder, "cron.proto"), "wb") as f:
                f.write(transcode(b"", "custom-proto", crd))
            ours = transcode(json.dumps(CRON).encode(), "custom-to-protobuf", crd)
            self.assertEqual(json.loads(transcode(ours, "custom-to-json", crd)), CRON)
            includes = [f"-I{folder}", f"-I{ROOT}/proto"]
            subprocess.run(["protoc", *includes, f"--python_out={folder}", "cron.proto"], check=True)
            sys.path.insert(0, folder)
            importlib.import_module("cron_pb2")
            unknown = symbol_database.Default().GetSymbol("k8s.io.apimachinery.pkg.runtime.Unknown").FromString(ours[4:])
            cron = symbol_database.Default().GetSymbol("my_group.example.com.v1.Cron").FromString(unknown.raw)
            cron.DiscardUnknownFields()
            self.assertEqual(cron.SerializeToString(deterministic=True), unknown.raw)
            self.assertEqual((cron.spec.message, cron.spec.int, cron.spec.k8s.intVal), ("m", -1, 8))
            self.assertEqual(cron.spec.items[0].items[1].items[1].a, "c")
            self.assertEqual(cron.spec.map["k"].Map, 7)
            self.assertEqual(cron.spec.any.raw, b"[1,null]")
            self.check_c(folder, includes)

    def check_c(self, folder, includes):
        """protoc-c takes the .proto too, and a C compiler what it makes."""
        if shutil.which("protoc-c") is None or shutil.which("cc") is None:
            return
        protos = [os.path.join(folder, "cron.proto"), *PROTOS]
        subprocess.run(["protoc-c", *includes, f"--c_out={folder}", *protos], check=True)
        subprocess.run(["cc", "-std=c11", "-fsyntax-only", f"-I{folder}", os.path.join(folder, "cron.pb-c.c")], check=True)


if __name__ == "__main__":
    try:
        from google.protobuf import symbol_database
    except ImportError:
        print("skipped: no python3-protobuf here")
        sys.exit(77)
    if shutil.which("protoc") is None:
        print("skipped: no protoc here")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as generated:
        subprocess.run(["protoc", f"-I{ROOT}/proto", f"--python_out={generated}", *PROTOS], check=True)
        sys.path.insert(0, generated)
        for proto in PROTOS:
            importlib.import_module(os.path.basename(proto)[:-len(".proto")] + "_pb2")
        unittest.main(verbosity=2)
