#include "unit/test.h"

#include "unit/apiserver/watch/fake.h"

/* A sink that is no stream: it writes down what it is told, as "write 2@5 all@6 end@6". */
struct sink {
    struct watcher *watcher;
    struct buf text;
    bool not_ready;
    bool drops; /* goes inside its next write */
    bool drops_after;
};

static bool sink_ready(const void *user)
{
    return !((const struct sink *)user)->not_ready;
}

static void sink_caught_up(void *user, uint64_t rev)
{
    struct sink *sink = user;

    buf_appendf(&sink->text, "all@%llu ", (unsigned long long)rev);
    if (sink->drops_after)
        watcher_drop(sink->watcher);
}

static void sink_write(void *user, struct frame *const *frames, size_t count, uint64_t rev)
{
    struct sink *sink = user;

    CHECK(frames[0] != NULL && !sink->not_ready);
    buf_appendf(&sink->text, "write %zu@%llu ", count, (unsigned long long)rev);
    if (sink->drops)
        watcher_drop(sink->watcher);
    else
        watcher_ready(sink->watcher);
}

static void sink_end(void *user, uint64_t rev)
{
    buf_appendf(&((struct sink *)user)->text, "end@%llu ", (unsigned long long)rev);
}

static void sink_abort(void *user)
{
    buf_append_str(&((struct sink *)user)->text, "abort ");
}

static void sink_fail(void *user, const struct error *err)
{
    buf_appendf(&((struct sink *)user)->text, "fail %s ", status_name(err->status));
}

static const struct watch_sink_ops sink_ops = {.ready = sink_ready,
                                               .write = sink_write,
                                               .caught_up = sink_caught_up,
                                               .end = sink_end,
                                               .abort = sink_abort,
                                               .fail = sink_fail};

static void begin(struct fake_server *server, struct sink *sink, struct watch_spec spec)
{
    buf_release(&sink->text);
    *sink = (struct sink){0};
    spec.kind = &fake_maps;
    sink->watcher = watcher_new(server->cache, &spec, &sink_ops, sink);
    CHECK(sink->watcher != NULL);
    watcher_ready(sink->watcher);
    fake_settle(server->loop);
}

static struct bytes told(struct sink *sink)
{
    static char text[512];
    size_t len;

    CHECK(sink->text.len < sizeof(text));
    memcpy(text, sink->text.data != NULL ? sink->text.data : "", sink->text.len);
    len = sink->text.len;
    sink->text.len = 0;
    return bytes_of(text, len);
}

TEST(watcher, a_sink_is_told_how_far_it_is_and_when_there_is_no_more)
{
    struct fake_server server;
    struct sink sink = {0};

    fake_server_start(&server);
    for (int i = 0; i < 70; i++)
        put(&server, "a");
    begin(&server, &sink, (struct watch_spec){.since = 2});
    CHECK_TEXT(told(&sink), "write 63@65 write 5@70 all@70 ");
    put(&server, "a");
    CHECK_TEXT(told(&sink), "write 1@71 all@71 ");
    watcher_drop(sink.watcher);
    buf_release(&sink.text);
    fake_server_release(&server);
}

TEST(watcher, a_sink_is_told_that_there_is_no_more_also_when_nothing_was_written)
{
    struct fake_server server;
    struct sink sink = {0};

    fake_server_start(&server);
    begin(&server, &sink, (struct watch_spec){.since = 0, .fields = fields("metadata.name=a")});
    CHECK_TEXT(told(&sink), "all@0 ");
    watcher_drop(sink.watcher);
    for (int i = 0; i < 63; i++) /* as many as one write holds */
        put(&server, "a");
    put(&server, "b");
    begin(&server, &sink, (struct watch_spec){.since = 0, .fields = fields("metadata.name!=b")});
    CHECK_TEXT(told(&sink), "write 63@63 all@64 ");
    watcher_drop(sink.watcher);
    buf_release(&sink.text);
    fake_server_release(&server);
}

TEST(watcher, one_that_goes_when_it_has_caught_up_is_not_touched_again)
{
    struct fake_server server;
    struct sink sink = {0};

    fake_server_start(&server);
    begin(&server, &sink, (struct watch_spec){.since = 0});
    sink.drops_after = true;
    put(&server, "a");
    put(&server, "a");
    CHECK_TEXT(told(&sink), "all@0 write 1@1 all@1 ");
    buf_release(&sink.text);
    fake_server_release(&server);
}

TEST(watcher, one_that_goes_inside_its_write_is_not_touched_again)
{
    struct fake_server server;
    struct sink sink = {0};

    fake_server_start(&server);
    begin(&server, &sink, (struct watch_spec){.since = 0});
    sink.drops = true;
    put(&server, "a");
    CHECK_TEXT(told(&sink), "all@0 write 1@1 ");
    put(&server, "a");
    CHECK_TEXT(told(&sink), "");
    buf_release(&sink.text);
    fake_server_release(&server);
}

TEST(watcher, its_time_is_over_at_a_revision_that_it_slept_up_to)
{
    struct fake_server server;
    struct sink sink = {0};

    fake_server_start(&server);
    put(&server, "a");
    begin(&server, &sink, (struct watch_spec){.since = 1, .timeout_ms = 100});
    fake_apply(&server, "core/nodes/n", "n");
    fake_advance(server.loop, 100);
    CHECK_TEXT(told(&sink), "all@1 end@2 ");
    buf_release(&sink.text);
    fake_server_release(&server);
}

TEST(watcher, a_sink_that_is_not_ready_is_left_alone_until_it_says_so)
{
    struct fake_server server;
    struct sink sink = {0};

    fake_server_start(&server);
    begin(&server, &sink, (struct watch_spec){.since = 0});
    sink.not_ready = true;
    put(&server, "a");
    put(&server, "b");
    CHECK_TEXT(told(&sink), "all@0 ");
    sink.not_ready = false;
    watcher_ready(sink.watcher);
    fake_settle(server.loop);
    CHECK_TEXT(told(&sink), "write 2@2 all@2 ");
    watcher_drop(sink.watcher);
    buf_release(&sink.text);
    fake_server_release(&server);
}
