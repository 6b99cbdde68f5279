/* Exchanges of many threads on one line. The fake server speaks HTTP/1.1, so each has a connection
 * here; over HTTP/2 they share it: tests/scenario/test_one_connection.py. */
#include "unit/test.h"

#include "unit/client-go-like/fake_server.h"

#include "base/clock.h"
#include "client-go-like/rest/http.h"

enum { WAIT_MS = FAKE_WAIT_S * 1000, LARGE = 32 << 20 };

struct setting {
    struct fake_server *server;
    tw_config *config;
    struct http_line *lines;
};

static void set_up(struct setting *s, const struct fake_step *steps, size_t count,
                   fake_choose_fn *choose)
{
    *s = (struct setting){.server = fake_start_with(steps, count, choose, 0)};
    CHECK(tw_config_from_url(s->server->url, &s->config, NULL) == TW_OK);
}

static void tear_down(struct setting *s)
{
    http_lines_free(s->lines);
    tw_config_free(s->config);
    fake_stop(s->server);
}

static struct http *join(struct setting *s)
{
    struct http *http = NULL;

    CHECK(http_new_on(&s->lines, s->config, &http, NULL) == TW_OK);
    CHECK(http_has_line(http));
    return http;
}

static void start(struct http *http, const char *path, struct http_bounds bounds)
{
    const struct http_request request = {.method = "GET", .path = path, .bounds = bounds};

    CHECK(http_start(http, &request, NULL) == TW_OK);
}

/* Reads on until the exchange ends. */
static tw_status read_all(struct http *http, tw_error **reterr)
{
    tw_status st;

    do {
        st = http_step(http, WAIT_MS, reterr);
    } while (st == TW_OK);
    return st;
}

static tw_status get(struct http *http, const char *path)
{
    tw_status st;

    start(http, path, (struct http_bounds){0});
    st = read_all(http, NULL);
    CHECK(st != TW_END || http_code(http) == 200);
    return st;
}

/* ---- many at once ---- */

static const struct fake_step *echo(const char *request)
{
    static const struct fake_step a = ANSWER("answer a"), b = ANSWER("answer b");

    return strncmp(request, "GET /a", 6) == 0 ? &a : &b;
}

struct caller {
    struct http *http;
    pthread_t thread;
    const char *path, *body;
};

enum { CALLERS = 8, CALLS = 25 };

static void *call(void *user)
{
    struct caller *c = user;

    for (int i = 0; i < CALLS; i++) {
        CHECK(get(c->http, c->path) == TW_END);
        CHECK(bytes_eq(buf_bytes(http_body(c->http)), bytes_str(c->body)));
        http_finish(c->http);
    }
    return NULL;
}

TEST(line, gives_each_thread_its_own_answers)
{
    struct setting s;
    struct caller callers[CALLERS];

    set_up(&s, NULL, 0, echo);
    for (size_t i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.http = join(&s),
                                     .path = i % 2 == 0 ? "/a" : "/b",
                                     .body = i % 2 == 0 ? "answer a" : "answer b"};
        CHECK(pthread_create(&callers[i].thread, NULL, call, &callers[i]) == 0);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        http_free(callers[i].http);
    }
    tear_down(&s);
}

TEST(line, takes_so_many_and_then_there_is_another)
{
    struct setting s;
    struct http *all[HTTP_LINE_MEMBERS + 1];
    struct http_line *first;

    set_up(&s, NULL, 0, echo);
    all[0] = join(&s);
    first = s.lines;
    for (size_t i = 1; i < HTTP_LINE_MEMBERS; i++)
        all[i] = join(&s);
    CHECK(s.lines == first);
    all[HTTP_LINE_MEMBERS] = join(&s);
    CHECK(s.lines != first);
    CHECK(get(all[0], "/a") == TW_END && get(all[HTTP_LINE_MEMBERS], "/a") == TW_END);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        http_free(all[i]);
    tear_down(&s);
}

/* ---- who is slow ---- */

static struct fake_step large = {.end = FAKE_ANSWER};

static const struct fake_step *large_or_small(const char *request)
{
    static const struct fake_step small = ANSWER("small");

    return strncmp(request, "GET /large", 10) == 0 ? &large : &small;
}

static void set_up_large(struct setting *s)
{
    large.body = calloc(1, LARGE);
    large.len = LARGE;
    set_up(s, NULL, 0, large_or_small);
}

static void tear_down_large(struct setting *s)
{
    tear_down(s);
    free((void *)(uintptr_t)large.body);
}

/* False: it has been ended for its slowness. What had come by then is taken in any case. */
static bool is_borne(struct http *slow, tw_error **reterr)
{
    tw_status st = http_step(slow, 0, reterr);

    CHECK(st == TW_OK || st == TW_ERR_BROKEN || (st == TW_ERR_TIMEOUT && *reterr == NULL));
    return st != TW_ERR_BROKEN;
}

