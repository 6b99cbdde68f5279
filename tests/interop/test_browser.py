"""Chromium: /ui/live in a real browser, by server-sent events and by a WebSocket, over a restart of the server;
and what a page of another origin may and may not do. Driven through DevTools on a pipe. Screenshots go to the
build folder."""
import base64
import http.server
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from tidewatch import BUILD, CONFIGMAPS, PATIENCE_S, Server, configmap, main

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
PATIENCE_S = max(PATIENCE_S, 60)  # a browser on a loaded machine takes its time to begin
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--mute-audio",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
         "--disable-default-apps", "--disable-dev-shm-usage", "--window-size=1100,700", "--remote-debugging-pipe"]


class Browser:
    """One chromium, spoken to by the DevTools protocol: JSON messages that end with a NUL, on its
    descriptors 3 and 4."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="tidewatch-chromium-")
        to_read, self.to = os.pipe()
        self.back, back_write = os.pipe()

        def descriptors():                        # not below 5, lest one overwrites the other
            a, b = os.dup(to_read), os.dup(back_write)
            os.dup2(a, 3), os.dup2(b, 4)
        self.process = subprocess.Popen([BROWSER, *FLAGS, f"--user-data-dir={self.folder}"],
                                        preexec_fn=descriptors, pass_fds=(3, 4), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                                        env={**os.environ, "HOME": self.folder, "XDG_RUNTIME_DIR": self.folder})
        os.close(to_read), os.close(back_write)
        self.buffered, self.last_id, self.console = b"", 0, []

    def read(self, deadline):
        while b"\0" not in self.buffered:
            ready, _, _ = select.select([self.back], [], [], max(0, deadline - time.monotonic()))
            piece = os.read(self.back, 1 << 20) if ready else b""
            if not piece:
                raise AssertionError("chromium does not answer")
            self.buffered += piece
        text, self.buffered = self.buffered.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **params):
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE_S
        while (answer := self.read(deadline)).get("id") != self.last_id:
            if answer.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                self.console.append(answer["params"])
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, url):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable", session)
        self.call("Page.navigate", session, url=url)
        return Page(self, session)

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)  # and its renderers
        self.process.wait()
        os.close(self.to), os.close(self.back)
        shutil.rmtree(self.folder, ignore_errors=True)


class Page:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session

    def js(self, expression):
        result = self.browser.call("Runtime.evaluate", self.session, expression=expression, awaitPromise=True,
                                   returnByValue=True)
        if "exceptionDetails" in result:
            raise AssertionError(result["exceptionDetails"])
        return result["result"].get("value")

    def wait_for(self, expression):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                if value := self.js(expression):
                    return value
            except AssertionError:
                pass                              # the page is not there yet
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {expression}; the page says "
                                     f"{self.js('document.body.innerText')}; {self.browser.console}")
            time.sleep(0.02)

    def rows(self):
        """[type, resourceVersion, namespace, name] of each row, the newest first."""
        return self.js("[...document.getElementById('events').rows].map(r => [...r.cells].slice(0, 4).map(c => c.textContent))")

    def screenshot(self, name):
        data = self.browser.call("Page.captureScreenshot", self.session, format="png")["data"]
        with open(os.path.join(BUILD, name), "wb") as f:
            f.write(base64.b64decode(data))
        return os.path.getsize(os.path.join(BUILD, name))


class OtherOrigin:
    """A page from somewhere else: another port of this machine is another origin."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<title>elsewhere</title>")

            def log_message(self, *args):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Chromium(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)
        cls.other = OtherOrigin()
        cls.addClassCleanup(cls.other.close)

    def start(self, *flags):
        self.server = Server(flags=["--bookmark-interval=200ms", *flags])
        self.addCleanup(self.server.close)
        self.browser.console.clear()

    def make(self, name, **kwargs):
        answer = self.server.client().create(CONFIGMAPS, configmap(name, **kwargs))
        self.assertEqual(answer.code, 201, answer)
        return answer.rv

    def story(self, by):
        """The state, what follows, a restart in the middle: each once, in order."""
        self.start()
        a = self.make("a", data={"k": "<script>alert(1)</script>"})
        page = self.browser.open(f"{self.server.url}/ui/live?by={by}&start=1")
        page.wait_for("document.getElementById('rv').textContent >= '1'")
        self.assertEqual(page.rows(), [["ADDED", str(a), "default", "a"]])
        b = self.make("b")
        self.server.client().call("DELETE", CONFIGMAPS + "/a")
        page.wait_for("document.getElementById('count').textContent == '3'")
        self.server.stop()
        page.wait_for("document.getElementById('state').className == 'waiting'")
        self.server.start()
        c = self.make("c")
        page.wait_for("document.getElementById('count').textContent == '4'")
        self.server.kill()
        self.server.start()
        d = self.make("d")
        page.wait_for("document.getElementById('count').textContent == '5'")
        rows = page.rows()[::-1]
        self.assertEqual([(r[0], r[3]) for r in rows],
                         [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a"), ("ADDED", "c"), ("ADDED", "d")])
        self.assertEqual([int(rows[n][1]) for n in (1, 3, 4)], [b, c, d])
        self.assertGreaterEqual(int(page.js("document.getElementById('connections').textContent")), 3)
        self.assertGreater(page.screenshot(f"live-{by}.png"), 5000)
        refused = [e for e in self.browser.console if "Content Security Policy" in json.dumps(e)]
        self.assertEqual(refused, [], "the page keeps its own policy")

    def test_the_live_page_by_server_sent_events(self):
        self.story("sse")

    def test_the_live_page_by_a_websocket(self):
        self.story("websocket")

    def test_several_resources_on_one_connection(self):
        secrets = CONFIGMAPS.replace("configmaps", "secrets")
        for by in ("sse", "websocket"):
            with self.subTest(by=by):
                self.start()
                client, expected = self.server.client(), []

                def make(name, path):
                    answer = client.create(path, {**configmap(name), "kind": "Secret" if path == secrets else "ConfigMap"})
                    self.assertEqual(answer.code, 201, answer)
                    expected.append(["ADDED", str(answer.rv), "default", name])
                make("a", CONFIGMAPS), make("b", secrets)
                page = self.browser.open(f"{self.server.url}/ui/live?by={by}&start=1&path={CONFIGMAPS},{secrets}")
                page.wait_for("document.getElementById('rv').textContent >= '1'")
                make("c", secrets), make("d", CONFIGMAPS)
                page.wait_for("document.getElementById('count').textContent == '4'")
                self.server.kill()
                self.server.start()
                client = self.server.client()
                make("e", secrets), make("f", CONFIGMAPS)
                page.wait_for("document.getElementById('count').textContent == '6'")
                self.assertEqual(page.rows()[::-1], expected, "each once, in one order")
                page.screenshot(f"live-several-{by}.png")

    def test_the_switch_and_the_buttons_work(self):
        self.start()
        self.make("a")
        page = self.browser.open(f"{self.server.url}/ui/live")
        page.wait_for("document.getElementById('state').textContent == 'stopped'")
        for by in ("sse", "websocket"):
            page.js(f"at('by').value = '{by}'; at('clear').click(); at('toggle').click()")
            page.wait_for("document.getElementById('count').textContent == '1'")
            page.js("at('toggle').click()")
            self.assertEqual(page.js("at('state').textContent"), "stopped")

    def follow(self, page, kind):
        """What a page gets when it opens a watch of ours: "open" or "error"."""
        url = self.server.url + CONFIGMAPS + "?watch=true&resourceVersion=1"
        make = f"new EventSource({json.dumps(url)})" if kind == "sse" else \
            f"new WebSocket({json.dumps(url.replace('http', 'ws', 1))})"
        return page.js(f"new Promise(done => {{ const s = {make}; s.onopen = () => {{ s.close(); done('open'); }};"
                       " s.onerror = () => { s.close(); done('error'); }; })")

    def test_a_page_of_another_origin_is_kept_out(self):
        self.start()
        page = self.browser.open(self.other.url)
        page.wait_for("document.title == 'elsewhere'")
        for kind in ("sse", "websocket"):
            self.assertEqual(self.follow(page, kind), "error", kind)
        fetched = page.js(f"fetch({json.dumps(self.server.url + CONFIGMAPS)}).then(r => 'read', () => 'kept out')")
        self.assertEqual(fetched, "kept out")

    def test_a_page_of_an_origin_that_is_allowed_may_follow_read_and_write(self):
        self.start(f"--cors-allowed-origins={self.other.url}")
        page = self.browser.open(self.other.url)
        page.wait_for("document.title == 'elsewhere'")
        for kind in ("sse", "websocket"):
            self.assertEqual(self.follow(page, kind), "open", kind)
        url = json.dumps(self.server.url + CONFIGMAPS)
        body = json.dumps(json.dumps(configmap("from-a-page")))
        made = page.js(f"fetch({url}, {{method: 'POST', headers: {{'Content-Type': 'application/json'}}, body: {body}}})"
                       ".then(r => r.status)")
        self.assertEqual(made, 201)
        etag = page.js(f"fetch({url}).then(r => r.headers.get('ETag'))")
        self.assertTrue(etag.startswith('W/"'), etag)


if __name__ == "__main__":
    if BROWSER is None:
        print("skipped: no chromium here")
        raise SystemExit(77)
    main()
