/*
 * hot_paths - the work that a server does most often, on fixed input, for counting instructions.
 *
 *   hot_paths PATH TIMES      does one of the paths so many times; without arguments lists them
 *
 * test_instructions.py runs each path twice under callgrind, with two counts, and takes the
 * difference: what starts and ends the program falls out.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "apiserver/registry/registry.h"
#include "apiserver/transport/loop.h"
#include "apiserver/watch/watcher.h"
#include "base/arena.h"
#include "base/buf.h"
#include "codec/object.h"
#include "codec/transcoder.h"
#include "storage/storage.h"

static const char pod_text[] =
    "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"web-7d9c5b8f6d-x2x9k\","
    "\"namespace\":\"shop\",\"uid\":\"6f1c1f0e-5d0b-4a61-9d35-0e2f6a3d9b11\","
    "\"creationTimestamp\":\"2025-11-03T09:21:44Z\",\"generateName\":\"web-7d9c5b8f6d-\","
    "\"labels\":{\"app\":\"web\",\"pod-template-hash\":\"7d9c5b8f6d\",\"tier\":\"front\"},"
    "\"annotations\":{\"note\":\"three lines\\nof text with \\\"quotes\\\" and \\u00e4\"},"
    "\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\","
    "\"name\":\"web-7d9c5b8f6d\",\"uid\":\"0b4dd2f5-1f5d-4d5b-8a43-9c9f1f0e7a55\","
    "\"controller\":true,\"blockOwnerDeletion\":true}]},"
    "\"spec\":{\"volumes\":[{\"name\":\"config\",\"configMap\":{\"name\":\"web\","
    "\"defaultMode\":420}},{\"name\":\"scratch\",\"emptyDir\":{\"sizeLimit\":\"64Mi\"}}],"
    "\"containers\":[{\"name\":\"web\",\"image\":\"registry.example.com/shop/web:1.42.0\","
    "\"args\":[\"--listen=:8443\",\"--log-level=info\",\"--cache=/var/cache/web\"],"
    "\"ports\":[{\"name\":\"https\",\"containerPort\":8443,\"protocol\":\"TCP\"}],"
    "\"env\":[{\"name\":\"POD_NAME\",\"valueFrom\":{\"fieldRef\":{\"apiVersion\":\"v1\","
    "\"fieldPath\":\"metadata.name\"}}},{\"name\":\"MODE\",\"value\":\"production\"}],"
    "\"resources\":{\"limits\":{\"cpu\":\"2\",\"memory\":\"512Mi\"},"
    "\"requests\":{\"cpu\":\"250m\",\"memory\":\"128Mi\"}},"
    "\"volumeMounts\":[{\"name\":\"config\",\"readOnly\":true,\"mountPath\":\"/etc/web\"},"
    "{\"name\":\"scratch\",\"mountPath\":\"/var/cache/web\"}],"
    "\"livenessProbe\":{\"httpGet\":{\"path\":\"/healthz\",\"port\":\"https\","
    "\"scheme\":\"HTTPS\"},\"timeoutSeconds\":1,\"periodSeconds\":10,\"failureThreshold\":3},"
    "\"imagePullPolicy\":\"IfNotPresent\"}],\"restartPolicy\":\"Always\","
    "\"terminationGracePeriodSeconds\":30,\"dnsPolicy\":\"ClusterFirst\","
    "\"serviceAccountName\":\"web\",\"nodeName\":\"node-017.example.com\","
    "\"tolerations\":[{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\","
    "\"effect\":\"NoExecute\",\"tolerationSeconds\":300}],\"priority\":0},"
    "\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
    "\"lastTransitionTime\":\"2025-11-03T09:21:51Z\"},{\"type\":\"PodScheduled\","
    "\"status\":\"True\",\"lastTransitionTime\":\"2025-11-03T09:21:44Z\"}],"
    "\"hostIP\":\"10.1.0.17\",\"podIP\":\"10.42.3.9\",\"startTime\":\"2025-11-03T09:21:44Z\","
    "\"containerStatuses\":[{\"name\":\"web\",\"state\":{\"running\":{\"startedAt\":"
    "\"2025-11-03T09:21:49Z\"}},\"ready\":true,\"restartCount\":0,\"started\":true}],"
    "\"qosClass\":\"Burstable\"}}";

static void must(bool held, const char *what)
{
    if (held)
        return;
    fprintf(stderr, "hot_paths: %s\n", what);
    exit(1);
}

static struct json *parse_pod(struct arena *arena)
{
    struct json *tree = NULL;

    must(json_parse(arena, bytes_str(pod_text), &tree, NULL, NULL) == STATUS_OK, "json_parse");
    return tree;
}

/* ---- codec ---- */

