#include "client-go-like/rest/http_easy.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"

enum {
    WARNINGS_MAX = 64 * 1024,
    READ_MAX = 128 * 1024, /* of the socket at once; libcurl's own 16 KiB are few events a read */
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready;

static void init_curl(void)
{
    curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

CURLM *http_own_multi(void)
{
    CURLM *multi = curl_multi_init();

    if (multi != NULL) /* a doubtful connection goes with the next */
        curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 1L);
    return multi;
}

tw_status http_new_in(struct http_hub *hub, const tw_config *config, struct http **ret_http,
                      tw_error **reterr)
{
    struct http *h;

    pthread_once(&curl_once, init_curl);
    if (curl_ready != CURLE_OK)
        return tw_fail(reterr, TW_ERR_CONNECT, "libcurl: %s", curl_easy_strerror(curl_ready));
    h = calloc(1, sizeof(*h));
    if (h == NULL)
        return tw_fail_no_memory(reterr);
    h->config = config;
    h->hub = hub;
    h->has_h2 = &h->has_own_h2;
    h->multi = hub != NULL ? http_hub_multi(hub, &h->has_h2) : http_own_multi();
    h->easy = h->multi != NULL ? curl_easy_init() : NULL;
    if (h->easy == NULL) {
        http_free(h);
        return tw_fail_no_memory(reterr);
    }
    *ret_http = h;
    return TW_OK;
}

tw_status http_new(const tw_config *config, struct http **ret_http, tw_error **reterr)
{
    return http_new_in(NULL, config, ret_http, reterr);
}

void http_free(struct http *h)
{
    if (h == NULL)
        return;
    http_finish(h);
    http_line_leave(h);
    if (h->easy != NULL)
        curl_easy_cleanup(h->easy);
    if (h->multi != NULL && h->hub == NULL)
        curl_multi_cleanup(h->multi);
    buf_release(&h->body);
    buf_release(&h->warnings);
    buf_release(&h->url);
    free(h);
}

/* ---- what curl calls ---- */

void http_heard(struct http *h)
{
    h->last_byte_ms = clock_monotonic_ms();
    h->idle_waited_ms = 0;
    h->news = true;
}

/* What comes on a line is not yet its user's. */
static struct buf *inbox(struct http *h)
{
    return http_is_on_line(h) ? &h->came : &h->body;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    struct http *h = user;
    struct buf *to = inbox(h);

    http_heard(h);
    if (h->bounds.body_max != 0 && h->held + to->len + size * count > h->bounds.body_max) {
        h->overflow = true;
        return 0;
    }
    buf_append(to, data, size * count);
    return to->failed ? 0 : size * count;
}

bool http_is_header(struct bytes line, const char *name, struct bytes *ret_value)
{
    size_t len = strlen(name);

    if (line.len < len || strncasecmp(line.ptr, name, len) != 0)
        return false;
    *ret_value = bytes_trim(bytes_from(line, len));
    return true;
}

/* `299 agent "text"` (RFC 7234 5.5, AM util/net ParseWarningHeaders): keeps the text. */
static void keep_warning(struct http *h, struct bytes value)
{
    size_t start = bytes_find(value, '"');

    if (!bytes_starts_with(value, BYTES("299 ")) || start == value.len ||
        h->warnings.len + value.len > WARNINGS_MAX)
        return;
    for (size_t i = start + 1; i < value.len && value.ptr[i] != '"'; i++) {
        i += value.ptr[i] == '\\' && i + 1 < value.len;
        buf_append_char(&h->warnings, value.ptr[i]);
    }
    buf_append_char(&h->warnings, '\0');
}

void http_read_header(struct http *h, struct bytes line)
{
    struct bytes value;
    uint64_t seconds;

    if (http_is_header(line, "retry-after:", &value) && bytes_to_u64(value, &seconds)) {
        h->retry_after_s = seconds < 3600 ? (int)seconds : 3600;
    } else if (http_is_header(line, "warning:", &value)) {
        keep_warning(h, value);
    } else if (http_is_header(line, "content-type:", &value)) {
        free(h->content_type);
        h->content_type = bytes_dup(value);
        inbox(h)->failed |= h->content_type == NULL; /* it says how to read the body */
    } else if (http_is_header(line, "etag:", &value)) {
        free(h->etag);
        h->etag = bytes_dup(value);
    }
}

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
    struct http *h = user;
    struct bytes line = bytes_of(data, size * count);

