#include "client-go-like/cache/reflector.h"

#include <stdlib.h>

#include "base/clock.h"
#include "client-go-like/object.h"
#include "client-go-like/rest/path.h"
#include "client-go-like/watch/watch.h"
#include "codec/protobuf.h"

enum { LIST_DEADLINE_MS = 5 * 60 * 1000 }; /* for one page, however large */

/* In whatever form it came. */
static tw_status read_page(tw_reflector *r, tw_list *list, tw_error **reterr)
{
    struct bytes body = buf_bytes(http_body(r->http));

    tw_status st = protobuf_is_envelope(body) ? list_read_page_protobuf(list, body, reterr)
                                              : list_read_page(list, body, reterr);

    reflector_count(r, TW_METRIC_BYTES, body.len);
    if (st == TW_ERR_PROTOCOL)
        reflector_count(r, TW_METRIC_DECODE_ERRORS, 1);
    return st;
}

/* One page: `rv` and `token` exclude each other (a token has its own). */
static tw_status fetch_page(tw_reflector *r, const char *rv, const char *token, unsigned limit,
                            tw_list *list, tw_error **reterr)
{
    struct buf path = {0};
    struct http_request request = {.method = "GET", .gzip = true};
    size_t from = list->count;
    tw_status st;

    path_begin(&path, &r->resource, r->ns, NULL);
    path_query(&path, "continue", token);
    path_query(&path, "fieldSelector", r->field_selector);
    path_query(&path, "labelSelector", r->label_selector);
    if (limit != 0)
        path_query_u64(&path, "limit", limit);
    path_query(&path, "resourceVersion", token == NULL ? rv : NULL);
    request.path = path_end(&path);
    request.accept = r->metadata_only
                         ? "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
                         : watch_accept(r->framing, &r->resource);
    watch_set_transport(&request, r->transport, false);
    request.bounds = (struct http_bounds){.connect_ms = r->env.connect_ms,
                                          .first_byte_ms = r->env.first_byte_ms * 2,
                                          .idle_ms = r->env.idle_ms,
                                          .deadline_ms = clock_monotonic_ms() + LIST_DEADLINE_MS,
                                          .body_max = HTTP_BODY_MAX};
    st = request.path != NULL ? client_fetch(r->client, r->http, &request, reterr)
                              : tw_fail_no_memory(reterr);
    list->strip = r->strip;
    if (st == TW_OK)
        st = read_page(r, list, reterr);
    for (size_t i = from; i < list->count && st == TW_OK; i++)
        st = reflector_transform(r, &list->items[i], reterr);
    http_finish(r->http);
    buf_release(&path);
    reflector_heard(r);
    return st;
}

/* CG tools/pager List(): pages until there is no more; when the snapshot expires under way, all of
 * it in one piece. */
static tw_status fetch_list(tw_reflector *r, const char *rv, unsigned limit, tw_list **ret_list,
                            bool *ret_paginated, tw_error **reterr)
{
    tw_list *list = list_new();
    char *token = NULL;
    tw_status st =
        list != NULL ? fetch_page(r, rv, NULL, limit, list, reterr) : tw_fail_no_memory(reterr);

    *ret_paginated = false;
    while (st == TW_OK && *tw_list_continue(list) != '\0') {
        char *last = token;

        *ret_paginated = true;
        token = list->continue_token;
        list->continue_token = NULL;
        if (last != NULL && strcmp(last, token) == 0)
            st = tw_fail(reterr, TW_ERR_PROTOCOL, "the list does not go on: same continue twice");
        free(last);
        if (st == TW_OK)
            st = fetch_page(r, NULL, token, limit, list, reterr);
    }
    if (st == TW_ERR_SERVER && token != NULL && reflector_judge(*reterr) == VERDICT_EXPIRED) {
        tw_error_clear(reterr);
        tw_list_free(list);
        list = list_new();
        st = list != NULL ? fetch_page(r, rv, NULL, 0, list, reterr) : tw_fail_no_memory(reterr);
    }
    free(token);
    if (st == TW_OK)
        *ret_list = list;
    else
        tw_list_free(list);
    return st;
}

/* "0" at first: any state will do. Then not older than what we had; the newest if that is gone. */
static const char *list_version(const tw_reflector *r)
{
    if (r->rv_unavailable)
        return "";
    return r->rv != NULL ? r->rv : "0";
}

static tw_status list_once(tw_reflector *r, tw_list **ret_list, tw_error **reterr)
{
    const char *rv = list_version(r);
    bool from_cache = strcmp(rv, "0") == 0, paginated = false;
    /* With a resourceVersion a page size would mean "exactly that version" (wire rule of LIST). */
    unsigned limit = from_cache || *rv == '\0' || r->paginated ? REFLECTOR_PAGE : 0;
    uint64_t began_ms;
    tw_status st;

    reflector_count(r, TW_METRIC_LISTS, 1);
    if (r->rv != NULL)
        reflector_count(r, TW_METRIC_RELISTS, 1);
    began_ms = r->env.now_ms();
    st = fetch_list(r, rv, limit, ret_list, &paginated, reterr);
    reflector_count(r, TW_METRIC_LIST_MS, r->env.now_ms() - began_ms);
    if (st == TW_OK && from_cache && paginated)
        r->paginated = true;
    return st;
}

tw_status reflector_list(tw_reflector *r, tw_error **reterr)
{
    tw_list *list = NULL;
    tw_status st;

    if (r->status.state == TW_REFLECTOR_CONNECTING) /* what is forbidden or gone stays that */
        reflector_set_state(r, TW_REFLECTOR_SYNCING);
    st = list_once(r, &list, reterr);
    if (st == TW_ERR_SERVER && reflector_judge(*reterr) == VERDICT_EXPIRED) {
        r->rv_unavailable = true;
        tw_error_clear(reterr);
        st = list_once(r, &list, reterr);
    }
    if (st != TW_OK)
        return st;
    if (*tw_list_resource_version(list) == '\0')
        st = tw_fail(reterr, TW_ERR_PROTOCOL, "the list has no resourceVersion");
    else if (tw_store_replace(r->store, list) != TW_OK ||
             !reflector_set_rv(r, tw_list_resource_version(list)))
        st = tw_fail_no_memory(reterr);
    tw_list_free(list);
    if (st == TW_OK) {
        r->rv_unavailable = false;
        reflector_set_synced(r);
    }
    return st;
}
