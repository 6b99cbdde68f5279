#include "unit/test.h"

#include "codec/merge_rules.h"
#include "codec/patch.h"
#include "unit/codec/trees.h"

/* ---- helpers ---- */

static enum status apply(struct arena *arena, const char *kind, struct json *target,
                         const struct json *patch, struct error *reterr)
{
    struct bytes group = strcmp(kind, "Deployment") == 0            ? BYTES("apps")
                         : strcmp(kind, "PodDisruptionBudget") == 0 ? BYTES("policy")
                                                                    : BYTES("");
    size_t count;
    const struct merge_rule *rules = merge_rules_for(group, bytes_str(kind), &count);

    return strategic_merge_patch_apply(arena, target, patch, rules, count, reterr);
}

static void check_patch(const char *kind, const char *target, const char *patch,
                        const char *expected)
{
    struct arena arena = {0};
    struct error err = {0};
    struct json *tree = tree_of(&arena, target), *change = tree_of(&arena, patch);
    const struct json *before = json_copy(&arena, change);

    if (apply(&arena, kind, tree, change, &err) != STATUS_OK)
        fail_msg("%s: %s", patch, error_message(&err));
    CHECK_TEXT(text_of(&arena, tree), expected);
    CHECK(json_equal(change, before)); /* a retry applies it again */
    arena_release(&arena);
}

static void check_pod_spec(const char *target, const char *patch, const char *expected)
{
    struct arena arena = {0};

    check_patch("Pod", arena_printf(&arena, "{'spec':%s}", target).ptr,
                arena_printf(&arena, "{'spec':%s}", patch).ptr,
                arena_printf(&arena, "{'spec':%s}", expected).ptr);
    arena_release(&arena);
}

static void check_refused(const char *kind, const char *target, const char *patch,
                          const char *message)
{
    struct arena arena = {0};
    struct error err = {0};

    CHECK(apply(&arena, kind, tree_of(&arena, target), tree_of(&arena, patch), &err) ==
          STATUS_BAD_REQUEST);
    CHECK_TEXT(bytes_str(error_message(&err)), message);
    error_release(&err);
    arena_release(&arena);
}

/* ---- objects ---- */

TEST(strategic_merge_patch, objects_merge_and_null_deletes)
{
    check_patch("ConfigMap", "{'metadata':{'labels':{'a':'1','b':'2'}},'data':{'k':'v'}}",
                "{'metadata':{'labels':{'a':null,'c':'3'}},'data':{'k':'w'}}",
                "{'metadata':{'labels':{'b':'2','c':'3'}},'data':{'k':'w'}}");
    check_patch("ConfigMap", "{'data':{'k':'v'}}", "{'data':null}", "{}");
}

TEST(strategic_merge_patch, what_is_new_comes_without_nulls)
{
    check_patch("ConfigMap", "{}", "{'metadata':{'labels':{'a':null,'b':'1'}},'x':[{'y':null}]}",
                "{'metadata':{'labels':{'b':'1'}},'x':[{}]}");
}

TEST(strategic_merge_patch, a_map_can_be_replaced_or_emptied)
{
    check_pod_spec("{'nodeSelector':{'a':'1'}}", "{'nodeSelector':{'$patch':'replace','b':'2'}}",
                   "{'nodeSelector':{'b':'2'}}");
    check_pod_spec("{'affinity':{'podAffinity':{}},'x':1}", "{'affinity':{'$patch':'delete'}}",
                   "{'affinity':{},'x':1}");
    check_pod_spec("{'x':1}", "{'affinity':{'$patch':'delete'}}", "{'x':1}");
    check_pod_spec("{'nodeSelector':{'a':'1'}}", "{'nodeSelector':{'$patch':'merge','b':'2'}}",
                   "{'nodeSelector':{'a':'1','b':'2'}}");
}

TEST(strategic_merge_patch, the_whole_object_can_be_replaced)
{
    check_patch("ConfigMap", "{'data':{'k':'v'},'x':1}", "{'$patch':'replace','data':{}}",
                "{'data':{}}");
}

