/* Each allocation of a watch fails in turn (unit/no_memory.h): its client is told all, or sees that
 * the stream is broken; nothing is left out in silence. Caches and writers are calm meanwhile: they
 * cannot go on without memory, and say so by abort(). */
#include "unit/no_memory.h"

#include "unit/apiserver/watch/fake_log.h"

enum { ROOM = 1 << 16 };

struct story {
    struct watch_spec spec;
    const char *selector; /* of labels */
    bool behind;          /* the watch begins before the window: the log is read */
    bool muxed;           /* two members on one stream */
    bool refused;         /* a member never began, and its client was told so */
    struct buf expected;  /* what the client got with memory */
};

static void apply(struct fake_server *server, const struct story *story, const char *path)
{
    char key[64];

    story_calm(true);
    snprintf(key, sizeof(key), "core/configmaps/%.*s", (int)strcspn(path, "="), path);
    if (story->behind)
        change_key(server, key, strchr(path, '/') + 1);
    else
        fake_apply(server, key, strchr(path, '/') + 1);
    story_calm(false);
}

static void turn(struct fake_server *server, const struct story *story)
{
    if (story->behind)
        settle(server);
    else
        fake_settle(server->loop);
}

static struct watch_spec spec_of(const struct story *story)
{
    struct watch_spec spec = story->spec;

    story_calm(true);
    spec.kind = &fake_maps;
    spec.labels = story->selector != NULL ? labels(story->selector) : NULL;
    story_calm(false);
    return spec;
}

static void add_member(struct story *story, struct mux *mux, const char *id,
                       const struct watch_spec *spec)
{
    struct error err = {.status = STATUS_NO_MEMORY};

    if (mux_add(mux, bytes_str(id), spec) == STATUS_OK)
        return;
    story->refused = true;
    mux_refuse(mux, bytes_str(id), &err);
}

static void start_mux(struct fake_server *server, struct story *story, struct fake_watch *watch)
{
    struct mux *mux =
        mux_new(&(struct mux_options){.cache = server->cache, .framing = story->spec.framing});
    struct watch_spec one, two = {.kind = &fake_maps, .since = story->spec.since};

    if (mux == NULL)
        return;
    one = spec_of(story);
    add_member(story, mux, "one", &one);
    add_member(story, mux, "two", &two);
    mux_start(mux, &watch->req, NULL, 0);
}

static bool start_watch(struct fake_server *server, struct story *story, struct fake_watch *watch)
{
    struct watch_spec spec;

    if (story->muxed) {
        start_mux(server, story, watch);
    } else {
        spec = spec_of(story);
        watcher_start(server->cache, &watch->req, &spec, NULL, 0);
    }
    return watch->stream.handler != NULL;
}

/* A stream that goes on has told all; the first run says what that is. */
static enum status look(struct story *story, const struct fake_watch *watch)
{
    const struct http_stream *stream = &watch->stream;

    if (story->refused || stream->handler == NULL || stream->aborted || stream->ended)
        return STATUS_NO_MEMORY;
    if (story->expected.data == NULL)
        buf_append(&story->expected, stream->text.data, stream->text.len);
    CHECK(stream->text.len != 0 && stream->text.len < ROOM);
    CHECK(bytes_eq(buf_bytes(&stream->text), buf_bytes(&story->expected)));
    return STATUS_OK;
}

static enum status play(void *user)
{
    struct story *story = user;
    struct fake_server server;
    struct fake_watch watch;
    enum status st;

    story_calm(true);
    story->refused = false;
    if (story->behind)
        start(&server, 2);
    else
        fake_server_start(&server);
    for (int i = 0; i < 6; i++)
        apply(&server, story, i % 2 == 0 ? "d/a=1" : "d/b=2");
    memset(&watch, 0, sizeof(watch));
    watch.req.loop = server.loop;
    watch.req.arena = &watch.arena;
    buf_reserve(&watch.stream.text, ROOM);
    story_calm(false);

    if (start_watch(&server, story, &watch)) {
        turn(&server, story);
        apply(&server, story, "d/a=2");
        apply(&server, story, "k/c=1");
        turn(&server, story);
        fake_advance(server.loop, 1000); /* bookmarks */
    }

    story_calm(true);
    st = look(story, &watch);
    fake_watch_release(&watch);
    turn(&server, story);
    if (story->behind)
        release(&server);
    else
        fake_server_release(&server);
    story_calm(false);
    return st;
}

static void check_story(struct story story, unsigned flags)
{
    fail_each(play, &story, flags);
    buf_release(&story.expected);
}

TEST(no_memory, a_watch_tells_all_or_breaks)
{
    const struct view table = {.shape = VIEW_TABLE};

    check_story((struct story){.spec = {.since = 2, .bookmarks = true}}, 0);
    check_story((struct story){.spec = {.initial = true, .initial_end = true, .bookmarks = true}},
                0);
    check_story((struct story){.spec = {.initial = true, .view = table}, .selector = "l=2"}, 0);
    check_story((struct story){.spec = {.since = 1, .name = BYTES("a"), .namespace = BYTES("d")}},
                0);
    check_story((struct story){.spec = {.since = 2, .framing = FRAMING_SSE, .bookmarks = true}}, 0);
}

TEST(no_memory, a_watch_that_reads_the_log_tells_all_or_breaks)
{
    const struct view table = {.shape = VIEW_TABLE};

    check_story((struct story){.spec = {.since = 1, .bookmarks = true}, .behind = true},
                FAIL_ALL_THREADS);
    check_story(
        (struct story){.spec = {.since = 1, .view = table}, .selector = "l=2", .behind = true},
        FAIL_ALL_THREADS);
}

TEST(no_memory, watches_on_one_stream_tell_all_or_break)
{
    check_story((struct story){.spec = {.since = 2}, .muxed = true}, 0);
    check_story((struct story){.spec = {.initial = true, .framing = FRAMING_SSE}, .muxed = true},
                0);
    check_story((struct story){.spec = {.since = 1}, .muxed = true, .behind = true},
                FAIL_ALL_THREADS);
}

/* ---- what a loop begins with, and what it says to whom it refuses ---- */

static enum status make_cache(void *user)
{
    struct watch_cache *cache = watch_cache_new(&(struct watch_cache_options){.loop = user});
    struct history *history = history_new(NULL, 2);
    bool made = cache != NULL && history != NULL;

    if (history != NULL)
        history_free(history);
    watch_cache_free(cache);
    return made ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status refuse(void *user)
{
    struct error err = {.status = STATUS_EXPIRED};
    struct fake_watch watch;

    memset(&watch, 0, sizeof(watch));
    watch.req.loop = user;
    watch.req.arena = &watch.arena;
    story_calm(true);
    buf_reserve(&watch.stream.text, ROOM);
    story_calm(false);
    watcher_refuse(&watch.req, &err, FRAMING_LINES, NULL, 0);
    fake_settle(user);
    CHECK((watch.stream.text.len != 0) == watch.stream.ended);
    CHECK(watch.stream.ended || watch.status >= 500);
    buf_release(&watch.stream.text);
    arena_release(&watch.arena);
    return watch.stream.ended ? STATUS_OK : STATUS_NO_MEMORY;
}

TEST(no_memory, a_cache_is_made_and_a_watch_refused_or_nothing_is_left)
{
    struct loop *loop = malloc(sizeof(*loop));

    fake_loop_init(loop);
    fail_each(make_cache, loop, 0);
    fail_each(refuse, loop, 0);
    free(loop);
}
