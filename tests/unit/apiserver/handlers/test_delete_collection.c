#include "unit/test.h"

#include "unit/apiserver/handlers/harness.h"

static void make_some(struct harness *h, unsigned count, const char *label)
{
    char body[160];

    for (unsigned i = 0; i < count; i++) {
        snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"%s%u\",\"labels\":{\"l\":\"%s\"}}}",
                 label, i, label);
        CHECK_INT(ask(h, "POST", CM, body), 201);
    }
}

TEST(delete_collection, deletes_what_is_selected_and_shows_it)
{
    struct harness h;

    harness_start(&h);
    make_some(&h, 3, "a");
    make_some(&h, 2, "b");
    CHECK_INT(ask(&h, "DELETE", CM "?labelSelector=l%3Da", NULL), 200);
    CHECK_TEXT(field(&h, "kind"), "ConfigMapList");
    CHECK_INT(node_at(&h, "items")->count, 3);
    CHECK_TEXT(field(&h, "items.0.metadata.name"), "a0");
    CHECK_INT(ask(&h, "GET", CM, NULL), 200);
    CHECK_INT(node_at(&h, "items")->count, 2);
    CHECK_INT(ask(&h, "DELETE", CM "?fieldSelector=metadata.name%3Db1", NULL), 200);
    CHECK_INT(node_at(&h, "items")->count, 1);
    harness_stop(&h);
}

TEST(delete_collection, takes_more_than_may_be_in_flight)
{
    enum { COUNT = 700 };
    struct harness h;
    uint64_t before;

    harness_start(&h);
    make_some(&h, COUNT, "a");
    before = storage_committed(h.worker.storage);
    CHECK_INT(ask(&h, "DELETE", CM, NULL), 200);
    CHECK_INT(node_at(&h, "items")->count, COUNT);
    CHECK_INT(storage_committed(h.worker.storage), before + COUNT); /* a revision each */
    CHECK_INT(ask(&h, "GET", CM, NULL), 200);
    CHECK(node_at(&h, "items") == NULL || node_at(&h, "items")->count == 0);
    harness_stop(&h);
}

TEST(delete_collection, a_limit_leaves_the_rest_and_says_where_to_go_on)
{
    struct harness h;
    char path[512];

    harness_start(&h);
    make_some(&h, 5, "a");
    CHECK_INT(ask(&h, "DELETE", CM "?limit=2", NULL), 200);
    CHECK_INT(node_at(&h, "items")->count, 2);
    snprintf(path, sizeof(path), CM "?limit=9&continue=%.*s",
             BYTES_FMT(field(&h, "metadata.continue")));
    CHECK_INT(ask(&h, "DELETE", path, NULL), 200);
    CHECK_INT(node_at(&h, "items")->count, 3);
    CHECK(node_at(&h, "metadata.continue") == NULL);
    CHECK_INT(ask(&h, "DELETE", CM "?continue=garbage", NULL), 400);
    harness_stop(&h);
}

TEST(delete_collection, of_nothing_is_an_empty_list)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "DELETE", CM, NULL), 200);
    CHECK_INT(node_at(&h, "items")->count, 0);
    harness_stop(&h);
}

TEST(delete_collection, a_dry_run_deletes_nothing)
{
    struct harness h;

    harness_start(&h);
    make_some(&h, 300, "a");
    CHECK_INT(ask(&h, "DELETE", CM "?dryRun=All", NULL), 200);
    CHECK_INT(node_at(&h, "items")->count, 300);
    CHECK_INT(ask(&h, "GET", CM, NULL), 200);
    CHECK_INT(node_at(&h, "items")->count, 300);
    harness_stop(&h);
}

TEST(delete_collection, what_is_held_is_marked_and_shown_so)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "POST", CM, "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"x.io/f\"]}}"),
              201);
    CHECK_INT(ask(&h, "DELETE", CM, NULL), 200);
    CHECK(field(&h, "items.0.metadata.deletionTimestamp").len != 0);
    CHECK_INT(ask(&h, "GET", CM "/a", NULL), 200);
    harness_stop(&h);
}

TEST(delete_collection, goes_on_when_its_client_has_left_but_begins_nothing_more)
{
    struct harness h;
    struct call *call;

    harness_start(&h);
    make_some(&h, 300, "a");
    call = call_begin(&h, "DELETE", CM, NULL, BYTES(""));
    call_hang_up(call);
    make_some(&h, 1, "b");
    CHECK_INT(ask(&h, "GET", CM, NULL), 200);
    CHECK_INT(node_at(&h, "items")->count, 300 - 256 + 1);
    call_free(call);
    harness_stop(&h);
}

TEST(delete_collection, is_not_there_for_namespaces)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(ask(&h, "DELETE", "/api/v1/namespaces", NULL), 405);
    harness_stop(&h);
}
