#include "unit/test.h"

#include "unit/apiserver/watch/fake.h"

/* Watchers that are nothing but a filter and a place in a bucket: all of them are idle always. */
struct sleeper {
    struct list link;
    struct filter filter;
    struct bucket *bucket;
    int woken;
    char text[64];
};

static void count_wake(void *user, struct list *link)
{
    (void)user;
    list_entry(link, struct sleeper, link)->woken++;
}

/* `scope`: "" all, "x/" a namespace, "/a" a name, "x/a" an object. */
static void sleep_in(struct dispatcher *dispatcher, struct sleeper *sleeper, const char *scope,
                     const char *label_text, const char *field_text)
{
    size_t prefix = strlen(fake_maps.prefix), len = strlen(scope);

    snprintf(sleeper->text, sizeof(sleeper->text), "%s%s", fake_maps.prefix, scope);
    sleeper->filter = (struct filter){
        .kind = &fake_maps,
        .labels = labels(label_text),
        .fields = fields(field_text),
        .text = bytes_str(sleeper->text),
        .prefix_len = (uint32_t)prefix,
        .scope = len == 0                ? SCOPE_ALL
                 : scope[0] == '/'       ? SCOPE_NAME
                 : scope[len - 1] == '/' ? SCOPE_NAMESPACE
                                         : SCOPE_OBJECT,
    };
    sleeper->woken = 0;
    sleeper->link = (struct list){0};
    sleeper->bucket = dispatcher_join(dispatcher, &sleeper->filter);
    CHECK(sleeper->bucket != NULL);
    list_append(&sleeper->bucket->idle, &sleeper->link);
}

static void get_up(struct dispatcher *dispatcher, struct sleeper *sleeper)
{
    list_remove(&sleeper->link);
    dispatcher_leave(dispatcher, sleeper->bucket);
    label_selector_free(sleeper->filter.labels);
    field_selector_free(sleeper->filter.fields);
}

/* What became of the object at `key`: "name=label", or NULL for nothing. */
static struct watch_event *change(const char *key, const char *was, const char *is)
{
    struct object *prev = was != NULL ? fake_object(key, was, 1) : NULL;
    struct object *object = is != NULL ? fake_object(key, is, 2) : NULL;
    struct watch_event *event = watch_event_new(&(struct event){
        .rev = 2,
        .type = is != NULL ? EVENT_PUT : EVENT_DELETE,
        .key = bytes_str(key),
        .value = object != NULL ? &object->base : NULL,
        .prev = prev != NULL ? &prev->base : NULL,
    });

    object_unref(prev);
    object_unref(object);
    return event;
}

static void tell(const struct dispatcher *dispatcher, const char *key, const char *was,
                 const char *is)
{
    struct watch_event *event = change(key, was, is);

    dispatcher_wake(dispatcher, event, count_wake, NULL);
    watch_event_unref(event);
}

static const char in_x[] = "core/configmaps/x/a";

TEST(dispatcher, an_event_looks_at_nobody_who_waits_for_another_value)
{
    enum { MANY = 1000 };
    static struct sleeper by_field[MANY], by_label[MANY];
    struct dispatcher dispatcher = {0};
    int woken = 0;

    for (int i = 0; i < MANY; i++) {
        char text[40];

        snprintf(text, sizeof(text), "status.phase=p%d", i);
        sleep_in(&dispatcher, &by_field[i], i % 2 == 0 ? "" : "x/", "", text);
        snprintf(text, sizeof(text), "l=p%d", i);
        sleep_in(&dispatcher, &by_label[i], "", text, "");
    }
    tell(&dispatcher, in_x, "a=p7", "a=p8");
    for (int i = 0; i < MANY; i++)
        woken += by_field[i].woken + by_label[i].woken;
    CHECK_INT(woken, 4);
    CHECK(by_field[7].woken == 1 && by_field[8].woken == 1);
    CHECK(by_label[7].woken == 1 && by_label[8].woken == 1);
    for (int i = 0; i < MANY; i++) {
        get_up(&dispatcher, &by_field[i]);
        get_up(&dispatcher, &by_label[i]);
    }
    CHECK(dispatcher.axes == NULL && dispatcher.axis_count == 0);
}

TEST(dispatcher, one_who_waits_for_an_empty_value_is_woken_by_an_object_without_it)
{
    struct dispatcher dispatcher = {0};
    struct sleeper empty, other;

    sleep_in(&dispatcher, &empty, "", "", "status.phase=");
    sleep_in(&dispatcher, &other, "", "", "status.phase=1");
    tell(&dispatcher, in_x, NULL, "a");
    CHECK(empty.woken == 1 && other.woken == 0);
    tell(&dispatcher, in_x, "a", "a=1");
    CHECK(empty.woken == 2 && other.woken == 1);
    tell(&dispatcher, in_x, "a=1", NULL);
    CHECK(empty.woken == 2 && other.woken == 2);
    get_up(&dispatcher, &empty);
    get_up(&dispatcher, &other);
}

