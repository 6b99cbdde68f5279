#include "unit/test.h"

#include "unit/apiserver/watch/fake_log.h"

/* Revisions 1 to `last`: "d/a" is put again and again. */
static void put_until(struct fake_server *server, uint64_t last)
{
    while (server->rev < last) {
        change(server, "d/a", false);
        fake_settle(server->loop);
    }
}

TEST(behind, a_watch_from_before_the_window_reads_the_log_and_goes_on)
{
    struct fake_server server;
    struct fake_watch watch;
    char expected[4096] = "";
    struct watch_cache_stats stats;

    start(&server, 8);
    put_until(&server, 200);
    fake_watch_begin(&server, &watch, (struct watch_spec){.since = 100, .bookmarks = true});
    settle(&server);
    put_until(&server, 201);
    for (int rev = 101; rev <= 201; rev++)
        snprintf(expected + strlen(expected), 30, "MODIFIED a@%d ", rev);
    CHECK_SEEN(&watch, expected);
    watch_cache_get_stats(server.cache, &stats);
    CHECK(stats.behind_reads >= 2);
    fake_watch_release(&watch);
    release(&server);
}

TEST(behind, a_reader_that_stalls_past_the_window_costs_a_cursor_and_loses_nothing)
{
    struct fake_server server;
    struct fake_watch watch;
    struct resource *resource;

    start(&server, 8);
    fake_watch_begin(&server, &watch, (struct watch_spec){0});
    put_until(&server, 1);
    watch.stream.stalled = true;
    put_until(&server, 300);
    resource = watch_cache_resource(server.cache, BYTES("core/configmaps/"));
    CHECK(list_entry(resource->watchers.next, struct watcher, in_resource)->read == NULL);
    CHECK_INT(the_log.reads, 0);
    CHECK_SEEN(&watch, "ADDED a@1 MODIFIED a@2 ");
    watch.stream.stalled = false;
    while (watch.stream.writes < 4) { /* one write is out: what is not written is not held */
        fake_turn(server.loop);
        if (reads_are_out(&server))
            CHECK(fake_wait_for_post(server.loop));
    }
    watch.stream.stalled = true;
    settle(&server);
    CHECK(!reads_are_out(&server));
    watch.stream.stalled = false;
    settle(&server);
    for (uint64_t rev = 3; rev <= 300; rev++) {
        char line[64];
        struct bytes all = buf_bytes(&watch.stream.text);

        snprintf(line, sizeof(line), "{\"type\":\"MODIFIED\",\"object\":a@%d}\n", (int)rev);
        CHECK(bytes_starts_with(all, bytes_str(line)));
        buf_consume(&watch.stream.text, strlen(line));
    }
    CHECK_INT(watch.stream.text.len, 0);
    fake_watch_release(&watch);
    release(&server);
}

TEST(behind, a_watch_that_sleeps_while_others_fill_the_window_wakes_in_it)
{
    struct fake_server server;
    struct fake_watch watch;

    start(&server, 8);
    fake_watch_start(&server, &watch, (struct watch_spec){.namespace = BYTES("kube")});
    put_until(&server, 100);
    change(&server, "kube/b", false);
    settle(&server);
    CHECK_SEEN(&watch, "ADDED b@101 ");
    CHECK_INT(the_log.reads, 0);
    fake_watch_release(&watch);
    release(&server);
}

TEST(behind, around_the_floor_it_is_all_or_410)
{
    for (uint64_t since = 48; since <= 52; since++) {
        struct fake_server server;
        struct fake_watch watch;
        struct bytes text;
        struct watch_cache_stats stats;

        start(&server, 4);
        put_until(&server, 60);
        compact(50);
        fake_watch_begin(&server, &watch, (struct watch_spec){.since = since});
        settle(&server);
        text = seen(&watch);
        watch_cache_get_stats(server.cache, &stats);
        if (since < 50) {
            char words[64];

            snprintf(words, sizeof(words), "\"too old resource version: %d (50)\"", (int)since);
            CHECK(bytes_starts_with(text, BYTES("ERROR {")));
            CHECK(memmem(text.ptr, text.len, words, strlen(words)) != NULL);
            CHECK(memmem(text.ptr, text.len, "\"code\":410", 10) != NULL);
            CHECK(memmem(text.ptr, text.len, "\"Expired\"", 9) != NULL);
        } else {
            char first[32];

            snprintf(first, sizeof(first), "MODIFIED a@%d ", (int)since + 1);
            CHECK(bytes_starts_with(text, bytes_str(first)));
            CHECK(bytes_ends_with(text, BYTES("MODIFIED a@60 ")));
        }
        CHECK_INT(watch.stream.ended, since < 50);
        CHECK_INT(stats.expired, since < 50);
        fake_watch_release(&watch);
        release(&server);
    }
}

