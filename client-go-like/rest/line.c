/*
 * A line: one thread and one libcurl multi for many exchanges, and so one connection over HTTP/2.
 *
 *   a user's thread             line->lock                   the line's thread
 *   http_start() --------------- handle into the multi ----> turn: sockets, libcurl's timers
 *   http_step() waits for `told` <-- came, came_code, over -- on_body(), on_header(),
 * http_collect()
 *
 * The lock is held but while the line's thread polls and a user waits, so that a handle and what
 * libcurl calls for it are one thread's at a time.
 */
#include "client-go-like/rest/http_easy.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "client-go-like/wait.h"

struct http_line {
    struct http_line *next;
    pthread_t thread;
    struct http_hub *hub;
    struct http *probe; /* asks whether the server is there */
    pthread_mutex_t lock;
    pthread_cond_t room; /* someone has taken what came for it, or has gone */
    struct list active;
    size_t members; /* without the probe */
    bool quit;
    bool stale;                      /* the hub is to be renewed before its next use */
    bool speaks_h2;                  /* what was last heard did */
    uint64_t begun_ms, heard_ms;     /* when the first of `active` joined; when a byte came last */
    uint64_t asked_ms;               /* when the probe went out; 0: no answer is awaited */
    struct credentials *credentials; /* of whoever started last: the probe's */
};

/* ---- for the users ---- */

void http_line_lock(struct http *h)
{
    if (http_is_on_line(h))
        pthread_mutex_lock(&h->line->lock);
}

void http_line_unlock(struct http *h)
{
    if (http_is_on_line(h))
        pthread_mutex_unlock(&h->line->lock);
}

static void wake_thread(struct http_line *line)
{
    http_hub_arm(line->hub, clock_monotonic_ms());
}

tw_status http_line_settle(struct http *h, tw_error **reterr)
{
    CURLM *own;

    if (!http_is_on_line(h) || !h->evicted)
        return TW_OK;
    own = http_own_multi();
    if (own == NULL)
        return tw_fail_no_memory(reterr);
    pthread_mutex_lock(&h->line->lock);
    h->multi = own;
    h->hub = NULL;
    h->has_h2 = &h->has_own_h2;
    pthread_mutex_unlock(&h->line->lock);
    return TW_OK;
}

/* Nobody is in the multi of a stale hub: all were ended with it. */
bool http_line_enter(struct http *h)
{
    struct http_line *line = h->line;

    if (!http_is_on_line(h))
        return true;
    if (line->stale)
        line->stale = !http_hub_renew(line->hub);
    h->multi = http_hub_multi(line->hub, &h->has_h2);
    return !line->stale;
}

void http_line_begin(struct http *h, const struct http_request *request)
{
    struct http_line *line = h->line;

    if (!http_is_on_line(h))
        return;
    if (list_empty(&line->active))
        line->begun_ms = h->started_ms;
    list_append(&line->active, &h->link);
    h->news = false;
    if (h != line->probe && request->credentials != line->credentials) {
        credentials_unref(line->credentials);
        line->credentials = credentials_ref(request->credentials);
    }
    wake_thread(line);
}

void http_line_end(struct http *h)
{
    if (!http_is_on_line(h))
        return;
    list_remove(&h->link);
    h->full_ms = 0;
    h->news = false;
    pthread_cond_signal(&h->line->room);
}

void http_line_leave(struct http *h)
{
    if (h->line == NULL)
        return;
    pthread_mutex_lock(&h->line->lock);
    h->line->members -= h != h->line->probe;
    pthread_mutex_unlock(&h->line->lock);
    pthread_cond_destroy(&h->told);
}

void http_line_take(struct http *h)
{
    if (!http_is_on_line(h))
        return;
    if (h->body.len == 0) {
        struct buf empty = h->body;

        h->body = h->came;
        h->came = empty;
    } else {
        buf_append_bytes(&h->body, buf_bytes(&h->came));
        buf_consume(&h->came, h->came.len);
    }
    h->body.failed |= h->came.failed;
    h->held = h->body.len;
    h->code = h->came_code;
    if (h->full_ms != 0)
        pthread_cond_signal(&h->line->room);
    h->full_ms = 0;
}

void http_line_wait(struct http *h, unsigned wait_ms)
{
    h->waiting = true;
    wait_until(&h->told, &h->line->lock, wait_deadline(wait_ms));
    h->waiting = false;
}

void http_line_wake(struct http *h)
{
    pthread_mutex_lock(&h->line->lock);
    if (h->hub == NULL)
        curl_multi_wakeup(h->multi);
    pthread_cond_signal(&h->told);
    pthread_mutex_unlock(&h->line->lock);
}

/* ---- ends that the line decides ---- */

static void end(struct http *h, CURLcode result, const char *why)
{
    if (!h->over) {
        h->over = true;
        h->result = result;
        snprintf(h->curl_error, sizeof(h->curl_error), "%s", why);
    }
    if (h->multi != NULL)
        curl_multi_remove_handle(h->multi, h->easy);
    h->multi = NULL;
    pthread_cond_signal(&h->told);
}

