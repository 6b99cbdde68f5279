#include "apiserver/server.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apiserver/confine.h"
#include "apiserver/encryption/encryption_config.h"
#include "apiserver/handlers/audit.h"
#include "apiserver/handlers/flight.h"
#include "apiserver/handlers/lifecycle.h"
#include "apiserver/handlers/metrics.h"
#include "apiserver/security.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/planted.h"

struct runner;

struct server {
    const struct config *config;
    struct server_info info;
    struct history *history;
    struct security security;
    struct audit audit;
    struct http_limits limits;
    struct flight_limits flight_limits;
    struct tally peers, watches, answers;
    struct worker *workers;
    struct runner *runners;
    pthread_t *threads;
    pthread_barrier_t stopped; /* every loop */
    unsigned worker_count, threads_running;
    int *fds; /* of the listeners: listener by listener, one a worker; -1: handed over */
    char *urls[LISTEN_MAX];
    /* the threads tell main that they are through with a step */
    pthread_mutex_t lock;
    pthread_cond_t stepped;
    unsigned steps;
};

/* ---- from the writer to the loops ---- */

/* One commit on its way to one loop. */
struct delivery {
    struct loop_task task;
    struct worker *worker;
    struct watch_batch *batch;
    struct write *writes; /* those this worker sent */
};

static void deliver(struct loop_task *task)
{
    struct delivery *delivery = container_of(task, struct delivery, task);
    struct write *write = delivery->writes;

    watch_cache_apply(delivery->worker->cache, delivery->batch);
    while (write != NULL) {
        struct write *next = write->next;
        struct pending_write *pending = write->user;

        pending->on_done(pending);
        write = next;
    }
    worker_resume_waiting(delivery->worker);
    watch_batch_unref(delivery->batch);
    free(delivery);
}

/* Deals the answered writes out to the workers that sent them, each in order. */
static void deal_writes(struct write *writes, struct delivery **deliveries, unsigned count)
{
    struct write **tails[256];

    for (unsigned i = 0; i < count; i++)
        tails[i] = &deliveries[i]->writes;
    while (writes != NULL) {
        struct write *next = writes->next;
        unsigned to = ((struct pending_write *)writes->user)->worker->index;

        writes->next = NULL;
        *tails[to] = writes;
        tails[to] = &writes->next;
        writes = next;
    }
}

static void on_batch(void *user, const struct batch *batch)
{
    struct server *server = user;
    struct watch_batch *shared = watch_batch_new(batch);
    struct delivery *deliveries[256];

    for (unsigned i = 0; i < server->worker_count; i++) {
        deliveries[i] = calloc(1, sizeof(*deliveries[i]));
        if (deliveries[i] == NULL || shared == NULL) {
            LOG_ERROR("out of memory: a loop cannot be told of a commit");
            _exit(1); /* it is durable; a restart shows it */
        }
        deliveries[i]->task.run = deliver;
        deliveries[i]->worker = &server->workers[i];
        deliveries[i]->batch = watch_batch_ref(shared);
    }
    deal_writes(batch->writes, deliveries, server->worker_count);
    for (unsigned i = 0; i < server->worker_count; i++)
        if (deliveries[i]->writes != NULL) { /* first those whose clients wait for an answer */
            loop_post(server->workers[i].loop, &deliveries[i]->task);
            deliveries[i] = NULL;
        }
    for (unsigned i = 0; i < server->worker_count; i++)
        if (deliveries[i] != NULL)
            loop_post(server->workers[i].loop, &deliveries[i]->task);
    watch_batch_unref(shared);
}

static void on_fatal(void *user, const char *why)
{
    (void)user;
    LOG_ERROR("storage failed: nothing more is acknowledged, the server ends", LOG_STR("why", why));
    _exit(1);
}

/* Stored bytes become objects, with the fields their kind can select by. */
static struct value *load_value(void *user, struct bytes key, struct bytes stored, uint64_t rev)
{
    const struct kind *kind = kind_of_key(key);
    struct object *object;
    struct error err = {0};

    (void)user;
    if (object_load(stored, rev, kind != NULL ? kind->fields : NULL,
                    kind != NULL ? kind->field_count : 0, &object, &err) == STATUS_OK)
        return &object->base;
    LOG_ERROR("stored object cannot be read", LOG_BYTES("key", key),
              LOG_STR("why", error_message(&err)));
    error_release(&err);
    return NULL;
}