TEST(behind, history_that_passes_a_stalled_reader_is_told_at_its_next_read)
{
    struct fake_server server;
    struct fake_watch watch;
    struct bytes text;

    start(&server, 4);
    fake_watch_begin(&server, &watch, (struct watch_spec){0});
    put_until(&server, 1);
    watch.stream.stalled = true;
    put_until(&server, 40);
    compact(30);
    watch.stream.text.len = 0;
    watch.stream.stalled = false;
    settle(&server);
    text = seen(&watch);
    CHECK(memmem(text.ptr, text.len, "too old resource version: 2 (30)", 32) != NULL);
    CHECK(bytes_starts_with(text, BYTES("ERROR ")) && watch.stream.ended);
    fake_watch_release(&watch);
    release(&server);
}

TEST(behind, a_log_that_cannot_be_read_is_told_too)
{
    struct fake_server server;
    struct fake_watch watch;

    start(&server, 4);
    put_until(&server, 40);
    the_log.failing = STATUS_IO;
    fake_watch_begin(&server, &watch, (struct watch_spec){0});
    settle(&server);
    CHECK(bytes_starts_with(seen(&watch), BYTES("ERROR {")));
    CHECK(watch.stream.ended);
    fake_watch_release(&watch);
    release(&server);
}

TEST(behind, after_a_restart_a_watch_goes_on_where_it_was)
{
    struct fake_server before, after;
    struct fake_watch watch;
    struct object *object;
    struct history *history;

    start(&before, 8);
    put_until(&before, 10);
    history = history_new(&the_log, 1);
    fake_server_init(&after, (struct watch_cache_options){.storage = &the_log, .history = history});
    object = watch_cache_get(before.cache, BYTES("core/configmaps/d/a"));
    CHECK(watch_cache_load(after.cache, BYTES("core/configmaps/d/a"), object));
    watch_cache_loaded(after.cache, 10);
    fake_watch_begin(&after, &watch, (struct watch_spec){.since = 7});
    settle(&after);
    CHECK_SEEN(&watch, "MODIFIED a@8 MODIFIED a@9 MODIFIED a@10 ");
    fake_watch_release(&watch);
    history_free(history);
    fake_server_release(&after);
    release(&before);
}

TEST(behind, a_table_has_its_columns_once)
{
    struct fake_server server;
    struct fake_watch watch;

    start(&server, 2);
    put_until(&server, 5);
    fake_watch_begin(&server, &watch,
                     (struct watch_spec){.since = 1, .view = {.shape = VIEW_TABLE}});
    settle(&server);
    put_until(&server, 6);
    CHECK_SEEN(&watch, "MODIFIED row:a@2+columns MODIFIED row:a@3 MODIFIED row:a@4 "
                       "MODIFIED row:a@5 MODIFIED row:a@6 ");
    fake_watch_release(&watch);
    release(&server);
}

TEST(behind, what_was_read_waits_for_a_stream_that_writes_something_of_its_own)
{
    struct fake_server server;
    struct fake_watch watch, gone;

    start(&server, 4);
    put_until(&server, 20);
    hold(true);
    fake_watch_start(&server, &watch, (struct watch_spec){.since = 10});
    fake_watch_start(&server, &gone, (struct watch_spec){.since = 10});
    watch.stream.ready = gone.stream.ready = false; /* a WebSocket's ping is on its way */
    watch.stream.stalled = gone.stream.stalled = true;
    hold(false);
    for (int answers = 0; answers < 2; answers++) {
        CHECK(fake_wait_for_post(server.loop));
        CHECK(run_posted(server.loop));
    }
    fake_settle(server.loop);
    CHECK_SEEN(&watch, "");
    fake_client_leaves(&gone); /* with its answer */
    watch.stream.stalled = false;
    settle(&server);
    CHECK(bytes_starts_with(seen(&watch), BYTES("MODIFIED a@11 MODIFIED a@12 ")));
    fake_watch_release(&gone);
    fake_watch_release(&watch);
    release(&server);
}

TEST(behind, a_watch_that_ends_during_its_read_is_freed_when_the_read_comes_back)
{
    struct fake_server server;
    struct fake_watch gone, late, last;

    start(&server, 4);
    put_until(&server, 40);
    hold(true);
    fake_watch_start(&server, &gone, (struct watch_spec){0});
    fake_watch_start(&server, &late, (struct watch_spec){.timeout_ms = 10});
    fake_client_leaves(&gone);
    fake_advance(server.loop, 20);
    CHECK(late.stream.ended);
    hold(false);
    settle(&server);
    CHECK(list_empty(&server.cache->ended));
    CHECK_SEEN(&gone, "");
    CHECK_SEEN(&late, "");
    hold(true); /* and one whose read never comes back to a loop */
    fake_watch_start(&server, &last, (struct watch_spec){0});
    watch_cache_end_watchers(server.cache);
    CHECK(last.stream.ended);
    hold(false);
    fake_watch_release(&gone);
    fake_watch_release(&late);
    fake_watch_release(&last);
    release(&server);
}

