#include "unit/test.h"

#include "apiserver/watch/window.h"
#include "unit/apiserver/watch/fake.h"

static void push(struct window *window, uint64_t rev)
{
    struct object *object = fake_object("core/configmaps/default/a", "a", rev);
    struct watch_event *event = watch_event_new(&(struct event){
        .rev = rev, .key = BYTES("core/configmaps/default/a"), .value = &object->base});

    window_push(window, event);
    watch_event_unref(event);
    object_unref(object);
}

TEST(window, finds_the_first_event_after_any_revision)
{
    struct window window;

    window_init(&window, 64, SIZE_MAX, 10);
    CHECK_INT(window_find(&window, 10), 0);
    for (uint64_t rev = 12; rev <= 100; rev += 2)
        push(&window, rev);
    CHECK_INT(window.count, 45);
    for (uint64_t rev = 10; rev <= 101; rev++) {
        size_t at = window_find(&window, rev);

        CHECK(at == window.count || window_at(&window, at)->rev > rev);
        CHECK(at == 0 || window_at(&window, at - 1)->rev <= rev);
    }
    CHECK_INT(window.dropped_rev, 10);
    window_release(&window);
}

TEST(window, full_it_drops_its_oldest_and_says_what_is_missing)
{
    struct window window;

    window_init(&window, 20, SIZE_MAX, 0);
    for (uint64_t rev = 1; rev <= 20; rev++)
        push(&window, rev);
    CHECK_INT(window.dropped_rev, 0);
    push(&window, 21);
    CHECK_INT(window.dropped_rev, 1);
    for (uint64_t rev = 22; rev <= 1000; rev++)
        push(&window, rev);
    CHECK_INT(window.count, 20);
    CHECK_INT(window.dropped_rev, 980);
    CHECK_INT(window_at(&window, 0)->rev, 981);
    CHECK_INT(window_at(&window, window_find(&window, 990))->rev, 991);
    window_release(&window);
}

TEST(window, is_bounded_by_bytes_too_but_holds_at_least_the_last)
{
    struct window window;
    size_t cost;

    window_init(&window, 1000, 1, 0);
    push(&window, 1);
    push(&window, 2);
    CHECK_INT(window.count, 1);
    CHECK_INT(window.dropped_rev, 1);
    cost = window.bytes;
    window_release(&window);
    CHECK_INT(window.bytes, 0);

    window_init(&window, 1000, 10 * cost, 0);
    for (uint64_t rev = 1; rev <= 100; rev++)
        push(&window, rev);
    CHECK_INT(window.count, 10);
    CHECK(window.bytes <= 10 * cost);
    window_release(&window);
}

TEST(window, every_resource_has_its_own)
{
    struct fake_server server;
    struct fake_watch quiet;

    fake_server_init(&server,
                     (struct watch_cache_options){.window_events = 4, .bookmark_ms = 1000});
    watch_cache_loaded(server.cache, 0);
    fake_apply(&server, "core/nodes/n", "n");
    for (int i = 0; i < 100; i++)
        put(&server, "a");
    fake_watch_start(&server, &quiet, (struct watch_spec){.kind = &fake_nodes, .since = 0});
    CHECK_SEEN(&quiet, "ADDED n@1 ");
    fake_watch_release(&quiet);
    fake_server_release(&server);
}