TEST(strategic_merge_patch, a_selector_of_a_disruption_budget_is_replaced_as_a_whole)
{
    check_patch("PodDisruptionBudget", "{'spec':{'selector':{'matchLabels':{'a':'b'}}}}",
                "{'spec':{'selector':{'matchLabels':{'c':'d'}}}}",
                "{'spec':{'selector':{'matchLabels':{'c':'d'}}}}");
}

TEST(strategic_merge_patch, a_value_of_another_type_is_replaced)
{
    check_pod_spec("{'a':{'b':1},'c':[1]}", "{'a':[2],'c':{'d':3}}", "{'a':[2],'c':{'d':3}}");
}

/* ---- lists by key ---- */

TEST(strategic_merge_patch, containers_merge_by_name)
{
    check_pod_spec("{'containers':[{'name':'a','image':'a:1'},{'name':'b','image':'b:1'}]}",
                   "{'containers':[{'name':'b','image':'b:2'}]}",
                   "{'containers':[{'name':'a','image':'a:1'},{'name':'b','image':'b:2'}]}");
}

TEST(strategic_merge_patch, a_new_container_stands_before_those_the_patch_does_not_name)
{
    check_pod_spec("{'containers':[{'name':'a'}]}", "{'containers':[{'name':'side'}]}",
                   "{'containers':[{'name':'side'},{'name':'a'}]}");
}

TEST(strategic_merge_patch, lists_inside_containers_have_keys_of_their_own)
{
    check_pod_spec(
        "{'containers':[{'name':'a','ports':[{'containerPort':80,'protocol':'TCP'}],"
        "'env':[{'name':'X','value':'1'}],'volumeMounts':[{'mountPath':'/m','name':'v'}]}]}",
        "{'containers':[{'name':'a','ports':[{'containerPort':80,'name':'http'}],"
        "'env':[{'name':'X','value':'2'},{'name':'Y','value':'3'}],"
        "'volumeMounts':[{'mountPath':'/m','name':'w'}]}]}",
        "{'containers':[{'name':'a','ports':[{'containerPort':80,'protocol':'TCP','name':'http'}],"
        "'env':[{'name':'X','value':'2'},{'name':'Y','value':'3'}],"
        "'volumeMounts':[{'mountPath':'/m','name':'w'}]}]}");
}

TEST(strategic_merge_patch, number_keys_and_text_keys_differ)
{
    check_patch("Service", "{'spec':{'ports':[{'port':80,'name':'a'}]}}",
                "{'spec':{'ports':[{'port':'80','name':'b'},{'port':8.0e1,'name':'c'}]}}",
                "{'spec':{'ports':[{'port':'80','name':'b'},{'port':8.0e1,'name':'c'}]}}");
}

TEST(strategic_merge_patch, an_item_is_deleted_by_its_key)
{
    check_pod_spec(
        "{'containers':[{'name':'a'},{'name':'b'},{'name':'c'}]}",
        "{'containers':[{'name':'b','$patch':'delete'},{'name':'zz','$patch':'delete'}]}",
        "{'containers':[{'name':'a'},{'name':'c'}]}");
}

TEST(strategic_merge_patch, a_deleted_item_can_come_back_new)
{
    check_pod_spec("{'containers':[{'name':'a','image':'x'}]}",
                   "{'containers':[{'name':'a','$patch':'delete'},{'name':'a','image':'y'}]}",
                   "{'containers':[{'name':'a','image':'y'}]}");
}

TEST(strategic_merge_patch, a_list_can_be_replaced_as_a_whole)
{
    check_pod_spec("{'containers':[{'name':'a'},{'name':'b'}]}",
                   "{'containers':[{'name':'c'},{'$patch':'replace'},{'name':'a','image':'x'}]}",
                   "{'containers':[{'name':'c'},{'name':'a','image':'x'}]}");
    check_pod_spec("{'containers':[{'name':'a'}]}", "{'containers':[{'$patch':'replace'}]}",
                   "{'containers':[]}");
}

TEST(strategic_merge_patch, lists_without_a_rule_are_replaced)
{
    check_pod_spec("{'tolerations':[{'key':'a'},{'key':'b'}],'x':[1]}",
                   "{'tolerations':[{'key':'c'}],'x':[2]}",
                   "{'tolerations':[{'key':'c'}],'x':[2]}");
}

