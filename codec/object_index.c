/*
 * An object is made in three steps: canonical bytes, a tree of just these bytes, and an index whose
 * texts are spans of them. Here is the third. The tree dies; index and bytes lie in one allocation:
 *
 *   struct object | labels | owners | fields | finalizers | image | texts that are no span of it
 */
#include <stdlib.h>

#include "base/clock.h"
#include "codec/object_image.h"
#include "codec/object_index.h"

/* An index in an arena, whose texts are still those of the tree. */
struct draft {
    struct object object;
    struct label *labels;
    struct object_owner *owners;
    struct bytes *fields, *finalizers;
};

/* ---- reading the index out of the tree ---- */

static int compare_labels(const void *a, const void *b)
{
    const struct label *x = a, *y = b;

    return bytes_cmp(x->key, y->key);
}

static void draft_labels(struct draft *draft, struct arena *arena, const struct json *labels)
{
    uint32_t count = labels != NULL ? labels->count : 0;
    struct label *at = arena_alloc(arena, count * sizeof(*at));

    if (at == NULL)
        return;
    draft->labels = at;
    draft->object.label_count = count;
    json_each(labels, it)
        *at++ = (struct label){it->key, json_text(it)};
    if (count > 1)
        qsort(draft->labels, count, sizeof(*draft->labels), compare_labels);
}

static void draft_finalizers(struct draft *draft, struct arena *arena, const struct json *list)
{
    uint32_t count = list != NULL ? list->count : 0;
    struct bytes *at = arena_alloc(arena, count * sizeof(*at));

    if (at == NULL)
        return;
    draft->finalizers = at;
    draft->object.finalizer_count = count;
    json_each(list, it)
        *at++ = json_text(it);
}

static void draft_owners(struct draft *draft, struct arena *arena, const struct json *list)
{
    uint32_t count = list != NULL ? list->count : 0;
    struct object_owner *at = arena_alloc(arena, count * sizeof(*at));

    if (at == NULL)
        return;
    draft->owners = at;
    draft->object.owner_count = count;
    json_each(list, it)
        *at++ = (struct object_owner){
            .uid = json_get_text(it, "uid"),
            .controller = json_is_true(json_get(it, BYTES("controller"))),
            .block_deletion = json_is_true(json_get(it, BYTES("blockOwnerDeletion"))),
        };
}

/* A scalar at the end of a dotted way, as Go's fmt.Sprint shows it; else the fallback. */
static struct bytes field_value(const struct json *tree, const struct object_field *field)
{
    struct bytes rest = bytes_str(field->path);

    while (rest.len != 0 && tree != NULL)
        tree = json_get(tree, bytes_cut(&rest, '.'));
    if (json_is(tree, JSON_STRING) || json_is(tree, JSON_NUMBER))
        return tree->text;
    if (json_is(tree, JSON_BOOL))
        return tree->boolean ? BYTES("true") : BYTES("false");
    return bytes_str(field->fallback);
}

static void draft_fields(struct draft *draft, struct arena *arena, const struct json *tree,
                         const struct object_field *fields, size_t count)
{
    struct bytes *values = arena_alloc(arena, count * sizeof(*values));

    if (values == NULL)
        return;
    draft->fields = values;
    draft->object.field_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        values[i] = field_value(tree, &fields[i]);
}

static void draft_metadata(struct draft *draft, struct arena *arena, const struct json *metadata)
{
    struct object *object = &draft->object;

    object->name = json_get_text(metadata, "name");
    object->namespace = json_get_text(metadata, "namespace");
    object->uid = json_get_text(metadata, "uid");
    object->generate_name = json_get_text(metadata, "generateName");
    object->deletion_timestamp = json_get_text(metadata, "deletionTimestamp");
    json_to_i64(json_get(metadata, BYTES("generation")), &object->generation);
    rfc3339_parse(json_get_text(metadata, "creationTimestamp"), &object->created_s);
    draft_labels(draft, arena, json_get(metadata, BYTES("labels")));
    draft_finalizers(draft, arena, json_get(metadata, BYTES("finalizers")));
    draft_owners(draft, arena, json_get(metadata, BYTES("ownerReferences")));
}

/* ---- moving it into its own allocation ---- */

