#include "client-go-like/rest/client.h"

#include <stdlib.h>

enum { TIMEOUT_MS = 60 * 1000 }; /* of a request, until tw_client_set_timeout() */

/* Takes `config` over. */
static tw_status client_make(tw_config *config, tw_client **ret_client, tw_error **reterr)
{
    tw_client *client = config->server != NULL ? calloc(1, sizeof(*client)) : NULL;

    if (client == NULL) {
        bool no_server = config->server == NULL;

        tw_config_free(config);
        return no_server ? tw_fail(reterr, TW_ERR_CONFIG, "the config names no server")
                         : tw_fail_no_memory(reterr);
    }
    client->config = config;
    atomic_init(&client->refs, 1);
    atomic_init(&client->timeout_ms, TIMEOUT_MS);
    pthread_mutex_init(&client->lock, NULL);
    login_init(&client->login, config);
    rate_init(&client->rate);
    *ret_client = client;
    return TW_OK;
}

tw_status tw_client_new(const tw_config *config, tw_client **ret_client, tw_error **reterr)
{
    tw_config *own = NULL;
    tw_status st = TW_OK;

    if (config == NULL)
        st = tw_config_default(&own, reterr);
    else if ((own = config_copy(config)) == NULL)
        st = tw_fail_no_memory(reterr);
    return st == TW_OK ? client_make(own, ret_client, reterr) : st;
}

tw_client *tw_client_ref(tw_client *client)
{
    atomic_fetch_add_explicit(&client->refs, 1, memory_order_relaxed);
    return client;
}

void tw_client_unref(tw_client *client)
{
    if (client == NULL || atomic_fetch_sub_explicit(&client->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < client->idle_count; i++)
        http_free(client->idle[i]);
    http_lines_free(client->lines);
    login_release(&client->login);
    rate_release(&client->rate);
    tw_config_free(client->config);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

const char *tw_client_namespace(const tw_client *client)
{
    return tw_config_namespace(client->config);
}

const char *client_server(const tw_client *client)
{
    return client->config->server;
}

void tw_client_on_warning(tw_client *client, tw_warning_fn *on_warning, void *user)
{
    client->on_warning = on_warning;
    client->warning_user = user;
}

void tw_client_set_timeout(tw_client *client, unsigned timeout_ms)
{
    atomic_store(&client->timeout_ms, timeout_ms);
}

void tw_client_set_rate_limit(tw_client *client, double per_second, unsigned burst)
{
    rate_set(&client->rate, per_second, burst);
}

/* ---- the pool ---- */

/* The one used last comes first: its connection is the likeliest to be open still. */
tw_status client_acquire(tw_client *client, struct http **ret_http, tw_error **reterr)
{
    struct http *http = NULL;

    pthread_mutex_lock(&client->lock);
    if (client->idle_count != 0)
        http = client->idle[--client->idle_count];
    pthread_mutex_unlock(&client->lock);
    if (http == NULL)
        return http_new(client->config, ret_http, reterr);
    *ret_http = http;
    return TW_OK;
}

tw_status client_acquire_shared(tw_client *client, struct http **ret_http, tw_error **reterr)
{
    tw_status st;

    pthread_mutex_lock(&client->lock);
    st = http_new_on(&client->lines, client->config, ret_http, reterr);
    pthread_mutex_unlock(&client->lock);
    return st;
}

void client_release(tw_client *client, struct http *http)
{
    if (http == NULL)
        return;
    http_finish(http);
    http_restart(http);
    pthread_mutex_lock(&client->lock);
    if (!http_has_line(http) && client->idle_count < CLIENT_IDLE_MAX) {
        client->idle[client->idle_count++] = http;
        http = NULL;
    }
    pthread_mutex_unlock(&client->lock);
    http_free(http);
}
