#include "apiserver/handlers/held.h"

#include <stdlib.h>

#include "apiserver/handlers/access.h"
#include "apiserver/handlers/server_info.h"

enum { LEAST = 64 << 10 }; /* what is shorter is not worth the count */

struct held {
    struct tally_entry *entry;
    uint64_t len;
};

static void give_back(void *user)
{
    struct held *held = user;

    tally_shrink(held->entry, held->len);
    tally_return(held->entry, 1);
    free(held);
}

/* Nobody waits for others for ever: when nothing is held, there is room for any. */
static bool fits(struct tally *all, struct held *held, uint64_t max)
{
    return tally_grow(held->entry, held->len, max) ||
           (tally_shared(all) == 0 && tally_grow(held->entry, held->len, 0));
}

static enum status refuse(struct error *reterr)
{
    error_set(reterr, STATUS_TOO_MANY_REQUESTS, "too many bytes of answers have not been read yet");
    reterr->retry_after_s = 1;
    return reterr->status;
}

static struct held *held_new(const struct api_request *api, uint64_t len)
{
    struct held *held = calloc(1, sizeof(*held));
    struct buf name = {0};

    if (held == NULL)
        return NULL;
    held->len = len;
    if (tally_take(api->worker->info->answers, access_write_holder(&name, api), 1, UINT64_MAX,
                   &held->entry) != STATUS_OK) {
        free(held);
        held = NULL;
    }
    buf_release(&name);
    return held;
}

enum status held_count(const struct api_request *api, struct blob *body, struct error *reterr)
{
    const struct server_info *info = api->worker->info;
    bool is_get = bytes_eq_str(api->http->method, "GET");
    struct held *held;

    if (body->len < LEAST || info->answers_max == 0 || blob_is_shared(body))
        return STATUS_OK;
    held = held_new(api, body->len);
    if (held == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    if (!fits(info->answers, held, is_get ? info->answers_max : 0)) {
        tally_return(held->entry, 1);
        free(held);
        return refuse(reterr);
    }
    blob_on_free(body, give_back, held);
    return STATUS_OK;
}