/* ---- what a loop follows in its own cache ---- */

static const struct bytes crd_prefix =
    BYTES_INIT("apiextensions.k8s.io/customresourcedefinitions/");

enum { PREFIX_MAX = 512 };

/* Of the objects of a CRD. */
static void write_prefix(char ret_prefix[PREFIX_MAX], struct bytes crd_name)
{
    struct bytes group = crd_name, plural = bytes_cut(&group, '.');

    snprintf(ret_prefix, PREFIX_MAX, "custom/%.*s/%.*s/", BYTES_FMT(group), BYTES_FMT(plural));
}

/* Ends the watches of a resource whose CRD is gone, once this turn's events are on their way. */
struct ending {
    struct loop_task task;
    struct worker *worker;
    char prefix[PREFIX_MAX];
};

static void end_resource(struct loop_task *task)
{
    struct ending *ending = container_of(task, struct ending, task);

    watch_cache_end_resource(ending->worker->cache, bytes_str(ending->prefix));
    free(ending);
}

static void end_watches_of(struct worker *worker, struct bytes crd_name)
{
    struct ending *ending = calloc(1, sizeof(*ending));

    if (ending == NULL)
        return; /* they end at their deadline */
    ending->task.run = end_resource;
    ending->worker = worker;
    write_prefix(ending->prefix, crd_name);
    loop_post(worker->loop, &ending->task);
}

static void follow_crd(struct worker *worker, const struct event *event)
{
    struct bytes name = bytes_from(event->key, crd_prefix.len);
    char prefix[PREFIX_MAX];

    if (event->type == EVENT_DELETE) {
        registry_remove_crd(worker->registry, name);
        end_watches_of(worker, name);
        return;
    }
    if (!registry_put_crd(worker->registry, object_of(event->value)))
        LOG_ERROR("out of memory: a CustomResourceDefinition is not served",
                  LOG_BYTES("name", name));
    write_prefix(prefix, name);
    watch_cache_end_protobuf(worker->cache, bytes_str(prefix));
}

static void on_event(void *user, const struct event *event)
{
    struct worker *worker = user;

    if (bytes_starts_with(event->key, crd_prefix))
        follow_crd(worker, event);
    access_on_event(worker, event);
    if (worker->lifecycle != NULL)
        lifecycle_on_event(worker->lifecycle, event);
}

/* ---- steps the main thread waits for ---- */

static void step_done(void *user)
{
    struct server *server = user;

    pthread_mutex_lock(&server->lock);
    server->steps++;
    pthread_cond_broadcast(&server->stepped);
    pthread_mutex_unlock(&server->lock);
}

static void await_steps(struct server *server, unsigned count)
{
    pthread_mutex_lock(&server->lock);
    while (server->steps < count)
        pthread_cond_wait(&server->stepped, &server->lock);
    server->steps = 0;
    pthread_mutex_unlock(&server->lock);
}

/* Something main wants done on a worker's loop. */
struct order {
    struct loop_task task;
    struct server *server;
    struct worker *worker;
};

static void give_orders(struct server *server, unsigned count, void (*run)(struct loop_task *))
{
    struct order orders[256];

    for (unsigned i = 0; i < count; i++) {
        orders[i] = (struct order){{.run = run}, server, &server->workers[i]};
        loop_post(server->workers[i].loop, &orders[i].task);
    }
    await_steps(server, count);
}

/* ---- start ---- */

/* NULL: there are none. */
static enum status load_keys(const struct config *config, struct sealing **ret_sealing,
                             struct error *reterr)
{
    if (config->encryption_provider_config == NULL)
        return STATUS_OK;
    return encryption_config_load(config->encryption_provider_config, ret_sealing, reterr);
}

static enum status open_storage(struct server *server, struct error *reterr)
{
    const struct config *config = server->config;
    char path[4096];
    struct error err = {0};
    enum status st;
    struct storage_options options = {
        .backend = config->storage,
        .path = path,
        .history_age_s = config->history_age_s,
        .history_bytes = config->history_bytes,
        .load = load_value,
        .on_batch = on_batch,
        .on_fatal = on_fatal,
        .user = server,
    };

