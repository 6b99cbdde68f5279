#include "unit/test.h"

#include "unit/apiserver/watch/fake_log.h"

enum { CHECK_MS = 50 };

static struct watch_cache_stats stats_of(const struct fake_server *server)
{
    struct watch_cache_stats stats;

    watch_cache_get_stats(server->cache, &stats);
    return stats;
}

static uint64_t count(struct watch_cache_stats stats)
{
    return stats.checks_passed + stats.checks_failed + stats.checks_broken;
}

/* One check; what all of them gave until now. */
static struct watch_cache_stats check_once(struct fake_server *server)
{
    uint64_t before = count(stats_of(server));

    server->loop->now_ms += CHECK_MS;
    fake_settle(server->loop); /* the timer: the job is out, and may be back already */
    while (count(stats_of(server)) == before) {
        CHECK(fake_wait_for_post(server->loop));
        fake_settle(server->loop);
    }
    CHECK_INT(count(stats_of(server)), before + 1);
    return stats_of(server);
}

TEST(consistency, what_is_served_is_compared_with_what_is_stored)
{
    struct watch_cache_stats stats;
    struct fake_server server;
    struct object *lost;

    memset(&the_log, 0, sizeof(the_log));
    pthread_mutex_init(&the_log.lock, NULL);
    pthread_cond_init(&the_log.opened, NULL);
    fake_server_init(&server, (struct watch_cache_options){.storage = &the_log,
                                                           .history = history_new(&the_log, 1),
                                                           .bookmark_ms = 1000,
                                                           .check_ms = CHECK_MS,
                                                           .check_first_ms = CHECK_MS});
    watch_cache_loaded(server.cache, 0);
    the_log.state = &server.objects;
    put(&server, "a");
    put(&server, "b");
    del(&server, "a");
    stats = check_once(&server);
    CHECK(stats.checks_passed == 1 && stats.checks_failed == 0 && stats.checks_broken == 0);
    the_log.failing = STATUS_IO; /* it could not be asked: that says nothing of what is served */
    stats = check_once(&server);
    CHECK(stats.checks_passed == 1 && stats.checks_failed == 0 && stats.checks_broken == 1);
    the_log.failing = STATUS_CORRUPT; /* a change that is served is damaged in the store */
    stats = check_once(&server);
    CHECK(stats.checks_passed == 1 && stats.checks_failed == 1 && stats.checks_broken == 1);
    the_log.failing = STATUS_OK;
    lost = tree_find(&server.objects, BYTES("core/configmaps/default/b"))->value;
    lost->base.rev++; /* the store has another version than the cache */
    stats = check_once(&server);
    CHECK(stats.checks_passed == 1 && stats.checks_failed == 2 && stats.checks_broken == 1);
    lost->base.rev--;
    stats = check_once(&server);
    CHECK(stats.checks_passed == 2 && stats.checks_failed == 2 && stats.checks_broken == 1);
    release(&server);
}
