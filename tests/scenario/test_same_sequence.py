"""One writer, and every way to be told at once from the same resourceVersion: each tells the same events in
the same order, with equal objects."""
import os
import random
import threading
import unittest

from tidewatch import CONFIGMAPS, PATIENCE_S, Server, configmap, main
from ways import WAYS, read

CHANGES = 600
LAST = "the-last-one"
SELECTORS = {"all": "", "some": "&labelSelector=on%3Dyes"}


class SameSequence(unittest.TestCase):
    def write(self, client):
        """Creates, changes and deletes, in and out of the selector, by a seed that is told."""
        seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
        print(f"SEED={seed}")
        dice, there = random.Random(seed), set()
        for n in range(CHANGES):
            name = f"o{dice.randrange(12)}"
            body = configmap(name, {"n": str(n), "text": "line\n" * dice.randrange(40) + "\u00e4\u2028\""},
                             labels={"on": dice.choice(["yes", "no"])})
            if name not in there:
                answer = client.create(CONFIGMAPS, body)
                there.add(name)
            elif dice.random() < 0.3:
                answer = client.call("DELETE", f"{CONFIGMAPS}/{name}")
                there.discard(name)
            else:
                answer = client.call("PUT", f"{CONFIGMAPS}/{name}", body)
            self.assertIn(answer.code, (200, 201), answer)
        client.create(CONFIGMAPS, configmap(LAST, {"n": "last"}, labels={"on": "yes"}))

    def test_every_way_tells_the_same(self):
        with Server(flags=["--watch-window-events=64"]) as server:   # some read the log on disk meanwhile
            client = server.client()
            rv = client.create(CONFIGMAPS, configmap("first")).rv
            told, threads = {}, []

            def follow(key, events):
                seen = told[key] = []
                for kind, item, id in events:
                    if kind == "BOOKMARK":
                        continue
                    self.assertIn(id, (None, int(item["metadata"]["resourceVersion"])))
                    seen.append((kind, item))
                    if item["metadata"].get("name") == LAST:
                        break
                else:
                    seen.append("cut")
                events.close()

            for selector, query in SELECTORS.items():
                for way in WAYS:
                    reader = read(way, server, CONFIGMAPS, rv, query)
                    threads.append(threading.Thread(target=follow, args=((selector, way), reader), daemon=True))
            for thread in threads:
                thread.start()
            self.write(client)
            for thread in threads:
                thread.join(PATIENCE_S * 2)
            for selector in SELECTORS:
                expected = told[selector, "lines over HTTP/1.1"]
                self.assertEqual(expected[-1][1]["metadata"]["name"], LAST)
                if selector == "all":
                    self.assertEqual(len(expected), CHANGES + 1)
                for way in WAYS:
                    self.assertEqual(told[selector, way], expected, f"{selector}, {way}")


if __name__ == "__main__":
    main()
