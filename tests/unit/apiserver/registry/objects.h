/*
 * objects - what the registry's tests share: objects from JSON, rows as text.
 */
#ifndef TIDEWATCH_TESTS_UNIT_APISERVER_REGISTRY_OBJECTS_H
#define TIDEWATCH_TESTS_UNIT_APISERVER_REGISTRY_OBJECTS_H

#include <stdlib.h>

#include "unit/test.h"

#include "apiserver/registry/registry.h"
#include "apiserver/registry/view.h"
#include "base/clock.h"

static inline const struct kind *builtin_kind(const char *group, const char *plural)
{
    size_t count;
    const struct kind *const *kinds = kinds_builtin(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(kinds[i]->group, group) == 0 && strcmp(kinds[i]->plural, plural) == 0)
            return kinds[i];
    }
    return NULL;
}

/* Writes `text`, with every `<ago N>` turned into the time N seconds ago. */
static inline void expand_times(struct buf *out, const char *text)
{
    const char *at;

    while ((at = strstr(text, "<ago ")) != NULL) {
        char time[RFC3339_LEN + 1];
        long seconds = strtol(at + 5, NULL, 10);

        rfc3339_format(clock_wall_s() - seconds, time);
        buf_append(out, text, (size_t)(at - text));
        buf_append_str(out, time);
        text = strchr(at, '>') + 1;
    }
    buf_append_str(out, text);
}

/* The object of a JSON text, committed at revision 7. The caller unrefs it. */
static inline struct object *object_from(const struct kind *kind, const char *text)
{
    struct arena arena = {0};
    struct buf json = {0};
    struct object *object = NULL;
    struct error err = {0};
    struct json *tree;

    expand_times(&json, text);
    CHECK(json_parse(&arena, buf_bytes(&json), &tree, NULL, &err) == STATUS_OK);
    if (object_new(tree, kind->fields, kind->field_count, &object, &err) != STATUS_OK)
        fprintf(stderr, "%s\n", error_message(&err));
    CHECK(object != NULL);
    object->base.rev = 7;
    error_release(&err);
    buf_release(&json);
    arena_release(&arena);
    return object;
}

/* The cells of the first row of a Table, joined by " | ". */
static inline void append_cells(struct buf *out, struct bytes table)
{
    struct arena arena = {0};
    struct json *tree;
    const struct json *row, *columns;
    bool first = true;

    CHECK(json_parse(&arena, table, &tree, NULL, NULL) == STATUS_OK);
    row = json_index(json_get(tree, BYTES("rows")), 0);
    columns = json_get(tree, BYTES("columnDefinitions"));
    CHECK(row != NULL);
    if (json_is(columns, JSON_ARRAY))
        CHECK_INT(json_get(row, BYTES("cells"))->count, columns->count);
    json_each(json_get(row, BYTES("cells")), cell) {
        buf_append_str(out, first ? "" : " | ");
        first = false;
        if (json_is(cell, JSON_STRING))
            buf_append_bytes(out, cell->text);
        else
            json_write(out, cell, false);
    }
    arena_release(&arena);
}

static inline void check_row(const struct kind *kind, const char *json, const char *expected)
{
    struct object *object = object_from(kind, json);
    struct view view = {.shape = VIEW_TABLE, .include = VIEW_INCLUDE_NONE};
    struct buf table = {0}, cells = {0};

    view_write_object(&table, kind, view, object, 0);
    append_cells(&cells, buf_bytes(&table));
    if (!bytes_eq_str(buf_bytes(&cells), expected))
        fprintf(stderr, "row of %s\n", kind->plural);
    CHECK_TEXT(buf_bytes(&cells), expected);
    buf_release(&cells);
    buf_release(&table);
    object_unref(object);
}

/* A CRD as crd_prepare() leaves it, as an object; NULL when it was refused (`reterr` says why). */
static inline struct object *prepared_crd(const struct registry *registry, const char *text,
                                          struct error *reterr)
{
    const struct kind *kind = builtin_kind("apiextensions.k8s.io", "customresourcedefinitions");
    struct arena arena = {0};
    struct object *object = NULL;
    struct json *tree;

    CHECK(json_parse(&arena, bytes_str(text), &tree, NULL, NULL) == STATUS_OK);
    if (crd_prepare(registry, &arena, tree, NULL, reterr) == STATUS_OK) {
        CHECK(object_new(tree, kind->fields, kind->field_count, &object, NULL) == STATUS_OK);
        object->base.rev = 11;
    }
    arena_release(&arena);
    return object;
}

/* A registry that also serves the CRD. */
static inline void serve_crd(struct registry *registry, const char *text)
{
    struct error err = {0};
    struct object *crd = prepared_crd(registry, text, &err);

    if (crd == NULL)
        fprintf(stderr, "%s\n", error_message(&err));
    CHECK(crd != NULL);
    CHECK(registry_put_crd(registry, crd));
    object_unref(crd);
    error_release(&err);
}

#define FOO_CRD(plural, kind_, versions)                                                           \
    "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","           \
    "\"metadata\":{\"name\":\"" plural ".example.com\"},\"spec\":{\"group\":\"example.com\","      \
    "\"scope\":\"Namespaced\",\"names\":{\"plural\":\"" plural "\",\"kind\":\"" kind_ "\"},"       \
    "\"versions\":[" versions "]}}"
#define VERSION(name, storage, more)                                                               \
    "{\"name\":\"" name "\",\"served\":true,\"storage\":" storage ",\"schema\":"                   \
    "{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\","     \
    "\"properties\":{\"color\":{\"type\":\"string\"},\"size\":{\"type\":\"integer\"}}}}}}" more    \
    "}"

#endif
