#include <ctype.h>
#include <stdio.h>

#include "client-go-like/tidectl/age.h"
#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/request.h"
#include "client-go-like/tidectl/tabs.h"
#include "client-go-like/tidectl/targets.h"

/* describe: what kubectl prints of custom resources, for every type (KC describe/describe.go,
 * genericDescriber): the head, then each member by its name in words, then the events. */

enum { INDENT = 2, PADDING = 2 };

/* ---- names in words: "creationTimestamp" is "Creation Timestamp", "clusterIP" "Cluster IP" ----
 */

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static void append_upper(struct buf *out, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        buf_append_char(out, (char)toupper((unsigned char)text.ptr[i]));
}

/* Words that are written in capitals: KC describe.go, smartLabelFor(). */
static void append_word(struct buf *out, struct bytes word)
{
    static const char *const capitals[] = {"API", "URL", "UID", "OSB", "GUID"};

    for (size_t i = 0; i < ARRAY_LEN(capitals); i++)
        if (bytes_ieq(word, bytes_str(capitals[i]))) {
            append_upper(out, word);
            return;
        }
    append_upper(out, bytes_of(word.ptr, word.len != 0));
    buf_append_bytes(out, bytes_from(word, 1));
}

/* Where the next word of a camel-case name begins (fatih/camelcase). */
static size_t word_len(struct bytes text)
{
    size_t len = 1;

    if (is_upper(text.ptr[0])) {
        while (len < text.len && is_upper(text.ptr[len]))
            len++;
        if (len > 1 && len < text.len && is_lower(text.ptr[len]))
            return len - 1; /* "HTTPServer": the last capital begins a word */
    }
    if (is_upper(text.ptr[0]) || is_lower(text.ptr[0])) {
        while (len < text.len && is_lower(text.ptr[len]))
            len++;
        return len;
    }
    while (len < text.len &&
           (isdigit((unsigned char)text.ptr[0]) != 0) ==
               (isdigit((unsigned char)text.ptr[len]) != 0) &&
           !is_upper(text.ptr[len]) && !is_lower(text.ptr[len]))
        len++;
    return len;
}

static void append_label(struct buf *out, struct bytes name)
{
    bool first = true;

    for (size_t i = 0; i < name.len; i++) /* what is no name of a field stays as it is */
        if (!isalnum((unsigned char)name.ptr[i])) {
            buf_append_bytes(out, name);
            return;
        }
    while (name.len != 0) {
        size_t len = word_len(name);

        if (!first)
            buf_append_char(out, ' ');
        append_word(out, bytes_of(name.ptr, len));
        name = bytes_from(name, len);
        first = false;
    }
}

/* ---- members ---- */

static void indent(struct buf *out, size_t depth)
{
    for (size_t i = 0; i < depth * INDENT; i++)
        buf_append_char(out, ' ');
}

static void write_value(struct buf *out, const struct json *value)
{
    if (json_is(value, JSON_STRING))
        buf_append_bytes(out, value->text);
    else if (json_is(value, JSON_NULL))
        buf_append_str(out, "<nil>");
    else
        json_write(out, value, false);
}

static void write_members(struct buf *out, const struct json *object, size_t depth);

static void write_items(struct buf *out, const struct json *array, size_t depth)
{
    json_each(array, item) {
        if (json_is(item, JSON_OBJECT)) {
            write_members(out, item, depth);
        } else if (json_is(item, JSON_ARRAY)) {
            write_items(out, item, depth + 1);
        } else {
            indent(out, depth);
            write_value(out, item);
            buf_append_char(out, '\n');
        }
    }
}

/* As deep as documents are: JSON_DEPTH_MAX. A tab stands before what is to be aligned. */
static void write_members(struct buf *out, const struct json *object, size_t depth)
{
    json_each(object, it) {
        indent(out, depth);
        append_label(out, it->key);
        if (it->type < JSON_ARRAY) {
            buf_append_str(out, ":\t");
            write_value(out, it);
            buf_append_char(out, '\n');
            continue;
        }
        buf_append_str(out, ":\n");
        if (it->type == JSON_OBJECT)
            write_members(out, it, depth + 1);
        else
            write_items(out, it, depth + 1);
    }
}