    http_heard(h);
    if (h->came_code != 0) /* a trailer */
        return size * count;
    http_read_header(h, line);
    if (bytes_starts_with(line, BYTES("HTTP/"))) {
        buf_consume(&h->warnings, h->warnings.len); /* a 100 Continue came before */
        h->retry_after_s = -1;
    } else if (bytes_trim(line).len == 0) {
        long code = 0, version = 0;

        curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &code);
        curl_easy_getinfo(h->easy, CURLINFO_HTTP_VERSION, &version);
        h->came_code = code >= 200 ? (int)code : 0;
        *h->has_h2 = version == CURL_HTTP_VERSION_2_0;
        if (!http_is_on_line(h))
            h->code = h->came_code;
    }
    return inbox(h)->failed ? 0 : size * count;
}

/* A peer that is gone without a word is noticed by the kernel, below any timeout of ours: probed
 * after 10 s of silence, and given up 20 s after it last acknowledged anything (tcp(7)). */
static int on_socket(void *user, curl_socket_t fd, curlsocktype purpose)
{
    static const struct {
        int name, value;
    } options[] = {
        {TCP_KEEPIDLE, 10}, {TCP_KEEPINTVL, 5}, {TCP_KEEPCNT, 3}, {TCP_USER_TIMEOUT, 20000}};
    struct http *h = user;
    int on = 1;

    (void)purpose;
    if (h->takes_h2) { /* one that is gone; nothing has been sent yet */
        h->needs_new = true;
        *h->has_h2 = false;
        return CURL_SOCKOPT_ERROR;
    }
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    for (size_t i = 0; i < ARRAY_LEN(options); i++) /* best effort */
        setsockopt(fd, IPPROTO_TCP, options[i].name, &options[i].value, sizeof(options[i].value));
    return CURL_SOCKOPT_OK;
}

/* ---- start ---- */

static CURLcode set_callbacks(struct http *h)
{
    CURLcode rc = CURLE_OK;

    /* On a line many reads make a turn, and so what a reader that is slow is sent meanwhile.
     * Refused where one that failed for want of memory has left its buffer: it is that large. */
    if (!http_is_on_line(h))
        curl_easy_setopt(h->easy, CURLOPT_BUFFERSIZE, (long)READ_MAX);
    SET(h, rc, CURLOPT_PRIVATE, h);
    SET(h, rc, CURLOPT_WRITEFUNCTION, on_body);
    SET(h, rc, CURLOPT_WRITEDATA, h);
    SET(h, rc, CURLOPT_HEADERFUNCTION, on_header);
    SET(h, rc, CURLOPT_HEADERDATA, h);
    SET(h, rc, CURLOPT_SOCKOPTFUNCTION, on_socket);
    SET(h, rc, CURLOPT_SOCKOPTDATA, h);
    SET(h, rc, CURLOPT_ERRORBUFFER, h->curl_error);
    SET(h, rc, CURLOPT_NOSIGNAL, 1L);
    SET(h, rc, CURLOPT_QUICK_EXIT, 1L); /* closing does not wait for a name server */
    SET(h, rc, CURLOPT_PROTOCOLS_STR, "http,https");
    return rc;
}

tw_status http_start_locked(struct http *h, const struct http_request *request, tw_error **reterr)
{
    CURLcode rc;

    assert(!h->active);
    if (atomic_load(&h->stopped))
        return tw_fail(reterr, TW_ERR_STOPPED, "stopped");
    if (!http_line_enter(h))
        return tw_fail_no_memory(reterr);
    curl_easy_reset(h->easy);
    h->bounds = request->bounds;
    h->code = h->came_code = 0;
    h->held = 0;
    h->retry_after_s = -1;
    h->overflow = h->over = h->takes_h2 = h->needs_new = false;
    h->curl_error[0] = '\0';
    h->started_ms = clock_monotonic_ms();
    h->time_left_ms = 0;
    if (h->bounds.deadline_ms != 0)
        h->time_left_ms = h->bounds.deadline_ms > h->started_ms
                              ? h->bounds.deadline_ms - h->started_ms
                              : 1; /* has passed: the first wait will say so */
    http_heard(h);
    rc = http_set_up(h, request);
    if (rc == CURLE_OK)
        rc = set_callbacks(h);
    if (rc == CURLE_OK && curl_multi_add_handle(h->multi, h->easy) == CURLM_OK) {
        h->active = true;
        http_line_begin(h, request);
        return TW_OK;
    }
    http_finish_locked(h);
    if (rc == CURLE_OK || rc == CURLE_OUT_OF_MEMORY)
        return tw_fail_no_memory(reterr);
    return tw_fail(reterr, TW_ERR_CONFIG, "libcurl: %s", curl_easy_strerror(rc));
}

