#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/output.h"
#include "client-go-like/tidectl/print.h"
#include "client-go-like/tidectl/request.h"
#include "client-go-like/tidectl/targets.h"

enum { POLL_FIRST_MS = 50, POLL_MAX_MS = 2000 };

/* An object whose deletion was accepted, and is to be waited for. */
struct gone {
    const struct target *target;
    char *uid;
};

struct deleting {
    struct tidectl *t;
    struct buf options; /* DeleteOptions */
    bool by_name;       /* -o name */
    struct gone *all;
    size_t count;
    uint64_t deadline_ms; /* of the waiting; 0: none */
};

/* ---- what is asked for ---- */

static const char *policy(const struct tidectl *t)
{
    static const struct {
        const char *word, *policy;
    } words[] = {{"", "Background"},           {"true", "Background"}, {"background", "Background"},
                 {"foreground", "Foreground"}, {"orphan", "Orphan"},   {"false", "Orphan"}};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(t->flags.cascade != NULL ? t->flags.cascade : "", words[i].word) == 0)
            return words[i].policy;
    tidectl_say(
        "invalid cascade value (%s). Must be \"background\", \"foreground\", or \"orphan\".",
        t->flags.cascade);
    return NULL;
}

/* --now and --force are graces of their own (KC cmd/delete/delete.go). */
static bool read_grace(const struct tidectl *t, long *ret_seconds)
{
    const struct flags *f = &t->flags;
    char *end = NULL;

    *ret_seconds = f->now ? 1 : f->force ? 0 : -1;
    if (f->grace_period == NULL)
        return true;
    if (f->now)
        return tidectl_say("--now and --grace-period cannot be specified together") == 0;
    *ret_seconds = strtol(f->grace_period, &end, 10);
    if (*end != '\0' || end == f->grace_period)
        return tidectl_say("invalid argument \"%s\" for \"--grace-period\" flag",
                           f->grace_period) == 0;
    if (f->force && *ret_seconds > 0)
        return tidectl_say("--force and --grace-period greater than 0 cannot be specified "
                           "together") == 0;
    if (*ret_seconds == 0 && !f->force)
        *ret_seconds = 1; /* 0 takes --force, as with kubectl */
    return true;
}

static bool read_options(struct deleting *d)
{
    const struct flags *f = &d->t->flags;
    const char *word = policy(d->t);
    unsigned timeout_ms = 0;
    long grace;

    if (word == NULL || !read_grace(d->t, &grace))
        return false;
    if (f->timeout != NULL && !tidectl_duration(f->timeout, &timeout_ms))
        return false;
    if (timeout_ms != 0)
        d->deadline_ms = clock_monotonic_ms() + timeout_ms;
    if (f->output != NULL && strcmp(f->output, "name") != 0)
        return tidectl_say("unexpected -o output mode: %s. We only support '-o name'", f->output) ==
               0;
    d->by_name = f->output != NULL;
    buf_appendf(&d->options, "{\"propagationPolicy\":\"%s\"", word);
    if (grace >= 0)
        buf_appendf(&d->options, ",\"gracePeriodSeconds\":%ld", grace);
    buf_append_str(&d->options, d->t->dry_run == DRY_RUN_SERVER ? ",\"dryRun\":[\"All\"]}" : "}");
    return true;
}

/* ---- one object ---- */

static void say_deleted(const struct deleting *d, const struct target *target)
{
    static const char *const suffixes[] = {"", " (dry run)", " (server dry run)"};
    struct buf out = {0};

    print_kind(&out, &target->info->resource);
    if (d->by_name)
        buf_appendf(&out, "/%s\n", target->name);
    else
        buf_appendf(&out, " \"%s\" %s%s\n", target->name,
                    d->t->flags.force ? "force deleted" : "deleted", suffixes[d->t->dry_run]);
    tidectl_finish(&out, 0);
}

