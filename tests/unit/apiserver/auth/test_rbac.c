/* Roles and bindings, told as stories. */
#include "apiserver/auth/rbac.h"
#include "unit/test.h"

struct world {
    struct arena arena;
    struct rbac *rbac;
};

/* JSON with ' for ". */
static struct json *parse(struct world *world, const char *text)
{
    struct bytes copy = arena_dup(&world->arena, bytes_str(text));
    struct json *tree = NULL;

    for (size_t i = 0; i < copy.len; i++)
        if (copy.ptr[i] == '\'')
            ((char *)copy.ptr)[i] = '"';
    CHECK(json_parse(&world->arena, copy, &tree, NULL, NULL) == STATUS_OK);
    return tree;
}

static void put(struct world *world, enum rbac_kind kind, const char *namespace, const char *name,
                const char *text)
{
    CHECK(rbac_put(world->rbac, kind, bytes_str(namespace), bytes_str(name), parse(world, text)));
}

static struct world begin(void)
{
    return (struct world){.rbac = rbac_new()};
}

static void end(struct world *world)
{
    rbac_free(world->rbac);
    arena_release(&world->arena);
}

/* "VERB GROUP RESOURCE[/SUB] NAMESPACE NAME", with - for an empty one; or "VERB /PATH". */
static struct access access_of(struct world *world, const char *text)
{
    struct bytes rest = arena_dup(&world->arena, bytes_str(text)), resource;
    struct access what = {.verb = bytes_cut(&rest, ' ')};

    if (bytes_starts_with(rest, BYTES("/"))) {
        what.path = rest;
        return what;
    }
    what.is_resource = true;
    what.group = bytes_cut(&rest, ' ');
    resource = bytes_cut(&rest, ' ');
    what.resource = bytes_cut(&resource, '/');
    what.subresource = resource;
    what.namespace = bytes_cut(&rest, ' ');
    what.name = rest;
    if (bytes_eq_str(what.group, "-"))
        what.group = BYTES("");
    if (bytes_eq_str(what.namespace, "-"))
        what.namespace = BYTES("");
    return what;
}

static bool may(struct world *world, const char *name, const char *text)
{
    static const struct bytes in[] = {BYTES_INIT("dev"), BYTES_INIT("system:authenticated")};
    struct user user = {.name = bytes_str(name), .groups = in, .group_count = 2};
    struct access what = access_of(world, text);

    return rbac_allows(world->rbac, &user, &what, NULL);
}

#define REF(kind, name) "'roleRef':{'kind':'" kind "','name':'" name "'}"
#define USER(name) "'subjects':[{'kind':'User','name':'" name "'}]"
#define READER                                                                                     \
    "{'rules':[{'apiGroups':[''],'resources':['pods','pods/log'],'verbs':['get','list']}]}"

TEST(rbac, a_role_binding_gives_rights_in_its_namespace_alone)
{
    struct world w = begin();

    put(&w, RBAC_CLUSTER_ROLE, "", "reader", READER);
    put(&w, RBAC_ROLE_BINDING, "red", "b", "{" REF("ClusterRole", "reader") "," USER("ann") "}");
    CHECK(may(&w, "ann", "list - pods red "));
    CHECK(may(&w, "ann", "get - pods/log red x"));
    CHECK(!may(&w, "ann", "list - pods blue "));
    CHECK(!may(&w, "ann", "list - pods - "));
    CHECK(!may(&w, "bob", "list - pods red "));
    CHECK(!may(&w, "ann", "watch - pods red ")); /* watch is not list */
    CHECK(!may(&w, "ann", "get - pods/exec red x"));
    CHECK(!may(&w, "ann", "list apps pods red "));
    end(&w);
}

TEST(rbac, a_cluster_role_binding_gives_them_everywhere)
{
    struct world w = begin();

    put(&w, RBAC_CLUSTER_ROLE, "", "reader", READER);
    put(&w, RBAC_CLUSTER_ROLE_BINDING, "", "b",
        "{" REF("ClusterRole", "reader") ",'subjects':[{'kind':'Group','name':'dev'}]}");
    CHECK(may(&w, "ann", "list - pods - "));
    CHECK(may(&w, "bob", "list - pods blue "));
    end(&w);
}

