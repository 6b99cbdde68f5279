/* Each allocation fails in turn (unit/no_memory.h), sqlite's too: a store is opened, written and
 * read, or it says that memory was short; what was acknowledged is there when there is memory. */
#include "unit/no_memory.h"

#include <dirent.h>
#include <malloc.h>

#include <openssl/crypto.h>

#include "storage/store_file.h"
#include "unit/storage/fault_vfs.h"
#include "unit/storage/store.h"

static int no_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return SQLITE_OK;
}

/* With it sqlite's allocations, which are thousands, are not counted: so each of ours can fail in a
 * plain build too. */
static bool spares_sqlite = WRAPPED;

static void *sqlite_malloc(int size)
{
    return spares_sqlite ? REAL(malloc)((size_t)size) : malloc((size_t)size);
}

static void *sqlite_realloc(void *old, int size)
{
    return spares_sqlite ? REAL(realloc)(old, (size_t)size) : realloc(old, (size_t)size);
}

static void sqlite_free(void *ptr)
{
    spares_sqlite ? REAL(free)(ptr) : free(ptr);
}

static int sqlite_size(void *ptr)
{
    return (int)malloc_usable_size(ptr);
}

static int sqlite_round_up(int size)
{
    return (size + 7) & ~7;
}

static int begin_memory(void *user)
{
    (void)user;
    return SQLITE_OK;
}

static void end_memory(void *user)
{
    (void)user;
}

/* What the disk does is not the subject: nothing waits for it. */
static void use_fast_disk(void)
{
    static const sqlite3_mem_methods memory = {
        sqlite_malloc,   sqlite_free,  sqlite_realloc, sqlite_size,
        sqlite_round_up, begin_memory, end_memory,     NULL};

    if (fault_real_vfs == NULL) /* the first time: later it is in use */
        CHECK_INT(sqlite3_config(SQLITE_CONFIG_MALLOC, &memory), SQLITE_OK);
    fault_vfs_use();
    fault_methods.xSync = no_sync;
}

/* ---- a store that keeps no record of its events ---- */

struct story {
    struct store store;
    bool is_file;
    const char *keys; /* of one letter, the first of which seals "a/"; NULL: nothing is sealed */
    uint64_t acknowledged; /* the newest revision */
    struct text text;
};

static void on_batch(void *user, const struct batch *batch)
{
    struct store *store = user;

    pthread_mutex_lock(&store->lock);
    for (struct write *it = batch->writes, *next; it != NULL; it = next) {
        next = it->next;
        ((struct answered *)it->user)->done = true;
    }
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->lock);
}

/* In memory where that can be. */
static void begin(struct story *story)
{
    struct store *store = &story->store;

    story_calm(true);
    store_init(store, story->is_file ? "sqlite" : "memory");
    if (access("/dev/shm", W_OK) == 0) {
        CHECK(rmdir(store->folder) == 0);
        snprintf(store->folder, sizeof(store->folder), "/dev/shm/storage-test-XXXXXX");
        CHECK(mkdtemp(store->folder) != NULL);
        snprintf(store->path, sizeof(store->path), "%s/store.db", store->folder);
    }
    store->options.on_batch = on_batch;
    story->acknowledged = 0;
    story_calm(false);
}

static void end(struct story *story)
{
    DIR *folder;

    OPENSSL_thread_stop(); /* what it keeps of a thread's errors */
    story_calm(true);
    folder = opendir(story->store.folder);
    CHECK(folder != NULL);
    for (struct dirent *file; (file = readdir(folder)) != NULL;)
        unlinkat(dirfd(folder), file->d_name, 0);
    closedir(folder);
    CHECK(rmdir(story->store.folder) == 0);
    pthread_mutex_destroy(&story->store.lock);
    pthread_cond_destroy(&story->store.changed);
    story_calm(false);
}

static enum status make_sealing(const char *keys, struct sealing **ret_sealing)
{
    struct sealing *sealing = sealing_new();
    enum status st = sealing != NULL ? STATUS_OK : STATUS_NO_MEMORY;

    for (const char *key = keys; *key != '\0' && st == STATUS_OK; key++) {
        uint8_t secret[SEALING_SECRET_LEN];

        memset(secret, *key, sizeof(secret));
        st = sealing_add_key(sealing, bytes_of(key, 1), secret, NULL);
    }
    if (st == STATUS_OK)
        st = sealing_add_rule(sealing, BYTES("a/"), bytes_of(keys, 1), true, NULL);
    if (st == STATUS_OK)
        *ret_sealing = sealing;
    else
        sealing_free(sealing);
    return st;
}