static void drop_all(struct http_line *line, CURLcode result, const char *why)
{
    list_for_each(&line->active, it) {
        end(list_entry(it, struct http, link), result, why);
    }
    http_finish_locked(line->probe);
    line->asked_ms = 0;
    line->speaks_h2 = false;
    line->stale = !http_hub_renew(line->hub);
}

static void drop_connection(struct http_line *line, const char *why)
{
    drop_all(line, CURLE_RECV_ERROR, why);
}

/* It asked, or the probe did, and nobody on the line has heard a thing since. */
void http_line_doubt(struct http *h)
{
    const struct http_line *line = h->line;

    if (http_is_on_line(h) &&
        ((h->came_code == 0 && line->heard_ms <= h->started_ms) || line->asked_ms != 0))
        drop_connection(h->line, "the connection it shared is dead");
}

/* Failures that leave the connection as it is: the server ended this stream alone, or we did; or it
 * was never made. Any other is the connection's, unless each has its own, over HTTP/1.1. */
static const struct {
    CURLcode code;
    bool was_made;
} spared[] = {
    {CURLE_HTTP2_STREAM, true},
    {CURLE_PARTIAL_FILE, true},
    {CURLE_WRITE_ERROR, true},
    {CURLE_OUT_OF_MEMORY, true},
    {CURLE_COULDNT_CONNECT, false},
    {CURLE_COULDNT_RESOLVE_HOST, false},
    {CURLE_COULDNT_RESOLVE_PROXY, false},
    {CURLE_OPERATION_TIMEDOUT, false},
    {CURLE_PROXY, false},
    {CURLE_SSL_CONNECT_ERROR, false},
    {CURLE_SSL_CERTPROBLEM, false},
    {CURLE_SSL_CACERT_BADFILE, false},
    {CURLE_PEER_FAILED_VERIFICATION, false},
};

/* Have the others on the connection to fear what ended this one? */
static bool is_broken(struct http *h)
{
    if (h->result == CURLE_OK)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(spared); i++) {
        if (h->result != spared[i].code)
            continue;
        *h->has_h2 = *h->has_h2 && spared[i].was_made;
        return false;
    }
    return h->came_code == 0 || *h->has_h2;
}

/* ---- the thread ---- */

/* The exchange that has left too much untaken for longest. */
static struct http *find_laggard(struct http_line *line)
{
    struct http *first = NULL;

    list_for_each(&line->active, it) {
        struct http *h = list_entry(it, struct http, link);

        if (h->full_ms != 0 && !h->over && (first == NULL || h->full_ms < first->full_ms))
            first = h;
    }
    return first;
}

/* While someone does not take what came for it nothing is read, for a while. Who waits for it will:
 * if that takes long the machine is slow, not the reader. */
static void wait_for_laggards(struct http_line *line)
{
    struct http *h;

    while (!line->quit && (h = find_laggard(line)) != NULL) {
        uint64_t until_ms = h->full_ms + HTTP_LINE_PATIENCE_MS;

        if (clock_monotonic_ms() < until_ms) {
            wait_until(&line->room, &line->lock, until_ms);
        } else if (h->waiting) {
            h->full_ms = clock_monotonic_ms();
        } else {
            h->evicted = true;
            end(h, CURLE_RECV_ERROR, "its reader is too slow for a connection that others use");
        }
    }
}

/* After a turn: whoever has news is told. */
static void tell(struct http_line *line)
{
    uint64_t now = clock_monotonic_ms();
    bool broken = false;

    list_for_each(&line->active, it) {
        struct http *h = list_entry(it, struct http, link);

        if (!h->news)
            continue;
        h->news = false;
        if (h->full_ms == 0 && h->came.len > HTTP_LINE_ROOM)
            h->full_ms = now;
        if (h->over && is_broken(h))
            broken = true;
        if (h->came_code != 0)
            line->speaks_h2 = *h->has_h2;
        line->heard_ms = now;
        pthread_cond_signal(&h->told);
    }
    if (broken)
        drop_connection(line, "the connection it shared broke");
}

/* How long nothing may be heard before the probe goes out, and then until its answer begins. 0: for
 * ever, as nobody waits for anything on one connection. */
static uint64_t quiet_ms(const struct http_line *line)
{
    uint64_t quiet = HTTP_LINE_QUIET_MS;
    bool any = false;

    list_for_each(&line->active, it) {
        const struct http *h = list_entry(it, struct http, link);

        if (h == line->probe || h->over || !line->speaks_h2)
            continue;
        any = true;
        if (h->bounds.idle_ms != 0 && (uint64_t)h->bounds.idle_ms * 2 / 5 < quiet)
            quiet = (uint64_t)h->bounds.idle_ms * 2 / 5;
    }
    return any ? quiet : 0;
}

static uint64_t quiet_since(const struct http_line *line)
{
    return line->heard_ms > line->begun_ms ? line->heard_ms : line->begun_ms;
}

/* For /livez, which costs a server nothing and waits in none of kube-apiserver's queues (its flow
 * schema "probes" is exempt). Any answer will do, a refusal too. */
