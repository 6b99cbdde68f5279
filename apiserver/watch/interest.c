/*
 * interest - what a watch asks for, kept once for all that ask for the same.
 */
#include "apiserver/watch/internal.h"

#include <stdlib.h>

/* What of a key says whether it is in sight: see filter.h. */
struct scope_of {
    enum scope scope;
    struct bytes namespace, name;
};

static struct bytes or_required(struct bytes given, const struct field_selector *fields,
                                const char *field)
{
    return given.len > 0 || fields == NULL ? given : field_selector_required(fields, field);
}

static struct scope_of scope_of(const struct watch_spec *spec)
{
    struct scope_of of = {
        .namespace = or_required(spec->namespace, spec->fields, "metadata.namespace"),
        .name = or_required(spec->name, spec->fields, "metadata.name"),
    };

    if (!spec->kind->namespaced)
        of.scope = of.name.len > 0 ? SCOPE_OBJECT : SCOPE_ALL;
    else if (of.namespace.len > 0)
        of.scope = of.name.len > 0 ? SCOPE_OBJECT : SCOPE_NAMESPACE;
    else
        of.scope = of.name.len > 0 ? SCOPE_NAME : SCOPE_ALL;
    return of;
}

static char *append(char *at, struct bytes text)
{
    if (text.len > 0)
        memcpy(at, text.ptr, text.len);
    return at + text.len;
}

/* "core/pods/" "default/" "web": resource part and scope, into `text`, which has room for them. */
static void write_text(struct filter *filter, char *text, const struct kind *kind,
                       const struct scope_of *of)
{
    bool slash = of->scope == SCOPE_NAMESPACE || of->scope == SCOPE_NAME ||
                 (of->scope == SCOPE_OBJECT && kind->namespaced);
    char *end = append(text, bytes_str(kind->prefix));

    filter->prefix_len = (uint32_t)(end - text);
    if (kind->namespaced)
        end = append(end, of->namespace);
    if (slash)
        end = append(end, BYTES("/"));
    end = append(end, of->name);
    filter->text = bytes_of(text, (size_t)(end - text));
    filter->scope = of->scope;
}

static struct interest *interest_new(const struct watch_spec *spec)
{
    struct scope_of of = scope_of(spec);
    size_t text_len = strlen(spec->kind->prefix) + of.namespace.len + 1 + of.name.len;
    struct interest *interest = calloc(1, sizeof(*interest) + text_len + 1);

    if (interest == NULL)
        return NULL;
    interest->refs = 1;
    interest->filter.kind = kind_ref(spec->kind);
    interest->filter.labels = spec->labels;
    interest->filter.fields = spec->fields;
    write_text(&interest->filter, interest->text, spec->kind, &of);
    interest->format = watch_format_of(spec->kind, spec->view, spec->framing);
    projection_ref((struct projection *)interest->format.view.projection);
    return interest;
}

void interest_unref(struct interest *interest)
{
    if (--interest->refs > 0)
        return;
    if (interest->shared_by != NULL)
        map_remove(&interest->shared_by->interests, interest->filter.text);
    label_selector_free(interest->filter.labels);
    field_selector_free(interest->filter.fields);
    kind_unref(interest->filter.kind);
    projection_unref((struct projection *)interest->format.view.projection);
    free(interest);
}

static bool is_same(const struct interest *a, const struct interest *b)
{
    return a->filter.kind == b->filter.kind && a->filter.scope == b->filter.scope &&
           a->filter.prefix_len == b->filter.prefix_len && a->format.id == b->format.id &&
           a->format.id != 0;
}

/* Watches with selectors seldom ask for the same; of several formats the first is shared. */
struct interest *interest_take(struct watch_cache *cache, const struct watch_spec *spec)
{
    struct interest *interest = interest_new(spec), *known;

    if (interest == NULL || !filter_is_scope(&interest->filter))
        return interest;
    known = map_get(&cache->interests, interest->filter.text);
    if (known != NULL && is_same(known, interest)) {
        interest_unref(interest);
        known->refs++;
        return known;
    }
    if (known == NULL && map_put(&cache->interests, interest->filter.text, interest))
        interest->shared_by = cache;
    return interest;
}
