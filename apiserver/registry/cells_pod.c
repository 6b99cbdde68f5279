#include "apiserver/registry/cells.h"

#include "apiserver/registry/view.h"
#include "base/clock.h"
#include "base/map.h"

/* What READY, STATUS and RESTARTS tell, gathered in one walk over the container statuses. */
struct pod_summary {
    struct buf reason;
    int64_t ready, total, restarts;
    int64_t last_restart_s; /* 0: unknown */
};

static void set_reason(struct pod_summary *s, const char *prefix, struct bytes reason)
{
    s->reason.len = 0;
    buf_append_str(&s->reason, prefix);
    buf_append_bytes(&s->reason, reason);
}

/* "Error", or "Signal:9", or "ExitCode:1", in this order of preference. */
static void set_terminated(struct pod_summary *s, const char *prefix, const struct json *terminated)
{
    struct bytes reason = json_get_text(terminated, "reason");
    int64_t signal = cell_int(json_get(terminated, BYTES("signal")));

    set_reason(s, prefix, reason);
    if (reason.len > 0)
        return;
    if (signal != 0)
        buf_appendf(&s->reason, "Signal:%lld", (long long)signal);
    else
        buf_appendf(&s->reason, "ExitCode:%lld",
                    (long long)cell_int(json_get(terminated, BYTES("exitCode"))));
}

