/*
 * review - who am I, what may I do, whose token is this: answers that are the server's own
 * decisions (k8s.io/kubernetes/pkg/registry/{authorization,authentication}).
 */
#include "apiserver/auth/rbac.h"
#include "apiserver/handlers/access.h"
#include "apiserver/handlers/body.h"
#include "apiserver/registry/field_errors.h"
#include "apiserver/handlers/write_options.h"

/* ---- users in reviews ---- */

static size_t read_texts(struct arena *arena, const struct json *list, const struct bytes **ret)
{
    size_t room = json_is(list, JSON_ARRAY) ? list->count : 0, count = 0;
    struct bytes *texts = arena_zalloc(arena, (room + 1) * sizeof(*texts));

    if (texts == NULL)
        return 0;
    json_each(list, it)
        if (json_is(it, JSON_STRING))
            texts[count++] = it->text;
    *ret = texts;
    return count;
}

static struct user read_user(struct arena *arena, const struct json *spec)
{
    const struct json *extra = json_get(spec, BYTES("extra"));
    size_t room = json_is(extra, JSON_OBJECT) ? extra->count : 0;
    struct user_extra *extras = arena_zalloc(arena, (room + 1) * sizeof(*extras));
    struct user user = {
        .name = json_get_text(spec, "user"), .uid = json_get_text(spec, "uid"), .extra = extras};

    user.group_count = read_texts(arena, json_get(spec, BYTES("groups")), &user.groups);
    json_each(extra, it) {
        if (extras == NULL)
            break;
        extras[user.extra_count].key = it->key;
        extras[user.extra_count].count = read_texts(arena, it, &extras[user.extra_count].values);
        user.extra_count++;
    }
    return user;
}

/* `status` is the JSON text of an answer. */
static enum status set_status(struct api_request *api, struct json *review, struct buf *status,
                              struct error *reterr)
{
    struct bytes text = arena_dup(&api->arena, buf_bytes(status));
    struct json *tree;
    enum status st = status->failed || api->arena.failed
                         ? error_set(reterr, STATUS_NO_MEMORY, "out of memory")
                         : json_parse(&api->arena, text, &tree, NULL, reterr);

    buf_release(status);
    if (st == STATUS_OK)
        json_set(review, BYTES("status"), tree);
    return st;
}

static enum status invalid(struct api_request *api, const char *field, const struct json *value,
                           const char *why, struct error *reterr)
{
    struct field_errors errors = {.arena = &api->arena};

    field_invalid(&errors, bytes_str(field), value, why);
    return field_errors_end(&errors, bytes_str(api->kind->group), bytes_str(api->kind->kind),
                            BYTES(""), reterr);
}

/* ---- may somebody do it? ---- */

static struct access read_attributes(const struct json *spec)
{
    const struct json *resource = json_get(spec, BYTES("resourceAttributes"));
    const struct json *other = json_get(spec, BYTES("nonResourceAttributes"));

    if (!json_is(resource, JSON_OBJECT))
        return (struct access){.verb = json_get_text(other, "verb"),
                               .path = json_get_text(other, "path")};
    return (struct access){.is_resource = true,
                           .verb = json_get_text(resource, "verb"),
                           .group = json_get_text(resource, "group"),
                           .version = json_get_text(resource, "version"),
                           .resource = json_get_text(resource, "resource"),
                           .subresource = json_get_text(resource, "subresource"),
                           .namespace = json_get_text(resource, "namespace"),
                           .name = json_get_text(resource, "name")};
}

/* k8s.io/kubernetes/pkg/apis/authorization/validation. */
static enum status check_attributes(struct api_request *api, const struct json *spec,
                                    struct error *reterr)
{
    const struct json *resource = json_get(spec, BYTES("resourceAttributes"));
    const struct json *other = json_get(spec, BYTES("nonResourceAttributes"));
    bool has_resource = json_is(resource, JSON_OBJECT), has_other = json_is(other, JSON_OBJECT);