TEST(strategic_merge_patch, rules_of_pods_hold_in_templates)
{
    check_patch("Deployment",
                "{'spec':{'template':{'spec':{'containers':[{'name':'a','image':'1'}]}}}}",
                "{'spec':{'template':{'spec':{'containers':[{'name':'a','tty':true}]}}}}",
                "{'spec':{'template':{'spec':{'containers':[{'name':'a','image':'1',"
                "'tty':true}]}}}}");
}

TEST(strategic_merge_patch, rules_hold_only_where_they_say)
{
    check_patch("Deployment",
                "{'metadata':{'annotations':{}},'ports':[{'port':1}],"
                "'status':{'conditions':[{'type':'A'}]}}",
                "{'ports':[{'port':2}],'status':{'conditions':[{'type':'B'}]}}",
                "{'metadata':{'annotations':{}},'ports':[{'port':2}],"
                "'status':{'conditions':[{'type':'B'},{'type':'A'}]}}");
}

TEST(strategic_merge_patch, a_rule_without_a_wildcard_begins_at_the_root)
{
    check_patch("Service", "{'x':{'spec':{'ports':[{'port':1}]}}}",
                "{'x':{'spec':{'ports':[{'port':2}]}}}", "{'x':{'spec':{'ports':[{'port':2}]}}}");
}

TEST(strategic_merge_patch, owners_merge_by_uid_and_conditions_by_type)
{
    check_patch("Pod",
                "{'metadata':{'ownerReferences':[{'uid':'1','name':'a'}]},"
                "'status':{'conditions':[{'type':'Ready','status':'False'}]}}",
                "{'metadata':{'ownerReferences':[{'uid':'1','controller':true}]},"
                "'status':{'conditions':[{'type':'Ready','status':'True'}]}}",
                "{'metadata':{'ownerReferences':[{'uid':'1','name':'a','controller':true}]},"
                "'status':{'conditions':[{'type':'Ready','status':'True'}]}}");
}

/* ---- sets ---- */

TEST(strategic_merge_patch, finalizers_merge_as_a_set)
{
    check_patch("Pod", "{'metadata':{'finalizers':['a','b']}}",
                "{'metadata':{'finalizers':['b','c']}}",
                "{'metadata':{'finalizers':['a','b','c']}}");
}

TEST(strategic_merge_patch, scalars_are_deleted_by_a_parallel_list)
{
    check_patch("Pod", "{'metadata':{'finalizers':['a','b','c']}}",
                "{'metadata':{'$deleteFromPrimitiveList/finalizers':['b','x'],'finalizers':['d']}}",
                "{'metadata':{'finalizers':['d','a','c']}}");
    check_patch("Pod", "{'metadata':{}}",
                "{'metadata':{'$deleteFromPrimitiveList/finalizers':['b']}}", "{'metadata':{}}");
}

/* ---- order ---- */

TEST(strategic_merge_patch, an_order_list_sorts_objects)
{
    check_pod_spec("{'containers':[{'name':'a'},{'name':'b'},{'name':'c'}]}",
                   "{'$setElementOrder/containers':[{'name':'c'},{'name':'b'},{'name':'a'}]}",
                   "{'containers':[{'name':'c'},{'name':'b'},{'name':'a'}]}");
}

TEST(strategic_merge_patch, an_order_list_sorts_scalars)
{
    check_patch("Pod", "{'metadata':{'finalizers':['a','b','c']}}",
                "{'metadata':{'$setElementOrder/finalizers':['d','c','a'],'finalizers':['d']}}",
                "{'metadata':{'finalizers':['d','b','c','a']}}");
}

TEST(strategic_merge_patch, what_others_added_keeps_its_place_among_what_is_ordered)
{
    check_pod_spec("{'containers':[{'name':'injected'},{'name':'a'},{'name':'b'}]}",
                   "{'$setElementOrder/containers':[{'name':'a'},{'name':'b'}],"
                   "'containers':[{'name':'b','image':'2'}]}",
                   "{'containers':[{'name':'injected'},{'name':'a'},{'name':'b','image':'2'}]}");
}

