#include "apiserver/registry/cells.h"

/* core/v1 and events.k8s.io/v1 name the same facts differently; the first that is there counts. */
static const struct json *either(const struct json *tree, const char *a, const char *b)
{
    const struct json *node = json_get(tree, bytes_str(a));

    return node != NULL && node->type != JSON_NULL ? node : json_get(tree, bytes_str(b));
}

static const struct json *target(const struct json *tree)
{
    return either(tree, "involvedObject", "regarding");
}

static struct bytes first_seen(const struct json *tree)
{
    struct bytes time = json_text(either(tree, "firstTimestamp", "deprecatedFirstTimestamp"));

    return time.len > 0 ? time : json_get_text(tree, "eventTime");
}

static struct bytes last_seen(const struct json *tree)
{
    const struct json *series = json_get(tree, BYTES("series"));
    struct bytes time = json_text(either(tree, "lastTimestamp", "deprecatedLastTimestamp"));

    if (json_is(series, JSON_OBJECT))
        return json_get_text(series, "lastObservedTime");
    return time.len > 0 ? time : first_seen(tree);
}

static void put_since(struct buf *out, struct bytes time, int64_t now_s)
{
    struct buf text = {0};

    cell_append_since(&text, time, now_s);
    cell_put_buf(out, &text, "");
}

void cell_event_last_seen(struct buf *out, const struct cell_source *from)
{
    put_since(out, last_seen(from->tree), from->now_s);
}

void cell_event_first_seen(struct buf *out, const struct cell_source *from)
{
    put_since(out, first_seen(from->tree), from->now_s);
}

void cell_event_object(struct buf *out, const struct cell_source *from)
{
    struct bytes kind = json_get_text(target(from->tree), "kind");
    struct bytes name = json_get_text(target(from->tree), "name");
    struct buf text = {0};

    for (size_t i = 0; i < kind.len; i++) {
        char c = kind.ptr[i];

        buf_append_char(&text, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
    if (name.len > 0) {
        buf_append_char(&text, '/');
        buf_append_bytes(&text, name);
    }
    cell_put_buf(out, &text, "");
}

void cell_event_subobject(struct buf *out, const struct cell_source *from)
{
    cell_put(out, json_get_text(target(from->tree), "fieldPath"), "");
}

void cell_event_source(struct buf *out, const struct cell_source *from)
{
    const struct json *source = either(from->tree, "source", "deprecatedSource");
    struct bytes component = json_get_text(source, "component");
    struct bytes host = json_get_text(source, "host");
    struct buf text = {0};

    if (component.len == 0)
        component = json_text(either(from->tree, "reportingComponent", "reportingController"));
    if (host.len == 0)
        host = json_get_text(from->tree, "reportingInstance");
    buf_append_bytes(&text, component);
    if (host.len > 0) {
        buf_append_str(&text, ", ");
        buf_append_bytes(&text, host);
    }
    cell_put_buf(out, &text, "");
}

void cell_event_message(struct buf *out, const struct cell_source *from)
{
    cell_put(out, bytes_trim(json_text(either(from->tree, "message", "note"))), "");
}

void cell_event_count(struct buf *out, const struct cell_source *from)
{
    const struct json *series = json_get(from->tree, BYTES("series"));
    int64_t count = cell_int(either(from->tree, "count", "deprecatedCount"));

    if (json_is(series, JSON_OBJECT))
        cell_put_int(out, cell_int(json_get(series, BYTES("count"))));
    else
        cell_put_int(out, count != 0 ? count : 1);
}
