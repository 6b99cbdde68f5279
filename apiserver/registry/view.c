#include "apiserver/registry/view.h"

#include "apiserver/registry/table.h"
#include "apiserver/registry/view_protobuf.h"

static const char *meta_version(struct view view)
{
    return view.v1beta1 ? "v1beta1" : "v1";
}

static struct bytes api_version(const struct kind *kind)
{
    return bytes_str(kind->api_version);
}

/* The object as the client sees it whole, in a buf of its own. */
static struct buf whole_object(const struct kind *kind, const struct object *object, uint64_t rev)
{
    struct buf whole = {0};

    object_write(&whole, object, rev, api_version(kind));
    return whole;
}

static void write_row(struct buf *out, const struct kind *kind, struct view view,
                      const struct object *object, uint64_t rev)
{
    struct buf whole = {0};

    if (view.include != VIEW_INCLUDE_NONE)
        whole = whole_object(kind, object, rev);
    out->failed |= whole.failed;
    table_write_row(out, kind, view, object, buf_bytes(&whole));
    buf_release(&whole);
}

static void write_partial(struct buf *out, const struct kind *kind, struct view view,
                          const struct object *object, uint64_t rev)
{
    struct buf whole = whole_object(kind, object, rev);

    out->failed |= whole.failed;
    table_write_partial(out, view, table_metadata_of(buf_bytes(&whole)));
    buf_release(&whole);
}

/* An object or its metadata, whole or in part. */
static void write_plain(struct buf *out, const struct kind *kind, struct view view,
                        const struct object *object, uint64_t rev)
{
    if (view.shape == VIEW_METADATA)
        write_partial(out, kind, view, object, rev);
    else
        object_write(out, object, rev, api_version(kind));
}

static void write_projected(struct buf *out, const struct kind *kind, struct view view,
                            const struct object *object, uint64_t rev)
{
    struct buf plain = {0};

    if (view.projection == NULL) {
        write_plain(out, kind, view, object, rev);
        return;
    }
    write_plain(&plain, kind, view, object, rev);
    out->failed |= plain.failed;
    projection_write(out, view.projection, buf_bytes(&plain));
    buf_release(&plain);
}

static void write_list_meta(struct buf *out, const struct list_meta *meta)
{
    buf_appendf(out, "\"metadata\":{\"resourceVersion\":\"%llu\"", (unsigned long long)meta->rev);
    if (meta->continue_token.len > 0) {
        buf_append_str(out, ",\"continue\":");
        json_write_string(out, meta->continue_token);
    }
    if (meta->remaining >= 0)
        buf_appendf(out, ",\"remainingItemCount\":%lld", (long long)meta->remaining);
    buf_append_char(out, '}');
}

/* A Table up to its first row. */
static void begin_table(struct buf *out, const struct kind *kind, struct view view,
                        const struct list_meta *meta, bool with_columns)
{
    buf_appendf(out, "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/%s\",", meta_version(view));
    write_list_meta(out, meta);
    buf_append_str(out, ",\"columnDefinitions\":");
    if (with_columns)
        table_write_columns(out, kind);
    else
        buf_append_str(out, "null");
    buf_append_str(out, ",\"rows\":[");
}

static void write_json(struct buf *out, const struct kind *kind, struct view view,
                       const struct object *object, uint64_t rev, bool with_columns)
{
    struct list_meta meta = {rev != 0 ? rev : object->base.rev, {NULL, 0}, -1};

    switch (view.shape) {
    case VIEW_OBJECT:
    case VIEW_METADATA:
        write_projected(out, kind, view, object, rev);
        break;
    case VIEW_TABLE:
        begin_table(out, kind, view, &meta, with_columns);
        write_row(out, kind, view, object, rev);
        buf_append_str(out, "]}");
        break;
    }
}

void view_write_event_object(struct buf *out, const struct kind *kind, struct view view,
                             const struct object *object, uint64_t rev, bool with_columns)
{
    struct buf text = {0};

    if (!view.protobuf) {
        write_json(out, kind, view, object, rev, with_columns);
        return;
    }
    write_json(&text, kind, view, object, rev, false);
    view_protobuf_object(out, kind, view, &text);
}

