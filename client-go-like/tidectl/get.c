#include "client-go-like/tidectl/get.h"

#include <stdio.h>
#include <stdlib.h>

#include "client-go-like/tidectl/print.h"
#include "client-go-like/tidectl/table.h"

static const struct {
    const char *name;
    enum output output;
} outputs[] = {
    {"", OUTPUT_TABLE},    {"wide", OUTPUT_WIDE}, {"json", OUTPUT_JSON},
    {"yaml", OUTPUT_YAML}, {"name", OUTPUT_NAME},
};

/* ---- what is asked for ---- */

static bool read_options(struct get *g)
{
    const struct flags *f = &g->t->flags;
    const char *output = f->output != NULL ? f->output : "";
    size_t i = 0;

    while (i < ARRAY_LEN(outputs) && strcmp(outputs[i].name, output) != 0)
        i++;
    if (i == ARRAY_LEN(outputs))
        return tidectl_say("unable to match a printer suitable for the output format \"%s\", "
                           "allowed formats are: json,name,wide,yaml",
                           output) == 0;
    g->output = outputs[i].output;
    g->page = f->chunk_size != NULL ? (uint32_t)strtoul(f->chunk_size, NULL, 10) : 500;
    if (f->output_watch_events && !f->watch && !f->watch_only)
        return tidectl_say("--output-watch-events option can only be used with --watch or "
                           "--watch-only") == 0;
    if (f->word_count == 0)
        return tidectl_say("you must specify the type of resource to get. Use \"tidectl "
                           "api-resources\" for a complete list of supported resources") == 0;
    return true;
}

/* ---- fetching: everything first, because how it is printed depends on what came ---- */

struct page {
    const struct target *target;
    struct answer answer;
};

struct pages {
    struct page *items;
    size_t count, capacity;
    struct failure {
        tw_error *error;
        char *doing; /* NULL: nothing to say about it */
    } * failures;    /* told after what could be printed */
    size_t failure_count;
};

static void pages_release(struct pages *p)
{
    for (size_t i = 0; i < p->count; i++)
        answer_release(&p->items[i].answer);
    for (size_t i = 0; i < p->failure_count; i++) {
        tw_error_free(p->failures[i].error);
        free(p->failures[i].doing);
    }
    free(p->items);
    free(p->failures);
}

static bool pages_reserve(struct pages *p, size_t targets)
{
    if (p->failures == NULL && (p->failures = calloc(targets, sizeof(*p->failures))) == NULL)
        return false;
    if (p->count == p->capacity) {
        size_t capacity = p->capacity != 0 ? p->capacity * 2 : 8;
        struct page *items = realloc(p->items, capacity * sizeof(*items));

        if (items == NULL)
            return false;
        p->items = items;
        p->capacity = capacity;
    }
    return true;
}

/* A list that is refused is told with what was asked for (CLI resource/selector.go). */
static void keep_failure(const struct get *g, const struct target *target, struct pages *p,
                         tw_error *error)
{
    const tw_resource *r = &target->info->resource;
    const struct flags *f = &g->t->flags;
    struct failure *failure = &p->failures[p->failure_count++];
    struct buf doing = {0};
    int code = tw_error_code(error);

    failure->error = error;
    if (target->name != NULL || (code != 400 && code != 404))
        return;
    if (f->selector == NULL && f->field_selector == NULL)
        buf_appendf(&doing, "Unable to list \"%s/%s, Resource=%s\": ", r->group, r->version,
                    r->resource);
    else
        buf_appendf(&doing,
                    "Unable to find \"%s/%s, Resource=%s\" that match label selector \"%s\", "
                    "field selector \"%s\": ",
                    r->group, r->version, r->resource, f->selector != NULL ? f->selector : "",
                    f->field_selector != NULL ? f->field_selector : "");
    buf_append_char(&doing, '\0');
    failure->doing = doing.data;
}

/* All pages of one target, or its error. */
static bool fetch_target(const struct get *g, const struct target *target, struct pages *p)
{
    const char *token = NULL; /* lives in the page before */

    do {
        tw_error *error = NULL;
        struct page *page;

        if (!pages_reserve(p, g->count))
            return false;
        page = &p->items[p->count];
        page->target = target;
        if (get_answer(g, target, g->t->flags.field_selector, token, &page->answer, &error) ==
            TW_OK) {
            p->count++;
            token = page->answer.more;
        } else if (tw_error_code(error) == 404 && g->t->flags.ignore_not_found) {
            tw_error_free(error);
            return true;
        } else {
            keep_failure(g, target, p, error);
            return true;
        }
    } while (token != NULL && target->name == NULL);
    return true;
}

/* ---- as tables ---- */

/* Several kinds in one answer: names say which. */
static bool is_mixed(const struct pages *p)
{
    for (size_t i = 1; i < p->count; i++)
        if (p->items[i].target->info != p->items[0].target->info)
            return true;
    return false;
}

/* The pages of one kind as one table. Returns the page behind them. */
static size_t print_kind_table(const struct get *g, const struct pages *p, size_t at,
                               struct buf *out)
{
    const struct flags *f = &g->t->flags;
    const tw_resource_info *info = p->items[at].target->info;
    struct table table = {.no_headers = f->no_headers,
                          .wide = g->output == OUTPUT_WIDE,
                          .show_labels = f->show_labels,
                          .with_namespace = f->all_namespaces && info->resource.namespaced};
    struct buf kind = {0};

