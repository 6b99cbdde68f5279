#include "unit/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <tidewatch/tidewatch.h>

#include "client-go-like/object.h"

/* An object "ns/name" with the label app; `app` NULL: none. */
static tw_object *make(const char *ns, const char *name, const char *app, unsigned rv)
{
    char text[256];
    tw_object *object = NULL;

    snprintf(text, sizeof(text),
             "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"resourceVersion\":\"%u\","
             "\"labels\":{%s%s%s}}}",
             name, ns, rv, app != NULL ? "\"app\":\"" : "", app != NULL ? app : "",
             app != NULL ? "\"" : "");
    CHECK(tw_object_from_json(text, strlen(text), &object, NULL) == TW_OK);
    return object;
}

static void put(tw_store *store, const char *ns, const char *name, const char *app, unsigned rv)
{
    tw_object *object = make(ns, name, app, rv);

    CHECK(tw_store_update(store, object) == TW_OK);
    tw_object_unref(object);
}

static void take_out(tw_store *store, const char *ns, const char *name)
{
    tw_object *object = make(ns, name, NULL, 9);

    CHECK(tw_store_delete(store, object) == TW_OK);
    tw_object_unref(object);
}

/* By the label app, and by each of its letters. */
static tw_status by_app(void *user, const tw_object *object, tw_index_values *values)
{
    const char *app = tw_object_get_string(object, "metadata.labels.app");
    tw_status st = TW_OK;

    (void)user;
    if (app == NULL)
        return TW_OK;
    st = tw_index_add(values, app);
    for (; st == TW_OK && *app != '\0'; app++)
        st = tw_index_add(values, (char[]){*app, '\0'});
    return st;
}

static bool append_name(void *user, tw_object *object)
{
    strcat(user, tw_object_name(object));
    strcat(user, tw_object_resource_version(object));
    strcat(user, " ");
    return true;
}

static bool append_text(void *user, const char *text)
{
    strcat(user, *text != '\0' ? text : "-");
    strcat(user, " ");
    return true;
}

static void check_each(const tw_snapshot *snapshot, const char *index, const char *value,
                       const char *expected)
{
    char names[512] = "";

    CHECK(tw_snapshot_each(snapshot, index, value, append_name, names) == TW_OK);
    CHECK_TEXT(bytes_str(names), expected);
}

static void check_index(tw_store *store, const char *index, const char *value, const char *expected)
{
    tw_snapshot *snapshot = tw_store_snapshot(store);

    check_each(snapshot, index, value, expected);
    tw_snapshot_release(snapshot);
}

TEST(indexer, finds_objects_by_namespace_and_by_each_value_a_function_names)
{
    tw_store *store = NULL;
    tw_snapshot *snapshot;
    char values[256] = "";

    CHECK(tw_store_new(&store, NULL) == TW_OK);
    CHECK(tw_store_add_index(store, "app", by_app, NULL, NULL) == TW_OK);
    put(store, "n", "b", "xy", 1);
    put(store, "n", "a", "x", 2);
    put(store, "n-2", "c", "y", 3);
    put(store, "", "cluster", NULL, 4);
    check_index(store, NULL, NULL, "cluster4 c3 a2 b1 ");
    check_index(store, "namespace", "n", "a2 b1 ");
    check_index(store, "namespace", "", "cluster4 ");
    check_index(store, "app", "x", "a2 b1 ");
    check_index(store, "app", "y", "c3 b1 ");
    check_index(store, "app", "xy", "b1 ");
    put(store, "n", "b", "z", 5); /* leaves x, y and xy */
    check_index(store, "app", "x", "a2 ");
    check_index(store, "app", "z", "b5 ");
    take_out(store, "n", "a");
    check_index(store, "app", "x", "");
    snapshot = tw_store_snapshot(store);
    CHECK(tw_snapshot_each_value(snapshot, "app", append_text, values) == TW_OK);
    CHECK_TEXT(bytes_str(values), "y z ");
    values[0] = '\0';
    CHECK(tw_snapshot_each_value(snapshot, "namespace", append_text, values) == TW_OK);
    CHECK_TEXT(bytes_str(values), "- n-2 n ");
    tw_snapshot_release(snapshot);
    tw_store_free(store);
}

