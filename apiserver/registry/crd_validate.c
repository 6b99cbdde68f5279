#include "apiserver/registry/crd_parts.h"
#include "base/map.h"
#include "codec/label_syntax.h"

/* Rules and words: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go.
 */

#define DNS1035_RULE                                                                               \
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "   \
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "           \
    "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"

bool crd_is_one_of(struct bytes text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (bytes_eq_str(text, *words))
            return true;
    }
    return false;
}

/* ---- names ---- */

static const char *dns1035_objection(struct bytes text)
{
    if (text.len > 63)
        return "must be no more than 63 characters";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9';

        if (!letter && !(i > 0 && (digit || (c == '-' && i + 1 < text.len))))
            return DNS1035_RULE;
    }
    return text.len == 0 ? DNS1035_RULE : NULL;
}

void crd_check_label(struct field_errors *errors, struct bytes field, struct bytes text)
{
    const char *objection = dns1035_objection(text);

    if (objection != NULL)
        field_invalid_text(errors, field, text, objection);
}

/* A kind: mixed case, else a label. */
static void check_kind(struct field_errors *errors, struct bytes field, struct bytes text)
{
    struct arena *arena = errors->arena;
    char *lower = arena_alloc(arena, text.len + 1);
    const char *objection;

    if (lower == NULL)
        return;
    for (size_t i = 0; i < text.len; i++)
        lower[i] = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? (char)(text.ptr[i] - 'A' + 'a')
                                                            : text.ptr[i];
    objection = dns1035_objection(bytes_of(lower, text.len));
    if (objection != NULL)
        field_invalid_text(
            errors, field, text,
            arena_printf(arena, "may have mixed case, but should otherwise match: %s", objection)
                .ptr);
}

static void check_labels(struct field_errors *errors, const char *at, const struct json *names,
                         const char *member)
{
    size_t i = 0;

    json_each(json_get(names, bytes_str(member)), it)
        crd_check_label(errors, arena_printf(errors->arena, "%s.%s[%zu]", at, member, i++),
                        json_text(it));
}

/* spec.names, of which all four are required, or status.acceptedNames. */
static void check_names(struct field_errors *errors, const char *at, const struct json *names,
                        bool required)
{
    static const struct {
        const char *member;
        void (*check)(struct field_errors *errors, struct bytes field, struct bytes text);
    } rules[] = {{"plural", crd_check_label},
                 {"singular", crd_check_label},
                 {"kind", check_kind},
                 {"listKind", check_kind}};
    struct bytes kind = json_get_text(names, "kind");

    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct bytes field = arena_printf(errors->arena, "%s.%s", at, rules[i].member);
        struct bytes text = json_get_text(names, rules[i].member);

        if (text.len > 0)
            rules[i].check(errors, field, text);
        else if (required)
            field_required(errors, field, "");
    }
    check_labels(errors, at, names, "shortNames");
    if (kind.len > 0 && bytes_eq(kind, json_get_text(names, "listKind")))
        field_invalid_text(errors, arena_printf(errors->arena, "%s.listKind", at), kind,
                           "kind and listKind may not be the same");
    check_labels(errors, at, names, "categories");
}

/* ---- the rest of spec ---- */

static void check_group(struct field_errors *errors, struct bytes group)
{
    struct buf why = {0};

    if (group.len == 0) {
        field_required(errors, BYTES("spec.group"), "");
    } else if (!dns_subdomain_check(group, "", &why)) {
        buf_append_char(&why, '\0');
        field_invalid_text(errors, BYTES("spec.group"), group, why.failed ? "" : why.data);
    } else if (bytes_find(group, '.') == group.len) {
        field_invalid_text(errors, BYTES("spec.group"), group,
                           "should be a domain with at least one dot");
    }
    buf_release(&why);
}

static void check_enum(struct field_errors *errors, struct bytes field, struct bytes text,
                       const char *const *words)
{
    if (text.len == 0)
        field_required(errors, field, "");
    else if (!crd_is_one_of(text, words))
        field_not_supported(errors, field, text, words);
}

static void check_conversion(struct field_errors *errors, const struct json *conversion)
{
    static const char *const strategies[] = {"None", "Webhook", NULL};
    struct bytes strategy = json_get_text(conversion, "strategy");
    const struct json *webhook = json_get(conversion, BYTES("webhook"));
    const struct json *client = json_get(webhook, BYTES("clientConfig"));
    const struct json *reviews = json_get(webhook, BYTES("conversionReviewVersions"));

    check_enum(errors, BYTES("spec.conversion.strategy"), strategy, strategies);
    if (!bytes_eq_str(strategy, "Webhook")) {
        if (json_is(webhook, JSON_OBJECT))
            field_forbidden(errors, BYTES("spec.conversion.webhookClientConfig"),
                            "should not be set when strategy is not set to Webhook");
        return;
    }
    if (!json_is(client, JSON_OBJECT))
        field_required(errors, BYTES("spec.conversion.webhookClientConfig"),
                       "required when strategy is set to Webhook");
    else if (json_is(json_get(client, BYTES("url")), JSON_STRING) ==
             json_is(json_get(client, BYTES("service")), JSON_OBJECT))
        field_required(errors, BYTES("spec.conversion.webhookClientConfig"),
                       "exactly one of url or service is required");
    if (!json_is(reviews, JSON_ARRAY) || reviews->count == 0)
        field_required(errors, BYTES("spec.conversion.conversionReviewVersions"), "");
}