TEST(strategic_merge_patch, a_list_that_is_new_takes_the_order_list)
{
    check_pod_spec("{}",
                   "{'$setElementOrder/containers':[{'name':'b'},{'name':'a'}],"
                   "'containers':[{'name':'b'},{'name':'a'},{'name':'old','$patch':'delete'}]}",
                   "{'containers':[{'name':'b'},{'name':'a'}]}");
    check_pod_spec("{}", "{'$setElementOrder/containers':[{'name':'a'}]}", "{}");
}

/* The shape of `kubectl apply` after a container was renamed in the manifest. */
TEST(strategic_merge_patch, kubectl_apply_of_a_renamed_container_works)
{
    check_patch(
        "Deployment",
        "{'spec':{'template':{'spec':{'containers':[{'name':'old','image':'x'},"
        "{'name':'mesh','image':'m'}]}}}}",
        "{'metadata':{'annotations':{'kubectl.kubernetes.io/last-applied-configuration':'{}'}},"
        "'spec':{'template':{'spec':{'$setElementOrder/containers':[{'name':'new'}],"
        "'containers':[{'image':'x','name':'new'},{'$patch':'delete','name':'old'}]}}}}",
        "{'spec':{'template':{'spec':{'containers':[{'name':'mesh','image':'m'},"
        "{'image':'x','name':'new'}]}}},'metadata':{'annotations':"
        "{'kubectl.kubernetes.io/last-applied-configuration':'{}'}}}");
}

/* `kubectl set image deployment/x a=a:2`. */
TEST(strategic_merge_patch, kubectl_set_image_works)
{
    check_patch("Deployment",
                "{'spec':{'template':{'spec':{'containers':[{'name':'a','image':'a:1'},"
                "{'name':'b','image':'b:1'}]}}}}",
                "{'spec':{'template':{'spec':{'$setElementOrder/containers':[{'name':'a'},"
                "{'name':'b'}],'containers':[{'image':'a:2','name':'a'}]}}}}",
                "{'spec':{'template':{'spec':{'containers':[{'name':'a','image':'a:2'},"
                "{'name':'b','image':'b:1'}]}}}}");
}

/* A manifest whose env lost X and gained Y. */
TEST(strategic_merge_patch, kubectl_apply_of_changed_env_works)
{
    check_pod_spec(
        "{'containers':[{'name':'a','env':[{'name':'X','value':'1'},{'name':'Z','value':'9'}]}]}",
        "{'$setElementOrder/containers':[{'name':'a'}],'containers':[{'$setElementOrder/env':"
        "[{'name':'Y'},{'name':'Z'}],'env':[{'name':'Y','value':'2'},"
        "{'$patch':'delete','name':'X'}],'name':'a'}]}",
        "{'containers':[{'name':'a','env':[{'name':'Y','value':'2'},{'name':'Z','value':'9'}]}]}");
}

/* ---- retainKeys ---- */

TEST(strategic_merge_patch, retain_keys_drops_the_other_members)
{
    check_pod_spec("{'volumes':[{'name':'v','emptyDir':{}}]}",
                   "{'volumes':[{'$retainKeys':['name','configMap'],'configMap':{'name':'c'},"
                   "'name':'v'}]}",
                   "{'volumes':[{'name':'v','configMap':{'name':'c'}}]}");
    check_patch("Deployment",
                "{'spec':{'strategy':{'type':'RollingUpdate','rollingUpdate':{'maxSurge':1}}}}",
                "{'spec':{'strategy':{'$retainKeys':['type'],'type':'Recreate'}}}",
                "{'spec':{'strategy':{'type':'Recreate'}}}");
}

TEST(strategic_merge_patch, retain_keys_must_name_what_the_patch_sets)
{
    check_refused("Deployment", "{'spec':{'strategy':{}}}",
                  "{'spec':{'strategy':{'$retainKeys':['type'],'rollingUpdate':{}}}}",
                  "invalid patch format of retainKeys");
    check_refused("Deployment", "{'spec':{'strategy':{}}}",
                  "{'spec':{'strategy':{'$retainKeys':'type'}}}",
                  "invalid patch format of retainKeys");
}

/* ---- refusals ---- */

