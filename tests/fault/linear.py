"""Whether the operations on one key have an order that explains their answers and keeps to their times: the search of
Wing and Gong, with the states that were tried remembered (Lowe). A key's state is the revision that stands, 0: none."""
import collections

Operation = collections.namedtuple("Operation", "call ret kind rv expected optional")
NEVER = float("inf")


def step(op, state):
    """The state after an operation, or None: it cannot have happened here."""
    if op.kind == "create":
        return op.rv if state == 0 else None
    if op.kind == "put":
        return op.rv if state != 0 and op.expected in (None, state) else None
    if op.kind == "delete":
        return 0 if state != 0 and op.expected in (None, state) else None
    if op.kind == "read":
        return state if state == op.rv else None
    if op.kind == "refused":  # a conflict: what was expected did not stand
        return state if state != op.expected else None
    assert op.kind == "exists"
    return state if state != 0 else None


def is_linearizable(operations):
    ops = sorted(operations, key=lambda op: op.call)
    everything = (1 << len(ops)) - 1
    optional = sum(1 << i for i, op in enumerate(ops) if op.optional)
    tried, stack = set(), [(0, 0, 0)]  # what is done, the state, the first that is not done
    while stack:
        done, state, first = stack.pop()
        if done | optional == everything:
            return True
        while done >> first & 1:
            first += 1
        for i in reversed(candidates(ops, done, first)):
            # what may have failed may have done nothing by its end
            for after in {step(ops[i], state), state if ops[i].optional and ops[i].ret != NEVER else None} - {None}:
                now = (done | 1 << i, after)
                if now not in tried:
                    tried.add(now)
                    stack.append((*now, first))
    return False


def candidates(ops, done, first):
    """What may come next: whatever began before the first end of all that is not done. Certain ones first."""
    end, found = NEVER, []
    for i in range(first, len(ops)):
        if ops[i].call > end:
            break
        if not done >> i & 1:
            found.append(i)
            end = min(end, ops[i].ret)
    found = [i for i in found if ops[i].call <= end]
    return sorted(found, key=lambda i: (ops[i].optional, ops[i].ret))


def of_keys(history, stored, gaps):
    """{key: operations}; `stored`: the revision of each token. What was sent and stands nowhere never happened, unless
    there are gaps: then nothing is said of that key. Nor where a delete that only marks may have: its version has no token."""
    keys, unclear = collections.defaultdict(list), set()
    for w in history.writes:
        if w.get("dry") or w.get("noop"):
            continue
        op = of_write(w, stored)
        if op is not None:
            keys[w["key"]].append(op)
        elif w["code"] is None and (gaps or w.get("held")):
            unclear.add(w["key"])
    for r in history.reads:
        if r["verb"] == "get" and r["code"] in (200, 404):
            keys[r["key"]].append(Operation(r["call"], r["ret"], "read", r["rv"] if r["code"] == 200 else 0, None, False))
    return {key: ops for key, ops in keys.items() if key not in unclear}


def of_write(w, stored):
    kind = {"create": "create", "update": "put", "patch": "put", "delete": "delete", "sweep": "delete"}[w["verb"]]
    expected = w.get("expected")
    if w["verb"] == "sweep":
        return Operation(w["call"], w["ret"] if w["code"] else NEVER, kind, 0, None, True)
    if w.get("removes"):
        return Operation(w["call"], w["ret"] if w["code"] == 200 else NEVER, "delete", 0, None, w["code"] != 200) \
            if w["code"] in (200, None) else None
    if w["code"] is None:
        if kind == "delete":
            return None if w.get("held") else Operation(w["call"], NEVER, kind, 0, expected, True)
        rv = stored.get(w["sent"].get("t"))
        return Operation(w["call"], NEVER, kind, rv, expected, False) if rv else None
    if w["code"] in (200, 201):
        if kind == "delete" and w.get("rv"):  # it waits for its finalizers
            kind = "put"
        return Operation(w["call"], w["ret"], kind, w.get("rv"), expected, False)
    if w["code"] == 404:
        return Operation(w["call"], w["ret"], "read", 0, None, False)
    if w["code"] == 409 and w["verb"] == "create":
        return Operation(w["call"], w["ret"], "exists", None, None, False)
    if w["code"] == 409 and expected is not None:
        return Operation(w["call"], w["ret"], "refused", None, expected, False)
    return None
