#include "unit/test.h"

#include "apiserver/watch/mux.h"
#include "apiserver/watch/permit.h"
#include "unit/apiserver/watch/fake.h"

struct ticket {
    struct watch_permit permit;
    bool holds, released;
};

static void release(struct watch_permit *permit)
{
    container_of(permit, struct ticket, permit)->released = true;
}

static struct ticket ticket_of(bool holds)
{
    return (struct ticket){.permit = {.release = release}, .holds = holds};
}

static bool holds(void *user, struct watch_permit *permit, struct error *reterr)
{
    ++*(size_t *)user;
    if (!container_of(permit, struct ticket, permit)->holds)
        error_set(reterr, STATUS_FORBIDDEN, "no more");
    return container_of(permit, struct ticket, permit)->holds;
}

TEST(permit, a_watch_whose_right_has_ended_is_told_so_and_the_others_go_on)
{
    struct ticket good = ticket_of(true), bad = ticket_of(false), stalled = ticket_of(false);
    struct fake_watch free_watch, good_watch, bad_watch, stalled_watch;
    struct fake_server server;
    size_t asked = 0;

    fake_server_start(&server);
    fake_watch_start(&server, &free_watch, (struct watch_spec){0});
    fake_watch_start(&server, &good_watch, (struct watch_spec){.permit = &good.permit});
    fake_watch_start(&server, &bad_watch, (struct watch_spec){.permit = &bad.permit});
    fake_watch_start(&server, &stalled_watch, (struct watch_spec){.permit = &stalled.permit});
    stalled_watch.stream.stalled = true;
    stalled_watch.stream.ready = false;
    watch_cache_recheck(server.cache, holds, &asked);
    CHECK_INT(asked, 3);
    CHECK(bad_watch.stream.ended && bad.released);
    buf_append_char(&bad_watch.stream.text, 0);
    CHECK(strstr(bad_watch.stream.text.data, "\"reason\":\"Forbidden\"") != NULL);
    CHECK(stalled_watch.stream.aborted && stalled.released); /* it takes nothing, not even that */
    put(&server, "a");
    CHECK_SEEN(&free_watch, "ADDED a@1 ");
    CHECK_SEEN(&good_watch, "ADDED a@1 ");
    CHECK(!good.released);
    fake_watch_release(&free_watch);
    fake_watch_release(&good_watch);
    fake_watch_release(&bad_watch);
    fake_watch_release(&stalled_watch);
    CHECK(good.released);
    fake_server_release(&server);
}

TEST(permit, of_many_watches_on_one_stream_only_that_one_ends)
{
    struct ticket good = ticket_of(true), bad = ticket_of(false);
    struct fake_server server;
    struct fake_watch watch;
    struct mux *mux;
    size_t asked = 0;

    fake_server_start(&server);
    memset(&watch, 0, sizeof(watch));
    watch.req.loop = server.loop;
    watch.req.arena = &watch.arena;
    mux = mux_new(&(struct mux_options){.cache = server.cache});
    CHECK(mux_add(mux, BYTES("good"),
                  &(struct watch_spec){.kind = &fake_maps, .permit = &good.permit}) == STATUS_OK);
    CHECK(mux_add(mux, BYTES("bad"),
                  &(struct watch_spec){.kind = &fake_maps, .permit = &bad.permit}) == STATUS_OK);
    mux_start(mux, &watch.req, NULL, 0);
    fake_settle(server.loop);
    watch_cache_recheck(server.cache, holds, &asked);
    CHECK_INT(asked, 2);
    fake_settle(server.loop);
    CHECK(bad.released && !good.released);
    CHECK(mux_has(mux, BYTES("good")) && !mux_has(mux, BYTES("bad")));
    buf_append_char(&watch.stream.text, '\0');
    CHECK(strstr(watch.stream.text.data, "{\"id\":\"bad\",\"type\":\"ERROR\"") != NULL);
    watch.stream.text.len = 0;
    put(&server, "a");
    buf_append_char(&watch.stream.text, '\0');
    CHECK(strstr(watch.stream.text.data, "{\"id\":\"good\",\"type\":\"ADDED\"") != NULL);
    fake_watch_release(&watch);
    fake_server_release(&server);
}