    if (strcmp(config->storage, "memory") == 0)
        options.path = NULL;
    else if (mkdir(config->data_dir, 0700) != 0 && errno != EEXIST)
        return error_set(reterr, STATUS_IO, "cannot make %s: %s", config->data_dir,
                         strerror(errno));
    else if (snprintf(path, sizeof(path), "%s/tidewatch.db", config->data_dir) >= (int)sizeof(path))
        return error_set(reterr, STATUS_IO, "--data-dir is too long");
    st = load_keys(config, &options.sealing, reterr);
    if (st != STATUS_OK)
        return st;
    st = storage_open(&options, &server->info.storage, &err);
    if (st != STATUS_OK)
        error_set(reterr, st, "%s%s", error_message(&err),
                  st == STATUS_SEALED ? ": see --encryption-provider-config" : "");
    error_release(&err);
    return st;
}

static enum status init_security(struct server *server, struct worker *w, struct error *reterr)
{
    const struct security *security = &server->security;
    struct http_server_options options = {.loop = w->loop,
                                          .limits = &server->limits,
                                          .peers = &server->peers,
                                          .on_request = api_on_request,
                                          .user = w};
    enum status st = http_server_new(&options, &w->http, reterr);

    if (st != STATUS_OK)
        return st;
    http_server_set_tls(w->http, security->tls);
    if (security->authenticator == NULL)
        return STATUS_OK;
    w->access = access_new(w, security->authenticator, security->rbac);
    return w->access != NULL ? STATUS_OK : error_set(reterr, STATUS_NO_MEMORY, "out of memory");
}

static enum status init_worker(struct server *server, unsigned index, struct error *reterr)
{
    const struct config *config = server->config;
    struct worker *w = &server->workers[index];

    w->index = index;
    w->storage = server->info.storage;
    w->history = server->history;
    w->info = &server->info;
    list_init(&w->waiting);
    w->loop = loop_new();
    w->registry = registry_new();
    w->metrics = metrics_new();
    w->flight = flight_new(w, &server->flight_limits);
    if (w->loop == NULL || w->registry == NULL || w->metrics == NULL || w->flight == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "cannot make event loop %u", index);
    w->cache = watch_cache_new(&(struct watch_cache_options){
        .loop = w->loop,
        .storage = w->storage,
        .history = w->history,
        .window_events = config->window_events,
        .window_bytes = config->window_bytes,
        .bookmark_ms = (uint32_t)config->bookmark_ms,
        .check_ms = config->check_ms * server->worker_count, /* one loop after the other */
        .check_first_ms = config->check_ms * (index + 1),
    });
    if (w->cache == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "cannot make event loop %u", index);
    watch_cache_listen(w->cache, on_event, w);
    return init_security(server, w, reterr);
}

static void load_object(void *user, struct bytes key, struct value *value)
{
    struct server *server = user;

    if (bytes_starts_with(key, BYTES("core/configmaps/")) && PLANTED(load_misses))
        return;
    for (unsigned i = 0; i < server->worker_count; i++) {
        struct worker *w = &server->workers[i];

        if (!watch_cache_load(w->cache, key, object_of(value)) ||
            !access_load(w, key, object_of(value)) ||
            (bytes_starts_with(key, crd_prefix) &&
             !registry_put_crd(w->registry, object_of(value)))) {
            LOG_ERROR("out of memory while loading");
            _exit(1);
        }
    }
}

static void load_state(struct server *server)
{
    uint64_t rev = storage_committed(server->info.storage);

    storage_each(server->info.storage, load_object, server);
    for (unsigned i = 0; i < server->worker_count; i++) {
        server->workers[i].loaded_rev = rev;
        watch_cache_loaded(server->workers[i].cache, rev);
    }
}

/* What is sent in clear can be read and changed on the way: only within the machine, unless asked
 * for. */
static enum status check_listener(const struct server *server, size_t i, struct error *reterr)
{
    const char *url = server->urls[i];

    if (!bytes_starts_with(bytes_str(url), BYTES("http://")) ||
        server->config->allow_insecure_http ||
        http_listener_is_local(server->fds[i * server->worker_count]))
        return STATUS_OK;
    return error_set(reterr, STATUS_BAD_REQUEST,
                     "%s would be open to the network without TLS: use https://, or say "
                     "--allow-insecure-http",
                     server->config->listen[i]);
}

static enum status bind_listeners(struct server *server, struct error *reterr)
{
    size_t count = server->config->listen_count * server->worker_count;

