#include "unit/test.h"

#include <pthread.h>
#include <stdlib.h>

#include <tidewatch/tidewatch.h>

#include "client-go-like/cache/store.h"
#include "client-go-like/object.h"

static tw_object *make(const char *name, const char *rv)
{
    char text[256];
    tw_object *object = NULL;

    snprintf(text, sizeof(text),
             "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"n\",\"resourceVersion\":\"%s\"}}",
             name, rv);
    CHECK(tw_object_from_json(text, strlen(text), &object, NULL) == TW_OK);
    return object;
}

/* What was delivered, as text: "+a1 ~a2 -a2! ". */
static void on_change(void *user, const tw_change *change)
{
    static const char signs[] = "+~-";
    char *log = user;

    sprintf(log + strlen(log), "%c%s%s%s%s ", signs[change->type], tw_object_name(change->object),
            tw_object_resource_version(change->object), change->tombstone ? "!" : "",
            change->initial ? "i" : "");
}

static tw_list *list_of(tw_object *a, tw_object *b)
{
    tw_list *list = list_new();

    CHECK((a == NULL || list_add(list, a)) && (b == NULL || list_add(list, b)));
    return list;
}

TEST(store, tells_each_change_once_in_order)
{
    char log[512] = "";
    tw_store *store = NULL;
    tw_object *a1 = make("a", "1"), *a2 = make("a", "2"), *a3 = make("a", "3"), *got;

    CHECK(tw_store_new(&store, NULL) == TW_OK);
    tw_store_on_change(store, on_change, log);
    CHECK(tw_store_add(store, a1) == TW_OK && tw_store_add(store, a1) == TW_OK);
    CHECK(tw_store_update(store, a2) == TW_OK);
    got = tw_store_get(store, "n", "a");
    CHECK(got == a2 && tw_store_get(store, NULL, "a") == NULL);
    tw_object_unref(got);
    CHECK(tw_store_delete(store, a3) == TW_OK && tw_store_delete(store, a3) == TW_OK);
    CHECK_TEXT(bytes_str(log), "+a1 ~a2 -a3 ");
    CHECK_INT(tw_store_count(store), 0);
    tw_object_unref(a1);
    tw_object_unref(a2);
    tw_object_unref(a3);
    tw_store_free(store);
}

/* Says, with each change, how many objects a reader sees. */
static void on_change_counting(void *user, const tw_change *change)
{
    struct {
        tw_store *store;
        char log[512];
    } *seen = user;

    on_change(seen->log, change);
    sprintf(seen->log + strlen(seen->log), "of%zu ", tw_store_count(seen->store));
}

TEST(store, many_changes_are_one_version_and_each_is_told)
{
    struct {
        tw_store *store;
        char log[512];
    } seen = {.log = ""};
    tw_object *objects[] = {make("a", "1"), make("b", "2"), make("a", "3"),
                            make("b", "4"), make("x", "5"), make("c", "6")};
    static const tw_event_type types[] = {TW_EVENT_ADDED,   TW_EVENT_ADDED,   TW_EVENT_MODIFIED,
                                          TW_EVENT_DELETED, TW_EVENT_DELETED, TW_EVENT_BOOKMARK};
    struct store_change changes[ARRAY_LEN(objects)];
    tw_snapshot *before;
    size_t done = 0;

    for (size_t i = 0; i < ARRAY_LEN(objects); i++)
        changes[i] = (struct store_change){.type = types[i], .object = objects[i]};
    CHECK(tw_store_new(&seen.store, NULL) == TW_OK);
    tw_store_on_change(seen.store, on_change_counting, &seen);
    before = tw_store_snapshot(seen.store);
    CHECK(store_apply(seen.store, changes, ARRAY_LEN(changes), &done) == TW_OK);
    CHECK_INT(done, ARRAY_LEN(changes));
    CHECK_TEXT(bytes_str(seen.log), "+a1 of1 +b2 of1 ~a3 of1 -b4 of1 ");
    CHECK_INT(tw_snapshot_count(before), 0);
    tw_snapshot_release(before);
    tw_store_free(seen.store);
    for (size_t i = 0; i < ARRAY_LEN(objects); i++)
        tw_object_unref(objects[i]);
}

