#include "apiserver/handlers/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "apiserver/handlers/access.h"
#include "apiserver/handlers/audit.h"
#include "apiserver/handlers/flight.h"
#include "base/clock.h"
#include "base/map.h"

/* Upper bounds in seconds of apiserver_request_duration_seconds, a part of the real server's. */
static const double buckets_s[] = {0.0005, 0.001, 0.005, 0.025, 0.05, 0.1, 0.2,
                                   0.4,    0.6,   1,     2,     5,    10,  60};
enum { BUCKETS = ARRAY_LEN(buckets_s) };

struct series {
    char labels[384]; /* also the key, all of them from our own tables */
    uint64_t count, bytes, buckets[BUCKETS];
    double sum_s;
};

/* What was counted last of a verb, and mostly is again: its labels need not be written. */
struct counted {
    const struct kind *kind; /* a reference */
    int code;
    const char *scope;
    struct series *series; /* NULL: nothing */
};

struct metrics {
    pthread_mutex_t lock; /* its worker counts, any worker may read */
    struct map series;
    struct buf labels; /* of the request being counted */
    struct counted last[VERB_COUNT];
};

struct metrics *metrics_new(void)
{
    struct metrics *metrics = calloc(1, sizeof(*metrics));

    if (metrics != NULL)
        pthread_mutex_init(&metrics->lock, NULL);
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (struct map_slot *it = map_next(&metrics->series, NULL); it != NULL;
         it = map_next(&metrics->series, it))
        free(it->value);
    map_release(&metrics->series);
    for (size_t i = 0; i < VERB_COUNT; i++)
        kind_unref(metrics->last[i].kind);
    buf_release(&metrics->labels);
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

static const char *scope_of(const struct api_request *api)
{
    if (api->kind == NULL)
        return "";
    if (api->info.name.len != 0)
        return "resource";
    return api->info.namespace.len != 0 ? "namespace" : "cluster";
}

/* Verbs as they are reported: methods, but for the ways to read or delete many. */
static const char *verb_of(const struct api_request *api)
{
    static const char *const verbs[VERB_COUNT] = {
        [VERB_NONE] = "other",
        [VERB_GET] = "GET",
        [VERB_LIST] = "LIST",
        [VERB_WATCH] = "WATCH",
        [VERB_CREATE] = "POST",
        [VERB_UPDATE] = "PUT",
        [VERB_PATCH] = "PATCH",
        [VERB_DELETE] = "DELETE",
        [VERB_DELETE_COLLECTION] = "DELETECOLLECTION",
    };

    if (api->kind != NULL)
        return verbs[api->info.verb];
    return api->route != NULL ? "GET" : "other";
}

/* A kind's subresource was found in our tables; paths that are no resource stand in its place. */
static struct bytes subresource_of(const struct api_request *api)
{
    return api->kind != NULL ? api->info.subresource : bytes_str(api->route);
}

static bool is_dry_run(const struct api_request *api)
{
    return bytes_eq_str(query_get(&api->info.query, "dryRun"), "All");
}

static void add_label(struct buf *out, const char *name, struct bytes value)
{
    buf_append_str(out, name);
    buf_append_bytes(out, value);
    buf_append_char(out, '"');
}

/* Every request comes by here, so printf stays out. */
static void write_labels(struct buf *out, const struct api_request *api)
{
    static const struct kind none = {.group = "", .version = "", .plural = ""};
    const struct kind *kind = api->kind != NULL ? api->kind : &none;

    add_label(out, "verb=\"", bytes_str(verb_of(api)));
    add_label(out, ",dry_run=\"", bytes_str(is_dry_run(api) ? "All" : ""));
    add_label(out, ",group=\"", bytes_str(kind->group));
    add_label(out, ",version=\"", bytes_str(kind->version));
    add_label(out, ",resource=\"", bytes_str(kind->plural));
    add_label(out, ",subresource=\"", subresource_of(api));
    add_label(out, ",scope=\"", bytes_str(scope_of(api)));
    buf_append_str(out, ",component=\"apiserver\",code=\"");
    buf_append_u64(out, (uint64_t)api->code);
    buf_append_char(out, '"');
}

/* NULL without memory: the request is then not counted. */
static struct series *look_up_series(struct metrics *metrics, const struct api_request *api)
{
    struct buf *labels = &metrics->labels;
    struct series *series;

