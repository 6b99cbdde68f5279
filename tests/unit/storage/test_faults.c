#include "unit/test.h"

#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "unit/storage/fault_vfs.h"
#include "unit/storage/store.h"

/* --- a full disk --- */

TEST(faults, a_full_disk_refuses_a_write_and_changes_nothing)
{
    struct write write;
    static struct text text;
    struct store store;

    fault_vfs_use();
    store_init(&store, "sqlite");
    store_open(&store);
    CHECK_INT(store_put(&store, "a", "one", 0), 1);
    fault_arm(FAULT_WRITE, 0, SQLITE_FULL);
    write = put_of("a", "two", 1);
    CHECK_INT(store_write(&store, &write), STATUS_NO_SPACE);
    CHECK_INT(write.rev, 0);
    write = delete_of("a", 1);
    CHECK_INT(store_write(&store, &write), STATUS_NO_SPACE);
    CHECK_INT(storage_committed(store.storage), 1);
    CHECK_INT(store.event_count, 1);
    CHECK_INT(store_state(&store, 1, "", &text), STATUS_OK); /* reads go on */
    CHECK_TEXT(text_bytes(&text), "a=one@1 ");
    fault_disarm();
    CHECK_INT(store_put(&store, "a", "two", 1), 2); /* and writes, when there is space again */
    CHECK_INT(store.fatal_count, 0);
    store_close(&store);
    store_open(&store);
    CHECK_INT(store_events(&store, 0, "", &text), STATUS_OK);
    CHECK_TEXT(text_bytes(&text), "+a=one@1 +a=two@2<one@1 ");
    store_remove(&store);
}

enum { GROUP = 12 };

/* Runs one group that makes, chains and conflicts, against a disk that is full from its n-th write
 * on. False: it came through before. */
static bool group_is_refused(struct store *store, int after)
{
    static char keys[GROUP][8], two[1500]; /* so long that the group fills some pages */
    struct answered answers[GROUP + 1];
    struct write writes[GROUP + 1];
    uint64_t rev = storage_committed(store->storage), next = rev + 2;
    bool refused;

    memset(two, '2', sizeof(two) - 1);
    writes[GROUP] = put_of("gate", "x", rev);
    for (size_t i = 0; i < GROUP; i += 3, next += 2) {
        snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
        writes[i] = put_of(keys[i], "one", 0);
        writes[i + 1] = put_of(keys[i], two, next);
        writes[i + 2] = put_of(keys[i], "lost", 0); /* conflicts */
    }
    for (size_t i = 0; i <= GROUP; i++) {
        answers[i] = (struct answered){.store = store};
        writes[i].user = &answers[i];
    }
    store_close_gate(store);
    storage_submit(store->storage, &writes[GROUP]);
    store_wait_at_gate(store);
    for (size_t i = 0; i < GROUP; i++)
        storage_submit(store->storage, &writes[i]);
    fault_arm(FAULT_WRITE, after, SQLITE_FULL);
    store_open_gate(store);
    for (size_t i = 0; i < GROUP; i++)
        store_wait_for(store, &answers[i]);
    fault_disarm();
    refused = writes[0].status != STATUS_OK;
    for (size_t i = 0; i < GROUP && refused; i++) {
        CHECK_INT(writes[i].status, STATUS_NO_SPACE);
        CHECK_INT(writes[i].rev, 0);
        CHECK_INT(writes[i].value->rev, 0);
        value_unref(writes[i].value);
    }
    for (size_t i = 2; i < GROUP && !refused; i += 3)
        value_unref(writes[i].value);
    CHECK_INT(storage_committed(store->storage), refused ? rev + 1 : rev + 1 + GROUP / 3 * 2);
    return refused;
}

TEST(faults, a_group_that_meets_a_full_disk_at_any_write_is_undone_as_a_whole)
{
    static struct text text;
    struct store store;
    int after = 0;

    fault_vfs_use();
    store_init(&store, "sqlite");
    store_open(&store);
    CHECK_INT(store_put(&store, "gate", "x", 0), 1);
    for (; group_is_refused(&store, after); after++) {
        CHECK_INT(store_state(&store, storage_committed(store.storage), "k", &text), STATUS_OK);
        CHECK_INT(text.count, 0);
    }
    CHECK(after >= 4);
    CHECK_INT(store_state(&store, storage_committed(store.storage), "k", &text), STATUS_OK);
    CHECK_INT(text.count, GROUP / 3);
    CHECK_INT(store.fatal_count, 0);
    store_remove(&store);
}

