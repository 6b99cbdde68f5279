#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rand.h"
#include "client-go-like/rest/client.h"
#include "client-go-like/tidectl/live.h"
#include "client-go-like/tidectl/watching.h"

/*
 * get -w: list, print, watch, print, and when the watch ends go on from the last resourceVersion.
 * kubectl ends there. Rows already printed are not printed again: not after a reconnect, which
 * resumes, and not after a new list, which is compared with what was printed.
 */
enum {
    IDLE_FIRST_MS = 30 * 1000,
    IDLE_MAX_MS = 3 * 60 * 1000,
    POLL_MS = 60 * 1000,
    TICK_MS = 200, /* where there is more to look at than the watch */
    GIVE_UP_MS = 5 * 60 * 1000,
    SIGNALLED = 128, /* exit codes of shells */
};

static bool is_over(const struct watching *w)
{
    return w->closed || w->failed || w->met || w->gave_up ||
           (w->deadline_ms != 0 && clock_monotonic_ms() >= w->deadline_ms) ||
           (w->g->t->flags.stats && watch_stats_poll(w) != 0);
}

/* ---- the list ---- */

static tw_status list(struct watching *w, tw_error **reterr)
{
    char *token = NULL;
    tw_status st;

    printed_begin_list(&w->printed);
    do {
        struct answer answer;

        st = get_answer(w->g, &w->target, w->field_selector, token, &answer, reterr);
        free(token);
        if (st != TW_OK)
            return st;
        if (answer.table != NULL)
            table_begin(&w->table, answer.table);
        for (size_t i = 0; i < answer.count; i++)
            watch_print_listed(w, &answer, answer.items[i]);
        watch_take_rv(w, answer.rv);
        token = answer.more != NULL ? strdup(answer.more) : NULL;
        answer_release(&answer);
    } while (token != NULL);
    watch_flush(w);
    watch_print_missing(w);
    w->listed_once = true;
    w->stats.lists++;
    w->stats.heard_ms = clock_monotonic_ms();
    w->lost_ms = 0;
    return TW_OK;
}

/* ---- the watch ---- */

static unsigned poll_ms(const struct watching *w)
{
    uint64_t now = clock_monotonic_ms();
    unsigned ms = w->deadline_ms != 0 || w->g->t->flags.stats ? TICK_MS : POLL_MS;
    unsigned frame = w->live != NULL ? live_wait_ms(w->live, now) : ms;

    return frame < ms ? frame + (frame == 0) : ms;
}

/* Prints until the watch ends, and says how. */
static tw_status follow(struct watching *w, tw_watch *watch, bool *ret_any, tw_error **reterr)
{
    while (!is_over(w)) {
        tw_event event;
        tw_status st = tw_watch_next(watch, poll_ms(w), &event, reterr);

        if (st == TW_ERR_TIMEOUT && *reterr == NULL) {
            if (w->live != NULL)
                watch_flush(w);
            continue;
        }
        if (st != TW_OK)
            return st;
        *ret_any = true;
        if (event.type == TW_EVENT_ERROR)
            st = client_fail_status(event.object->tree, 0, reterr);
        else
            watch_print_event(w, &event);
        tw_event_release(&event);
        if (st != TW_OK)
            return st;
    }
    return TW_ERR_STOPPED;
}

static tw_status watch_once(struct watching *w, bool *ret_any, tw_error **reterr)
{
    const tw_watch_options options = {
        .label_selector = w->g->t->flags.selector,
        .field_selector = w->field_selector,
        .resource_version = w->rv,
        .bookmarks = true,
        .idle_ms = w->idle_ms,
        .accept = get_is_table(w->g) ? table_accept : NULL,
        .include_object = get_is_table(w->g) && w->g->whole_rows ? "Object" : NULL,
    };
    tw_watch *watch = NULL;
    tw_status st = tw_watch_open(w->g->t->client, &w->target.info->resource, w->target.ns, &options,
                                 &watch, reterr);

    if (st == TW_OK) {
        w->lost_ms = 0;
        w->stats.heard_ms = clock_monotonic_ms();
        st = follow(w, watch, ret_any, reterr);
    }
    tw_watch_close(watch);
    return st;
}

