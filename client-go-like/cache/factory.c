#include <stdlib.h>

#include "base/clock.h"
#include "client-go-like/cache/informer.h"
#include "client-go-like/rest/path.h"

struct member {
    struct list link;
    tw_informer *informer;
    char *key;
};

struct tw_factory {
    tw_client *client;
    pthread_mutex_t lock; /* what follows */
    struct list members;
};

tw_status tw_factory_new(tw_client *client, tw_factory **ret_factory, tw_error **reterr)
{
    tw_factory *factory = calloc(1, sizeof(*factory));

    if (factory == NULL)
        return tw_fail_no_memory(reterr);
    factory->client = tw_client_ref(client);
    pthread_mutex_init(&factory->lock, NULL);
    list_init(&factory->members);
    *ret_factory = factory;
    return TW_OK;
}

/* What makes two informers the same: the path of their list, and what of each object it asks for.
 */
static char *make_key(const tw_resource *resource, const tw_informer_options *o)
{
    struct buf key = {0};

    path_begin(&key, resource, o->ns, NULL);
    path_query(&key, "fieldSelector", o->field_selector);
    path_query(&key, "labelSelector", o->label_selector);
    path_query(&key, "as", o->metadata_only ? "PartialObjectMetadata" : NULL);
    if (path_end(&key) == NULL)
        buf_release(&key);
    return key.data; /* taken over */
}

static struct member *find_locked(tw_factory *factory, const char *key)
{
    list_for_each(&factory->members, it) {
        struct member *member = list_entry(it, struct member, link);

        if (strcmp(member->key, key) == 0)
            return member;
    }
    return NULL;
}

/* Takes `key` over. */
static tw_status add_locked(tw_factory *factory, char *key, const tw_resource *resource,
                            const tw_informer_options *options, struct member **ret_member,
                            tw_error **reterr)
{
    struct member *member = calloc(1, sizeof(*member));
    tw_status st;

    if (member == NULL) {
        free(key);
        return tw_fail_no_memory(reterr);
    }
    st = tw_informer_new(factory->client, resource, options, &member->informer, reterr);
    if (st != TW_OK) {
        free(key);
        free(member);
        return st;
    }
    member->key = key;
    list_append(&factory->members, &member->link);
    *ret_member = member;
    return TW_OK;
}

tw_status tw_factory_informer(tw_factory *factory, const tw_resource *resource,
                              const tw_informer_options *options, tw_informer **ret_informer,
                              tw_error **reterr)
{
    static const tw_informer_options none;
    char *key = make_key(resource, options != NULL ? options : &none);
    struct member *member;
    tw_status st = TW_OK;

    if (key == NULL)
        return tw_fail_no_memory(reterr);
    pthread_mutex_lock(&factory->lock);
    member = find_locked(factory, key);
    if (member == NULL)
        st = add_locked(factory, key, resource, options, &member, reterr);
    else
        free(key);
    pthread_mutex_unlock(&factory->lock);
    if (st == TW_OK)
        *ret_informer = member->informer;
    return st;
}

tw_status tw_factory_start(tw_factory *factory, tw_error **reterr)
{
    tw_status st = TW_OK;

    pthread_mutex_lock(&factory->lock);
    list_for_each(&factory->members, it) {
        if (st == TW_OK)
            st = tw_informer_start(list_entry(it, struct member, link)->informer, reterr);
    }
    pthread_mutex_unlock(&factory->lock);
    return st;
}

/* Members are only ever added while the factory lives: one that was seen may be used unlocked. */
static struct member *member_after(tw_factory *factory, const struct member *last)
{
    struct list *next;

    pthread_mutex_lock(&factory->lock);
    next = last != NULL ? last->link.next : factory->members.next;
    pthread_mutex_unlock(&factory->lock);
    return next != &factory->members ? list_entry(next, struct member, link) : NULL;
}

tw_status tw_factory_wait_synced(tw_factory *factory, unsigned timeout_ms)
{
    uint64_t until_ms = clock_monotonic_ms() + timeout_ms;
    struct member *member = NULL;

    while ((member = member_after(factory, member)) != NULL) {
        uint64_t now_ms = clock_monotonic_ms();
        tw_status st = tw_informer_wait_synced(
            member->informer, now_ms < until_ms ? (unsigned)(until_ms - now_ms) : 0);

        if (st != TW_OK)
            return st;
    }
    return TW_OK;
}

void tw_factory_shutdown(tw_factory *factory)
{
    struct member *member = NULL;

    while ((member = member_after(factory, member)) != NULL)
        tw_informer_stop(member->informer);
}

void tw_factory_free(tw_factory *factory)
{
    if (factory == NULL)
        return;
    tw_factory_shutdown(factory);
    list_for_each(&factory->members, it) {
        struct member *member = list_entry(it, struct member, link);

        tw_informer_free(member->informer);
        free(member->key);
        free(member);
    }
    pthread_mutex_destroy(&factory->lock);
    tw_client_unref(factory->client);
    free(factory);
}