    if (has_resource && has_other)
        return invalid(api, "spec.nonResourceAttributes", other,
                       "cannot be specified in combination with resourceAttributes", reterr);
    if (!has_resource && !has_other)
        return invalid(api, "spec.resourceAttributes", NULL,
                       "exactly one of nonResourceAttributes or resourceAttributes must be "
                       "specified",
                       reterr);
    return STATUS_OK;
}

static void write_decision(struct api_request *api, const struct user *user,
                           const struct access *what, struct buf *out)
{
    struct buf reason = {0};
    bool allowed;

    if (!access_uses_rbac(api->worker)) {
        buf_append_str(out, "{\"allowed\":true,\"reason\":\"everything is allowed to everybody\"}");
        return;
    }
    allowed = access_allows(api->worker, user, what, &reason);
    buf_appendf(out, "{\"allowed\":%s", allowed ? "true" : "false");
    if (reason.len != 0) {
        buf_append_str(out, ",\"reason\":");
        json_write_string(out, buf_bytes(&reason));
    }
    buf_append_char(out, '}');
    buf_release(&reason);
}

static enum status answer_self_access(struct api_request *api, struct json *review,
                                      struct buf *status, struct error *reterr)
{
    const struct json *spec = json_get(review, BYTES("spec"));
    struct access what = read_attributes(spec);
    enum status st = check_attributes(api, spec, reterr);

    if (st == STATUS_OK)
        write_decision(api, api->user, &what, status);
    return st;
}

static enum status answer_access(struct api_request *api, struct json *review, struct buf *status,
                                 struct error *reterr)
{
    const struct json *spec = json_get(review, BYTES("spec"));
    struct access what = read_attributes(spec);
    struct user user = read_user(&api->arena, spec);
    enum status st = check_attributes(api, spec, reterr);

    if (st == STATUS_OK && user.name.len == 0 && user.group_count == 0)
        st = invalid(api, "spec.user", json_get(spec, BYTES("user")),
                     "at least one of user or group must be specified", reterr);
    if (st == STATUS_OK)
        write_decision(api, &user, &what, status);
    return st;
}

static enum status answer_local_access(struct api_request *api, struct json *review,
                                       struct buf *status, struct error *reterr)
{
    const struct json *spec = json_get(review, BYTES("spec"));
    const struct json *resource = json_get(spec, BYTES("resourceAttributes"));
    struct bytes namespace = json_get_text(resource, "namespace");

    if (json_is(resource, JSON_OBJECT) && !bytes_eq(namespace, api->info.namespace))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "spec.resourceAttributes.namespace must match namespace: %.*s",
                         BYTES_FMT(api->info.namespace));
    return answer_access(api, review, status, reterr);
}

/* ---- what may I do? ---- */

struct rule_list {
    struct buf *resources, *others;
};

static bool list_rule(void *state, const struct rbac_rule *rule)
{
    struct rule_list *list = state;
    struct buf *out = rule->urls.count != 0 ? list->others : list->resources;

    if (out->len != 0)
        buf_append_char(out, ',');
    rbac_rule_write(out, rule);
    return true;
}

static enum status answer_self_rules(struct api_request *api, struct json *review,
                                     struct buf *status, struct error *reterr)
{
    static const struct bytes any[] = {BYTES_INIT("*")};
    const struct text_list all = {any, 1};
    struct bytes namespace = json_get_text(json_get(review, BYTES("spec")), "namespace");
    struct buf resources = {0}, others = {0};
    struct rule_list list = {&resources, &others};