static void ask(struct http_line *line)
{
    struct http_request request = {.method = "GET",
                                   .path = "/livez",
                                   .accept = "*/*",
                                   .credentials = line->credentials,
                                   .version = HTTP_VERSION_2,
                                   .bounds = {.body_max = 64 * 1024}};

    http_finish_locked(line->probe);
    line->asked_ms = clock_monotonic_ms();
    if (http_start_locked(line->probe, &request, NULL) == TW_OK)
        return;
    line->asked_ms = 0; /* no memory: after another while */
    line->heard_ms = clock_monotonic_ms();
}

static void look_after(struct http_line *line)
{
    uint64_t quiet = quiet_ms(line), now = clock_monotonic_ms();

    if (line->probe->over || quiet == 0)
        http_finish_locked(line->probe);
    if (quiet == 0 || line->heard_ms >= line->asked_ms)
        line->asked_ms = 0;
    if (quiet == 0)
        return;
    if (line->asked_ms != 0 && now >= line->asked_ms + quiet)
        drop_connection(line, "the connection it shared is dead: no answer to a probe");
    else if (line->asked_ms == 0 && now >= quiet_since(line) + quiet)
        ask(line);
}

static void arm(struct http_line *line)
{
    uint64_t quiet = quiet_ms(line), since = line->asked_ms;

    if (since == 0)
        since = quiet_since(line);
    http_hub_arm(line->hub, quiet != 0 ? since + quiet : 0);
}

static void *run(void *user)
{
    struct http_line *line = user;
    struct pollfd fd = {.fd = http_hub_fd(line->hub), .events = POLLIN};
    sigset_t all;

    sigfillset(&all); /* a caller's signals are for its own threads; OpenSSL may raise SIGPIPE */
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    pthread_mutex_lock(&line->lock);
    for (;;) {
        wait_for_laggards(line);
        if (line->quit)
            break;
        if (http_hub_turn(line->hub, NULL) != TW_OK) /* whatever libcurl had in hand */
            drop_all(line, CURLE_OUT_OF_MEMORY, "");
        tell(line);
        look_after(line);
        arm(line);
        pthread_mutex_unlock(&line->lock);
        poll(&fd, 1, -1);
        pthread_mutex_lock(&line->lock);
    }
    http_finish_locked(line->probe);
    pthread_mutex_unlock(&line->lock);
    return NULL;
}

/* ---- life ---- */

static tw_status join(struct http_line *line, const tw_config *config, struct http **ret_http,
                      tw_error **reterr)
{
    tw_status st = http_new_in(line->hub, config, ret_http, reterr);

    if (st != TW_OK)
        return st;
    wait_init(&(*ret_http)->told);
    (*ret_http)->line = line;
    return TW_OK;
}

static void line_free(struct http_line *line)
{
    http_free(line->probe);
    http_hub_free(line->hub);
    credentials_unref(line->credentials);
    pthread_cond_destroy(&line->room);
    pthread_mutex_destroy(&line->lock);
    free(line);
}

static tw_status line_new(const tw_config *config, struct http_line **ret_line, tw_error **reterr)
{
    struct http_line *line = calloc(1, sizeof(*line));
    tw_status st;

    if (line == NULL)
        return tw_fail_no_memory(reterr);
    pthread_mutex_init(&line->lock, NULL);
    wait_init(&line->room);
    list_init(&line->active);
    st = http_hub_new(&line->hub, reterr);
    if (st == TW_OK)
        st = join(line, config, &line->probe, reterr);
    if (st == TW_OK && pthread_create(&line->thread, NULL, run, line) != 0)
        st = tw_fail(reterr, TW_ERR_NO_MEMORY, "cannot start a thread");
    if (st == TW_OK)
        *ret_line = line;
    else
        line_free(line);
    return st;
}

tw_status http_new_on(struct http_line **lines, const tw_config *config, struct http **ret_http,
                      tw_error **reterr)
{
    struct http_line *line;
    tw_status st = TW_OK;
    bool full = true;

    for (line = *lines; line != NULL && full; line = full ? line->next : line) {
        pthread_mutex_lock(&line->lock);
        full = line->members == HTTP_LINE_MEMBERS;
        line->members += !full;
        pthread_mutex_unlock(&line->lock);
    }
    if (full) {
        st = line_new(config, &line, reterr);
        if (st != TW_OK)
            return st;
        line->members = 1;
        line->next = *lines;
        *lines = line;
    }
    st = join(line, config, ret_http, reterr);
    if (st == TW_OK)
        return st;
    pthread_mutex_lock(&line->lock);
    line->members--;
    pthread_mutex_unlock(&line->lock);
    return st;
}

void http_lines_free(struct http_line *lines)
{
    while (lines != NULL) {
        struct http_line *line = lines;

        lines = line->next;
        pthread_mutex_lock(&line->lock);
        line->quit = true;
        wake_thread(line);
        pthread_cond_signal(&line->room);
        pthread_mutex_unlock(&line->lock);
        pthread_join(line->thread, NULL);
        line_free(line);
    }
}

bool http_has_line(const struct http *h)
{
    return h->line != NULL;
}
