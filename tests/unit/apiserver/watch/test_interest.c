#include "unit/test.h"

#include "apiserver/watch/internal.h"
#include "unit/apiserver/watch/fake.h"

static const struct interest *take(struct fake_server *server, struct watch_spec spec)
{
    spec.kind = &fake_maps;
    return interest_take(server->cache, &spec);
}

/* Both go; the first as the last of those that share it. */
static void drop(const struct interest *a, const struct interest *b)
{
    interest_unref((struct interest *)b);
    interest_unref((struct interest *)a);
}

TEST(interest, watches_that_ask_for_the_same_share_one)
{
    struct fake_server server;
    const struct interest *a, *b;

    fake_server_start(&server);
    a = take(&server, (struct watch_spec){.namespace = BYTES("default")});
    b = take(&server, (struct watch_spec){.namespace = BYTES("default"), .since = 7});
    CHECK(a == b && a->refs == 2);
    drop(a, b);
    CHECK_INT(server.cache->interests.count, 0);
    fake_server_release(&server);
}

TEST(interest, what_differs_in_scope_form_or_selectors_is_not_shared)
{
    struct fake_server server;
    const struct watch_spec others[] = {
        {.name = BYTES("a")},      {.namespace = BYTES("a")},
        {.framing = FRAMING_SSE},  {.view = {.shape = VIEW_METADATA}},
        {.labels = labels("l=1")}, {.fields = fields("metadata.name=a")},
    };
    const struct interest *all;

    fake_server_start(&server);
    all = take(&server, (struct watch_spec){0});
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        const struct interest *other = take(&server, others[i]);

        CHECK(other != all && all->refs == 1);
        interest_unref((struct interest *)other);
    }
    interest_unref((struct interest *)all);
    fake_server_release(&server);
}

TEST(interest, selectors_that_look_alike_are_each_watch_s_own)
{
    struct fake_server server;
    const struct interest *a, *b;

    fake_server_start(&server);
    a = take(&server, (struct watch_spec){.labels = labels("l=1")});
    b = take(&server, (struct watch_spec){.labels = labels("l=1")});
    CHECK(a != b);
    drop(a, b);
    fake_server_release(&server);
}
