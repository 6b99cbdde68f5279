/*
 * openapi_v2 - messages and field numbers: google/gnostic openapiv2/OpenAPIv2.proto. What kubectl
 * reads: k8s.io/cli-runtime/pkg/resource/query_param_verifier.go (and dry_run_verifier.go
 * before 1.27).
 */
#include "apiserver/registry/openapi_v2.h"

enum {
    DOCUMENT_SWAGGER = 1,
    DOCUMENT_PATHS = 8,
    PATHS_PATH = 2,
    NAMED_NAME = 1,
    NAMED_VALUE = 2,
    PATH_ITEM_PATCH = 8,
    OPERATION_PARAMETERS = 8,
    OPERATION_VENDOR_EXTENSION = 13,
    PARAMETERS_ITEM_PARAMETER = 1,
    PARAMETER_NON_BODY = 2,
    NON_BODY_QUERY = 3,
    QUERY_NAME = 4,
    ANY_YAML = 2,
};

static void append_varint(struct buf *out, size_t n)
{
    for (; n > 0x7f; n >>= 7)
        buf_append_char(out, (char)(n | 0x80));
    buf_append_char(out, (char)n);
}

/* A string, or a message that is whole. */
static void append_field(struct buf *out, unsigned field, struct bytes value)
{
    append_varint(out, field << 3 | 2);
    append_varint(out, value.len);
    buf_append_bytes(out, value);
}

/* Makes what `message` holds the one field of a message around it. */
static void wrap(struct buf *message, unsigned field)
{
    struct buf around = {0};

    append_field(&around, field, buf_bytes(message));
    around.failed |= message->failed;
    buf_release(message);
    *message = around;
}

/* One `parameters` entry of an operation. */
static void append_query_parameter(struct buf *operation, const char *name)
{
    static const unsigned outwards[] = {NON_BODY_QUERY, PARAMETER_NON_BODY,
                                        PARAMETERS_ITEM_PARAMETER, OPERATION_PARAMETERS};
    struct buf message = {0};

    append_field(&message, QUERY_NAME, bytes_str(name));
    for (size_t i = 0; i < ARRAY_LEN(outwards); i++)
        wrap(&message, outwards[i]);
    buf_append_bytes(operation, buf_bytes(&message));
    operation->failed |= message.failed;
    buf_release(&message);
}

static void append_gvk(struct buf *operation, const struct kind *kind)
{
    struct buf yaml = {0}, extension = {0};

    buf_appendf(&yaml, "group: \"%s\"\nkind: %s\nversion: %s\n", kind->group, kind->kind,
                kind->version);
    wrap(&yaml, ANY_YAML);
    append_field(&extension, NAMED_NAME, BYTES("x-kubernetes-group-version-kind"));
    append_field(&extension, NAMED_VALUE, buf_bytes(&yaml));
    append_field(operation, OPERATION_VENDOR_EXTENSION, buf_bytes(&extension));
    operation->failed |= yaml.failed || extension.failed;
    buf_release(&yaml);
    buf_release(&extension);
}

void openapi_v2_begin(struct buf *out)
{
    append_field(out, DOCUMENT_SWAGGER, BYTES("2.0"));
}

/* Messages of one type that follow each other merge: each kind may bring a `paths` of its own. */
void openapi_v2_add(struct buf *out, const struct kind *kind)
{
    struct buf item = {0}, path = {0}, name = {0};

    append_query_parameter(&item, "dryRun");
    append_query_parameter(&item, "fieldValidation");
    append_gvk(&item, kind);
    wrap(&item, PATH_ITEM_PATCH);
    buf_appendf(&name, "/%s/%s/%s%s/{name}", kind->group[0] != '\0' ? "apis" : "api",
                kind->api_version, kind->namespaced ? "namespaces/{namespace}/" : "", kind->plural);
    append_field(&path, NAMED_NAME, buf_bytes(&name));
    append_field(&path, NAMED_VALUE, buf_bytes(&item));
    wrap(&path, PATHS_PATH);
    append_field(out, DOCUMENT_PATHS, buf_bytes(&path));
    out->failed |= item.failed || path.failed || name.failed;
    buf_release(&item);
    buf_release(&path);
    buf_release(&name);
}
