/*
 * {"type":"ADDED","object":{..}}  becomes  {"id":"pods","type":"ADDED","object":{..}}
 *
 * The line is shared with all watches; the labelled copy lives as long as it takes to write it.
 */
#include "apiserver/watch/mux_parts.h"

#include "base/buf.h"

static struct frame *take_frame(struct buf *text)
{
    struct frame *frame = text->failed ? NULL : frame_new(buf_bytes(text));

    buf_release(text);
    return frame;
}

static void append_event_id(struct buf *out, uint64_t rev, struct bytes id)
{
    if (rev == MUX_NO_ID)
        return;
    buf_append_str(out, "id");
    if (rev != MUX_FORGET_ID) {
        buf_append_str(out, ": ");
        buf_append_u64(out, rev);
        buf_append_str(out, id.len > 0 ? "." : "");
        buf_append_bytes(out, id);
    }
    buf_append_char(out, '\n');
}

/* `line` is {"type":"..",..} and a newline. */
static void append_labelled(struct buf *out, struct bytes line, struct bytes id)
{
    buf_append_char(out, '{');
    if (id.len > 0)
        buf_appendf(out, "\"id\":\"%.*s\",", BYTES_FMT(id));
    buf_append_bytes(out, bytes_from(line, 1));
}

struct frame *mux_label(struct frame *line, struct bytes id, enum watch_framing framing,
                        uint64_t rev)
{
    static const struct bytes before_type = BYTES_INIT("{\"type\":\"");
    struct bytes text, type;
    struct buf out = {0};

    if (line == NULL)
        return NULL;
    text = frame_payload(line);
    buf_reserve(&out, text.len + 2 * id.len + 96U);
    if (framing == FRAMING_SSE) {
        type = bytes_from(text, before_type.len);
        type = bytes_cut(&type, '"');
        append_event_id(&out, rev, id);
        buf_appendf(&out, "event: %.*s\ndata: ", BYTES_FMT(type));
    }
    append_labelled(&out, text, id);
    if (framing == FRAMING_SSE)
        buf_append_char(&out, '\n');
    frame_unref(line);
    return take_frame(&out);
}

struct frame *mux_encode_word(const char *type, struct bytes id, enum watch_framing framing)
{
    struct buf line = {0};

    buf_appendf(&line, "{\"type\":\"%s\"}\n", type);
    return mux_label(take_frame(&line), id, framing, MUX_NO_ID);
}

struct frame *mux_encode_cut(uint64_t rev, enum watch_framing framing, bool with_id)
{
    struct buf line = {0};

    buf_append_str(&line,
                   "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"WatchBookmark\","
                   "\"apiVersion\":\"tidewatch.dev/v1\",\"metadata\":{\"resourceVersion\":\"");
    buf_append_u64(&line, rev);
    buf_append_str(&line, "\"}}}\n");
    return mux_label(take_frame(&line), BYTES(""), framing, with_id ? rev : MUX_NO_ID);
}