static void read_json(unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        struct arena arena = {0};

        parse_pod(&arena);
        arena_release(&arena);
    }
}

static void write_json(unsigned times)
{
    struct arena arena = {0};
    struct json *tree = parse_pod(&arena);

    for (unsigned i = 0; i < times; i++) {
        struct buf out = {0};

        json_write(&out, tree, false);
        must(!out.failed, "json_write");
        buf_release(&out);
    }
    arena_release(&arena);
}

static void make_image(unsigned times)
{
    struct arena arena = {0};
    struct json *tree = parse_pod(&arena);

    for (unsigned i = 0; i < times; i++) {
        struct object *object = NULL;

        must(object_new(tree, NULL, 0, &object, NULL) == STATUS_OK, "object_new");
        object_unref(object);
    }
    arena_release(&arena);
}

static void to_protobuf(unsigned times)
{
    struct arena arena = {0};
    struct json *tree = parse_pod(&arena);

    for (unsigned i = 0; i < times; i++) {
        struct buf out = {0};

        must(transcoder_write(&out, tree, NULL, NULL) == STATUS_OK, "transcoder_write");
        buf_release(&out);
    }
    arena_release(&arena);
}

static void from_protobuf(unsigned times)
{
    struct arena kept = {0};
    struct buf envelope = {0};

    must(transcoder_write(&envelope, parse_pod(&kept), NULL, NULL) == STATUS_OK, "to protobuf");
    for (unsigned i = 0; i < times; i++) {
        struct arena arena = {0};
        struct json *tree = NULL;

        must(transcoder_read(&arena, buf_bytes(&envelope), BYTES("v1"), BYTES("Pod"), &tree, NULL,
                             NULL) == STATUS_OK,
             "transcoder_read");
        arena_release(&arena);
    }
    buf_release(&envelope);
    arena_release(&kept);
}

static void match_labels(unsigned times)
{
    static const struct label labels[] = {
        {BYTES_INIT("app"), BYTES_INIT("web")},
        {BYTES_INIT("pod-template-hash"), BYTES_INIT("7d9c5b8f6d")},
        {BYTES_INIT("tier"), BYTES_INIT("front")}};
    struct label_selector *selector = NULL;

    must(label_selector_parse(BYTES("app in (api,web),tier=front,!canary"), &selector, NULL) ==
             STATUS_OK,
         "label_selector_parse");
    for (unsigned i = 0; i < times; i++)
        must(label_selector_matches(selector, labels, ARRAY_LEN(labels)), "it matches");
    label_selector_free(selector);
}

/* ---- one event to 1,000 watchers ---- */

enum { WATCHERS = 1000 };

static size_t delivered;

static bool sink_ready(const void *sink)
{
    (void)sink;
    return true;
}

static void sink_write(void *sink, struct frame *const *frames, size_t count, uint64_t rev)
{
    (void)sink;
    (void)rev;
    for (size_t i = 0; i < count; i++)
        delivered += frame_payload(frames[i]).len > sizeof(pod_text);
}

static void sink_end(void *sink, uint64_t rev)
{
    (void)sink;
    (void)rev;
}

static void sink_abort(void *sink)
{
    (void)sink;
    must(false, "a watch was broken off");
}

static const struct watch_sink_ops sink_ops = {
    .ready = sink_ready, .write = sink_write, .end = sink_end, .abort = sink_abort};

static struct object *pod_at(const struct kind *pods, uint64_t rev)
{
    struct arena arena = {0};
    struct object *object = NULL;

    must(object_new(parse_pod(&arena), pods->fields, pods->field_count, &object, NULL) == STATUS_OK,
         "object_new");
    object->base.rev = rev;
    arena_release(&arena);
    return object;
}

static void publish(struct watch_cache *cache, struct loop *loop, struct object *prev,
                    struct object *now)
{
    struct event event = {.rev = now->base.rev,
                          .type = EVENT_PUT,
                          .key = BYTES("core/pods/shop/web-7d9c5b8f6d-x2x9k"),
                          .value = &now->base,
                          .prev = prev != NULL ? &prev->base : NULL};
    struct batch batch = {.events = &event, .event_count = 1, .rev = event.rev};
    struct watch_batch *made = watch_batch_new(&batch);

    watch_cache_apply(cache, made);
    watch_batch_unref(made);
    loop_settle(loop);
}

/* Of each of the watchers the node is another; NULL: it watches those of all nodes. */
static struct field_selector *on_node(size_t number)
{
    struct field_selector *selector = NULL;
    char text[64];

