/* Each allocation of what an informer, a work queue and a recorder keep fails once in turn. */
#include "unit/client-go-like/no_memory.h"

#include "client-go-like/cache/cache_log.h"
#include "client-go-like/object.h"
#include "client-go-like/recorder/correlator.h"

static tw_status by_name(void *user, const tw_object *object, tw_index_values *values)
{
    (void)user;
    return tw_index_add(values, tw_object_name(object));
}

static bool see(void *user, tw_object *object)
{
    return user == NULL && object != NULL;
}

/* After each failure the store is as it was: the same write succeeds with the next story. */
static tw_status index_store(void *user)
{
    tw_store *store = NULL;
    tw_list *found = NULL;
    tw_status st = tw_store_new(&store, NULL);

    if (st == TW_OK)
        st = tw_store_add_index(store, "early", by_name, NULL, NULL);
    if (st == TW_OK)
        st = tw_store_replace(store, user);
    if (st == TW_OK)
        st = tw_store_add_index(store, "late", by_name, NULL, NULL);
    if (st == TW_OK)
        st = tw_store_update(store, tw_list_at(user, 0));
    if (st == TW_OK)
        st = tw_store_by_index(store, "late", "a", &found, NULL);
    if (st == TW_OK)
        st = tw_list_count(found) == 1 ? tw_store_delete(store, tw_list_at(user, 1))
                                       : TW_ERR_PROTOCOL;
    if (store != NULL) {
        tw_snapshot *snapshot = tw_store_snapshot(store);

        if (tw_snapshot_each(snapshot, NULL, NULL, see, NULL) != TW_OK)
            st = TW_ERR_PROTOCOL;
        tw_snapshot_release(snapshot);
    }
    tw_list_free(found);
    tw_store_free(store);
    return st;
}

#define ITEM(name) "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"5\"}}"

TEST(no_memory, an_indexed_store_is_left_as_it_was)
{
    tw_list *list = list_new();

    CHECK(list_read_page(list, BYTES("{\"items\":[" ITEM("a") "," ITEM("b") "]}"), NULL) == TW_OK);
    fail_each_with_curl(index_store, list, 0);
    tw_list_free(list);
}

static tw_status work(void *user)
{
    tw_queue *queue = NULL;
    tw_status st = tw_queue_new(NULL, &queue, NULL);
    const char *key;

    (void)user;
    if (st == TW_OK)
        st = tw_queue_add(queue, "a");
    if (st == TW_OK)
        st = tw_queue_add_after(queue, "b", 1000);
    if (st == TW_OK)
        st = tw_queue_add_rate_limited(queue, "c");
    if (st == TW_OK)
        st = tw_queue_get(queue, 0, &key);
    if (st == TW_OK)
        tw_queue_done(queue, key);
    tw_queue_free(queue);
    return st;
}

TEST(no_memory, a_work_queue_takes_a_key_or_says_so)
{
    fail_each_with_curl(work, NULL, 0);
}

static tw_status keep_file(void *user)
{
    struct cache_log log = {0};
    struct object_map objects = {0};
    tw_store *store = NULL;
    tw_snapshot *snapshot = NULL;
    char *version = NULL;
    tw_error *error = NULL;
    tw_status st = tw_store_new(&store, NULL);

    if (st == TW_OK) {
        snapshot = tw_store_snapshot(store);
        st = cache_log_rewrite(&log, user, BYTES("h"), snapshot, "5", &error);
    }
    cache_log_close(&log);
    if (st == TW_OK)
        st = cache_log_load(&log, user, BYTES("h"), &objects, &version, &error);
    cache_log_close(&log);
    object_map_release(&objects);
    tw_snapshot_release(snapshot);
    tw_store_free(store);
    tw_error_free(error);
    free(version);
    return st;
}

TEST(no_memory, a_cache_file_is_written_and_read_or_not_at_all)
{
    char path[] = "/tmp/tidewatch-test-XXXXXX";
    int fd = mkstemp(path);

    CHECK(fd >= 0);
    close(fd);
    fail_each_with_curl(keep_file, path, 0);
    unlink(path);
}

static tw_status correlate(void *user)
{
    static const struct event_text event = {"me", "",   "Pod",    "n",       "p",
                                            "u",  "v1", "Normal", "Started", "hello"};
    struct correlator correlator = {0};
    struct correlated seen = {.count = 0};
    bool ok = correlator_see(&correlator, &event, 1000, 1, "p.1", &seen) &&
              correlator_see(&correlator, &event, 1000, 1, "p.2", &seen);

    (void)user;
    correlator_release(&correlator);
    buf_release(&seen.message);
    return ok ? TW_OK : TW_ERR_NO_MEMORY;
}

TEST(no_memory, an_event_is_correlated_or_dropped)
{
    fail_each_with_curl(correlate, NULL, 0);
}
