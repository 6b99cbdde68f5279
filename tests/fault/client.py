"""One client of a run: what it can ask, recorded in the History. Whoever is cut waits for the server to be up again."""
import http.client
import json
import random
import threading
import urllib.parse

from history import now
from tidewatch import PATIENCE_S, configmap

CUT = (http.client.HTTPException, OSError, json.JSONDecodeError)
SPACES = ("default", "east", "east-2", "sweep")
SELECTOR = "on=yes"
ENDING = "k8s.io/initial-events-end"
EXPIRED = 410
LIST_FORMS = {"unset": "", "empty": "&resourceVersion=", "zero": "&resourceVersion=0", "plain": "&resourceVersion={}",
              "not older": "&resourceVersion={}&resourceVersionMatch=NotOlderThan",
              "exact": "&resourceVersion={}&resourceVersionMatch=Exact"}


def path_of(ns, name=None):
    path = f"/api/v1/namespaces/{ns}/configmaps" if ns else "/api/v1/configmaps"
    return f"{path}/{name}" if name else path


def query_of(selector):
    return f"&labelSelector={urllib.parse.quote(selector)}" if selector else ""


class Client(threading.Thread):
    """What each client can do, recorded."""

    def __init__(self, run, name):
        super().__init__(name=name, daemon=True)
        self.in_run, self.history, self.error = run, run.history, None
        self.dice = random.Random(f"{run.seed} {name}")
        self.http = run.server.client()
        self.tokens = 0

    def run(self):
        try:
            while not self.in_run.stopping.is_set():
                self.wait_for_turn()
                self.step()
        except Exception as e:
            if not self.in_run.stopping.is_set() or not isinstance(e, CUT):
                self.error = e
        self.close()

    def wait_for_turn(self):
        self.in_run.up.wait(PATIENCE_S)

    def close(self):
        self.http.close()

    def token(self):
        self.tokens += 1
        return f"{self.name}.{self.tokens}"

    def ask(self, record, method, path, body=None, content_type="application/json"):
        record["call"] = now()
        try:
            answer = self.http.call(method, path, body, content_type=content_type)
        except CUT:
            record["code"], record["ret"] = None, now()
            self.in_run.up.wait(PATIENCE_S)
            return record, None
        record["code"], record["ret"] = answer.code, now()
        return record, answer.json

    def write(self, verb, key, data=None, labels=None, finalizers=None, rv=None, uid=None, query="", **noted):
        ns, name = key.split("/")
        record = {"client": self.name, "verb": verb, "key": key, "sent": data, "expected": rv, "uid": uid, **noted}
        if verb == "delete":
            body = {"preconditions": {"resourceVersion": str(rv)}} if rv else None
            record, told = self.ask(record, "DELETE", path_of(ns, name) + query, body)
        elif verb == "patch":
            body = noted.get("patch") or {"data": data}
            record, told = self.ask(record, "PATCH", path_of(ns, name) + query, body, "application/merge-patch+json")
        else:
            body = configmap(name, data, labels=labels, **({"finalizers": finalizers} if finalizers else {}))
            if rv:
                body["metadata"]["resourceVersion"] = str(rv)
            method, path = ("POST", path_of(ns)) if verb == "create" else ("PUT", path_of(ns, name))
            record, told = self.ask(record, method, path + query, body)
        if told and told["kind"] == "ConfigMap":
            record["object"] = self.history.keep(told)
            record["rv"] = int(told["metadata"]["resourceVersion"]) if not record.get("dry") else None
        self.history.writes.append(record)
        self.in_run.acks += record["code"] in (200, 201)
        return record

    def get(self, key):
        record, told = self.ask({"client": self.name, "verb": "get", "key": key}, "GET", path_of(*key.split("/")))
        if record["code"] == 200:
            record["object"] = self.history.keep(told)
            record["rv"] = int(told["metadata"]["resourceVersion"])
        if record["code"] is not None:
            self.history.reads.append(record)
        return record

    def list(self, ns, selector, limit=0, form="unset", least=None, meanwhile=None):
        """A list, page by page, of a revision in that form; None if it was cut on the way. `meanwhile` is done behind the first."""
        record = {"client": self.name, "verb": "list", "ns": ns, "selector": selector, "form": form, "least": least,
                  "items": [], "rvs": []}
        went_on, began = "", now()
        while went_on is not None:
            path = f"{path_of(ns)}?x=1{query_of(selector)}{f'&limit={limit}' if limit else ''}{went_on or LIST_FORMS[form].format(least)}"
            record, told = self.ask(record, "GET", path)
            record["call"] = began
            if record["code"] == EXPIRED and went_on:
                return self.list_rest(record, told)
            if record["code"] == 504:
                self.history.reads.append(record)
            if record["code"] != 200:
                return None
            record["items"] += [self.history.keep({"apiVersion": "v1", "kind": "ConfigMap", **i}) for i in told["items"]]
            record["rvs"].append(int(told["metadata"]["resourceVersion"]))
            token = told["metadata"].get("continue")
            went_on = f"&continue={urllib.parse.quote(token)}" if token else None
            if meanwhile and len(record["rvs"]) == 1:
                meanwhile()
        record["rv"] = record["rvs"][0]
        self.history.reads.append(record)
        return record

    def list_rest(self, record, told):
        """The revision of its pages is gone: the answer has a token for the rest of what there is now."""
        last = record["items"][-1]["metadata"]
        rest = {**record, "form": "rest", "after": f"{last['namespace']}/{last['name']}", "call": now(), "items": [], "rv": 0, "rvs": []}
        token = told["metadata"].get("continue")
        if token:
            rest, told = self.ask(rest, "GET", f"{path_of(record['ns'])}?x=1{query_of(record['selector'])}"
                                               f"&continue={urllib.parse.quote(token)}")
        if rest["code"] == 200:
            rest["rv"] = int(told["metadata"]["resourceVersion"])
            rest["rvs"] = [rest["rv"]]
            rest["items"] = [self.history.keep({"apiVersion": "v1", "kind": "ConfigMap", **i}) for i in told["items"]]
        if rest["code"] is not None:
            self.history.reads.append(rest)


def is_live(record):
    """Whether it begins with events, not with a state."""
    return record["rv"] is not None or record.get("live", False)


def take(history, record, event, id=None):
    """Records an event; the revision up to which all is told now. StopIteration: it is the end."""
    if event is None:
        record["end"] = "clean"
        raise StopIteration
    type, tree = event["type"], event["object"]
    meta = tree.get("metadata", {})
    if type == "ERROR":
        record["end"] = "expired" if tree["code"] == EXPIRED else "refused"
        raise StopIteration
    rv = int(meta["resourceVersion"])
    if type == "BOOKMARK":
        ended = meta.get("annotations", {}).get(ENDING) == "true"
        record["events"].append([now(), "SYNCED" if ended else type, rv, id])
        record["synced"] = record.get("synced", is_live(record)) or ended
    else:
        record["events"].append([now(), type, history.keep(tree), id])
    if not is_live(record) and not record.get("synced"):
        return 0
    record["told"] = max(record.get("told") or record["rv"] or 0, rv)
    return record["told"]
