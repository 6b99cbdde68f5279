#include "client-go-like/typed/type.h"

#include <stdlib.h>

#include <protobuf-c/protobuf-c.h>

#include "client-go-like/object.h"
#include "codec/protobuf_scan.h"

tw_status tw_type_new(const char *api_version, const char *kind,
                      const struct ProtobufCMessageDescriptor *descriptor, tw_type **ret_type,
                      tw_error **reterr)
{
    tw_type *type = calloc(1, sizeof(*type));
    struct error detail = {0};
    enum status st = STATUS_NO_MEMORY;

    if (type != NULL) {
        type->descriptor = descriptor;
        type->api_version = strdup(api_version != NULL ? api_version : "");
        type->kind = strdup(kind != NULL ? kind : "");
        if (type->api_version != NULL && type->kind != NULL)
            st = message_set_new(descriptor, &type->set, &detail);
    }
    if (st == STATUS_OK) {
        type->is_builtin =
            transcoder_find(bytes_str(type->api_version), bytes_str(type->kind)) != NULL;
        *ret_type = type;
        return TW_OK;
    }
    tw_type_free(type);
    detail.status = st;
    return tw_fail_detail(reterr, TW_ERR_ARGUMENT, "cannot use the descriptor", &detail);
}

void tw_type_free(tw_type *type)
{
    if (type == NULL)
        return;
    message_set_free(type->set);
    free(type->api_version);
    free(type->kind);
    free(type);
}

void tw_message_free(struct ProtobufCMessage *message)
{
    protobuf_c_message_free_unpacked(message, NULL);
}

/* ---- decoding ---- */

/* libprotobuf-c says NULL for bad bytes and for no memory alike. */
static void *count_alloc(void *user, size_t size)
{
    bool *failed = user;
    void *ptr = malloc(size);

    *failed = *failed || ptr == NULL;
    return ptr;
}

static void count_free(void *user, void *ptr)
{
    (void)user;
    free(ptr);
}

static tw_status unpack(const tw_type *type, struct bytes raw,
                        struct ProtobufCMessage **ret_message, tw_error **reterr)
{
    bool failed = false;
    ProtobufCAllocator allocator = {count_alloc, count_free, &failed};
    struct error detail = {0};
    ProtobufCMessage *message;
    tw_status st;

    if (protobuf_scan(type->descriptor, raw, &detail) != STATUS_OK) {
        st = tw_fail(reterr, TW_ERR_PROTOCOL, "the bytes are no %s: %s", type->descriptor->name,
                     error_message(&detail));
        error_release(&detail);
        return st;
    }
    message =
        protobuf_c_message_unpack(type->descriptor, &allocator, raw.len, (const uint8_t *)raw.ptr);
    if (message == NULL)
        return failed ? tw_fail_no_memory(reterr)
                      : tw_fail(reterr, TW_ERR_PROTOCOL, "the bytes are no %s",
                                type->descriptor->name);
    *ret_message = message;
    return TW_OK;
}

static tw_status decode_tree(const tw_type *type, const struct json *tree,
                             struct ProtobufCMessage **ret_message, tw_error **reterr)
{
    struct error detail = {0};
    struct buf raw = {0};
    tw_status st;

    if (transcoder_from_json(&raw, message_set_root(type->set), tree, NULL, &detail) != STATUS_OK)
        st = tw_fail_detail(reterr, TW_ERR_PROTOCOL, type->descriptor->short_name, &detail);
    else
        st = unpack(type, buf_bytes(&raw), ret_message, reterr);
    buf_release(&raw);
    return st;
}

tw_status tw_type_decode_value(const tw_type *type, const tw_value *value,
                               struct ProtobufCMessage **ret_message, tw_error **reterr)
{
    if (value == NULL)
        return tw_fail(reterr, TW_ERR_PROTOCOL, "there is no %s", type->descriptor->short_name);
    return decode_tree(type, (const struct json *)value, ret_message, reterr);
}

tw_status tw_type_decode(const tw_type *type, const tw_object *object,
                         struct ProtobufCMessage **ret_message, tw_error **reterr)
{
    if (*type->kind != '\0' && *tw_object_kind(object) != '\0' &&
        !object_is_type(object, type->api_version, type->kind))
        return tw_fail(reterr, TW_ERR_PROTOCOL, "expected a %s of %s, got a %s of %s", type->kind,
                       type->api_version, tw_object_kind(object), tw_object_api_version(object));
    return decode_tree(type, object->tree, ret_message, reterr);
}

