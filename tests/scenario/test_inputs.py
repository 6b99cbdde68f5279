"""Values at the edges of what a format can say: kept exactly as they came or refused with a reason, never changed
silently, never a crash; and what is huge costs a bounded time and no memory that stays."""
import base64
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from tidewatch import CONFIGMAPS, ApiTest, SecureServer, Watch, configmap, main

PODS = "/api/v1/namespaces/default/pods"
SECRETS = "/api/v1/namespaces/default/secrets"


class Texts(ApiTest):
    def post(self, body):
        return self.client.create(CONFIGMAPS, body)

    def test_a_nul_does_not_cut_a_name(self):
        for meta in ('"name":"cut\\u0000off"', '"name":"cut","namespace":"default\\u0000off"', '"name":"cut","labels":{"a\\u0000b":"c"}'):
            answer = self.post('{"apiVersion":"v1","kind":"ConfigMap","metadata":{%s}}' % meta)
            self.assertIn(answer.code, (400, 422), answer)
        self.assertEqual(self.client.get(CONFIGMAPS + "/cut").code, 404)

    def test_half_a_surrogate_pair_is_the_replacement_character_as_in_go(self):
        for i, half in enumerate(("\\ud800", "\\udc00", "\\udc00\\ud800", "\\ud83dx")):
            answer = self.post('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"half%d"},"data":{"k":"%s"}}' % (i, half))
            self.assertEqual(answer.code, 201, answer)
            self.assertEqual(answer.json["data"]["k"].rstrip("x").strip("\ufffd"), "")

    def test_what_is_no_utf8_is_refused(self):
        for bad in (b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\x80", b"\xc3", b"\xff"):
            body = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"utf8"},"data":{"k":"' + bad + b'"}}'
            self.refused(self.post(body), 400, "BadRequest")
        for bom, encoding in (("\ufeff", "utf-8"), ("", "utf-16"), ("", "utf-32")):
            self.refused(self.post((bom + json.dumps(configmap("bom"))).encode(encoding)), 400, "BadRequest")

    def test_names_are_of_253_bytes_at_most(self):
        self.made(CONFIGMAPS, configmap("n" * 253))
        self.assertEqual(self.ok("GET", CONFIGMAPS + "/" + "n" * 253)["metadata"]["name"], "n" * 253)
        self.refused(self.post(configmap("n" * 254)), 422, "Invalid", "must be no more than 253 bytes")
        self.assertEqual(self.client.get(CONFIGMAPS + "/" + "n" * 254).code, 404)

    def test_base64_is_the_standard_alphabet_with_its_padding(self):
        for i, (text, code) in enumerate((("", 201), ("AA==", 201), ("AAA=", 201), ("AAAA", 201), ("A A A A", 400), ("AA", 400), ("AA=", 400),
                                          ("A===", 400), ("AAAA=", 400), ("AA==AA==", 400), ("-_-_", 400), ("A\0AA", 400))):
            answer = self.client.create(SECRETS, {"metadata": {"name": f"coded{i}"}, "data": {"k": text}})
            self.assertEqual(answer.code, code, (text, answer))
            if code == 201:
                self.assertEqual(self.ok("GET", f"{SECRETS}/coded{i}")["data"]["k"], text)


class Numbers(ApiTest):
    def pod(self, name, number):
        """With a number of 64 bits."""
        return ('{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s"},"spec":{"terminationGracePeriodSeconds":%s,'
                '"containers":[{"name":"c","image":"i"}]}}' % (name, number))

    def test_a_number_is_kept_to_the_last_digit_or_refused(self):
        for i, number in enumerate(("9007199254740993", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
                                    "18446744073709551616", "-0", "1e2", "1e400", "-1e400", "0.1", "7" * 400, "1e-400", "1" + "0" * 400 + "e-400")):
            answer = self.client.create(PODS, self.pod(f"n{i}", number))
            self.assertIn(answer.code, (201, 400, 422), (number, answer))
            if answer.code == 201:
                got = json.loads(self.client.get(f"{PODS}/n{i}").body, parse_int=str, parse_float=str)["spec"]["terminationGracePeriodSeconds"]
                self.assertIn(got, {"-0": ("-0", "0"), "1e2": ("1e2", "100")}.get(number, (number,)), number)

    def test_what_is_no_number_in_json_is_refused(self):
        for number in ("NaN", "Infinity", "+1", "01", ".5", "5.", "0x10", "1e", "--1", "1_000", "1,0", "٣"):
            self.refused(self.client.create(PODS, self.pod("none", number).encode()), 400, "BadRequest")

    def test_parameters_do_not_overflow(self):
        for number in (1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, 1 << 64, 10 ** 400, -1, -(1 << 63), -(1 << 63) - 1):
            queries = ["limit={}", "timeoutSeconds={}", "timeout={}s", "watch=1&resourceVersion=x&timeoutSeconds={}",
                       "watch=1&timeoutSeconds=1&resourceVersion={}"]
            if not 0 < number < 1 << 64:  # a list of the future waits for it
                queries += ["resourceVersion={}", "resourceVersion={}&resourceVersionMatch=NotOlderThan"]
            for query in queries:
                watch = Watch(self.server.port, f"{CONFIGMAPS}?{query.format(number)}")
                self.assertIn(watch.code, (200, 400, 410, 422, 504), (query, number))
                watch.close()
            watch = Watch(self.server.port, f"{CONFIGMAPS}?watch=1&timeoutSeconds={number}")  # it lasts, or never begins
            self.assertIn(watch.code, (200, 400), number)
            watch.close()
        self.assertEqual(self.client.get("/readyz").code, 200)


