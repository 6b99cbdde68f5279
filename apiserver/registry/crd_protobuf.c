#include "apiserver/registry/crd_parts.h"

static struct bytes numbers_text(const struct json *crd)
{
    return json_text(json_at(crd, "metadata", "annotations", CRD_FIELD_NUMBERS, NULL));
}

bool crd_has_numbers(const struct json *crd)
{
    return numbers_text(crd).ptr != NULL;
}

/* NULL: there are none. INVALID: the annotation is not what it must be. */
static enum status read_numbers(struct arena *arena, const struct json *crd,
                                struct json **ret_numbers, struct error *reterr)
{
    struct bytes text = numbers_text(crd);

    *ret_numbers = NULL;
    if (text.ptr == NULL)
        return STATUS_OK;
    if (json_parse(arena, text, ret_numbers, NULL, NULL) == STATUS_OK &&
        json_is(*ret_numbers, JSON_OBJECT))
        return STATUS_OK;
    return error_set(reterr, STATUS_INVALID,
                     "must be a JSON object of field numbers by path, as {\"spec.replicas\": 4}");
}

enum status crd_messages(const struct json *crd, const struct json *version,
                         struct custom_messages **ret_messages, struct error *reterr)
{
    const struct json *schema = json_at(version, "schema", "openAPIV3Schema", NULL);
    const struct json *spec = json_get(crd, BYTES("spec"));
    struct bytes group = json_get_text(spec, "group");
    struct bytes kind = json_text(json_at(spec, "names", "kind", NULL));
    struct arena arena = {0};
    struct json *numbers;
    enum status st = read_numbers(&arena, crd, &numbers, reterr);

    if (st == STATUS_OK)
        st = custom_messages_new(group, json_get_text(version, "name"), kind, schema, numbers,
                                 ret_messages, reterr);
    arena_release(&arena);
    return st;
}

void crd_check_numbers(struct field_errors *errors, const struct json *crd)
{
    const struct json *given = json_at(crd, "metadata", "annotations", CRD_FIELD_NUMBERS, NULL);

    if (given == NULL)
        return;
    json_each(json_at(crd, "spec", "versions", NULL), version) {
        struct custom_messages *messages = NULL;
        struct error err = {0};

        if (crd_messages(crd, version, &messages, &err) == STATUS_INVALID) {
            field_invalid(errors, BYTES("metadata.annotations[" CRD_FIELD_NUMBERS "]"), given,
                          field_detail(errors, "version %.*s: %s",
                                       BYTES_FMT(json_get_text(version, "name")),
                                       error_message(&err)));
        }
        custom_messages_free(messages);
        error_release(&err);
    }
}