static tw_status decode_envelope(const tw_type *type, struct bytes text,
                                 struct ProtobufCMessage **ret_message, tw_error **reterr)
{
    struct protobuf_envelope envelope = {.raw = {0}};
    struct error detail = {0};

    if (protobuf_envelope_read(text, &envelope, &detail) != STATUS_OK)
        return tw_fail_detail(reterr, TW_ERR_PROTOCOL, "cannot read protobuf", &detail);
    if (*type->kind != '\0' && envelope.kind.len != 0 &&
        !(bytes_eq_str(envelope.kind, type->kind) &&
          bytes_eq_str(envelope.api_version, type->api_version)))
        return tw_fail(reterr, TW_ERR_PROTOCOL, "expected a %s of %s, got a %.*s of %.*s",
                       type->kind, type->api_version, BYTES_FMT(envelope.kind),
                       BYTES_FMT(envelope.api_version));
    return unpack(type, envelope.raw, ret_message, reterr);
}

/* No message begins with `{`, which would be a group, nor with a blank. */
tw_status tw_type_decode_bytes(const tw_type *type, const void *bytes, size_t len,
                               struct ProtobufCMessage **ret_message, tw_error **reterr)
{
    struct bytes text = bytes_of(bytes, len), inner = bytes_trim(text);
    tw_object *object = NULL;
    tw_status st;

    if (protobuf_is_envelope(text))
        return decode_envelope(type, text, ret_message, reterr);
    if (inner.len == 0 || inner.ptr[0] != '{')
        return unpack(type, text, ret_message, reterr);
    st = object_read(text, &object, reterr);
    if (st == TW_OK)
        st = tw_type_decode(type, object, ret_message, reterr);
    tw_object_unref(object);
    return st;
}

/* ---- encoding ---- */

static tw_status pack(const tw_type *type, const struct ProtobufCMessage *message, struct buf *out,
                      tw_error **reterr)
{
    size_t len;

    if (message->descriptor != type->descriptor)
        return tw_fail(reterr, TW_ERR_ARGUMENT, "the message is a %s, not a %s",
                       message->descriptor->name, type->descriptor->name);
    len = protobuf_c_message_get_packed_size(message);
    if (!buf_reserve(out, len + 1))
        return tw_fail_no_memory(reterr);
    out->len += protobuf_c_message_pack(message, (uint8_t *)out->data + out->len);
    return TW_OK;
}

tw_status type_write(const tw_type *type, const struct ProtobufCMessage *message, struct buf *out,
                     tw_error **reterr)
{
    struct protobuf_envelope envelope = {.api_version = bytes_str(type->api_version),
                                         .kind = bytes_str(type->kind)};
    struct buf raw = {0};
    tw_status st = pack(type, message, &raw, reterr);

    if (st == TW_OK) {
        envelope.raw = buf_bytes(&raw);
        protobuf_envelope_write(out, &envelope);
        if (out->failed)
            st = tw_fail_no_memory(reterr);
    }
    buf_release(&raw);
    return st;
}

/* The tree of a packed message, apiVersion and kind first. */
static struct json *name_tree(struct arena *arena, const tw_type *type, struct json *tree)
{
    struct json *named = json_new_object(arena), *next;

    if (*type->kind == '\0' || tree->type != JSON_OBJECT)
        return tree;
    json_set_text(arena, named, "apiVersion", bytes_str(type->api_version));
    json_set_text(arena, named, "kind", bytes_str(type->kind));
    for (struct json *it = tree->first; it != NULL; it = next) {
        next = it->next;
        json_set(named, it->key, json_remove(tree, it->key));
    }
    return named;
}

tw_status tw_type_encode(const tw_type *type, const struct ProtobufCMessage *message,
                         tw_object **ret_object, tw_error **reterr)
{
    struct arena arena = {0};
    struct buf raw = {0}, text = {0};
    struct error detail = {0};
    struct json *tree = NULL;
    tw_status st = pack(type, message, &raw, reterr);

    if (st == TW_OK && transcoder_to_json(&arena, message_set_root(type->set), buf_bytes(&raw),
                                          &tree, NULL, &detail) != STATUS_OK)
        st = tw_fail_detail(reterr, TW_ERR_ARGUMENT, type->descriptor->short_name, &detail);
    if (st == TW_OK) {
        json_write(&text, name_tree(&arena, type, tree), false);
        st = text.failed || arena.failed ? tw_fail_no_memory(reterr)
                                         : object_read(buf_bytes(&text), ret_object, reterr);
    }
    buf_release(&text);
    buf_release(&raw);
    arena_release(&arena);
    return st;
}
