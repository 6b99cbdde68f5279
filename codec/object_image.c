#include "codec/object_image.h"

/* What an image begins with, and what its metadata begins with. */
static const struct bytes root_names[] = {BYTES_INIT("apiVersion"), BYTES_INIT("kind"),
                                          BYTES_INIT("metadata")};
static const struct bytes metadata_names[] = {BYTES_INIT("name"), BYTES_INIT("generateName"),
                                              BYTES_INIT("namespace"), BYTES_INIT("uid")};
#define RESOURCE_VERSION BYTES("resourceVersion")

/* The place of `key` in `names`, or `count`. */
static size_t rank_of(struct bytes key, const struct bytes *names, size_t count)
{
    size_t i = 0;

    while (i < count && !bytes_eq(key, names[i]))
        i++;
    return i;
}

/* ---- writing ---- */

static void write_member(struct buf *out, struct bytes key, const struct json *value)
{
    char before = out->len != 0 ? out->data[out->len - 1] : '{';

    if (before != '{')
        buf_append_char(out, ',');
    json_write_string(out, key);
    buf_append_char(out, ':');
    json_write(out, value, false);
}

/* Metadata without a member has no place to splice at, so it gets what encoding/json writes of an
 * empty ObjectMeta. */
static void write_metadata(struct buf *out, const struct json *metadata)
{
    size_t start;

    buf_append_str(out, ",\"metadata\":{");
    start = out->len;
    for (size_t i = 0; i < ARRAY_LEN(metadata_names); i++) {
        const struct json *member = json_get(metadata, metadata_names[i]);

        if (json_is(member, JSON_STRING)) /* null says as much as nothing */
            write_member(out, metadata_names[i], member);
    }
    json_each(metadata, it)
        if (rank_of(it->key, metadata_names, ARRAY_LEN(metadata_names)) ==
                ARRAY_LEN(metadata_names) &&
            !bytes_eq(it->key, RESOURCE_VERSION))
            write_member(out, it->key, it);
    if (out->len == start)
        buf_append_str(out, "\"creationTimestamp\":null");
    buf_append_char(out, '}');
}

void object_image_write(struct buf *out, const struct json *tree)
{
    buf_append_char(out, '{');
    write_member(out, root_names[0], json_get(tree, root_names[0]));
    write_member(out, root_names[1], json_get(tree, root_names[1]));
    write_metadata(out, json_get(tree, root_names[2]));
    json_each(tree, it)
        if (rank_of(it->key, root_names, ARRAY_LEN(root_names)) == ARRAY_LEN(root_names))
            write_member(out, it->key, it);
    buf_append_char(out, '}');
}

/* ---- splicing ---- */

static bool take(struct bytes image, size_t *at, const char *literal)
{
    size_t len = strlen(literal);

    if (image.len - *at < len || memcmp(image.ptr + *at, literal, len) != 0)
        return false;
    *at += len;
    return true;
}

/* Inside a string: goes to its closing quote, which valid JSON has. */
static void skip_text(struct bytes image, size_t *at)
{
    while (*at < image.len && image.ptr[*at] != '"')
        *at += image.ptr[*at] == '\\' ? 2 : 1;
    if (*at > image.len)
        *at = image.len;
}

/* At the first member of metadata. resourceVersion goes behind the known first members, so before
 * the one that follows; when none does, before the last of them. So there is always a member behind
 * it, and a comma after it is always right. */
static size_t find_rv(struct bytes image, size_t at)
{
    static const char *const members[] = {"\"name\":\"", "\"generateName\":\"", "\"namespace\":\"",
                                          "\"uid\":\""};
    size_t rv_at = at; /* always before a member */

    static_assert(ARRAY_LEN(members) == ARRAY_LEN(metadata_names), "the same, as written");
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (!take(image, &at, members[i]))
            continue;
        skip_text(image, &at);
        if (!take(image, &at, "\","))
            break;
        rv_at = at;
    }
    return rv_at;
}

bool object_image_find_splices(struct bytes image, struct object_splices *ret_splices)
{
    size_t at = 0;

    if (!take(image, &at, "{\"apiVersion\":\""))
        return false;
    ret_splices->api_version_at = at;
    skip_text(image, &at);
    ret_splices->api_version_end = at;
    if (!take(image, &at, "\",\"kind\":\""))
        return false;
    skip_text(image, &at);
    if (!take(image, &at, "\",\"metadata\":{\""))
        return false;
    ret_splices->rv_at = find_rv(image, at - 1);
    return true;
}

/* ---- the tree of an image ---- */

bool object_image_is_canonical(const struct json *tree)
{
    const struct json *it = json_is(tree, JSON_OBJECT) ? tree->first : NULL;
    size_t least = 0;

    for (size_t i = 0; i < ARRAY_LEN(root_names); i++, it = it->next)
        if (it == NULL || !bytes_eq(it->key, root_names[i]))
            return false;
    json_each(json_get(tree, root_names[2]), member) {
        size_t rank = rank_of(member->key, metadata_names, ARRAY_LEN(metadata_names));

        if (rank < least || bytes_eq(member->key, RESOURCE_VERSION) ||
            (rank < ARRAY_LEN(metadata_names) && member->type != JSON_STRING))
            return false;
        least = rank;
    }
    return true;
}

void object_image_insert_rv(struct arena *arena, struct json *tree, uint64_t rev)
{
    struct json *metadata = json_get(tree, root_names[2]), *before = metadata->first;
    struct json *moved = arena_new(arena, struct json);
    struct bytes text = arena_printf(arena, "%llu", (unsigned long long)rev);

    while (before->next != NULL && rank_of(before->key, metadata_names, ARRAY_LEN(metadata_names)) <
                                       ARRAY_LEN(metadata_names))
        before = before->next;
    if (moved == NULL)
        return;
    /* `before` moves into a new node behind, and its own node becomes the resourceVersion: so
     * nobody has to know what stands in front of it. */
    *moved = *before;
    *before = (struct json){.type = JSON_STRING, .key = RESOURCE_VERSION, .next = moved};
    before->text = text;
    if (metadata->last == before)
        metadata->last = moved;
    metadata->count++;
}
