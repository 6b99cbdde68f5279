#include "client-go-like/tidectl/get.h"

#include <stdlib.h>

#include "client-go-like/rest/path.h"

const char table_accept[] = "application/json;as=Table;v=v1;g=meta.k8s.io,"
                            "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

static tw_status fetch(const struct get *g, const struct target *target, const char *field_selector,
                       const char *token, tw_response **ret_response, tw_error **reterr)
{
    struct buf path = {0};
    tw_request request = {.accept = get_is_table(g) ? table_accept : NULL};
    tw_status st;

    path_begin(&path, &target->info->resource, target->ns, target->name);
    if (g->t->flags.subresource != NULL)
        buf_appendf(&path, "/%s", g->t->flags.subresource);
    if (g->whole_rows && get_is_table(g))
        path_query(&path, "includeObject", "Object");
    if (target->name == NULL) {
        path_query(&path, "continue", token);
        path_query(&path, "fieldSelector", field_selector);
        path_query(&path, "labelSelector", g->t->flags.selector);
        if (g->page != 0)
            path_query_u64(&path, "limit", g->page);
    }
    request.path = path_end(&path);
    st = request.path != NULL ? request_do(g->t, &request, ret_response, reterr)
                              : tw_fail_no_memory(reterr);
    buf_release(&path);
    return st;
}

void answer_release(struct answer *answer)
{
    tw_object_unref(answer->table);
    tw_list_free(answer->list);
    free(answer->items);
    *answer = (struct answer){.table = NULL};
}

static tw_status read_table(struct bytes body, struct answer *answer, tw_error **reterr)
{
    tw_status st = tw_object_from_json(body.ptr, body.len, &answer->table, reterr);
    const struct json *rows;

    if (st != TW_OK)
        return st;
    rows = json_get(answer->table->tree, BYTES("rows"));
    if (strcmp(tw_object_kind(answer->table), "Table") != 0)
        return tw_fail(reterr, TW_ERR_PROTOCOL, "the server cannot print this resource");
    answer->items = calloc(json_is(rows, JSON_ARRAY) ? rows->count + 1 : 1, sizeof(*answer->items));
    if (answer->items == NULL)
        return tw_fail_no_memory(reterr);
    json_each(rows, row) {
        answer->items[answer->count++] = row;
    }
    answer->rv = tw_object_get_string(answer->table, "metadata.resourceVersion");
    answer->more = tw_object_get_string(answer->table, "metadata.continue");
    return TW_OK;
}

static tw_status read_objects(struct bytes body, bool single, struct answer *answer,
                              tw_error **reterr)
{
    tw_object *object = NULL;
    tw_status st;

    if ((answer->list = list_new()) == NULL)
        return tw_fail_no_memory(reterr);
    if (single) {
        st = tw_object_from_json(body.ptr, body.len, &object, reterr);
        if (st == TW_OK && !list_add(answer->list, object))
            st = tw_fail_no_memory(reterr);
        tw_object_unref(object);
    } else {
        st = list_read_page(answer->list, body, reterr);
    }
    if (st != TW_OK)
        return st;
    answer->items = calloc(answer->list->count + 1, sizeof(*answer->items));
    if (answer->items == NULL)
        return tw_fail_no_memory(reterr);
    for (; answer->count < answer->list->count; answer->count++)
        answer->items[answer->count] = answer->list->items[answer->count]->tree;
    answer->rv = tw_list_resource_version(answer->list);
    answer->more = tw_list_continue(answer->list);
    return TW_OK;
}

tw_status get_answer(const struct get *g, const struct target *target, const char *field_selector,
                     const char *token, struct answer *ret_answer, tw_error **reterr)
{
    tw_response *response = NULL;
    struct bytes body = {0};
    tw_status st = fetch(g, target, field_selector, token, &response, reterr);

    *ret_answer = (struct answer){.table = NULL};
    if (st != TW_OK)
        return st;
    body.ptr = tw_response_body(response, &body.len);
    st = get_is_table(g) ? read_table(body, ret_answer, reterr)
                         : read_objects(body, target->name != NULL, ret_answer, reterr);
    if (ret_answer->more != NULL && *ret_answer->more == '\0')
        ret_answer->more = NULL;
    tw_response_free(response);
    if (st != TW_OK)
        answer_release(ret_answer);
    return st;
}
