#include <stdio.h>

#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/output.h"
#include "client-go-like/tidectl/request.h"
#include "client-go-like/tidectl/tabs.h"

/* ---- auth whoami ---- */

static void append_list(struct buf *out, const struct json *array)
{
    buf_append_char(out, '[');
    json_each(array, it) {
        buf_appendf(out, "%s%.*s", it != array->first ? " " : "", BYTES_FMT(json_text(it)));
    }
    buf_append_char(out, ']');
}

static void append_user(struct buf *out, const struct json *user)
{
    static const struct {
        const char *member, *label;
    } texts[] = {{"username", "Username"}, {"uid", "UID"}};
    const struct json *groups = json_get(user, BYTES("groups"));

    buf_append_str(out, "ATTRIBUTE\tVALUE\n");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct bytes text = json_get_text(user, texts[i].member);

        if (text.len != 0)
            buf_appendf(out, "%s\t%.*s\n", texts[i].label, BYTES_FMT(text));
    }
    if (json_first(groups) != NULL) {
        buf_append_str(out, "Groups\t");
        append_list(out, groups);
        buf_append_char(out, '\n');
    }
    json_each(json_get(user, BYTES("extra")), it) {
        buf_appendf(out, "Extra: %.*s\t", BYTES_FMT(it->key));
        append_list(out, it);
        buf_append_char(out, '\n');
    }
}

int tidectl_whoami(struct tidectl *t)
{
    struct output output = {.form = OUTPUT_TABLE};
    struct tabs tabs = {.text = {0}};
    struct buf out = {0};
    tw_object *review = NULL;
    tw_error *error = NULL;
    bool ok = output_begin(&output, &t->flags, OUTPUTS_OBJECTS);

    if (ok && call_post(t, "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                        BYTES("{\"kind\":\"SelfSubjectReview\","
                              "\"apiVersion\":\"authentication.k8s.io/v1\"}"),
                        &review, &error) != TW_OK)
        ok = tidectl_fail(error) == 0;
    if (ok && output.form == OUTPUT_TABLE)
        append_user(&tabs.text, json_at(review->tree, "status", "userInfo", NULL));
    else if (ok)
        ok = output_object(&output, NULL, review->tree, &out);
    tabs_flush(&tabs, &out);
    tw_object_unref(review);
    tabs_release(&tabs);
    output_release(&output);
    return tidectl_finish(&out, ok ? 0 : EXIT_FAILED);
}

/* ---- auth can-i --list ---- */

/* A row for each resource of each group: "deployments.apps". */
static void append_rule(struct buf *out, const struct json *rule)
{
    json_each(json_get(rule, BYTES("apiGroups")), group) {
        json_each(json_get(rule, BYTES("resources")), resource) {
            buf_appendf(out, "%.*s%s%.*s\t[]\t", BYTES_FMT(json_text(resource)),
                        json_text(group).len != 0 ? "." : "", BYTES_FMT(json_text(group)));
            append_list(out, json_get(rule, BYTES("resourceNames")));
            buf_append_char(out, '\t');
            append_list(out, json_get(rule, BYTES("verbs")));
            buf_append_char(out, '\n');
        }
    }
}

static int list_rules(struct tidectl *t)
{
    struct buf body = {0}, out = {0};
    struct tabs tabs = {.text = {0}};
    tw_object *review = NULL;
    tw_error *error = NULL;
    const struct json *status;

    buf_appendf(&body,
                "{\"kind\":\"SelfSubjectRulesReview\",\"apiVersion\":"
                "\"authorization.k8s.io/v1\",\"spec\":{\"namespace\":\"%s\"}}",
                t->ns != NULL ? t->ns : "");
    if (call_post(t, "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", buf_bytes(&body),
                  &review, &error) != TW_OK) {
        buf_release(&body);
        return tidectl_fail(error);
    }
    status = json_get(review->tree, BYTES("status"));
    if (json_is_true(json_get(status, BYTES("incomplete"))))
        fprintf(stderr, "warning: the list may be incomplete: %.*s\n",
                BYTES_FMT(json_get_text(status, "evaluationError")));
    if (!t->flags.no_headers)
        buf_append_str(&tabs.text, "Resources\tNon-Resource URLs\tResource Names\tVerbs\n");
    json_each(json_get(status, BYTES("resourceRules")), rule) {
        append_rule(&tabs.text, rule);
    }
    json_each(json_get(status, BYTES("nonResourceRules")), rule) {
        buf_append_char(&tabs.text, '\t');
        append_list(&tabs.text, json_get(rule, BYTES("nonResourceURLs")));
        buf_append_str(&tabs.text, "\t[]\t");
        append_list(&tabs.text, json_get(rule, BYTES("verbs")));
        buf_append_char(&tabs.text, '\n');
    }
    tabs_flush(&tabs, &out);
    tw_object_unref(review);
    tabs_release(&tabs);
    buf_release(&body);
    return tidectl_finish(&out, 0);
}