tw_status http_start(struct http *h, const struct http_request *request, tw_error **reterr)
{
    tw_status st = http_line_settle(h, reterr);

    if (st != TW_OK)
        return st;
    http_line_lock(h);
    st = http_start_locked(h, request, reterr);
    http_line_unlock(h);
    return st;
}

/* An exchange that did not end well takes its connection with it. Of HTTP/2, curl would use it
 * again for the next one: after a silence, and after a framing error too (7.88). A connection that
 * others use as well is the line's to judge. */
static void end_exchange(struct http *h)
{
    h->doubtful = !http_is_on_line(h) && (!h->over || h->result != CURLE_OK);
    if (!h->over && !(http_is_on_line(h) && *h->has_h2))
        curl_easy_setopt(h->easy, CURLOPT_FORBID_REUSE, 1L);
    if (h->multi != NULL)
        curl_multi_remove_handle(h->multi, h->easy);
    h->active = false;
    http_line_end(h);
}

void http_finish(struct http *h)
{
    http_line_lock(h);
    http_finish_locked(h);
    http_line_unlock(h);
}

void http_finish_locked(struct http *h)
{
    if (h->active)
        end_exchange(h);
    curl_slist_free_all(h->headers);
    curl_slist_free_all(h->connect_to);
    h->headers = h->connect_to = NULL;
    h->socket = false;
    buf_release(&h->out);
    buf_release(&h->head);
    buf_release(&h->accept);
    buf_release(&h->body);
    buf_release(&h->came);
    buf_release(&h->warnings);
    free(h->content_type);
    free(h->etag);
    h->content_type = h->etag = NULL;
}

/* ---- step ---- */

uint64_t http_due_ms(const struct http *h)
{
    const uint64_t dues[] = {
        h->code == 0 && h->bounds.first_byte_ms != 0 ? h->started_ms + h->bounds.first_byte_ms : 0,
        h->code != 0 && h->bounds.idle_ms != 0 ? h->last_byte_ms + h->bounds.idle_ms : 0,
        h->time_left_ms != 0 ? h->started_ms + h->time_left_ms : 0,
    };
    uint64_t first = 0;

    for (size_t i = 0; i < ARRAY_LEN(dues); i++)
        if (dues[i] != 0 && (first == 0 || dues[i] < first))
            first = dues[i];
    return first;
}

static tw_status fail_connect(struct http *h, tw_error **reterr)
{
    const char *host, *end;
    long os_error = 0;

    http_find_authority(h->config->server, &host, &end);
    curl_easy_getinfo(h->easy, CURLINFO_OS_ERRNO, &os_error);
    if (os_error == ECONNREFUSED)
        return tw_fail_reason(reterr, TW_ERR_CONNECT, "ConnectionRefused",
                              "the connection to the server %.*s was refused", (int)(end - host),
                              host);
    return tw_fail(reterr, TW_ERR_CONNECT, "connect to %s: %s", h->config->server, h->curl_error);
}

