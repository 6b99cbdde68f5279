/* Each allocation fails in turn (unit/no_memory.h): a piece of work is done whole, as it was with
 * memory, or it says that memory was short. */
#include "unit/no_memory.h"

#include "codec/framer.h"
#include "codec/jsonpath.h"
#include "codec/jsonpath_template.h"
#include "codec/media_type.h"
#include "codec/object.h"
#include "codec/patch.h"
#include "codec/projection.h"
#include "codec/status_object.h"
#include "codec/transcoder.h"
#include "codec/transcoder_custom.h"
#include "codec/yaml.h"
#include "proto/core_v1.pb-c.h"
#include "unit/codec/trees.h"

/* ---- work: what it makes of its input stands in `out` ---- */

struct work {
    enum status (*run)(struct work *work);
    enum status expected;       /* what it says with memory */
    const char *text;           /* with ' for " */
    const char *more;           /* the same */
    struct arena input, arena;  /* of what is given, and of what is made */
    struct json *tree, *second; /* of `text` and `more` */
    struct error err;
    struct buf out, first_out; /* of this run, and of the one with memory */
};

static void write_tree(struct work *work, const struct json *tree)
{
    json_write(&work->out, tree, false);
}

static enum status play(void *user)
{
    struct work *work = user;
    enum status st;

    work->err = (struct error){0};
    st = work->run(work);
    if ((st == STATUS_OK || st == work->expected) && (work->arena.failed || work->out.failed))
        st = STATUS_NO_MEMORY;
    if (st == work->expected && st != STATUS_OK) /* refused, for its own reason */
        st = STATUS_OK;
    story_pause();
    if (st != STATUS_OK && st != STATUS_NO_MEMORY)
        fprintf(stderr, "%s\n", error_message(&work->err));
    if (st == STATUS_OK && work->first_out.data == NULL)
        buf_append(&work->first_out, work->out.data, work->out.len);
    else if (st == STATUS_OK)
        CHECK(bytes_eq(buf_bytes(&work->out), buf_bytes(&work->first_out)));
    story_go_on();
    buf_release(&work->out);
    arena_release(&work->arena);
    error_release(&work->err);
    return st;
}

static void check_work(struct work work)
{
    if (work.text != NULL)
        work.tree = tree_of(&work.input, work.text);
    if (work.more != NULL)
        work.second = tree_of(&work.input, work.more);
    fail_each(play, &work, 0);
    buf_release(&work.first_out);
    arena_release(&work.input);
}

/* ---- JSON and YAML ---- */

static const char document[] =
    "{'a':[1,2.5,-3e2,true,null,{'b':'\\u00e9\\n','c':{}}],'n':{'0':'','1':{},'2':[],'3':4,'5':6,"
    "'7':8,'9':10,'x':11,'y':12,'z':13,'aa':14,'bb':15,'cc':16,'dd':17,'ee':18,'ff':19},"
    "'s':'quote \\\"','long':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}";

static enum status read_json(struct work *work)
{
    struct json_report report = {0};
    struct json *tree;
    enum status st = json_parse(
        &work->arena, BYTES("{\"a\":{\"b\":\"\\u00e9\",\"b\":2},\"c\":[[],{}],\"a\":[\"\\n\"]}"),
        &tree, &report, &work->err);

    if (st == STATUS_OK)
        write_tree(work, tree);
    return st;
}

static enum status build_json(struct work *work)
{
    struct arena *arena = &work->arena;
    struct json *tree = json_copy(arena, work->tree), *list = json_new_array(arena);

    json_set(tree, BYTES("list"), list);
    json_append(list, json_new_int(arena, -7));
    json_append(list, json_new_bool(arena, true));
    json_insert(list, 1, json_new_number(arena, BYTES("1.50")));
    json_append(json_get(tree, BYTES("a")), json_new_string(arena, BYTES("\x01")));
    json_set_text(arena, json_ensure_object(arena, tree, "made"), "key", BYTES("value"));
    json_sort(tree);
    if (tree != NULL)
        json_write(&work->out, tree, true);
    return STATUS_OK;
}