TEST(indexer, an_index_made_late_knows_what_is_there)
{
    tw_store *store = NULL;
    tw_list *list = NULL;
    tw_error *error = NULL;

    CHECK(tw_store_new(&store, NULL) == TW_OK);
    put(store, "n", "a", "x", 1);
    put(store, "n", "b", "x", 2);
    CHECK(tw_store_by_index(store, "app", "x", &list, &error) == TW_ERR_ARGUMENT);
    CHECK_TEXT(bytes_str(tw_error_message(error)), "there is no index app");
    tw_error_free(error);
    CHECK(tw_store_add_index(store, "app", by_app, NULL, NULL) == TW_OK);
    CHECK(tw_store_add_index(store, "app", by_app, NULL, NULL) == TW_ERR_ARGUMENT);
    CHECK(tw_store_by_index(store, "app", "x", &list, NULL) == TW_OK);
    CHECK_INT(tw_list_count(list), 2);
    tw_list_free(list);
    take_out(store, "n", "a");
    check_index(store, "app", "x", "b2 ");
    tw_store_free(store);
}

TEST(indexer, a_snapshot_shows_what_was_whatever_is_written)
{
    tw_store *store = NULL;
    tw_snapshot *before, *middle;
    tw_list *none = list_new();

    CHECK(tw_store_new(&store, NULL) == TW_OK);
    CHECK(tw_store_add_index(store, "app", by_app, NULL, NULL) == TW_OK);
    put(store, "n", "a", "x", 1);
    before = tw_store_snapshot(store);
    put(store, "n", "a", "y", 2);
    put(store, "n", "b", "x", 3);
    middle = tw_store_snapshot(store);
    CHECK(tw_store_replace(store, none) == TW_OK);
    check_each(before, NULL, NULL, "a1 ");
    check_each(before, "app", "x", "a1 ");
    check_each(middle, NULL, NULL, "a2 b3 ");
    CHECK(tw_snapshot_get(middle, "n", "b") != NULL && tw_snapshot_get(before, "n", "b") == NULL);
    CHECK_INT(tw_snapshot_count(middle), 2);
    tw_snapshot_release(before); /* the older one first: the newer keeps what it shares */
    check_each(middle, "app", "x", "b3 ");
    CHECK_INT(tw_store_count(store), 0);
    tw_snapshot_release(middle);
    tw_list_free(none);
    tw_store_free(store);
}

/* ---- against a plain array, at random ---- */

enum { KEYS = 3000 };

TEST(indexer, equals_an_array_after_thousands_of_writes_at_random)
{
    static unsigned rvs[KEYS], kept[KEYS];
    tw_store *store = NULL;
    tw_snapshot *snapshot = NULL;
    unsigned seed = 7, count = 0;
    char name[16];

    CHECK(tw_store_new(&store, NULL) == TW_OK);
    CHECK(tw_store_add_index(store, "app", by_app, NULL, NULL) == TW_OK);
    for (unsigned n = 1; n < 20000; n++) {
        unsigned key = (unsigned)rand_r(&seed) % KEYS;
        bool removes = (unsigned)rand_r(&seed) % 100 < (n < 12000 ? 30 : 70);

        snprintf(name, sizeof(name), "k%u", key);
        count = count - (rvs[key] != 0) + !removes;
        rvs[key] = removes ? 0 : n;
        if (removes)
            take_out(store, "n", name);
        else
            put(store, "n", name, key % 2 != 0 ? "odd" : "even", n);
        if (n == 9000) {
            snapshot = tw_store_snapshot(store);
            memcpy(kept, rvs, sizeof(kept));
        }
        CHECK_INT(tw_store_count(store), count);
    }
    for (unsigned key = 0; key < KEYS; key++) {
        tw_object *then, *now;

        snprintf(name, sizeof(name), "k%u", key);
        then = tw_snapshot_get(snapshot, "n", name);
        now = tw_store_get(store, "n", name);
        CHECK(strtoul(tw_object_resource_version(then), NULL, 10) == kept[key]);
        CHECK(strtoul(tw_object_resource_version(now), NULL, 10) == rvs[key]);
        tw_object_unref(now);
    }
    tw_snapshot_release(snapshot);
    tw_store_free(store);
}