/* What a curl result means to us. Anything not here is TW_ERR_BROKEN. */
static const struct {
    CURLcode code;
    tw_status status;
} curl_meanings[] = {
    {CURLE_OUT_OF_MEMORY, TW_ERR_NO_MEMORY},
    {CURLE_COULDNT_RESOLVE_HOST, TW_ERR_CONNECT},
    {CURLE_COULDNT_RESOLVE_PROXY, TW_ERR_CONNECT},
    {CURLE_COULDNT_CONNECT, TW_ERR_CONNECT},
    {CURLE_OPERATION_TIMEDOUT, TW_ERR_CONNECT}, /* only the connect timeout is curl's */
    {CURLE_SSL_CONNECT_ERROR, TW_ERR_CONNECT},
    {CURLE_PEER_FAILED_VERIFICATION, TW_ERR_CONNECT},
    {CURLE_PROXY, TW_ERR_CONNECT},
    {CURLE_SSL_CERTPROBLEM, TW_ERR_CONFIG},
    {CURLE_SSL_CACERT_BADFILE, TW_ERR_CONFIG},
    {CURLE_URL_MALFORMAT, TW_ERR_CONFIG},
    {CURLE_WEIRD_SERVER_REPLY, TW_ERR_PROTOCOL},
    {CURLE_UNSUPPORTED_PROTOCOL, TW_ERR_PROTOCOL},
    {CURLE_BAD_CONTENT_ENCODING, TW_ERR_PROTOCOL},
};

static tw_status end_of(struct http *h, CURLcode result, tw_error **reterr)
{
    tw_status status = TW_ERR_BROKEN;

    if (result == CURLE_OK)
        return TW_END;
    if (h->overflow)
        return tw_fail(reterr, TW_ERR_PROTOCOL, "the answer is larger than %zu bytes",
                       h->bounds.body_max);
    if (h->body.failed)
        return tw_fail_no_memory(reterr);
    for (size_t i = 0; i < ARRAY_LEN(curl_meanings); i++)
        if (curl_meanings[i].code == result)
            status = curl_meanings[i].status;
    if (h->curl_error[0] == '\0')
        strncpy(h->curl_error, curl_easy_strerror(result), sizeof(h->curl_error) - 1);
    if (status == TW_ERR_NO_MEMORY)
        return tw_fail_no_memory(reterr);
    if (status == TW_ERR_CONNECT)
        return fail_connect(h, reterr);
    return tw_fail(reterr, status, "%s: %s", h->config->server, h->curl_error);
}

static bool begin_anew(struct http *h)
{
    h->needs_new = false;
    h->curl_error[0] = '\0';
    curl_multi_remove_handle(h->multi, h->easy);
    return http_set_up_anew(h) == CURLE_OK && curl_multi_add_handle(h->multi, h->easy) == CURLM_OK;
}

void http_collect(CURLM *multi)
{
    int left;

    for (CURLMsg *m = curl_multi_info_read(multi, &left); m != NULL;
         m = curl_multi_info_read(multi, &left)) {
        struct http *h = NULL;

        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&h);
        if (m->msg != CURLMSG_DONE || h == NULL)
            continue;
        h->result = m->data.result;
        if (h->needs_new && begin_anew(h))
            continue;
        h->over = h->news = true;
        if (h->result != CURLE_OK && !http_is_on_line(h))
            *h->has_h2 = false;
    }
}

static uint64_t idle_ms(const struct http *h)
{
    return h->hub != NULL ? clock_monotonic_ms() - h->last_byte_ms : h->idle_waited_ms;
}