    snprintf(text, sizeof(text), "spec.nodeName=node-%03zu.example.com", number);
    must(field_selector_parse(bytes_str(text), &selector, NULL) == STATUS_OK, "the selector");
    return selector;
}

static void tell_watchers(unsigned times, bool by_node)
{
    struct loop *loop = loop_new();
    struct watch_cache *cache = watch_cache_new(
        &(struct watch_cache_options){.loop = loop, .bookmark_ms = 1000 * 1000 * 1000});
    struct registry *registry = registry_new();
    const struct kind *pods = registry_find(registry, BYTES(""), BYTES("v1"), BYTES("pods"));
    struct object *prev = NULL;

    watch_cache_loaded(cache, 1);
    for (size_t i = 0; i < WATCHERS; i++) {
        struct watch_spec spec = {.kind = pods,
                                  .namespace = BYTES("shop"),
                                  .fields = by_node ? on_node(i) : NULL,
                                  .since = 1};
        struct watcher *watcher = watcher_new(cache, &spec, &sink_ops, NULL);

        must(watcher != NULL, "watcher_new");
        watcher_ready(watcher);
    }
    loop_settle(loop);
    for (unsigned i = 0; i < times; i++) {
        struct object *now = pod_at(pods, 2 + i);

        publish(cache, loop, prev, now);
        object_unref(prev);
        prev = now;
    }
    object_unref(prev);
    must(delivered == (size_t)times * (by_node ? 1 : WATCHERS),
         "each event is sent to its watchers");
    watch_cache_end_watchers(cache);
    loop_settle(loop);
    watch_cache_free(cache);
    registry_free(registry);
    loop_free(loop);
}

static void fan_out(unsigned times)
{
    tell_watchers(times, false);
}

static void pick_out(unsigned times)
{
    tell_watchers(times, true);
}

/* ---- commit ---- */

struct committer {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    size_t answers;
};

static void on_batch(void *user, const struct batch *batch)
{
    struct committer *committer = user;

    pthread_mutex_lock(&committer->lock);
    for (const struct write *it = batch->writes; it != NULL; it = it->next) {
        must(it->status == STATUS_OK, "a write failed");
        committer->answers++;
    }
    pthread_cond_signal(&committer->answered);
    pthread_mutex_unlock(&committer->lock);
}

static void on_fatal(void *user, const char *why)
{
    (void)user;
    must(false, why);
}

/* Alone in its transaction, as the write of one client is. */
static void commit_one(struct storage *storage, struct committer *committer, unsigned number)
{
    char key[64];
    struct write write = {.type = WRITE_PUT, .value = value_new(bytes_str(pod_text), 0)};

    snprintf(key, sizeof(key), "core/pods/shop/web-%08x", number * 0x9e3779b1U);
    write.key = bytes_str(key);
    storage_submit(storage, &write);
    pthread_mutex_lock(&committer->lock);
    while (committer->answers <= number)
        pthread_cond_wait(&committer->answered, &committer->lock);
    pthread_mutex_unlock(&committer->lock);
}

static void commit(unsigned times)
{
    struct committer committer = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    char folder[] = "/tmp/hot-paths-XXXXXX", path[64];
    struct storage_options options = {.backend = "sqlite",
                                      .path = path,
                                      .on_batch = on_batch,
                                      .on_fatal = on_fatal,
                                      .user = &committer};
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    struct storage *storage;

    must(mkdtemp(folder) != NULL, "mkdtemp");
    snprintf(path, sizeof(path), "%s/db", folder);
    must(storage_open(&options, &storage, NULL) == STATUS_OK, "storage_open");
    must(storage_start(storage, NULL) == STATUS_OK, "storage_start");
    for (unsigned i = 0; i < times; i++)
        commit_one(storage, &committer, i);
    storage_close(storage);
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        snprintf(path, sizeof(path), "%s/db%s", folder, suffixes[i]);
        unlink(path);
    }
    rmdir(folder);
}

static const struct {
    const char *name;
    void (*run)(unsigned times);
} paths[] = {
    {"json-read", read_json},
    {"json-write", write_json},
    {"object-image", make_image},
    {"json-to-protobuf", to_protobuf},
    {"protobuf-to-json", from_protobuf},
    {"label-selector-match", match_labels},
    {"event-to-1000-watchers", fan_out},
    {"event-to-1-of-1000-watchers", pick_out},
    {"commit", commit},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (argc != 3)
            puts(paths[i].name);
        else if (strcmp(paths[i].name, argv[1]) == 0)
            return paths[i].run((unsigned)atoi(argv[2])), 0;
    }
    return argc == 1 ? 0 : 2;
}
