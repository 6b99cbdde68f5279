/* Copies each ConfigMap that has the label copy-to=NAMESPACE into that namespace, and keeps the
 * copy equal. A copy names its source in an annotation, and goes when the source goes or wants it
 * no more. Ends at a signal. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <tidewatch/tidewatch.h>

#define COPIED_FROM "example.com/copied-from" /* "NAMESPACE/NAME" */

static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};

struct copier {
    tw_client *client;
    tw_informer *informer; /* of all ConfigMaps: sources and copies */
    tw_recorder *recorder;
};

/* What happens to a copy concerns its source, too. */
static void to_source(void *user, tw_controller *controller, tw_object *object)
{
    const char *from = tw_object_annotation(object, COPIED_FROM);
    const char *slash = from != NULL ? strchr(from, '/') : NULL;
    char ns[64];

    (void)user;
    if (slash == NULL) {
        tw_controller_enqueue(controller, tw_object_namespace(object), tw_object_name(object));
        return;
    }
    snprintf(ns, sizeof(ns), "%.*s", (int)(slash - from), from);
    tw_controller_enqueue(controller, ns, slash + 1);
}

static tw_status by_source(void *user, const tw_object *object, tw_index_values *values)
{
    const char *from = tw_object_annotation(object, COPIED_FROM);

    (void)user;
    return from != NULL ? tw_index_add(values, from) : TW_OK;
}

static bool same_data(const tw_object *a, const tw_object *b)
{
    const tw_value *left = tw_object_at(a, "data"), *right = tw_object_at(b, "data");
    tw_iter it = {0}, other = {0};

    if (tw_value_count(left) != tw_value_count(right))
        return false;
    while (tw_value_next(left, &it) && tw_value_next(right, &other)) /* servers sort them */
        if (strcmp(it.key, other.key) != 0 ||
            strcmp(tw_value_string(it.value), tw_value_string(other.value)) != 0)
            return false;
    return true;
}

/* `old` NULL: there is none yet. */
static tw_status write_copy(struct copier *c, const tw_object *source, const char *from,
                            const char *target, const tw_object *old, tw_error **reterr)
{
    tw_edit *edit = tw_edit_new_object("v1", "ConfigMap", target, tw_object_name(source));
    tw_object *copy = NULL;
    tw_status st;

    tw_edit_set_annotation(edit, COPIED_FROM, from);
    if (tw_object_has(source, "data"))
        tw_edit_set_value(edit, "data", tw_object_at(source, "data"));
    if (old != NULL) /* if it has changed since, that is a conflict, and tried again */
        tw_edit_set_string(edit, "metadata.resourceVersion", tw_object_resource_version(old));
    st = tw_edit_finish(edit, &copy, reterr);
    if (st == TW_OK)
        st = old != NULL ? tw_update(c->client, &configmaps, target, copy, NULL, reterr)
                         : tw_create(c->client, &configmaps, target, copy, NULL, reterr);
    if (st == TW_OK)
        tw_recorder_event(c->recorder, source, TW_EVENT_NORMAL, "Copied", target);
    tw_object_unref(copy);
    return st;
}

static tw_status keep_copy(struct copier *c, const tw_object *source, const char *from,
                           const char *target, tw_error **reterr)
{
    tw_object *old = tw_store_get(tw_informer_store(c->informer), target, tw_object_name(source));
    const char *old_from = tw_object_annotation(old, COPIED_FROM);
    tw_status st = TW_OK;

    if (old != NULL && (old_from == NULL || strcmp(old_from, from) != 0))
        tw_recorder_event(c->recorder, source, TW_EVENT_WARNING, "Taken", target);
    else if (old == NULL || !same_data(source, old))
        st = write_copy(c, source, from, target, old, reterr);
    tw_object_unref(old);
    return st;
}

static tw_status delete_copy(struct copier *c, const tw_object *copy, tw_error **reterr)
{
    tw_error *error = NULL;
    tw_status st = tw_delete(c->client, &configmaps, tw_object_namespace(copy),
                             tw_object_name(copy), NULL, &error);

    if (st == TW_ERR_SERVER && tw_error_code(error) == 404)
        st = TW_OK;
    if (st != TW_OK && reterr != NULL)
        *reterr = error;
    else
        tw_error_free(error);
    return st;
}

static tw_status reconcile(void *user, const char *ns, const char *name, uint64_t *ret_again_ms,
                           tw_error **reterr)
{
    struct copier *c = user;
    tw_store *store = tw_informer_store(c->informer);
    tw_object *source = tw_store_get(store, ns, name);
    const char *target = tw_object_label(source, "copy-to");
    tw_list *copies = NULL;
    char from[64 + 254];
    tw_status st;

    (void)ret_again_ms;
    snprintf(from, sizeof(from), "%s/%s", ns, name);
    st = tw_store_by_index(store, "source", from, &copies, reterr);
    for (size_t i = 0; st == TW_OK && i < tw_list_count(copies); i++)
        if (target == NULL || strcmp(tw_object_namespace(tw_list_at(copies, i)), target) != 0)
            st = delete_copy(c, tw_list_at(copies, i), reterr);
    if (st == TW_OK && target != NULL && strcmp(target, ns) != 0)
        st = keep_copy(c, source, from, target, reterr);
    tw_list_free(copies);
    tw_object_unref(source);
    return st;
}

static void on_error(void *user, const char *ns, const char *name, unsigned retries,
                     const tw_error *error)
{
    (void)user;
    fprintf(stderr, "%s/%s, retry %u: %s\n", ns, name, retries, tw_error_message(error));
}

int main(void)
{
    struct copier c = {0};
    tw_controller_options options = {
        .reconcile = reconcile, .user = &c, .workers = 4, .on_error = on_error};
    tw_controller *controller = NULL;
    tw_error *error = NULL;
    sigset_t signals;
    int which;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before any thread is made */
    if (tw_client_new(NULL, &c.client, &error) ||
        tw_recorder_new(c.client, "copier", NULL, &c.recorder, &error) ||
        tw_informer_new(c.client, &configmaps, NULL, &c.informer, &error) ||
        tw_store_add_index(tw_informer_store(c.informer), "source", by_source, NULL, &error) ||
        tw_controller_new(&options, &controller, &error) ||
        tw_controller_watch(controller, c.informer, to_source, NULL, &error) ||
        tw_informer_start(c.informer, &error) || tw_controller_start(controller, 60000, &error)) {
        fprintf(stderr, "%s\n", tw_error_message(error));
    } else {
        puts("copying");
        fflush(stdout);
        sigwait(&signals, &which);
        tw_controller_stop(controller, 10000);
        tw_recorder_flush(c.recorder, 10000);
    }
    tw_controller_free(controller);
    tw_informer_free(c.informer);
    tw_recorder_free(c.recorder);
    tw_client_unref(c.client);
    which = error != NULL;
    tw_error_free(error);
    return which;
}
