#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "client-go-like/tidectl/watching.h"

static volatile sig_atomic_t asked, ended;

static void on_usr1(int number)
{
    (void)number;
    asked = 1;
}

static void on_end(int number)
{
    ended = number;
}

void watch_stats_catch_signals(void)
{
    signal(SIGUSR1, on_usr1);
    signal(SIGINT, on_end);
    signal(SIGTERM, on_end);
}

void watch_stats_tell(const struct watching *w)
{
    const struct watch_stats *s = &w->stats;
    uint64_t now = clock_monotonic_ms(), took_ms = now - s->began_ms + (now == s->began_ms);
    uint64_t events = s->added + s->modified + s->deleted;

    fflush(stdout);
    fprintf(stderr,
            "tidectl: %llu events (%llu added, %llu modified, %llu deleted) and %llu bookmarks in "
            "%llu.%03llu s: %.1f events/s, %llu bytes, %.1f KiB/s; %u lists, %u reconnects; last "
            "heard %llu ms ago at resourceVersion %s\n",
            (unsigned long long)events, (unsigned long long)s->added,
            (unsigned long long)s->modified, (unsigned long long)s->deleted,
            (unsigned long long)s->bookmarks, (unsigned long long)(took_ms / 1000),
            (unsigned long long)(took_ms % 1000), (double)events * 1000 / (double)took_ms,
            (unsigned long long)s->bytes, (double)s->bytes * 1000 / 1024 / (double)took_ms,
            s->lists, s->reconnects, (unsigned long long)(now - s->heard_ms),
            w->rv != NULL ? w->rv : "0");
}

int watch_stats_poll(const struct watching *w)
{
    if (asked) {
        asked = 0;
        watch_stats_tell(w);
    }
    return ended;
}