static enum status read_yaml(struct work *work)
{
    struct json *tree;
    enum status st = yaml_parse_all(
        &work->arena,
        BYTES("base: &b {x: 1, y: [~, 'q', \"\\u00e9\"]}\n"
              "other:\n  <<: *b\n  z: !!binary aGk=\n  0x10: 1_000\n  1.50: 2001-01-01\n"
              "many: {<<: [*b, {w: &s text}], v: *s}\n"
              "block: |\n  a\n  b\n---\n- !!str 1\n- !!float 1e3\n- -0.5\n"),
        &tree, &work->err);

    if (st == STATUS_OK)
        write_tree(work, tree);
    return st;
}

static enum status refuse_yaml(struct work *work)
{
    struct json *tree;

    return yaml_parse(&work->arena, BYTES("a: 1\nb: *gone\n"), &tree, &work->err);
}

static enum status write_yaml(struct work *work)
{
    yaml_write(&work->out, work->tree);
    return STATUS_OK;
}

TEST(no_memory, json_and_yaml_are_read_and_written_or_not_at_all)
{
    check_work((struct work){.run = read_json});
    check_work((struct work){.run = build_json, .text = document});
    check_work((struct work){.run = read_yaml});
    check_work((struct work){.run = refuse_yaml, .expected = STATUS_BAD_REQUEST});
    check_work((struct work){.run = write_yaml, .text = document});
}

static enum status compare(struct work *work)
{
    buf_append_str(&work->out, json_equal(work->tree, work->second) ? "same" : "other");
    return STATUS_OK;
}

/* It cannot say that memory is short, so it does without. */
TEST(no_memory, trees_are_compared_all_the_same)
{
    check_work((struct work){.run = compare, .text = document, .more = document});
}

/* ---- patches ---- */

static enum status patch_json(struct work *work)
{
    struct json *target = json_copy(&work->arena, work->tree);
    enum status st = target == NULL
                         ? STATUS_NO_MEMORY
                         : json_patch_apply(&work->arena, &target, work->second, &work->err);

    if (st == STATUS_OK)
        write_tree(work, target);
    return st;
}

static enum status patch_merge(struct work *work)
{
    struct json *target = json_copy(&work->arena, work->tree);

    target = target == NULL ? NULL : json_merge_patch_apply(&work->arena, target, work->second);
    if (target != NULL && !work->arena.failed)
        write_tree(work, target);
    return STATUS_OK;
}

static enum status patch_strategic(struct work *work)
{
    struct json *target = json_copy(&work->arena, work->tree);
    const struct merge_rule rules[] = {
        {.path = "containers", .merge_key = "name"},
        {.path = "containers.ports", .merge_key = "port"},
        {.path = "finalizers"},
        {.path = "volumes", .merge_key = "name", .retain_keys = true},
        {.path = "strategy", .retain_keys = true},
    };
    enum status st = target == NULL
                         ? STATUS_NO_MEMORY
                         : strategic_merge_patch_apply(&work->arena, target, work->second, rules,
                                                       ARRAY_LEN(rules), &work->err);

    if (st == STATUS_OK)
        write_tree(work, target);
    return st;
}

TEST(no_memory, a_patch_is_applied_or_not_at_all)
{
    check_work((struct work){
        .run = patch_json,
        .text = document,
        .more =
            "[{'op':'add','path':'/a/0','value':{'k':[1]}},{'op':'copy','from':'/n','path':'/m'},"
            "{'op':'move','from':'/a/1','path':'/moved'},{'op':'replace','path':'/s','value':''},"
            "{'op':'test','path':'/m/3','value':4},{'op':'remove','path':'/a/1'},"
            "{'op':'add','path':'/~0~1','value':null},{'op':'remove','path':'/long'}]"});
    check_work((struct work){.run = patch_json,
                             .expected = STATUS_INVALID,
                             .text = document,
                             .more = "[{'op':'test','path':'/s','value':'no'}]"});
    check_work((struct work){.run = patch_merge,
                             .text = document,
                             .more = "{'a':null,'n':{'0':null,'new':{'x':null,'y':[{}]}},'s':1}"});
    check_work((struct work){
        .run = patch_strategic,
        .text = "{'containers':[{'name':'a','ports':[{'port':1}]},{'name':'b'},{'name':'c'}],"
                "'finalizers':['x','y','z'],'volumes':[{'name':'v','one':{}},{'name':'w'}],"
                "'strategy':{'type':'r','rolling':{}},'same':[1,2]}",
        .more = "{'containers':[{'name':'b','$patch':'delete'},{'name':'a','ports':[{'port':2},"
                "{'port':1,'p':true}]},{'name':'new','x':null,'y':{'z':null,'w':1}}],"
                "'$setElementOrder/containers':[{'name':'a'},{'name':'new'}],"
                "'$deleteFromPrimitiveList/finalizers':['y'],'finalizers':['n'],"
                "'$setElementOrder/finalizers':['z','n','x'],"
                "'volumes':[{'name':'v','two':{},'$retainKeys':['name','two']}],"
                "'strategy':{'$retainKeys':['type'],'type':'s'},'same':[{'m':null}],"
                "'added':{'$patch':'replace','q':[null]}}"});
    check_work((struct work){.run = patch_strategic,
                             .expected = STATUS_BAD_REQUEST,
                             .text = "{'containers':[{'name':'a'}]}",
                             .more = "{'containers':[{'nameless':1}]}"});
}