/* In a child: a limit on the size of files is the nearest to a full disk that needs no mount. */
static int write_up_to_a_limit(struct store *store)
{
    static char text[20001];
    struct rlimit limit = {512 * 1024, RLIM_INFINITY};
    uint64_t rev = 0, next;

    memset(text, 'x', sizeof(text) - 1);
    signal(SIGXFSZ, SIG_IGN);
    store_open(store);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 1;
    while ((next = store_put(store, "a", text, rev)) != 0)
        rev = next;
    if (rev < 5 || store->fatal_count != 0)
        return 2;
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    if (store_put(store, "a", "small", rev) != rev + 1)
        return 3;
    store_close(store);
    return 0;
}

TEST(faults, a_limit_on_the_size_of_files_is_a_full_disk)
{
    struct store store;
    int status;
    pid_t child;

    store_init(&store, "sqlite");
    child = fork();
    if (child == 0) {
        store_in_child();
        _exit(write_up_to_a_limit(&store));
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
    store_remove(&store);
}

/* Until the writer has come to a call that was armed. */
static void wait_until_struck(void)
{
    uint64_t until_ms = clock_monotonic_ms() + STORE_WAIT_S * 1000;

    while (fault_plan.counted == 0) {
        CHECK(clock_monotonic_ms() < until_ms);
        usleep(100);
    }
}

TEST(faults, a_compaction_that_meets_a_full_disk_leaves_the_log_as_it_was)
{
    static struct text text;
    struct store store;

    fault_vfs_use();
    store_init(&store, "sqlite");
    store_open(&store);
    store_random_history(&store, 1, 20);
    fault_arm(FAULT_WRITE, 0, SQLITE_FULL);
    storage_compact(store.storage, 10);
    wait_until_struck();
    CHECK_INT(store_put(&store, "x", "x", 0), 0); /* behind it in the writer's turn */
    CHECK_INT(storage_floor(store.storage), 0);
    CHECK_INT(store_events(&store, 0, "", &text), STATUS_OK);
    CHECK_INT(text.count, 20);
    fault_disarm();
    CHECK_INT(store_put(&store, "x", "x", 0), 21);
    CHECK_INT(store.fatal_count, 0);
    store_remove(&store);
}

/* --- a disk that fails --- */

static void fails_for_good(int calls, int error)
{
    struct write write = put_of("b", "unknown", 0);
    struct store store;
    uint64_t rev;

    fault_vfs_use();
    store_init(&store, "sqlite");
    store_open(&store);
    CHECK_INT(store_put(&store, "a", "kept", 0), 1);
    fault_arm(calls, 0, error);
    CHECK_INT(store_write(&store, &write), STATUS_IO);
    CHECK_INT(store.fatal_count, 1);
    fault_disarm(); /* that it would work again must not tempt it */
    write = put_of("c", "never", 0);
    CHECK_INT(store_write(&store, &write), STATUS_IO);
    CHECK_INT(store.fatal_count, 1);
    CHECK_INT(storage_committed(store.storage), 1);
    CHECK_INT(store.event_count, 1);
    store_close(&store);
    store_open(&store);
    rev = storage_committed(store.storage);
    CHECK(rev == 1 || rev == 2); /* b is unknown, c is not */
    CHECK_INT(store_put(&store, "a", "on", 1), rev + 1);
    store_remove(&store);
}

TEST(faults, after_a_failed_fsync_nothing_more_is_acknowledged)
{
    fails_for_good(FAULT_SYNC, SQLITE_IOERR_FSYNC);
}

TEST(faults, after_a_failed_write_nothing_more_is_acknowledged)
{
    fails_for_good(FAULT_WRITE, SQLITE_IOERR_WRITE);
}

TEST(faults, a_compaction_that_meets_a_failing_disk_is_the_last_thing_written)
{
    struct store store;

    fault_vfs_use();
    store_init(&store, "sqlite");
    store_open(&store);
    store_random_history(&store, 1, 20);
    fault_arm(FAULT_WRITE, 0, SQLITE_IOERR_WRITE);
    storage_compact(store.storage, 10);
    wait_until_struck();
    CHECK_INT(store_put(&store, "x", "x", 0), 0); /* behind it in the writer's turn */
    fault_disarm();
    CHECK_INT(store_put(&store, "x", "x", 0), 0);
    CHECK_INT(store.fatal_count, 1);
    store_close(&store);
    store_open(&store);
    CHECK_INT(storage_committed(store.storage), 20);
    store_remove(&store);
}

TEST(faults, a_store_that_cannot_be_closed_cleanly_is_whole_all_the_same)
{
    struct store store;

    fault_vfs_use();
    store_init(&store, "sqlite");
    store.options.history_age_s = UINT64_MAX; /* for ever */
    store_open(&store);
    CHECK_INT(store_put(&store, "a", "one", 0), 1);
    fault_arm(FAULT_WRITE, 0, SQLITE_FULL);
    store_close(&store);
    fault_disarm();
    store_open(&store);
    CHECK_INT(storage_committed(store.storage), 1);
    CHECK_INT(store_put(&store, "a", "two", 1), 2);
    store_remove(&store);
}

/* --- an end at every call of the disk --- */

enum { CRASH_WRITES = 10, CRASH_KEYS = 4, CRASH_VALUE_LEN = 3000 };

static void crash_value(int number, char *ret_text)
{
    memset(ret_text, 'a' + number % 26, CRASH_VALUE_LEN);
    ret_text[CRASH_VALUE_LEN] = '\0';
}

/* The child's part: writes and compacts, tells each acknowledged revision, closes. */
static void run_to_the_end(struct store *store, int after, int pipe_fd)
{
    static char text[CRASH_VALUE_LEN + 1];
    uint64_t revs[CRASH_KEYS] = {0}, rev;

    store_in_child();
    fault_plan.keep_durable = true;
    fault_arm(FAULT_WRITE | FAULT_SYNC | FAULT_TRUNCATE, after, 0);
    store_open(store);
    for (int i = 0; i < CRASH_WRITES; i++) {
        char key[8];

        snprintf(key, sizeof(key), "k%d", i % CRASH_KEYS);
        crash_value(i, text);
        rev = i == 7 ? store_delete(store, key, revs[i % CRASH_KEYS])
                     : store_put(store, key, text, revs[i % CRASH_KEYS]);
        revs[i % CRASH_KEYS] = i == 7 ? 0 : rev;
        if (rev == 0 || write(pipe_fd, &rev, sizeof(rev)) != sizeof(rev))
            _exit(1);
        if (i == 8)
            store_compact_to(store, 6);
    }
    store_close(store);
    _exit(0);
}

struct crash_check {
    uint64_t last;
};

static bool check_crash_event(void *user, const struct event *event)
{
    static char text[CRASH_VALUE_LEN + 1];
    struct crash_check *check = user;

    CHECK_INT(event->rev, check->last + 1);
    check->last = event->rev;
    crash_value((int)event->rev - 1, text);
    if (event->type == EVENT_PUT)
        CHECK(bytes_eq_str(value_bytes(event->value), text));
    else
        CHECK_INT(event->rev, 8);
    return true;
}

/* Forking is slow under a sanitizer: there, not every call. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CRASH_STRIDE = 4 };
#else
enum { CRASH_STRIDE = 1 };
#endif

/* True: the child came to its end before it was struck. */
static bool crash_once(int after, bool power)
{
    struct crash_check check = {0};
    uint64_t acked = 0, rev, upto;
    struct store store;
    int fds[2], status;
    char durable[128];
    pid_t child;

    fault_vfs_use();
    store_init(&store, "sqlite");
    store_open(&store); /* its making is another test's */
    store_close(&store);
    snprintf(durable, sizeof(durable), "%s.durable", store.path);
    fault_copy(store.path, durable);
    CHECK(pipe(fds) == 0);
    child = fork();
    if (child == 0)
        run_to_the_end(&store, after, fds[1]);
    close(fds[1]);
    while (read(fds[0], &rev, sizeof(rev)) == sizeof(rev))
        acked = rev;
    close(fds[0]);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 9);
    if (power)
        fault_cut_power(store.path);

    store_open(&store);
    CHECK(storage_committed(store.storage) >= acked);
    CHECK(storage_committed(store.storage) <= acked + 1); /* one may be unknown */
    check.last = storage_floor(store.storage);
    CHECK_INT(storage_read_events(store.storage, check.last, &(struct events_asked){0},
                                  check_crash_event, &check, &upto, NULL),
              STATUS_OK);
    CHECK_INT(check.last, storage_committed(store.storage));
    CHECK_INT(store_put(&store, "after", "x", 0), check.last + 1);
    store_remove(&store);
    return WEXITSTATUS(status) == 0;
}

