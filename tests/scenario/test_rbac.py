"""May he: roles and bindings decide, reviews agree, nobody gives what he does not have, and a watch ends with its right."""
import json
import os
import random
import shutil
import tempfile
import threading
import unittest
import urllib.parse

from tidewatch import CONFIGMAPS, EventSource, SecureServer, Watch, configmap, main, wait_for

AUTHZ = "/apis/authorization.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
RED = "/api/v1/namespaces/red"


def rule(verbs, resources, groups=("",), names=()):
    return {"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs), "resourceNames": list(names)}


def role(name, *rules, kind="Role", **more):
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "rules": list(rules), **more}


def binding(name, role_name, *users, kind="RoleBinding", role_kind="Role"):
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role_name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user} for user in users]}


class Rbac(unittest.TestCase):
    """Each test has users of its own, so that none gets in another's way."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="tidewatch-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        tokens = os.path.join(cls.folder, "tokens")
        with open(tokens, "w") as f:
            f.write("".join(f"{name}-token,{name},{name}\n" for name in (
                "ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ivy", "jon", "kim", "lea", "mia")))
        cls.server = SecureServer(flags=[f"--token-auth-file={tokens}"])
        cls.addClassCleanup(cls.server.close)
        cls.admin = cls.server.client()
        cls.addClassCleanup(cls.admin.close)
        for name in ("red", "blue"):
            assert cls.admin.create("/api/v1/namespaces", {"metadata": {"name": name}}).code == 201

    def as_user(self, name):
        client = self.server.client(token=name + "-token")
        self.addCleanup(client.close)
        return client

    def made(self, path, body, client=None):
        answer = (client or self.admin).create(path, body)
        self.assertEqual(answer.code, 201, answer)
        return answer.json

    def give(self, user, *rules, namespace="red"):
        self.made(f"{RBAC}/namespaces/{namespace}/roles", role(user, *rules))
        self.made(f"{RBAC}/namespaces/{namespace}/rolebindings", binding(user, user, user))

    def forbidden(self, answer, message):
        self.assertEqual(answer.code, 403, answer)
        self.assertEqual((answer.json["reason"], answer.json["message"]), ("Forbidden", message))

    def test_each_verb_of_a_request_is_its_own_right(self):
        self.give("ann", rule(["get", "list"], ["configmaps"]), rule(["create"], ["secrets"]), rule(["update"], ["deployments/scale"], ["apps"]))
        ann = self.as_user("ann")
        self.made(RED + "/configmaps", configmap("a"))
        self.assertEqual(ann.get(RED + "/configmaps").code, 200)
        self.assertEqual(ann.get(RED + "/configmaps/a").code, 200)
        self.assertEqual(ann.create(RED + "/secrets", {"metadata": {"name": "s"}}).code, 201)
        tail = 'in API group "" in the namespace "red"'
        for method, path, body, verb, what in (
                ("GET", "/configmaps?watch=true", None, "watch", "configmaps"), ("GET", "/configmaps?watch=1", None, "watch", "configmaps"),
                ("POST", "/configmaps", configmap("b"), "create", "configmaps"), ("PUT", "/configmaps/a", configmap("a"), "update", "configmaps"),
                ("PATCH", "/configmaps/a", {}, "patch", "configmaps"), ("DELETE", "/configmaps/a", None, "delete", "configmaps"),
                ("DELETE", "/configmaps", None, "deletecollection", "configmaps"), ("GET", "/secrets/s", None, "get", "secrets"),
                ("GET", "/nonsense", None, "list", "nonsense"), ("GET", "/pods/p/log", None, "get", "pods/log")):
            name = path.split("/")[2] if path.count("/") > 1 else ""
            answer = ann.call(method, RED + path, body)
            kind = what.split("/")[0] + (f' "{name}"' if name else "")
            self.forbidden(answer, f'{kind} is forbidden: User "ann" cannot {verb} resource "{what}" {tail}')
        self.forbidden(ann.get("/api/v1/configmaps"),
                       'configmaps is forbidden: User "ann" cannot list resource "configmaps" in API group "" at the cluster scope')
        self.forbidden(ann.get("/apis/apps/v1/namespaces/red/deployments/x/scale"),
                       'deployments.apps "x" is forbidden: User "ann" cannot get resource "deployments/scale" in API group "apps" '
                       'in the namespace "red"')
        self.forbidden(ann.get("/metrics"), 'forbidden: User "ann" cannot get path "/metrics"')
        self.forbidden(ann.get("/nowhere"), 'forbidden: User "ann" cannot get path "/nowhere"')
        self.assertEqual(self.admin.get("/nowhere").code, 404)
        self.assertEqual(self.admin.get(RED + "/nonsense").code, 404)

    def test_a_put_that_creates_needs_the_right_to_create(self):
        self.give("kim", rule(["update"], ["endpoints", "limitranges"]))
        body = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "new"}}
        self.forbidden(self.as_user("kim").call("PUT", RED + "/limitranges/new", body),
                       'limitranges "new" is forbidden: User "kim" cannot create resource "limitranges" in API group "" '
                       'in the namespace "red"')
        self.assertEqual(self.admin.get(RED + "/limitranges/new").code, 404)

    def test_a_named_object_can_be_listed_and_watched_by_its_name(self):
        self.give("bob", rule(["get", "list", "watch", "create", "deletecollection"], ["configmaps"], names=["mine"]))
        bob = self.as_user("bob")
        self.assertEqual(bob.get(RED + "/configmaps?fieldSelector=metadata.name%3Dmine").code, 200)
        for path in ("?fieldSelector=metadata.name%3Dother", "", "?fieldSelector=metadata.name!%3Dmine"):
            self.assertEqual(bob.get(RED + "/configmaps" + path).code, 403, path)
        self.assertEqual(bob.create(RED + "/configmaps", configmap("mine")).code, 403)
        self.assertEqual(bob.call("DELETE", RED + "/configmaps?fieldSelector=metadata.name%3Dmine").code, 403)
        watch = self.server.watch(RED + "/configmaps?watch=true&fieldSelector=metadata.name%3Dmine", token="bob-token")
        self.addCleanup(watch.close)
        self.assertEqual(watch.code, 200)

    def test_reviews_tell_what_is_decided(self):
        self.give("cat", rule(["get"], ["configmaps", "pods/log"]), rule(["*"], ["secrets"], names=["key"]))
        cat, chance = self.as_user("cat"), random.Random(7)
        for _ in range(60):
            what = {"verb": chance.choice(["get", "list", "delete"]), "namespace": chance.choice(["red", "blue", ""]),
                    "resource": chance.choice(["configmaps", "secrets"]), "name": chance.choice(["", "key", "x"])}
            path = (f"/api/v1/namespaces/{what['namespace']}" if what["namespace"] else "/api/v1") + "/" + what["resource"]
            if (what["verb"] == "list") == bool(what["name"]) or (not what["namespace"] and what["verb"] != "list"):
                continue
            answer = cat.call("DELETE" if what["verb"] == "delete" else "GET", path + ("/" + what["name"] if what["name"] else ""))
            own = self.made(AUTHZ + "/selfsubjectaccessreviews", {"spec": {"resourceAttributes": what}}, cat)["status"]
            others = self.made(AUTHZ + "/subjectaccessreviews", {"spec": {
                "user": "cat", "groups": ["system:authenticated"], "resourceAttributes": what}})["status"]
            self.assertEqual(own["allowed"], answer.code != 403, what)
            self.assertEqual(own, others)
        self.assertEqual(own.get("reason", "RBAC: allowed")[:4], "RBAC")
        self.assertEqual(cat.create(AUTHZ + "/subjectaccessreviews", {"spec": {"user": "x"}}).code, 403)
        rules = self.made(AUTHZ + "/selfsubjectrulesreviews", {"spec": {"namespace": "red"}}, cat)["status"]
        self.assertIn({"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps", "pods/log"]}, rules["resourceRules"])
        self.assertIn({"verbs": ["*"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["key"]}, rules["resourceRules"])
        self.assertFalse(rules["incomplete"])
        rules = self.made(AUTHZ + "/selfsubjectrulesreviews", {"spec": {"namespace": "blue"}}, cat)["status"]
        self.assertNotIn("secrets", json.dumps(rules))

    def test_a_local_review_is_of_its_namespace(self):
        path = AUTHZ + "/namespaces/red/localsubjectaccessreviews"
        what = {"user": "nobody", "resourceAttributes": {"namespace": "blue", "verb": "get", "resource": "pods"}}
        self.assertEqual(self.admin.create(path, {"spec": what}).code, 400)
        what["resourceAttributes"]["namespace"] = "red"
        self.assertEqual(self.made(path, {"spec": what})["status"], {"allowed": False})
        for spec in ({"user": "x"}, {"resourceAttributes": {"namespace": "red", "verb": "get"}},
                     {"user": "x", "resourceAttributes": {"namespace": "red"}, "nonResourceAttributes": {"path": "/"}}):
            self.assertIn(self.admin.create(AUTHZ + "/subjectaccessreviews", {"spec": spec}).code, (422,), spec)

    def test_nobody_gives_away_what_he_does_not_have(self):
        self.give("dan", rule(["get", "list"], ["pods"]), rule(["create", "update", "patch", "get"], ["roles", "rolebindings"],
                                                           ["rbac.authorization.k8s.io"]))
        dan, roles = self.as_user("dan"), RBAC + "/namespaces/red/roles"
        self.assertEqual(dan.create(roles, role("dans", rule(["get"], ["pods"]))).code, 201)
        self.forbidden(dan.create(roles, role("more", rule(["get", "delete"], ["pods", "secrets"]))),
                       'roles.rbac.authorization.k8s.io "more" is forbidden: user "dan" (groups=["system:authenticated"]) is attempting '
                       'to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}\n'
                       '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete"]}')
        self.assertEqual(dan.call("PATCH", roles + "/dans", {"rules": [rule(["*"], ["*"])]},
                                  content_type="application/merge-patch+json").code, 403)
        self.assertEqual(dan.call("PATCH", roles + "/dans", {"metadata": {"labels": {"a": "b"}}},
                                  content_type="application/merge-patch+json").code, 200)
        bindings = RBAC + "/namespaces/red/rolebindings"
        self.assertEqual(dan.create(bindings, binding("fine", "dans", "zoe")).code, 201)
        self.assertEqual(dan.create(bindings, binding("admin", "cluster-admin", "dan", role_kind="ClusterRole")).code, 403)
        self.assertEqual(dan.create(bindings, binding("none", "nothing", "dan")).code, 404)

    def test_escalate_and_bind_are_rights_of_their_own(self):
        rbac = ["rbac.authorization.k8s.io"]
        self.give("eve", rule(["create", "escalate"], ["roles"], rbac), rule(["create"], ["rolebindings"], rbac),
                  rule(["bind"], ["clusterroles"], rbac, ["view"]))
        eve = self.as_user("eve")
        self.assertEqual(eve.create(RBAC + "/namespaces/red/roles", role("all", rule(["*"], ["*"], ["*"]))).code, 201)
        self.assertEqual(eve.create(RBAC + "/namespaces/red/rolebindings", binding("eve-view", "view", "eve", role_kind="ClusterRole")).code, 201)
        self.assertEqual(eve.create(RBAC + "/namespaces/red/rolebindings", binding("eve-edit", "edit", "eve", role_kind="ClusterRole")).code, 403)

    def test_an_aggregation_rule_is_for_those_who_have_everything(self):
        self.made(RBAC + "/clusterroles", role("lea", rule(["create"], ["clusterroles"], ["rbac.authorization.k8s.io"]), kind="ClusterRole"))
        self.made(RBAC + "/clusterrolebindings", binding("lea", "lea", "lea", kind="ClusterRoleBinding", role_kind="ClusterRole"))
        selector = {"clusterRoleSelectors": [{"matchLabels": {"to": "sum"}}]}
        answer = self.as_user("lea").create(RBAC + "/clusterroles", role("sum", kind="ClusterRole", aggregationRule=selector))
        self.forbidden(answer, 'clusterroles.rbac.authorization.k8s.io "sum" is forbidden: must have cluster-admin privileges to use an '
                               'aggregationRule')

    def test_an_aggregated_role_follows_its_parts(self):
        roles = RBAC + "/clusterroles"
        selector = {"clusterRoleSelectors": [{"matchExpressions": [{"key": "to", "operator": "In", "values": ["gus"]}]}]}
        self.made(roles, role("gus", kind="ClusterRole", aggregationRule=selector))
        self.made(RBAC + "/clusterrolebindings", binding("gus", "gus", "gus", kind="ClusterRoleBinding", role_kind="ClusterRole"))
        gus = self.as_user("gus")
        self.assertEqual(gus.get("/api/v1/nodes").code, 403)
        part = role("gus-part", rule(["list"], ["nodes"]), kind="ClusterRole")
        part["metadata"]["labels"] = {"to": "gus"}
        self.made(roles, part)
        wait_for(lambda: gus.get("/api/v1/nodes").code == 200, "the aggregated right")
        self.assertEqual(self.admin.get(roles + "/gus").json["rules"], part["rules"])
        self.assertEqual(self.admin.call("DELETE", roles + "/gus-part").code, 200)
        wait_for(lambda: gus.get("/api/v1/nodes").code == 403, "its end")

    def test_what_a_role_and_a_binding_must_be(self):
        roles, bindings = RBAC + "/namespaces/red/roles", RBAC + "/namespaces/red/rolebindings"
        for body, words in ((role("x", {"verbs": ["get"], "apiGroups": [""]}), "rules[0].resources: Required value"),
                            (role("x", {"resources": ["pods"], "apiGroups": [""]}), "rules[0].verbs: Required value"),
                            (role("x", {"verbs": ["get"], "resources": ["pods"]}), "rules[0].apiGroups: Required value"),
                            (role("x", {"verbs": ["get"], "nonResourceURLs": ["/"]}), "namespaced rules cannot apply to non-resource URLs")):
            answer = self.admin.create(roles, body)
            self.assertEqual(answer.code, 422, answer)
            self.assertIn(words, answer.json["message"])
        self.made(bindings, binding("fixed", "view", "x", role_kind="ClusterRole"))
        answer = self.admin.call("PUT", bindings + "/fixed", binding("fixed", "edit", "x", role_kind="ClusterRole"))
        self.assertEqual(answer.code, 422)
        self.assertIn("cannot change roleRef", answer.json["message"])
        made = self.made(bindings, {"kind": "RoleBinding", "metadata": {"name": "short"}, "roleRef": {"kind": "Role", "name": "r"},
                                    "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s"}]})
        self.assertEqual((made["roleRef"]["apiGroup"], made["subjects"][0]["apiGroup"], "apiGroup" in made["subjects"][1]),
                         ("rbac.authorization.k8s.io", "rbac.authorization.k8s.io", False))

    def test_a_missing_role_is_named_in_the_refusal(self):
        self.made(RBAC + "/namespaces/red/rolebindings", binding("jon", "gone", "jon"))
        self.forbidden(self.as_user("jon").get(RED + "/pods"),
                       'pods is forbidden: User "jon" cannot list resource "pods" in API group "" in the namespace "red": '
                       'RBAC: role.rbac.authorization.k8s.io "gone" not found')

    def watches_of(self, user):
        """A watch by every way to be told."""
        path = RED + "/configmaps?watch=true&labelSelector=way%3D" + user
        headers = {"Authorization": f"Bearer {user}-token"}
        ways = [Watch(self.server.port, path, headers=headers, context=self.server.context()),
                EventSource(self.server.port, path, headers=headers, context=self.server.context())]
        for way in ways:
            self.addCleanup(way.close)
            self.assertEqual(way.code, 200)
        return ways

    def test_a_running_watch_ends_with_its_right(self):
        self.give("fay", rule(["watch"], ["configmaps"]))
        self.give("hal", rule(["watch"], ["configmaps"]))
        ended, stays = self.watches_of("fay"), self.watches_of("hal")
        poll, polled = self.as_user("fay"), []
        path = f"{RED}/configmaps?watch=true&longPoll=true&resourceVersion={self.admin.get(RED + '/configmaps').rv}"
        thread = threading.Thread(target=lambda: polled.append(poll.get(path + "&labelSelector=way%3Dfay")))
        thread.start()
        wait_for(lambda: self.server_watches() >= 5, "the poll")
        self.assertEqual(self.admin.call("DELETE", RBAC + "/namespaces/red/rolebindings/fay").code, 200)
        for watch in ended:
            error = watch.until(lambda e: e["type"].upper() == "ERROR")[-1]["object"]
            self.assertEqual((error["code"], error["message"]), (
                403, 'configmaps is forbidden: User "fay" cannot watch resource "configmaps" in API group "" in the namespace "red"'))
            self.assertIsNone(watch.next())
        thread.join()
        self.assertEqual(polled[0].code, 403, polled)
        self.made(RED + "/configmaps", configmap("later", labels={"way": "hal"}))
        for watch in stays:
            self.assertEqual(watch.next()["object"]["metadata"]["name"], "later")

    def server_watches(self):
        lines = self.admin.raw("GET", "/metrics").body.decode().splitlines()
        return sum(int(line.split()[-1]) for line in lines if line.startswith("apiserver_longrunning_requests{"))

    def test_many_watches_on_one_stream_are_judged_one_by_one(self):
        self.give("mia", rule(["watch"], ["configmaps"]))
        self.made(f"{RBAC}/namespaces/red/roles", role("mia-too", rule(["watch"], ["secrets"], names=["mia"])))
        self.made(f"{RBAC}/namespaces/red/rolebindings", binding("mia-too", "mia-too", "mia"))
        urls = {"c": RED + "/configmaps?labelSelector=way%3Dmia", "s": RED + "/secrets?fieldSelector=metadata.name%3Dmia",
                "all": RED + "/secrets", "p": RED + "/pods"}
        path = "/apis/tidewatch.dev/v1/watch?" + "&".join(
            "subscribe=" + urllib.parse.quote(f"{key}={url}", safe="") for key, url in urls.items())
        watch = self.server.watch(path, token="mia-token")
        self.addCleanup(watch.close)
        self.assertEqual(watch.code, 200)
        refused = {}
        watch.until(lambda e: (refused.update({e["id"]: e["object"]["message"]}) if e["type"] == "ERROR" else None) or len(refused) == 2)
        tail = 'is forbidden: User "mia" cannot watch resource "{0}" in API group "" in the namespace "red"'
        self.assertEqual(refused, {key: f"{what} " + tail.format(what) for key, what in (("all", "secrets"), ("p", "pods"))})
        self.assertEqual(self.admin.call("DELETE", RBAC + "/namespaces/red/rolebindings/mia-too").code, 200)
        ended = watch.until(lambda e: e["type"] == "ERROR")[-1]
        self.assertEqual((ended["id"], ended["object"]["code"]), ("s", 403))
        self.made(RED + "/secrets", {"metadata": {"name": "mia"}})
        self.made(RED + "/configmaps", configmap("goes-on", labels={"way": "mia"}))
        told = watch.until(lambda e: e["type"] == "ADDED")[-1]
        self.assertEqual((told["id"], told["object"]["metadata"]["name"]), ("c", "goes-on"))

    def test_a_watch_ends_with_the_rule_that_allowed_it(self):
        self.give("ivy", rule(["watch"], ["configmaps"]))
        watch = self.watches_of("ivy")[0]
        self.assertEqual(self.admin.call("PUT", RBAC + "/namespaces/red/roles/ivy", role("ivy", rule(["list"], ["configmaps"]))).code, 200)
        self.assertEqual(watch.until(lambda e: e["type"] == "ERROR")[-1]["object"]["code"], 403)

    def test_the_first_roles_are_there_and_a_deleted_one_comes_back(self):
        with SecureServer(storage="sqlite") as server:
            admin = server.client()
            wait_for(lambda: all(admin.get(f"{RBAC}/clusterroles/{name}").json.get("rules") for name in ("admin", "edit", "view")), "the rules")
            names = {item["metadata"]["name"] for item in admin.get(RBAC + "/clusterroles").json["items"]}
            self.assertTrue({"cluster-admin", "admin", "edit", "view", "system:discovery", "system:basic-user",
                             "system:public-info-viewer"} <= names, names)
            self.assertEqual(admin.call("DELETE", RBAC + "/clusterroles/system:discovery").code, 200)
            admin.close()
            server.stop()
            server.start()
            admin = server.client()
            self.assertEqual(admin.get(RBAC + "/clusterroles/system:discovery").code, 200)
            admin.close()


if __name__ == "__main__":
    main()