/* ---- selectors, paths, projections ---- */

static enum status select_labels(struct work *work)
{
    static const struct label labels[] = {{BYTES_INIT("a"), BYTES_INIT("1")},
                                          {BYTES_INIT("n"), BYTES_INIT("7")}};
    struct label_selector *selector = NULL;
    enum status st = label_selector_parse(BYTES("a in (1,2,3),b notin (x, y),c!=d,!e,n>5,n<9,a"),
                                          &selector, &work->err);

    if (st == STATUS_OK)
        buf_append_str(&work->out,
                       label_selector_matches(selector, labels, ARRAY_LEN(labels)) ? "yes" : "no");
    label_selector_free(selector);
    return st;
}

static enum status refuse_labels(struct work *work)
{
    struct label_selector *selector = NULL;

    return label_selector_parse(BYTES("a in (1,2),b notin (x"), &selector, &work->err);
}

static enum status select_fields(struct work *work)
{
    struct field_selector *selector = NULL;
    enum status st =
        field_selector_parse(BYTES("metadata.name=a\\,b,spec.x!=\\=,y==z"), &selector, &work->err);

    for (size_t i = 0; st == STATUS_OK && i < selector->count; i++)
        buf_appendf(&work->out, "%.*s=%.*s;", BYTES_FMT(selector->terms[i].field),
                    BYTES_FMT(selector->terms[i].value));
    field_selector_free(selector);
    return st;
}

static enum status fill_template(struct work *work)
{
    struct jsonpath_template template = {0};
    enum status st = jsonpath_template_parse(
        &work->arena,
        BYTES("{range .items[?(@.n>1)]}{.name}:{.list}{\"\\t\"}{end}{..name}"
              "{.items[0]['name','n']}{.items[*].n}{.items[-2:].list}{'text'}{.*}"),
        &template, &work->err);

    if (st == STATUS_OK)
        st = jsonpath_template_write(&template, work->tree, jsonpath_write_text, &work->out,
                                     &work->err);
    return st;
}

static enum status project(struct work *work)
{
    struct projection *projection = NULL;
    enum status st =
        projection_parse(BYTES("metadata.labels,spec.a.b,status"),
                         BYTES("metadata,spec.a,spec.list.x"), &projection, &work->err);

    if (st == STATUS_OK)
        projection_write(
            &work->out, projection,
            BYTES("{\"metadata\":{\"name\":\"n\",\"labels\":{}},\"spec\":{\"a\":{\"b\":1,"
                  "\"c\":2},\"list\":[{\"x\":1,\"y\":2}],\"z\":1},\"status\":{}}"));
    projection_unref(projection);
    return st;
}

static enum status accept_types(struct work *work)
{
    struct media_type *types = NULL;
    size_t count = media_type_parse_accept(
        &work->arena, BYTES("text/html;q=0.5,application/json;as=\"Table\\\"\",*/*;q=0.1"), &types);

    for (size_t i = 0; i < count && !work->arena.failed; i++)
        buf_appendf(&work->out, "%.*s;", BYTES_FMT(types[i].subtype));
    return STATUS_OK;
}

