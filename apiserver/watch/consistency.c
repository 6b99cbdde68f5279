#include "apiserver/watch/consistency.h"

#include "apiserver/watch/internal.h"
#include "base/log.h"
#include "storage/checksum.h"

uint64_t consistency_digest(struct bytes key, const struct value *value)
{
    return checksum_bytes(checksum_word(checksum_word(1, value->rev), value->len), key);
}

static bool add_value(void *user, struct bytes key, struct value *value)
{
    struct consistency *check = user;

    check->found += consistency_digest(key, value);
    return true;
}

static void run(struct history_job *job, struct storage *storage)
{
    struct consistency *check = container_of(job, struct consistency, job);
    struct error err = {0};

    check->found = 0;
    check->status =
        storage_read_at(storage, check->rev, BYTES(""), BYTES(""), add_value, check, &err);
    if (check->status != STATUS_OK)
        LOG_WARN("the store could not be compared with what is served",
                 LOG_STR("why", error_message(&err)));
    error_release(&err);
}

static void on_done(struct history_job *job)
{
    struct watch_cache *cache = container_of(job, struct watch_cache, consistency.job);
    struct consistency *check = &cache->consistency;

    if (check->status != STATUS_OK && check->status != STATUS_CORRUPT &&
        check->status != STATUS_SEALED) {
        counter_add(&cache->stats.checks_broken, 1);
    } else if (check->status == STATUS_OK && check->found == check->expected) {
        counter_add(&cache->stats.checks_passed, 1);
    } else { /* another digest, or a change that is served is damaged or gone */
        counter_add(&cache->stats.checks_failed, 1);
        LOG_ERROR("what is served differs from what is stored: restart the server",
                  LOG_INT("revision", check->rev));
    }
    loop_timer_start(cache->options.loop, &check->timer, cache->options.check_ms);
}

static void on_fire(struct loop_timer *timer)
{
    struct watch_cache *cache = container_of(timer, struct watch_cache, consistency.timer);
    struct consistency *check = &cache->consistency;

    check->rev = cache->rev;
    check->expected = check->digest;
    check->job = (struct history_job){.run = run, .on_done = on_done, .loop = cache->options.loop};
    history_submit(cache->options.history, &check->job);
}

void consistency_start(struct watch_cache *cache)
{
    cache->consistency.timer.on_fire = on_fire;
    if (cache->options.check_ms != 0)
        loop_timer_start(cache->options.loop, &cache->consistency.timer,
                         cache->options.check_first_ms);
}

void consistency_stop(struct watch_cache *cache)
{
    if (cache->consistency.timer.on_fire != NULL)
        loop_timer_stop(cache->options.loop, &cache->consistency.timer);
}