/* ---- many readers, one writer ---- */

struct race {
    tw_store *store;
    atomic_bool over;
};

struct sum {
    unsigned first, count;
    bool differ;
};

static bool add_up(void *user, tw_object *object)
{
    struct sum *sum = user;
    unsigned rv = (unsigned)strtoul(tw_object_resource_version(object), NULL, 10);

    sum->first = sum->count++ == 0 ? rv : sum->first;
    sum->differ |= rv != sum->first;
    return true;
}

/* Each version holds 40 objects of one generation: a snapshot that mixes two was torn. */
static void *read_on(void *user)
{
    struct race *race = user;
    unsigned last = 0;

    while (!atomic_load(&race->over)) {
        tw_snapshot *snapshot = tw_store_snapshot(race->store);
        struct sum sum = {0};
        tw_object *one = tw_store_get(race->store, "n", "k7");

        CHECK(tw_snapshot_each(snapshot, "app", "x", add_up, &sum) == TW_OK);
        CHECK(!sum.differ && (sum.count == 0 || sum.count == 40) && sum.first >= last);
        last = sum.first;
        tw_snapshot_release(snapshot);
        tw_object_unref(one);
    }
    return NULL;
}

TEST(indexer, readers_see_whole_versions_while_a_writer_replaces_them)
{
    struct race race = {.store = NULL};
    pthread_t readers[3];

    CHECK(tw_store_new(&race.store, NULL) == TW_OK);
    CHECK(tw_store_add_index(race.store, "app", by_app, NULL, NULL) == TW_OK);
    for (size_t i = 0; i < 3; i++)
        CHECK(pthread_create(&readers[i], NULL, read_on, &race) == 0);
    for (unsigned n = 1; n <= 300; n++) {
        tw_list *list = list_new();
        char name[16];

        for (unsigned i = 0; i < 40; i++) {
            tw_object *object;

            snprintf(name, sizeof(name), "k%u", i);
            object = make("n", name, "x", n);
            CHECK(list_add(list, object));
            tw_object_unref(object);
        }
        CHECK(tw_store_replace(race.store, list) == TW_OK);
        tw_list_free(list);
    }
    atomic_store(&race.over, true);
    for (size_t i = 0; i < 3; i++)
        pthread_join(readers[i], NULL);
    tw_store_free(race.store);
}

/* The count beside the pointer has 16 bits: more takes than that must fold over, none be lost. */
TEST(indexer, a_version_can_be_taken_any_number_of_times)
{
    enum { TAKES = 200000 };
    tw_snapshot **taken = calloc(TAKES, sizeof(tw_snapshot *));
    tw_store *store = NULL;

    CHECK(tw_store_new(&store, NULL) == TW_OK && taken != NULL);
    put(store, "n", "a", NULL, 1);
    for (size_t i = 0; i < TAKES; i++)
        taken[i] = tw_store_snapshot(store);
    put(store, "n", "a", NULL, 2);
    for (size_t i = 0; i < TAKES; i++) {
        CHECK(tw_snapshot_get(taken[i], "n", "a") != NULL);
        tw_snapshot_release(taken[i]);
    }
    tw_store_free(store);
    free(taken);
}