/* The lines from `text` on that have a tab, as far as they stand together: how wide what is before
 * it gets. */
static size_t block_width(struct bytes text)
{
    size_t width = 0;

    while (text.len != 0) {
        struct bytes line = bytes_cut(&text, '\n');
        size_t tab = bytes_find(line, '\t');

        if (tab == line.len)
            break;
        if (tab + PADDING > width)
            width = tab + PADDING;
    }
    return width;
}

/* As text/tabwriter aligns, across the depths of members. */
static void align(struct bytes text, struct buf *out)
{
    size_t width = 0;

    while (text.len != 0) {
        size_t ahead = width == 0 ? block_width(text) : width;
        struct bytes line = bytes_cut(&text, '\n');
        size_t tab = bytes_find(line, '\t');

        width = tab < line.len ? ahead : 0;
        buf_append(out, line.ptr, tab);
        for (size_t n = tab; n < width; n++)
            buf_append_char(out, ' ');
        buf_append_bytes(out, bytes_from(line, tab + 1));
        buf_append_char(out, '\n');
    }
}

/* ---- head and events ---- */

static void write_marks(struct buf *out, const char *label, const char *between,
                        const struct json *marks)
{
    bool any = false;

    json_each(marks, it) {
        if (bytes_eq_str(it->key, "kubectl.kubernetes.io/last-applied-configuration"))
            continue;
        buf_appendf(out, "%s\t%.*s%s%.*s\n", any ? "" : label, BYTES_FMT(it->key), between,
                    BYTES_FMT(json_text(it)));
        any = true;
    }
    if (!any)
        buf_appendf(out, "%s\t<none>\n", label);
}

static void write_head(struct buf *out, struct json *tree)
{
    struct json *metadata = json_get(tree, BYTES("metadata"));

    json_sort(tree);
    buf_appendf(out, "Name:\t%.*s\n", BYTES_FMT(json_get_text(metadata, "name")));
    buf_appendf(out, "Namespace:\t%.*s\n", BYTES_FMT(json_get_text(metadata, "namespace")));
    write_marks(out, "Labels:", "=", json_get(metadata, BYTES("labels")));
    write_marks(out, "Annotations:", ": ", json_get(metadata, BYTES("annotations")));
    buf_appendf(out, "API Version:\t%.*s\n", BYTES_FMT(json_get_text(tree, "apiVersion")));
    buf_appendf(out, "Kind:\t%.*s\n", BYTES_FMT(json_get_text(tree, "kind")));
}

static void strip(struct json *tree)
{
    static const char *const told[] = {"apiVersion", "kind"};
    static const char *const hidden[] = {"name",        "namespace",     "labels",
                                         "annotations", "managedFields", "selfLink"};
    struct json *metadata = json_get(tree, BYTES("metadata"));

    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        json_remove(tree, bytes_str(told[i]));
    for (size_t i = 0; i < ARRAY_LEN(hidden) && metadata != NULL; i++)
        json_remove(metadata, bytes_str(hidden[i]));
}

static struct bytes first_text(const struct json *event, const char *const *names)
{
    for (; *names != NULL; names++)
        if (json_get_text(event, *names).len != 0)
            return json_get_text(event, *names);
    return BYTES("");
}

