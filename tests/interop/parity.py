"""One table of requests for two servers, and what of an answer must be the same.

The steps go in order, each may use what an earlier one kept: {a.rv} is the resourceVersion of the answer that was kept as
"a", also .uid, .name and .cont (its continue token). What should be refused is called "odd", and is deleted again if it was
made after all, so that one difference does not lead to others. compact() leaves of an answer what a client can rely on: ids, times
and revisions become marks, so that the answers of two servers are equal or differ in something that a person must judge.
"""
import json
import re

import kube

SPACE = "/api/v1/namespaces/parity"
MAPS = SPACE + "/configmaps"
PODS = SPACE + "/pods"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
BOATS = "/apis/parity.example.com/v1/namespaces/parity/boats"
DEPLOYMENTS = "/apis/apps/v1/namespaces/parity/deployments"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/parity/leases"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
METADATA = "application/json;as=PartialObjectMetadata{};v=v1;g=meta.k8s.io,application/json"
JSON_PATCH, MERGE, STRATEGIC, APPLY = (f"application/{name}" for name in (
    "json-patch+json", "merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml"))


class Step:
    def __init__(self, name, method, path, body=None, type=None, accept=None, keep=None, headers=None, who=kube.TOKEN):
        self.name, self.method, self.path, self.body, self.keep, self.who = name, method, path, body, keep, who
        self.headers = dict(headers or {})
        if body is not None:
            self.headers["Content-Type"] = type or "application/json"
        if accept:
            self.headers["Accept"] = accept


def cm(name=None, data=None, **metadata):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**({"name": name} if name else {}), **metadata},
            **({"data": data} if data is not None else {})}


def pod(name, **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"containers": [{"name": "c", "image": "busybox"}], **spec}}


def deployment(name, selector="x"):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": {"app": "x"}},
                     "template": {"metadata": {"labels": {"app": selector}},
                                  "spec": {"containers": [{"name": "c", "image": "busybox"}]}}}}


def crd(plural="boats", name=None):
    schema = {"type": "object", "properties": {
        "spec": {"type": "object", "required": ["captain"], "properties": {
            "captain": {"type": "string", "minLength": 2}, "crew": {"type": "integer", "maximum": 9}}},
        "status": {"type": "object", "properties": {"afloat": {"type": "boolean"}}}}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": name or plural + ".parity.example.com"},
            "spec": {"group": "parity.example.com", "scope": "Namespaced", "names": {"plural": plural, "kind": "Boat"},
                     "versions": [{"name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
                                   "schema": {"openAPIV3Schema": schema}, "additionalPrinterColumns": [
                                       {"name": "Captain", "type": "string", "jsonPath": ".spec.captain"}]}]}}


def boat(name, **spec):
    return {"apiVersion": "parity.example.com/v1", "kind": "Boat", "metadata": {"name": name}, "spec": spec}