/* ---- coming back ---- */

/* Waits, in steps that leave room for an end. */
static void back_off(struct watching *w)
{
    uint64_t now = clock_monotonic_ms();
    uint64_t until = now + backoff_next(&w->backoff, now, rand_below);

    for (; now < until && !is_over(w); now = clock_monotonic_ms())
        tidectl_sleep_ms(until - now < TICK_MS ? (unsigned)(until - now) : TICK_MS);
}

/* The server gave no answer: since when, and is that too long? */
static bool is_lost(struct watching *w)
{
    uint64_t now = clock_monotonic_ms();

    if (w->lost_ms == 0)
        w->lost_ms = now;
    w->gave_up = w->give_up_ms != 0 && now - w->lost_ms >= w->give_up_ms;
    return w->gave_up;
}

static void mark(struct watching *w, tw_error **reterr, const char *what, const char *from)
{
    const char *why = *reterr != NULL ? tw_error_message(*reterr) : "the server ended the watch";

    fprintf(stderr, "tidectl: %s; %s%s\n", why, what, from);
    tw_error_clear(reterr);
    w->stats.reconnects++;
}

/* Lists again, until the bound. */
static tw_status relist(struct watching *w, tw_error **reterr)
{
    tw_status st = list(w, reterr);

    while (st != TW_OK && tw_error_status(*reterr) != TW_ERR_SERVER && !is_lost(w) && !is_over(w)) {
        mark(w, reterr, "trying again", "");
        back_off(w);
        st = list(w, reterr);
    }
    return st;
}

/* After a watch has ended: says why on stderr. TW_OK to go on. */
static tw_status go_on(struct watching *w, tw_status ended, bool any, tw_error **reterr)
{
    int code = tw_error_code(*reterr);
    bool expired = code == 410 && (w->listed_once || any);

    if (is_over(w) || (ended == TW_ERR_SERVER && !expired && code != 429 && code < 500))
        return ended;
    if (ended == TW_ERR_CONNECT || ended == TW_ERR_TIMEOUT || code >= 500)
        if (is_lost(w))
            return ended;
    if (ended == TW_ERR_TIMEOUT && w->idle_ms < IDLE_MAX_MS)
        w->idle_ms = w->idle_ms * 2 < IDLE_MAX_MS ? w->idle_ms * 2 : IDLE_MAX_MS;
    mark(w, reterr,
         expired ? "listing again after resourceVersion " : "going on from resourceVersion ",
         w->rv != NULL ? w->rv : "0");
    if (!any && ended != TW_ERR_TIMEOUT)
        back_off(w);
    return expired ? relist(w, reterr) : TW_OK;
}

/* ---- its end ---- */

static int exit_code(struct watching *w, tw_error *error)
{
    int signal_number = w->g->t->flags.stats ? watch_stats_poll(w) : 0;
    int rc = w->failed             ? EXIT_FAILED
             : w->met || w->closed ? 0
             : signal_number != 0  ? SIGNALLED + signal_number
             : w->has_until        ? EXIT_NOT_UNTIL
                                   : 0;

    if (w->g->t->flags.stats)
        watch_stats_tell(w);
    if (w->gave_up) {
        fprintf(stderr, "tidectl: no answer for %u s: giving up\n", w->give_up_ms / 1000);
        tidectl_fail(error);
        return EXIT_GAVE_UP;
    }
    if (is_over(w)) {
        tw_error_free(error);
        return rc;
    }
    return tidectl_fail(error);
}

static int watch_on(struct watching *w)
{
    tw_error *error = NULL;
    tw_status st = w->g->t->flags.since_rv == NULL ? list(w, &error) : TW_OK;

    while (st == TW_OK && !is_over(w)) {
        bool any = false;

        st = watch_once(w, &any, &error);
        st = go_on(w, st, any, &error);
    }
    return exit_code(w, error);
}

