#include "client-go-like/tidectl/condition.h"

#include "client-go-like/tidectl/print.h"
#include "client-go-like/tidectl/tidectl.h"

/* "{.a.b}=v": the braces say where the path ends. */
static bool parse_jsonpath(struct condition *c, struct arena *arena, struct bytes text)
{
    size_t end = text.len;
    struct error error = {0};

    for (size_t i = text.len; i-- > 0 && end == text.len;)
        if (text.ptr[i] == '}' || (text.ptr[0] != '{' && text.ptr[i] == '='))
            end = text.ptr[i] == '}' ? i + 1 : i;
    c->name = bytes_of(text.ptr, end);
    if (end < text.len && text.ptr[end] == '=')
        c->value = bytes_from(text, end + 1);
    else if (end < text.len)
        return tidectl_say("jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3"
                           " or --for=jsonpath='{.status.readyReplicas}'") == 0;
    if (c->value.len >= 2 && (c->value.ptr[0] == '"' || c->value.ptr[0] == '\'') &&
        c->value.ptr[c->value.len - 1] == c->value.ptr[0])
        c->value = bytes_of(c->value.ptr + 1, c->value.len - 2);
    if (jsonpath_template_parse_relaxed(arena, c->name, &c->template, &error) == STATUS_OK)
        return true;
    tidectl_say("error parsing jsonpath %.*s, %s", BYTES_FMT(c->name), error_message(&error));
    error_release(&error);
    return false;
}

static bool parse_status(struct condition *c, struct arena *arena, struct bytes text)
{
    (void)arena;
    c->name = bytes_cut(&text, '=');
    c->value = text.ptr != NULL ? text : BYTES("true");
    return c->name.len != 0 || tidectl_say("condition= needs a type") == 0;
}

static bool parse_count(struct condition *c, struct arena *arena, struct bytes text)
{
    (void)arena;
    return (bytes_to_u64(text, &c->count) && c->count != 0) ||
           tidectl_say("count= needs a number of 1 or more, not \"%.*s\"", BYTES_FMT(text)) == 0;
}

static const struct {
    const char *word;
    enum condition_type type;
    bool (*parse)(struct condition *c, struct arena *arena, struct bytes text); /* NULL: no more */
} words[] = {
    {"condition=", CONDITION_STATUS, parse_status},
    {"jsonpath=", CONDITION_JSONPATH, parse_jsonpath},
    {"create", CONDITION_CREATED, NULL},
    {"delete", CONDITION_DELETED, NULL},
    {"deleted", CONDITION_DELETED, NULL},
    {"count=", CONDITION_COUNT, parse_count},
};

bool condition_parse(struct condition *c, struct arena *arena, const char *text, unsigned types)
{
    *c = (struct condition){.count = 0};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct bytes word = bytes_str(words[i].word), all = bytes_str(text);

        if ((types & 1u << words[i].type) == 0)
            continue;
        if (words[i].parse == NULL ? !bytes_eq(all, word) : !bytes_starts_with(all, word))
            continue;
        c->type = words[i].type;
        return words[i].parse == NULL || words[i].parse(c, arena, bytes_from(all, word.len));
    }
    return tidectl_say("unrecognized condition: \"%s\"", text) == 0;
}

/* A condition that speaks of an older generation says nothing yet (KC cmd/wait/condition.go). */
static bool is_outdated(const struct json *condition, const struct json *object)
{
    int64_t seen, now;

    if (!json_to_i64(json_get(condition, BYTES("observedGeneration")), &seen) &&
        !json_to_i64(json_at(object, "status", "observedGeneration", NULL), &seen))
        return false;
    return json_to_i64(json_at(object, "metadata", "generation", NULL), &now) && seen < now;
}

static bool status_holds(const struct condition *c, const struct json *object)
{
    json_each(json_at(object, "status", "conditions", NULL), it) {
        if (bytes_ieq(json_get_text(it, "type"), c->name))
            return !is_outdated(it, object) && bytes_ieq(json_get_text(it, "status"), c->value);
    }
    return false;
}

static bool jsonpath_holds(const struct condition *c, const struct json *object)
{
    struct arena arena = {0};
    struct jsonpath_values found;
    struct buf text = {0};
    bool holds = jsonpath_template_find(&c->template, &arena, object, &found, NULL) == STATUS_OK &&
                 found.count == 1;

    if (holds && c->value.ptr != NULL) {
        print_value(&text, found.items[0]);
        holds = bytes_eq(buf_bytes(&text), c->value);
    }
    buf_release(&text);
    arena_release(&arena);
    return holds;
}

bool condition_holds(const struct condition *c, const struct json *object)
{
    return c->type == CONDITION_STATUS     ? status_holds(c, object)
           : c->type == CONDITION_JSONPATH ? jsonpath_holds(c, object)
                                           : false;
}
