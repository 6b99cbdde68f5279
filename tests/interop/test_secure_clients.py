"""Clients that nobody here wrote, over https: with a certificate, with a token, and with the rights that
an operator's manifests give."""
import json
import os
import re
import select
import shutil
import subprocess
import tempfile
import unittest

from tidewatch import BUILD, CONFIGMAPS, PATIENCE_S, SecureServer, configmap, main, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
KUBECTLS = [line for line in subprocess.run([os.path.join(HERE, "kubectls.sh")], stdout=subprocess.PIPE,
                                            text=True).stdout.split() if line]
OPERATOR = os.path.join(HERE, "manifests", "operator-rbac.yaml")
LISTED = {"pods": "/api/v1/namespaces/default/pods", "configmaps": "/api/v1/namespaces/default/configmaps",
          "secrets": "/api/v1/namespaces/default/secrets", "deployments.apps": "/apis/apps/v1/namespaces/default/deployments",
          "statefulsets.apps": "/apis/apps/v1/namespaces/default/statefulsets",
          "leases.coordination.k8s.io": "/apis/coordination.k8s.io/v1/namespaces/default/leases"}
CAN_I = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: listed}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get, list]}
- {apiGroups: [apps], resources: ["*"], verbs: [list, create, delete]}
- {apiGroups: [""], resources: [configmaps, secrets], resourceNames: [named], verbs: [get, list, create, delete]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: listed-urls}
rules:
- {nonResourceURLs: [/metrics, /custom/*], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: listed, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: listed}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: listed}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: listed-urls}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: listed-urls}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: listed}]
"""
ISSUER = "https://kubernetes.default.svc"


class Secure(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.mkdtemp(prefix="tidewatch-test-")
        cls.addClassCleanup(shutil.rmtree, cls.home)
        subprocess.run(["openssl", "genrsa", "-out", cls.path("sa.key"), "2048"], check=True, stderr=subprocess.DEVNULL)
        with open(cls.path("tokens"), "w") as f:
            f.write("ann-token,ann,1,\"dev,ops\"\nvic-token,vic,2\nwim-token,wim,3\nlis-token,lis,4,listed\n")
        cls.server = SecureServer(flags=[f"--token-auth-file={cls.path('tokens')}", f"--service-account-issuer={ISSUER}",
                                         f"--service-account-signing-key-file={cls.path('sa.key')}"])
        cls.addClassCleanup(cls.server.close)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.home, name)

    def kubeconfig(self, name, user):
        path = self.path(name)
        with open(path, "w") as f:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [
                {"name": "c", "context": {"cluster": "c", "user": "u"}}], "users": [{"name": "u", "user": user}], "clusters": [
                    {"name": "c", "cluster": {"server": self.server.url, "certificate-authority": self.server.certs + "/ca.crt"}}]}, f)
        return path

    def run_in(self, *args, config=None, stdin=None):
        env = dict(os.environ, HOME=self.home, KUBECONFIG=config or self.server.kubeconfig)
        return subprocess.run(args, env=env, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=PATIENCE_S * 2)

    def ok(self, *args, **more):
        done = self.run_in(*args, **more)
        self.assertEqual(done.returncode, 0, f"{args}\n{done.stdout}{done.stderr}")
        return done.stdout

    def test_kubectl_with_a_certificate_and_with_a_token(self):
        for i, kubectl in enumerate(KUBECTLS):
            with self.subTest(kubectl):
                self.assertIn("default", self.ok(kubectl, "get", "namespaces"))
                everything = self.ok(kubectl, "auth", "can-i", "--list")
                self.assertRegex(everything, r"(?m)^\*\.\* .*\[\*\]$")
                ann = self.kubeconfig("ann", {"token": "ann-token"})
                done = self.run_in(kubectl, "get", "pods", config=ann)
                self.assertIn('Error from server (Forbidden): pods is forbidden: User "ann" cannot list resource "pods" in API group "" '
                              'in the namespace "default"', done.stderr)
                self.ok(kubectl, "create", "role", f"reader{i}", "--verb=get,list,watch", "--resource=pods,deployments.apps")
                self.ok(kubectl, "create", "rolebinding", f"reader{i}", f"--role=reader{i}", "--group=dev")
                self.assertEqual(self.run_in(kubectl, "get", "pods", config=ann).returncode, 0)
                may = self.ok(kubectl, "auth", "can-i", "--list", config=ann)
                self.assertRegex(may, r"(?m)^pods +\[\] +\[\] +\[get list watch\]$")
                self.assertRegex(may, r"(?m)^deployments\.apps +\[\] +\[\] +\[get list watch\]$")
                self.assertNotIn("secrets", may)
                for what, answer in (("list pods", "yes"), ("get pods -n kube-system", "no"), ("get /version", "yes")):
                    done = self.run_in(kubectl, "auth", "can-i", *what.split(), config=ann)
                    self.assertEqual(done.stdout.splitlines()[-1].split()[0], answer, what)
                self.assertEqual(self.ok(kubectl, "auth", "can-i", "get", "pods", "--as=zoe", "--as-group=dev").strip(), "yes")
                self.ok(kubectl, "delete", "role,rolebinding", f"reader{i}")

    def certificate(self, name, subject):
        """Files of a user of the clients' CA, without what their names end with."""
        made, ca = os.path.join(self.server.certs, name), self.server.certs + "/client-ca"
        for args in (("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                      "-keyout", made + ".key", "-out", made + ".csr"),
                     ("x509", "-req", "-in", made + ".csr", "-CA", ca + ".crt", "-CAkey", ca + ".key", "-days", "1", "-out", made + ".crt")):
            subprocess.run(["openssl", *args], check=True, stderr=subprocess.DEVNULL)
        return made

    def rights(self, config):
        """What `kubectl auth can-i --list` says: resources, URLs, names of resources, verbs."""
        lines = self.ok(KUBECTLS[-1], "auth", "can-i", "--list", config=config).splitlines()[1:]
        return [(resource, *(cell.split() for cell in cells)) for resource, *cells in
                (re.fullmatch(r"(\S*) +\[(.*)\] +\[(.*)\] +\[(.*)\]", line).groups() for line in lines)]

    def check_rights(self, rights, client):
        """Whatever it says is allowed, and nothing else."""
        def is_said(verb, resource, name):
            group = resource.partition(".")[2]
            return any(said in (resource, "*." + group if group else "*") and verb in verbs and (not names or name in names)
                       for said, _, names, verbs in rights)

        seen = set()
        for resource, path in LISTED.items():
            for verb, method, where, name in [("list", "GET", path, ""), ("create", "POST", path, "")] + [
                    (verb, method, f"{path}/{name}", name) for name in ("named", "another")
                    for verb, method in (("get", "GET"), ("delete", "DELETE"))]:
                body = {"metadata": {"name": "named"}} if verb == "create" else None
                code = client.call(method, where + "?dryRun=All", body).code
                self.assertEqual(code != 403, is_said(verb, resource, name), (verb, resource, name, code, rights))
                seen.add((verb, code != 403))
        self.assertEqual(len(seen), 8, "each verb is allowed here and refused there")
        for url in ("/version", "/healthz", "/metrics", "/apis/apps", "/logs", "/custom/of/ours"):
            said = any(url == u or u.endswith("*") and url.startswith(u[:-1]) for _, urls, _, verbs in rights for u in urls if "get" in verbs)
            self.assertEqual(client.get(url).code != 403, said, (url, rights))

    def test_what_can_i_lists_is_what_is_allowed(self):
        self.ok(KUBECTLS[-1], "apply", "-f", "-", stdin=CAN_I)
        made = self.certificate("cat", "/O=listed/CN=cat")
        by_certificate = self.kubeconfig("cat", {"client-certificate": made + ".crt", "client-key": made + ".key"})
        for config, client in ((by_certificate, self.server.client(cert="cat")),
                               (self.kubeconfig("lis", {"token": "lis-token"}), self.server.client(token="lis-token"))):
            self.addCleanup(client.close)
            self.check_rights(self.rights(config), client)

    def test_kubectl_watches_and_its_watch_ends_with_the_right(self):
        kubectl = KUBECTLS[-1]
        self.ok(kubectl, "create", "clusterrole", "watcher", "--verb=list,watch", "--resource=configmaps")
        self.ok(kubectl, "create", "clusterrolebinding", "watcher", "--clusterrole=watcher", "--user=wim")
        env = dict(os.environ, HOME=self.home, KUBECONFIG=self.kubeconfig("wim", {"token": "wim-token"}))
        process = subprocess.Popen([kubectl, "get", "cm", "-w", "--watch-only"], env=env, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        client = self.server.client()
        self.addCleanup(client.close)
        made = [0]

        def one_more():
            made[0] += 1
            client.create(CONFIGMAPS, configmap(f"told-{made[0]}"))
            return select.select([process.stdout], [], [], 0.2)[0] != []

        wait_for(one_more, "kubectl to watch")
        self.assertRegex(process.stdout.readline() + process.stdout.readline(), r"(?m)^told-\d+ +0 +\d+s$")
        self.ok(kubectl, "delete", "clusterrolebinding", "watcher")
        self.assertIn('User "wim" cannot watch resource "configmaps"', process.communicate(timeout=PATIENCE_S)[0])

    def test_an_operators_manifests_apply_and_hold(self):
        kubectl = KUBECTLS[-1]
        self.ok(kubectl, "apply", "-f", OPERATOR)
        self.assertIn("unchanged", self.ok(kubectl, "apply", "-f", OPERATOR))
        token = self.ok(kubectl, "create", "token", "issuer", "-n", "issuing").strip()
        issuer = self.kubeconfig("issuer", {"token": token})
        bot = self.server.client(token=token)
        self.addCleanup(bot.close)
        for verb, group, resource, namespace, name, allowed in (
                ("list", "issuing.example.com", "certificates", "", "", True), ("patch", "issuing.example.com", "certificates/status", "a", "", True),
                ("delete", "issuing.example.com", "certificates", "a", "c", False), ("create", "", "secrets", "a", "", True),
                ("create", "", "events", "a", "", True), ("list", "", "events", "a", "", False),
                ("get", "coordination.k8s.io", "leases", "kube-system", "issuing-controller", True),
                ("get", "coordination.k8s.io", "leases", "kube-system", "another", False),
                ("create", "coordination.k8s.io", "leases", "kube-system", "", True), ("create", "coordination.k8s.io", "leases", "a", "", False),
                ("create", "rbac.authorization.k8s.io", "clusterroles", "", "", False)):
            resource, _, subresource = resource.partition("/")
            what = {"verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": namespace, "name": name}
            answer = bot.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"spec": {"resourceAttributes": what}})
            self.assertEqual(answer.json["status"]["allowed"], allowed, what)
        certificate = {"apiVersion": "issuing.example.com/v1", "kind": "Certificate", "metadata": {"name": "c", "namespace": "default"}}
        done = self.run_in(kubectl, "create", "-f", "-", config=issuer, stdin=json.dumps(certificate))
        self.assertIn("Forbidden", done.stderr)
        self.ok(kubectl, "create", "-f", "-", stdin=json.dumps(certificate))
        self.assertIn("certificate.issuing.example.com/c", self.ok(kubectl, "get", "certificates.issuing.example.com", "-A", "-o", "name", config=issuer))
        self.ok(kubectl, "patch", "certificate", "c", "--type=merge", "-p", '{"spec":{"a":1}}', config=issuer)
        self.ok(kubectl, "create", "secret", "generic", "s", "--from-literal=a=b", config=issuer)
        # The role that joins `view`.
        self.ok(kubectl, "create", "rolebinding", "vic-views", "--clusterrole=view", "--user=vic")
        vic = self.kubeconfig("vic", {"token": "vic-token"})
        wait_for(lambda: self.run_in(kubectl, "get", "certificates", config=vic).returncode == 0, "the aggregated right")
        self.assertIn("Forbidden", self.run_in(kubectl, "get", "secrets", config=vic).stderr)

    def test_curl_agrees_on_http_2_by_alpn(self):
        for flag, version in (("--http2", "2"), ("--http1.1", "1.1")):
            out = self.ok("curl", "-s", flag, "--cacert", self.server.certs + "/ca.crt", "--cert", self.server.certs + "/admin.crt",
                          "--key", self.server.certs + "/admin.key", "-w", "\n%{http_version} %{http_code}", self.server.url + "/api/v1/nodes")
            self.assertEqual(out.splitlines()[-1], version + " 200")

    def test_nghttp_is_pushed_to(self):
        client = self.server.client()
        self.addCleanup(client.close)
        self.assertEqual(client.create(CONFIGMAPS, configmap("pushed", labels={"push": "yes"})).code, 201)
        out = self.ok("nghttp", "-nv", f"--cert={self.server.certs}/admin.crt", f"--key={self.server.certs}/admin.key",
                      f"{self.server.url}{CONFIGMAPS}?watch=true&push=true&timeoutSeconds=1&labelSelector=push%3Dyes")
        self.assertIn("The negotiated protocol: h2", out)
        self.assertIn("PUSH_PROMISE", out)

    def test_tidectl_with_a_certificate(self):
        tidectl = os.path.join(BUILD, "tidectl")
        if not os.path.exists(tidectl):
            tidectl = shutil.which("tidectl", path=":".join(root for root, _, names in os.walk(BUILD) if "tidectl" in names))
        if tidectl is None:
            self.skipTest("tidectl is not built here")
        self.assertIn("kube-system", self.ok(tidectl, "get", "namespaces"))
        ann = self.kubeconfig("ann", {"token": "ann-token"})
        done = self.run_in(tidectl, "get", "secrets", config=ann)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('User "ann" cannot list resource "secrets"', done.stdout + done.stderr)

    def test_python_kubernetes_with_a_certificate_and_a_token(self):
        try:
            from kubernetes import client, config, watch
        except ImportError:
            self.skipTest("python3-kubernetes is not installed for this python")
        config.load_kube_config(self.server.kubeconfig)
        api = client.CoreV1Api()
        api.create_namespaced_config_map("default", client.V1ConfigMap(metadata=client.V1ObjectMeta(name="py", labels={"py": "s"}), data={"k": "v"}))
        for event in watch.Watch().stream(api.list_namespaced_config_map, "default", label_selector="py=s", timeout_seconds=int(PATIENCE_S)):
            self.assertEqual((event["type"], event["object"].metadata.name), ("ADDED", "py"))
            break
        config.load_kube_config(self.kubeconfig("ann", {"token": "ann-token"}))
        with self.assertRaises(client.exceptions.ApiException) as raised:
            client.CoreV1Api().list_secret_for_all_namespaces()
        self.assertEqual(raised.exception.status, 403)
        review = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(
            resource_attributes=client.V1ResourceAttributes(verb="list", resource="secrets")))
        self.assertFalse(client.AuthorizationV1Api().create_self_subject_access_review(review).status.allowed)


if __name__ == "__main__":
    main()