/* Labels beyond those that have an index, and a value too long for one. */
TEST(dispatcher, what_has_no_place_in_an_index_is_asked_each_time)
{
    enum { MANY = 50 };
    static struct sleeper sleepers[MANY];
    static char value[700] = "status.phase=";
    struct dispatcher dispatcher = {0};
    struct sleeper late, lengthy;

    for (int i = 0; i < MANY; i++) {
        char text[40];

        snprintf(text, sizeof(text), "key%d=1", i);
        sleep_in(&dispatcher, &sleepers[i], "", text, "");
    }
    CHECK(dispatcher.axis_count < MANY);
    sleep_in(&dispatcher, &late, "", "l=1", "");
    memset(value + strlen(value), 'v', 600);
    sleep_in(&dispatcher, &lengthy, "", "", value);
    tell(&dispatcher, in_x, NULL, "a=1");
    CHECK_INT(late.woken, 1);
    CHECK_INT(sleepers[0].woken, 0);
    CHECK_INT(sleepers[MANY - 1].woken, 1);
    CHECK_INT(lengthy.woken, 1);
    for (int i = 0; i < MANY; i++)
        get_up(&dispatcher, &sleepers[i]);
    get_up(&dispatcher, &late);
    get_up(&dispatcher, &lengthy);
    CHECK(dispatcher.axes == NULL);
}

static uint32_t dice = 12345;

static const char *one_of(const char *const *choices, size_t count)
{
    dice = dice * 1664525 + 1013904223;
    return choices[(dice >> 16) % count];
}
#define ONE_OF(choices) one_of(choices, ARRAY_LEN(choices))

static const char *const scopes[] = {"", "", "", "x/", "x/", "y/", "/a", "/b", "x/a", "y/b"};
static const char *const label_texts[] = {
    "",   "",         "l=1", "l=2",      "l=",          "l!=1",    "l in (1,2)", "l",
    "!l", "l=1,l!=2", "m=1", "l in (2)", "l notin (1)", "l=1,m=1", "l=1,!m"};
static const char *const field_texts[] = {"",
                                          "",
                                          "status.phase=1",
                                          "status.phase=2",
                                          "status.phase=",
                                          "status.phase!=1",
                                          "metadata.name=a",
                                          "metadata.name!=a",
                                          "status.phase=1,metadata.name=b",
                                          "metadata.namespace=x,status.phase=2",
                                          "status.phase=1,status.phase=2",
                                          "status.phase!=2,status.phase=1"};
static const char *const keys[] = {"core/configmaps/x/a", "core/configmaps/x/b",
                                   "core/configmaps/y/a", "core/configmaps/y/b"};
static const char *const states[] = {NULL, "", "=", "=1", "=2", "=3"};

/* An object at `key` in a random state; NULL: none. */
static const char *any_state(const char *key, char *text, size_t size)
{
    const char *state = ONE_OF(states);

    if (state == NULL)
        return NULL;
    snprintf(text, size, "%s%s", strrchr(key, '/') + 1, state);
    return text;
}

TEST(dispatcher, nobody_who_sees_an_event_is_left_out_and_nobody_is_woken_twice)
{
    enum { SLEEPERS = 60, EVENTS = 200, ROUNDS = 20 };
    static struct sleeper sleepers[SLEEPERS];

    for (int round = 0; round < ROUNDS; round++) {
        struct dispatcher dispatcher = {0};

        for (int i = 0; i < SLEEPERS; i++)
            sleep_in(&dispatcher, &sleepers[i], ONE_OF(scopes), ONE_OF(label_texts),
                     ONE_OF(field_texts));
        for (int n = 0; n < EVENTS; n++) {
            const char *key = ONE_OF(keys);
            char was[16], is[16];
            const char *before = any_state(key, was, sizeof(was));
            const char *after = any_state(key, is, sizeof(is));
            struct watch_event *event = change(key, before, after);

            dispatcher_wake(&dispatcher, event, count_wake, NULL);
            for (int i = 0; i < SLEEPERS; i++) {
                CHECK(sleepers[i].woken <= 1);
                CHECK(sleepers[i].woken == 1 ||
                      filter_event(&sleepers[i].filter, event) == WATCH_NONE);
                sleepers[i].woken = 0;
            }
            watch_event_unref(event);
        }
        for (int i = 0; i < SLEEPERS; i++)
            get_up(&dispatcher, &sleepers[i]);
        CHECK(dispatcher.axes == NULL && dispatcher.axis_count == 0);
    }
}