    labels->len = 0;
    write_labels(labels, api);
    if (labels->failed || labels->len >= sizeof(series->labels))
        return NULL;
    series = map_get(&metrics->series, buf_bytes(labels));
    if (series != NULL || (series = calloc(1, sizeof(*series))) == NULL)
        return series;
    memcpy(series->labels, labels->data, labels->len);
    if (!map_put(&metrics->series, bytes_str(series->labels), series)) {
        free(series);
        return NULL;
    }
    return series;
}

static struct series *find_series(struct metrics *metrics, const struct api_request *api)
{
    struct counted *last = &metrics->last[api->info.verb];
    const char *scope = scope_of(api);
    struct series *series;

    if (api->kind == NULL || api->info.subresource.len != 0 || is_dry_run(api))
        return look_up_series(metrics, api);
    if (last->kind == api->kind && last->code == api->code && last->scope == scope &&
        last->series != NULL)
        return last->series;
    series = look_up_series(metrics, api);
    kind_unref(last->kind);
    *last = (struct counted){kind_ref(api->kind), api->code, scope, series};
    return series;
}

void metrics_count_request(struct metrics *metrics, const struct api_request *api, uint64_t took_us,
                           size_t bytes)
{
    double took_s = (double)took_us / 1e6;
    struct series *series;

    pthread_mutex_lock(&metrics->lock);
    series = find_series(metrics, api);
    if (series != NULL) {
        series->count++;
        series->bytes += bytes;
        series->sum_s += took_s;
        for (size_t i = 0; i < BUCKETS; i++)
            series->buckets[i] += took_s <= buckets_s[i];
    }
    pthread_mutex_unlock(&metrics->lock);
}

/* ---- the page ---- */

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_appendf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(struct buf *out, const char *name, const char *type, const char *help, double value)
{
    head(out, name, type, help);
    buf_appendf(out, "%s %.17g\n", name, value);
}

/* All workers' series added up by label. */
static void merge(struct map *sum, struct arena *arena, struct metrics *from)
{
    pthread_mutex_lock(&from->lock);
    for (struct map_slot *it = map_next(&from->series, NULL); it != NULL;
         it = map_next(&from->series, it)) {
        const struct series *add = it->value;
        struct series *total = map_get(sum, it->key);

        if (total == NULL) {
            total = arena_new(arena, struct series);
            if (total == NULL)
                break;
            memcpy(total->labels, add->labels, sizeof(total->labels));
            if (!map_put(sum, bytes_str(total->labels), total))
                break;
        }
        total->count += add->count;
        total->bytes += add->bytes;
        total->sum_s += add->sum_s;
        for (size_t i = 0; i < BUCKETS; i++)
            total->buckets[i] += add->buckets[i];
    }
    pthread_mutex_unlock(&from->lock);
}

static void write_durations(struct buf *out, const struct map *sum)
{
    static const char name[] = "apiserver_request_duration_seconds";

    head(out, name, "histogram", "Response latency distribution in seconds.");
    for (struct map_slot *it = map_next(sum, NULL); it != NULL; it = map_next(sum, it)) {
        const struct series *s = it->value;

        for (size_t i = 0; i < BUCKETS; i++)
            buf_appendf(out, "%s_bucket{%s,le=\"%g\"} %llu\n", name, s->labels, buckets_s[i],
                        (unsigned long long)s->buckets[i]);
        buf_appendf(out, "%s_bucket{%s,le=\"+Inf\"} %llu\n%s_sum{%s} %.9g\n%s_count{%s} %llu\n",
                    name, s->labels, (unsigned long long)s->count, name, s->labels, s->sum_s, name,
                    s->labels, (unsigned long long)s->count);
    }
}

static void write_sizes(struct buf *out, const struct map *sum)
{
    static const char name[] = "apiserver_response_sizes";

    head(out, name, "histogram", "Response sizes in bytes.");
    for (struct map_slot *it = map_next(sum, NULL); it != NULL; it = map_next(sum, it)) {
        const struct series *s = it->value;
        unsigned long long count = s->count;

        buf_appendf(out, "%s_bucket{%s,le=\"+Inf\"} %llu\n%s_sum{%s} %llu\n%s_count{%s} %llu\n",
                    name, s->labels, count, name, s->labels, (unsigned long long)s->bytes, name,
                    s->labels, count);
    }
}

static void write_requests(struct buf *out, const struct server_info *info)
{
    struct arena arena = {0};
    struct map sum = {0};

    for (unsigned i = 0; i < info->worker_count; i++)
        merge(&sum, &arena, info->workers[i].metrics);
    head(out, "apiserver_request_total", "counter", "Requests by verb, resource and code.");
    for (struct map_slot *it = map_next(&sum, NULL); it != NULL; it = map_next(&sum, it))
        buf_appendf(out, "apiserver_request_total{%s} %llu\n", ((struct series *)it->value)->labels,
                    (unsigned long long)((struct series *)it->value)->count);
    write_durations(out, &sum);
    write_sizes(out, &sum);
    map_release(&sum);
    arena_release(&arena);
}

static void write_watches(struct buf *out, const struct server_info *info)
{
    struct watch_cache_stats sum = {0};
    struct http_server_stats http = {0};

    for (unsigned i = 0; i < info->worker_count; i++) {
        struct watch_cache_stats s;
        struct http_server_stats h;

        watch_cache_get_stats(info->workers[i].cache, &s);
        http_server_get_stats(info->workers[i].http, &h);
        sum.objects = s.objects; /* every loop holds all of them */
        sum.watchers += s.watchers;
        sum.events_applied += s.events_applied;
        for (size_t f = 0; f < FRAMING_COUNT; f++)
            sum.events_encoded[f] += s.events_encoded[f];
        sum.events_sent += s.events_sent;
        sum.bytes_sent += s.bytes_sent;
        sum.bookmarks_sent += s.bookmarks_sent;
        sum.behind_reads += s.behind_reads;
        sum.expired += s.expired;
        sum.checks_passed += s.checks_passed;
        sum.checks_failed += s.checks_failed;
        sum.checks_broken += s.checks_broken;
        http.connections += h.connections;
        http.connections_total += h.connections_total;
        http.connections_refused_total += h.connections_refused_total;
        http.streams += h.streams;
        http.bytes_sent_total += h.bytes_sent_total;
    }
    head(out, "apiserver_longrunning_requests", "gauge", "Open watches.");
    buf_appendf(out, "apiserver_longrunning_requests{verb=\"WATCH\"} %llu\n",
                (unsigned long long)sum.watchers);
    one(out, "apiserver_watch_events_total", "counter", "Events sent to watchers.",
        (double)sum.events_sent);
    one(out, "apiserver_watch_cache_events_received_total", "counter",
        "Events applied, once a loop.", (double)sum.events_applied);
    head(out, "tidewatch_watch_events_encoded_total", "counter",
         "Events encoded: once a format, whatever the number of watchers.");
    for (size_t f = 0; f < FRAMING_COUNT; f++)
        buf_appendf(out, "tidewatch_watch_events_encoded_total{format=\"%s\"} %llu\n",
                    watch_framing_name((enum watch_framing)f),
                    (unsigned long long)sum.events_encoded[f]);
    one(out, "tidewatch_watch_bytes_total", "counter", "Bytes of events sent.",
        (double)sum.bytes_sent);
    one(out, "tidewatch_watch_bookmarks_total", "counter", "Bookmarks sent.",
        (double)sum.bookmarks_sent);
    one(out, "tidewatch_watch_behind_reads_total", "counter",
        "Pieces of the log read from disk for watchers that the window left behind.",
        (double)sum.behind_reads);
    one(out, "apiserver_terminated_watchers_total", "counter",
        "Watches ended with 410 because history has passed them.", (double)sum.expired);
    head(out, "apiserver_storage_consistency_checks_total", "counter",
         "Comparisons of what is served with what is stored.");
    buf_appendf(out,
                "apiserver_storage_consistency_checks_total{status=\"success\"} %llu\n"
                "apiserver_storage_consistency_checks_total{status=\"failure\"} %llu\n"
                "apiserver_storage_consistency_checks_total{status=\"error\"} %llu\n",
                (unsigned long long)sum.checks_passed, (unsigned long long)sum.checks_failed,
                (unsigned long long)sum.checks_broken);
    one(out, "tidewatch_connections", "gauge", "Open connections.", (double)http.connections);
    one(out, "tidewatch_connections_total", "counter", "Connections accepted.",
        (double)http.connections_total);
    one(out, "tidewatch_connections_refused_total", "counter",
        "Connections beyond --max-connections-per-peer.", (double)http.connections_refused_total);
}

/* By result alone: names of users are the clients' to choose. */
static void write_access(struct buf *out, const struct server_info *info)
{
    struct access_stats sum = {0};

    for (unsigned i = 0; i < info->worker_count; i++) {
        struct access_stats s;

        access_get_stats(&info->workers[i], &s);
        sum.authenticated += s.authenticated;
        sum.unauthenticated += s.unauthenticated;
        sum.allowed += s.allowed;
        sum.forbidden += s.forbidden;
        sum.watches_ended += s.watches_ended;
    }
    head(out, "authentication_attempts", "counter", "Requests, by whether they showed who asks.");
    buf_appendf(out,
                "authentication_attempts{result=\"success\"} %llu\n"
                "authentication_attempts{result=\"failure\"} %llu\n",
                (unsigned long long)sum.authenticated, (unsigned long long)sum.unauthenticated);
    head(out, "authorization_attempts_total", "counter", "Decisions of RBAC.");
    buf_appendf(out,
                "authorization_attempts_total{result=\"allowed\"} %llu\n"
                "authorization_attempts_total{result=\"denied\"} %llu\n",
                (unsigned long long)sum.allowed, (unsigned long long)sum.forbidden);
    one(out, "tidewatch_watches_revoked_total", "counter", "Watches ended with their right.",
        (double)sum.watches_ended);
}

static void write_audit(struct buf *out, const struct server_info *info)
{
    struct audit_log_stats s;

    if (info->audit == NULL)
        return;
    audit_log_get_stats(info->audit->log, &s);
    one(out, "apiserver_audit_event_total", "counter", "Audit events written.", (double)s.written);
    one(out, "tidewatch_audit_events_dropped_total", "counter",
        "Audit events lost: the disk was too slow, or refused them.", (double)s.dropped);
}

struct page {
    struct buf *out;
    const struct worker *worker;
};

static void write_count(void *user, const struct kind *kind)
{
    struct page *page = user;
    const struct worker *worker = page->worker;

    if (kind == registry_find_any(worker->registry, bytes_str(kind->group),
                                  bytes_str(kind->plural))) /* once, whatever its versions */
        buf_appendf(page->out, "apiserver_storage_objects{resource=\"%s\"} %zu\n",
                    kind->group_resource,
                    watch_cache_count(worker->cache, bytes_str(kind->prefix)));
}

static void write_objects(struct buf *out, const struct worker *worker)
{
    struct page page = {out, worker};

    head(out, "apiserver_storage_objects", "gauge", "Objects stored, by resource.");
    registry_each(worker->registry, write_count, &page);
}

static void write_storage(struct buf *out, const struct server_info *info)
{
    struct storage_stats s;

    storage_get_stats(info->storage, &s);
    one(out, "apiserver_storage_size_bytes", "gauge", "Size of the database file.",
        (double)s.file_bytes);
    one(out, "apiserver_watch_cache_resource_version", "gauge", "Newest durable revision.",
        (double)storage_committed(info->storage));
    one(out, "tidewatch_storage_floor", "gauge", "Oldest revision that can be read.",
        (double)storage_floor(info->storage));
    one(out, "tidewatch_storage_log_events", "gauge", "Events in the log.", (double)s.log_events);
    one(out, "tidewatch_storage_writes_total", "counter", "Writes acknowledged.", (double)s.writes);
    one(out, "tidewatch_storage_conflicts_total", "counter", "Writes refused by a precondition.",
        (double)s.conflicts);
    one(out, "tidewatch_storage_commits_total", "counter", "Transactions: a group of writes each.",
        (double)s.commits);
    one(out, "tidewatch_storage_commit_seconds_total", "counter", "Time spent in COMMIT.",
        (double)s.commit_us_total / 1e6);
    one(out, "tidewatch_storage_compacted_events_total", "counter", "Events compacted away.",
        (double)s.compacted_events);
}

static void write_flight(struct buf *out, const struct worker *worker)
{
    head(out, "apiserver_current_inflight_requests", "gauge", "Requests being worked on.");
    buf_appendf(out,
                "apiserver_current_inflight_requests{request_kind=\"readOnly\"} %llu\n"
                "apiserver_current_inflight_requests{request_kind=\"mutating\"} %llu\n",
                (unsigned long long)flight_count(worker->flight, FLIGHT_READ),
                (unsigned long long)flight_count(worker->flight, FLIGHT_WRITE));
}

/* ---- who waited for a place ---- */

#define LEVEL "flow_schema=\"users\",priority_level=\"%s\""

static const struct level {
    const char *name;
    enum flight_class class;
} levels[] = {{"reads", FLIGHT_READ}, {"writes", FLIGHT_WRITE}};

static struct flight_stats sum_flights(const struct server_info *info, enum flight_class class)
{
    struct flight_stats sum = {0};

