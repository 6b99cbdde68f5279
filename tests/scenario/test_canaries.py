"""Secrets are planted in every place a client can put one; then every log, page, audit record and file of the server
is searched for them, and so is what it answers to others. The database's own files are the store of those secrets."""
import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from tidewatch import CONFIGMAPS, SecureServer, Watch, main, wait_for

SECRETS = "/api/v1/namespaces/default/secrets"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
POLICY = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: RequestResponse}]\n"
DATABASE = re.compile(r"^tidewatch\.db")


class Canaries(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tidewatch-test-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.planted = []
        for name, text in (("policy", POLICY), ("tokens", f"{self.canary('file-token')},root,0,system:masters\n"
                                                          f"{self.canary('low-token')},low,1\n")):
            with open(os.path.join(self.folder, name), "w") as f:
                f.write(text)
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.folder + "/sa.key"], check=True)
        self.server = SecureServer(storage="sqlite", flags=[
            "--log-level=debug", f"--audit-log-path={self.folder}/audit", f"--audit-policy-file={self.folder}/policy",
            f"--token-auth-file={self.folder}/tokens", "--service-account-issuer=https://issuer.example",
            f"--service-account-signing-key-file={self.folder}/sa.key"])
        self.addCleanup(self.server.close)
        self.root = self.server.client(token=self.planted[0])
        self.other = self.server.client(token=self.planted[1])
        self.addCleanup(self.root.close)
        self.addCleanup(self.other.close)

    def canary(self, where):
        """Looked for as it is and as base64 has it, at each of the three places it can begin at."""
        text = f"canary-{where}-{os.urandom(6).hex()}"
        self.planted.append(text)
        return text

    def told_to_nobody(self, text, what):
        for canary in self.planted:
            coded = [base64.b64encode(b"\0" * offset + canary.encode()).decode().rstrip("=") for offset in range(3)]
            for form in (canary, *(code[4 if offset else 0:-1] for offset, code in enumerate(coded))):
                at = text.find(form)
                self.assertEqual(at, -1, (what, canary, text[max(0, at - 500):at + 100]))

    # ---- where they are planted ----

    def secret(self, name, **more):
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, **more}

    def coded(self, where):
        return base64.b64encode(self.canary(where).encode()).decode()

    def plant_in_secrets(self):
        watch = Watch(self.server.port, SECRETS + "?watch=1", headers=self.root.headers, context=self.root.context)
        self.assertEqual(self.root.create(SECRETS, self.secret("one", stringData={"k": self.canary("string-data")})).code, 201)
        watch.until(lambda e: e["object"]["metadata"].get("name") == "one")
        watch.close()
        applied = {"kubectl.kubernetes.io/last-applied-configuration": self.canary("annotation")}
        two = self.secret("two", data={"k": self.coded("data")})
        two["metadata"]["annotations"] = applied
        self.assertEqual(self.root.create(SECRETS, json.dumps(two)).code, 201)
        yaml = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: three}}\nstringData: {{k: {self.canary('yaml')}}}\n"
        self.assertEqual(self.root.call("POST", SECRETS, yaml, content_type="application/yaml").code, 201)
        for form, patch in (("merge-patch+json", {"stringData": {"m": self.canary("merge-patch")}}),
                            ("json-patch+json", [{"op": "add", "path": "/stringData", "value": {"j": self.canary("json-patch")}}]),
                            ("strategic-merge-patch+json", {"stringData": {"s": self.canary("strategic-patch")}})):
            self.assertEqual(self.root.call("PATCH", SECRETS + "/one", patch, content_type="application/" + form).code, 200)
        apply = self.secret("four", stringData={"k": self.canary("apply")})
        self.root.call("PATCH", SECRETS + "/four?fieldManager=t&force=true", apply, content_type="application/apply-patch+yaml")
        for accept in ("application/json", "application/yaml", "application/json;as=Table;v=v1;g=meta.k8s.io"):
            self.assertEqual(self.root.get(SECRETS, Accept=accept).code, 200)
        self.assertEqual(self.root.call("DELETE", SECRETS + "/two").code, 200)
        self.assertEqual(self.root.call("DELETE", SECRETS).code, 200)

    def plant_in_what_is_refused(self):
        for path, body in ((SECRETS, self.secret("bad", data={"k": self.canary("no-base64")})),
                           (SECRETS, self.secret("bad", data=self.canary("wrong-type"))),
                           (SECRETS, self.secret("Bad_Name", stringData={"k": self.canary("bad-name")})),
                           (SECRETS, self.secret("bad", stringData={"k": {"deep": self.canary("deep")}})),
                           (SECRETS + "?fieldValidation=Strict", '{"kind":"Secret","data":{"k":"","k":"%s"}}' % self.coded("twice")),
                           (SECRETS + "/x/status", self.secret("x", data={"k": self.coded("status")})),
                           (CONFIGMAPS, self.secret("bad", data={"k": self.coded("config-map")})),
                           ("/api/v1/namespaces/default/secretz", self.secret("bad", data={"k": self.coded("typo")})),
                           (CONFIGMAPS, {"apiVersion": "v1", "kind": "List", "items": [
                               self.secret("bad", data={"k": self.coded("list")})]})):
            self.assertGreaterEqual(self.root.create(path, body).code, 400, (path, body))
        self.assertEqual(self.root.create(SECRETS, '{"kind":"Secret","data":{"k":"' + self.canary("cut-json")).code, 400)
        self.assertEqual(self.root.create(SECRETS, self.secret("kept", immutable=True, stringData={"k": "v"})).code, 201)
        self.assertEqual(self.root.call("PATCH", SECRETS + "/kept", {"stringData": {"k": self.canary("immutable")}},
                                        content_type="application/merge-patch+json").code, 422)
        self.assertEqual(self.other.create(SECRETS, self.secret("x", data={"k": self.coded("forbidden")})).code, 403)

    def plant_in_credentials(self):
        self.server.client(token=self.canary("wrong-token")).get("/version")
        for header, value in (("Authorization", "Basic " + self.coded("basic")), ("Authorization", self.canary("bare")),
                              ("Proxy-Authorization", "Basic " + self.coded("proxy")), ("Cookie", "session=" + self.canary("cookie")),
                              ("X-Api-Key", self.canary("api-key"))):
            self.server.client(token="", headers={header: value}).get(CONFIGMAPS)
        for name in ("access_token", "token", "id_token", "client_secret", "password", "ACCESS_TOKEN", "access%5Ftoken"):
            for path in (CONFIGMAPS, "/version", "/nothing", CONFIGMAPS + "/nothing"):
                self.server.client(token="").get(f"{path}?limit=1&{name}={self.canary('query')}&watch=0")
        protocol = "base64url.bearer.authorization.k8s.io." + self.coded("websocket").rstrip("=")
        self.server.client(token="").get(CONFIGMAPS + "?watch=1", Connection="Upgrade", Upgrade="websocket", **{
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": protocol})
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": self.canary("review")}}
        self.assertEqual(self.root.create(REVIEWS, review).code, 201)
        self.assertEqual(self.root.create(ACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bot"}}).code, 201)
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        issued = self.root.create(ACCOUNTS + "/bot/token", request)
        self.assertEqual(issued.code, 201)
        self.planted.append(issued.json["status"]["token"])
        self.server.client(token=self.planted[-1]).get(CONFIGMAPS)

    # ---- where nobody may find them ----

    def keys(self):
        """Lines of the keys that the server has made; the kubeconfig is there to have the admin's."""
        paths = [os.path.join(self.server.certs, name) for name in os.listdir(self.server.certs)]
        for path in [self.folder + "/sa.key", *(path for path in paths if path.endswith(".key"))]:
            self.planted += [line for line in self.read(path).decode().splitlines() if len(line) > 40]

    def test_a_secret_is_in_no_log_no_metric_no_audit_record_no_file_and_no_answer_to_others(self):
        self.plant_in_secrets()
        self.plant_in_what_is_refused()
        self.plant_in_credentials()
        self.keys()
        for path in (SECRETS, SECRETS + "/kept", SECRETS + "?watch=1", SECRETS + "/one", "/metrics", "/openapi/v3", "/readyz?verbose",
                     "/debug/pprof/", CONFIGMAPS, "/api/v1/events", ACCOUNTS + "/bot"):
            answer = self.other.get(path)
            self.told_to_nobody(f"{answer.headers} {answer.body}", path)
        self.told_to_nobody(self.root.get("/metrics").body.decode(), "the metrics")
        self.root.get("/version?last-of-all")
        wait_for(lambda: b"last-of-all" in self.read(self.folder + "/audit"), "the audit log")
        self.server.stop()
        audit, log = (self.read(path).decode() for path in (self.folder + "/audit", self.server.folder + "/log"))
        for text in (audit, log):  # both have seen what was done
            self.assertIn("/api/v1/namespaces/default/secretz", text)
        self.told_to_nobody(audit, "the audit log")
        self.told_to_nobody(log, "the log")
        for folder, _, files in os.walk(self.server.folder):
            for name in files:
                if not DATABASE.match(name) and not name.endswith(".key") and name != "kubeconfig":
                    self.told_to_nobody(self.read(os.path.join(folder, name)).decode(errors="replace"), name)

    def read(self, path):
        with open(path, "rb") as f:
            return f.read()


if __name__ == "__main__":
    main()