/* Shortens *wait_ms to the bound that comes first; false, with the error set, if one has passed. */
static bool within_bounds(struct http *h, uint64_t now_ms, unsigned *wait_ms, tw_error **reterr)
{
    const struct {
        uint64_t limit_ms, passed_ms;
        const char *what;
    } bounds[] = {
        {h->code == 0 ? h->bounds.first_byte_ms : 0, now_ms - h->started_ms, "no answer"},
        {h->code != 0 ? h->bounds.idle_ms : 0, idle_ms(h), "silent"},
        {h->time_left_ms, now_ms - h->started_ms, "not finished"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        if (bounds[i].limit_ms == 0)
            continue;
        if (bounds[i].passed_ms >= bounds[i].limit_ms) {
            tw_fail(reterr, TW_ERR_TIMEOUT, "%s: %s for %.1f s", h->config->server, bounds[i].what,
                    (double)bounds[i].passed_ms / 1000);
            return false;
        }
        if (bounds[i].limit_ms - bounds[i].passed_ms < *wait_ms)
            *wait_ms = (unsigned)(bounds[i].limit_ms - bounds[i].passed_ms);
    }
    return true;
}

/* Time counts as idle only while we wait here: a reader that was busy elsewhere finds the bytes
 * that came meanwhile, not a timeout. */
static void wait_for_socket(struct http *h, unsigned wait_ms)
{
    uint64_t before = clock_monotonic_ms();
    struct curl_waitfd own = {.events = CURL_WAIT_POLLIN};
    bool is_own;

    if (http_is_on_line(h)) {
        http_line_wait(h, wait_ms);
        return;
    }
    is_own = h->socket && h->over &&
             curl_easy_getinfo(h->easy, CURLINFO_ACTIVESOCKET, &own.fd) == CURLE_OK;

    if (h->out.len != 0)
        own.events |= CURL_WAIT_POLLOUT;
    curl_multi_poll(h->multi, is_own ? &own : NULL, is_own,
                    (int)(wait_ms < 60000 ? wait_ms : 60000), NULL);
    h->idle_waited_ms += (unsigned)(clock_monotonic_ms() - before);
}

static tw_status step(struct http *h, unsigned wait_ms, tw_error **reterr)
{
    uint64_t entered = clock_monotonic_ms(), heard_before = h->last_byte_ms, now = entered;
    size_t had = h->body.len;
    int code = h->code, running;

    for (;;) {
        unsigned left = now - entered < wait_ms ? wait_ms - (unsigned)(now - entered) : 0;

        if (atomic_load(&h->stopped))
            return tw_fail(reterr, TW_ERR_STOPPED, "stopped");
        if (h->hub == NULL) {
            if (curl_multi_perform(h->multi, &running) != CURLM_OK)
                return tw_fail_no_memory(reterr);
            http_collect(h->multi);
        }
        http_line_take(h);
        if (h->over) {
            tw_status st = h->socket && h->result == CURLE_OK ? http_socket_move(h, reterr)
                                                              : end_of(h, h->result, reterr);
            if (st != TW_OK)
                return st;
        }
        if (h->body.len != had || h->code != code)
            return TW_OK;
        if (!within_bounds(h, now, &left, reterr)) {
            http_line_doubt(h);
            return TW_ERR_TIMEOUT;
        }
        if (now - entered >= wait_ms)
            return h->last_byte_ms != heard_before ? TW_OK : TW_ERR_TIMEOUT;
        wait_for_socket(h, left);
        now = clock_monotonic_ms();
    }
}

tw_status http_step(struct http *h, unsigned wait_ms, tw_error **reterr)
{
    tw_status st;

    http_line_lock(h);
    st = step(h, wait_ms, reterr);
    http_line_unlock(h);
    return st;
}

tw_status http_pause(struct http *h, unsigned pause_ms, tw_error **reterr)
{
    uint64_t now = clock_monotonic_ms(), until = now + pause_ms;

    http_line_lock(h);
    for (; now < until && !atomic_load(&h->stopped); now = clock_monotonic_ms())
        wait_for_socket(h, (unsigned)(until - now));
    http_line_unlock(h);
    return atomic_load(&h->stopped) ? tw_fail(reterr, TW_ERR_STOPPED, "stopped") : TW_OK;
}

void http_set_idle(struct http *h, unsigned idle_ms)
{
    http_line_lock(h);
    h->bounds.idle_ms = idle_ms;
    http_line_unlock(h);
}

void http_stop(struct http *h)
{
    atomic_store(&h->stopped, true);
    if (h->line != NULL)
        http_line_wake(h);
    else
        curl_multi_wakeup(h->multi);
}

void http_restart(struct http *h)
{
    atomic_store(&h->stopped, false);
}

int http_code(const struct http *h)
{
    return h->code;
}

struct buf *http_body(struct http *h)
{
    return &h->body;
}

const char *http_content_type(const struct http *h)
{
    return h->content_type != NULL ? h->content_type : "";
}

const char *http_etag(const struct http *h)
{
    return h->etag != NULL ? h->etag : "";
}

int http_retry_after_s(const struct http *h)
{
    return h->retry_after_s;
}

struct bytes http_warnings(const struct http *h)
{
    return h->warnings.failed ? bytes_of(NULL, 0) : buf_bytes(&h->warnings);
}
