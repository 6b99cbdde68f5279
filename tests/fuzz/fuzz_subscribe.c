/*
 * What is asked of a multiplexed watch, as a message and as the target of a request; then a
 * Last-Event-ID of it. What is taken has ids that may stand in an answer unescaped, and parts that
 * may stand in a storage key.
 */
#include <stdlib.h>

#include "apiserver/request/subscribe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_id(struct bytes id)
{
    must(id.len > 0 && id.len <= SUBSCRIPTION_ID_MAX);
    for (size_t i = 0; i < id.len; i++)
        must(id.ptr[i] > ' ' && id.ptr[i] < 0x7f && id.ptr[i] != '"' && id.ptr[i] != '\\');
}

static void check(struct subscribe *it, enum status st, struct error *err)
{
    must(st == STATUS_OK ||
         (st == STATUS_BAD_REQUEST && err->message != NULL && it->add_count == 0));
    must(it->add_count <= SUBSCRIPTIONS_MAX && it->remove_count <= SUBSCRIPTIONS_MAX);
    for (size_t i = 0; i < it->remove_count; i++)
        check_id(it->remove[i]);
    for (size_t i = 0; i < it->add_count; i++) {
        const struct subscription *s = &it->add[i];
        struct bytes parts[] = {s->info.group, s->info.version, s->info.resource, s->info.namespace,
                                s->info.name};

        check_id(s->id);
        must((s->why.status == STATUS_OK) == (s->why.message == NULL));
        for (size_t p = 0; p < ARRAY_LEN(parts) && s->why.status == STATUS_OK; p++)
            must(parts[p].len == 0 || request_segment_is_plain(parts[p]));
    }
    error_release(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = bytes_of((const char *)data, size), text = rest;
    struct bytes target = bytes_cut(&rest, '\n');
    struct arena arena = {0};
    struct request_info info;
    struct resume_point point = {0};
    struct subscribe it = {0}, listed = {0};
    struct error err = {0};
    enum status st = subscribe_parse(&arena, text, &it, &err);

    check(&it, st, &err);
    subscribe_release(&it);
    request_info_parse(&arena, BYTES("GET"), target, &info);
    st = subscribe_parse_query(&arena, &info.query, &listed, &err);
    check(&listed, st, &err);
    st = resume_point_parse(rest, &listed, &point, &err);
    must(st != STATUS_OK || (point.rev > 0 && point.told <= listed.add_count));
    error_release(&err);
    subscribe_release(&listed);
    arena_release(&arena);
    return 0;
}
