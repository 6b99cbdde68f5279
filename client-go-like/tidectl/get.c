#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/get.h"

#include <stdio.h>
#include <stdlib.h>

#include "client-go-like/tidectl/print.h"

enum {
    FORMS = OUTPUTS_OBJECTS | 1u << OUTPUT_WIDE | 1u << OUTPUT_COLUMNS,
    PAGE = 500, /* KC cmd/util.DefaultChunkSize */
};

/* ---- what is asked for ---- */

static bool is_watch(const struct flags *f)
{
    return f->watch || f->watch_only || f->live || f->since_rv != NULL || f->until != NULL;
}

static bool read_options(struct get *g)
{
    const struct flags *f = &g->t->flags;

    if (!output_begin(&g->output, f, FORMS))
        return false;
    g->page = f->chunk_size != NULL ? (uint32_t)strtoul(f->chunk_size, NULL, 10) : PAGE;
    g->whole_rows = f->sort_by != NULL || f->until != NULL;
    if (f->sort_by != NULL)
        g->page = 0;
    if (f->output_watch_events && !is_watch(f))
        return tidectl_say("--output-watch-events option can only be used with --watch or "
                           "--watch-only") == 0;
    if (f->word_count == 0 && f->files.count == 0)
        return tidectl_say(
                   "You must specify the type of resource to get. Use \"tidectl "
                   "api-resources\" for a complete list of supported resources.\n\nRequired "
                   "resource not specified.\nSee 'tidectl get -h' for help and examples") == 0;
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

static void keep_failure(const struct get *g, const struct target *target, struct pages *p,
                         tw_error *error)
{
    struct failure *failure = &p->failures[p->failure_count++];
    struct buf doing = {0};

    failure->error = error;
    if (target->name == NULL)
        targets_describe_list(g->t, &target->info->resource, error, &doing);
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

        if (!pages_reserve(p, g->targets.count))
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

void get_set_table(const struct get *g, const tw_resource *resource, struct table *table)
{
    const struct flags *f = &g->t->flags;

    table->no_headers = f->no_headers;
    table->wide = g->output.form == OUTPUT_WIDE;
    table->show_labels = f->show_labels;
    table->label_columns = &f->label_columns;
    table->with_namespace = f->all_namespaces && resource->namespaced;
}

/* The rows of the pages from..to in the order they are to be printed in. NULL after saying why not;
 * the caller's to free. */
static const struct json **gather(const struct get *g, const struct pages *p, size_t from,
                                  size_t to, size_t *ret_count)
{
    const struct json **items;
    size_t count = 0;

    for (size_t i = from; i < to; i++)
        count += p->items[i].answer.count;
    items = calloc(count + 1, sizeof(*items));
    if (items == NULL) {
        tidectl_say_no_memory();
        return NULL;
    }
    *ret_count = 0;
    for (size_t i = from; i < to; i++)
        for (size_t j = 0; j < p->items[i].answer.count; j++)
            items[(*ret_count)++] = p->items[i].answer.items[j];
    if (g->t->flags.sort_by == NULL || count == 0 || get_sort(g, items, count))
        return items;
    free(items);
    return NULL;
}

static bool print_rows(const struct get *g, const struct pages *p, size_t from, size_t to,
                       struct table *table)
{
    size_t count;
    const struct json **rows = gather(g, p, from, to, &count);

    if (rows == NULL)
        return false;
    table_begin(table, p->items[from].answer.table);
    for (size_t i = 0; i < count; i++)
        table_row(table, rows[i], "");
    free(rows);
    return true;
}

/* The pages of one kind as one table. Returns the page behind them. */
static size_t print_kind_table(const struct get *g, const struct pages *p, size_t at, bool *ret_ok,
                               struct buf *out)
{
    const tw_resource_info *info = p->items[at].target->info;
    struct table table = {.no_headers = false};
    struct buf kind = {0};
    size_t end = at;

    while (end < p->count && p->items[end].target->info == info)
        end++;
    print_kind(&kind, &info->resource);
    buf_append_char(&kind, '\0');
    get_set_table(g, &info->resource, &table);
    table.with_kind = (is_mixed(p) || g->t->flags.show_kind) && !kind.failed ? kind.data : NULL;
    *ret_ok = print_rows(g, p, at, end, &table) && *ret_ok;
    table_flush(&table, out);
    table_release(&table);
    buf_release(&kind);
    return end;
}

static bool print_tables(const struct get *g, const struct pages *p, struct buf *out)
{
    struct buf text = {0};
    bool ok = true;

    for (size_t at = 0; at < p->count;) {
        text.len = 0;
        at = print_kind_table(g, p, at, &ok, &text);
        if (text.len != 0 && out->len != 0 && !g->t->flags.no_headers)
            buf_append_char(out, '\n');
        buf_append_bytes(out, buf_bytes(&text));
        out->failed |= text.failed;
    }
    buf_release(&text);
    return ok;
}

static void say_nothing_found(const struct get *g)
{
    bool all_namespaced = !g->t->flags.all_namespaces;

    for (size_t i = 0; i < g->targets.count; i++)
        all_namespaced &= g->targets.items[i].info->resource.namespaced;
    if (all_namespaced)
        fprintf(stderr, "No resources found in %s namespace.\n", g->t->ns);
    else
        fputs("No resources found\n", stderr);
}

/* ---- as objects ---- */

static struct json *as_list(const struct get *g, struct arena *arena, const struct pages *p)
{
    struct json *list = json_new_object(arena), *items = json_new_array(arena);
    struct json *metadata = json_new_object(arena);
    size_t count;
    const struct json **found = gather(g, p, 0, p->count, &count);

    for (size_t i = 0; found != NULL && i < count; i++)
        json_append(items, json_copy(arena, found[i]));
    free(found);
    json_set_text(arena, list, "apiVersion", BYTES("v1"));
    json_set(list, BYTES("items"), items);
    json_set_text(arena, list, "kind", BYTES("List"));
    json_set_text(arena, metadata, "resourceVersion", BYTES(""));
    json_set(list, BYTES("metadata"), metadata);
    return found != NULL ? list : NULL;
}

/* One object by its name is printed as it is, names one a line, and anything else as a List. */
static bool print_objects(struct get *g, const struct pages *p, struct buf *out)
{
    bool single = g->targets.count == 1 && g->targets.items[0].name != NULL;
    struct arena arena = {0};
    struct json *list = as_list(g, &arena, p);
    bool ok = list != NULL && !arena.failed;

    if (ok && g->output.form != OUTPUT_NAME && !single)
        ok = output_object(&g->output, NULL, list, out);
    else if (ok)
        json_each(json_get(list, BYTES("items")), item) {
            ok = output_object(&g->output, NULL, item, out) && ok;
        }
    output_flush(&g->output, out);
    out->failed |= arena.failed;
    arena_release(&arena);
    return ok;
}

/* ---- all of it ---- */

static int print_pages(struct get *g, const struct pages *p)
{
    struct buf out = {0};
    bool ok, any;
    int rc;

    if (p->count == 0 && p->failure_count != 0)
        return 0; /* told by then */
    if (p->count == 0 && g->targets.items[0].name != NULL)
        return 0; /* --ignore-not-found */
    ok = get_is_table(g) ? print_tables(g, p, &out) : print_objects(g, p, &out);
    any = out.len != 0 || !get_is_table(g);
    rc = tidectl_finish(&out, ok ? 0 : EXIT_FAILED);
    if (ok && !any && p->failure_count == 0 && !g->t->flags.ignore_not_found)
        say_nothing_found(g);
    return rc;
}

static int get_once(struct get *g)
{
    struct pages p = {.count = 0};
    bool ok = true;
    int rc;

    for (size_t i = 0; i < g->targets.count && ok; i++)
        ok = fetch_target(g, &g->targets.items[i], &p);
    rc = ok ? print_pages(g, &p) : tidectl_say_no_memory();
    for (size_t i = 0; i < p.failure_count; i++) {
        struct failure *failure = &p.failures[i];

        rc = tidectl_fail_doing(failure->error, failure->doing != NULL ? failure->doing : "");
        failure->error = NULL;
    }
    pages_release(&p);
    return rc;
}

static int get_raw(struct tidectl *t)
{
    const tw_request request = {.path = t->flags.raw, .accept = "*/*"};
    tw_response *response = NULL;
    tw_error *error = NULL;
    struct buf out = {0};
    size_t len;

    if (request.path[0] != '/')
        return tidectl_say("--raw must be the path of a URL: /api/v1/namespaces");
    if (request_do(t, &request, &response, &error) != TW_OK)
        return tidectl_fail(error);
    tw_response_body(response, &len);
    buf_append(&out, tw_response_body(response, NULL), len);
    tw_response_free(response);
    return tidectl_finish(&out, 0);
}

int tidectl_get(struct tidectl *t)
{
    struct get g = {.t = t};
    int rc = EXIT_FAILED;

    if (t->flags.raw != NULL)
        return get_raw(t);
    if (read_options(&g) && targets_find(t, &g.targets))
        rc = is_watch(&t->flags) ? get_watch(&g) : get_once(&g);
    targets_release(&g.targets);
    output_release(&g.output);
    return rc;
}