CREATE = [
    Step("the namespace", "POST", "/api/v1/namespaces", {"metadata": {"name": "parity"}}, keep="space"),
    Step("an empty list", "GET", MAPS),
    Step("an empty table", "GET", MAPS, accept=TABLE),
    Step("create", "POST", MAPS, cm("a", {"k": "v"}, labels={"app": "x"}), keep="a"),
    Step("create without kind and apiVersion", "POST", MAPS, {"metadata": {"name": "b"}, "data": {"n": "1"}}, keep="b"),
    Step("create from YAML", "POST", MAPS, "metadata: {name: c}\ndata:\n  k: |\n    two\n    lines\n", "application/yaml"),
    Step("create twice", "POST", MAPS, cm("a")),
    Step("create with a resourceVersion", "POST", MAPS, cm("odd", resourceVersion="1")),
    Step("create without a name", "POST", MAPS, cm()),
    Step("create with a bad name", "POST", MAPS, cm("Not_A_Name")),
    Step("create with a bad label", "POST", MAPS, cm("odd", labels={"a b": "c"})),
    Step("create with a bad label's value", "POST", MAPS, cm("odd", labels={"a": "-"})),
    Step("create with a bad annotation", "POST", MAPS, cm("odd", annotations={"a b": "c"})),
    Step("create with a bad finalizer", "POST", MAPS, cm("odd", finalizers=["no slash"])),
    Step("create with an owner without a uid", "POST", MAPS, cm("odd", ownerReferences=[
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": ""}])),
    Step("create with generateName", "POST", MAPS, cm(generateName="made-")),
    Step("create in another namespace than the URL's", "POST", MAPS, cm("odd", namespace="default")),
    Step("create another kind", "POST", MAPS, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "odd"}}),
    Step("create another version", "POST", MAPS, {"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "odd"}}),
    Step("create from no JSON", "POST", MAPS, "hello"),
    Step("create from half a JSON", "POST", MAPS, '{"metadata":'),
    Step("create from an array", "POST", MAPS, "[]"),
    Step("create from nothing", "POST", MAPS, ""),
    Step("create with a number for a text", "POST", MAPS, {"metadata": {"name": "odd"}, "data": {"k": 1}}),
    Step("create in a missing namespace", "POST", "/api/v1/namespaces/none/configmaps", cm("odd")),
    Step("create in all namespaces", "POST", "/api/v1/configmaps", cm("odd")),
    Step("create with a bad key of data", "POST", MAPS, cm("odd", {"a b": ""})),
    Step("create with the key ..", "POST", MAPS, cm("odd", {"..": ""})),
    Step("create with a key in data and binaryData", "POST", MAPS, {**cm("odd", {"k": ""}), "binaryData": {"k": "AA=="}}),
    Step("create with too much data", "POST", MAPS, cm("odd", {"k": "x" * (1 << 20)})),
    Step("create as a dry run", "POST", MAPS + "?dryRun=All", cm("dry")),
    Step("create as another dry run", "POST", MAPS + "?dryRun=Some", cm("dry")),
    Step("create by a long field manager", "POST", MAPS + "?fieldManager=" + "m" * 129, cm("odd")),
    Step("create with a bad fieldValidation", "POST", MAPS + "?fieldValidation=Some", cm("odd")),
    Step("create with a field twice, strict", "POST", MAPS + "?fieldValidation=Strict",
         '{"metadata":{"name":"odd"},"data":{"k":"1"},"data":{"k":"2"}}'),
    Step("create with a field twice, warned", "POST", MAPS, '{"metadata":{"name":"twice"},"data":{"k":"1"},"data":{"k":"2"}}'),
    Step("create with an unknown field, strict", "POST", MAPS + "?fieldValidation=Strict", {**cm("odd"), "colour": "red"}),
    Step("create from text", "POST", MAPS, "hello", "text/plain"),
    Step("create for a picture", "POST", MAPS, cm("odd"), accept="image/png"),
    Step("create on an object", "POST", MAPS + "/a", cm("a")),
    Step("create beyond 3 MiB", "POST", MAPS, '{"x":"' + "x" * (3 << 20) + '"}'),
    Step("create from deep JSON", "POST", MAPS, '{"a":' * 10001 + "1" + "}" * 10001),
]

READ = [
    Step("get", "GET", MAPS + "/a"),
    Step("get pretty", "GET", MAPS + "/a?pretty=true"),
    Step("get in YAML", "GET", MAPS + "/a", accept="application/yaml"),
    Step("get metadata", "GET", MAPS + "/a", accept=METADATA.format("")),
    Step("get a table", "GET", MAPS + "/a", accept=TABLE),
    Step("get a table with objects", "GET", MAPS + "/a?includeObject=Object", accept=TABLE),
    Step("get a table with something", "GET", MAPS + "/a?includeObject=Some", accept=TABLE),
    Step("get what is missing", "GET", MAPS + "/none"),
    Step("get from a missing namespace", "GET", "/api/v1/namespaces/none/configmaps/a"),
    Step("get a missing resource", "GET", SPACE + "/boats/a"),
    Step("get a missing group", "GET", "/apis/none.example.com/v1/boats"),
    Step("get a missing version", "GET", "/apis/apps/v9/deployments"),
    Step("get a missing path", "GET", "/none"),
    Step("get a missing subresource", "GET", MAPS + "/a/status"),
    Step("get at 0", "GET", MAPS + "/a?resourceVersion=0"),
    Step("get at abc", "GET", MAPS + "/a?resourceVersion=abc"),
    Step("get in the future", "GET", MAPS + "/a?resourceVersion=99999999"),
    Step("get a picture", "GET", MAPS + "/a", accept="image/png"),
    Step("get a picture or anything", "GET", MAPS + "/a", accept="image/png,*/*;q=0.1"),
    Step("get a name with a slash", "GET", MAPS + "/a%2Fb"),
]

LIST = [
    Step("list", "GET", MAPS),
    Step("list of all namespaces, by field", "GET", "/api/v1/configmaps?fieldSelector=metadata.namespace%3Dparity"),
    Step("list by label", "GET", MAPS + "?labelSelector=app%3Dx"),
    Step("list by another label", "GET", MAPS + "?labelSelector=app+in+(y,z),!app"),
    Step("list by a bad label", "GET", MAPS + "?labelSelector=a%3D%3D%3Db"),
    Step("list by half a label selector", "GET", MAPS + "?labelSelector=a+in+(b"),
    Step("list by name", "GET", MAPS + "?fieldSelector=metadata.name%3Da"),
    Step("list by an unknown field", "GET", MAPS + "?fieldSelector=spec.colour%3Dred"),
    Step("list by a bad field selector", "GET", MAPS + "?fieldSelector=a"),
    Step("a page", "GET", MAPS + "?limit=2", keep="page"),
    Step("the next page", "GET", MAPS + "?limit=2&continue={page.cont}"),
    Step("a page with a selector", "GET", MAPS + "?limit=1&labelSelector=!none"),
    Step("list with garbage to continue", "GET", MAPS + "?limit=2&continue=garbage"),
    Step("list to continue at a revision", "GET", MAPS + "?limit=2&resourceVersion=9&continue={page.cont}"),
    Step("list with limit -1", "GET", MAPS + "?limit=-1"),
    Step("list with a huge limit", "GET", MAPS + "?limit=99999999999999999999"),
    Step("list at 0", "GET", MAPS + "?resourceVersion=0&limit=1"),
    Step("list at abc", "GET", MAPS + "?resourceVersion=abc"),
    Step("list exactly at a revision", "GET", MAPS + "?resourceVersion={b.rv}&resourceVersionMatch=Exact"),
    Step("list exactly at 0", "GET", MAPS + "?resourceVersion=0&resourceVersionMatch=Exact"),
    Step("list exactly, without a revision", "GET", MAPS + "?resourceVersionMatch=Exact"),
    Step("list with another match", "GET", MAPS + "?resourceVersion=1&resourceVersionMatch=Some"),
    Step("list in the future", "GET", MAPS + "?resourceVersion=99999999"),
    Step("list with sendInitialEvents", "GET", MAPS + "?sendInitialEvents=true"),
    Step("list with a bad timeout", "GET", MAPS + "?timeout=soon"),
    Step("list with a bad timeoutSeconds", "GET", MAPS + "?timeoutSeconds=soon"),
    Step("list a table", "GET", MAPS + "?includeObject=None", accept=TABLE),
    Step("list metadata", "GET", MAPS + "?limit=1", accept=METADATA.format("List")),
]

WATCH = [
    Step("watch from a revision", "GET", MAPS + "?watch=1&timeoutSeconds=1&resourceVersion={a.rv}&fieldSelector=metadata.name%3Db"),
    Step("watch from now, with the first state", "GET", MAPS + "?watch=1&timeoutSeconds=1&labelSelector=app%3Dx"
         "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"),
    Step("watch from 0", "GET", MAPS + "?watch=1&timeoutSeconds=1&labelSelector=app%3Dx&resourceVersion=0"),
    Step("watch from nothing", "GET", MAPS + "?watch=1&timeoutSeconds=1&labelSelector=app%3Dx"),
    Step("watch a table", "GET", MAPS + "?watch=1&timeoutSeconds=1&labelSelector=app%3Dx", accept=TABLE),
    Step("watch metadata", "GET", MAPS + "?watch=1&timeoutSeconds=1&labelSelector=app%3Dx", accept=METADATA.format("")),
    Step("watch at the old path", "GET", "/api/v1/watch/namespaces/parity/configmaps/a?timeoutSeconds=1"),
    Step("watch from the future", "GET", MAPS + "?watch=1&timeoutSeconds=1&resourceVersion=99999999"),
    Step("watch from abc", "GET", MAPS + "?watch=1&resourceVersion=abc"),
    Step("watch from -1", "GET", MAPS + "?watch=1&resourceVersion=-1"),
    Step("watch with sendInitialEvents alone", "GET", MAPS + "?watch=1&timeoutSeconds=1&sendInitialEvents=true"),
    Step("watch with a match alone", "GET", MAPS + "?watch=1&timeoutSeconds=1&resourceVersion=1&resourceVersionMatch=NotOlderThan"),
    Step("watch exactly", "GET", MAPS + "?watch=1&sendInitialEvents=true&resourceVersion=1&resourceVersionMatch=Exact"),
    Step("watch by an unknown field", "GET", MAPS + "?watch=1&fieldSelector=spec.colour%3Dred"),
    Step("watch in YAML", "GET", MAPS + "?watch=1&timeoutSeconds=1", accept="application/yaml"),
    Step("watch of one, by its path", "GET", MAPS + "/a?watch=1&timeoutSeconds=1"),
]

UPDATE = [
    Step("put", "PUT", MAPS + "/a", cm("a", {"k": "2"}, labels={"app": "x"}), keep="a2"),
    Step("put the same", "PUT", MAPS + "/a", cm("a", {"k": "2"}, labels={"app": "x"})),
    Step("put an old revision", "PUT", MAPS + "/a", cm("a", {"k": "3"}, resourceVersion="{a.rv}")),
    Step("put the right revision", "PUT", MAPS + "/a", cm("a", {"k": "3"}, resourceVersion="{a2.rv}")),
    Step("put a bad revision", "PUT", MAPS + "/a", cm("a", {"k": "3"}, resourceVersion="abc")),
    Step("put another uid", "PUT", MAPS + "/a", cm("a", {"k": "3"}, uid="00000000-0000-0000-0000-000000000000")),
    Step("put what is missing", "PUT", MAPS + "/none", cm("none")),
    Step("put another name", "PUT", MAPS + "/a", cm("b")),
    Step("put without a name", "PUT", MAPS + "/a", cm()),
    Step("put in another namespace", "PUT", MAPS + "/a", cm("a", namespace="default")),
    Step("put on the collection", "PUT", MAPS, cm("a")),
    Step("put as a dry run", "PUT", MAPS + "/a?dryRun=All", cm("a", {"dry": "run"})),
    Step("put a lease", "POST", LEASES, {"metadata": {"name": "l"}, "spec": {"holderIdentity": "me"}}, keep="lease"),
    Step("put a lease without a revision", "PUT", LEASES + "/l", {"metadata": {"name": "l"}, "spec": {"holderIdentity": "you"}}),
    Step("an immutable map", "POST", MAPS, {**cm("fixed", {"k": "1"}), "immutable": True}),
    Step("put an immutable map", "PUT", MAPS + "/fixed", {**cm("fixed", {"k": "2"}), "immutable": True}),
]

PATCH = [
    Step("merge patch", "PATCH", MAPS + "/b", {"data": {"n": None, "m": "2"}}, MERGE),
    Step("merge patch with nothing new", "PATCH", MAPS + "/b", {"data": {"m": "2"}}, MERGE),
    Step("JSON patch", "PATCH", MAPS + "/b", [{"op": "add", "path": "/data/o", "value": "3"}], JSON_PATCH),
    Step("JSON patch whose test fails", "PATCH", MAPS + "/b", [{"op": "test", "path": "/data/m", "value": "3"}], JSON_PATCH),
    Step("JSON patch of a missing path", "PATCH", MAPS + "/b", [{"op": "remove", "path": "/data/none"}], JSON_PATCH),
    Step("JSON patch that is none", "PATCH", MAPS + "/b", {"op": "remove"}, JSON_PATCH),
    Step("JSON patch of an unknown op", "PATCH", MAPS + "/b", [{"op": "grow", "path": "/data"}], JSON_PATCH),
    Step("JSON patch of 10,001", "PATCH", MAPS + "/b", [{"op": "test", "path": "/kind", "value": "ConfigMap"}] * 10001, JSON_PATCH),
    Step("strategic patch", "PATCH", MAPS + "/b", {"data": {"$patch": "replace", "p": "4"}}, STRATEGIC),
    Step("patch by an array", "PATCH", MAPS + "/b", [], MERGE),
    Step("patch by no JSON", "PATCH", MAPS + "/b", "hello", MERGE),
    Step("patch by text", "PATCH", MAPS + "/b", "hello", "text/plain"),
    Step("patch at an old revision", "PATCH", MAPS + "/b", {"metadata": {"resourceVersion": "{b.rv}"}}, MERGE),
    Step("patch by force", "PATCH", MAPS + "/b?force=true", {}, MERGE),
    Step("patch what is missing", "PATCH", MAPS + "/none", {}, MERGE),
    Step("patch the name", "PATCH", MAPS + "/b", {"metadata": {"name": "z"}}, MERGE),
    Step("patch the uid", "PATCH", MAPS + "/b", {"metadata": {"uid": "z"}}, MERGE),
    Step("patch to what is refused", "PATCH", MAPS + "/b", {"data": {"a b": "c"}}, MERGE),
    Step("patch to a number", "PATCH", MAPS + "/b", {"data": {"n": 1}}, MERGE),
    Step("apply without a manager", "PATCH", MAPS + "/b", {"data": {}}, APPLY),
]

DELETE = [
    Step("delete what is missing", "DELETE", MAPS + "/none"),
    Step("delete with another uid", "DELETE", MAPS + "/a", {"preconditions": {"uid": "z"}}),
    Step("delete at an old revision", "DELETE", MAPS + "/a", {"preconditions": {"resourceVersion": "1"}}),
    Step("delete as a dry run", "DELETE", MAPS + "/a?dryRun=All"),
    Step("delete with a bad policy", "DELETE", MAPS + "/a?propagationPolicy=Some"),
    Step("delete with two policies", "DELETE", MAPS + "/a", {"propagationPolicy": "Orphan", "orphanDependents": True}),
    Step("delete with a bad body", "DELETE", MAPS + "/a", "hello"),
    Step("delete with another kind", "DELETE", MAPS + "/a", cm("a")),
    Step("delete after a bad grace", "DELETE", MAPS + "/a?gracePeriodSeconds=soon"),
    Step("delete", "DELETE", MAPS + "/a"),
    Step("a map with a finalizer", "POST", MAPS, cm("held", finalizers=["example.com/hold"])),
    Step("delete a held map", "DELETE", MAPS + "/held"),
    Step("delete a held map twice", "DELETE", MAPS + "/held"),
    Step("hold a map that is deleted", "PATCH", MAPS + "/held", {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}, MERGE),
    Step("let a map go", "PATCH", MAPS + "/held", {"metadata": {"finalizers": None}}, MERGE),
    Step("get a map that has gone", "GET", MAPS + "/held"),
    Step("delete in the foreground", "DELETE", MAPS + "/c?propagationPolicy=Foreground"),
    Step("delete a collection by label", "DELETE", MAPS + "?labelSelector=none%3Dof-them"),
    Step("delete a collection by name", "DELETE", MAPS + "?fieldSelector=metadata.name%3Dtwice"),
    Step("delete in all namespaces", "DELETE", "/api/v1/configmaps"),
]

KINDS = [
    Step("a pod", "POST", PODS, pod("p"), keep="p"),
    Step("a pod without containers", "POST", PODS, pod("odd", containers=[])),
    Step("a pod with a bad policy", "POST", PODS, pod("odd", restartPolicy="Sometimes")),
    Step("change a pod's containers", "PATCH", PODS + "/p", {"spec": {"nodeSelector": {"a": "b"}}}, STRATEGIC),
    Step("list pods by node", "GET", PODS + "?fieldSelector=spec.nodeName%3D"),
    Step("list pods as a table", "GET", PODS + "?includeObject=None", accept=TABLE),
    Step("bind a pod", "POST", PODS + "/p/binding", {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}}),
    Step("set a pod's status", "PATCH", PODS + "/p/status", {"status": {"phase": "Running"}}, STRATEGIC),
    Step("delete a pod at once", "DELETE", PODS + "/p?gracePeriodSeconds=0"),
    Step("a deployment", "POST", DEPLOYMENTS, deployment("d")),
    Step("a deployment with another selector", "POST", DEPLOYMENTS, deployment("odd", "y")),
    Step("a deployment as a table", "GET", DEPLOYMENTS + "?includeObject=None", accept=TABLE),
    Step("a deployment's scale", "GET", DEPLOYMENTS + "/d/scale"),
    Step("scale a deployment", "PATCH", DEPLOYMENTS + "/d/scale", {"spec": {"replicas": 3}}, MERGE),
    Step("scale a deployment below 0", "PATCH", DEPLOYMENTS + "/d/scale", {"spec": {"replicas": -3}}, MERGE),
    Step("a secret", "POST", SPACE + "/secrets", {"metadata": {"name": "s"}, "stringData": {"k": "v"}}),
    Step("a secret of another type", "PATCH", SPACE + "/secrets/s", {"type": "example.com/other"}, MERGE),
    Step("a bad secret", "POST", SPACE + "/secrets", {"metadata": {"name": "odd"}, "data": {"k": "not base64!"}}),
    Step("a service account", "POST", SPACE + "/serviceaccounts", {"metadata": {"name": "sa"}}),
    Step("a node", "POST", "/api/v1/nodes", {"metadata": {"name": "parity-node"}}),
    Step("a namespace with a bad name", "POST", "/api/v1/namespaces", {"metadata": {"name": "a.b"}}),
]

CUSTOM = [
    Step("a CRD", "POST", CRDS, crd(), keep="crd"),
    Step("a CRD of another name", "POST", CRDS, crd(name="ships.parity.example.com")),
    Step("wait for the CRD", "GET", BOATS),
    Step("a boat", "POST", BOATS, boat("ark", captain="noah", crew=8, colour="brown") | {"status": {"afloat": True}}, keep="ark"),
    Step("a boat with an unknown field, strict", "POST", BOATS + "?fieldValidation=Strict", boat("odd", captain="me", colour="red")),
    Step("a boat with too much crew", "POST", BOATS, boat("odd", captain="me", crew=10)),
    Step("a boat without a captain", "POST", BOATS, boat("odd", crew=1)),
    Step("a boat with a number for a captain", "POST", BOATS, boat("odd", captain=7)),
    Step("a boat without a kind", "POST", BOATS, {"metadata": {"name": "odd"}, "spec": {"captain": "me"}}),
    Step("boats as a table", "GET", BOATS + "?includeObject=None", accept=TABLE),
    Step("boats by an unknown field", "GET", BOATS + "?fieldSelector=spec.captain%3Dnoah"),
    Step("put a boat without a revision", "PUT", BOATS + "/ark", boat("ark", captain="ham")),
    Step("patch a boat", "PATCH", BOATS + "/ark", {"spec": {"crew": 3}, "status": {"afloat": True}}, MERGE),
    Step("patch a boat's status", "PATCH", BOATS + "/ark/status", {"spec": {"crew": 4}, "status": {"afloat": True}}, MERGE, keep="ark"),
    Step("patch a boat strategically", "PATCH", BOATS + "/ark", {}, STRATEGIC),
    Step("wait for the cache", "GET", BOATS + "?resourceVersion={ark.rv}"),
    Step("watch boats", "GET", BOATS + "?watch=1&timeoutSeconds=1&resourceVersion=0"),
    Step("boats in protobuf", "GET", BOATS + "/ark", accept="application/vnd.kubernetes.protobuf"),
    Step("delete a boat", "DELETE", BOATS + "/ark"),
]

OTHER = [
    Step("is it live", "GET", "/livez"),
    Step("is it ready", "GET", "/readyz"),
    Step("is it healthy", "GET", "/healthz"),
    Step("groups", "GET", "/apis/none.example.com"),
    Step("versions of a group", "GET", "/apis/coordination.k8s.io/v9"),
    Step("patch a collection", "PATCH", MAPS, {}, MERGE),
    Step("trace", "TRACE", MAPS),
    Step("options", "OPTIONS", MAPS),
    Step("delete the namespace", "DELETE", "/api/v1/namespaces/parity"),
]

READERS = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers"}
ROLES = "/apis/rbac.authorization.k8s.io/v1/namespaces/parity/"
ASK = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

RIGHTS = [
    Step("list as nobody", "GET", MAPS, who=""),
    Step("list by a bad token", "GET", MAPS, who="bad"),
    Step("list without the right", "GET", MAPS, who=kube.READER),
    Step("create without the right", "POST", MAPS, cm("odd"), who=kube.READER),
    Step("watch without the right", "GET", MAPS + "?watch=1&timeoutSeconds=1", who=kube.READER),
    Step("nodes without the right", "GET", "/api/v1/nodes/none", who=kube.READER),
    Step("a path without the right", "GET", "/metrics", who=kube.READER),
    Step("a role", "POST", ROLES + "roles", {"metadata": {"name": "reader"}, "rules": [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]}),
    Step("a role without verbs", "POST", ROLES + "roles", {"metadata": {"name": "odd"}, "rules": [
        {"apiGroups": [""], "resources": ["configmaps"]}]}),
    Step("a binding to nothing", "POST", ROLES + "rolebindings", {"metadata": {"name": "odd"}, "subjects": [READERS]}),
    Step("a role's binding", "POST", ROLES + "rolebindings", {"metadata": {"name": "reader"}, "subjects": [READERS], "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}}),
    Step("wait for the right", "GET", MAPS + "?limit=1", who=kube.READER),
    Step("delete with the right to read", "DELETE", MAPS + "/a", who=kube.READER),
    Step("give oneself a right", "POST", ROLES + "roles", {"metadata": {"name": "odd"}, "rules": [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}, who=kube.READER),
    Step("who am I", "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, who=kube.READER),
    Step("may I get", "POST", ASK, {"spec": {"resourceAttributes": {
        "namespace": "parity", "verb": "get", "resource": "configmaps"}}}, who=kube.READER),
    Step("may I delete", "POST", ASK, {"spec": {"resourceAttributes": {
        "namespace": "parity", "verb": "delete", "resource": "configmaps"}}}, who=kube.READER),
    Step("may I nothing", "POST", ASK, {"spec": {}}, who=kube.READER),
]

STEPS = CREATE + READ + LIST + WATCH + RIGHTS + UPDATE + PATCH + DELETE + KINDS + CUSTOM + OTHER

# ---- what must be the same ----

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
# Of any object, or of the members of a list of that name: docs/compatibility.md speaks of the first three, and the
# fourth is what people read.
LEFT_OUT = {(None, "managedFields"), ("items", "apiVersion"), ("items", "kind"), ("columnDefinitions", "description")}
MARKS = {"resourceVersion": "<rv>", "continue": "<continue>"}


def marked(key, value):
    """A text whose ids, times and revisions are marks."""
    if key in MARKS and value:
        return MARKS[key]
    value = TIME.sub("<time>", ID.sub("<uid>", value))
    value = re.sub(r"(resource version: |current: |in record \(|resourceVersion\\?\":\\?\")\d+", r"\1<n>", value)
    value = re.sub(r"^\d+[smh]$", "<age>", value)
    value = re.sub(r"made-[a-z0-9]{5}\b", "made-<random>", value)
    return value if len(value) < 1500 else f"{value[:300]}<{len(value)} characters>"


def plain(value, key=None):
    if isinstance(value, dict):
        return {k: plain(v, k) for k, v in sorted(value.items()) if (key, k) not in LEFT_OUT and (None, k) not in LEFT_OUT}
    if isinstance(value, list):
        return [plain(v, key) for v in value]
    return marked(key, value) if isinstance(value, str) else value


def body_of(answer):
    text = answer.body.decode(errors="replace")
    if "json" not in answer.headers.get("content-type", ""):
        text = re.sub(r"  managedFields:\n((  - |    ).*\n)*", "", text)
        return marked(None, re.sub(r"(resourceVersion: )\S+", r"\1<rv>", text))
    lines = [json.loads(line) for line in text.splitlines()] if text.startswith('{"type":') else None
    if lines is not None:  # a watch; when a bookmark comes is the server's affair, but not the one that ends the first state
        lines = [e for e in lines if e["type"] != "BOOKMARK" or "annotations" in e["object"].get("metadata", {})]
        return [plain(e) for e in lines]
    return plain(json.loads(text)) if text else ""


def compact(answer):
    """What a client can rely on of an answer."""
    kept = {"code": answer.code, "body": body_of(answer)}
    for name in ("content-type", "warning", "retry-after"):
        if name in answer.headers:
            kept[name] = answer.headers[name].replace(" ", "") if name == "content-type" else answer.headers[name]
    return kept


class Kept(dict):
    """What the answers of earlier steps said, for {a.rv} in a later one."""

    def fill(self, text):
        return re.sub(r"\{(\w+)\.(rv|uid|name|cont)\}", lambda m: self[m[1]][m[2]], text)

    def note(self, name, answer):
        meta = json.loads(answer.body)["metadata"]
        self[name] = {"rv": meta.get("resourceVersion"), "uid": meta.get("uid"), "name": meta.get("name"),
                      "cont": meta.get("continue")}


def play(server, wait_for):
    """{name: compact answer} of each step of the table. server.client(token) speaks as whoever has it."""
    kept, answers, clients = Kept(), {}, {}
    for step in STEPS:
        if step.who not in clients:
            clients[step.who] = server.client(step.who)
        client = clients[step.who]
        body = step.body if step.body is None or isinstance(step.body, str) else json.dumps(step.body)
        if body is not None and len(body) < 10000:
            body = kept.fill(body)
        if step.name.startswith("wait for"):
            wait_for(lambda: client.raw("GET", kept.fill(step.path)).code == 200, step.name)
        answer = client.raw(step.method, kept.fill(step.path), body, step.headers)
        if step.keep:
            kept.note(step.keep, answer)
        if answer.code == 201 and answer.json.get("metadata", {}).get("name") == "odd":
            client.raw("DELETE", step.path.split("?")[0] + "/odd?gracePeriodSeconds=0")
        answers[step.name] = compact(answer)
    for client in clients.values():
        client.close()
    return answers