/* From the image the tree was read from, to where the object keeps it. */
struct move {
    struct bytes from;
    char *image, *extra; /* NULL: only measure */
    size_t extra_len;    /* of the texts outside of the image */
};

static void move_text(struct move *move, struct bytes *text)
{
    uintptr_t at = (uintptr_t)text->ptr, from = (uintptr_t)move->from.ptr;

    if (at >= from && at - from < move->from.len) {
        if (move->image != NULL)
            text->ptr = move->image + (at - from);
        return;
    }
    if (move->extra != NULL) {
        if (text->len != 0)
            memcpy(move->extra + move->extra_len, text->ptr, text->len);
        text->ptr = move->extra + move->extra_len;
    }
    move->extra_len += text->len;
}

static void move_texts(struct move *move, struct draft *draft)
{
    struct object *object = &draft->object;

    move_text(move, &object->name);
    move_text(move, &object->namespace);
    move_text(move, &object->uid);
    move_text(move, &object->generate_name);
    move_text(move, &object->deletion_timestamp);
    for (uint32_t i = 0; i < object->label_count; i++) {
        move_text(move, &draft->labels[i].key);
        move_text(move, &draft->labels[i].value);
    }
    for (uint32_t i = 0; i < object->owner_count; i++)
        move_text(move, &draft->owners[i].uid);
    for (uint32_t i = 0; i < object->field_count; i++)
        move_text(move, &draft->fields[i]);
    for (uint32_t i = 0; i < object->finalizer_count; i++)
        move_text(move, &draft->finalizers[i]);
}

static void destroy(struct value *value)
{
    free(object_of(value));
}

/* Copies `len` bytes to `*to` and goes behind them. */
static void *put(char **to, const void *from, size_t len)
{
    void *start = *to;

    if (len != 0)
        memcpy(start, from, len);
    *to += len;
    return start;
}

/* NULL without memory. */
static struct object *finish(struct draft *draft, struct bytes image)
{
    struct object *made, *object = &draft->object;
    size_t labels_len = object->label_count * sizeof(*draft->labels);
    size_t owners_len = object->owner_count * sizeof(*draft->owners);
    size_t fields_len = object->field_count * sizeof(*draft->fields);
    size_t finalizers_len = object->finalizer_count * sizeof(*draft->finalizers);
    size_t index_len = sizeof(*made) + labels_len + owners_len + fields_len + finalizers_len;
    struct move move = {.from = image};
    char *to;

    move_texts(&move, draft);
    made = malloc(index_len + image.len + move.extra_len);
    if (made == NULL)
        return NULL;
    move.image = (char *)made + index_len;
    move.extra = move.image + image.len;
    move.extra_len = 0;
    move_texts(&move, draft);

    to = (char *)(made + 1);
    object->labels = put(&to, draft->labels, labels_len);
    object->owners = put(&to, draft->owners, owners_len);
    object->fields = put(&to, draft->fields, fields_len);
    object->finalizers = put(&to, draft->finalizers, finalizers_len);
    object->base.data = put(&to, image.ptr, image.len);
    object->base.len = (uint32_t)image.len;
    object->base.destroy = destroy;
    atomic_init(&object->base.refs, 1);
    memcpy(made, object, sizeof(*made));
    return made;
}

enum status object_index(const struct json *tree, struct bytes image, struct arena *arena,
                         const struct object_field *fields, size_t field_count,
                         struct object **ret_object)
{
    struct draft draft = {0};
    struct object_splices splices;
    struct object *made;

    if (!object_image_find_splices(image, &splices))
        return STATUS_CORRUPT;
    draft.object.rv_at = (uint32_t)splices.rv_at;
    draft.object.api_version_at = (uint32_t)splices.api_version_at;
    draft.object.api_version_end = (uint32_t)splices.api_version_end;
    draft_metadata(&draft, arena, json_get(tree, BYTES("metadata")));
    draft_fields(&draft, arena, tree, fields, field_count);
    if (arena->failed)
        return STATUS_NO_MEMORY;
    made = finish(&draft, image);
    if (made == NULL)
        return STATUS_NO_MEMORY;
    *ret_object = made;
    return STATUS_OK;
}