    print_kind(&kind, &info->resource);
    buf_append_char(&kind, '\0');
    table.with_kind = is_mixed(p) && !kind.failed ? kind.data : NULL;
    for (; at < p->count && p->items[at].target->info == info; at++) {
        const struct answer *answer = &p->items[at].answer;

        table_begin(&table, answer->table);
        for (size_t i = 0; i < answer->count; i++)
            table_row(&table, answer->items[i], "");
    }
    table_flush(&table, out);
    table_release(&table);
    buf_release(&kind);
    return at;
}

static void print_tables(const struct get *g, const struct pages *p, struct buf *out)
{
    struct buf text = {0};

    for (size_t at = 0; at < p->count;) {
        text.len = 0;
        at = print_kind_table(g, p, at, &text);
        if (text.len != 0 && out->len != 0 && !g->t->flags.no_headers)
            buf_append_char(out, '\n');
        buf_append_bytes(out, buf_bytes(&text));
        out->failed |= text.failed;
    }
    buf_release(&text);
}

static void say_nothing_found(const struct get *g)
{
    bool all_namespaced = !g->t->flags.all_namespaces;

    for (size_t i = 0; i < g->count; i++)
        all_namespaced &= g->targets[i].info->resource.namespaced;
    if (all_namespaced)
        fprintf(stderr, "No resources found in %s namespace.\n", g->t->ns);
    else
        fputs("No resources found\n", stderr);
}

/* ---- as objects ---- */

void get_print(const struct get *g, const struct target *target, struct json *tree, struct buf *out)
{
    print_strip(tree);
    if (g->output == OUTPUT_JSON) {
        print_json(out, tree);
    } else if (g->output == OUTPUT_YAML) {
        print_yaml(out, tree);
    } else {
        print_kind(out, &target->info->resource);
        buf_appendf(out, "/%.*s\n",
                    BYTES_FMT(json_get_text(json_get(tree, BYTES("metadata")), "name")));
    }
}

static struct json *as_list(struct arena *arena, const struct pages *p)
{
    struct json *list = json_new_object(arena), *items = json_new_array(arena);
    struct json *metadata = json_new_object(arena);

    for (size_t i = 0; i < p->count; i++)
        for (size_t j = 0; j < p->items[i].answer.count; j++) {
            struct json *copy = json_copy(arena, p->items[i].answer.items[j]);

            if (copy != NULL)
                print_strip(copy);
            json_append(items, copy);
        }
    json_set_text(arena, list, "apiVersion", BYTES("v1"));
    json_set(list, BYTES("items"), items);
    json_set_text(arena, list, "kind", BYTES("List"));
    json_set_text(arena, metadata, "resourceVersion", BYTES(""));
    json_set(list, BYTES("metadata"), metadata);
    return list;
}

/* One object by its name is printed as it is, names one a line, and anything else as a List. */
static void print_objects(const struct get *g, const struct pages *p, struct buf *out)
{
    struct arena arena = {0};

    if (g->output != OUTPUT_NAME && !(g->count == 1 && g->targets[0].name != NULL)) {
        struct json *list = as_list(&arena, p);

        if (!arena.failed)
            get_print(g, &g->targets[0], list, out);
    } else {
        for (size_t i = 0; i < p->count; i++)
            for (size_t j = 0; j < p->items[i].answer.count; j++)
                get_print(g, p->items[i].target, json_copy(&arena, p->items[i].answer.items[j]),
                          out);
    }
    out->failed |= arena.failed;
    arena_release(&arena);
}

/* ---- all of it ---- */

static int get_once(const struct get *g)
{
    struct pages p = {.count = 0};
    struct buf out = {0};
    bool ok = true, any;
    int rc = 0;

    for (size_t i = 0; i < g->count && ok; i++)
        ok = fetch_target(g, &g->targets[i], &p);
    if (get_is_table(g))
        print_tables(g, &p, &out);
    else
        print_objects(g, &p, &out);
    any = out.len != 0 || !get_is_table(g);
    if (!ok || out.failed)
        rc = tidectl_say("out of memory");
    else if (!tidectl_write(&out))
        rc = 1;
    else if (!any && p.failure_count == 0 && !g->t->flags.ignore_not_found)
        say_nothing_found(g);
    for (size_t i = 0; i < p.failure_count; i++) {
        struct failure *failure = &p.failures[i];

        rc = tidectl_fail_doing(failure->error, failure->doing != NULL ? failure->doing : "");
        failure->error = NULL;
    }
    pages_release(&p);
    buf_release(&out);
    return rc;
}

int tidectl_get(struct tidectl *t)
{
    struct get g = {.t = t};
    int rc = 1;

    if (!read_options(&g))
        return 1;
    if (!get_targets(&g))
        rc = 1;
    else if (t->flags.watch || t->flags.watch_only)
        rc = get_watch(&g);
    else
        rc = get_once(&g);
    free(g.targets);
    return rc;
}