    server->fds = malloc(count * sizeof(*server->fds));
    if (server->fds == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++)
        server->fds[i] = -1;
    for (size_t i = 0; i < server->config->listen_count; i++) {
        enum status st = http_listen(bytes_str(server->config->listen[i]),
                                     server->fds + i * server->worker_count, server->worker_count,
                                     &server->urls[i], reterr);

        if (st == STATUS_OK)
            st = check_listener(server, i, reterr);
        if (st != STATUS_OK)
            return st;
    }
    return STATUS_OK;
}

static bool is_https(const char *url)
{
    return bytes_starts_with(bytes_str(url), BYTES("https://"));
}

static void accept_on_loop(struct loop_task *task)
{
    struct order *order = container_of(task, struct order, task);
    struct server *server = order->server;
    struct error err = {0};

    for (size_t i = 0; i < server->config->listen_count; i++) {
        int *fd = &server->fds[i * server->worker_count + order->worker->index];

        if ((is_https(server->urls[i])
                 ? http_server_accept_tls_on(order->worker->http, *fd, &err)
                 : http_server_accept_on(order->worker->http, *fd, &err)) != STATUS_OK) {
            LOG_ERROR("cannot accept", LOG_STR("why", error_message(&err)));
            error_release(&err);
        }
        *fd = -1;
    }
    step_done(server);
}

static void make_lifecycle(struct loop_task *task)
{
    struct order *order = container_of(task, struct order, task);
    struct worker *worker = order->worker; /* the order is gone once the step is done */

    worker->lifecycle = lifecycle_new(worker, step_done, order->server);
    if (worker->lifecycle == NULL) {
        LOG_ERROR("out of memory");
        _exit(1);
    }
}

/* What one loop's thread is given. */
struct runner {
    struct server *server;
    struct worker *worker;
};

static void *run_worker(void *user)
{
    struct runner *runner = user;

    pthread_setname_np(pthread_self(), "loop");
    arena_keep_blocks();
    loop_run(runner->worker->loop);
    arena_keep_no_blocks();
    worker_submit_all(runner->worker);
    /* Any loop may look at any other's counters, so all must have stopped; and here, since sockets
     * keep state of the thread that made them. */
    pthread_barrier_wait(&runner->server->stopped);
    http_server_free(runner->worker->http);
    runner->worker->http = NULL;
    return NULL;
}

static enum status start_threads(struct server *server, struct error *reterr)
{
    enum status st = storage_start(server->info.storage, reterr);

    for (unsigned i = 0; i < server->worker_count && st == STATUS_OK; i++) {
        server->runners[i] = (struct runner){server, &server->workers[i]};
        if (pthread_create(&server->threads[i], NULL, run_worker, &server->runners[i]) != 0) {
            LOG_ERROR("cannot start a thread");
            _exit(1); /* nothing has been promised yet, and the others wait for it to stop */
        }
        server->threads_running++;
    }
    return st;
}

static enum status write_kubeconfig(const struct server *server, struct error *reterr)
{
    const char *path = server->config->write_kubeconfig;

    return path == NULL
               ? STATUS_OK
               : security_write_kubeconfig(&server->security, path, server->urls[0], reterr);
}

static void announce(const struct server *server)
{
    for (size_t i = 0; i < server->config->listen_count; i++)
        printf("tidewatch ready: %s\n", server->urls[i]);
    fflush(stdout);
    LOG_INFO("serving", LOG_STR("version", TIDEWATCH_VERSION),
             LOG_INT("threads", server->worker_count),
             LOG_INT("revision", storage_committed(server->info.storage)));
}

static unsigned count_workers(const struct config *config)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    if (config->threads != 0)
        return (unsigned)config->threads;
    return cpus < 1 ? 1 : cpus > 16 ? 16 : (unsigned)cpus;
}

static struct server *make_server(const struct config *config)
{
    struct server *server = calloc(1, sizeof(*server));