static void append_event(struct buf *out, const struct json *event)
{
    static const char *const last[] = {"lastTimestamp", "eventTime", "firstTimestamp", NULL};
    static const char *const first[] = {"firstTimestamp", "eventTime", NULL};
    struct bytes from = json_text(json_at(event, "source", "component", NULL));
    int64_t count = 1;

    json_to_i64(json_get(event, BYTES("count")), &count);
    if (from.len == 0)
        from = json_get_text(event, "reportingComponent");
    buf_appendf(out, "  %.*s\t%.*s\t", BYTES_FMT(json_get_text(event, "type")),
                BYTES_FMT(json_get_text(event, "reason")));
    age_append_since(out, first_text(event, last));
    if (count > 1) {
        buf_appendf(out, " (x%lld over ", (long long)count);
        age_append_since(out, first_text(event, first));
        buf_append_char(out, ')');
    }
    buf_appendf(out, "\t%.*s\t%.*s\n", BYTES_FMT(from),
                BYTES_FMT(bytes_trim(json_get_text(event, "message"))));
}

static void write_events(const tw_list *events, struct buf *out)
{
    struct tabs tabs = {.text = {0}};

    buf_append_str(&tabs.text, "  Type\tReason\tAge\tFrom\tMessage\n"
                               "  ----\t------\t----\t----\t-------\n");
    for (size_t i = 0; i < tw_list_count(events); i++)
        append_event(&tabs.text, tw_list_at(events, i)->tree);
    tabs_flush(&tabs, out);
    tabs_release(&tabs);
}

static void write_object(struct json *tree, const tw_list *events, struct buf *out)
{
    bool any = events != NULL && tw_list_count(events) != 0;
    struct buf text = {0};

    write_head(&text, tree);
    strip(tree);
    write_members(&text, tree, 0);
    buf_append_str(&text, any ? "Events:\n" : "Events:\t<none>\n");
    align(buf_bytes(&text), out);
    if (any)
        write_events(events, out);
    out->failed |= text.failed;
    buf_release(&text);
}

/* Events of this very object; without the right to see them there are none to tell. */
static tw_list *find_events(struct tidectl *t, const tw_object *object)
{
    static const tw_resource resource = {"", "v1", "events", "Event", true};
    struct buf selector = {0};
    tw_list *events = NULL;
    const char *ns = tw_object_namespace(object);

    buf_appendf(&selector,
                "involvedObject.name=%s,involvedObject.namespace=%s,"
                "involvedObject.kind=%s,involvedObject.uid=%s",
                tw_object_name(object), ns, tw_object_kind(object), tw_object_uid(object));
    buf_append_char(&selector, '\0');
    if (!selector.failed)
        (void)call_list(t, &resource, *ns != '\0' ? ns : "default", NULL, selector.data, &events,
                        NULL);
    buf_release(&selector);
    return events;
}

static int describe_one(struct tidectl *t, const struct target *target, bool first)
{
    tw_object *object = target->object != NULL ? tw_object_ref(target->object) : NULL;
    tw_error *error = NULL;
    struct arena arena = {0};
    struct buf out = {0};
    struct json *tree;
    tw_list *events;

    if (object == NULL &&
        call_get(t, &target->info->resource, target->ns, target->name, &object, &error) != TW_OK)
        return tidectl_fail(error);
    events = find_events(t, object);
    tree = json_copy(&arena, object->tree);
    if (!first)
        buf_append_str(&out, "\n\n");
    if (tree != NULL)
        write_object(tree, events, &out);
    out.failed |= tree == NULL;
    tw_list_free(events);
    tw_object_unref(object);
    arena_release(&arena);
    return tidectl_finish(&out, 0);
}

/* A type alone means all of it. */
static bool find(struct tidectl *t, struct targets *targets)
{
    if (t->flags.files.count == 0 && t->flags.word_count == 1 &&
        strchr(t->flags.words[0], '/') == NULL)
        t->flags.all = true;
    return targets_find_objects(t, targets);
}

int tidectl_describe(struct tidectl *t)
{
    struct targets targets = {.count = 0};
    int rc = EXIT_FAILED;

    if (find(t, &targets))
        rc = 0;
    if (rc == 0 && targets.count == 0)
        fputs("No resources found\n", stderr);
    for (size_t i = 0; i < targets.count; i++)
        rc |= describe_one(t, &targets.items[i], i == 0);
    targets_release(&targets);
    return rc;
}