TEST(faults, a_kill_at_any_call_of_the_disk_loses_nothing_acknowledged)
{
    int after = 0;

    while (!crash_once(after, false))
        after += CRASH_STRIDE;
    CHECK(after > 50);
}

TEST(faults, a_power_cut_at_any_call_of_the_disk_loses_nothing_acknowledged)
{
    int after = 0;

    while (!crash_once(after, true))
        after += CRASH_STRIDE;
    CHECK(after > 50);
}

/* The child's part: makes a new store. */
static void make_store(struct store *store, int after)
{
    store_in_child();
    fault_arm(FAULT_WRITE | FAULT_SYNC | FAULT_TRUNCATE, after, 0);
    store_open(store);
    store_close(store);
    _exit(0);
}

TEST(faults, a_kill_while_the_store_is_made_leaves_one_that_opens)
{
    int status = 0;

    for (int after = 0; after == 0 || WEXITSTATUS(status) != 0; after++) {
        struct store store;
        pid_t child;

        fault_vfs_use();
        store_init(&store, "sqlite");
        child = fork();
        if (child == 0)
            make_store(&store, after);
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
        store_open(&store);
        CHECK_INT(storage_committed(store.storage), 0);
        CHECK_INT(store_put(&store, "a", "x", 0), 1);
        store_remove(&store);
    }
}