void view_write_object(struct buf *out, const struct kind *kind, struct view view,
                       const struct object *object, uint64_t rev)
{
    view_write_event_object(out, kind, view, object, rev, true);
}

/* ---- lists ---- */

static void begin_json_list(struct buf *out, const struct kind *kind, struct view view,
                            const struct list_meta *meta)
{
    if (view.shape == VIEW_METADATA)
        buf_appendf(out,
                    "{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/%s\",",
                    meta_version(view));
    else
        buf_appendf(out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",", kind->list_kind,
                    kind->api_version);
    write_list_meta(out, meta);
    buf_append_str(out, ",\"items\":[");
}

static void begin_protobuf_list(struct buf *out, const struct kind *kind, struct view view,
                                const struct list_meta *meta)
{
    struct buf text = {0};

    begin_json_list(&text, kind, view, meta);
    buf_append_str(&text, "]}");
    view_protobuf_begin_list(out, kind, view, &text);
}

void view_begin_list(struct buf *out, const struct kind *kind, struct view view,
                     const struct list_meta *meta)
{
    if (view.shape == VIEW_TABLE)
        begin_table(out, kind, view, meta, true);
    else if (view.protobuf)
        begin_protobuf_list(out, kind, view, meta);
    else
        begin_json_list(out, kind, view, meta);
}

void view_add_item(struct buf *out, const struct kind *kind, struct view view,
                   const struct object *object, bool first)
{
    struct buf text = {0};

    if (view.protobuf) {
        write_projected(&text, kind, view, object, 0);
        view_protobuf_add_item(out, kind, view, &text);
        return;
    }
    if (!first)
        buf_append_char(out, ',');
    if (view.shape == VIEW_TABLE)
        write_row(out, kind, view, object, 0);
    else
        write_projected(out, kind, view, object, 0);
}

void view_end_list(struct buf *out, const struct kind *kind, struct view view)
{
    if (view.protobuf)
        view_protobuf_end_list(out, kind, view);
    else
        buf_append_str(out, "]}");
}

/* ---- bookmarks ---- */

static void write_bookmark_metadata(struct buf *out, uint64_t rev, bool initial_events_end)
{
    buf_appendf(out, "{\"resourceVersion\":\"%llu\",\"creationTimestamp\":null",
                (unsigned long long)rev);
    if (initial_events_end)
        buf_append_str(out, ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}");
    buf_append_char(out, '}');
}

static void write_json_bookmark(struct buf *out, const struct kind *kind, struct view view,
                                uint64_t rev, bool initial_events_end, bool with_columns)
{
    struct buf metadata = {0};
    struct list_meta meta = {rev, {NULL, 0}, -1};

    write_bookmark_metadata(&metadata, rev, initial_events_end);
    out->failed |= metadata.failed;
    switch (view.shape) {
    case VIEW_OBJECT:
        buf_appendf(out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":", kind->kind,
                    kind->api_version);
        buf_append_bytes(out, buf_bytes(&metadata));
        buf_append_char(out, '}');
        break;
    case VIEW_METADATA:
        table_write_partial(out, view, buf_bytes(&metadata));
        break;
    case VIEW_TABLE:
        begin_table(out, kind, view, &meta, with_columns);
        table_write_bookmark_row(out, kind, view, buf_bytes(&metadata));
        buf_append_str(out, "]}");
        break;
    }
    buf_release(&metadata);
}

void view_write_bookmark_object(struct buf *out, const struct kind *kind, struct view view,
                                uint64_t rev, bool initial_events_end, bool with_columns)
{
    struct buf text = {0};

    if (!view.protobuf) {
        write_json_bookmark(out, kind, view, rev, initial_events_end, with_columns);
        return;
    }
    write_json_bookmark(&text, kind, view, rev, initial_events_end, false);
    view_protobuf_object(out, kind, view, &text);
}
