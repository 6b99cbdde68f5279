#include "apiserver/handlers/write_options.h"

#include "apiserver/registry/field_errors.h"

enum { FIELD_MANAGER_MAX = 128 };

static const struct bytes meta_group = BYTES_INIT("meta.k8s.io");

/* ---- text that people can read (unicode.IsPrint, in ranges that are not) ---- */

static bool is_printable(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {{0, 0x1f},        {0x7f, 0xa0},     {0xad, 0xad},     {0x2000, 0x200f},
                  {0x2028, 0x202f}, {0x205f, 0x206f}, {0x3000, 0x3000}, {0xd800, 0xf8ff},
                  {0xfeff, 0xfeff}, {0xfff0, 0xfffb}};

    for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
        if (c >= hidden[i].first && c <= hidden[i].last)
            return false;
    return true;
}

/* The character at the start of `text`, which is not empty; U+FFFD for a bad one. */
static uint32_t first_character(struct bytes text, size_t *ret_len)
{
    unsigned char lead = (unsigned char)text.ptr[0];
    size_t len = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 0;
    uint32_t c = len == 1 ? lead : lead & (0x7fU >> len);

    *ret_len = 1;
    if (len == 0 || len > text.len)
        return 0xfffd;
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)text.ptr[i] & 0xc0) != 0x80)
            return 0xfffd;
        c = c << 6 | ((unsigned char)text.ptr[i] & 0x3f);
    }
    *ret_len = len;
    return c;
}

static void check_field_manager(struct field_errors *errors, struct bytes manager)
{
    const struct bytes field = BYTES("fieldManager");
    size_t len;

    if (manager.len > FIELD_MANAGER_MAX)
        field_too_long(errors, field, FIELD_MANAGER_MAX);
    for (size_t at = 0; at < manager.len; at += len) {
        uint32_t c = first_character(bytes_from(manager, at), &len);

        if (!is_printable(c))
            field_invalid_text(
                errors, field, manager,
                field_detail(errors, "invalid character U+%04X (at position %zu)", c, at));
    }
}

/* ---- dryRun ---- */

/* `values` is a list of texts. */
static bool check_dry_run(struct field_errors *errors, const struct json *values)
{
    static const char *const supported[] = {"All", NULL};

    json_each(values, it) {
        if (!bytes_eq_str(json_text(it), "All")) {
            field_not_supported_json(errors, BYTES("dryRun"), values, supported);
            return true;
        }
    }
    return json_is(values, JSON_ARRAY) && values->count != 0;
}

static struct json *query_values(struct arena *arena, const struct query *query, const char *name)
{
    struct json *values = json_new_array(arena);

    for (size_t i = 0; i < query->count; i++)
        if (bytes_eq_str(query->params[i].name, name))
            json_append(values, json_new_string(arena, query->params[i].value));
    return values;
}

/* ---- create, update, patch ---- */

static enum field_validation check_validation(struct field_errors *errors, struct bytes text)
{
    static const char *const supported[] = {"", "Ignore", "Strict", "Warn", NULL};

    if (bytes_eq_str(text, "Ignore"))
        return VALIDATION_IGNORE;
    if (bytes_eq_str(text, "Strict"))
        return VALIDATION_STRICT;
    if (text.len != 0 && !bytes_eq_str(text, "Warn"))
        field_not_supported(errors, BYTES("fieldValidation"), text, supported);
    return VALIDATION_WARN;
}

enum status write_options_parse(struct arena *arena, const struct query *query, const char *kind,
                                struct write_options *ret_options, struct error *reterr)
{
    struct field_errors errors = {.arena = arena};
    struct write_options options;

    if (strcmp(kind, "PatchOptions") == 0 && query_has(query, "force"))
        field_forbidden(&errors, BYTES("force"), "may not be specified for non-apply patch");
    check_field_manager(&errors, query_get(query, "fieldManager"));
    options.dry_run = check_dry_run(&errors, query_values(arena, query, "dryRun"));
    options.validation = check_validation(&errors, query_get(query, "fieldValidation"));
    *ret_options = options;
    return field_errors_end(&errors, meta_group, bytes_str(kind), BYTES(""), reterr);
}

/* ---- delete ---- */

/* The options of a query as the tree of the body they stand for. */
static enum status query_as_body(struct arena *arena, const struct query *query,
                                 struct json **ret_body, struct error *reterr)
{
    struct json *body = json_new_object(arena);
    struct bytes grace = query_get(query, "gracePeriodSeconds"),
                 policy = query_get(query, "propagationPolicy");

