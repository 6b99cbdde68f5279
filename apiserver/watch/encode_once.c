#include "apiserver/watch/watch_event.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/planted.h"
#include "codec/status_object.h"
#include "codec/transcoder.h"

/* More formats than this of one event are encoded for each watch that wants them: clients choose
 * formats, and must not choose how much memory an event keeps. */
enum { ENCODINGS_MAX = 8 };

struct encoding {
    struct encoding *next;
    struct frame *frame; /* NULL: the format does not show what has changed */
    uint64_t format;
    enum watch_type type;
};

static const char *const type_names[] = {
    [WATCH_ADDED] = "ADDED",
    [WATCH_MODIFIED] = "MODIFIED",
    [WATCH_DELETED] = "DELETED",
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
struct watch_format watch_format_of(const struct kind *kind, struct view view,
                                    enum watch_framing framing)
{
    const char form[] = {(char)framing, (char)view.shape, (char)view.include, view.v1beta1,
                         view.protobuf};
    struct buf text = {0};
    struct watch_format format = {.kind = kind, .view = view, .framing = framing};

    if (view.shape == VIEW_TABLE)
        format.view.projection = NULL;
    buf_append(&text, form, sizeof(form));
    buf_append(&text, kind->api_version, strlen(kind->api_version) + 1);
    buf_append(&text, kind->kind, strlen(kind->kind) + 1);
    if (view.protobuf && view.shape == VIEW_OBJECT) /* messages change with the schema */
        buf_append(&text, &kind->crd_rev, sizeof(kind->crd_rev));
    buf_append_bytes(&text, projection_text(format.view.projection));
    if (view.shape == VIEW_TABLE)
        for (size_t i = 0; i < kind->column_count; i++)
            append_column(&text, &kind->columns[i]);
    format.id = text.failed ? 0 : bytes_hash(buf_bytes(&text));
    buf_release(&text);
    return format;
}

/* ---- framings ---- */

/* `rev` 0: there is none to resume from. */
static void begin_line(struct buf *out, const char *type, uint64_t rev)
{
    (void)rev;
    buf_append_str(out, "{\"type\":\"");
    buf_append_str(out, type);
    buf_append_str(out, "\",\"object\":");
}

static void append_id(struct buf *out, uint64_t rev)
{
    if (rev == 0)
        return;
    buf_append_str(out, "id: ");
    buf_append_u64(out, rev);
    buf_append_char(out, '\n');
}

/* The object is JSON without line breaks: one `data` holds it. */
static void begin_sse(struct buf *out, const char *type, uint64_t rev)
{
    append_id(out, rev + PLANTED(sse_id_early));
    buf_append_str(out, "event: ");
    buf_append_str(out, type);
    buf_append_str(out, "\ndata: ");
}

/* What is around the object depends on its length: finish_frame() puts it there. */
static void begin_protobuf(struct buf *out, const char *type, uint64_t rev)
{
    (void)out, (void)type, (void)rev;
}

enum { LENGTH_LEN = 4 }; /* of the length in front of a WatchEvent */

static const struct framing {
    const char *name;
    void (*begin)(struct buf *out, const char *type, uint64_t rev);
    const char *end;       /* NULL: a frame of protobuf */
    const char *greeting;  /* NULL: none */
    const char *heartbeat; /* NULL: none; the id may stand behind it */
} framings[FRAMING_COUNT] = {
    [FRAMING_LINES] = {"json", begin_line, "}\n", NULL, NULL},
    [FRAMING_SSE] = {"sse", begin_sse, "\n\n", "retry: 1000\n\n", ": \n"},
    [FRAMING_PROTOBUF] = {"protobuf", begin_protobuf, NULL, NULL, NULL},
};

const char *watch_framing_name(enum watch_framing framing)
{
    return framings[framing].name;
}

static struct frame *take_frame(struct buf *text)
{
    struct frame *frame = text->failed ? NULL : frame_new(buf_bytes(text));

    buf_release(text);
    return frame;
}

/* Takes an envelope. */
static struct frame *take_protobuf(struct buf *object, const char *type)
{
    struct buf event = {.failed = object->failed};
    struct frame *frame = NULL;

    protobuf_watch_frame_write(&event, bytes_str(type), buf_bytes(object));
    if (!event.failed)
        frame = frame_new_binary(buf_bytes(&event), LENGTH_LEN);
    buf_release(&event);
    buf_release(object);
    return frame;
}

/* Ends what the framing has begun. */
static struct frame *finish_frame(struct buf *text, const char *type, enum watch_framing framing)
{
    if (framings[framing].end == NULL)
        return take_protobuf(text, type);
    buf_append_str(text, framings[framing].end);
    return take_frame(text);
}

bool watch_framing_greets(enum watch_framing framing)
{
    return framings[framing].greeting != NULL;
}

struct frame *watch_encode_greeting(enum watch_framing framing)
{
    return watch_framing_greets(framing) ? frame_new(bytes_str(framings[framing].greeting)) : NULL;
}

bool watch_framing_has_heartbeat(enum watch_framing framing)
{
    return framings[framing].heartbeat != NULL;
}

/* An id without data is remembered by the client and shown to nobody. */
struct frame *watch_encode_heartbeat(uint64_t rev, enum watch_framing framing)
{
    struct buf text = {0};

    assert(watch_framing_has_heartbeat(framing));
    buf_append_str(&text, framings[framing].heartbeat);
    append_id(&text, rev);
    buf_append_char(&text, '\n');
    return take_frame(&text);
}

/* ---- events ---- */

struct frame *watch_event_encode_own(const struct watch_event *event, enum watch_type type,
                                     const struct watch_format *format, bool with_columns)
{
    const struct object *object = type == WATCH_DELETED ? event->prev : event->object;
    struct buf text = {0};

    assert(type != WATCH_NONE && object != NULL);
    buf_reserve(&text, object->base.len + 128U);
    framings[format->framing].begin(&text, type_names[type], event->rev);
    view_write_event_object(&text, format->kind, format->view, object,
                            PLANTED(deleted_old_rv) ? object->base.rev : event->rev, with_columns);
    return finish_frame(&text, type_names[type], format->framing);
}

/* As it was and as it is, with one revision for both: the bytes differ in what is shown. */
static bool looks_the_same(const struct watch_event *event, const struct watch_format *format)
{
    struct buf before = {0}, now = {0};
    bool same;

    view_write_event_object(&before, format->kind, format->view, event->prev, event->rev, false);
    view_write_event_object(&now, format->kind, format->view, event->object, event->rev, false);
    same = !before.failed && !now.failed && bytes_eq(buf_bytes(&before), buf_bytes(&now));
    buf_release(&before);
    buf_release(&now);
    return same;
}

static const struct encoding *find_encoding(const struct watch_event *event, enum watch_type type,
                                            uint64_t format)
{
    const struct encoding *it = atomic_load_explicit(&event->encodings, memory_order_acquire);

    for (; it != NULL; it = it->next)
        if (it->format == format && it->type == type)
            return it;
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
    *encoding = (struct encoding){event->encodings, frame, format, type};
    if (frame != NULL)
        frame_ref(frame);
    atomic_store_explicit(&event->encodings, encoding, memory_order_release);
    event->encoding_count++;
}

/* A change that is not shown is remembered as an encoding without a frame; one that is shown by its
 * frame, which its watches ask for next. */
bool watch_event_shows(struct watch_event *event, enum watch_type type,
                       const struct watch_format *format)
{
    const struct encoding *known;
    bool shows;

    if (type != WATCH_MODIFIED || format->view.projection == NULL)
        return true;
    pthread_mutex_lock(&event->lock);
    known = find_encoding(event, type, format->id);
    shows = known != NULL ? known->frame != NULL : !looks_the_same(event, format);
    if (known == NULL && !shows)
        keep_encoding(event, type, format->id, NULL);
    pthread_mutex_unlock(&event->lock);
    return shows;
}

/* Encodes under the lock: another loop that wants the same waits for it rather than doing it again.
 */
static struct frame *encode_for_all(struct watch_event *event, enum watch_type type,
                                    const struct watch_format *format, bool *ret_made)
{
    const struct encoding *known;
    struct frame *frame;

    pthread_mutex_lock(&event->lock);
    known = find_encoding(event, type, format->id);
    *ret_made = known == NULL;
    if (known != NULL) {
        frame = frame_ref(known->frame);
    } else {
        frame = watch_event_encode_own(event, type, format, false);
        if (frame != NULL)
            keep_encoding(event, type, format->id, frame);
    }
    pthread_mutex_unlock(&event->lock);
    return frame;
}

struct frame *watch_event_encode(struct watch_event *event, enum watch_type type,
                                 const struct watch_format *format, bool *ret_made)
{
    const struct encoding *known = find_encoding(event, type, format->id);

    *ret_made = false;
    return known != NULL ? frame_ref(known->frame) : encode_for_all(event, type, format, ret_made);
}

struct frame *watch_encode_initial(const struct object *object, const struct watch_format *format,
                                   bool with_columns)
{
    struct buf text = {0};

    buf_reserve(&text, object->base.len + 128U);
    framings[format->framing].begin(&text, type_names[WATCH_ADDED], 0);
    view_write_event_object(&text, format->kind, format->view, object, 0, with_columns);
    return finish_frame(&text, type_names[WATCH_ADDED], format->framing);
}

struct frame *watch_encode_bookmark(uint64_t rev, const struct watch_format *format,
                                    bool initial_events_end, bool with_columns)
{
    struct buf text = {0};

    framings[format->framing].begin(&text, "BOOKMARK", rev);
    view_write_bookmark_object(&text, format->kind, format->view, rev, initial_events_end,
                               with_columns);
    return finish_frame(&text, "BOOKMARK", format->framing);
}

/* To resume from where history has gone would fail again and again. An empty id makes a client that
 * connects again by itself begin with the state. */
static void forget_id(struct buf *out, const struct error *err, enum watch_framing framing)
{
    if (framing == FRAMING_SSE && err->status == STATUS_EXPIRED)
        buf_append_str(out, "id\n");
}

struct frame *watch_encode_error(const struct error *err, enum watch_framing framing)
{
    struct buf text = {0}, status = {0};

    forget_id(&text, err, framing);
    framings[framing].begin(&text, "ERROR", 0);
    status_object_write(framing == FRAMING_PROTOBUF ? &status : &text, err);
    if (framing == FRAMING_PROTOBUF)
        transcoder_write_text(&text, NULL, buf_bytes(&status));
    text.failed |= status.failed;
    buf_release(&status);
    return finish_frame(&text, "ERROR", framing);
}
