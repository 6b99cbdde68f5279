"""Who asks: certificates, tokens, service accounts, impersonation; and what happens when that changes."""
import base64
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

from tidewatch import CONFIGMAPS, PATIENCE_S, SecureServer, main, wait_for

AUTHN, AUTHZ = "/apis/authentication.k8s.io/v1", "/apis/authorization.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
ISSUER = "https://issuer.example/"


def openssl(*args, **more):
    subprocess.run(["openssl", *args], check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **more)


def der_part(tag, content):
    """DER (X.690): a tag, how long, and what."""
    size = len(content).to_bytes(4, "big").lstrip(b"\0") or b"\0"
    return bytes([tag]) + (size if len(content) < 128 else bytes([0x80 | len(size)]) + size) + content


def der_parts(der):
    """What is in one that is made of others."""
    def content(at):
        size = der[at + 1]
        more = size & 0x7f if size & 0x80 else 0
        begin = at + 2 + more
        return begin, begin + (int.from_bytes(der[at + 2:begin], "big") if more else size)

    parts, (at, end) = [], content(0)
    while at < end:
        parts.append(der[at:content(at)[1]])
        at = content(at)[1]
    return parts


def token_review(token, audiences=None):
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token, "audiences": audiences or []}}


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class Credentials(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="tidewatch-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.tokens = cls.path("tokens")
        cls.write_tokens("root-token,root,0,system:masters", "ann-token,ann,1,\"dev,ops\"")
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", cls.path("sa.key"))
        cls.server = SecureServer(flags=[f"--token-auth-file={cls.tokens}", f"--service-account-issuer={ISSUER}",
                                         f"--service-account-signing-key-file={cls.path('sa.key')}", "--log-level=debug"])
        cls.addClassCleanup(cls.server.close)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def write_tokens(cls, *lines):
        with open(cls.tokens + ".new", "w") as f:
            f.write("\n".join(lines) + "\n")
        os.rename(cls.tokens + ".new", cls.tokens)

    def client(self, **who):
        client = self.server.client(**who)
        self.addCleanup(client.close)
        return client

    def whoami(self, **who):
        answer = self.client(**who).create(AUTHN + "/selfsubjectreviews",
                                           {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
        return answer.json["status"]["userInfo"] if answer.code == 201 else answer.code

    def unauthorized(self, answer):
        self.assertEqual(answer.code, 401)
        self.assertEqual(answer.json, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                                       "message": "Unauthorized", "reason": "Unauthorized", "code": 401})

    def account(self, name):
        root = self.client(token="root-token")
        self.assertEqual(root.create(ACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}).code, 201)
        return root

    def token(self, name, **spec):
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        return self.client(token="root-token").create(f"{ACCOUNTS}/{name}/token", body)

    def test_a_certificate_a_token_and_nobody(self):
        self.assertEqual(self.whoami(cert="admin"), {"username": "tidewatch-admin", "groups": ["system:masters", "system:authenticated"]})
        self.assertEqual(self.whoami(token="ann-token"), {"username": "ann", "uid": "1", "groups": ["dev", "ops", "system:authenticated"]})
        answer = self.client(token="").get(CONFIGMAPS)
        self.assertEqual((answer.code, answer.json["message"]), (
            403, 'configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" in API group "" '
                 'in the namespace "default"'))
        self.assertEqual(self.client(token="").get("/version").code, 200)

    def test_a_wrong_token_is_401_even_for_what_anybody_may(self):
        self.unauthorized(self.client(token="guess").get("/version"))
        self.unauthorized(self.client(token="a.b.c").get("/nowhere"))
        basic = self.client(token="", headers={"Authorization": "Basic " + base64.b64encode(b"a:b").decode()})
        self.assertEqual(basic.get("/version").code, 200)  # no token: nobody

    def test_a_strangers_certificate_is_401_and_a_server_cannot_log_in(self):
        stranger = os.path.join(self.server.certs, "stranger")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/O=system:masters/CN=eve", "-keyout", stranger + ".key", "-out", stranger + ".crt")
        for cert in ("stranger", "apiserver"):
            self.unauthorized(self.client(cert=cert).get("/version"))

    def test_the_groups_of_a_certificate(self):
        self.certificate("made", "/O=first/O=second/CN=jan \"j\" d\u00f6")
        self.assertEqual(self.whoami(cert="made"),
                         {"username": "jan \"j\" d\u00f6", "groups": ["first", "second", "system:authenticated"]})
        answer = self.client(cert="made").get("/api/v1/nodes")
        self.assertIn('User "jan \\"j\\" d\u00f6" cannot list resource "nodes"', answer.json["message"])

    def certificate(self, name, subject, sans=()):
        """Of the CA of clients; returns where it is, without what a file's name ends with."""
        made, ca = os.path.join(self.server.certs, name), os.path.join(self.server.certs, "client-ca")
        with open(made + ".ext", "w") as f:
            f.write("subjectAltName=" + ",".join(sans) if sans else "")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                "-utf8", "-keyout", made + ".key", "-out", made + ".csr")
        openssl("x509", "-req", "-in", made + ".csr", "-CA", ca + ".crt", "-CAkey", ca + ".key", "-days", "1",
                "-extfile", made + ".ext", "-out", made + ".crt")
        return made

    def put_into(self, made, old, new):
        """Changes what is signed, in the same length, and signs it anew: no tool writes it so."""
        with open(made + ".crt") as f:
            der = ssl.PEM_cert_to_DER_cert(f.read())
        parts = der_parts(der)  # what is signed, how, and the signature
        with open(made + ".tbs", "wb") as f:
            f.write(parts[0].replace(old, new))
        openssl("dgst", "-sha256", "-sign", os.path.join(self.server.certs, "client-ca.key"), "-out", made + ".sig", made + ".tbs")
        with open(made + ".tbs", "rb") as tbs, open(made + ".sig", "rb") as sig:
            signed = tbs.read() + parts[1] + der_part(3, b"\0" + sig.read())
        with open(made + ".crt", "w") as f:
            f.write(ssl.DER_cert_to_PEM_cert(der_part(0x30, signed)))

    def test_a_nul_in_the_name_of_a_certificate_is_401(self):
        made = self.certificate("nul", "/O=system:masters/CN=root-of-eve")
        self.assertEqual(self.whoami(cert="nul")["username"], "root-of-eve")
        self.put_into(made, b"root-of-eve", b"root-of-Eve")
        self.assertEqual(self.whoami(cert="nul")["username"], "root-of-Eve")  # that is how it is done
        self.put_into(made, b"root-of-Eve", b"root\0of-Eve")
        self.assertEqual(self.whoami(cert="nul"), 401)
        made = self.certificate("nul", "/O=system:masters-x/CN=eve")
        self.put_into(made, b"system:masters-x", b"system:masters\0x")
        self.assertEqual(self.whoami(cert="nul"), 401)

    def end_soon(self, made, seconds):
        """The certificate ends so many seconds from now."""
        with open(made + ".crt") as f:
            der = ssl.PEM_cert_to_DER_cert(f.read())
        old = re.findall(rb"\x17\x0d(\d{12}Z)", der)[1]  # UTCTime: from when, until when
        self.put_into(made, old, time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() + seconds)).encode())

    def test_a_watch_ends_with_the_certificate_it_came_with(self):
        made = self.certificate("brief", "/O=system:masters/CN=brief")
        code, seconds = 401, 3
        while code == 401 and seconds < PATIENCE_S:  # a machine may be too slow for the first
            self.end_soon(made, seconds)
            watch = self.server.watch(CONFIGMAPS + "?watch=1&resourceVersion=1", cert="brief")
            self.addCleanup(watch.close)
            code, seconds = watch.code, 2 * seconds
        self.assertEqual(code, 200)
        self.assertEqual([e for e in watch.rest() if e["type"] == "ERROR"], [])
        wait_for(lambda: self.whoami(cert="brief") == 401, "the end of the certificate")

    def test_a_certificate_of_10_000_names_is_read_and_a_longer_one_is_not(self):
        self.certificate("names", "/CN=many", [f"DNS:n{i}.x" for i in range(10000)])
        for _ in range(10):
            self.assertEqual(self.whoami(cert="names")["username"], "many")
        self.certificate("names", "/CN=many", [f"DNS:name-{i}.example.com" for i in range(10000)])
        before = self.server.rss_kib()
        for _ in range(10):
            with self.assertRaises(OSError):
                self.whoami(cert="names")
        self.assertLess(self.server.rss_kib() - before, 16 << 10)
        self.assertEqual(self.whoami(cert="admin")["username"], "tidewatch-admin")

    def test_a_token_of_a_service_account(self):
        self.account("bot")
        answer = self.token("bot", expirationSeconds=600)
        self.assertEqual(answer.code, 201, answer)
        request = answer.json
        claims = claims_of(request["status"]["token"])
        self.assertEqual((request["kind"], request["spec"]["audiences"], claims["aud"], claims["iss"], claims["sub"]),
                         ("TokenRequest", [ISSUER], [ISSUER], ISSUER, "system:serviceaccount:default:bot"))
        self.assertEqual(claims["exp"] - claims["iat"], 600)
        me = self.whoami(token=request["status"]["token"])
        self.assertEqual((me["username"], me["groups"]), ("system:serviceaccount:default:bot", [
            "system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]))
        self.assertEqual(self.token("bot", expirationSeconds=599).code, 422)
        self.assertEqual(self.token("nobody").code, 404)
        self.assertEqual(self.client(token="ann-token").create(ACCOUNTS + "/bot/token", {}).code, 403)

    def test_a_token_for_others_is_none_for_us_but_is_reviewed(self):
        self.account("other")
        token = self.token("other", audiences=["vault"]).json["status"]["token"]
        self.unauthorized(self.client(token=token).get("/version"))
        root = self.client(token="root-token")
        status = root.create(AUTHN + "/tokenreviews", token_review(token, ["vault", "x"])).json["status"]
        self.assertEqual((status["authenticated"], status["audiences"], status["user"]["username"]),
                         (True, ["vault"], "system:serviceaccount:default:other"))
        status = root.create(AUTHN + "/tokenreviews", token_review(token)).json["status"]
        self.assertNotIn("authenticated", status)
        self.assertEqual(self.client(token="ann-token").create(AUTHN + "/tokenreviews", token_review(token)).code, 403)

    def test_a_token_ends_with_the_pod_it_is_bound_to(self):
        root = self.account("bound")
        pods = "/api/v1/namespaces/default/pods"
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        uid = root.create(pods, pod).json["metadata"]["uid"]
        ref = {"kind": "Pod", "apiVersion": "v1", "name": "p"}
        self.assertEqual(self.token("bound", boundObjectRef={**ref, "uid": "another"}).code, 409)
        self.assertEqual(self.token("bound", boundObjectRef={**ref, "name": "none"}).code, 404)
        self.assertEqual(self.token("bound", boundObjectRef={"kind": "ConfigMap", "apiVersion": "v1", "name": "x"}).code, 400)
        token = self.token("bound", boundObjectRef=ref).json["status"]["token"]
        self.assertEqual(claims_of(token)["kubernetes.io"]["pod"], {"name": "p", "uid": uid})
        self.assertEqual(self.whoami(token=token)["extra"]["authentication.kubernetes.io/pod-name"], ["p"])
        root.create(RBAC + "/clusterrolebindings", {"kind": "ClusterRoleBinding", "metadata": {"name": "bound"}, "roleRef": {
            "kind": "ClusterRole", "name": "view"}, "subjects": [{"kind": "ServiceAccount", "name": "bound", "namespace": "default"}]})
        watch = self.server.watch(CONFIGMAPS + "?watch=true&resourceVersion=0&sendInitialEvents=false&resourceVersionMatch=NotOlderThan", token=token)
        self.addCleanup(watch.close)
        self.assertEqual(watch.code, 200)
        root.call("DELETE", pods + "/p?gracePeriodSeconds=0")
        event = watch.until(lambda e: e["type"] == "ERROR")[-1]
        self.assertEqual(event["object"]["code"], 401)
        self.assertIsNone(watch.next())
        self.assertEqual(self.whoami(token=token), 401)

    def test_keys_are_published_for_those_who_may_see_them(self):
        root = self.client(token="root-token")
        key = root.get("/openid/v1/jwks").json["keys"][0]
        self.assertEqual((key["kty"], key["crv"], key["alg"], key["use"]), ("EC", "P-256", "ES256", "sig"))
        self.assertEqual(root.get("/.well-known/openid-configuration").json["issuer"], ISSUER)
        self.assertEqual(self.client(token="").get("/openid/v1/jwks").code, 403)
        self.account("reader")
        token = self.token("reader").json["status"]["token"]
        self.assertEqual(self.client(token=token).get("/openid/v1/jwks").code, 200)

    def test_impersonation_takes_the_right_to(self):
        ann = {"Impersonate-User": "ann"}
        self.assertEqual(self.whoami(cert="admin", headers=ann), {"username": "ann", "groups": ["system:authenticated"]})
        self.assertEqual(self.whoami(cert="admin", headers={**ann, "Impersonate-Group": "g", "Impersonate-Uid": "7",
                                                            "Impersonate-Extra-a.example%2fb": "c"}),
                         {"username": "ann", "uid": "7", "groups": ["g", "system:authenticated"], "extra": {"a.example/b": ["c"]}})
        self.assertEqual(self.whoami(cert="admin", headers={"Impersonate-User": "system:serviceaccount:red:bot"})["groups"],
                         ["system:serviceaccounts", "system:serviceaccounts:red", "system:authenticated"])
        answer = self.client(token="ann-token", headers={"Impersonate-User": "root"}).get("/version")
        self.assertEqual((answer.code, answer.json["message"]), (
            403, 'users "root" is forbidden: User "ann" cannot impersonate resource "users" in API group "" at the cluster scope'))
        self.assertEqual(self.client(cert="admin", headers={"Impersonate-Group": "g"}).get("/version").code, 400)

    def test_impersonating_a_user_is_not_yet_a_group(self):
        admin = self.client(cert="admin")
        admin.create(RBAC + "/clusterroles", {"kind": "ClusterRole", "metadata": {"name": "as-eve"}, "rules": [
            {"apiGroups": [""], "resources": ["users"], "resourceNames": ["eve"], "verbs": ["impersonate"]},
            {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]}]})
        admin.create(RBAC + "/clusterrolebindings", {"kind": "ClusterRoleBinding", "metadata": {"name": "as-eve"}, "roleRef": {
            "kind": "ClusterRole", "name": "as-eve"}, "subjects": [{"kind": "User", "name": "ann"}]})
        self.assertEqual(self.whoami(token="ann-token", headers={"Impersonate-User": "eve"})["username"], "eve")
        for headers in ({"Impersonate-User": "eve", "Impersonate-Group": "system:masters"},
                        {"Impersonate-User": "eve", "Impersonate-Uid": "1"},
                        {"Impersonate-User": "eve", "Impersonate-Extra-Scope": "all"},
                        {"Impersonate-User": "system:anonymous", "Impersonate-Group": "system:authenticated"},
                        {"Impersonate-User": "system:serviceaccount:red:bot", "Impersonate-Group": "system:serviceaccounts:blue"}):
            self.assertEqual(self.whoami(token="ann-token", headers=headers), 403, headers)

    def test_a_websocket_brings_its_token_as_a_protocol(self):
        def upgrade(token):
            protocol = "base64url.bearer.authorization.k8s.io." + base64.urlsafe_b64encode(token).decode().rstrip("=")
            with socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_S) as plain, \
                    self.server.context().wrap_socket(plain, server_hostname="127.0.0.1") as s:
                s.sendall((f"GET {CONFIGMAPS}?watch=true HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                           f"Sec-WebSocket-Protocol: {protocol}, base64.binary.k8s.io\r\n\r\n").encode())
                return s.recv(4096)

        answer = upgrade(b"root-token")
        self.assertTrue(answer.startswith(b"HTTP/1.1 101 "), answer)
        self.assertNotIn(b"bearer", answer)
        self.assertTrue(upgrade(b"ann-token").startswith(b"HTTP/1.1 403 "))
        self.assertTrue(upgrade(b"guess").startswith(b"HTTP/1.1 401 "))

    def test_a_token_that_leaves_the_file_leaves_its_watches_too(self):
        lines = ("root-token,root,0,system:masters", "ann-token,ann,1,\"dev,ops\"")
        self.write_tokens(*lines, "gone-token,gus,2,system:masters")
        self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.whoami(token="gone-token") != 401, "the new token")
        watch = self.server.watch(CONFIGMAPS + "?watch=true", token="gone-token")
        self.addCleanup(watch.close)
        self.write_tokens(*lines)
        self.server.process.send_signal(signal.SIGHUP)
        self.assertEqual(watch.until(lambda e: e["type"] == "ERROR")[-1]["object"]["message"], "Unauthorized")
        self.assertIsNone(watch.next())
        self.assertEqual(self.whoami(token="gone-token"), 401)
        self.assertEqual(self.whoami(token="ann-token")["username"], "ann")

    def test_nothing_secret_is_in_the_log_or_the_metrics(self):
        self.client(token="canary-wrong-token").get("/version")
        with open(os.path.join(self.server.folder, "log")) as f:
            log = f.read()
        page = self.client(token="root-token").raw("GET", "/metrics").body.decode()
        self.assertIn('user="root"', log)
        for secret in ("root-token", "ann-token", "canary", "eyJ"):
            self.assertNotIn(secret, log)
            self.assertNotIn(secret, page)
        self.assertRegex(page, r'authentication_attempts\{result="failure"\} [1-9]')


class NoAnonymous(unittest.TestCase):
    def test_then_nothing_is_told_to_nobody(self):
        with SecureServer(mode="AlwaysAllow", flags=["--anonymous-auth=false"]) as server:
            nobody, admin = server.client(token=""), server.client()
            self.addCleanup(nobody.close)
            self.addCleanup(admin.close)
            self.assertEqual(nobody.get("/healthz").code, 401)
            self.assertEqual(admin.get(CONFIGMAPS).code, 200)


if __name__ == "__main__":
    main()
