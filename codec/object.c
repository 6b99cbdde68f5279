#include "codec/object.h"

#include <stdlib.h>

#include "codec/object_image.h"
#include "codec/object_index.h"

enum { IMAGE_MOSTLY = 2048 }; /* bytes, within which most objects stay */

/* ---- making ---- */

enum status object_new(const struct json *tree, const struct object_field *fields,
                       size_t field_count, struct object **ret_object, struct error *reterr)
{
    struct arena arena = {0};
    struct buf image = {0};
    struct json *read;
    enum status st;

    st = object_check(tree, reterr);
    if (st != STATUS_OK)
        goto out;
    buf_reserve(&image, IMAGE_MOSTLY);
    object_image_write(&image, tree);
    if (image.failed || image.len > UINT32_MAX) {
        st = error_set(reterr, image.failed ? STATUS_NO_MEMORY : STATUS_TOO_LARGE,
                       image.failed ? "out of memory" : "object too large");
        goto out;
    }
    st = json_parse(&arena, buf_bytes(&image), &read, NULL, reterr); /* it may be too deep */
    if (st != STATUS_OK)
        goto out;
    st = object_index(read, buf_bytes(&image), &arena, fields, field_count, ret_object);
    if (st != STATUS_OK)
        error_set(reterr, st, "out of memory");
out:
    arena_release(&arena);
    buf_release(&image);
    return st;
}

static enum status corrupt(struct error *reterr, const char *why)
{
    return error_set(reterr, STATUS_CORRUPT, "stored object is not what was written: %s", why);
}

enum status object_load(struct bytes stored, uint64_t rev, const struct object_field *fields,
                        size_t field_count, struct object **ret_object, struct error *reterr)
{
    struct arena arena = {0};
    struct error why = {0};
    struct json *tree;
    enum status st;

    if (stored.len > UINT32_MAX)
        return corrupt(reterr, "too large");
    st = json_parse(&arena, stored, &tree, NULL, &why);
    if (st == STATUS_OK)
        st = object_check(tree, &why);
    if (st == STATUS_OK && !object_image_is_canonical(tree))
        st = error_set(&why, STATUS_CORRUPT, "not in canonical form");
    if (st == STATUS_OK)
        st = object_index(tree, stored, &arena, fields, field_count, ret_object);
    if (st == STATUS_OK)
        (*ret_object)->base.rev = rev;
    else if (st == STATUS_NO_MEMORY)
        error_set(reterr, st, "out of memory");
    else
        st = corrupt(reterr, why.message != NULL ? why.message : "not in canonical form");
    error_release(&why);
    arena_release(&arena);
    return st;
}

static void destroy_image(struct value *value)
{
    free(object_of(value));
}

enum status object_load_image(struct bytes stored, uint64_t rev, struct object **ret_object,
                              struct error *reterr)
{
    struct object_splices splices;
    struct object *made;

    if (stored.len > UINT32_MAX || !object_image_find_splices(stored, &splices))
        return corrupt(reterr, "not in canonical form");
    made = calloc(1, sizeof(*made) + stored.len);
    if (made == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    memcpy(made + 1, stored.ptr, stored.len);
    made->rv_at = (uint32_t)splices.rv_at;
    made->api_version_at = (uint32_t)splices.api_version_at;
    made->api_version_end = (uint32_t)splices.api_version_end;
    made->base.data = (const char *)(made + 1);
    made->base.len = (uint32_t)stored.len;
    made->base.rev = rev;
    made->base.destroy = destroy_image;
    atomic_init(&made->base.refs, 1);
    *ret_object = made;
    return STATUS_OK;
}

/* ---- showing ---- */

enum status object_to_json(const struct object *object, uint64_t rev, struct bytes api_version,
                           struct arena *arena, struct json **ret_tree)
{
    struct json *tree;
    enum status st = json_parse(arena, value_bytes(&object->base), &tree, NULL, NULL);

    assert(st != STATUS_BAD_REQUEST); /* it was read before, when the object was made */
    if (st != STATUS_OK)
        return st;
    if (api_version.len != 0)
        json_get(tree, BYTES("apiVersion"))->text = api_version;
    if (rev != 0)
        object_image_insert_rv(arena, tree, rev);
    if (arena->failed)
        return STATUS_NO_MEMORY;
    *ret_tree = tree;
    return STATUS_OK;
}

enum { REV_MAX = 64 }; /* of a resourceVersion with its name, and a line end behind the object */

void object_write(struct buf *out, const struct object *object, uint64_t rev,
                  struct bytes api_version)
{
    const char *data = object->base.data;

    if (rev == 0)
        rev = object->base.rev;
    if (api_version.len == 0)
        api_version = bytes_of(data + object->api_version_at,
                               object->api_version_end - object->api_version_at);
    (void)buf_reserve(out, object->base.len + api_version.len + REV_MAX);
    buf_append(out, data, object->api_version_at);
    buf_append_bytes(out, api_version);
    buf_append(out, data + object->api_version_end, object->rv_at - object->api_version_end);
    if (rev != 0) {
        buf_append_str(out, "\"resourceVersion\":\"");
        buf_append_u64(out, rev);
        buf_append_str(out, "\",");
    }
    buf_append(out, data + object->rv_at, object->base.len - object->rv_at);
}

/* ---- asking ---- */

/* Unknown fields were refused when the request came in; here they are empty, as in fields.Set. */
static struct bytes field_of(const struct object *object, struct bytes label,
                             const struct object_field *fields, size_t field_count)
{
    if (bytes_eq(label, BYTES("metadata.name")))
        return object->name;
    if (bytes_eq(label, BYTES("metadata.namespace")))
        return object->namespace;
    for (size_t i = 0; i < field_count && i < object->field_count; i++)
        if (bytes_eq_str(label, fields[i].label))
            return object->fields[i];
    return bytes_of(NULL, 0);
}

bool object_matches_fields(const struct object *object, const struct field_selector *selector,
                           const struct object_field *fields, size_t field_count)
{
    for (size_t i = 0; selector != NULL && i < selector->count; i++) {
        const struct field_term *term = &selector->terms[i];
        struct bytes value = field_of(object, term->field, fields, field_count);

        if (bytes_eq(value, term->value) == term->negated)
            return false;
    }
    return true;
}
