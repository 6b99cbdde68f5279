#include "apiserver/registry/crd_parts.h"

static struct bytes lower(struct arena *arena, struct bytes text)
{
    char *copy = arena_alloc(arena, text.len + 1);

    if (copy == NULL)
        return bytes_of(NULL, 0);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        copy[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return bytes_of(copy, text.len);
}

/* k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1/defaults.go */
static void set_defaults(struct arena *arena, struct json *crd)
{
    struct json *spec = json_ensure_object(arena, crd, "spec");
    struct json *names = json_ensure_object(arena, spec, "names");
    struct bytes kind = json_get_text(names, "kind");
    struct json *conversion;
    struct json *service;

    if (json_get_text(names, "singular").len == 0)
        json_set_text(arena, names, "singular", lower(arena, kind));
    if (json_get_text(names, "listKind").len == 0 && kind.len > 0)
        json_set_text(arena, names, "listKind", arena_printf(arena, "%.*sList", BYTES_FMT(kind)));
    conversion = json_get(spec, BYTES("conversion"));
    if (!json_is(conversion, JSON_OBJECT)) {
        conversion = json_ensure_object(arena, spec, "conversion");
        json_set_text(arena, conversion, "strategy", BYTES("None"));
    }
    service = json_at(conversion, "webhook", "clientConfig", "service", NULL);
    if (json_is(service, JSON_OBJECT) && json_get(service, BYTES("port")) == NULL)
        json_set(service, BYTES("port"), json_new_int(arena, 443));
    /* false is what the type's omitempty leaves out */
    if (json_is(json_get(spec, BYTES("preserveUnknownFields")), JSON_BOOL) &&
        !json_is_true(json_get(spec, BYTES("preserveUnknownFields"))))
        json_remove(spec, BYTES("preserveUnknownFields"));
}

static struct bytes storage_version(const struct json *crd)
{
    json_each(json_at(crd, "spec", "versions", NULL), version) {
        if (json_is_true(json_get(version, BYTES("storage"))))
            return json_get_text(version, "name");
    }
    return bytes_of(NULL, 0);
}

/* status.storedVersions gains the version that objects are written with from now on. */
static void add_stored_version(struct arena *arena, const struct json *crd, struct json *status)
{
    struct json *stored = json_get(status, BYTES("storedVersions"));
    struct bytes version = storage_version(crd);

    if (!json_is(stored, JSON_ARRAY))
        stored = json_set(status, BYTES("storedVersions"), json_new_array(arena));
    json_each(stored, it) {
        if (bytes_eq(json_text(it), version))
            return;
    }
    if (version.len > 0)
        json_append(stored, json_new_string(arena, version));
}

/* On create nothing of the client's status stays. Later it does: the handler has kept the stored
 * status for an update of the object, and the client's for one of /status, which may drop stored
 * versions. */
static struct json *begin_status(struct arena *arena, struct json *crd, const struct json *old)
{
    if (old == NULL)
        return json_set(crd, BYTES("status"), json_new_object(arena));
    if (!json_is(json_get(crd, BYTES("status")), JSON_OBJECT) &&
        json_is(json_get(old, BYTES("status")), JSON_OBJECT))
        return json_set(crd, BYTES("status"), json_copy(arena, json_get(old, BYTES("status"))));
    return json_ensure_object(arena, crd, "status");
}

enum status crd_prepare(const struct registry *registry, struct arena *arena, struct json *crd,
                        const struct json *old, struct error *reterr)
{
    struct field_errors errors = {.arena = arena};
    struct bytes name = json_text(json_at(crd, "metadata", "name", NULL));
    struct json *status;
    enum status st = crd_check_types(crd, reterr);

    if (st != STATUS_OK)
        return st;
    set_defaults(arena, crd);
    status = begin_status(arena, crd, old);
    add_stored_version(arena, crd, status);
    crd_validate(crd, old, &errors);
    crd_check_numbers(&errors, crd);
    st = field_errors_end(&errors, BYTES("apiextensions.k8s.io"), BYTES("CustomResourceDefinition"),
                          name, reterr);
    if (st != STATUS_OK)
        return st;
    if (!crd_accept_names(registry, arena, crd, status) || arena->failed)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    return STATUS_OK;
}
