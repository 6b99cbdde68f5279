#include "client-go-like/config/login.h"

#include <stdlib.h>

#include "base/clock.h"
#include "client-go-like/config/exec_plugin.h"

enum {
    TOKEN_FRESH_MS = 60 * 1000
}; /* a token file is read again after this (client-go transport) */

struct credentials *credentials_new(struct bytes token, struct bytes cert, struct bytes key)
{
    struct credentials *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    atomic_init(&c->refs, 1);
    if (config_replace(&c->token, token) && config_replace(&c->cert, cert) &&
        config_replace(&c->key, key))
        return c;
    credentials_unref(c);
    return NULL;
}

struct credentials *credentials_ref(const struct credentials *credentials)
{
    struct credentials *c = (struct credentials *)(uintptr_t)credentials; /* but for the counter */

    if (c != NULL)
        atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void credentials_unref(struct credentials *c)
{
    if (c == NULL || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    config_forget(c->token);
    config_forget(c->cert);
    config_forget(c->key);
    free(c);
}

void login_init(struct login *l, const tw_config *config)
{
    *l = (struct login){.config = config};
    pthread_mutex_init(&l->lock, NULL);
}

void login_release(struct login *l)
{
    credentials_unref(l->current);
    pthread_mutex_destroy(&l->lock);
}

/* client-go's order: what stands in the config wins over a plugin; a token file, once read, over
 * the token beside it. */
static bool has_plugin(const tw_config *c)
{
    return c->exec != NULL && c->token == NULL && c->token_file == NULL && c->username == NULL;
}

static bool is_fresh(const struct login *l)
{
    if (l->current == NULL || l->refused)
        return false;
    if (l->config->token_file != NULL)
        return clock_monotonic_ms() - l->read_ms < TOKEN_FRESH_MS;
    return l->current->expires_wall_s == 0 || clock_wall_s() <= l->current->expires_wall_s;
}

static tw_status read_token_file(const tw_config *config, struct credentials **ret_credentials,
                                 tw_error **reterr)
{
    struct buf text = {0};
    struct bytes none = {0};
    tw_status st = config_read_file(config->token_file, &text, reterr);

    if (st == TW_OK && bytes_trim(buf_bytes(&text)).len == 0)
        st = tw_fail(reterr, TW_ERR_CONFIG, "the token file %s is empty", config->token_file);
    else if (st == TW_OK &&
             (*ret_credentials = credentials_new(bytes_trim(buf_bytes(&text)), none, none)) == NULL)
        st = tw_fail_no_memory(reterr);
    buf_release(&text);
    return st;
}

static tw_status refresh(struct login *l, tw_error **reterr)
{
    const tw_config *config = l->config;
    struct credentials *made = NULL;
    tw_status st = TW_OK;

    if (config->token_file != NULL)
        st = read_token_file(config, &made, config->token == NULL ? reterr : NULL);
    else if (has_plugin(config))
        st = exec_plugin_run(config, &made, reterr);
    if (made == NULL && l->current == NULL && config->token != NULL && st != TW_ERR_NO_MEMORY) {
        made = credentials_new(bytes_str(config->token), bytes_of(NULL, 0), bytes_of(NULL, 0));
        st = made != NULL ? TW_OK : tw_fail_no_memory(reterr);
    }
    if (made == NULL)
        return st == TW_ERR_NO_MEMORY ? tw_fail_no_memory(reterr) : st;
    credentials_unref(l->current);
    l->current = made;
    l->read_ms = clock_monotonic_ms();
    l->refused = false;
    return TW_OK;
}

tw_status login_get(struct login *l, struct credentials **ret_credentials, tw_error **reterr)
{
    tw_status st = TW_OK;

    pthread_mutex_lock(&l->lock);
    /* A token file may be in the middle of its rotation: the old token stays in use. */
    if (!is_fresh(l)) {
        bool may_stay = l->config->token_file != NULL && l->current != NULL;

        st = refresh(l, may_stay ? NULL : reterr);
        if (may_stay)
            st = TW_OK;
    }
    if (st == TW_OK)
        *ret_credentials = credentials_ref(l->current);
    pthread_mutex_unlock(&l->lock);
    return st;
}

bool login_refused(struct login *l, const struct credentials *used)
{
    bool hope = l->config->token_file != NULL || has_plugin(l->config);

    pthread_mutex_lock(&l->lock);
    if (used != NULL && l->current == used) /* else another thread has been here already */
        l->refused = true;
    pthread_mutex_unlock(&l->lock);
    return hope && used != NULL;
}
