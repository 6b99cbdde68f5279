"""Informers, electors and the examples against the real server: four writers while it is killed, and then the
cache is the server's list, each handler was told each object's states in order, and a file goes on."""
import os
import signal
import threading
import unittest

import faults
from program import Program
from tidewatch import BUILD, CONFIGMAPS, PATIENCE_S, Server, configmap, main, wait_for

INFORMERS = os.path.join(BUILD, "tests", "informers")


def example(name):
    return os.path.join(BUILD, "examples", "example-" + name)


class WithServer(unittest.TestCase):
    def setUp(self):
        # a file that could not be begun while the server was away is begun with an event or a bookmark
        self.server = Server(flags=["--bookmark-interval=1s"])
        self.addCleanup(self.server.close)
        self.env = dict(os.environ, KUBECONFIG=self.server.kubeconfig)

    def make(self, name, ns="default", **more):
        client = self.server.client()
        path = CONFIGMAPS.replace("/default/", f"/{ns}/")
        self.assertEqual(client.create(path, configmap(name, more.pop("data", {}), **more)).code, 201)
        client.close()

    def current(self):
        client = self.server.client()
        items = client.get(CONFIGMAPS).json["items"]
        client.close()
        return {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in items}


class Informers(WithServer):
    def write(self, writer, rounds, halt):
        """One writer's own objects, made, changed and deleted; what a kill cut off is left as it is."""
        client = self.server.client()
        for n in range(rounds):
            if halt.is_set():
                break
            name = f"w{writer}-{n % 7}"
            for method, path, body in (("POST", CONFIGMAPS, configmap(name, {"n": str(n)})),
                                       ("PUT", f"{CONFIGMAPS}/{name}", configmap(name, {"n": f"{n}+"})),
                                       ("DELETE", f"{CONFIGMAPS}/{name}", None)):
                if method == "DELETE" and n % 3 == 0:
                    continue
                try:
                    client.call(method, path, body)
                except OSError:
                    pass  # the server is down just now
                except Exception as failure:  # http.client has a family of its own for a cut answer
                    if type(failure).__module__ != "http.client":
                        raise
        client.close()

    def check_order(self, lines, handler):
        """Each object: an add, updates that go on from one another, a delete; versions that rise."""
        at = {}
        for line in lines:
            words = line.split(" ")
            if words[0] != handler:
                continue
            _, kind, name, old, new = words
            if kind in ("found", "added"):
                self.assertNotIn(name, at, line)
                at[name] = new
            elif kind == "updated":
                self.assertEqual(at.get(name), old, line)
                self.assertGreater(int(new), int(old), line)
                at[name] = new
            else:
                self.assertIn(name, at, line)
                self.assertGreaterEqual(int(new), int(at.pop(name)), line)
        return at

    def settle(self, program):
        """Waits until a handler has been told a last object, which comes after all that was written."""
        self.make("the-end")
        version = self.current()["the-end"]
        program.until(lambda line: line.split(" ")[0] == "early" and line.split(" ")[2] == "the-end")
        self.assertIn(version, program.seen[-1])

    def test_end_with_the_servers_state_after_crashes_under_four_writers(self):
        cache = os.path.join(self.server.folder, "cache")
        program = Program(self, INFORMERS, cache, env=self.env)
        program.until_line("synced from-server")
        for _ in range(3):
            halt = threading.Event()
            writers = [threading.Thread(target=self.write, args=(n, 40, halt)) for n in range(4)]
            for writer in writers:
                writer.start()
            program.until(lambda line: line.startswith("early "))
            self.server.kill()
            self.server.start()
            for writer in writers:
                writer.join()
        self.settle(program)
        state = program.ask("dump", "state").split(" ")[1:]
        self.assertEqual(dict(pair.split("=") for pair in state), self.current())
        self.assertEqual(self.check_order(program.seen, "early"), self.current())
        program.say("join")
        program.until(lambda line: line.startswith("late found the-end "))
        wait_for(lambda: "snapshots 0" not in program.ask("lists", "lists"), "the file")
        program.say("end")
        self.assertEqual(program.process.wait(PATIENCE_S), 0)

    def test_begin_a_file_once_it_can_be_written(self):
        folder = os.path.join(self.server.folder, "not yet")
        program = Program(self, INFORMERS, os.path.join(folder, "cache"), env=self.env)
        program.until_line("synced from-server")
        wait_for(lambda: "No such file" in program.ask("lists", "lists"), "the reason why there is no file")
        os.mkdir(folder)
        wait_for(lambda: "snapshots 1" in program.ask("lists", "lists"), "the file")

    def test_go_on_from_a_file_without_a_list(self):
        cache = os.path.join(self.server.folder, "cache")
        for name in ("kept", "changed", "deleted"):
            self.make(name)
        first = Program(self, INFORMERS, cache, env=self.env)
        first.until_line("synced from-server")
        wait_for(lambda: "snapshots 1" in first.ask("lists", "lists"), "the file")
        first.end()  # SIGKILL
        client = self.server.client()
        self.assertEqual(client.call("PUT", f"{CONFIGMAPS}/changed", configmap("changed", {"a": "b"})).code, 200)
        self.assertEqual(client.call("DELETE", f"{CONFIGMAPS}/deleted").code, 200)
        client.close()
        second = Program(self, INFORMERS, cache, env=self.env)
        second.until_line("synced from-file")
        self.settle(second)
        self.assertEqual(self.check_order(second.seen, "early"), self.current())
        self.assertIn("lists 0 ", second.ask("lists", "lists"))
        kinds = [line.split(" ")[1:3] for line in second.seen if line.startswith("early ")]
        self.assertEqual(kinds[3:], [["updated", "changed"], ["deleted", "deleted"], ["added", "the-end"]])


    def test_of_a_factory_go_by_the_framing_and_transport_they_are_told(self):
        self.make("before")
        openings = {"http1": b"GET /api/v1/", "http2": b"PRI * HTTP/2.0\r\n", "websocket": b"GET /api/v1/"}
        events = {"json": b'"type":"ADDED"', "protobuf": b"\x0a\x05ADDED"}
        with open(self.server.kubeconfig) as f:
            kubeconfig = f.read()
        for framing, transport in (("json", "http2"), ("json", "websocket"), ("protobuf", "http1"),
                                   ("protobuf", "http2"), ("protobuf", "websocket")):
            with self.subTest(framing=framing, transport=transport):
                proxy = faults.FaultProxy(self.server.port, 0)
                self.addCleanup(proxy.close)
                through = os.path.join(self.server.folder, "through")
                with open(through, "w") as f:
                    f.write(kubeconfig.replace(f":{self.server.port}", f":{proxy.port}"))
                program = Program(self, INFORMERS, "-", framing, transport, env=dict(self.env, KUBECONFIG=through))
                program.until_line("synced from-server")
                name = f"{framing}-{transport}"
                self.make(name)
                program.until(lambda line, name=name: line.startswith(f"early added {name} "))
                state = program.ask("dump", "state").split(" ")[1:]
                self.assertEqual(dict(pair.split("=") for pair in state), self.current())
                program.say("end")
                self.assertEqual(program.process.wait(PATIENCE_S), 0)
                asked, answered = proxy.said[0]
                self.assertTrue(asked.startswith(openings[transport]), asked[:100])
                self.assertEqual(b"Upgrade: websocket" in asked, transport == "websocket")
                self.assertIn(events[framing], answered)