/* ---- its beginning ---- */

static bool read_until(struct watching *w)
{
    const struct flags *f = &w->g->t->flags;
    unsigned timeout_ms = 0;

    w->give_up_ms = GIVE_UP_MS;
    if (f->give_up_after != NULL && !tidectl_duration(f->give_up_after, &w->give_up_ms))
        return false;
    if (f->timeout != NULL && !tidectl_duration(f->timeout, &timeout_ms))
        return false;
    if (timeout_ms != 0)
        w->deadline_ms = w->stats.began_ms + timeout_ms;
    w->has_until = f->until != NULL;
    return !w->has_until || condition_parse(&w->until, &w->arena, f->until,
                                            1u << CONDITION_STATUS | 1u << CONDITION_JSONPATH |
                                                1u << CONDITION_DELETED | 1u << CONDITION_COUNT);
}

static bool check_flags(const struct watching *w)
{
    const struct flags *f = &w->g->t->flags;

    if (w->g->targets.count != 1)
        return tidectl_say("you may only specify a single resource type") == 0;
    if (f->sort_by != NULL)
        return tidectl_say("a watch comes in the server's order: --sort-by does not go with it") ==
               0;
    if (f->timestamps && !get_is_table(w->g))
        return tidectl_say("--timestamps is a column: it goes with tables only") == 0;
    if (f->live && !get_is_table(w->g))
        return tidectl_say("--live keeps a table: -o wide is the only form that goes with it") == 0;
    return true;
}

/* One name is watched through its collection; that it exists is asked for as kubectl asks. */
static bool select_target(struct watching *w)
{
    const struct flags *f = &w->g->t->flags;
    const struct target *target = &w->g->targets.items[0];
    struct buf selector = {0};
    tw_error *error = NULL;
    struct answer answer;

    w->target = *target;
    w->target.name = NULL;
    if (f->field_selector != NULL)
        buf_append_str(&selector, f->field_selector);
    if (target->name != NULL) {
        if (f->since_rv == NULL) {
            if (get_answer(w->g, target, NULL, NULL, &answer, &error) != TW_OK)
                return tidectl_fail(error) == 0;
            answer_release(&answer);
        }
        buf_appendf(&selector, "%smetadata.name=%s", selector.len != 0 ? "," : "", target->name);
    }
    buf_append_char(&selector, '\0');
    w->field_selector = selector.data;
    watch_take_rv(w, f->since_rv);
    return !selector.failed || tidectl_say_no_memory() == 0;
}

static bool has_colours(void)
{
    const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");

    return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') && terminal != NULL &&
           strcmp(terminal, "dumb") != 0;
}

static bool prepare_table(struct watching *w)
{
    const struct flags *f = &w->g->t->flags;

    get_set_table(w->g, &w->target.info->resource, &w->table);
    w->table.with_events = f->output_watch_events;
    w->table.with_times = f->timestamps;
    w->table.coloured = has_colours();
    if (f->stats)
        watch_stats_catch_signals();
    if (!f->live || !isatty(STDOUT_FILENO))
        return true;
    w->table.with_events = w->table.with_times = false;
    w->live = live_new(&w->table);
    return w->live != NULL || tidectl_say_no_memory() == 0;
}

static void release(struct watching *w)
{
    printed_release(&w->printed);
    table_release(&w->table);
    live_free(w->live);
    buf_release(&w->out);
    arena_release(&w->arena);
    free(w->field_selector);
    free(w->rv);
}

int get_watch(struct get *g)
{
    struct watching w = {.g = g, .idle_ms = IDLE_FIRST_MS};
    int rc = EXIT_FAILED;

    w.stats.began_ms = w.stats.heard_ms = clock_monotonic_ms();
    if (check_flags(&w) && read_until(&w) && select_target(&w) && prepare_table(&w))
        rc = watch_on(&w);
    release(&w);
    return rc;
}
