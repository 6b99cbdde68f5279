"""What one client can take for itself: connections of its address, watches of its user. Others are served on, and what
was given back can be taken again."""
import http.client
import ssl
import unittest

from tidewatch import CONFIGMAPS, PATIENCE_S, ApiTest, SecureServer, Server, Watch, configmap, main, new_connection, wait_for

WATCH = CONFIGMAPS + "?watch=1&allowWatchBookmarks=true&timeoutSeconds=600"


class Connections(unittest.TestCase):
    def open(self, server, context=None):
        connection = new_connection(server.port, PATIENCE_S, context)
        connection.request("GET", "/livez")
        response = connection.getresponse()
        return connection, response.status, response

    def test_an_address_has_so_many_connections_and_no_more(self):
        with Server(storage="memory", flags=["--max-connections-per-peer=3"]) as server:
            held = [self.open(server) for _ in range(3)]
            self.assertEqual([status for _, status, _ in held], [200] * 3)
            refused, status, response = self.open(server)
            body = response.read().decode()
            self.assertEqual((status, response.headers["Retry-After"], response.headers["Connection"]), (429, "1", "close"))
            for word in ('"kind":"Status"', '"TooManyRequests"', "too many connections from this address"):
                self.assertIn(word, body)
            refused.close()
            for connection, _, response in held:
                response.read()
                connection.close()
            wait_for(lambda: self.open_and_close(server) == 200, "the places that were given back")

    def open_and_close(self, server):
        connection, status, _ = self.open(server)
        connection.close()
        return status

    def test_with_tls_one_too_many_is_closed(self):
        with SecureServer(flags=["--max-connections-per-peer=2"]) as server:
            context = server.context("admin")
            held = [self.open(server, context) for _ in range(2)]
            with self.assertRaises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
                self.open(server, context)
            for connection, _, _ in held:
                connection.close()


class Watches(ApiTest):
    flags = ("--max-watches-per-user=2",)

    def test_watches_beyond_the_limit_are_429_until_one_ends(self):
        first, second = (Watch(self.server.port, WATCH) for _ in range(2))
        self.assertEqual((first.code, second.code), (200, 200))
        self.refused(self.client.get(WATCH), 429, "TooManyRequests", "too many watches: 127.0.0.1 has 2 already")
        self.refused(self.client.get(WATCH + "&longPoll=true&resourceVersion=1"), 429, "TooManyRequests")
        self.made(CONFIGMAPS, configmap("seen"))
        first.until(lambda e: e["object"]["metadata"].get("name") == "seen")
        first.close()

        def opened():
            watch = Watch(self.server.port, WATCH)
            watch.close()
            return watch.code == 200

        wait_for(opened, "the place of the watch that has left")
        second.close()


class WatchesOfUsers(unittest.TestCase):
    def test_one_user_does_not_take_the_place_of_another(self):
        with SecureServer(flags=["--max-watches-per-user=1"]) as server:
            watches = [server.watch(WATCH), server.watch(WATCH, headers={"Impersonate-User": "jane",
                                                                       "Impersonate-Group": "system:masters"})]
            self.assertEqual([w.code for w in watches], [200, 200])
            refused = server.watch(WATCH)
            self.assertEqual(refused.code, 429)
            self.assertIn("too many watches: user", refused.response.read().decode())
            for watch in (*watches, refused):
                watch.close()


class Deadline(ApiTest):
    flags = ("--request-timeout=100ms",)

    def test_a_request_ends_at_its_deadline_and_the_connection_goes_on(self):
        self.refused(self.client.get(CONFIGMAPS + "?resourceVersion=1000000"), 504, "Timeout",
                     "did not complete within the allotted timeout")
        self.ok("GET", CONFIGMAPS)
        wait_for(lambda: self.server.metric("apiserver_current_inflight_requests") == 0, "the place to be given back")


if __name__ == "__main__":
    main()
