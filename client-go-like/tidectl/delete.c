#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client-go-like/rest/path.h"
#include "client-go-like/tidectl/manifest.h"
#include "client-go-like/tidectl/print.h"

enum { POLL_FIRST_MS = 50, POLL_MAX_MS = 2000 };

/* An object whose deletion was accepted, and is to be waited for. */
struct gone {
    tw_resource resource;
    char *ns, *name, *uid;
};

struct deleting {
    struct tidectl *t;
    struct gone *all;
    size_t count;
};

static void sleep_ms(unsigned ms)
{
    struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&pause, NULL);
}

/* Asks until the object is gone, or another one of its name is there. */
static int wait_for(struct tidectl *t, const struct gone *g)
{
    for (unsigned ms = POLL_FIRST_MS;; ms = ms * 2 < POLL_MAX_MS ? ms * 2 : POLL_MAX_MS) {
        tw_object *object = NULL;
        tw_error *error = NULL;
        tw_status st = tw_get(t->client, &g->resource, g->ns, g->name, &object, &error);
        bool other = st == TW_OK && strcmp(tw_object_uid(object), g->uid) != 0;

        tw_object_unref(object);
        if (st != TW_OK && tw_error_code(error) != 404)
            return tidectl_fail(error);
        tw_error_free(error);
        if (st != TW_OK || other)
            return 0;
        sleep_ms(ms);
    }
}

/* A DELETE is answered with a Status when the object is gone, with the object when not yet. */
static void keep_waiting(struct deleting *d, const tw_resource *resource, const char *ns,
                         const char *name, const tw_object *answer)
{
    struct gone *all;
    struct gone *g;

    if (!d->t->flags.wait || strcmp(tw_object_kind(answer), "Status") == 0 ||
        (all = realloc(d->all, (d->count + 1) * sizeof(*all))) == NULL)
        return;
    d->all = all;
    g = &all[d->count];
    *g = (struct gone){*resource, ns != NULL ? strdup(ns) : NULL, strdup(name),
                       strdup(tw_object_uid(answer))};
    if (g->name != NULL && g->uid != NULL)
        d->count++;
}

static int delete_one(struct deleting *d, const tw_resource *resource, const char *ns,
                      const char *name, const char *source)
{
    tw_object *answer = NULL;
    tw_error *error = NULL;
    struct buf text = {0};

    if (tw_delete(d->t->client, resource, ns, name, &answer, &error) != TW_OK) {
        if (tw_error_code(error) == 404 && d->t->flags.ignore_not_found) {
            tw_error_free(error);
            return 0;
        }
        if (source != NULL) {
            buf_appendf(&text, "error when deleting \"%s\": ", source);
            buf_append_char(&text, '\0');
        }
        tidectl_fail_doing(error, source != NULL && !text.failed ? text.data : "");
        buf_release(&text);
        return 1;
    }
    print_kind(&text, resource);
    buf_appendf(&text, " \"%s\" deleted\n", name);
    tidectl_write(&text);
    buf_release(&text);
    keep_waiting(d, resource, ns, name, answer);
    tw_object_unref(answer);
    return 0;
}

static int delete_files(struct deleting *d)
{
    struct manifests all = {.count = 0};
    int rc = manifests_read(d->t, &all) ? 0 : 1;

    for (size_t i = 0; i < all.count; i++)
        rc |= delete_one(d, &all.items[i].info->resource, all.items[i].ns, all.items[i].name,
                         all.items[i].source);
    manifests_release(&all);
    return rc;
}

/* RESOURCE -l: what is listed is deleted one by one, as kubectl does. */
static int delete_selected(struct deleting *d, const tw_resource *resource)
{
    const tw_list_options options = {.label_selector = d->t->flags.selector,
                                     .field_selector = d->t->flags.field_selector};
    tw_list *list = NULL;
    tw_error *error = NULL;
    int rc = 0;

    if (tw_list_get(d->t->client, resource, d->t->ns, &options, &list, &error) != TW_OK)
        return tidectl_fail(error);
    if (tw_list_count(list) == 0)
        fputs("No resources found\n", stderr);
    for (size_t i = 0; i < tw_list_count(list); i++)
        rc |= delete_one(d, resource, tw_object_namespace(tw_list_at(list, i)),
                         tw_object_name(tw_list_at(list, i)), NULL);
    tw_list_free(list);
    return rc;
}

static const tw_resource *find(struct tidectl *t, const char *name)
{
    const tw_resource_info *info = NULL;
    tw_error *error = NULL;

    if (tw_discovery_find(t->discovery, name, &info, &error) == TW_OK)
        return &info->resource;
    tidectl_fail(error);
    return NULL;
}

static int delete_pairs(struct deleting *d)
{
    const struct flags *f = &d->t->flags;
    int rc = 0;

    for (size_t i = 0; i < f->word_count; i++) {
        char *word = (char *)(uintptr_t)f->words[i]; /* argv, which is ours to cut */
        char *slash = strchr(word, '/');
        const tw_resource *resource;

        if (slash == NULL)
            return tidectl_say("arguments in resource/name form must come alone");
        *slash = '\0';
        resource = find(d->t, word);
        rc |= resource != NULL ? delete_one(d, resource, d->t->ns, slash + 1, NULL) : 1;
    }
    return rc;
}

static int delete_words(struct deleting *d)
{
    const struct flags *f = &d->t->flags;
    const tw_resource *resource;
    int rc = 0;

    if (f->word_count == 0)
        return tidectl_say("You must provide one or more resources by argument or filename.");
    if (strchr(f->words[0], '/') != NULL)
        return delete_pairs(d);
    resource = find(d->t, f->words[0]);
    if (resource == NULL)
        return 1;
    if (f->word_count == 1 && (f->selector != NULL || f->field_selector != NULL))
        return delete_selected(d, resource);
    if (f->word_count == 1)
        return tidectl_say("resource(s) were provided, but no name was specified");
    if (f->selector != NULL)
        return tidectl_say("name cannot be provided when a selector is specified");
    for (size_t i = 1; i < f->word_count; i++)
        rc |= delete_one(d, resource, d->t->ns, f->words[i], NULL);
    return rc;
}

int tidectl_delete(struct tidectl *t)
{
    struct deleting d = {.t = t};
    int rc = t->flags.file_count != 0 ? delete_files(&d) : delete_words(&d);

    for (size_t i = 0; i < d.count; i++) {
        rc |= wait_for(t, &d.all[i]);
        free(d.all[i].ns);
        free(d.all[i].name);
        free(d.all[i].uid);
    }
    free(d.all);
    return rc;
}