TEST(strategic_merge_patch, an_item_needs_its_merge_key)
{
    check_refused("Pod", "{'spec':{'containers':[{'name':'a'}]}}",
                  "{'spec':{'containers':[{'image':'x'}]}}",
                  "map: {\"image\":\"x\"} does not contain declared merge key: name");
    check_refused("Pod", "{'spec':{'containers':[{'name':'a'}]}}",
                  "{'spec':{'containers':[{'$patch':'delete'}]}}",
                  "map: {\"$patch\":\"delete\"} does not contain declared merge key: name");
}

TEST(strategic_merge_patch, items_of_the_wrong_type_are_refused)
{
    check_refused("Pod", "{'spec':{'containers':[{'name':'a'}]}}", "{'spec':{'containers':['a']}}",
                  "list element types are not identical: expected object, got string in "
                  "containers");
    check_refused("Pod", "{'metadata':{'finalizers':['a']}}", "{'metadata':{'finalizers':[{}]}}",
                  "list element types are not identical: expected scalar, got object in "
                  "finalizers");
    check_refused("Pod", "{'metadata':{'finalizers':['a']}}", "{'metadata':{'finalizers':[[]]}}",
                  "lists of lists are not supported");
}

TEST(strategic_merge_patch, malformed_directives_are_refused)
{
    check_refused("Pod", "{'a':{}}", "{'a':{'$patch':'bogus'}}", "unknown patch type: \"bogus\"");
    check_refused("Pod", "{'spec':{'containers':[{'name':'a'}]}}",
                  "{'spec':{'containers':[{'name':'a','$patch':1}]}}", "unknown patch type: 1");
    check_refused("Pod", "{'metadata':{'finalizers':['a']}}",
                  "{'metadata':{'$deleteFromPrimitiveList/finalizers':'a'}}",
                  "invalid patch format of primitive list");
    check_refused("Pod", "{'spec':{}}", "{'spec':{'$setElementOrder/containers':null}}",
                  "invalid patch format of setElementOrder list");
    check_refused("Pod", "{'spec':{'containers':{}}}",
                  "{'spec':{'$setElementOrder/containers':[]}}",
                  "invalid patch format of setElementOrder list");
}

TEST(strategic_merge_patch, the_patch_must_come_in_the_order_it_sets)
{
    check_refused("Pod", "{'spec':{'containers':[{'name':'a'},{'name':'b'}]}}",
                  "{'spec':{'$setElementOrder/containers':[{'name':'a'},{'name':'b'}],"
                  "'containers':[{'name':'b'},{'name':'a'}]}}",
                  "The order in patch list doesn't match $setElementOrder list of containers");
}

TEST(strategic_merge_patch, only_objects_are_patched)
{
    check_refused("Pod", "[]", "{}", "a strategic merge patch is an object, and changes one");
    check_refused("Pod", "{}", "[]", "a strategic merge patch is an object, and changes one");
}

/* ---- sizes ---- */

/* Items found by walking would make this 10^9 comparisons. */
TEST(strategic_merge_patch, lists_of_tens_of_thousands_are_not_quadratic)
{
    struct arena arena = {0};
    struct json *target = tree_of(&arena, "{'spec':{'ports':[]}}");
    struct json *patch = tree_of(&arena, "{'spec':{'ports':[],'$setElementOrder/ports':[]}}");
    struct json *old = json_at(target, "spec", "ports", NULL);
    struct json *change = json_at(patch, "spec", "ports", NULL);
    struct json *order = json_at(patch, "spec", "$setElementOrder/ports", NULL);

    for (int i = 0; i < 30000; i++) {
        struct json *item = json_new_object(&arena);

        json_set(item, BYTES("port"), json_new_int(&arena, i));
        json_append(old, item);
        json_append(order, json_copy(&arena, item));
        item = json_copy(&arena, item);
        json_set_text(&arena, item, "name", BYTES("x"));
        json_append(change, item);
    }
    CHECK(apply(&arena, "Service", target, patch, NULL) == STATUS_OK);
    CHECK_INT(old->count, 30000);
    CHECK_TEXT(json_get_text(old->last, "name"), "x");
    arena_release(&arena);
}
