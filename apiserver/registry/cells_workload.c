#include "apiserver/registry/cells.h"

#include "apiserver/registry/view.h"
#include "base/clock.h"

/* spec.replicas is 1 where it is left out (SetDefaults_Deployment and its kin). */
void cell_replicas_ready(struct buf *out, const struct cell_source *from)
{
    const struct json *replicas = json_at(from->tree, "spec", "replicas", NULL);
    int64_t ready = cell_int(json_at(from->tree, "status", "readyReplicas", NULL));

    buf_appendf(out, "\"%lld/%lld\"", (long long)ready,
                (long long)(replicas != NULL ? cell_int(replicas) : 1));
}

void cell_node_selector(struct buf *out, const struct cell_source *from)
{
    struct buf text = {0};

    cell_append_labels(&text,
                       json_at(from->tree, "spec", "template", "spec", "nodeSelector", NULL));
    cell_put_buf(out, &text, "");
}

/* "daemonset.apps/name" of the owner that controls the object. */
void cell_controller(struct buf *out, const struct cell_source *from)
{
    struct buf text = {0};

    json_each(json_at(from->tree, "metadata", "ownerReferences", NULL), owner) {
        struct bytes group = json_get_text(owner, "apiVersion");
        struct bytes kind = json_get_text(owner, "kind");

        if (!json_is_true(json_get(owner, BYTES("controller"))))
            continue;
        for (size_t i = 0; i < kind.len; i++) {
            char c = kind.ptr[i];

            buf_append_char(&text, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
        }
        if (bytes_find(group, '/') < group.len) {
            buf_append_char(&text, '.');
            buf_append_bytes(&text, bytes_of(group.ptr, bytes_find(group, '/')));
        }
        buf_append_char(&text, '/');
        buf_append_bytes(&text, json_get_text(owner, "name"));
        break;
    }
    cell_put_buf(out, &text, "<none>");
}

/* ---- jobs ---- */

void cell_job_status(struct buf *out, const struct cell_source *from)
{
    const struct json *conditions = json_at(from->tree, "status", "conditions", NULL);
    const char *status = "Running";

    if (cell_condition_is(conditions, "Complete", "True"))
        status = "Complete";
    else if (cell_condition_is(conditions, "Failed", "True"))
        status = "Failed";
    else if (from->object->deletion_timestamp.len > 0)
        status = "Terminating";
    else if (cell_condition_is(conditions, "Suspended", "True"))
        status = "Suspended";
    else if (cell_condition_is(conditions, "FailureTarget", "True"))
        status = "FailureTarget";
    cell_put(out, bytes_str(status), "");
}

void cell_job_completions(struct buf *out, const struct cell_source *from)
{
    const struct json *completions = json_at(from->tree, "spec", "completions", NULL);
    int64_t parallelism = cell_int(json_at(from->tree, "spec", "parallelism", NULL));
    long long succeeded = cell_int(json_at(from->tree, "status", "succeeded", NULL));

    if (json_is(completions, JSON_NUMBER))
        buf_appendf(out, "\"%lld/%lld\"", succeeded, (long long)cell_int(completions));
    else if (parallelism > 1)
        buf_appendf(out, "\"%lld/1 of %lld\"", succeeded, (long long)parallelism);
    else
        buf_appendf(out, "\"%lld/1\"", succeeded);
}

void cell_job_duration(struct buf *out, const struct cell_source *from)
{
    struct bytes start = json_text(json_at(from->tree, "status", "startTime", NULL));
    struct bytes end = json_text(json_at(from->tree, "status", "completionTime", NULL));
    struct buf text = {0};
    int64_t start_s, end_s;

    if (!rfc3339_parse(end, &end_s))
        end_s = from->now_s;
    if (rfc3339_parse(start, &start_s))
        view_human_age(&text, end_s - start_s);
    cell_put_buf(out, &text, "");
}

/* ---- cron jobs ---- */

void cell_cron_job_time_zone(struct buf *out, const struct cell_source *from)
{
    cell_put(out, json_text(json_at(from->tree, "spec", "timeZone", NULL)), "<none>");
}

/* Absent is false (SetDefaults_CronJob). */
void cell_cron_job_suspend(struct buf *out, const struct cell_source *from)
{
    bool suspended = json_is_true(json_at(from->tree, "spec", "suspend", NULL));

    cell_put(out, suspended ? BYTES("True") : BYTES("False"), "");
}

void cell_cron_job_active(struct buf *out, const struct cell_source *from)
{
    const struct json *active = json_at(from->tree, "status", "active", NULL);

    cell_put_int(out, json_is(active, JSON_ARRAY) ? active->count : 0);
}

void cell_cron_job_last_schedule(struct buf *out, const struct cell_source *from)
{
    const struct json *last = json_at(from->tree, "status", "lastScheduleTime", NULL);
    struct buf text = {0};

    if (json_is(last, JSON_STRING))
        cell_append_since(&text, json_text(last), from->now_s);
    cell_put_buf(out, &text, "<none>");
}

/* ---- disruption budgets ---- */

/* An IntOrString. */
static void put_int_or_string(struct buf *out, const struct json *node)
{
    if (json_is(node, JSON_NUMBER))
        cell_put(out, node->text, "");
    else
        cell_put(out, json_text(node), "N/A");
}

void cell_budget_min_available(struct buf *out, const struct cell_source *from)
{
    put_int_or_string(out, json_at(from->tree, "spec", "minAvailable", NULL));
}

void cell_budget_max_unavailable(struct buf *out, const struct cell_source *from)
{
    put_int_or_string(out, json_at(from->tree, "spec", "maxUnavailable", NULL));
}