TEST(rbac, a_name_in_a_rule_allows_that_object_and_no_collection)
{
    struct world w = begin();

    put(&w, RBAC_ROLE, "red", "one",
        "{'rules':[{'apiGroups':[''],'resources':['secrets'],'resourceNames':['key'],"
        "'verbs':['*']}]}");
    put(&w, RBAC_ROLE_BINDING, "red", "b", "{" REF("Role", "one") "," USER("ann") "}");
    CHECK(may(&w, "ann", "get - secrets red key"));
    CHECK(!may(&w, "ann", "get - secrets red other"));
    CHECK(!may(&w, "ann", "list - secrets red "));
    CHECK(!may(&w, "ann", "create - secrets red "));
    CHECK(!may(&w, "ann", "deletecollection - secrets red "));
    CHECK(may(&w, "ann", "watch - secrets red key")); /* by fieldSelector=metadata.name=key */
    end(&w);
}

TEST(rbac, a_star_before_a_subresource_means_it_of_all_and_nothing_else)
{
    struct world w = begin();

    put(&w, RBAC_CLUSTER_ROLE, "", "scaler",
        "{'rules':[{'apiGroups':['*'],'resources':['*/scale'],'verbs':['update']}]}");
    put(&w, RBAC_CLUSTER_ROLE_BINDING, "", "b",
        "{" REF("ClusterRole", "scaler") "," USER("ann") "}");
    CHECK(may(&w, "ann", "update apps deployments/scale red x"));
    CHECK(!may(&w, "ann", "update apps deployments red x"));
    CHECK(!may(&w, "ann", "update apps deployments/status red x"));
    end(&w);
}

TEST(rbac, a_path_ends_with_a_star_or_is_meant_as_it_stands)
{
    struct world w = begin();

    put(&w, RBAC_CLUSTER_ROLE, "", "paths",
        "{'rules':[{'nonResourceURLs':['/api','/healthz/*'],'verbs':['get']}]}");
    put(&w, RBAC_CLUSTER_ROLE_BINDING, "", "b",
        "{" REF("ClusterRole", "paths") "," USER("ann") "}");
    CHECK(may(&w, "ann", "get /api"));
    CHECK(!may(&w, "ann", "get /api/v1"));
    CHECK(may(&w, "ann", "get /healthz/ping"));
    CHECK(!may(&w, "ann", "get /healthz"));
    CHECK(!may(&w, "ann", "post /api"));
    end(&w);
}

TEST(rbac, a_right_goes_with_its_binding_and_with_its_role)
{
    struct world w = begin();

    put(&w, RBAC_ROLE, "red", "reader", READER);
    put(&w, RBAC_ROLE_BINDING, "red", "b", "{" REF("Role", "reader") "," USER("ann") "}");
    CHECK(may(&w, "ann", "get - pods red x"));
    rbac_remove(w.rbac, RBAC_ROLE, BYTES("red"), BYTES("reader"));
    CHECK(!may(&w, "ann", "get - pods red x"));
    put(&w, RBAC_ROLE, "red", "reader", READER);
    CHECK(may(&w, "ann", "get - pods red x"));
    put(&w, RBAC_ROLE_BINDING, "red", "b", "{" REF("Role", "reader") "," USER("bob") "}");
    CHECK(!may(&w, "ann", "get - pods red x"));
    CHECK(may(&w, "bob", "get - pods red x"));
    rbac_remove(w.rbac, RBAC_ROLE_BINDING, BYTES("red"), BYTES("b"));
    CHECK(!may(&w, "bob", "get - pods red x"));
    end(&w);
}

TEST(rbac, a_subject_without_a_namespace_is_of_the_bindings_own)
{
    struct world w = begin();

    put(&w, RBAC_ROLE, "red", "reader", READER);
    put(&w, RBAC_ROLE_BINDING, "red", "b",
        "{" REF("Role", "reader") ",'subjects':[{'kind':'ServiceAccount','name':'bot'}]}");
    CHECK(may(&w, "system:serviceaccount:red:bot", "get - pods red x"));
    CHECK(!may(&w, "system:serviceaccount:blue:bot", "get - pods red x"));
    end(&w);
}

