#include "apiserver/registry/crd_parts.h"
#include "apiserver/registry/registry_parts.h"
#include "base/clock.h"

/* Which name of spec.names is called what, and against which names of others it stands.
 * k8s.io/apiextensions-apiserver/pkg/controller/status/naming_controller.go */
static const struct {
    const char *member, *conflict;
    bool is_kind;
} name_rules[] = {
    {"plural", "PluralConflict", false},
    {"singular", "SingularConflict", false},
    {"kind", "KindConflict", true},
    {"listKind", "ListKindConflict", true},
};

/* The verdict on all names: the last conflict counts, as upstream. */
struct verdict {
    const char *reason; /* NULL: no conflict */
    struct bytes message;
};

static void object_to(struct verdict *verdict, struct arena *arena, const char *reason,
                      struct bytes name)
{
    verdict->reason = reason;
    verdict->message = arena_printf(arena, "\"%.*s\" is already in use", BYTES_FMT(name));
}

/* All short names are accepted, or none of the new ones. */
static void accept_short_names(struct verdict *verdict, struct arena *arena,
                               const struct json *names, struct json *accepted,
                               const struct map *taken)
{
    const struct json *wanted = json_get(names, BYTES("shortNames"));
    struct map mine = {0};
    bool conflict = false;

    json_each(json_get(accepted, BYTES("shortNames")), it) {
        if (json_text(it).len > 0)
            (void)map_put(&mine, json_text(it), it);
    }
    json_each(wanted, it) {
        if (map_get(taken, json_text(it)) == NULL || map_get(&mine, json_text(it)) != NULL)
            continue;
        object_to(verdict, arena, "ShortNamesConflict", json_text(it));
        conflict = true;
    }
    map_release(&mine);
    if (conflict)
        return;
    if (wanted != NULL)
        json_set(accepted, BYTES("shortNames"), json_copy(arena, wanted));
    else
        json_remove(accepted, BYTES("shortNames"));
}

static struct verdict accept(struct arena *arena, const struct json *names, struct json *accepted,
                             const struct map *resources, const struct map *kinds)
{
    struct verdict verdict = {0};

    for (size_t i = 0; i < ARRAY_LEN(name_rules); i++) {
        const char *member = name_rules[i].member;
        struct bytes wanted = json_get_text(names, member);
        const struct map *taken = name_rules[i].is_kind ? kinds : resources;

        if (!bytes_eq(wanted, json_get_text(accepted, member)) && map_get(taken, wanted) != NULL)
            object_to(&verdict, arena, name_rules[i].conflict, wanted);
        else
            json_set_text(arena, accepted, member, wanted);
    }
    accept_short_names(&verdict, arena, names, accepted, resources);
    if (json_get(names, BYTES("categories")) != NULL)
        json_set(accepted, BYTES("categories"),
                 json_copy(arena, json_get(names, BYTES("categories"))));
    else
        json_remove(accepted, BYTES("categories"));
    return verdict;
}

/* Sets a condition; its time moves with its status only. */
static void set_condition(struct arena *arena, struct json *conditions, const char *type,
                          bool holds, const char *reason, struct bytes message)
{
    char now[RFC3339_LEN + 1];
    struct bytes status = holds ? BYTES("True") : BYTES("False"), since;
    struct json *condition = NULL;

    json_each(conditions, it) {
        if (bytes_eq_str(json_get_text(it, "type"), type))
            condition = it;
    }
    rfc3339_format(clock_wall_s(), now);
    since = json_get_text(condition, "lastTransitionTime");
    if (since.len == 0 || !bytes_eq(json_get_text(condition, "status"), status))
        since = arena_dup(arena, bytes_str(now));
    if (condition == NULL)
        condition = json_append(conditions, json_new_object(arena));
    json_set_text(arena, condition, "type", bytes_str(type));
    json_set_text(arena, condition, "status", status);
    json_set_text(arena, condition, "lastTransitionTime", since);
    json_set_text(arena, condition, "reason", bytes_str(reason));
    json_set_text(arena, condition, "message", message);
}

static const struct json *condition_of(const struct json *crd, const char *type)
{
    json_each(json_at(crd, "status", "conditions", NULL), it) {
        if (bytes_eq_str(json_get_text(it, "type"), type))
            return it;
    }
    return NULL;
}

bool crd_is_established(const struct json *crd)
{
    return bytes_eq_str(json_get_text(condition_of(crd, "Established"), "status"), "True");
}

bool crd_accept_names(const struct registry *registry, struct arena *arena, struct json *crd,
                      struct json *status)
{
    struct json *accepted = json_ensure_object(arena, status, "acceptedNames");
    struct json *conditions = json_get(status, BYTES("conditions"));
    struct map resources = {0}, kinds = {0};
    struct verdict verdict;
    bool established, ok;

    if (!json_is(conditions, JSON_ARRAY))
        conditions = json_set(status, BYTES("conditions"), json_new_array(arena));
    ok =
        registry_taken_names(registry, json_get_text(json_get(crd, BYTES("spec")), "group"),
                             json_text(json_at(crd, "metadata", "name", NULL)), &resources, &kinds);
    verdict = accept(arena, json_at(crd, "spec", "names", NULL), accepted, &resources, &kinds);
    map_release(&resources);
    map_release(&kinds);
    established = crd_is_established(crd) || verdict.reason == NULL;
    if (verdict.reason == NULL)
        set_condition(arena, conditions, "NamesAccepted", true, "NoConflicts",
                      BYTES("no conflicts found"));
    else
        set_condition(arena, conditions, "NamesAccepted", false, verdict.reason, verdict.message);
    if (established)
        set_condition(arena, conditions, "Established", true, "InitialNamesAccepted",
                      BYTES("the initial names have been accepted"));
    else
        set_condition(arena, conditions, "Established", false, "NotAccepted",
                      BYTES("not all names are accepted"));
    return ok;
}