static int64_t last_finish_s(const struct json *status)
{
    int64_t at_s;
    const struct json *finished = json_at(status, "lastState", "terminated", "finishedAt", NULL);

    return rfc3339_parse(json_text(finished), &at_s) ? at_s : 0;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A sidecar: an init container that restarts always, and so counts as a container (KEP-753). */
static bool is_sidecar(const struct json *container)
{
    return bytes_eq_str(json_get_text(container, "restartPolicy"), "Always");
}

/* The sidecars by name: a pod may bring as many as fit in a request, so nothing is looked up by
 * walking. */
static void index_sidecars(struct map *sidecars, const struct json *init_containers)
{
    json_each(init_containers, container) {
        if (is_sidecar(container) && json_get_text(container, "name").len > 0)
            (void)map_put(sidecars, json_get_text(container, "name"), container);
    }
}

/* One init container's status. True: it holds the pod back, and `reason` says how. */
static bool look_at_init(struct pod_summary *s, const struct json *status, bool sidecar,
                         size_t index, size_t init_count)
{
    const struct json *state = json_get(status, BYTES("state"));
    const struct json *terminated = json_get(state, BYTES("terminated"));
    struct bytes waiting = json_text(json_at(state, "waiting", "reason", NULL));

    if (terminated != NULL && cell_int(json_get(terminated, BYTES("exitCode"))) == 0)
        return false;
    if (sidecar && json_is_true(json_get(status, BYTES("started")))) {
        s->ready += json_is_true(json_get(status, BYTES("ready"))) ? 1 : 0;
        return false;
    }
    if (terminated != NULL) {
        set_terminated(s, "Init:", terminated);
    } else if (waiting.len > 0 && !bytes_eq_str(waiting, "PodInitializing")) {
        set_reason(s, "Init:", waiting);
    } else {
        s->reason.len = 0;
        buf_appendf(&s->reason, "Init:%zu/%zu", index, init_count);
    }
    return true;
}

/* Walks the init containers until one holds the pod back. What the sidecars restarted is kept
 * apart: it alone counts once the pod runs. */
static bool look_at_inits(struct pod_summary *s, const struct json *pod,
                          struct pod_summary *sidecars)
{
    const struct json *inits = json_at(pod, "spec", "initContainers", NULL);
    struct map by_name = {0};
    size_t index = 0, init_count = inits != NULL ? inits->count : 0;
    bool held_back = false;

    json_each(inits, container)
        s->total += is_sidecar(container) ? 1 : 0;
    index_sidecars(&by_name, inits);
    json_each(json_at(pod, "status", "initContainerStatuses", NULL), status) {
        bool sidecar = map_get(&by_name, json_get_text(status, "name")) != NULL;
        int64_t restarts = cell_int(json_get(status, BYTES("restartCount")));
        int64_t last_s = last_finish_s(status);

        s->restarts += restarts;
        s->last_restart_s = later(s->last_restart_s, last_s);
        if (sidecar) {
            sidecars->restarts += restarts;
            sidecars->last_restart_s = later(sidecars->last_restart_s, last_s);
        }
        held_back = look_at_init(s, status, sidecar, index++, init_count);
        if (held_back)
            break;
    }
    map_release(&by_name);
    return held_back;
}

/* The first container in trouble names the reason. True: at least one runs and is ready. */
static bool look_at_containers(struct pod_summary *s, const struct json *statuses)
{
    bool running = false, named = false;

    json_each(statuses, status) {
        const struct json *state = json_get(status, BYTES("state"));
        const struct json *terminated = json_get(state, BYTES("terminated"));
        struct bytes waiting = json_text(json_at(state, "waiting", "reason", NULL));

        s->restarts += cell_int(json_get(status, BYTES("restartCount")));
        s->last_restart_s = later(s->last_restart_s, last_finish_s(status));
        if (waiting.len > 0 || terminated != NULL) {
            if (!named && waiting.len > 0)
                set_reason(s, "", waiting);
            else if (!named)
                set_terminated(s, "", terminated);
            named = true;
        } else if (json_is_true(json_get(status, BYTES("ready"))) &&
                   json_get(state, BYTES("running")) != NULL) {
            running = true;
            s->ready++;
        }
    }
    return running;
}

static void apply_deletion(struct pod_summary *s, const struct json *status)
{
    struct bytes phase = json_get_text(status, "phase");

    if (bytes_eq_str(json_get_text(status, "reason"), "NodeLost"))
        set_reason(s, "", BYTES("Unknown"));
    else if (!bytes_eq_str(phase, "Failed") && !bytes_eq_str(phase, "Succeeded"))
        set_reason(s, "", BYTES("Terminating"));
}

static void summarize(struct pod_summary *s, const struct json *pod)
{
    const struct json *status = json_get(pod, BYTES("status"));
    const struct json *conditions = json_get(status, BYTES("conditions"));
    const struct json *containers = json_at(pod, "spec", "containers", NULL);
    struct bytes reason = json_get_text(status, "reason");
    struct pod_summary sidecars = {0};

    s->total = containers != NULL ? containers->count : 0;
    set_reason(s, "", reason.len > 0 ? reason : json_get_text(status, "phase"));
    json_each(conditions, condition) {
        if (bytes_eq_str(json_get_text(condition, "type"), "PodScheduled") &&
            bytes_eq_str(json_get_text(condition, "reason"), "SchedulingGated"))
            set_reason(s, "", BYTES("SchedulingGated"));
    }
    if (!look_at_inits(s, pod, &sidecars) || cell_condition_is(conditions, "Initialized", "True")) {
        s->restarts = sidecars.restarts;
        s->last_restart_s = sidecars.last_restart_s;
        if (look_at_containers(s, json_get(status, BYTES("containerStatuses"))) &&
            bytes_eq_str(buf_bytes(&s->reason), "Completed"))
            set_reason(s, "",
                       cell_condition_is(conditions, "Ready", "True") ? BYTES("Running")
                                                                      : BYTES("NotReady"));
    }
    if (json_text(json_at(pod, "metadata", "deletionTimestamp", NULL)).len > 0)
        apply_deletion(s, status);
}

void cell_pod_ready(struct buf *out, const struct cell_source *from)
{
    struct pod_summary s = {0};

    summarize(&s, from->tree);
    buf_appendf(out, "\"%lld/%lld\"", (long long)s.ready, (long long)s.total);
    buf_release(&s.reason);
}

void cell_pod_status(struct buf *out, const struct cell_source *from)
{
    struct pod_summary s = {0};

    summarize(&s, from->tree);
    cell_put_buf(out, &s.reason, "");
}

void cell_pod_restarts(struct buf *out, const struct cell_source *from)
{
    struct pod_summary s = {0};
    struct buf text = {0};

    summarize(&s, from->tree);
    buf_release(&s.reason);
    buf_appendf(&text, "%lld", (long long)s.restarts);
    if (s.restarts != 0 && s.last_restart_s != 0) {
        buf_append_str(&text, " (");
        view_human_age(&text, from->now_s - s.last_restart_s);
        buf_append_str(&text, " ago)");
    }
    cell_put_buf(out, &text, "");
}

void cell_pod_ip(struct buf *out, const struct cell_source *from)
{
    const struct json *ips = json_at(from->tree, "status", "podIPs", NULL);
    struct bytes ip = json_get_text(json_index(ips, 0), "ip");

    if (ips == NULL)
        ip = json_text(json_at(from->tree, "status", "podIP", NULL));
    cell_put(out, ip, "<none>");
}

void cell_pod_node(struct buf *out, const struct cell_source *from)
{
    cell_put(out, json_text(json_at(from->tree, "spec", "nodeName", NULL)), "<none>");
}

void cell_pod_nominated_node(struct buf *out, const struct cell_source *from)
{
    cell_put(out, json_text(json_at(from->tree, "status", "nominatedNodeName", NULL)), "<none>");
}

void cell_pod_readiness_gates(struct buf *out, const struct cell_source *from)
{
    const struct json *gates = json_at(from->tree, "spec", "readinessGates", NULL);
    const struct json *conditions = json_at(from->tree, "status", "conditions", NULL);
    struct map by_type = {0};
    uint32_t open = 0;

    if (!json_is(gates, JSON_ARRAY) || gates->count == 0) {
        cell_put(out, BYTES("<none>"), "");
        return;
    }
    json_each(conditions, condition) {
        struct bytes type = json_get_text(condition, "type");

        if (type.len > 0 && map_get(&by_type, type) == NULL)
            (void)map_put(&by_type, type, condition);
    }
    json_each(gates, gate) {
        const struct json *condition = map_get(&by_type, json_get_text(gate, "conditionType"));

        open += bytes_eq_str(json_get_text(condition, "status"), "True") ? 1 : 0;
    }
    map_release(&by_type);
    buf_appendf(out, "\"%u/%u\"", open, gates->count);
}

void cell_pod_row_conditions(struct buf *out, const struct json *pod)
{
    struct bytes phase = json_text(json_at(pod, "status", "phase", NULL));
    const char *message = bytes_eq_str(phase, "Succeeded") ? "The pod has completed successfully."
                          : bytes_eq_str(phase, "Failed")  ? "The pod failed."
                                                           : NULL;

    if (message != NULL)
        buf_appendf(out,
                    "\"conditions\":[{\"type\":\"Completed\",\"status\":\"True\",\"reason\":"
                    "\"%.*s\",\"message\":\"%s\"}],",
                    BYTES_FMT(phase), message);
}

void cell_pod_template_labels(struct buf *out, const struct cell_source *from)
{
    struct buf text = {0};

    cell_append_labels(&text, json_at(from->tree, "template", "metadata", "labels", NULL));
    cell_put_buf(out, &text, "");
}
