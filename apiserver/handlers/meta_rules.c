#include "apiserver/handlers/meta_rules.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/planted.h"
#include "base/rand.h"
#include "codec/label_syntax.h"

enum { ANNOTATIONS_MAX = 256 * 1024, FOUND_SHOWN_MAX = 4096 };

/* ---- reading and preparing ---- */

/* All of ObjectMeta is omitempty. */
static bool is_empty(const struct json *node)
{
    switch ((enum json_type)node->type) {
    case JSON_NULL:
        return true;
    case JSON_STRING:
        return node->text.len == 0;
    case JSON_ARRAY:
    case JSON_OBJECT:
        return node->count == 0;
    default:
        return false;
    }
}

static void drop_empty_members(struct json *object)
{
    struct json **link = &object->first, *last = NULL;

    while (*link != NULL) {
        if (is_empty(*link)) {
            *link = (*link)->next;
            object->count--;
        } else {
            last = *link;
            link = &(*link)->next;
        }
    }
    object->last = last;
}

struct json *meta_of(struct arena *arena, struct json *tree)
{
    struct json *meta = json_ensure_object(arena, tree, "metadata");

    if (meta != NULL)
        drop_empty_members(meta);
    return meta;
}

struct bytes meta_text(const struct json *tree, const char *name)
{
    return json_get_text(json_get(tree, BYTES("metadata")), name);
}

static void set_now(struct arena *arena, struct json *meta, const char *name, int64_t wall_s)
{
    char text[RFC3339_LEN + 1];

    rfc3339_format(wall_s, text);
    json_set_text(arena, meta, name, arena_dup(arena, bytes_str(text)));
}

static void remove_all(struct json *meta, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        json_remove(meta, bytes_str(names[i]));
}

void meta_begin(struct arena *arena, const struct kind *kind, struct json *tree,
                struct bytes namespace)
{
    static const char *const wiped[] = {
        "namespace",         "uid",      "resourceVersion",   "generation",
        "creationTimestamp", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds",
        "managedFields",
    };
    struct json *meta = meta_of(arena, tree);
    char uid[UUID_LEN + 1];

    remove_all(meta, wiped, ARRAY_LEN(wiped));
    if (kind->namespaced)
        json_set_text(arena, meta, "namespace", namespace);
    uuid_new(uid);
    if (PLANTED(reuse_uid))
        memcpy(uid, "11111111-1111-4111-8111-111111111111", sizeof(uid));
    json_set_text(arena, meta, "uid", arena_dup(arena, bytes_str(uid)));
    if (kind->has_generation)
        json_set(meta, BYTES("generation"), json_new_int(arena, 1));
    set_now(arena, meta, "creationTimestamp", clock_wall_s());
}

void meta_keep(struct arena *arena, struct json *tree, const struct json *old)
{
    static const char *const kept[] = {
        "name",
        "namespace",
        "uid",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    };
    static const char *const wiped[] = {"resourceVersion", "selfLink", "managedFields"};
    const struct json *old_meta = json_get(old, BYTES("metadata"));
    struct json *meta = meta_of(arena, tree);

    remove_all(meta, wiped, ARRAY_LEN(wiped));
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        const struct json *value = json_get(old_meta, bytes_str(kept[i]));

        if (value != NULL)
            json_set(meta, bytes_str(kept[i]), json_copy(arena, value));
        else
            json_remove(meta, bytes_str(kept[i]));
    }
}

void meta_bump_generation(struct arena *arena, struct json *tree)
{
    struct json *meta = meta_of(arena, tree);
    int64_t now = 0;

    if (!json_to_i64(json_get(meta, BYTES("generation")), &now))
        now = 0;
    json_set(meta, BYTES("generation"), json_new_int(arena, now + 1));
}

void meta_begin_deletion(struct arena *arena, struct json *tree, int64_t grace_s)
{
    struct json *meta = meta_of(arena, tree);

    if (json_get(meta, BYTES("generation")) != NULL)
        meta_bump_generation(arena, tree);
    set_now(arena, meta, "deletionTimestamp", clock_wall_s() + grace_s);
    json_set(meta, BYTES("deletionGracePeriodSeconds"), json_new_int(arena, grace_s));
}

bool meta_is_deleting(const struct json *tree)
{
    return meta_text(tree, "deletionTimestamp").len != 0;
}

bool meta_has_finalizer(const struct json *tree, const char *finalizer)
{
    json_each(json_at(tree, "metadata", "finalizers", NULL), it) {
        if (finalizer == NULL || bytes_eq_str(json_text(it), finalizer))
            return true;
    }
    return false;
}

/* ---- validating ---- */

static void check_key(struct field_errors *errors, struct bytes field, struct bytes key,
                      struct bytes shown)
{
    struct buf why = {0};

    if (!label_key_check(key, &why))
        field_invalid_text(errors, field, shown,
                           field_detail(errors, "%.*s", BYTES_FMT(buf_bytes(&why))));
    buf_release(&why);
}

static void check_labels(struct field_errors *errors, const struct json *meta)
{
    const struct bytes field = BYTES("metadata.labels");

    json_each(json_get(meta, BYTES("labels")), it) {
        struct buf why = {0};

        check_key(errors, field, it->key, it->key);
        if (!label_value_check(json_text(it), &why))
            field_invalid_text(errors, field, json_text(it),
                               field_detail(errors, "%.*s", BYTES_FMT(buf_bytes(&why))));
        buf_release(&why);
    }
}

/* Annotation keys may have upper case prefixes, label keys may not. */
static struct bytes lower(struct arena *arena, struct bytes text)
{
    char *copy = arena_alloc(arena, text.len + 1);