TEST(no_memory, selectors_paths_and_projections_are_parsed_or_not_at_all)
{
    check_work((struct work){.run = select_labels});
    check_work((struct work){.run = refuse_labels, .expected = STATUS_BAD_REQUEST});
    check_work((struct work){.run = select_fields});
    check_work(
        (struct work){.run = fill_template,
                      .text = "{'items':[{'name':'a','n':1,'list':[1,2,3]},"
                              "{'name':'b','n':2,'list':[4,5,6]},{'name':'c','n':3,'list':[]}]}"});
    check_work((struct work){.run = project});
    check_work((struct work){.run = accept_types});
}

/* ---- objects ---- */

static const struct object_field pod_fields[] = {{"status.phase", "status.phase", ""},
                                                 {"spec.nodeName", "spec.nodeName", ""}};
static const char pod[] =
    "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p','namespace':'n','uid':'u','generation':"
    "2,"
    "'labels':{'b':'\\n','a':'1'},'annotations':{'x':'y'},'finalizers':['f','g'],"
    "'creationTimestamp':'2026-01-02T03:04:05Z','ownerReferences':[{'apiVersion':'v1','kind':'X',"
    "'name':'o','uid':'v','controller':true}],'managedFields':[{'manager':'m','fieldsV1':{'f:a':{}}"
    "}]},"
    "'spec':{'nodeName':'host','containers':[{'name':'c','image':'i','ports':[{'containerPort':80}]"
    ","
    "'resources':{'limits':{'cpu':'100m','memory':1}},'livenessProbe':{'httpGet':{'port':'http',"
    "'path':'/'}}}],'volumes':[{'name':'v','secret':{'secretName':'s'}}]},"
    "'status':{'phase':'Running','startTime':'2026-01-02T03:04:05Z'}}";

static enum status store_object(struct work *work)
{
    struct object *object = NULL, *loaded = NULL, *shown = NULL;
    struct json *tree = NULL;
    enum status st = object_new(work->tree, pod_fields, ARRAY_LEN(pod_fields), &object, &work->err);

    if (st == STATUS_OK)
        st = object_load(value_bytes(&object->base), 7, pod_fields, ARRAY_LEN(pod_fields), &loaded,
                         &work->err);
    if (st == STATUS_OK)
        st = object_load_image(value_bytes(&object->base), 8, &shown, &work->err);
    if (st == STATUS_OK)
        st = object_to_json(loaded, 9, BYTES("v2"), &work->arena, &tree);
    if (st == STATUS_OK) {
        write_tree(work, tree);
        object_write(&work->out, shown, 0, BYTES(""));
    }
    object_unref(object);
    object_unref(loaded);
    object_unref(shown);
    return st;
}

static enum status write_status(struct work *work)
{
    struct error read = {0};

    error_set(&work->err, STATUS_INVALID, "Pod \"%s\" is invalid: [%s]", "p", "several things");
    error_set_details(&work->err, BYTES("g"), BYTES("pods"), BYTES("p"));
    error_add_cause(&work->err, "FieldValueRequired", BYTES("spec.x"), "Required value: %d", 7);
    error_add_cause(&work->err, "FieldValueInvalid", BYTES("spec.y"), "%s", "no");
    if (status_object_read(work->tree, &read))
        buf_append_str(&work->out, read.status == STATUS_NOT_FOUND ? "read;" : "");
    error_release(&read);
    return STATUS_OK; /* what an error can say without memory is less, and still an error */
}

TEST(no_memory, an_object_is_indexed_and_loaded_or_not_at_all)
{
    check_work((struct work){.run = store_object, .text = pod});
    check_work(
        (struct work){.run = write_status,
                      .text = "{'kind':'Status','apiVersion':'v1','status':'Failure','message':"
                              "'gone','reason':'NotFound','details':{'name':'p','kind':'pods',"
                              "'causes':[{'reason':'r','message':'m','field':'f'}]},'code':404}"});
}

static enum status cut_frames(struct work *work)
{
    struct framer framer;
    struct bytes frame;
    enum status st;

    framer_init(&framer, FRAMER_JSON, 1 << 16);
    for (int i = 0; i < 3; i++)
        framer_push(&framer, BYTES("{\"a\":[1,2]}\n{\"b\":"));
    while ((st = framer_next(&framer, &frame)) == STATUS_OK)
        buf_append(&work->out, frame.ptr, frame.len);
    framer_release(&framer);
    return st;
}

