#include "client-go-like/rest/client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"

enum {
    IDLE_MAX = 8,               /* connections kept for the next request */
    TOKEN_FRESH_MS = 60 * 1000, /* a token file is read again after this (client-go transport) */
    TIMEOUT_MS = 60 * 1000,     /* of a request, until tw_client_set_timeout() */
    ERROR_BODY_MS = 10 * 1000,  /* for the body of an error */
    STEP_MS = 1000,
};

struct tw_client {
    atomic_uint refs;
    tw_config *config;
    tw_warning_fn *on_warning;
    void *warning_user;
    atomic_uint timeout_ms;
    pthread_mutex_t lock; /* what follows */
    struct http *idle[IDLE_MAX];
    size_t idle_count;
    struct blob *token;
    uint64_t token_read_ms;
};

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
    blob_unref(client->token);
    tw_config_free(client->config);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

const char *tw_client_namespace(const tw_client *client)
{
    return tw_config_namespace(client->config);
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

void client_release(tw_client *client, struct http *http)
{
    if (http == NULL)
        return;
    http_finish(http);
    http_restart(http);
    pthread_mutex_lock(&client->lock);
    if (client->idle_count < IDLE_MAX) {
        client->idle[client->idle_count++] = http;
        http = NULL;
    }
    pthread_mutex_unlock(&client->lock);
    http_free(http);
}

/* ---- the token ---- */

static tw_status read_token(tw_client *client, tw_error **reterr)
{
    struct buf text = {0};
    struct blob *token;
    tw_status st = config_read_file(client->config->token_file, &text, reterr);

    if (st != TW_OK)
        return st;
    token = blob_new(bytes_trim(buf_bytes(&text)));
    buf_release(&text);
    if (token == NULL)
        return tw_fail_no_memory(reterr);
    blob_unref(client->token);
    client->token = token;
    client->token_read_ms = clock_monotonic_ms();
    return TW_OK;
}

/* The text of the token file, as fresh as a minute. A file that cannot be read now leaves the old
 * token in use: it may be in the middle of a rotation. */
static tw_status file_token(tw_client *client, struct blob **ret_token, tw_error **reterr)
{
    tw_status st = TW_OK;

    pthread_mutex_lock(&client->lock);
    if (client->token == NULL)
        st = read_token(client, reterr);
    else if (clock_monotonic_ms() - client->token_read_ms >= TOKEN_FRESH_MS)
        (void)read_token(client, NULL);
    if (st == TW_OK)
        *ret_token = blob_ref(client->token);
    pthread_mutex_unlock(&client->lock);
    return st;
}

static tw_status start(tw_client *client, struct http *http, struct http_request *request,
                       tw_error **reterr)
{
    struct blob *token = NULL;
    tw_status st = TW_OK;

    if (client->config->token != NULL)
        request->token = bytes_str(client->config->token);
    else if (client->config->token_file != NULL)
        st = file_token(client, &token, reterr);
    if (token != NULL)
        request->token = blob_bytes(token);
    if (st == TW_OK)
        st = http_start(http, request, reterr);
    request->token = bytes_of(NULL, 0);
    blob_unref(token);
    return st;
}

/* ---- answers ---- */

static void tell_warnings(const tw_client *client, const struct http *http)
{
    struct bytes rest = http_warnings(http);

    while (client->on_warning != NULL && rest.len != 0) {
        struct bytes text = bytes_cut(&rest, '\0');

        client->on_warning(client->warning_user, text.ptr); /* the cut was at its NUL */
    }
}

/* TW_OK: headers are here. The end may be too, good or bad: the next step says so again. */
static tw_status wait_for_headers(struct http *http, tw_error **reterr)
{
    for (;;) {
        tw_status st = http_step(http, STEP_MS, reterr);

        if (http_code(http) != 0) {
            tw_error_clear(reterr);
            return TW_OK;
        }
        if (st == TW_END)
            return tw_fail(reterr, TW_ERR_PROTOCOL, "an answer without a status code");
        if (st != TW_OK && (st != TW_ERR_TIMEOUT || *reterr != NULL))
            return st;
    }
}

/* Reads on to the end. TW_END never comes back: complete is TW_OK. */
static tw_status read_all(struct http *http, uint64_t until_ms, tw_error **reterr)
{
    for (;;) {
        tw_status st = http_step(http, STEP_MS, reterr);

        if (st == TW_END)
            return TW_OK;
        if (st != TW_OK && (st != TW_ERR_TIMEOUT || *reterr != NULL))
            return st;
        if (until_ms != 0 && clock_monotonic_ms() >= until_ms)
            return tw_fail(reterr, TW_ERR_TIMEOUT, "the answer does not end");
    }
}

/* What the server meant by this answer; its body is read as far as it comes in time. */
static tw_status fail_answer(struct http *http, bool complete, tw_error **reterr)
{
    tw_error *ignored = NULL;
    tw_status st;

    if (!complete)
        (void)read_all(http, clock_monotonic_ms() + ERROR_BODY_MS, &ignored);
    tw_error_free(ignored);
    st = client_fail_answer(http_code(http), buf_bytes(http_body(http)), reterr);
    return st;
}

tw_status client_open(tw_client *client, struct http *http, struct http_request *request,
                      tw_error **reterr)
{
    tw_error *own = NULL, **error = reterr != NULL ? reterr : &own; /* TIMEOUT must be told apart */
    tw_status st = start(client, http, request, error);

    if (st == TW_OK)
        st = wait_for_headers(http, error);
    if (st == TW_OK) {
        tell_warnings(client, http);
        if (http_code(http) / 100 != 2)
            st = fail_answer(http, false, error);
    }
    tw_error_free(own);
    return st;
}

static tw_status fetch_once(tw_client *client, struct http *http, struct http_request *request,
                            tw_error **reterr)
{
    tw_status st = start(client, http, request, reterr);

    if (st == TW_OK)
        st = read_all(http, 0, reterr);
    if (st != TW_OK)
        return st;
    tell_warnings(client, http);
    if (http_code(http) / 100 != 2)
        return fail_answer(http, true, reterr);
    return TW_OK;
}

/* client-go rest/with_retry.go: 429 and 5xx, and only when the server names a time. */
static bool may_retry(const struct http *http, uint64_t deadline_ms, unsigned *ret_pause_ms)
{
    int code = http_code(http), after_s = http_retry_after_s(http);

    if ((code != 429 && code / 100 != 5) || after_s < 0)
        return false;
    *ret_pause_ms = (unsigned)after_s * 1000;
    return deadline_ms == 0 || clock_monotonic_ms() + *ret_pause_ms < deadline_ms;
}

tw_status client_fetch(tw_client *client, struct http *http, struct http_request *request,
                       tw_error **reterr)
{
    tw_error *own = NULL, **error = reterr != NULL ? reterr : &own;
    unsigned pause_ms;
    tw_status st;

    for (int retries = 0;; retries++) {
        st = fetch_once(client, http, request, error);
        if (st != TW_ERR_SERVER || retries == CLIENT_RETRIES_MAX ||
            !may_retry(http, request->bounds.deadline_ms, &pause_ms))
            break;
        http_finish(http);
        tw_error_clear(error);
        st = http_pause(http, pause_ms, error);
        if (st != TW_OK)
            break;
    }
    tw_error_free(own);
    return st;
}

/* ---- any path ---- */

struct tw_response {
    int code;
    struct buf body; /* ends in NUL, which body.len does not count */
    char *content_type;
};

void tw_response_free(tw_response *response)
{
    if (response == NULL)
        return;
    buf_release(&response->body);
    free(response->content_type);
    free(response);
}

static tw_status take_response(struct http *http, tw_response **ret_response, tw_error **reterr)
{
    tw_response *response = calloc(1, sizeof(*response));
    struct buf *body = http_body(http);

    if (response == NULL || !buf_reserve(body, 1) ||
        (response->content_type = strdup(http_content_type(http))) == NULL) {
        tw_response_free(response);
        return tw_fail_no_memory(reterr);
    }
    body->data[body->len] = '\0';
    response->code = http_code(http);
    response->body = *body;
    *body = (struct buf){0};
    *ret_response = response;
    return TW_OK;
}

tw_status tw_client_do(tw_client *client, const tw_request *request, tw_response **ret_response,
                       tw_error **reterr)
{
    unsigned timeout_ms =
        request->timeout_ms != 0 ? request->timeout_ms : atomic_load(&client->timeout_ms);
    struct http_request r = {
        .method = request->method != NULL ? request->method : "GET",
        .path = request->path,
        .accept = request->accept,
        .content_type = request->content_type,
        .body = bytes_of(request->body, request->body_len),
        .gzip = true,
        .bounds = {.connect_ms = HTTP_CONNECT_MS,
                   .deadline_ms = timeout_ms != 0 ? clock_monotonic_ms() + timeout_ms : 0,
                   .body_max = HTTP_BODY_MAX},
    };
    struct http *http = NULL;
    tw_status st;

    if (r.path == NULL || r.path[0] != '/')
        return tw_fail(reterr, TW_ERR_ARGUMENT, "a path must begin with /");
    st = client_acquire(client, &http, reterr);
    if (st == TW_OK)
        st = client_fetch(client, http, &r, reterr);
    if (st == TW_OK && ret_response != NULL)
        st = take_response(http, ret_response, reterr);
    client_release(client, http);
    return st;
}

int tw_response_code(const tw_response *response)
{
    return response->code;
}

const char *tw_response_body(const tw_response *response, size_t *ret_len)
{
    if (ret_len != NULL)
        *ret_len = response->body.len;
    return response->body.data;
}

const char *tw_response_content_type(const tw_response *response)
{
    return response->content_type;
}
