#include "client-go-like/rest/client.h"

#include "base/clock.h"

enum { STEP_MS = 1000 };

/* ---- one attempt ---- */

void attempt_release(struct attempt *a)
{
    credentials_unref(a->used);
    *a = (struct attempt){.used = NULL};
}

tw_status client_throttle(tw_client *client, const struct http_request *request,
                          unsigned *ret_wait_ms, tw_error **reterr)
{
    uint64_t now_us = clock_monotonic_us(), deadline_ms = request->bounds.deadline_ms;
    uint64_t most_ms = deadline_ms == 0              ? UINT32_MAX
                       : deadline_ms > now_us / 1000 ? deadline_ms - now_us / 1000
                                                     : 0;

    return rate_take(&client->rate, now_us, most_ms, ret_wait_ms)
               ? TW_OK
               : tw_fail(reterr, TW_ERR_TIMEOUT,
                         "the client's rate limit leaves no time for the request");
}

tw_status client_start(tw_client *client, struct http *http, struct http_request *request,
                       struct attempt *a, tw_error **reterr)
{
    tw_status st;

    credentials_unref(a->used);
    a->used = NULL;
    st = login_get(&client->login, &a->used, reterr);
    if (st != TW_OK)
        return st;
    request->credentials = a->used;
    st = http_start(http, request, reterr);
    request->credentials = NULL;
    return st;
}

void client_tell_warnings(const tw_client *client, const struct http *http)
{
    struct bytes rest = http_warnings(http);

    while (client->on_warning != NULL && rest.len != 0) {
        struct bytes text = bytes_cut(&rest, '\0');

        client->on_warning(client->warning_user, text.ptr); /* the cut was at its NUL */
    }
}

static bool is_good(const struct http *http)
{
    return http_code(http) / 100 == 2 || http_code(http) == 101;
}

tw_status client_end(tw_client *client, struct http *http, tw_error **reterr)
{
    client_tell_warnings(client, http);
    return is_good(http) ? TW_OK
                         : client_fail_answer(http_code(http), buf_bytes(http_body(http)), reterr);
}

/* A 401 is worth a second attempt only with something else to show. */
static bool may_be_known_anew(tw_client *client, struct attempt *a)
{
    struct credentials *fresh = NULL;
    bool other;

    if (a->known_anew || !login_refused(&client->login, a->used))
        return false;
    a->known_anew = true;
    if (login_get(&client->login, &fresh, NULL) != TW_OK)
        return false;
    other = fresh != NULL && fresh != a->used &&
            !(fresh->cert == NULL && a->used->cert == NULL &&
              bytes_eq(bytes_str(fresh->token), bytes_str(a->used->token)));
    credentials_unref(fresh);
    return other;
}

bool client_again(tw_client *client, const struct http *http, const struct http_request *request,
                  struct attempt *a, unsigned *ret_pause_ms)
{
    int code = http_code(http), after_s = http_retry_after_s(http);
    uint64_t deadline_ms = request->bounds.deadline_ms;

    *ret_pause_ms = 0;
    if (code == 401)
        return may_be_known_anew(client, a);
    /* client-go rest/with_retry.go: 429 and 5xx, and only when the server names a time. */
    if ((code != 429 && code / 100 != 5) || after_s < 0 || a->retries == CLIENT_RETRIES_MAX)
        return false;
    a->retries++;
    *ret_pause_ms = (unsigned)after_s * 1000;
    return deadline_ms == 0 || clock_monotonic_ms() + *ret_pause_ms < deadline_ms;
}

/* ---- waiting for it ---- */

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

/* The body of an error is read as far as it comes in time. */
static tw_status open_once(tw_client *client, struct http *http, struct http_request *request,
                           struct attempt *a, tw_error **reterr)
{
    tw_error *ignored = NULL;
    tw_status st = client_start(client, http, request, a, reterr);

    if (st == TW_OK)
        st = wait_for_headers(http, reterr);
    if (st != TW_OK)
        return st;
    if (!is_good(http))
        (void)read_all(http, clock_monotonic_ms() + CLIENT_ERROR_BODY_MS, &ignored);
    tw_error_free(ignored);
    return client_end(client, http, reterr);
}

static tw_status fetch_once(tw_client *client, struct http *http, struct http_request *request,
                            struct attempt *a, tw_error **reterr)
{
    unsigned wait_ms = 0;
    tw_status st = client_throttle(client, request, &wait_ms, reterr);

    if (st == TW_OK && wait_ms != 0)
        st = http_pause(http, wait_ms, reterr);
    if (st == TW_OK)
        st = client_start(client, http, request, a, reterr);
    if (st == TW_OK)
        st = read_all(http, 0, reterr);
    return st == TW_OK ? client_end(client, http, reterr) : st;
}

tw_status client_open(tw_client *client, struct http *http, struct http_request *request,
                      tw_error **reterr)
{
    tw_error *own = NULL, **error = reterr != NULL ? reterr : &own; /* TIMEOUT must be told apart */
    struct attempt a = {.used = NULL};
    unsigned pause_ms;
    tw_status st = open_once(client, http, request, &a, error);

    /* When to come back after anything but a 401 is for the watcher to say. */
    if (st == TW_ERR_SERVER && http_code(http) == 401 &&
        client_again(client, http, request, &a, &pause_ms)) {
        http_finish(http);
        tw_error_clear(error);
        st = open_once(client, http, request, &a, error);
    }
    attempt_release(&a);
    tw_error_free(own);
    return st;
}

tw_status client_fetch(tw_client *client, struct http *http, struct http_request *request,
                       tw_error **reterr)
{
    tw_error *own = NULL, **error = reterr != NULL ? reterr : &own;
    struct attempt a = {.used = NULL};
    unsigned pause_ms;
    tw_status st;

    for (;;) {
        st = fetch_once(client, http, request, &a, error);
        if (st != TW_ERR_SERVER || !client_again(client, http, request, &a, &pause_ms))
            break;
        http_finish(http);
        tw_error_clear(error);
        st = http_pause(http, pause_ms, error);
        if (st != TW_OK)
            break;
    }
    attempt_release(&a);
    tw_error_free(own);
    return st;
}
