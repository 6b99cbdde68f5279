/*
 * Protobuf: whatever the bytes, memory stays bounded and the reason is told. What the transcoder
 * read it can write, and from then on nothing changes any more. protobuf-c survives what the scan
 * let pass.
 *
 * What the transcoder takes of JSON, message_check() takes too.
 *
 * (A tree from JSON may lose zeros and empty lists on its first way: those are not asked about.)
 *
 * The first byte says what the others are: an envelope, the message of a kind, JSON of a kind, or a
 * schema and an object of it, in JSON.
 */
#include <protobuf-c/protobuf-c.h>
#include <stdlib.h>

#include "codec/message_check.h"
#include "codec/protobuf_scan.h"
#include "codec/transcoder_custom.h"
#include "proto/apiextensions_v1.pb-c.h"
#include "proto/core_v1.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ENVELOPE, UNPACK, MESSAGE, JSON = MESSAGE + 16, CUSTOM = JSON + 16 };

static const struct {
    const char *api_version, *kind;
} kinds[] = {
    {"v1", "Pod"},
    {"v1", "ConfigMap"},
    {"v1", "Secret"},
    {"v1", "Event"},
    {"v1", "Node"},
    {"v1", "Service"},
    {"v1", "WatchEvent"},
    {"v1", "DeleteOptions"},
    {"apps/v1", "Deployment"},
    {"apps/v1", "ControllerRevision"},
    {"v1", "APIResourceList"},
    {"policy/v1", "PodDisruptionBudget"},
    {"networking.k8s.io/v1", "Ingress"},
    {"coordination.k8s.io/v1", "Lease"},
    {"authorization.k8s.io/v1", "SubjectAccessReview"},
    {"apiextensions.k8s.io/v1", "CustomResourceDefinition"},
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void write_lenient(struct buf *out, const struct message_type *type, const struct json *tree)
{
    struct transcoder_report report = {.lenient = true};
    struct error err = {0};
    enum status st = transcoder_from_json(out, type, tree, &report, &err);

    must(st == STATUS_OK || (st == STATUS_BAD_REQUEST && err.message != NULL));
    transcoder_report_release(&report);
    error_release(&err);
}

/* From a tree to bytes to a tree to the same bytes. */
static void settle(struct arena *arena, const struct message_type *type, const struct json *tree)
{
    struct buf first = {0}, second = {0};
    struct json *again = NULL;

    write_lenient(&first, type, tree);
    must(transcoder_to_json(arena, type, buf_bytes(&first), &again, NULL, NULL) == STATUS_OK);
    write_lenient(&second, type, again);
    must(bytes_eq(buf_bytes(&first), buf_bytes(&second)));
    buf_release(&first);
    buf_release(&second);
}

static void try_message(struct arena *arena, const struct message_type *type, struct bytes raw)
{
    struct transcoder_report report = {0};
    struct error err = {0};
    struct json *tree = NULL;

    if (transcoder_to_json(arena, type, raw, &tree, &report, &err) == STATUS_OK)
        settle(arena, type, tree);
    else
        must(err.message != NULL);
    transcoder_report_release(&report);
    error_release(&err);
}

static void try_envelope(struct arena *arena, struct bytes text)
{
    struct error err = {0};
    struct json *tree = NULL;

    if (transcoder_read(arena, text, BYTES("v1"), BYTES("Pod"), &tree, NULL, &err) == STATUS_OK)
        settle(arena,
               transcoder_find(json_get_text(tree, "apiVersion"), json_get_text(tree, "kind")),
               tree);
    else
        must(err.message != NULL);
    error_release(&err);
}

/* Written once, an empty name and none are the same. */
static void settle_written(struct arena *arena, const struct message_type *type,
                           const struct json *object)
{
    struct json *tree = NULL;
    struct buf raw = {0};

    write_lenient(&raw, type, object);
    must(transcoder_to_json(arena, type, buf_bytes(&raw), &tree, NULL, NULL) == STATUS_OK);
    settle(arena, type, tree);
    buf_release(&raw);
}

static bool fits(const struct message_type *type, struct json *tree, size_t *ret_unknown)
{
    struct transcoder_report report = {0};
    struct error err = {0};
    enum status st = message_check(type, tree, &report, &err);

    must(st == STATUS_OK || (st == STATUS_BAD_REQUEST && err.message != NULL));
    *ret_unknown = report.count;
    transcoder_report_release(&report);
    error_release(&err);
    return st == STATUS_OK;
}

/* What the transcoder takes as it is fits, both know the same members; and what was made to fit
 * fits. */
static void try_check(const struct message_type *type, struct json *tree)
{
    struct transcoder_report report = {0};
    struct buf out = {0};
    bool is_taken = transcoder_from_json(&out, type, tree, &report, NULL) == STATUS_OK, has_fit;
    size_t unknown, still_unknown;

    has_fit = fits(type, tree, &unknown);
    must(!is_taken || (has_fit && unknown == report.count));
    must(!has_fit || (fits(type, tree, &still_unknown) && still_unknown == 0));
    transcoder_report_release(&report);
    buf_release(&out);
}

static void try_json(struct arena *arena, const struct message_type *type, struct bytes text)
{
    struct json *tree = NULL;

    if (json_parse(arena, text, &tree, NULL, NULL) == STATUS_OK && tree->type == JSON_OBJECT) {
        settle_written(arena, type, tree);
        try_check(type, tree);
    }
}

/* [schema, object] */
static void try_custom(struct arena *arena, struct bytes text)
{
    struct custom_messages *messages = NULL;
    struct json *pair = NULL, *object;
    struct buf proto = {0};

    if (json_parse(arena, text, &pair, NULL, NULL) != STATUS_OK)
        return;
    object = json_index(pair, 1);
    if (custom_messages_new(BYTES("a.b"), BYTES("v1"), BYTES("C"), json_index(pair, 0),
                            json_index(pair, 2), &messages, NULL) != STATUS_OK)
        return;
    custom_messages_write_proto(&proto, messages);
    must(!proto.failed);
    if (json_is(object, JSON_OBJECT))
        settle_written(arena, custom_messages_kind(messages), object);
    buf_release(&proto);
    custom_messages_free(messages);
}

/* What passes the scan must be safe to unpack. */
static void try_unpack(struct bytes raw)
{
    static const ProtobufCMessageDescriptor *const descriptors[] = {
        &k8s__io__api__core__v1__pod__descriptor,
        &k8s__io__apiextensions_apiserver__pkg__apis__apiextensions__v1__jsonschema_props__descriptor};

    for (size_t i = 0; i < ARRAY_LEN(descriptors); i++) {
        ProtobufCMessage *message;

        if (protobuf_scan(descriptors[i], raw, NULL) != STATUS_OK)
            continue;
        message =
            protobuf_c_message_unpack(descriptors[i], NULL, raw.len, (const uint8_t *)raw.ptr);
        if (message != NULL)
            protobuf_c_message_free_unpacked(message, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct bytes rest;
    size_t kind;

    if (size == 0)
        return 0;
    rest = bytes_of((const char *)data + 1, size - 1);
    kind = (size_t)(data[0] - MESSAGE) % ARRAY_LEN(kinds);
    if (data[0] == ENVELOPE) {
        try_envelope(&arena, rest);
    } else if (data[0] == UNPACK) {
        try_unpack(rest);
    } else if (data[0] == CUSTOM) {
        try_custom(&arena, rest);
    } else {
        const struct message_type *type =
            transcoder_find(bytes_str(kinds[kind].api_version), bytes_str(kinds[kind].kind));

        must(type != NULL);
        if (data[0] < JSON)
            try_message(&arena, type, rest);
        else
            try_json(&arena, type, rest);
    }
    must(arena.used < 512u * 1024 * 1024);
    arena_release(&arena);
    return 0;
}