static enum status open_store(struct story *story)
{
    struct store *store = &story->store;
    struct error err = {0};
    enum status st = STATUS_OK;

    store->options.sealing = NULL;
    if (story->keys != NULL)
        st = make_sealing(story->keys, &store->options.sealing);
    if (st == STATUS_OK)
        st = storage_open(&store->options, &store->storage, &err);
    if (st == STATUS_OK)
        st = storage_start(store->storage, &err);
    if (st != STATUS_OK && st != STATUS_NO_MEMORY)
        fprintf(stderr, "open: %s\n", error_message(&err));
    error_release(&err);
    return st;
}

static void close_store(struct story *story)
{
    if (story->store.storage != NULL)
        store_close(&story->store);
}

static enum status write_one(struct story *story, struct write write)
{
    enum status st;

    if (write.type == WRITE_PUT && write.value == NULL)
        return STATUS_NO_MEMORY;
    st = store_write(&story->store, &write);
    if (st == STATUS_OK)
        story->acknowledged = write.rev;
    return st;
}

/* Writes of all kinds; the first that fails ends them. */
static enum status write_all(struct story *story)
{
    static const struct {
        const char *key;
        uint64_t expected;
        bool deletes;
        uint32_t ttl_s;
    } rows[] = {{"a/1", 0, false, 0}, {"a/2", 0, false, 3600}, {"a/1", 1, false, 0},
                {"b/1", 0, false, 0}, {"b/1", 4, true, 0},     {"a/1", 3, false, 0}};
    enum status st = STATUS_OK;

    for (size_t i = 0; i < ARRAY_LEN(rows) && st == STATUS_OK; i++) {
        struct write write = rows[i].deletes ? delete_of(rows[i].key, rows[i].expected)
                                             : put_of(rows[i].key, "text", rows[i].expected);

        write.ttl_s = rows[i].ttl_s;
        st = write_one(story, write);
    }
    return st;
}

static enum status read_all(struct story *story)
{
    enum status st = store_state(&story->store, story->acknowledged, "", &story->text);

    if (st != STATUS_OK)
        return st;
    CHECK_TEXT(text_bytes(&story->text), "a/1=text@6 a/2=text@2 ");
    st = store_events(&story->store, 0, "a/", &story->text);
    if (st == STATUS_OK)
        CHECK_TEXT(text_bytes(&story->text),
                   "+a/1=text@1 +a/2=text@2 +a/1=text@3<text@1 +a/1=text@6<text@3 ");
    return st;
}

/* With memory again: no acknowledged write is missing. */
static void check_kept(struct story *story)
{
    struct error err = {0};

    story_calm(true);
    if (open_store(story) != STATUS_OK)
        fail_msg("the store does not open any more");
    CHECK(storage_committed(story->store.storage) >= story->acknowledged);
    CHECK(storage_committed(story->store.storage) <= story->acknowledged + 1);
    close_store(story);
    story_calm(false);
    error_release(&err);
}

static enum status write_and_read(void *user)
{
    struct story *story = user;
    enum status st;

    begin(story);
    st = open_store(story);
    if (st == STATUS_OK)
        st = write_all(story);
    if (st == STATUS_OK)
        st = read_all(story);
    close_store(story);
    if (story->is_file)
        check_kept(story);
    end(story);
    return st;
}

TEST(no_memory, a_store_in_memory_is_written_and_read_or_says_so)
{
    static struct story story;

    use_fast_disk();
    fail_each(write_and_read, &story, FAIL_ALL_THREADS);
}

TEST(no_memory, a_store_on_disk_is_made_written_and_read_or_says_so)
{
    static struct story story = {.is_file = true};

    use_fast_disk();
    fail_each(write_and_read, &story, FAIL_ALL_THREADS | FAIL_SOME);
}

/* ---- one that is there already ---- */

/* A store that was killed, with a log to read back and changes to compact. */
static void prepare(struct story *story)
{
    begin(story);
    story_calm(true);
    CHECK_INT(open_store(story), STATUS_OK);
    CHECK_INT(write_all(story), STATUS_OK);
    close_store(story);
    story_calm(false);
}

static enum status open_again(void *user)
{
    struct story *story = user;
    enum status st;

    prepare(story);
    st = open_store(story);
    if (st == STATUS_OK)
        st = read_all(story);
    close_store(story);
    check_kept(story);
    end(story);
    return st;
}