class Sizes(ApiTest):
    """1.5 MB of anything: kept or refused, and the server is as it was."""

    def test_ten_thousand_labels_and_annotations(self):
        for field, value in (("labels", "v"), ("annotations", "v" * 20)):
            self.made(CONFIGMAPS, configmap("many-" + field, **{} if field == "labels" else {field: {f"k{i}": value for i in range(9000)}},
                                            labels={f"k{i}": value for i in range(10000)} if field == "labels" else None))
        self.assertEqual(len(self.ok("GET", CONFIGMAPS + "/many-labels")["metadata"]["labels"]), 10000)
        self.assertEqual(len(self.ok("GET", CONFIGMAPS + "?labelSelector=k9999%3Dv")["items"]), 1)

    def test_a_million_managed_fields(self):
        fields = {f"f:k{i}": {} for i in range(150000)}
        entry = {"manager": "m", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields}
        for entries in ([entry], [{**entry, "fieldsV1": {"f:a": {}}, "manager": f"m{i}"} for i in range(20000)], [{}] * 1000000):
            answer = self.client.create(CONFIGMAPS, configmap("managed", managedFields=entries))
            self.assertIn(answer.code, (201, 400, 413, 422), answer)
            self.client.call("DELETE", CONFIGMAPS + "/managed")
        self.assertLess(self.server.rss_kib(), 1 << 20)
        self.assertEqual(self.client.get("/readyz").code, 200)

    def test_selectors_of_a_megabyte(self):
        long = "a%20in%20(" + ",".join(f"v{i}" for i in range(10000)) + ")"
        for query in ("labelSelector=" + long, "labelSelector=" + "a," * 30000, "fieldSelector=" + "metadata.name!=a," * 3000,
                      "labelSelector=" + "x" * 60000, "labelSelector=" + "(" * 60000, "labelSelector=" + "x" * 1000000):
            answer = self.server.client().get(f"{CONFIGMAPS}?{query}") if len(query) < 65000 else None
            self.assertIn(answer.code if answer else 431, (200, 400, 431), query[:40])

    def test_a_path_of_thirty_thousand_parts(self):
        for path in ("/a" * 30000, CONFIGMAPS + "/x" * 30000, "/" * 60000, "/apis/" + "%61" * 20000, "/api/v1?" + "a&" * 30000):
            self.assertIn(self.server.client().get(path).code, (200, 400, 404))


class Tokens(unittest.TestCase):
    def test_a_token_is_none_however_it_is_made(self):
        coded = lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")
        folder = tempfile.mkdtemp(prefix="tidewatch-test-")
        self.addCleanup(shutil.rmtree, folder)
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder + "/key"], check=True)
        with SecureServer(flags=["--service-account-issuer=https://issuer.example", f"--service-account-signing-key-file={folder}/key"]) as server:
            for head in (b'{"alg":"none"}', b'{"alg":"RS256","kid":"' + b"k" * 40000 + b'"}', b'{"alg":"ES256","alg":"none"}',
                         b'{"alg":' + b"[" * 30000, b'{"a":' * 5000, b'{"alg":"HS256","kid":"../../../etc/passwd"}',
                         b'{"alg":"RS256","jku":"http://127.0.0.1:1/","x5u":"http://127.0.0.1:1/"}', b"\0", b"", b'"alg"', b"[1]"):
                for claims in (b'{"sub":"system:serviceaccount:kube-system:x"}', b"", b"{" * 1000):
                    for signature in (b"", os.urandom(64)):
                        client = server.client(token=".".join(map(coded, (head, claims, signature))) or "x")
                        self.assertIn(client.get("/version").code, (401, 431), head[:40])
                        client.close()
            self.assertEqual(server.client().get("/readyz").code, 200)


if __name__ == "__main__":
    main()