/* ---- auth can-i ---- */

static void set(struct arena *arena, struct json *object, const char *key, struct bytes value)
{
    if (value.len != 0)
        json_set_text(arena, object, key, value);
}

/* RESOURCE, RESOURCE/NAME or RESOURCE NAME; a type the server does not know is asked about as it
 * stands, with a warning, as kubectl does. */
static void add_resource(struct tidectl *t, struct arena *arena, struct json *spec)
{
    struct json *attributes = json_ensure_object(arena, spec, "resourceAttributes");
    struct bytes name = bytes_str(t->flags.words[1]);
    struct bytes type = bytes_cut(&name, '/');
    const tw_resource_info *info = NULL;
    const char *word = arena_str(arena, type);

    if (t->flags.word_count > 2)
        name = bytes_str(t->flags.words[2]);
    json_set_text(arena, attributes, "verb", bytes_str(t->flags.words[0]));
    set(arena, attributes, "name", name);
    set(arena, attributes, "subresource", bytes_str(t->flags.subresource));
    if (strcmp(word, "*") == 0) {
        json_set_text(arena, attributes, "resource", type);
        set(arena, attributes, "namespace", bytes_str(t->ns));
    } else if (tw_discovery_find(t->discovery, word, &info, NULL) == TW_OK) {
        set(arena, attributes, "group", bytes_str(info->resource.group));
        json_set_text(arena, attributes, "resource", bytes_str(info->resource.resource));
        if (info->resource.namespaced)
            set(arena, attributes, "namespace", bytes_str(t->ns));
        else if (t->flags.ns == NULL && !t->flags.quiet)
            fprintf(stderr, "Warning: resource '%s' is not namespace scoped%s%s%s\n\n",
                    info->resource.resource, *info->resource.group != '\0' ? " in group '" : "",
                    info->resource.group, *info->resource.group != '\0' ? "'" : "");
    } else {
        fprintf(stderr, "Warning: the server doesn't have a resource type '%s'\n\n", word);
        json_set_text(arena, attributes, "resource", type);
        set(arena, attributes, "namespace", bytes_str(t->ns));
    }
}

static int answer(const struct tidectl *t, const tw_object *review)
{
    bool allowed = false;
    const char *reason = tw_object_get_string(review, "status.reason");
    struct buf out = {0};

    tw_object_get_bool(review, "status.allowed", &allowed);
    if (!t->flags.quiet)
        buf_append_str(&out, allowed ? "yes" : "no");
    if (!t->flags.quiet && !allowed && reason != NULL && *reason != '\0')
        buf_appendf(&out, " - %s", reason);
    if (!t->flags.quiet)
        buf_append_char(&out, '\n');
    return tidectl_finish(&out, allowed ? 0 : EXIT_FAILED);
}

static int ask(struct tidectl *t)
{
    struct arena arena = {0};
    struct json *review = json_new_object(&arena);
    struct json *spec = json_ensure_object(&arena, review, "spec");
    struct buf body = {0};
    tw_object *answered = NULL;
    tw_error *error = NULL;
    int rc;

    json_set_text(&arena, review, "kind", BYTES("SelfSubjectAccessReview"));
    json_set_text(&arena, review, "apiVersion", BYTES("authorization.k8s.io/v1"));
    if (t->flags.words[1][0] == '/') {
        struct json *attributes = json_ensure_object(&arena, spec, "nonResourceAttributes");

        json_set_text(&arena, attributes, "verb", bytes_str(t->flags.words[0]));
        json_set_text(&arena, attributes, "path", bytes_str(t->flags.words[1]));
    } else {
        add_resource(t, &arena, spec);
    }
    json_write(&body, review, false);
    if (arena.failed || body.failed)
        rc = tidectl_say_no_memory();
    else if (call_post(t, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                       buf_bytes(&body), &answered, &error) != TW_OK)
        rc = tidectl_fail(error);
    else
        rc = answer(t, answered);
    tw_object_unref(answered);
    buf_release(&body);
    arena_release(&arena);
    return rc;
}

int tidectl_can_i(struct tidectl *t)
{
    if (t->flags.list && t->flags.word_count == 0)
        return list_rules(t);
    if (t->flags.list || t->flags.word_count < 2 || t->flags.word_count > 3)
        return tidectl_say("you must specify two arguments: verb resource or verb "
                           "resource/resourceName.\nSee 'tidectl auth can-i -h' for help and "
                           "examples.");
    return ask(t);
}