static void check_metadata_name(struct field_errors *errors, const struct json *crd)
{
    struct bytes name = json_text(json_at(crd, "metadata", "name", NULL));
    struct bytes plural = json_text(json_at(crd, "spec", "names", "plural", NULL));
    struct bytes group = json_text(json_at(crd, "spec", "group", NULL));
    struct bytes wanted =
        arena_printf(errors->arena, "%.*s.%.*s", BYTES_FMT(plural), BYTES_FMT(group));

    if (!bytes_eq(name, wanted))
        field_invalid_text(errors, BYTES("metadata.name"), name,
                           "must be spec.names.plural+\".\"+spec.group");
}

/* Groups of the project need its approval (KEP-1111). */
static void check_approval(struct field_errors *errors, const struct json *crd)
{
    static const char key[] = "api-approved.kubernetes.io";
    struct bytes group = json_text(json_at(crd, "spec", "group", NULL));
    const struct json *approval =
        json_get(json_at(crd, "metadata", "annotations", NULL), bytes_str(key));
    struct bytes text = json_text(approval);

    if (!bytes_eq_str(group, "k8s.io") && !bytes_eq_str(group, "kubernetes.io") &&
        !bytes_ends_with(group, BYTES(".k8s.io")) &&
        !bytes_ends_with(group, BYTES(".kubernetes.io")))
        return;
    if (text.len == 0)
        field_required(errors, BYTES("metadata.annotations[api-approved.kubernetes.io]"),
                       "protected groups must have approval annotation "
                       "\"api-approved.kubernetes.io\", see "
                       "https://github.com/kubernetes/enhancements/pull/1111");
    else if (!bytes_starts_with(text, BYTES("unapproved")) &&
             !bytes_starts_with(text, BYTES("https://")) &&
             !bytes_starts_with(text, BYTES("http://")))
        field_invalid_text(errors, BYTES("metadata.annotations[api-approved.kubernetes.io]"), text,
                           "protected groups must have approval annotation "
                           "\"api-approved.kubernetes.io\" with either a URL or a reason starting "
                           "with \"unapproved\", see "
                           "https://github.com/kubernetes/enhancements/pull/1111");
}

/* ---- against what was ---- */

static void check_immutable(struct field_errors *errors, const struct json *crd,
                            const struct json *old)
{
    static const struct {
        const char *path[3], *field;
        bool once_established;
    } rules[] = {
        {{"spec", "scope"}, "spec.scope", true},
        {{"spec", "names", "kind"}, "spec.names.kind", true},
        {{"spec", "group"}, "spec.group", false},
        {{"spec", "names", "plural"}, "spec.names.plural", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        const char *const *p = rules[i].path;
        const struct json *now = json_at(crd, p[0], p[1], p[2], NULL);

        if (rules[i].once_established && !crd_is_established(old))
            continue;
        if (!bytes_eq(json_text(now), json_text(json_at(old, p[0], p[1], p[2], NULL))))
            field_invalid(errors, bytes_str(rules[i].field), now, "field is immutable");
    }
}

/* Objects are stored in each of status.storedVersions, so each must stay readable. */
static void check_stored_versions(struct field_errors *errors, const struct json *crd)
{
    const struct json *stored = json_at(crd, "status", "storedVersions", NULL);
    struct map versions = {0};
    size_t i = 0;

    if (!json_is(stored, JSON_ARRAY) || stored->count == 0)
        field_invalid(errors, BYTES("status.storedVersions"), stored,
                      "must have at least one stored version");
    json_each(json_at(crd, "spec", "versions", NULL), version) {
        if (json_get_text(version, "name").len > 0)
            (void)map_put(&versions, json_get_text(version, "name"), version);
    }
    json_each(stored, it) {
        struct bytes name = json_text(it);
        struct bytes field = arena_printf(errors->arena, "status.storedVersions[%zu]", i++);

        if (map_get(&versions, name) != NULL)
            continue;
        field_invalid_text(
            errors, field, name,
            arena_printf(errors->arena,
                         "missing from spec.versions; %.*s was previously a storage version, and "
                         "must remain in spec.versions until a storage migration ensures no data "
                         "remains persisted in %.*s and removes %.*s from status.storedVersions",
                         BYTES_FMT(name), BYTES_FMT(name), BYTES_FMT(name))
                .ptr);
    }
    map_release(&versions);
}

void crd_validate(const struct json *crd, const struct json *old, struct field_errors *errors)
{
    static const char *const scopes[] = {"Cluster", "Namespaced", NULL};
    const struct json *spec = json_get(crd, BYTES("spec"));
    const struct json *preserve = json_get(spec, BYTES("preserveUnknownFields"));

    check_metadata_name(errors, crd);
    check_group(errors, json_get_text(spec, "group"));
    check_enum(errors, BYTES("spec.scope"), json_get_text(spec, "scope"), scopes);
    crd_check_versions(errors, json_get(spec, BYTES("versions")));
    check_names(errors, "spec.names", json_get(spec, BYTES("names")), true);
    check_conversion(errors, json_get(spec, BYTES("conversion")));
    if (old != NULL)
        check_immutable(errors, crd, old);
    check_names(errors, "status.acceptedNames", json_at(crd, "status", "acceptedNames", NULL),
                false);
    check_stored_versions(errors, crd);
    check_approval(errors, crd);
    if (json_is_true(preserve))
        field_invalid(errors, BYTES("spec.preserveUnknownFields"), preserve,
                      "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
                      "spec.versions[*].schema instead");
}