TEST(no_memory, a_stream_is_cut_or_given_up)
{
    check_work((struct work){.run = cut_frames, .expected = STATUS_END});
}

/* ---- protobuf ---- */

static enum status there_and_back(struct work *work)
{
    struct transcoder_report report = {.lenient = true};
    struct json *again = NULL;
    struct buf envelope = {0};
    enum status st = transcoder_write(&envelope, work->tree, &report, &work->err);

    if (st == STATUS_OK && envelope.failed)
        st = STATUS_NO_MEMORY;
    if (st == STATUS_OK)
        st = transcoder_read(&work->arena, buf_bytes(&envelope), BYTES(""), BYTES(""), &again,
                             &report, &work->err);
    if (st == STATUS_OK)
        write_tree(work, again);
    buf_release(&envelope);
    transcoder_report_release(&report);
    return st;
}

static enum status write_text(struct work *work)
{
    transcoder_write_text(
        &work->out, NULL,
        BYTES("{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"data\":{\"a\":\"aGk=\"},"
              "\"metadata\":{\"name\":\"s\",\"unknown\":[1]}}"));
    return STATUS_OK;
}

static enum status use_descriptor(struct work *work)
{
    struct message_set *set = NULL;
    enum status st =
        message_set_new(&k8s__io__api__core__v1__config_map__descriptor, &set, &work->err);

    if (st == STATUS_OK)
        st = transcoder_from_json(&work->out, message_set_root(set), work->tree, NULL, &work->err);
    message_set_free(set);
    return st;
}

static enum status use_schema(struct work *work)
{
    struct custom_messages *messages = NULL;
    struct json *again = NULL;
    struct buf envelope = {0};
    enum status st = custom_messages_new(BYTES("example.com"), BYTES("v1"), BYTES("Cron"),
                                         work->tree, NULL, &messages, &work->err);

    if (st == STATUS_OK)
        st = transcoder_write_as(&envelope, custom_messages_kind(messages), work->second, NULL,
                                 &work->err);
    if (st == STATUS_OK && envelope.failed)
        st = STATUS_NO_MEMORY;
    if (st == STATUS_OK)
        st = transcoder_read_as(&work->arena, custom_messages_kind(messages), buf_bytes(&envelope),
                                BYTES("example.com/v1"), BYTES("Cron"), &again, NULL, &work->err);
    if (st == STATUS_OK) {
        write_tree(work, again);
        custom_messages_write_proto(&work->out, messages);
    }
    buf_release(&envelope);
    custom_messages_free(messages);
    return st;
}

TEST(no_memory, protobuf_is_written_and_read_or_not_at_all)
{
    check_work((struct work){.run = there_and_back, .text = pod});
    check_work((struct work){
        .run = there_and_back,
        .text =
            "{'apiVersion':'apiextensions.k8s.io/v1','kind':'CustomResourceDefinition','metadata':{"
            "'name':7,'labels':{'a':true}},'spec':{'group':'g','versions':[{'name':'v1','schema':{"
            "'openAPIV3Schema':{'type':'object','default':{'x':[1]},'enum':['a',1],'required':['a']"
            ","
            "'properties':{'a':{'items':{'type':'string'}},'b':{'additionalProperties':false}}}}}]}"
            "}"});
    check_work((struct work){.run = write_text});
    check_work((struct work){.run = use_descriptor,
                             .text = "{'metadata':{'name':'c'},'data':{'k':'v'},'binaryData':{'b':'"
                                     "aGk='},'immutable':true}"});
    check_work((struct work){
        .run = use_schema,
        .text = "{'type':'object','properties':{'spec':{'type':'object','properties':{"
                "'cron-spec':{'type':'string'},'n':{'type':'integer'},"
                "'map':{'type':'object','additionalProperties':{'type':'object','properties':{"
                "'n':{'type':'integer'}}}},'open':{'x-kubernetes-preserve-unknown-fields':true},"
                "'list':{'type':'array','items':{'type':'array','items':{'type':'integer'}}}}}}}",
        .more =
            "{'apiVersion':'example.com/v1','kind':'Cron','metadata':{'name':'c'},'spec':{"
            "'cron-spec':'* *','n':3,'map':{'k':{'n':1}},'open':{'x':[1]},'list':[[1],[2,3]]}}"});
}
