#include "apiserver/request/list_options.h"

#include <inttypes.h>

/* ListOptions is no object of its own: details name it, as the real server does. */
static enum status invalid(struct error *reterr, const char *field, const char *reason,
                           const char *what, struct bytes value, const char *detail)
{
    struct bytes shown = value.ptr != NULL ? value : BYTES("");

    error_set(reterr, STATUS_INVALID, "ListOptions.meta.k8s.io \"\" is invalid: %s: %s%s%.*s%s: %s",
              field, what, value.ptr != NULL ? ": \"" : "", BYTES_FMT(shown),
              value.ptr != NULL ? "\"" : "", detail);
    error_set_details(reterr, BYTES("meta.k8s.io"), BYTES("ListOptions"), bytes_of(NULL, 0));
    error_add_cause(reterr, reason, bytes_str(field), "%s%s%.*s%s: %s", what,
                    value.ptr != NULL ? ": \"" : "", BYTES_FMT(shown),
                    value.ptr != NULL ? "\"" : "", detail);
    return STATUS_INVALID;
}

static enum status forbidden(struct error *reterr, const char *field, const char *detail)
{
    return invalid(reterr, field, "FieldValueForbidden", "Forbidden", bytes_of(NULL, 0), detail);
}

static bool is_number(struct bytes text)
{
    size_t i = text.len != 0 && text.ptr[0] == '-';

    while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9')
        i++;
    return i == text.len;
}

/* limit and timeoutSeconds are int64 in the API: beyond is 400, below zero is "none". */
static enum status parse_int(const struct query *query, const char *name, uint64_t *ret,
                             struct error *reterr)
{
    struct bytes text = query_get(query, name);
    bool negative = text.len > 1 && text.ptr[0] == '-';
    uint64_t n = 0;

    *ret = 0;
    if (text.len == 0)
        return STATUS_OK;
    if (!bytes_to_u64(negative ? bytes_from(text, 1) : text, &n) || n > INT64_MAX)
        return error_set(reterr, STATUS_BAD_REQUEST, "strconv.ParseInt: parsing \"%.*s\": %s",
                         BYTES_FMT(text),
                         is_number(text) ? "value out of range" : "invalid syntax");
    *ret = negative ? 0 : n;
    return STATUS_OK;
}

static enum status parse_rv(const struct query *query, bool watch, struct list_options *o,
                            struct error *reterr)
{
    struct bytes text = query_get(query, "resourceVersion");

    o->rv_set = text.len != 0;
    if (text.len == 0 || bytes_to_u64(text, &o->rv))
        return STATUS_OK;
    if (watch)
        return invalid(reterr, "resourceVersion", "FieldValueInvalid", "Invalid value", text,
                       "must be a decimal number that fits 64 bits");
    return error_set(reterr, STATUS_BAD_REQUEST, "invalid resource version: \"%.*s\"",
                     BYTES_FMT(text));
}

static enum status parse_match(const struct query *query, struct list_options *o,
                               struct error *reterr)
{
    struct bytes text = query_get(query, "resourceVersionMatch");

    if (text.len == 0)
        o->match = RV_MATCH_NONE;
    else if (bytes_eq_str(text, "Exact"))
        o->match = RV_MATCH_EXACT;
    else if (bytes_eq_str(text, "NotOlderThan"))
        o->match = RV_MATCH_NOT_OLDER;
    else
        return invalid(reterr, "resourceVersionMatch", "FieldValueNotSupported",
                       "Unsupported value", text,
                       "supported values: \"Exact\", \"NotOlderThan\", \"\"");
    return STATUS_OK;
}

static enum status validate_list(const struct list_options *o, struct error *reterr)
{
    if (o->send_initial_set)
        return forbidden(reterr, "sendInitialEvents", "sendInitialEvents is forbidden for list");
    if (o->match == RV_MATCH_NONE)
        return STATUS_OK;
    if (!o->rv_set)
        return forbidden(reterr, "resourceVersionMatch",
                         "resourceVersionMatch is forbidden unless resourceVersion is provided");
    if (o->continue_token.len != 0)
        return forbidden(reterr, "resourceVersionMatch",
                         "resourceVersionMatch is forbidden when continue is provided");
    if (o->match == RV_MATCH_EXACT && o->rv == 0)
        return forbidden(reterr, "resourceVersionMatch",
                         "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
    return STATUS_OK;
}

static enum status validate_watch(const struct list_options *o, struct error *reterr)
{
    if (!o->send_initial_set)
        return o->match == RV_MATCH_NONE
                   ? STATUS_OK
                   : forbidden(reterr, "resourceVersionMatch",
                               "resourceVersionMatch is forbidden for watch unless "
                               "sendInitialEvents is provided");
    if (o->match == RV_MATCH_NONE)
        return forbidden(reterr, "resourceVersionMatch",
                         "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    if (o->match != RV_MATCH_NOT_OLDER)
        return invalid(reterr, "resourceVersionMatch", "FieldValueNotSupported",
                       "Unsupported value", BYTES("Exact"), "supported values: \"NotOlderThan\"");
    return STATUS_OK;
}

enum status list_options_parse(const struct query *query, bool watch,
                               struct list_options *ret_options, struct error *reterr)
{
    struct list_options o = {
        .watch = watch,
        .bookmarks = query_bool(query, "allowWatchBookmarks"),
        .continue_token = query_get(query, "continue"),
        .send_initial_set = query_get(query, "sendInitialEvents").len != 0,
        .send_initial = query_bool(query, "sendInitialEvents"),
    };
    enum status st;

    st = label_selector_parse(query_get(query, "labelSelector"), &o.labels, reterr);
    if (st == STATUS_OK)
        st = field_selector_parse(query_get(query, "fieldSelector"), &o.fields, reterr);
    if (st == STATUS_OK)
        st = parse_int(query, "limit", &o.limit, reterr);
    if (st == STATUS_OK)
        st = parse_int(query, "timeoutSeconds", &o.timeout_s, reterr);
    if (st == STATUS_OK)
        st = parse_rv(query, watch, &o, reterr);
    if (st == STATUS_OK)
        st = parse_match(query, &o, reterr);
    if (st == STATUS_OK)
        st = watch ? validate_watch(&o, reterr) : validate_list(&o, reterr);
    if (st == STATUS_OK)
        *ret_options = o;
    else
        list_options_release(&o);
    return st;
}

uint32_t list_options_weight(const struct query *query)
{
    size_t len = query_get(query, "labelSelector").len + query_get(query, "fieldSelector").len;

    return 1 + (uint32_t)(len / LIST_OPTIONS_WEIGHED);
}

void list_options_release(struct list_options *options)
{
    label_selector_free(options->labels);
    field_selector_free(options->fields);
    options->labels = NULL;
    options->fields = NULL;
}
