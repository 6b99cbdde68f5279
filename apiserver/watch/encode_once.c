#include "apiserver/watch/watch_event.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"
#include "codec/status_object.h"

/* More formats than this of one event are encoded for each watch that wants them: clients choose
 * formats, and must not choose how much memory an event keeps. */
enum { ENCODINGS_MAX = 8 };

struct encoding {
    struct encoding *next;
    struct frame *frame;
    uint64_t format;
    enum watch_type type;
};

static const char *const line_starts[] = {
    [WATCH_ADDED] = "{\"type\":\"ADDED\",\"object\":",
    [WATCH_MODIFIED] = "{\"type\":\"MODIFIED\",\"object\":",
    [WATCH_DELETED] = "{\"type\":\"DELETED\",\"object\":",
};

void watch_event_unref(struct watch_event *event)
{
    if (event == NULL || atomic_fetch_sub_explicit(&event->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (struct encoding *it = event->encodings, *next; it != NULL; it = next) {
        next = it->next;
        frame_unref(it->frame);
        free(it);
    }
    object_unref(event->object);
    object_unref(event->prev);
    pthread_mutex_destroy(&event->lock);
    free(event);
}

static void append_column(struct buf *out, const struct column *column)
{
    const char *const texts[] = {column->name, column->type, column->format, column->path};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_append_str(out, texts[i] != NULL ? texts[i] : "");
        buf_append_char(out, '\0');
    }
    buf_append(out, &column->cell, sizeof(column->cell));
    buf_append(out, &column->priority, sizeof(column->priority));
}

/* A kind of a CRD is another struct on every loop and after every change of the CRD, at an address
 * that may have been another kind's. So formats are known by what shapes their bytes, by a keyed
 * 64-bit hash (nobody outside can make two collide). */
struct watch_format watch_format_of(const struct kind *kind, struct view view)
{
    struct buf text = {0};
    struct watch_format format = {.kind = kind, .view = view};

    buf_appendf(&text, "%d %d %d %s %s", view.shape, view.include, view.v1beta1, kind->api_version,
                kind->kind);
    if (view.shape == VIEW_TABLE)
        for (size_t i = 0; i < kind->column_count; i++)
            append_column(&text, &kind->columns[i]);
    format.id = text.failed ? 0 : bytes_hash(buf_bytes(&text));
    buf_release(&text);
    return format;
}

/* Ends a line that was begun with `{"type":..,"object":..`. */
static struct frame *finish_line(struct buf *line)
{
    struct frame *frame = NULL;

    buf_append_str(line, "}\n");
    if (!line->failed)
        frame = frame_new(buf_bytes(line));
    buf_release(line);
    return frame;
}

struct frame *watch_event_encode_own(const struct watch_event *event, enum watch_type type,
                                     const struct watch_format *format, bool with_columns)
{
    const struct object *object = type == WATCH_DELETED ? event->prev : event->object;
    struct buf line = {0};

    assert(type != WATCH_NONE && object != NULL);
    buf_reserve(&line, object->base.len + 128U);
    buf_append_str(&line, line_starts[type]);
    view_write_event_object(&line, format->kind, format->view, object, event->rev, with_columns);
    return finish_line(&line);
}

static struct frame *find_encoding(const struct watch_event *event, enum watch_type type,
                                   uint64_t format)
{
    for (const struct encoding *it = event->encodings; it != NULL; it = it->next)
        if (it->format == format && it->type == type)
            return it->frame;
    return NULL;
}

/* Keeps a reference to the frame for those who ask next, if there is room and memory for it. */
static void keep_encoding(struct watch_event *event, enum watch_type type, uint64_t format,
                          struct frame *frame)
{
    struct encoding *encoding;

    if (format == 0 || event->encoding_count == ENCODINGS_MAX)
        return;
    encoding = malloc(sizeof(*encoding));
    if (encoding == NULL)
        return;
    *encoding = (struct encoding){event->encodings, frame_ref(frame), format, type};
    event->encodings = encoding;
    event->encoding_count++;
}

/* Encodes under the lock: another loop that wants the same waits for it rather than doing it again.
 */
struct frame *watch_event_encode(struct watch_event *event, enum watch_type type,
                                 const struct watch_format *format, bool *ret_made)
{
    struct frame *frame;

    pthread_mutex_lock(&event->lock);
    frame = find_encoding(event, type, format->id);
    *ret_made = frame == NULL;
    if (frame != NULL) {
        frame_ref(frame);
    } else {
        frame = watch_event_encode_own(event, type, format, false);
        if (frame != NULL)
            keep_encoding(event, type, format->id, frame);
    }
    pthread_mutex_unlock(&event->lock);
    return frame;
}

struct frame *watch_encode_initial(const struct object *object, const struct watch_format *format,
                                   bool with_columns)
{
    struct buf line = {0};

    buf_reserve(&line, object->base.len + 128U);
    buf_append_str(&line, line_starts[WATCH_ADDED]);
    view_write_event_object(&line, format->kind, format->view, object, 0, with_columns);
    return finish_line(&line);
}

struct frame *watch_encode_bookmark(uint64_t rev, const struct watch_format *format,
                                    bool initial_events_end, bool with_columns)
{
    struct buf line = {0};

    buf_append_str(&line, "{\"type\":\"BOOKMARK\",\"object\":");
    view_write_bookmark_object(&line, format->kind, format->view, rev, initial_events_end,
                               with_columns);
    return finish_line(&line);
}

struct frame *watch_encode_error(const struct error *err)
{
    struct buf line = {0};

    buf_append_str(&line, "{\"type\":\"ERROR\",\"object\":");
    status_object_write(&line, err);
    return finish_line(&line);
}