    for (unsigned i = 0; i < info->worker_count; i++) {
        struct flight_stats s;

        flight_get_stats(info->workers[i].flight, class, &s);
        sum.parked += s.parked;
        sum.dispatched += s.dispatched;
        sum.waited_us += s.waited_us;
        for (size_t r = 0; r < FLIGHT_REFUSALS; r++)
            sum.refused[r] += s.refused[r];
        for (size_t b = 0; b < FLIGHT_WAIT_BUCKETS; b++)
            sum.waits[b] += s.waits[b];
    }
    return sum;
}

static void write_waits(struct buf *out, const char *level, const struct flight_stats *s)
{
    static const char name[] = "apiserver_flowcontrol_request_wait_duration_seconds";
    unsigned long long count = s->dispatched;

    for (size_t b = 0; b < FLIGHT_WAIT_BUCKETS; b++)
        buf_appendf(out, "%s_bucket{execute=\"true\"," LEVEL ",le=\"%g\"} %llu\n", name, level,
                    flight_wait_buckets_s[b], (unsigned long long)s->waits[b]);
    buf_appendf(out, "%s_bucket{execute=\"true\"," LEVEL ",le=\"+Inf\"} %llu\n", name, level,
                count);
    buf_appendf(out, "%s_sum{execute=\"true\"," LEVEL "} %.9g\n", name, level,
                (double)s->waited_us / 1e6);
    buf_appendf(out, "%s_count{execute=\"true\"," LEVEL "} %llu\n", name, level, count);
}

static void write_fairness(struct buf *out, const struct server_info *info)
{
    static const char *const reasons[] = {
        [FLIGHT_QUEUE_FULL] = "queue-full", [FLIGHT_TIME_OUT] = "time-out"};
    struct flight_stats sums[ARRAY_LEN(levels)];

    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        sums[i] = sum_flights(info, levels[i].class);
    head(out, "apiserver_flowcontrol_current_inqueue_requests", "gauge",
         "Requests that wait for a place.");
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        buf_appendf(out, "apiserver_flowcontrol_current_inqueue_requests{" LEVEL "} %llu\n",
                    levels[i].name, (unsigned long long)sums[i].parked);
    head(out, "apiserver_flowcontrol_rejected_requests_total", "counter",
         "Requests refused with 429: too many waited, or it took too long.");
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        for (size_t r = 0; r < FLIGHT_REFUSALS; r++)
            buf_appendf(out,
                        "apiserver_flowcontrol_rejected_requests_total{" LEVEL
                        ",reason=\"%s\"} %llu\n",
                        levels[i].name, reasons[r], (unsigned long long)sums[i].refused[r]);
    head(out, "apiserver_flowcontrol_request_wait_duration_seconds", "histogram",
         "How long requests that got a place had waited for it.");
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        write_waits(out, levels[i].name, &sums[i]);
}

static void write_process(struct buf *out, const struct server_info *info)
{
    struct rusage usage;
    unsigned long long size = 0, resident = 0;
    FILE *statm = fopen("/proc/self/statm", "r");

    if (statm != NULL && fscanf(statm, "%llu %llu", &size, &resident) == 2)
        one(out, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
            (double)resident * (double)sysconf(_SC_PAGESIZE));
    if (statm != NULL)
        fclose(statm);
    getrusage(RUSAGE_SELF, &usage);
    one(out, "process_cpu_seconds_total", "counter", "Total user and system CPU time in seconds.",
        (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
            (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    one(out, "process_start_time_seconds", "gauge", "Start time since the epoch in seconds.",
        (double)info->started_s);
}

void metrics_write(struct buf *out, const struct worker *worker)
{
    const struct server_info *info = worker->info;

    write_objects(out, worker);
    write_requests(out, info);
    write_watches(out, info);
    write_flight(out, worker);
    write_fairness(out, info);
    write_access(out, info);
    write_audit(out, info);
    write_storage(out, info);
    write_process(out, info);
}
