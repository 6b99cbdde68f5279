#include "writers.h"

struct writer {
    struct call call;
    struct writers *writers;
    struct client *client;
    struct writer *next; /* idle */
    unsigned number;
    uint64_t began_us;
};

static void start(struct writer *w)
{
    struct request request;

    w->began_us = now_us();
    w->writers->started++;
    target_write(w->writers->target, w->number, w->began_us, &request);
    client_send(w->client, &w->call, &request);
}

static void on_done(struct call *call)
{
    struct writer *w = call->user;
    struct writers *all = w->writers;

    samples_add(&all->latency, now_us() - w->began_us);
    all->done++;
    if (!target_is_ok(all->target, call->status)) {
        all->failed++;
        all->last_status = call->status;
    }
    if (all->keep_busy && all->started < all->limit) {
        start(w);
        return;
    }
    w->next = all->idle;
    all->idle = w;
}

void writers_open(struct writers *writers, struct target *target, unsigned count, unsigned streams,
                  int poller)
{
    struct client *client = NULL;

    writers->target = target;
    writers->count = count;
    writers->all = calloc(count, sizeof(*writers->all));
    for (unsigned i = 0; i < count; i++) {
        struct writer *w = &writers->all[i];

        if (client == NULL || target->write_protocol != HTTP2 || i % streams == 0)
            client = client_new(target->write_protocol, target->write_port, target->tls, i, poller);
        w->call = (struct call){.on_done = on_done, .user = w};
        w->writers = writers;
        w->client = client;
        w->number = i;
        w->next = writers->idle;
        writers->idle = w;
    }
}

bool writers_start(struct writers *writers)
{
    struct writer *w = writers->idle;

    if (w == NULL)
        return false;
    writers->idle = w->next;
    start(w);
    return true;
}

void writers_keep_busy(struct writers *writers, unsigned long limit)
{
    writers->keep_busy = true;
    writers->limit = limit;
    while (writers->started < limit && writers_start(writers))
        ;
}