TEST(line, a_reader_that_takes_nothing_holds_up_nobody_for_long_and_is_then_by_itself)
{
    struct setting s;
    struct http *slow, *other;
    tw_error *error = NULL;
    int rounds = 0;

    set_up_large(&s);
    slow = join(&s);
    other = join(&s);
    start(slow, "/large", (struct http_bounds){0});
    do { /* how much comes in a round is the machine's choice: mostly it is one */
        uint64_t until = clock_monotonic_ms() + HTTP_LINE_PATIENCE_MS * 3 / 2;

        while (clock_monotonic_ms() < until) {
            CHECK(get(other, "/small") == TW_END);
            http_finish(other);
        }
        CHECK(++rounds < 60);
    } while (is_borne(slow, &error));
    CHECK(strstr(tw_error_message(error), "too slow") != NULL);
    CHECK(http_body(slow)->len < LARGE / 2); /* in all rounds */
    tw_error_free(error);
    http_finish(slow);
    CHECK(get(slow, "/large") == TW_END && http_body(slow)->len == LARGE);
    http_free(slow);
    http_free(other);
    tear_down_large(&s);
}

TEST(line, a_reader_that_takes_what_comes_gets_all_of_it_over_the_line)
{
    struct setting s;
    struct http *http;
    int attempts = 0;

    set_up_large(&s);
    http = join(&s);
    /* Where the machine stood still in between we were slow, and are put off. */
    while (get(http, "/large") == TW_ERR_BROKEN && ++attempts < 20) {
        http_free(http);
        http = join(&s);
    }
    CHECK_INT(http_body(http)->len, LARGE);
    http_free(http);
    tear_down_large(&s);
}

TEST(line, an_answer_larger_than_its_bound_is_refused)
{
    struct setting s;
    struct http *http;
    tw_error *error = NULL;

    set_up_large(&s);
    http = join(&s);
    start(http, "/large", (struct http_bounds){.body_max = HTTP_LINE_ROOM / 2});
    CHECK(read_all(http, &error) == TW_ERR_PROTOCOL);
    CHECK(strstr(tw_error_message(error), "larger than") != NULL);
    tw_error_free(error);
    http_finish(http);
    CHECK(get(http, "/small") == TW_END); /* and that is all that it costs */
    http_free(http);
    tear_down_large(&s);
}

/* ---- waits ---- */

static void *wait_long(void *user)
{
    struct caller *c = user;
    tw_status st = c->path != NULL ? read_all(c->http, NULL) : http_pause(c->http, WAIT_MS, NULL);

    CHECK(st == TW_ERR_STOPPED);
    return NULL;
}

TEST(line, who_is_stopped_wakes_at_once_and_the_others_go_on)
{
    static const struct fake_step steps[] = {HOLD("head"), ANSWER("x")};
    struct setting s;
    struct caller reads = {.path = "/hold"}, pauses = {.path = NULL};
    struct http *other;
    uint64_t began;

    set_up(&s, steps, 2, NULL);
    reads.http = join(&s);
    pauses.http = join(&s);
    other = join(&s);
    start(reads.http, "/hold", (struct http_bounds){0});
    CHECK(fake_wait_requests(s.server, 1));
    began = clock_monotonic_ms();
    CHECK(pthread_create(&reads.thread, NULL, wait_long, &reads) == 0);
    CHECK(pthread_create(&pauses.thread, NULL, wait_long, &pauses) == 0);
    http_stop(reads.http);
    http_stop(pauses.http);
    pthread_join(reads.thread, NULL);
    pthread_join(pauses.thread, NULL);
    CHECK(clock_monotonic_ms() - began < WAIT_MS);
    CHECK(get(other, "/x") == TW_END);
    http_free(reads.http);
    http_free(pauses.http);
    http_free(other);
    tear_down(&s);
}

TEST(line, every_wait_has_its_bound)
{
    static const struct fake_step steps[] = {HOLD("head"), SILENT};
    struct setting s;
    struct http *http;
    tw_error *error = NULL;

    set_up(&s, steps, 2, NULL);
    http = join(&s);
    start(http, "/held", (struct http_bounds){.idle_ms = 50});
    CHECK(read_all(http, &error) == TW_ERR_TIMEOUT);
    CHECK(strstr(tw_error_message(error), "silent for") != NULL);
    CHECK(bytes_eq(buf_bytes(http_body(http)), BYTES("head")));
    tw_error_clear(&error);
    http_finish(http);
    start(http, "/silent", (struct http_bounds){.first_byte_ms = 50});
    CHECK(read_all(http, &error) == TW_ERR_TIMEOUT);
    CHECK(strstr(tw_error_message(error), "no answer for") != NULL);
    tw_error_free(error);
    http_free(http);
    tear_down(&s);
}

TEST(line, a_server_that_is_not_there_is_told_to_each)
{
    struct setting s;
    struct http *all[3];
    char url[64];

    set_up(&s, NULL, 0, echo);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", s.server->port);
    tw_config_free(s.config);
    fake_stop(s.server);
    CHECK(tw_config_from_url(url, &s.config, NULL) == TW_OK);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        all[i] = join(&s);
        start(all[i], "/x", (struct http_bounds){.connect_ms = WAIT_MS});
    }
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        tw_error *error = NULL;

        CHECK(read_all(all[i], &error) == TW_ERR_CONNECT);
        CHECK(strcmp(tw_error_reason(error), "ConnectionRefused") == 0);
        tw_error_free(error);
        http_free(all[i]);
    }
    http_lines_free(s.lines);
    tw_config_free(s.config);
}