    if (grace.len != 0) {
        struct json *number = json_new_number(arena, grace);
        struct bytes digits = bytes_from(grace, grace.ptr[0] == '-');
        uint64_t n;

        if (!bytes_to_u64(digits, &n) || n > INT64_MAX)
            return error_set(reterr, STATUS_BAD_REQUEST,
                             "strconv.ParseInt: parsing \"%.*s\": invalid syntax",
                             BYTES_FMT(grace));
        json_set(body, BYTES("gracePeriodSeconds"), number);
    }
    if (policy.len != 0)
        json_set_text(arena, body, "propagationPolicy", policy);
    if (query_has(query, "orphanDependents"))
        json_set(body, BYTES("orphanDependents"),
                 json_new_bool(arena, query_bool(query, "orphanDependents")));
    json_set(body, BYTES("dryRun"), query_values(arena, query, "dryRun"));
    *ret_body = body;
    return arena->failed ? error_set(reterr, STATUS_NO_MEMORY, "out of memory") : STATUS_OK;
}

/* metav1.DeleteOptions: what a decoder would refuse. */
static enum status check_types(const struct json *body, struct error *reterr)
{
    static const struct {
        const char *name, *go_type;
        enum json_type type;
    } rules[] = {
        {"gracePeriodSeconds", "int64", JSON_NUMBER},
        {"preconditions", "v1.Preconditions", JSON_OBJECT},
        {"orphanDependents", "bool", JSON_BOOL},
        {"propagationPolicy", "v1.DeletionPropagation", JSON_STRING},
        {"dryRun", "[]string", JSON_ARRAY},
    };
    struct bytes kind = json_get_text(body, "kind");
    int64_t n;

    if (!json_is(body, JSON_OBJECT) || (kind.len != 0 && !bytes_eq_str(kind, "DeleteOptions")))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "decoded object cannot be converted to DeleteOptions");
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        const struct json *node = json_get(body, bytes_str(rules[i].name));

        if (node != NULL && node->type != JSON_NULL &&
            (node->type != rules[i].type || (node->type == JSON_NUMBER && !json_to_i64(node, &n))))
            return error_set(reterr, STATUS_BAD_REQUEST,
                             "json: cannot unmarshal %s into Go struct field DeleteOptions.%s of "
                             "type %s",
                             json_type_name((enum json_type)node->type), rules[i].name,
                             rules[i].go_type);
    }
    return STATUS_OK;
}

static enum propagation check_propagation(struct field_errors *errors, const struct json *body)
{
    static const char *const names[] = {"", "Background", "Foreground", "Orphan"};
    static const char *const supported[] = {"Foreground", "Background", "Orphan", "nil", NULL};
    const struct json *node = json_get(body, BYTES("propagationPolicy")),
                      *orphan = json_get(body, BYTES("orphanDependents"));
    struct bytes text = json_text(node);

    if (json_is(node, JSON_STRING) && json_is(orphan, JSON_BOOL))
        field_invalid_text(errors, BYTES("propagationPolicy"), text,
                           "orphanDependents and deletionPropagation cannot be both set");
    for (size_t i = 1; i < ARRAY_LEN(names); i++)
        if (bytes_eq_str(text, names[i]))
            return (enum propagation)i;
    if (json_is(node, JSON_STRING))
        field_not_supported(errors, BYTES("propagationPolicy"), text, supported);
    return json_is_true(orphan) ? PROPAGATION_ORPHAN : PROPAGATION_DEFAULT;
}

enum status delete_options_parse(struct arena *arena, const struct query *query,
                                 const struct json *body, struct delete_options *ret_options,
                                 struct error *reterr)
{
    struct field_errors errors = {.arena = arena};
    struct delete_options options = {0};
    struct json *from_query = NULL;
    enum status st;

    if (body == NULL) {
        st = query_as_body(arena, query, &from_query, reterr);
        if (st != STATUS_OK)
            return st;
        body = from_query;
    }
    st = check_types(body, reterr);
    if (st != STATUS_OK)
        return st;
    options.has_grace = json_to_i64(json_get(body, BYTES("gracePeriodSeconds")), &options.grace_s);
    options.uid = json_text(json_at(body, "preconditions", "uid", NULL));
    options.resource_version = json_text(json_at(body, "preconditions", "resourceVersion", NULL));
    options.propagation = check_propagation(&errors, body);
    options.dry_run = check_dry_run(&errors, json_get(body, BYTES("dryRun")));
    *ret_options = options;
    return field_errors_end(&errors, meta_group, BYTES("DeleteOptions"), BYTES(""), reterr);
}