/* A DELETE is answered with a Status when the object is gone, with the object when not yet. */
static void keep_waiting(struct deleting *d, const struct target *target, const tw_object *answer)
{
    struct gone *all;

    if (!d->t->flags.wait || d->t->dry_run != DRY_RUN_NONE ||
        strcmp(tw_object_kind(answer), "Status") == 0 ||
        (all = realloc(d->all, (d->count + 1) * sizeof(*all))) == NULL)
        return;
    d->all = all;
    all[d->count] = (struct gone){target, strdup(tw_object_uid(answer))};
    if (all[d->count].uid != NULL)
        d->count++;
}

static int fail(const struct target *target, tw_error *error)
{
    struct buf doing = {0};
    int rc;

    if (target->source != NULL)
        buf_appendf(&doing, "error when deleting \"%s\": ", target->source);
    buf_append_char(&doing, '\0');
    rc = tidectl_fail_doing(error, doing.failed ? "" : doing.data);
    buf_release(&doing);
    return rc;
}

static int delete_one(struct deleting *d, const struct target *target)
{
    const struct call call = {.method = "DELETE",
                              .resource = &target->info->resource,
                              .ns = target->ns,
                              .name = target->name,
                              .body = buf_bytes(&d->options)};
    tw_object *answer = NULL;
    tw_error *error = NULL;
    tw_status st;

    if (d->t->dry_run == DRY_RUN_CLIENT) /* that it exists is asked all the same */
        st = call_get(d->t, &target->info->resource, target->ns, target->name, &answer, &error);
    else
        st = call_object(d->t, &call, &answer, &error);
    if (st == TW_OK) {
        say_deleted(d, target);
        keep_waiting(d, target, answer);
    } else if (tw_error_code(error) != 404 || (!d->t->flags.ignore_not_found && !d->t->flags.all)) {
        return fail(target, error);
    }
    tw_error_free(error);
    tw_object_unref(answer);
    return 0;
}

/* Asks until the object is gone, or another one of its name is there. */
static int wait_for(struct deleting *d, const struct gone *g)
{
    const struct target *target = g->target;

    for (unsigned ms = POLL_FIRST_MS;; ms = ms * 2 < POLL_MAX_MS ? ms * 2 : POLL_MAX_MS) {
        tw_object *object = NULL;
        tw_error *error = NULL;
        tw_status st =
            call_get(d->t, &target->info->resource, target->ns, target->name, &object, &error);
        bool other = st == TW_OK && strcmp(tw_object_uid(object), g->uid) != 0;

        tw_object_unref(object);
        if (st != TW_OK && tw_error_code(error) != 404)
            return tidectl_fail(error);
        tw_error_free(error);
        if (st != TW_OK || other)
            return 0;
        if (d->deadline_ms != 0 && clock_monotonic_ms() >= d->deadline_ms)
            return tidectl_say("timed out waiting for the condition on %s/%s",
                               target->info->resource.resource, target->name);
        tidectl_sleep_ms(ms);
    }
}

static int delete_all(struct deleting *d, const struct targets *targets)
{
    int rc = 0;

    if (targets->count == 0)
        fputs("No resources found\n", stderr);
    if (d->t->flags.force)
        fputs(
            "Warning: Immediate deletion does not wait for confirmation that the running resource "
            "has been terminated. The resource may continue to run on the cluster "
            "indefinitely.\n",
            stderr);
    for (size_t i = 0; i < targets->count; i++)
        rc |= delete_one(d, &targets->items[i]);
    for (size_t i = 0; i < d->count; i++)
        rc |= wait_for(d, &d->all[i]);
    return rc;
}

int tidectl_delete(struct tidectl *t)
{
    struct deleting d = {.t = t};
    struct targets targets = {.count = 0};
    int rc = EXIT_FAILED;

    if (read_options(&d) && targets_find_objects(t, &targets))
        rc = delete_all(&d, &targets);
    for (size_t i = 0; i < d.count; i++)
        free(d.all[i].uid);
    free(d.all);
    buf_release(&d.options);
    targets_release(&targets);
    return rc;
}
