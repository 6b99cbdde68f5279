/*
 * review - what may I do, and who am I: answers that agree with what the server does, which is to
 * allow everything to everybody (k8s.io/kubernetes/pkg/registry/{authorization,authentication}).
 */
#include "apiserver/handlers/body.h"
#include "apiserver/handlers/write_options.h"

static const char allowed[] =
    "{\"allowed\":true,\"reason\":\"everything is allowed to everybody\"}";
static const char all_rules[] =
    "{\"resourceRules\":[{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"]}],"
    "\"nonResourceRules\":[{\"verbs\":[\"*\"],\"nonResourceURLs\":[\"*\"]}],\"incomplete\":false}";
static const char nobody[] = "{\"userInfo\":{\"username\":\"system:anonymous\","
                             "\"groups\":[\"system:unauthenticated\"]}}";

/* The status of each kind's answer. */
static const struct {
    const char *kind, *status;
} answers[] = {
    {"SelfSubjectAccessReview", allowed},  {"SubjectAccessReview", allowed},
    {"LocalSubjectAccessReview", allowed}, {"SelfSubjectRulesReview", all_rules},
    {"SelfSubjectReview", nobody},
};

static enum status set_status(struct api_request *api, struct json *review, struct error *reterr)
{
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct json *status;
        enum status st;

        if (strcmp(api->kind->kind, answers[i].kind) != 0)
            continue;
        st = json_parse(&api->arena, bytes_str(answers[i].status), &status, NULL, reterr);
        if (st == STATUS_OK)
            json_set(review, BYTES("status"), status);
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
        set_status(api, review, &err) != STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    json_ensure_object(&api->arena, review, "metadata");
    json_write(&body, review, false);
    body.failed |= api->arena.failed;
    respond_json(api, 201, &body);
}