TEST(rbac, the_reason_names_the_binding_or_the_role_that_is_missing)
{
    struct world w = begin();
    struct user ann = {.name = BYTES("ann")};
    struct access what = access_of(&w, "get - pods red x");
    struct buf reason = {0};

    put(&w, RBAC_ROLE_BINDING, "red", "b", "{" REF("Role", "reader") "," USER("ann") "}");
    CHECK(!rbac_allows(w.rbac, &ann, &what, &reason));
    CHECK_TEXT(buf_bytes(&reason), "RBAC: role.rbac.authorization.k8s.io \"reader\" not found");
    put(&w, RBAC_ROLE, "red", "reader", READER);
    reason.len = 0;
    CHECK(rbac_allows(w.rbac, &ann, &what, &reason));
    CHECK_TEXT(buf_bytes(&reason), "RBAC: allowed by RoleBinding \"b/red\" of Role \"reader\" to "
                                   "User \"ann\"");
    buf_release(&reason);
    end(&w);
}

/* ---- covering ---- */

static bool covers(struct world *world, const char *wanted, const char *missing)
{
    struct user ann = {.name = BYTES("ann")};
    struct buf lines = {0};
    bool all = rbac_covers(world->rbac, &ann, BYTES("red"),
                           rbac_rules_read(&world->arena, parse(world, wanted)), &lines);

    CHECK_TEXT(buf_bytes(&lines), missing);
    buf_release(&lines);
    return all;
}

TEST(rbac, nobody_covers_what_he_does_not_have)
{
    struct world w = begin();

    put(&w, RBAC_ROLE, "red", "mine",
        "{'rules':[{'apiGroups':['','apps'],'resources':['pods','*/scale'],'verbs':['get','list']},"
        "{'apiGroups':[''],'resources':['secrets'],'resourceNames':['key'],'verbs':['get']}]}");
    put(&w, RBAC_ROLE_BINDING, "red", "b", "{" REF("Role", "mine") "," USER("ann") "}");
    CHECK(covers(&w, "[{'apiGroups':[''],'resources':['pods'],'verbs':['list','get']}]", ""));
    CHECK(covers(&w, "[{'apiGroups':['apps'],'resources':['deployments/scale'],'verbs':['get']}]",
                 ""));
    CHECK(covers(&w,
                 "[{'apiGroups':[''],'resources':['secrets'],'resourceNames':['key'],"
                 "'verbs':['get']}]",
                 ""));
    CHECK(!covers(&w, "[{'apiGroups':[''],'resources':['secrets'],'verbs':['get']}]",
                  "{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]}"));
    CHECK(!covers(&w, "[{'apiGroups':[''],'resources':['pods','nodes'],'verbs':['get','delete']}]",
                  "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"delete\"]}\n"
                  "{APIGroups:[\"\"], Resources:[\"nodes\"], Verbs:[\"get\" \"delete\"]}"));
    CHECK(!covers(&w, "[{'apiGroups':['*'],'resources':['*'],'verbs':['*']}]",
                  "{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}"));
    CHECK(!covers(&w, "[{'apiGroups':['batch'],'resources':['pods'],'verbs':['get']}]",
                  "{APIGroups:[\"batch\"], Resources:[\"pods\"], Verbs:[\"get\"]}"));
    CHECK(!covers(&w, "[{'nonResourceURLs':['/x'],'verbs':['get']}]",
                  "{NonResourceURLs:[\"/x\"], Verbs:[\"get\"]}"));
    end(&w);
}

TEST(rbac, a_rule_of_a_million_rights_costs_a_bounded_time)
{
    struct world w = begin();
    struct buf text = {0};
    struct user ann = {.name = BYTES("ann")};

    buf_append_str(&text, "[{\"apiGroups\":[\"\"");
    for (int i = 0; i < 1000; i++)
        buf_appendf(&text, ",\"g%d\"", i);
    buf_append_str(&text, "],\"resources\":[\"pods\"");
    for (int i = 0; i < 1000; i++)
        buf_appendf(&text, ",\"r%d\"", i);
    buf_append_str(&text, "],\"verbs\":[\"get\",\"list\",\"watch\"]}]");
    buf_append_char(&text, '\0');
    CHECK(!rbac_covers(w.rbac, &ann, BYTES(""), rbac_rules_read(&w.arena, parse(&w, text.data)),
                       NULL));
    buf_release(&text);
    end(&w);
}