/* ---- anything at all, against what the log says ---- */

static uint64_t seed = 88172645463325252ULL;

static unsigned below(unsigned bound)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed % bound);
}

struct model {
    struct fake_watch watch;
    uint64_t since;
    int namespace, label; /* -1: all */
};

static bool model_matches(const struct model *model, const struct value *value)
{
    const struct object *object = (const struct object *)value;
    char label[8];

    if (object == NULL)
        return false;
    snprintf(label, sizeof(label), "%d", model->label);
    return model->label < 0 || bytes_eq_str(object->labels[0].value, label);
}

/* What the watch must have been sent up to now, without bookmarks. */
static void model_write(const struct model *model, struct buf *out)
{
    static const char *const types[2][2] = {{NULL, "ADDED"}, {"DELETED", "MODIFIED"}};

    for (size_t i = model->since; i < the_log.count; i++) {
        const struct event *event = &the_log.events[i];
        const struct object *before = (struct object *)event->prev;
        const struct object *now = (struct object *)event->value;
        const char *type =
            types[model_matches(model, event->prev)][model_matches(model, event->value)];
        const struct object *shown = type != NULL && strcmp(type, "DELETED") == 0 ? before : now;

        if (type == NULL ||
            (model->namespace >= 0 && shown->namespace.ptr[1] != (char)('0' + model->namespace)))
            continue;
        buf_appendf(out, "{\"type\":\"%s\",\"object\":%.*s=%.*s@%d}\n", type,
                    BYTES_FMT(shown->name), BYTES_FMT(shown->labels[0].value), (int)event->rev);
    }
}

/* Compares, and checks that no bookmark is below what came before or above what comes behind. */
static void model_check(struct model *model)
{
    struct buf expected = {0}, got = {0};
    struct bytes rest = buf_bytes(&model->watch.stream.text);
    uint64_t least = 0;

    while (rest.len > 0) {
        struct bytes line = bytes_cut(&rest, '\n'), rev = line;
        uint64_t n = 0;

        (void)bytes_cut(&rev, '@');
        CHECK(bytes_to_u64(bytes_of(rev.ptr, rev.len - 1), &n));
        if (bytes_starts_with(line, BYTES("{\"type\":\"BOOKMARK\""))) {
            CHECK(n >= least);
        } else {
            CHECK(n > least);
            buf_append_bytes(&got, line);
            buf_append_char(&got, '\n');
        }
        least = n;
    }
    model_write(model, &expected);
    CHECK(bytes_eq(buf_bytes(&got), buf_bytes(&expected)));
    buf_release(&expected);
    buf_release(&got);
}

static void model_start(struct fake_server *server, struct model *model)
{
    char text[16];
    struct watch_spec spec = {.bookmarks = true};

    model->since = spec.since = below((unsigned)server->rev + 3);
    model->namespace = (int)below(4) - 1;
    model->label = (int)below(4) - 1;
    snprintf(text, sizeof(text), "n%d", model->namespace);
    if (model->namespace >= 0)
        spec.namespace = bytes_str(text);
    if (model->label >= 0) {
        char selector[16];

        snprintf(selector, sizeof(selector), "l=%d", model->label);
        spec.labels = labels(selector);
    }
    fake_watch_begin(server, &model->watch, spec);
}

static bool exists(const struct fake_server *server, const char *path)
{
    char key[64];

    snprintf(key, sizeof(key), "core/configmaps/%.*s", (int)strcspn(path, "="), path);
    return watch_cache_get(server->cache, bytes_str(key)) != NULL;
}

TEST(behind, whatever_stalls_and_starts_every_watch_is_sent_exactly_what_the_log_holds)
{
    enum { WATCHES = 30 };
    struct fake_server server;
    static struct model models[WATCHES];
    size_t count = 0;

    start(&server, 16);
    for (int step = 0; step < 6000; step++) {
        char path[32];
        struct model *model = count > 0 ? &models[below((unsigned)count)] : NULL;

        snprintf(path, sizeof(path), "n%u/k%u=%u", below(3), below(5), below(3));
        switch (below(12)) {
        case 0:
            if (count < WATCHES)
                model_start(&server, &models[count++]);
            break;
        case 1:
        case 2:
            if (model != NULL)
                model->watch.stream.stalled = below(3) > 0;
            break;
        case 3:
            fake_turn(server.loop);
            break;
        case 4:
            server.loop->now_ms += below(300);
            fake_turn(server.loop);
            break;
        default:
            change(&server, path, below(3) == 0 && exists(&server, path));
        }
    }
    for (size_t i = 0; i < count; i++)
        models[i].watch.stream.stalled = false;
    settle(&server);
    CHECK(count == WATCHES && the_log.reads > 20);
    for (size_t i = 0; i < count; i++) {
        model_check(&models[i]);
        fake_watch_release(&models[i].watch);
    }
    release(&server);
}
