#include <tidewatch/pager.h>

#include <stdio.h>
#include <stdlib.h>

#include "client-go-like/object.h"

enum { PAGE_SIZE = 500 }; /* client-go tools/pager, defaultPageSize */

static tw_status give(const tw_list *page, tw_each *each)
{
    tw_status st = TW_OK;

    for (size_t i = 0; i < tw_list_count(page) && st == TW_OK; i++)
        st = each->on_object(each->user, tw_list_at(page, i));
    return st;
}

/* The token of the next page; NULL after the last. False without memory. */
static bool take_token(const tw_list *page, char **token)
{
    free(*token);
    *token = NULL;
    return *tw_list_continue(page) == '\0' || (*token = strdup(tw_list_continue(page))) != NULL;
}

tw_status tw_list_each(tw_client *client, const tw_resource *resource, const char *ns,
                       const tw_list_options *options, tw_each *each, tw_error **reterr)
{
    tw_list_options o = options != NULL ? *options : (tw_list_options){.limit = 0};
    tw_error *own = NULL, **error = reterr != NULL ? reterr : &own;
    const char *first_version = o.resource_version, *first_match = o.resource_version_match;
    char *token = NULL;
    bool more = true;
    tw_status st = TW_OK;

    if (o.limit == 0)
        o.limit = PAGE_SIZE;
    while (st == TW_OK && more) {
        tw_list *page = NULL;

        st = tw_list_get(client, resource, ns, &o, &page, error);
        if (st == TW_ERR_SERVER && tw_error_code(*error) == 410 && token != NULL &&
            each->on_restart != NULL) {
            tw_error_clear(error);
            each->on_restart(each->user);
            o.limit = 0;
            o.continue_token = NULL;
            o.resource_version = first_version;
            o.resource_version_match = first_match;
            st = tw_list_get(client, resource, ns, &o, &page, error);
        }
        if (st == TW_OK)
            st = give(page, each);
        if (st == TW_OK && !take_token(page, &token))
            st = tw_fail_no_memory(error);
        more = token != NULL;
        o.continue_token = token; /* which says the version, too: */
        o.resource_version = o.resource_version_match = NULL;
        if (st == TW_OK && !more)
            snprintf(each->resource_version, sizeof(each->resource_version), "%s",
                     tw_list_resource_version(page));
        tw_list_free(page);
    }
    free(token);
    tw_error_free(own);
    return st == TW_END ? TW_OK : st;
}

/* ---- all of it ---- */

static tw_status keep(void *user, tw_object *object)
{
    return list_add(user, object) ? TW_OK : TW_ERR_NO_MEMORY;
}

static void forget(void *user)
{
    tw_list *list = user;

    for (size_t i = 0; i < list->count; i++)
        tw_object_unref(list->items[i]);
    list->count = 0;
}

tw_status tw_list_all(tw_client *client, const tw_resource *resource, const char *ns,
                      const tw_list_options *options, tw_list **ret_list, tw_error **reterr)
{
    tw_list *list = list_new();
    tw_each each = {.on_object = keep, .on_restart = forget, .user = list};
    tw_status st = list != NULL ? tw_list_each(client, resource, ns, options, &each, reterr)
                                : TW_ERR_NO_MEMORY;

    if (st == TW_OK && (list->resource_version = strdup(each.resource_version)) == NULL)
        st = TW_ERR_NO_MEMORY;
    if (st == TW_OK) {
        *ret_list = list;
        return TW_OK;
    }
    tw_list_free(list);
    return st == TW_ERR_NO_MEMORY ? tw_fail_no_memory(reterr) : st;
}