    if (namespace.len == 0)
        return error_set(reterr, STATUS_BAD_REQUEST, "no namespace on request");
    if (!access_uses_rbac(api->worker) || user_is_in(api->user, GROUP_MASTERS)) {
        list_rule(&list, &(struct rbac_rule){.verbs = all, .groups = all, .resources = all});
        list_rule(&list, &(struct rbac_rule){.verbs = all, .urls = all});
    } else {
        rbac_each_rule(access_rbac(api->worker), api->user, namespace, list_rule, &list);
    }
    buf_appendf(status,
                "{\"resourceRules\":[%.*s],\"nonResourceRules\":[%.*s],\"incomplete\":false}",
                BYTES_FMT(buf_bytes(&resources)), BYTES_FMT(buf_bytes(&others)));
    status->failed |= resources.failed || others.failed;
    buf_release(&resources);
    buf_release(&others);
    return STATUS_OK;
}

/* ---- who? ---- */

static enum status answer_self(struct api_request *api, struct json *review, struct buf *status,
                               struct error *reterr)
{
    (void)review;
    (void)reterr;
    buf_append_str(status, "{\"userInfo\":");
    user_write(status, api->user);
    buf_append_char(status, '}');
    return STATUS_OK;
}

static void write_audiences(struct buf *out, struct audiences audiences)
{
    for (size_t i = 0; i < audiences.count; i++) {
        buf_append_str(out, i == 0 ? ",\"audiences\":[" : ",");
        json_write_string(out, audiences.texts[i]);
    }
    if (audiences.count != 0)
        buf_append_char(out, ']');
}

static enum status answer_token(struct api_request *api, struct json *review, struct buf *status,
                                struct error *reterr)
{
    const struct authenticator *authenticator = access_authenticator(api->worker);
    struct json *spec = json_get(review, BYTES("spec"));
    struct bytes token = json_get_text(spec, "token");
    struct account_world world = access_world(api->worker);
    struct audiences asked = {0}, granted = {0};
    struct identity identity;
    struct error why = {0};

    if (token.len == 0)
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "token is required for TokenReview in "
                         "authentication");
    asked.count = read_texts(&api->arena, json_get(spec, BYTES("audiences")), &asked.texts);
    if (authenticator == NULL ||
        authenticator_review(authenticator, token, asked, &world, &api->arena, &identity, &granted,
                             &why) != STATUS_OK) {
        buf_append_str(status, "{\"user\":{},\"error\":");
        json_write_string(status, bytes_str(authenticator == NULL ? "this server takes no tokens"
                                                                  : error_message(&why)));
    } else {
        buf_append_str(status, "{\"authenticated\":true,\"user\":");
        user_write(status, &identity.user);
        write_audiences(status, granted);
    }
    buf_append_char(status, '}');
    error_release(&why);
    return STATUS_OK;
}

/* ---- all of them ---- */

static const struct {
    const char *kind;
    enum status (*answer)(struct api_request *api, struct json *review, struct buf *status,
                          struct error *reterr);
} answers[] = {
    {"SelfSubjectAccessReview", answer_self_access},
    {"SubjectAccessReview", answer_access},
    {"LocalSubjectAccessReview", answer_local_access},
    {"SelfSubjectRulesReview", answer_self_rules},
    {"SelfSubjectReview", answer_self},
    {"TokenReview", answer_token},
};

static enum status answer(struct api_request *api, struct json *review, struct error *reterr)
{
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct buf status = {0};
        enum status st;

        if (strcmp(api->kind->kind, answers[i].kind) != 0)
            continue;
        st = answers[i].answer(api, review, &status, reterr);
        if (st == STATUS_OK)
            return set_status(api, review, &status, reterr);
        buf_release(&status);
        return st;
    }
    return error_set(reterr, STATUS_INTERNAL, "no answer to a %s", api->kind->kind);
}

void handle_review(struct api_request *api)
{
    struct write_options options;
    struct json *review;
    struct error err = {0};
    struct buf body = {0};

    if (write_options_parse(&api->arena, &api->info.query, "CreateOptions", &options, &err) !=
            STATUS_OK ||
        body_read_object(api, options.validation, &review, &err) != STATUS_OK ||
        answer(api, review, &err) != STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    json_ensure_object(&api->arena, review, "metadata");
    json_write(&body, review, false);
    body.failed |= api->arena.failed;
    respond_json(api, 201, &body);
}