TEST(store, replace_tells_the_difference_and_buries_what_is_missing)
{
    char log[512] = "";
    tw_store *store = NULL;
    tw_object *a = make("a", "1"), *b = make("b", "1"), *b2 = make("b", "2"), *c = make("c", "3");
    tw_list *first = list_of(a, b), *second = list_of(b2, c), *none = list_of(NULL, NULL);

    CHECK(tw_store_new(&store, NULL) == TW_OK);
    tw_store_on_change(store, on_change, log);
    CHECK(tw_store_replace(store, first) == TW_OK && tw_store_replace(store, first) == TW_OK);
    CHECK_TEXT(bytes_str(log), "+a1i +b1i ");
    log[0] = '\0';
    CHECK(tw_store_replace(store, second) == TW_OK);
    CHECK_TEXT(bytes_str(log), "~b2 +c3 -a1! ");
    CHECK(tw_store_replace(store, none) == TW_OK);
    CHECK_INT(tw_store_count(store), 0);
    tw_list_free(first);
    tw_list_free(second);
    tw_list_free(none);
    tw_object_unref(a);
    tw_object_unref(b);
    tw_object_unref(b2);
    tw_object_unref(c);
    tw_store_free(store);
}

TEST(channel, gives_what_is_left_after_it_was_closed_and_then_ends)
{
    tw_channel *channel = NULL;
    tw_store *store = NULL;
    tw_object *a = make("a", "1");
    tw_change change;

    CHECK(tw_channel_new(2, &channel, NULL) == TW_OK && tw_store_new(&store, NULL) == TW_OK);
    tw_store_deliver_to(store, channel);
    CHECK(tw_channel_next(channel, 1, &change) == TW_ERR_TIMEOUT);
    CHECK(tw_store_add(store, a) == TW_OK);
    tw_channel_close(channel);
    CHECK(tw_store_delete(store, a) == TW_OK); /* dropped */
    CHECK(tw_channel_next(channel, 1000, &change) == TW_OK && change.type == TW_CHANGE_ADDED);
    tw_change_release(&change);
    CHECK(tw_channel_next(channel, 1000, &change) == TW_END);
    tw_object_unref(a);
    tw_store_free(store);
    tw_channel_free(channel);
    CHECK(tw_channel_new(0, &channel, NULL) == TW_ERR_ARGUMENT);
}

enum { MANY = 2000 };

static void *write_many(void *user)
{
    for (int i = 0; i < MANY; i++) {
        char name[16], rv[16];
        tw_object *object;

        snprintf(name, sizeof(name), "o%d", i % 7);
        snprintf(rv, sizeof(rv), "%d", i + 1);
        object = make(name, rv);
        CHECK(tw_store_update(user, object) == TW_OK);
        tw_object_unref(object);
    }
    return NULL;
}

TEST(channel, narrower_than_its_traffic_loses_nothing_and_keeps_the_order)
{
    tw_channel *channel = NULL;
    tw_store *store = NULL;
    pthread_t writer;
    tw_change change;
    tw_list *list = NULL;

    CHECK(tw_channel_new(1, &channel, NULL) == TW_OK && tw_store_new(&store, NULL) == TW_OK);
    tw_store_deliver_to(store, channel);
    CHECK(pthread_create(&writer, NULL, write_many, store) == 0);
    for (int i = 0; i < MANY; i++) {
        CHECK(tw_channel_next(channel, 20000, &change) == TW_OK);
        CHECK_INT(atoi(tw_object_resource_version(change.object)), i + 1);
        tw_change_release(&change);
        if (i % 100 == 0) { /* readers look on meanwhile */
            CHECK(tw_store_list(store, &list) == TW_OK && tw_list_count(list) <= 7);
            tw_list_free(list);
        }
    }
    pthread_join(writer, NULL);
    CHECK_INT(tw_store_count(store), 7);
    tw_store_free(store);
    tw_channel_free(channel);
}