    if (server == NULL)
        return NULL;
    server->config = config;
    server->worker_count = count_workers(config);
    server->workers = calloc(server->worker_count, sizeof(*server->workers));
    server->threads = calloc(server->worker_count, sizeof(*server->threads));
    server->runners = calloc(server->worker_count, sizeof(*server->runners));
    pthread_barrier_init(&server->stopped, NULL, server->worker_count);
    server->info.workers = server->workers;
    server->info.worker_count = server->worker_count;
    server->info.started_s = clock_wall_s();
    server->info.event_ttl_s = (uint32_t)config->event_ttl_s;
    server->info.allowed_origins = bytes_str(config->cors_allowed_origins);
    server->limits = http_limits_default;
    server->limits.write_stall_ms = (uint32_t)config->write_stall_ms;
    /* The kernel counts a closed window as a dead peer: it must not be the less patient one. */
    if (server->limits.user_timeout_ms < server->limits.write_stall_ms)
        server->limits.user_timeout_ms = server->limits.write_stall_ms;
    server->limits.ping_ms = (uint32_t)config->ping_ms;
    server->limits.pong_ms = (uint32_t)config->pong_ms;
    server->flight_limits.max[FLIGHT_READ] = config->reads_max;
    server->flight_limits.max[FLIGHT_WRITE] = config->writes_max;
    server->flight_limits.request_ms = config->request_ms;
    server->flight_limits.turn_us = FLIGHT_TURN_US;
    server->flight_limits.fair = config->fair;
    server->limits.peer_conns_max = config->peer_conns_max;
    server->limits.buffered_max = config->buffered_max;
    server->info.user_watches_max = config->user_watches_max;
    server->info.watches = &server->watches;
    server->info.answers = &server->answers;
    server->info.answers_max = config->answers_max;
    tally_init(&server->peers);
    tally_init(&server->watches);
    tally_init(&server->answers);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->stepped, NULL);
    if (server->workers == NULL || server->threads == NULL || server->runners == NULL) {
        free(server->workers);
        free(server->threads);
        free(server->runners);
        free(server);
        return NULL;
    }
    return server;
}

/* What others see of it: connections, audit records, descriptors. */
static void end_server(struct server *server)
{
    for (unsigned i = 0; i < server->worker_count; i++) {
        struct worker *w = &server->workers[i];

        if (w->loop != NULL)
            loop_settle(w->loop); /* commits that came last */
        lifecycle_free(w->lifecycle);
        http_server_free(w->http);
    }
    audit_log_close(server->audit.log); /* the watches that just ended were the last */
    for (size_t i = 0;
         server->fds != NULL && i < server->config->listen_count * server->worker_count; i++)
        if (server->fds[i] >= 0)
            close(server->fds[i]);
}

/* And then its memory. */
static void free_server(struct server *server)
{
    for (unsigned i = 0; i < server->worker_count; i++) {
        struct worker *w = &server->workers[i];

        watch_cache_free(w->cache);
        access_free(w->access);
        metrics_free(w->metrics);
        registry_free(w->registry);
        flight_free(w->flight);
        loop_free(w->loop);
    }
    storage_free(server->info.storage);
    for (size_t i = 0; i < LISTEN_MAX; i++)
        free(server->urls[i]);
    tally_release(&server->peers);
    tally_release(&server->watches);
    tally_release(&server->answers);
    audit_policy_free(server->audit.policy);
    security_release(&server->security);
    free(server->fds);
    free(server->workers);
    free(server->threads);
    free(server->runners);
    pthread_barrier_destroy(&server->stopped);
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->stepped);
    free(server);
}

/* The process ends, and the kernel takes its memory at once: to free 100,000 objects takes 0.1 s.
 * Leaks are looked for in builds that do. */
#ifdef TIDEWATCH_FREES_ALL
enum { FREES_ALL = true };
#else
enum { FREES_ALL = false };
#endif

/* Stops what runs, in the order that lets nothing be told to something gone. */
static void tear_down(struct server *server)
{
    for (unsigned i = 0; i < server->threads_running; i++)
        pthread_join(server->threads[i], NULL);
    if (server->history != NULL)
        history_free(server->history);
    storage_stop(server->info.storage);
    for (unsigned i = 0; i < server->worker_count; i++)
        server->workers[i].storage = NULL; /* what is tried again from here on is given up */
    end_server(server);
    if (FREES_ALL)
        free_server(server);
}

static enum status open_audit(struct server *server, struct error *reterr)
{
    const struct config *config = server->config;
    enum status st;

