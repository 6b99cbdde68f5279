#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/store_file.h"

const char *const violation_names[VIOLATION_COUNT] = {
    [VIOLATION_REFUSED] = "refused",   [VIOLATION_LOST] = "lost",
    [VIOLATION_INVENTED] = "invented", [VIOLATION_WRONG] = "wrong",
    [VIOLATION_DAMAGED] = "damaged",   [VIOLATION_COPY] = "copy",
};

static bool found(struct finding *finding, enum violation violation, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The first one stands. Always false. */
static bool found(struct finding *finding, enum violation violation, const char *format, ...)
{
    va_list args;

    if (finding->violation != VIOLATION_NONE)
        return false;
    finding->violation = violation;
    va_start(args, format);
    vsnprintf(finding->text, sizeof(finding->text), format, args);
    va_end(args);
    return false;
}

struct check {
    const struct history *history;
    struct storage *storage;
    struct finding *finding;
    uint64_t last, digest;
};

/* Each change of the log is the one it was. */
static bool check_event(void *user, const struct event *event)
{
    struct check *check = user;
    const struct change *change = &check->history->changes[event->rev - 1];
    uint64_t prev_rev = event->prev != NULL ? event->prev->rev : 0;

    if (event->rev != check->last + 1)
        return found(check->finding, VIOLATION_WRONG, "revision %llu follows %llu",
                     (unsigned long long)event->rev, (unsigned long long)check->last);
    check->last = event->rev;
    if (event->type != change->type || !bytes_eq_str(event->key, change->key) ||
        prev_rev != change->prev_rev ||
        (event->value != NULL && !bytes_eq(value_bytes(event->value), value_bytes(change->value))))
        return found(check->finding, VIOLATION_WRONG, "revision %llu is another change: %s of %.*s",
                     (unsigned long long)event->rev,
                     event->type == EVENT_PUT ? "a put" : "a delete", BYTES_FMT(event->key));
    return true;
}

static void add_to_digest(void *user, struct bytes key, struct value *value)
{
    struct check *check = user;

    check->digest += history_digest(key, value);
}

static bool add_to_past_digest(void *user, struct bytes key, struct value *value)
{
    add_to_digest(user, key, value);
    return true;
}

static uint64_t digest_at(const struct history *history, uint64_t rev)
{
    return rev != 0 ? history->changes[rev - 1].digest : 0;
}

/* The end of the group that may have been on its way. */
static uint64_t next_end(const struct history *history, uint64_t acked)
{
    for (uint64_t rev = acked + 1; rev <= history->count; rev++)
        if (history->changes[rev - 1].ends_group)
            return rev;
    return acked;
}

static bool check_revisions(struct check *check, const struct image *image)
{
    uint64_t committed = storage_committed(check->storage), floor = storage_floor(check->storage);

    check->finding->committed = committed;
    if (committed < image->acked || floor < image->floor)
        return found(check->finding, VIOLATION_LOST,
                     "revision %llu and floor %llu were promised, there are %llu and %llu",
                     (unsigned long long)image->acked, (unsigned long long)image->floor,
                     (unsigned long long)committed, (unsigned long long)floor);
    if ((committed != image->acked && committed != next_end(check->history, image->acked)) ||
        floor > committed)
        return found(check->finding, VIOLATION_INVENTED,
                     "revision %llu was promised, a group may have come to %llu: it is at %llu, "
                     "from %llu on",
                     (unsigned long long)image->acked,
                     (unsigned long long)next_end(check->history, image->acked),
                     (unsigned long long)committed, (unsigned long long)floor);
    return true;
}

static bool check_contents(struct check *check)
{
    uint64_t committed = storage_committed(check->storage), floor = storage_floor(check->storage);
    uint64_t upto;
    struct error err = {0};
    enum status st;

    storage_each(check->storage, add_to_digest, check);
    if (check->digest != digest_at(check->history, committed))
        found(check->finding, VIOLATION_WRONG, "other objects stand at revision %llu than did",
              (unsigned long long)committed);
    check->digest = 0;
    st = storage_read_at(check->storage, floor, BYTES(""), BYTES(""), add_to_past_digest, check,
                         &err);
    if (st == STATUS_OK && check->digest != digest_at(check->history, floor))
        found(check->finding, VIOLATION_WRONG, "other objects stand at revision %llu than did",
              (unsigned long long)floor);
    check->last = floor;
    if (st == STATUS_OK)
        st = storage_read_events(check->storage, floor, &(struct events_asked){0}, check_event,
                                 check, &upto, &err);
    if (st != STATUS_OK)
        found(check->finding, VIOLATION_DAMAGED, "%s", error_message(&err));
    else if (check->last != committed)
        found(check->finding, VIOLATION_WRONG, "the log ends at %llu",
              (unsigned long long)check->last);
    error_release(&err);
    return check->finding->violation == VIOLATION_NONE;
}

static bool check_file(const char *path, enum violation violation, struct finding *finding)
{
    struct store_file_report report = {0};
    struct error err = {0};
    bool sound = store_file_verify(path, NULL, NULL, &report, &err) == STATUS_OK;

    if (!sound)
        found(finding, violation, "%s", error_message(&err));
    error_release(&err);
    return sound;
}

static bool check_copy(const struct image *image, struct finding *finding)
{
    char path[256];
    bool there;

    snprintf(path, sizeof(path), "%s/copy.db", image->folder);
    there = access(path, F_OK) == 0;
    if (!there && image->copied != TRACE_NO_FILE)
        return found(finding, VIOLATION_COPY, "the backup is gone");
    return !there || check_file(path, VIOLATION_COPY, finding);
}

bool check_image(const struct image *image, const struct history *history, bool thorough,
                 struct finding *ret_finding)
{
    struct check check = {.history = history, .finding = ret_finding};
    char path[256];
    struct storage_options options = {.backend = "sqlite", .path = path};
    struct error err = {0};

    *ret_finding = (struct finding){0};
    snprintf(path, sizeof(path), "%s/store.db", image->folder);
    if (storage_open(&options, &check.storage, &err) != STATUS_OK)
        found(ret_finding, VIOLATION_REFUSED, "%s", error_message(&err));
    else if (check_revisions(&check, image))
        check_contents(&check);
    error_release(&err);
    storage_close(check.storage);
    if (ret_finding->violation == VIOLATION_NONE && thorough)
        check_file(path, VIOLATION_DAMAGED, ret_finding);
    return ret_finding->violation == VIOLATION_NONE && check_copy(image, ret_finding);
}