    if (copy == NULL)
        return text;
    for (size_t i = 0; i < text.len; i++)
        copy[i] = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? (char)(text.ptr[i] + 32) : text.ptr[i];
    return bytes_of(copy, text.len);
}

static void check_annotations(struct field_errors *errors, const struct json *meta)
{
    const struct bytes field = BYTES("metadata.annotations");
    size_t size = 0;

    json_each(json_get(meta, BYTES("annotations")), it) {
        check_key(errors, field, lower(errors->arena, it->key), it->key);
        size += it->key.len + json_text(it).len;
    }
    if (size > ANNOTATIONS_MAX)
        field_too_long(errors, field, ANNOTATIONS_MAX);
}

static void check_owner(struct field_errors *errors, const struct json *owner)
{
    static const struct {
        struct bytes field;
        const char *name, *words;
    } rules[] = {
        {BYTES_INIT("metadata.ownerReferences.apiVersion"), "apiVersion",
         "version must not be empty"},
        {BYTES_INIT("metadata.ownerReferences.kind"), "kind", "kind must not be empty"},
        {BYTES_INIT("metadata.ownerReferences.name"), "name", "name must not be empty"},
        {BYTES_INIT("metadata.ownerReferences.uid"), "uid", "must not be empty"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (json_get_text(owner, rules[i].name).len == 0)
            field_invalid_text(errors, rules[i].field, BYTES(""), rules[i].words);
}

static void check_owners(struct field_errors *errors, const struct json *meta)
{
    const struct json *owners = json_get(meta, BYTES("ownerReferences"));
    const struct json *controller = NULL;

    json_each(owners, it) {
        check_owner(errors, it);
        if (!json_is_true(json_get(it, BYTES("controller"))))
            continue;
        if (controller != NULL) {
            struct bytes kind = json_get_text(controller, "kind"),
                         name = json_get_text(controller, "name"),
                         other_kind = json_get_text(it, "kind"),
                         other_name = json_get_text(it, "name");

            field_invalid(errors, BYTES("metadata.ownerReferences"), owners,
                          field_detail(errors,
                                       "Only one reference can have Controller set to true. Found "
                                       "\"true\" in references for %.*s/%.*s and %.*s/%.*s",
                                       BYTES_FMT(kind), BYTES_FMT(name), BYTES_FMT(other_kind),
                                       BYTES_FMT(other_name)));
            return;
        }
        controller = it;
    }
}

/* Built-in kinds take only domain-qualified finalizers, and three old ones
 * (k8s.io/kubernetes/pkg/apis/core/validation ValidateFinalizerName). */
static bool finalizer_is_qualified(const struct kind *kind, struct bytes name)
{
    static const char *const standard[] = {"kubernetes", "orphan", "foregroundDeletion"};

    if (kind->custom || strcmp(kind->group, "apiextensions.k8s.io") == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(standard); i++)
        if (bytes_eq_str(name, standard[i]))
            return true;
    return bytes_find(name, '/') != name.len;
}

static void check_finalizers(struct field_errors *errors, const struct kind *kind,
                             const struct json *tree)
{
    const struct json *finalizers = json_at(tree, "metadata", "finalizers", NULL);
    const struct bytes field = BYTES("metadata.finalizers");

    json_each(finalizers, it) {
        check_key(errors, field, json_text(it), json_text(it));
        if (!finalizer_is_qualified(kind, json_text(it)))
            field_invalid_text(
                errors, field, json_text(it),
                "name is neither a standard finalizer name nor is it fully qualified");
    }
    if (meta_has_finalizer(tree, "orphan") && meta_has_finalizer(tree, "foregroundDeletion"))
        field_invalid(errors, field, finalizers,
                      "finalizer orphan and foregroundDeletion cannot be both set");
}

/* A finalizer that comes too late would keep what everybody was told is going
 * (ValidateNoNewFinalizers). */
static void check_no_new_finalizers(struct field_errors *errors, const struct json *tree,
                                    const struct json *old)
{
    struct buf found = {0};
    struct map known = {0};

    json_each(json_at(old, "metadata", "finalizers", NULL), it) {
        if (!map_put(&known, json_text(it), it))
            errors->arena->failed = true;
    }
    json_each(json_at(tree, "metadata", "finalizers", NULL), it) {
        if (map_get(&known, json_text(it)) != NULL || found.len > FOUND_SHOWN_MAX)
            continue;
        buf_append_str(&found, found.len != 0 ? ", " : "");
        json_write_string(&found, json_text(it));
    }
    if (found.len != 0)
        field_forbidden(errors, BYTES("metadata.finalizers"),
                        field_detail(errors,
                                     "no new finalizers can be added if the object is being "
                                     "deleted, found new finalizers []string{%.*s}",
                                     BYTES_FMT(buf_bytes(&found))));
    map_release(&known);
    buf_release(&found);
}

static void check_name(struct field_errors *errors, enum name_rule rule, const struct json *meta)
{
    struct bytes name = json_get_text(meta, "name"), prefix = json_get_text(meta, "generateName");

    if (prefix.len != 0)
        name_check(errors, rule, BYTES("metadata.generateName"), prefix, true);
    if (name.len != 0)
        name_check(errors, rule, BYTES("metadata.name"), name, false);
    else
        field_required(errors, BYTES("metadata.name"), "name or generateName is required");
}

void meta_validate(struct field_errors *errors, const struct kind *kind, enum name_rule rule,
                   const struct json *tree, const struct json *old)
{
    const struct json *meta = json_get(tree, BYTES("metadata"));

    if (old == NULL)
        check_name(errors, rule, meta);
    check_labels(errors, meta);
    check_annotations(errors, meta);
    check_owners(errors, meta);
    check_finalizers(errors, kind, tree);
    if (old != NULL && meta_is_deleting(old))
        check_no_new_finalizers(errors, tree, old);
}
