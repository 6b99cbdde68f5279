"""Reads Kubernetes protobuf as a client does that has nothing but the .proto files: by protoc and python3-protobuf,
which know nothing of this server's transcoder. What it makes of a message is the JSON of the same object, for the
kinds that the tests use."""
import base64
import datetime
import glob
import importlib
import os
import shutil
import subprocess
import sys
import tempfile

try:
    from google.protobuf import symbol_database
except ImportError:
    symbol_database = None

from tidewatch import Watch

TYPE = "application/vnd.kubernetes.protobuf"
STREAM = TYPE + ";stream=watch"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
META = "k8s.io.apimachinery.pkg.apis.meta.v1."
PACKAGES = {"": "k8s.io.api.core.v1.", "rbac.authorization.k8s.io": "k8s.io.api.rbac.v1.",
            "apiextensions.k8s.io": "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1."}


def generate(folder, *protos):
    """Makes classes of .proto files that stand in `folder`."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(["protoc", f"-I{folder}", f"--python_out={out}", *protos], check=True)
        sys.path.insert(0, out)
        importlib.invalidate_caches()
        for proto in protos:
            importlib.import_module(os.path.basename(proto)[:-len(".proto")].replace("-", "_").replace(".", "/") + "_pb2")
        sys.path.remove(out)


def available():
    """Once, before anything else; False, with the reason said: the test is skipped."""
    if symbol_database is None or shutil.which("protoc") is None:
        print("skipped: no protoc or no python3-protobuf here")
        return False
    folder = os.path.join(ROOT, "proto")
    generate(folder, *sorted(glob.glob(os.path.join(folder, "*.proto"))))
    return True


def message(name):
    pool = symbol_database.Default().pool
    return symbol_database.Default().GetPrototype(pool.FindMessageTypeByName(name))


def class_of(api_version, kind):
    group = api_version.rpartition("/")[0]
    package = PACKAGES.get(group) or f"k8s.io.api.{group.partition('.')[0]}.v1."
    for name in (package + kind, META + kind):
        try:
            return message(name)
        except KeyError:
            pass
    raise AssertionError(f"no message for {api_version} {kind}")


def time_of(m):
    at = datetime.datetime.fromtimestamp(m.seconds, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if m.ByteSize() else None


FORMS = {META + "Time": time_of, META + "Verbs": lambda m: list(m.items),
         "k8s.io.apimachinery.pkg.api.resource.Quantity": lambda m: m.string,
         "k8s.io.apimachinery.pkg.util.intstr.IntOrString": lambda m: m.strVal if m.type else m.intVal}


def value_of(field, value):
    if field.message_type is not None:
        return json_of(value)
    return base64.b64encode(value).decode() if field.type == field.TYPE_BYTES else value


def json_of(m):
    """What is set in a message, in the words of the JSON."""
    if m.DESCRIPTOR.full_name in FORMS:
        return FORMS[m.DESCRIPTOR.full_name](m)
    tree = {}
    for field, value in m.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            entry = field.message_type.fields_by_name["value"]
            tree[field.json_name] = {key: value_of(entry, value[key]) for key in value}
        elif field.label == field.LABEL_REPEATED:
            tree[field.json_name] = [value_of(field, item) for item in value]
        else:
            tree[field.json_name] = value_of(field, value)
    return tree


def envelope(data):
    """(apiVersion, kind, message bytes) of an envelope."""
    assert data[:4] == b"k8s\0", data[:40]
    unknown = message("k8s.io.apimachinery.pkg.runtime.Unknown").FromString(data[4:])
    assert not unknown.contentEncoding and not unknown.contentType, unknown
    return unknown.typeMeta.apiVersion, unknown.typeMeta.kind, unknown.raw


def decode(data):
    """The object in an envelope, as its JSON."""
    api_version, kind, raw = envelope(data)
    return {"apiVersion": api_version, "kind": kind, **json_of(class_of(api_version, kind).FromString(raw))}


def encode(api_version, kind, m):
    """The envelope of a message."""
    unknown = message("k8s.io.apimachinery.pkg.runtime.Unknown")(raw=m.SerializeToString())
    unknown.typeMeta.apiVersion, unknown.typeMeta.kind = api_version, kind
    return b"k8s\0" + unknown.SerializeToString()


def event_of(data):
    """A WatchEvent without its length: {"type":, "object":}."""
    event = message(META + "WatchEvent").FromString(data)
    return {"type": event.type, "object": decode(event.object.raw)}


def frames(read):
    """The messages of a stream, by what reads so many bytes (fewer at its end)."""
    while head := read(4):
        assert len(head) == 4, head
        data = read(int.from_bytes(head, "big"))
        assert len(data) == int.from_bytes(head, "big"), "the stream ends in a frame"
        yield data


class ProtobufWatch(Watch):
    """A watch in protobuf: next() gives events as they look in JSON."""

    def __init__(self, port, path, accept=STREAM):
        super().__init__(port, path, headers={"Accept": accept})
        self.frames = frames(self.response.read)

    def next(self):
        data = next(self.frames, None)
        return event_of(data) if data is not None else None