class Examples(WithServer):
    def test_informer(self):
        self.make("there")
        program = Program(self, example("informer"), env=self.env)
        program.until_line("found default/there")
        self.make("new")
        program.until_line("added default/new")
        client = self.server.client()
        client.call("DELETE", f"{CONFIGMAPS}/new")
        client.close()
        program.until_line("deleted default/new")
        program.process.stdin.write("\n")
        program.process.stdin.flush()
        self.assertEqual(program.process.wait(PATIENCE_S), 0)

    def test_controller(self):
        client = self.server.client()
        copies = CONFIGMAPS.replace("/default/", "/elsewhere/")

        def is_copied(name, data):
            answer = client.get(f"{copies}/{name}")
            return answer.code == 200 and answer.json.get("data") == data

        self.assertEqual(client.create("/api/v1/namespaces", {"metadata": {"name": "elsewhere"}}).code, 201)
        self.make("before", data={"a": "1"}, labels={"copy-to": "elsewhere"})
        self.make("private", data={"a": "1"})
        program = Program(self, example("controller"), env=self.env)
        program.until_line("copying")
        wait_for(lambda: is_copied("before", {"a": "1"}), "what was there before")
        self.make("after", data={"b": "1"}, labels={"copy-to": "elsewhere"})
        wait_for(lambda: is_copied("after", {"b": "1"}), "what came after")
        source = configmap("after", {"b": "2", "c": "3"}, {"copy-to": "elsewhere"})
        self.assertEqual(client.call("PUT", f"{CONFIGMAPS}/after", source).code, 200)
        wait_for(lambda: is_copied("after", {"b": "2", "c": "3"}), "a change")
        self.assertEqual(client.call("DELETE", f"{copies}/after").code, 200)
        wait_for(lambda: is_copied("after", {"b": "2", "c": "3"}), "a copy made anew")
        self.assertEqual(client.call("PUT", f"{CONFIGMAPS}/before", configmap("before", {"a": "1"})).code, 200)
        self.assertEqual(client.call("DELETE", f"{CONFIGMAPS}/after").code, 200)
        wait_for(lambda: client.get(copies).json["items"] == [], "the copies to go")
        wait_for(lambda: ("after", "Copied", "elsewhere") in [
            (e["involvedObject"]["name"], e["reason"], e["message"])
            for e in client.get("/api/v1/namespaces/default/events").json["items"]], "the event")
        client.close()
        self.assertEqual(program.end(signal.SIGTERM), 0)

    def test_leader_election(self):
        first = Program(self, example("leader_election"), "default", "lead", "one", env=self.env)
        first.until_line("one leads")
        second = Program(self, example("leader_election"), "default", "lead", "two", env=self.env)
        second.until_line("the leader is one")
        first.process.send_signal(signal.SIGTERM)
        first.until_line("one has stopped")
        self.assertEqual(first.process.wait(PATIENCE_S), 0)
        second.until_line("two leads")
        client = self.server.client()
        spec = client.get("/apis/coordination.k8s.io/v1/namespaces/default/leases/lead").json["spec"]
        client.close()
        self.assertEqual((spec["holderIdentity"], spec["leaseTransitions"], spec["leaseDurationSeconds"]), ("two", 1, 15))


if __name__ == "__main__":
    main()
