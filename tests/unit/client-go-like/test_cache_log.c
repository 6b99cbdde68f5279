#include "unit/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "client-go-like/cache/cache_log.h"

static char folder[64], path[96];

static void make_folder(void)
{
    strcpy(folder, "/tmp/tidewatch-test-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/cache", folder);
}

static void remove_folder(void)
{
    unlink(path);
    CHECK(rmdir(folder) == 0); /* nothing is left behind */
}

static tw_object *make(const char *name, const char *rv)
{
    char text[128];
    tw_object *object = NULL;

    snprintf(text, sizeof(text), "{\"metadata\":{\"name\":\"%s\",\"resourceVersion\":\"%s\"}}",
             name, rv);
    CHECK(tw_object_from_json(text, strlen(text), &object, NULL) == TW_OK);
    return object;
}

static void put(struct cache_log *log, const char *name, const char *rv)
{
    struct buf scratch = {0};
    tw_object *object = make(name, rv);

    cache_log_append_object(log, object, &scratch);
    tw_object_unref(object);
    buf_release(&scratch);
}

/* A file with a1 and b1 at version 5, then a2 at 6, b gone at 7, and c8 without a version. */
static void write_file(void)
{
    tw_store *store = NULL;
    tw_object *a = make("a", "1"), *b = make("b", "1");
    struct cache_log log = {0};
    tw_snapshot *snapshot;

    make_folder();
    CHECK(tw_store_new(&store, NULL) == TW_OK);
    CHECK(tw_store_add(store, a) == TW_OK && tw_store_add(store, b) == TW_OK);
    snapshot = tw_store_snapshot(store);
    CHECK(cache_log_rewrite(&log, path, BYTES("h"), snapshot, "5", NULL) == TW_OK);
    put(&log, "a", "2");
    cache_log_append(&log, CACHE_VERSION, BYTES("6"));
    cache_log_append(&log, CACHE_DELETE, BYTES("b"));
    cache_log_append(&log, CACHE_VERSION, BYTES("7"));
    put(&log, "c", "8");
    CHECK(cache_log_flush(&log, NULL) == TW_OK);
    cache_log_close(&log);
    tw_snapshot_release(snapshot);
    tw_object_unref(a);
    tw_object_unref(b);
    tw_store_free(store);
}

/* "a2 b1 @6", or why not. */
static const char *loaded(struct cache_log *log, struct bytes header)
{
    static char text[512];
    struct object_map objects = {0};
    char *version = NULL;
    tw_error *error = NULL;
    tw_status st = cache_log_load(log, path, header, &objects, &version, &error);

    text[0] = '\0';
    for (const char *name = "a\0b\0c\0d\0"; *name != '\0' && st == TW_OK; name += 2) {
        const tw_object *object = object_map_get(&objects, bytes_str(name));

        if (object != NULL)
            sprintf(text + strlen(text), "%s%s ", name, tw_object_resource_version(object));
    }
    if (st == TW_OK)
        sprintf(text + strlen(text), "@%s", version);
    else
        snprintf(text, sizeof(text), "%s %s", tw_status_name(st), tw_error_message(error));
    object_map_release(&objects);
    tw_error_free(error);
    free(version);
    return text;
}

static const char *loaded_once(struct bytes header)
{
    struct cache_log log = {0};
    const char *text = loaded(&log, header);

    cache_log_close(&log);
    return text;
}

TEST(cache_log, gives_back_the_state_of_its_last_version_and_goes_on)
{
    struct cache_log log = {0};

    write_file();
    CHECK_TEXT(bytes_str(loaded(&log, BYTES("h"))), "a2 @7");
    put(&log, "d", "9");
    cache_log_append(&log, CACHE_VERSION, BYTES("9"));
    CHECK(cache_log_flush(&log, NULL) == TW_OK);
    cache_log_close(&log);
    CHECK_TEXT(bytes_str(loaded_once(BYTES("h"))), "a2 d9 @9");
    remove_folder();
}

TEST(cache_log, of_other_objects_or_none_is_not_used)
{
    write_file();
    CHECK_TEXT(bytes_str(loaded_once(BYTES("other"))), "TW_END the file keeps other objects");
    unlink(path);
    CHECK(bytes_starts_with(bytes_str(loaded_once(BYTES("h"))), BYTES("TW_END cannot open")));
    remove_folder();
}

/* The file's bytes; how many. */
static size_t read_bytes(char bytes[4096])
{
    FILE *in = fopen(path, "re");
    size_t len;

    CHECK(in != NULL);
    len = fread(bytes, 1, 4096, in);
    fclose(in);
    CHECK(len > 200 && len < 4096);
    return len;
}

static void write_bytes(const char *bytes, size_t len)
{
    FILE *out = fopen(path, "we");

    CHECK(out != NULL && fwrite(bytes, 1, len, out) == len);
    CHECK(fclose(out) == 0);
}

static bool was_a_state(const char *text)
{
    return strcmp(text, "a1 b1 @5") == 0 || strcmp(text, "a2 b1 @6") == 0 ||
           strcmp(text, "a2 @7") == 0;
}

/* A crash may leave any beginning of the file: each is either a state that was, or none. */
TEST(cache_log, cut_anywhere_is_a_state_that_was)
{
    char bytes[4096];
    size_t whole, states = 0;

    write_file();
    whole = read_bytes(bytes);
    for (size_t len = 0; len < whole; len++) {
        const char *text;

        write_bytes(bytes, len);
        text = loaded_once(BYTES("h"));
        if (was_a_state(text))
            states++;
        else
            CHECK_TEXT(bytes_str(text), "TW_END the file is not whole");
    }
    CHECK(states > 50);
    remove_folder();
}

TEST(cache_log, with_any_byte_changed_is_not_used_or_ends_before_it)
{
    char bytes[4096];
    size_t len;

    write_file();
    len = read_bytes(bytes);
    for (size_t at = 0; at < len; at++) {
        const char *text;

        bytes[at] ^= 0x10;
        write_bytes(bytes, len);
        bytes[at] ^= 0x10;
        text = loaded_once(BYTES("h"));
        CHECK(strncmp(text, "TW_END ", 7) == 0 || was_a_state(text));
    }
    remove_folder();
}

TEST(cache_log, that_cannot_be_written_says_why)
{
    struct cache_log log = {0};
    tw_store *store = NULL;
    tw_snapshot *snapshot;
    tw_error *error = NULL;

    CHECK(tw_store_new(&store, NULL) == TW_OK);
    snapshot = tw_store_snapshot(store);
    CHECK(cache_log_rewrite(&log, "/nowhere/cache", BYTES("h"), snapshot, "5", &error) ==
          TW_ERR_CONFIG);
    CHECK_TEXT(bytes_str(tw_error_message(error)),
               "cannot make /nowhere/cache.new: No such file or directory");
    tw_error_free(error);
    tw_snapshot_release(snapshot);
    tw_store_free(store);
}
