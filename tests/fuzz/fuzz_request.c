/*
 * What a request asks for before it has a body: its head as HTTP/1 brings it, its target, the
 * options in the query, a continue token, and tokens among WebSocket subprotocols.
 *
 * The first line is a method and a target, the second such a token or protocols; the rest is a
 * head, and a body in chunks.
 */
#include <stdlib.h>

#include "apiserver/handlers/write_options.h"
#include "apiserver/request/list_options.h"
#include "apiserver/request/subprotocol.h"
#include "apiserver/request/timeout.h"
#include "apiserver/transport/http1_chunks.h"
#include "apiserver/transport/http1_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* A refusal has its words, and nothing else has. */
static void check(enum status st, struct error *err)
{
    must((st == STATUS_OK) == (err->message == NULL));
    error_release(err);
}

static void check_info(const struct request_info *info)
{
    struct bytes parts[] = {info->group,    info->version, info->namespace,
                            info->resource, info->name,    info->subresource};

    for (size_t i = 0; i < ARRAY_LEN(parts) && info->is_resource; i++)
        must(parts[i].len == 0 || request_segment_is_plain(parts[i]));
    must(!info->is_resource || info->path.ptr != NULL);
}

static void check_options(struct arena *arena, const struct query *query)
{
    struct write_options write;
    struct delete_options gone;
    struct error err = {0};

    for (int watch = 0; watch < 2; watch++) {
        struct list_options list;
        enum status st = list_options_parse(query, watch, &list, &err);

        if (st == STATUS_OK)
            list_options_release(&list);
        check(st, &err);
    }
    check(write_options_parse(arena, query, "CreateOptions", &write, &err), &err);
    check(delete_options_parse(arena, query, NULL, &gone, &err), &err);
    check(request_timeout_check(query, &err), &err);
}

/* What was made of a token makes the same token, which makes the same again. */
static void check_continue(struct arena *arena, struct bytes text)
{
    struct continue_token token, again;
    struct error err = {0};
    enum status st = continue_decode(arena, text, &token, &err);

    check(st, &err);
    if (st != STATUS_OK)
        return;
    must(continue_decode(arena, continue_encode(arena, &token), &again, &err) == STATUS_OK);
    must(again.rv == token.rv && bytes_eq(again.start_after, token.start_after));
}

static void check_head(struct arena *arena, struct bytes input)
{
    struct http1_head head = {0};
    uint32_t scanned = 0;
    char *copy;
    int refusal;

    if (!http1_head_is_complete(input, &scanned))
        return;
    must(scanned <= input.len);
    copy = bytes_dup(bytes_of(input.ptr, scanned));
    must(copy != NULL);
    refusal = http1_head_read(copy, scanned, arena, &head);
    must(refusal == 0 ? head.len <= scanned : refusal >= 400 && head.why != NULL);
    free(copy);
}

/* In two pieces it is the same body as in one, and no longer than what it came in. */
static void check_chunks(struct bytes input)
{
    enum { LIMIT = 1000 };
    char *all = bytes_dup(input), *cut = bytes_dup(input);
    struct http1_chunks one = {.at = CHUNK_SIZE_BEGIN}, two = one;
    struct bytes left = bytes_of(all, input.len), begin = bytes_of(cut, input.len / 2);
    struct bytes end = bytes_of(cut + begin.len, input.len - begin.len);
    size_t len = 0, cut_len = 0;
    int status, cut_status;

    must(all != NULL && cut != NULL);
    status = http1_chunks_read(&one, &left, all, &len, LIMIT);
    cut_status = http1_chunks_read(&two, &begin, cut, &cut_len, LIMIT);
    if (cut_status == 0 && two.at != CHUNKS_NONE)
        cut_status = http1_chunks_read(&two, &end, cut, &cut_len, LIMIT);
    must(status == cut_status && one.at == two.at && len <= LIMIT && len <= input.len);
    must(bytes_eq(bytes_of(all, len), bytes_of(cut, cut_len)));
    free(all);
    free(cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = bytes_of((const char *)data, size), target = bytes_cut(&rest, '\n'),
                 method = bytes_cut(&target, ' '), token = bytes_cut(&rest, '\n');
    struct arena arena = {0};
    struct request_info info;
    struct subprotocol protocol;
    struct error err = {0};

    request_info_parse(&arena, method, target, &info);
    check_info(&info);
    check_options(&arena, &info.query);
    check_continue(&arena, token);
    check(subprotocol_choose(&arena, token, &protocol, &err), &err);
    check_head(&arena, rest);
    check_chunks(rest);
    arena_release(&arena);
    return 0;
}
