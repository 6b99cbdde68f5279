"""One tenant's flood of lists leaves another alone. Tenants are told apart by their address: 127.0.0.1 floods, 127.0.0.2
asks one thing after the other. What is asserted is who was served before whom, not how fast."""
import http.client
import json
import os
import select
import socket
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

import http2
import tidewatch
from tidewatch import CONFIGMAPS, PATIENCE_S, SecureServer, Server, configmap, main, new_connection, wait_for

OBJECTS, FLOOD = 5000, 200
SMALL = "/api/v1/namespaces/kube-system/configmaps"
LIST = f"GET {CONFIGMAPS} HTTP/1.1\r\nHost: h\r\n\r\n".encode()


def more_than_sockets_hold():
    """Bytes that do not fit into what the kernel keeps for a reader who takes nothing."""
    with open("/proc/sys/net/ipv4/tcp_wmem") as f:
        return 3 * int(f.read().split()[2])


def fill(port, path, count, size=200):
    """Creates `count` objects, a batch of requests at a time."""
    batch = min(count, 50)
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as s:
        answers = s.makefile("rb")
        for at in range(0, count, batch):
            for i in range(at, at + batch):
                body = json.dumps(configmap(f"o-{i}", {"x": "x" * size}))
                s.sendall(f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                          f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
            for _ in range(batch):
                answer = http.client.HTTPResponse(Answers(answers))
                answer.begin()
                answer.read()
                assert answer.status == 201, answer.status


class Answers:
    """What HTTPResponse wants of a socket: it closes what it was given, and another answer follows."""

    def __init__(self, file):
        self.file = file

    def makefile(self, _):
        return self

    def close(self):
        pass

    def flush(self):
        pass

    def __getattr__(self, name):
        return getattr(self.file, name)


class Other:
    """The tenant that asks for little."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, PATIENCE_S, source_address=("127.0.0.2", 0))

    def ask(self, path):
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())

    def ask_often(self, test, times):
        for i in range(times):
            status, it = self.ask(f"{CONFIGMAPS}/o-{i}")
            test.assertEqual((status, it["metadata"].get("name")), (200, f"o-{i}"))
            status, them = self.ask(SMALL)
            test.assertEqual((status, len(them["items"])), (200, 10))


class Flood:
    """Connections that all ask for everything, and take nothing until they are told to."""

    def __init__(self, server):
        self.sockets = [socket.socket() for _ in range(FLOOD)]
        for s in self.sockets:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", server.port))
            s.sendall(LIST)

    def statuses(self):
        """Of the answers that have begun."""
        return [int(s.recv(12, socket.MSG_PEEK)[9:12]) for s in self.begun()]

    def begun(self):
        return select.select(self.sockets, [], [], 0)[0]

    def close(self):
        for s in self.sockets:
            s.close()


def beside_a_held_place(server, ask, headers=None):
    """What `ask` says while the server's only place is taken: by a list of what is to come, which ends by itself."""
    held = server.client()
    inflight = "apiserver_current_inflight_requests"
    for _ in range(20):
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(held.get, CONFIGMAPS + "?resourceVersion=1000000", **(headers or {}))
            wait_for(lambda: server.metric(inflight) == 1 or waiting.done(), "the place to be taken")
            said = ask()
            if server.metric(inflight) == 1:
                held.connection.sock.shutdown(socket.SHUT_RDWR)
                return said
    raise AssertionError("the place was never taken for long enough")


class Fairness(unittest.TestCase):
    def test_lists_that_nobody_reads_hold_their_share_of_the_places_and_no_more(self):
        with Server(storage="memory", threads=1, flags=["--max-requests-inflight=40", "--write-stall=10m",
                                                        "--request-timeout=10m"]) as server:
            fill(server.port, CONFIGMAPS, 250, more_than_sockets_hold() // 250)
            fill(server.port, SMALL, 10)
            flood = Flood(server)
            refused = "apiserver_flowcontrol_rejected_requests_total"
            wait_for(lambda: server.metric(refused, "reads") == FLOOD - 20 - 80, "the flood to have come")
            Other(server).ask_often(self, 25)
            self.assertEqual(server.metric("apiserver_current_inflight_requests", "readOnly"), 20)
            self.assertEqual(server.metric("apiserver_flowcontrol_current_inqueue_requests", "reads"), 80)
            self.assertEqual(server.metric(refused), FLOOD - 20 - 80)
            self.assertEqual(server.metric("apiserver_flowcontrol_request_wait_duration_seconds_bucket",
                                           'priority_level="reads",le="0"'), 20 + 50)
            wait_for(lambda: len(flood.begun()) == 120, "what is answered")
            self.assertEqual(sorted(flood.statuses()), [200] * 20 + [429] * 100)
            flood.close()
            wait_for(lambda: server.metric("apiserver_current_inflight_requests") == 0, "the places to be given back")
            self.assertEqual(server.metric("apiserver_flowcontrol_current_inqueue_requests"), 0)

    def check_it_loses_its_place(self, server, opened, goes_on):
        """The only one there is: `opened` has asked for more than sockets hold, and goes on to take as little as it likes."""
        self.addCleanup(opened.close)
        inflight = "apiserver_current_inflight_requests"
        wait_for(lambda: server.metric(inflight, "readOnly") == 1, "the place to be taken")
        other = Other(server)

        def is_served():
            goes_on()
            return other.ask(CONFIGMAPS + "/o-0")[0] == 200

        wait_for(is_served, "the place to be given back")
        self.assertEqual(server.metric(inflight), 0)
        self.assertEqual(server.client().get("/readyz").code, 200)

    def ask_with_a_shut_window(self, server):
        s = socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)
        s.sendall(http2.opening((http2.WINDOW, 0)) +
                  http2.frame(http2.HEADERS, http2.END_STREAM | http2.END_HEADERS, 1, http2.get(CONFIGMAPS)))
        return s

    def ask_with_a_small_buffer(self, server):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(PATIENCE_S)
        s.connect(("127.0.0.1", server.port))
        s.sendall(LIST)
        return s

    def test_who_shuts_his_window_loses_his_place_when_nothing_has_moved_for_too_long(self):
        with Server(storage="memory", threads=1, flags=["--max-requests-inflight=1", "--write-stall=300ms",
                                                        "--request-timeout=10m"]) as server:
            fill(server.port, CONFIGMAPS, 10, 200000)
            self.check_it_loses_its_place(server, self.ask_with_a_shut_window(server), lambda: None)

    def test_who_takes_a_few_bytes_at_a_time_loses_his_place_at_the_deadline(self):
        with Server(storage="memory", threads=1, flags=["--max-requests-inflight=1", "--write-stall=10m",
                                                        "--request-timeout=500ms"]) as server:
            fill(server.port, CONFIGMAPS, 250, more_than_sockets_hold() // 250)
            h2 = self.ask_with_a_shut_window(server)
            self.check_it_loses_its_place(server, h2, lambda: h2.sendall(http2.window_update(1, 100)))
            h1 = self.ask_with_a_small_buffer(server)
            self.check_it_loses_its_place(server, h1, lambda: self.take_some(h1))

    def take_some(self, s):
        try:
            s.recv(100)
        except ConnectionResetError:
            pass  # as it should

    def test_few_of_a_flood_are_served_while_one_waits(self):
        with tempfile.TemporaryDirectory() as folder:
            log = os.path.join(folder, "audit")
            with Server(storage="memory", threads=1, flags=["--audit-log-path=" + log]) as server:
                fill(server.port, CONFIGMAPS, OBJECTS)
                fill(server.port, SMALL, 10)
                tool = subprocess.Popen([os.path.join(tidewatch.BUILD, "tests", "readload"), f"--port={server.port}",
                                         f"--path={CONFIGMAPS}", f"--readers={FLOOD}", "--count=1000000000"],
                                        stdout=subprocess.DEVNULL)
                try:
                    wait_for(lambda: server.metric("apiserver_request_total", 'verb="LIST"') > FLOOD / 4, "the flood")
                    Other(server).ask_often(self, 25)
                finally:
                    tool.kill()
                    tool.wait()
            self.check_order(log)

    def check_order(self, log):
        asked, served = [], []
        with open(log) as lines:
            for event in map(json.loads, lines):
                ended = event["stageTimestamp"]
                if event["stage"] != "ResponseComplete" or event["verb"] not in ("get", "list"):
                    continue
                if event["sourceIPs"] == ["127.0.0.2"]:
                    asked.append((event["requestReceivedTimestamp"], ended))
                    self.assertEqual(event["responseStatus"]["code"], 200)
                else:
                    served.append(ended)
        self.assertEqual(len(asked), 50)
        for came, ended in asked:
            before = sum(came <= at <= ended for at in served)
            self.assertLess(before, FLOOD / 4, (came, ended))

    def test_without_it_beyond_the_places_all_is_429_for_everybody(self):
        with Server(storage="memory", threads=1, flags=["--max-requests-inflight=1", "--request-timeout=10m",
                                                        "--enable-priority-and-fairness=false"]) as server:
            self.assertEqual(beside_a_held_place(server, lambda: Other(server).ask(CONFIGMAPS)[0]), 429)
            self.assertEqual(server.metric("apiserver_flowcontrol_current_inqueue_requests"), 0)


class Users(unittest.TestCase):
    """Of one address, by name; and those who are here to mend things wait for nobody."""

    def test_masters_find_a_place_where_there_is_none(self):
        with SecureServer(flags=["--max-requests-inflight=1"]) as server:
            jane = {"Impersonate-User": "jane", "Impersonate-Group": "readers"}
            admin = server.client()
            for path, body in (("clusterroles", {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}),
                               ("clusterrolebindings", {
                                   "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "readers"},
                                   "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers"}]})):
                self.assertEqual(admin.create("/apis/rbac.authorization.k8s.io/v1/" + path,
                                              {"metadata": {"name": "readers"}, **body}).code, 201)
            self.assertEqual(beside_a_held_place(server, lambda: admin.get(CONFIGMAPS).code, jane), 200)


if __name__ == "__main__":
    main()