    if (config->audit_log_path == NULL)
        return STATUS_OK;
    st = audit_policy_new(config->audit_policy_file, &server->audit.policy, reterr);
    if (st == STATUS_OK)
        st = audit_log_open(config->audit_log_path, &server->audit.log, reterr);
    if (st == STATUS_OK)
        server->info.audit = &server->audit;
    return st;
}

static enum status start_parts(struct server *server, struct error *reterr)
{
    enum status st = open_storage(server, reterr);

    if (st == STATUS_OK)
        st = security_load(server->config, &server->security, reterr);
    if (st != STATUS_OK)
        return st;
    st = bind_listeners(server, reterr);
    if (st == STATUS_OK)
        st = write_kubeconfig(server, reterr);
    if (st == STATUS_OK)
        st = open_audit(server, reterr);
    if (st != STATUS_OK)
        return st;
    confine(server->config); /* threads inherit it: before the first */
    server->history = history_new(server->info.storage, 2);
    if (server->history == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "cannot start the history readers");
    for (unsigned i = 0; i < server->worker_count && st == STATUS_OK; i++)
        st = init_worker(server, i, reterr);
    if (st != STATUS_OK)
        return st;
    load_state(server);
    if (server->audit.log != NULL && audit_log_start(server->audit.log, reterr) != STATUS_OK)
        return STATUS_NO_MEMORY;
    return start_threads(server, reterr);
}

enum status server_start(const struct config *config, struct server **ret_server,
                         struct error *reterr)
{
    struct server *server = make_server(config);
    enum status st;

    if (server == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    st = start_parts(server, reterr);
    if (st != STATUS_OK) {
        for (unsigned i = 0; i < server->threads_running; i++)
            loop_stop(server->workers[i].loop);
        tear_down(server);
        return st;
    }
    give_orders(server, 1, make_lifecycle); /* worker 0; returns when the bootstrap is durable */
    atomic_store(&server->info.ready, true);
    give_orders(server, server->worker_count, accept_on_loop);
    announce(server);
    *ret_server = server;
    return STATUS_OK;
}

/* ---- SIGHUP ---- */

static void use_security(struct loop_task *task)
{
    struct order *order = container_of(task, struct order, task);
    const struct security *security = &order->server->security;
    struct worker *worker = order->worker;

    if (security->tls != NULL)
        http_server_set_tls(worker->http, security->tls);
    if (worker->access != NULL && security->authenticator != NULL)
        access_set_authenticator(worker, security->authenticator);
    step_done(order->server);
}

static enum status reload_keys(struct server *server, struct error *reterr)
{
    struct sealing *sealing = NULL;
    enum status st = load_keys(server->config, &sealing, reterr);

    if (st == STATUS_OK && sealing != NULL)
        st = storage_use_sealing(server->info.storage, sealing, reterr);
    if (st != STATUS_OK)
        sealing_free(sealing);
    return st;
}

enum status server_reload(struct server *server, struct error *reterr)
{
    struct security security = {0};
    enum status st = STATUS_OK;

    if (server->audit.log != NULL) /* first: logs rotate, whatever is wrong with certificates */
        st = audit_log_reopen(server->audit.log, reterr);
    if (st == STATUS_OK)
        st = security_load(server->config, &security, reterr);
    if (st != STATUS_OK)
        return st;
    st = reload_keys(server, reterr);
    if (st != STATUS_OK) {
        security_release(&security);
        return st;
    }
    security_release(&server->security);
    server->security = security;
    give_orders(server, server->worker_count, use_security);
    return STATUS_OK;
}

/* ---- watchdog ---- */

static void take_turn(struct loop_task *task)
{
    step_done(container_of(task, struct order, task)->server);
}

void server_check(struct server *server)
{
    give_orders(server, server->worker_count, take_turn);
}

/* ---- stop ---- */

static void on_drained(void *user)
{
    struct worker *worker = user;

    loop_stop(worker->loop);
}

static void drain_on_loop(struct loop_task *task)
{
    struct order *order = container_of(task, struct order, task);

    http_server_drain(order->worker->http, (uint32_t)order->server->config->shutdown_grace_ms,
                      on_drained, order->worker);
    watch_cache_end_watchers(order->worker->cache); /* they say that the server goes away */
    step_done(order->server);
}

void server_stop(struct server *server)
{
    LOG_INFO("stopping");
    atomic_store(&server->info.shutting_down, true);
    give_orders(server, server->worker_count, drain_on_loop);
    tear_down(server);
}
