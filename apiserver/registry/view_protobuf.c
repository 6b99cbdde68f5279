#include "apiserver/registry/view_protobuf.h"

#include "codec/transcoder.h"

static const struct message_type *message_of(const struct kind *kind, struct view view)
{
    assert(view.shape != VIEW_TABLE);
    if (view.shape == VIEW_METADATA)
        return transcoder_find(BYTES("meta.k8s.io/v1"), BYTES("PartialObjectMetadata"));
    return kind_message(kind);
}

static const struct message_type *list_message_of(const struct kind *kind, struct view view)
{
    if (view.shape == VIEW_METADATA)
        return transcoder_find(BYTES("meta.k8s.io/v1"), BYTES("PartialObjectMetadataList"));
    return kind_list_message(kind);
}

typedef void text_writer(struct buf *out, const struct message_type *type, struct bytes text);

static void write_text(struct buf *out, text_writer *write, const struct message_type *type,
                       struct buf *text)
{
    out->failed |= text->failed || type == NULL;
    if (!out->failed)
        write(out, type, buf_bytes(text));
    buf_release(text);
}

void view_protobuf_object(struct buf *out, const struct kind *kind, struct view view,
                          struct buf *text)
{
    write_text(out, transcoder_write_text, message_of(kind, view), text);
}

void view_protobuf_begin_list(struct buf *out, const struct kind *kind, struct view view,
                              struct buf *text)
{
    assert(out->len == 0);
    write_text(out, transcoder_write_text_message, list_message_of(kind, view), text);
}

void view_protobuf_add_item(struct buf *out, const struct kind *kind, struct view view,
                            struct buf *text)
{
    struct buf raw = {0};

    write_text(&raw, transcoder_write_text_message, message_of(kind, view), text);
    out->failed |= raw.failed;
    protobuf_list_item_write(out, buf_bytes(&raw));
    buf_release(&raw);
}

void view_protobuf_end_list(struct buf *out, const struct kind *kind, struct view view)
{
    if (view.shape == VIEW_METADATA)
        protobuf_envelope_wrap(
            out, view.v1beta1 ? BYTES("meta.k8s.io/v1beta1") : BYTES("meta.k8s.io/v1"),
            BYTES("PartialObjectMetadataList"));
    else
        protobuf_envelope_wrap(out, bytes_str(kind->api_version), bytes_str(kind->list_kind));
}