/* --- a crash after a crash --- */

static const char *const copied[] = {"", "-wal", ".lock"};

static void copy_store(const char *from, const char *to)
{
    char source[128], target[128];

    for (size_t i = 0; i < ARRAY_LEN(copied); i++) {
        snprintf(source, sizeof(source), "%s%s", from, copied[i]);
        snprintf(target, sizeof(target), "%s%s", to, copied[i]);
        fault_copy(source, target);
    }
}

/* The child's part: the last commit is of many frames. */
static void write_and_die(struct store *store)
{
    static char text[40001];

    store_in_child();
    memset(text, 'x', sizeof(text) - 1);
    store_open(store);
    for (uint64_t rev = 0; rev < 5; rev++)
        CHECK_INT(store_put(store, "a", "small", rev), rev + 1);
    store_put(store, "a", text, 5);
    fault_die();
}

/* Of the last commit the power left all but some sectors. */
static void tear_last_commit(const char *path)
{
    static const char zeros[1024];
    char wal[128];
    int fd;
    off_t end;

    snprintf(wal, sizeof(wal), "%s-wal", path);
    fd = open(wal, O_WRONLY);
    end = lseek(fd, 0, SEEK_END);
    CHECK(end > 10 * 4120);
    CHECK(pwrite(fd, zeros, sizeof(zeros), end - 9 * 4120 + 500) == sizeof(zeros));
    close(fd);
}

/* What is left of that commit stands behind the first ones of the next run. */
TEST(faults, a_kill_in_a_start_after_a_torn_commit_leaves_a_store_that_opens)
{
    char torn[160];
    struct store store;
    int status = 0;
    pid_t child;

    fault_vfs_use();
    store_init(&store, "sqlite");
    snprintf(torn, sizeof(torn), "%s.torn", store.path);
    child = fork();
    if (child == 0)
        write_and_die(&store);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    tear_last_commit(store.path);
    copy_store(store.path, torn);
    for (int after = 0; after == 0 || WEXITSTATUS(status) != 0; after++) {
        copy_store(torn, store.path);
        child = fork();
        if (child == 0)
            make_store(&store, after);
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
        store_open(&store);
        CHECK_INT(storage_committed(store.storage), 5);
        store_close(&store);
    }
    store_remove(&store);
}

/* Of the second commit the power left a part; behind the log lies room that was laid out. */
static void tear_second_commit(const char *path)
{
    unsigned char ends[4] = {0};
    char wal[128];
    off_t at = 32, end;
    int fd;

    snprintf(wal, sizeof(wal), "%s-wal", path);
    fd = open(wal, O_RDWR);
    end = lseek(fd, 0, SEEK_END);
    for (; memcmp(ends, "\0\0\0", sizeof(ends)) == 0; at += 4120)
        CHECK(pread(fd, ends, sizeof(ends), at + 4) == sizeof(ends));
    CHECK(pwrite(fd, "torn", 4, at + 500) == 4);
    CHECK(ftruncate(fd, end + 4 * 4120) == 0); /* zeros */
    close(fd);
}

/* The child's part. */
static void fill_the_disk_and_die(struct store *store, int after)
{
    static char text[40001];
    struct write write;

    store_in_child();
    memset(text, 'x', sizeof(text) - 1);
    write = put_of("b", text, 0);
    store_open(store);
    CHECK_INT(store_put(store, "a", "small", 0), 1);
    fault_arm(FAULT_WRITE, after, SQLITE_FULL);
    if (store_write(store, &write) == STATUS_OK)
        _exit(0);
    fault_disarm();
    CHECK_INT(store_put(store, "b", "small", 0), 2);
    fault_die();
}

/* It stays in the log behind the commits that follow, while these are shorter. */
TEST(faults, what_a_full_disk_left_of_a_commit_is_none_that_was_acknowledged)
{
    int status = 0, after = 0;

    fault_vfs_use();
    for (; after == 0 || WEXITSTATUS(status) != 0; after++) {
        struct store store;
        pid_t child;

        store_init(&store, "sqlite");
        child = fork();
        if (child == 0)
            fill_the_disk_and_die(&store, after);
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
        if (WEXITSTATUS(status) != 0) {
            CHECK_INT(WEXITSTATUS(status), 9);
            tear_second_commit(store.path);
            store_open(&store);
            CHECK_INT(storage_committed(store.storage), 1);
        }
        store_remove(&store);
    }
    CHECK(after > 20);
}