TEST(no_memory, a_store_that_is_there_is_opened_or_left_as_it_is)
{
    static struct story story = {.is_file = true};

    use_fast_disk();
    fail_each(open_again, &story, FAIL_ALL_THREADS | FAIL_SOME);
}

static enum status compact(void *user)
{
    struct story *story = user;
    enum status st;

    prepare(story);
    story_calm(true);
    CHECK_INT(open_store(story), STATUS_OK);
    story_calm(false);
    storage_compact(story->store.storage, 5);
    st = write_one(story, put_of("z", "text", 0)); /* behind it in the writer's turn */
    close_store(story);
    check_kept(story);
    end(story);
    return st;
}

TEST(no_memory, a_log_is_compacted_or_left_as_it_is)
{
    static struct story story = {.is_file = true};

    use_fast_disk();
    fail_each(compact, &story, FAIL_ALL_THREADS | FAIL_SOME);
}

/* ---- files ---- */

static enum status check_and_copy(void *user)
{
    struct store_file_report report;
    struct story *story = user;
    struct error err = {0};
    char copy[160], restored[160];
    enum status st;

    prepare(story);
    snprintf(copy, sizeof(copy), "%s.copy", story->store.path);
    snprintf(restored, sizeof(restored), "%s.restored", story->store.path);
    st = store_file_verify(story->store.path, NULL, NULL, &report, &err);
    if (st == STATUS_OK)
        st = store_file_backup(story->store.path, copy, NULL, &report, &err);
    if (st == STATUS_OK)
        st = store_file_restore(copy, restored, NULL, &report, &err);
    story_calm(true);
    if (st != STATUS_OK && st != STATUS_NO_MEMORY)
        fprintf(stderr, "%s\n", error_message(&err));
    CHECK((access(restored, F_OK) == 0) == (st == STATUS_OK)); /* whole or not there */
    story_calm(false);
    error_release(&err);
    end(story);
    return st;
}

TEST(no_memory, a_store_is_verified_and_copied_or_nothing_is_made)
{
    static struct story story = {.is_file = true};

    use_fast_disk();
    fail_each(check_and_copy, &story, FAIL_ALL_THREADS | FAIL_SOME);
}

/* ---- what is sealed ---- */

TEST(no_memory, a_sealed_store_is_written_and_read_or_says_so)
{
    static struct story story = {.is_file = true, .keys = "k"};

    use_fast_disk();
    fail_each(write_and_read, &story, FAIL_ALL_THREADS | FAIL_SOME);
}

/* To another key while it is served, and then its history too. */
static enum status change_keys(void *user)
{
    struct store_file_report report;
    struct story *story = user;
    struct sealing *next = NULL;
    struct error err = {0};
    enum status st;

    story->keys = "k";
    prepare(story);
    story_calm(true);
    CHECK_INT(open_store(story), STATUS_OK);
    story_calm(false);
    st = make_sealing("lk", &next);
    if (st == STATUS_OK &&
        (st = storage_use_sealing(story->store.storage, next, &err)) != STATUS_OK)
        sealing_free(next);
    story->keys = "lk"; /* open what either has sealed */
    if (st == STATUS_OK)
        st = write_one(story, put_of("a/1", "text", 6));
    close_store(story);
    if (st == STATUS_OK)
        st = make_sealing("lk", &next);
    if (st == STATUS_OK) {
        st = store_file_reseal(story->store.path, next, NULL, &report, &err);
        if (st == STATUS_OK)
            st = store_file_verify(story->store.path, next, NULL, &report, &err);
        sealing_free(next);
    }
    error_release(&err);
    check_kept(story);
    end(story);
    return st;
}

TEST(no_memory, another_key_seals_all_or_the_store_is_left_as_it_is)
{
    static struct story story = {.is_file = true};

    use_fast_disk();
    fail_each(change_keys, &story, FAIL_ALL_THREADS | FAIL_SOME);
}

/* ---- each of our own ---- */

static void fail_each_of_ours(story_fn *told, struct story *story)
{
    use_fast_disk();
    spares_sqlite = true;
    fail_each(told, story, FAIL_ALL_THREADS);
    spares_sqlite = WRAPPED;
}

TEST(no_memory, none_of_our_own_allocations_is_believed_to_be_there)
{
    static struct story story = {.is_file = true};

    if (WRAPPED)
        return; /* that is what they have all done above */
    fail_each_of_ours(write_and_read, &story);
    fail_each_of_ours(open_again, &story);
    fail_each_of_ours(compact, &story);
    fail_each_of_ours(check_and_copy, &story);
    fail_each_of_ours(change_keys, &story);
}
