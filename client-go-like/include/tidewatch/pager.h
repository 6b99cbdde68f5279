/*
 * pager - a long list in pages, an object at a time.
 *
 *   GET ?limit=500, &continue=.. --page--> tw_each_fn for each object, in the list's order
 *
 * Shape    client-go's tools/pager. No more than one page is in memory. A list that changes faster
 *          than it is read expires in the middle (410): then everything comes once more in one
 *          piece if `on_restart` can make the reader forget what it has seen; else that is the
 *          error.
 * Owner    an object is borrowed for the call; tw_object_ref() keeps it.
 * Threads  callbacks run in the caller's.
 */
#ifndef TIDEWATCH_PAGER_H
#define TIDEWATCH_PAGER_H

#include <tidewatch/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Anything but TW_OK ends the list and is what the call returns; TW_END: enough, no error. */
typedef tw_status tw_each_fn(void *user, tw_object *object);

typedef struct tw_each {
    tw_each_fn *on_object;
    void (*on_restart)(void *user); /* may be NULL */
    void *user;
    /* Filled in: of the list, once it is over. */
    char resource_version[64];
} tw_each;

/* `options->limit` is the size of a page; 0: 500. */
TW_API tw_status tw_list_each(tw_client *client, const tw_resource *resource, const char *ns,
                              const tw_list_options *options, tw_each *each, tw_error **reterr);
/* All pages as one list. */
TW_API tw_status tw_list_all(tw_client *client, const tw_resource *resource, const char *ns,
                             const tw_list_options *options, tw_list **ret_list, tw_error **reterr);

#ifdef __cplusplus
}
#endif
#endif
