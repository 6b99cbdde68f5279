#include "client-go-like/cache/cache_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEAD_LEN = 4 + 1 + 8,
    FLUSH_LEN = 256 * 1024, /* of a snapshot under way */
};
#define FIRST_SUM 0xcbf29ce484222325ULL /* FNV-1a, 64 bits (RFC 9923) */

static uint64_t add_to_sum(uint64_t sum, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        sum = (sum ^ (unsigned char)text.ptr[i]) * 0x100000001b3ULL;
    return sum;
}

static uint64_t next_sum(uint64_t sum, char type, struct bytes text)
{
    uint32_t len = (uint32_t)text.len;

    sum = add_to_sum(sum, bytes_of((const char *)&len, sizeof(len)));
    sum = add_to_sum(sum, bytes_of(&type, 1));
    return add_to_sum(sum, text);
}

/* ---- writing ---- */

void cache_log_append(struct cache_log *log, enum cache_record type, struct bytes text)
{
    uint32_t len = (uint32_t)text.len;

    if (log->fd == 0)
        return;
    log->sum = next_sum(log->sum, (char)type, text);
    buf_append(&log->pending, &len, sizeof(len));
    buf_append_char(&log->pending, (char)type);
    buf_append(&log->pending, &log->sum, sizeof(log->sum));
    buf_append_bytes(&log->pending, text);
}

/* Not by tw_object_json(), which would keep the text with each object. */
void cache_log_append_object(struct cache_log *log, const tw_object *object, struct buf *scratch)
{
    scratch->len = 0;
    json_write(scratch, object->tree, false);
    log->pending.failed |= scratch->failed;
    cache_log_append(log, CACHE_PUT, buf_bytes(scratch));
}

void cache_log_close(struct cache_log *log)
{
    if (log->fd != 0)
        close(log->fd);
    log->fd = 0;
    buf_release(&log->pending);
    log->pending = (struct buf){0};
}

static tw_status fail(struct cache_log *log, const char *path, const char *what, tw_error **reterr)
{
    int why = errno;

    cache_log_close(log);
    return tw_fail(reterr, TW_ERR_CONFIG, "cannot %s %s: %s", what, path, strerror(why));
}

tw_status cache_log_flush(struct cache_log *log, tw_error **reterr)
{
    size_t at = 0;

    if (log->fd == 0)
        return TW_OK;
    if (log->pending.failed) {
        cache_log_close(log);
        return tw_fail_no_memory(reterr);
    }
    while (at < log->pending.len) {
        ssize_t n = write(log->fd, log->pending.data + at, log->pending.len - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(log, log->path, "write", reterr);
        at += (size_t)n;
    }
    log->log_len += at;
    log->pending.len = 0;
    return TW_OK;
}

struct writing {
    struct cache_log *log;
    struct buf scratch;
    tw_status st;
    tw_error **reterr;
};

static bool write_object(void *user, tw_object *object)
{
    struct writing *w = user;

    cache_log_append_object(w->log, object, &w->scratch);
    if (w->log->pending.failed || w->log->pending.len >= FLUSH_LEN)
        w->st = cache_log_flush(w->log, w->reterr);
    return w->st == TW_OK;
}

static tw_status write_all(struct cache_log *log, struct bytes header, const tw_snapshot *snapshot,
                           const char *version, tw_error **reterr)
{
    struct writing writing = {.log = log, .st = TW_OK, .reterr = reterr};

    cache_log_append(log, CACHE_HEADER, header);
    tw_snapshot_each(snapshot, NULL, NULL, write_object, &writing);
    buf_release(&writing.scratch);
    if (writing.st != TW_OK)
        return writing.st;
    cache_log_append(log, CACHE_VERSION, bytes_str(version));
    return cache_log_flush(log, reterr);
}

tw_status cache_log_rewrite(struct cache_log *log, const char *path, struct bytes header,
                            const tw_snapshot *snapshot, const char *version, tw_error **reterr)
{
    struct cache_log fresh = {.path = path, .sum = FIRST_SUM};
    char *temporary = NULL;
    tw_status st;

    if (asprintf(&temporary, "%s.new", path) < 0)
        return tw_fail_no_memory(reterr);
    fresh.fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fresh.fd <= 0) {
        fresh.fd = 0;
        st = fail(&fresh, temporary, "make", reterr);
    } else {
        st = write_all(&fresh, header, snapshot, version, reterr);
    }
    if (st == TW_OK && (fsync(fresh.fd) != 0 || rename(temporary, path) != 0))
        st = fail(&fresh, path, "replace", reterr);
    if (st == TW_OK) {
        cache_log_close(log);
        *log = fresh;
        log->snapshot_len = fresh.log_len;
        log->log_len = 0;
    } else {
        cache_log_close(&fresh);
        unlink(temporary);
    }
    free(temporary);
    return st;
}

/* ---- reading ---- */

struct record {
    char type;
    struct bytes text;
};

/* TW_END: nothing whole is left. TW_ERR_PROTOCOL: damaged. */
static tw_status next_record(struct bytes *rest, uint64_t *sum, struct record *ret)
{
    uint32_t len;
    uint64_t expected;

    if (rest->len < HEAD_LEN)
        return TW_END;
    memcpy(&len, rest->ptr, sizeof(len));
    memcpy(&expected, rest->ptr + 5, sizeof(expected));
    if (len > rest->len - HEAD_LEN)
        return TW_END;
    *ret = (struct record){rest->ptr[4], bytes_of(rest->ptr + HEAD_LEN, len)};
    *sum = next_sum(*sum, ret->type, ret->text);
    if (*sum != expected)
        return TW_ERR_PROTOCOL;
    *rest = bytes_from(*rest, HEAD_LEN + len);
    return TW_OK;
}

/* How much of the file counts; 0: nothing. */
static tw_status check(struct bytes file, struct bytes header, size_t *ret_len, uint64_t *ret_sum,
                       tw_error **reterr)
{
    struct bytes rest = file;
    uint64_t sum = FIRST_SUM;
    struct record record;
    tw_status st;
    bool first = true;

    *ret_len = 0;
    while ((st = next_record(&rest, &sum, &record)) == TW_OK) {
        if (first && (record.type != CACHE_HEADER || !bytes_eq(record.text, header)))
            return tw_fail(reterr, TW_END, "the file keeps other objects");
        first = false;
        if (record.type == CACHE_VERSION) {
            *ret_len = file.len - rest.len;
            *ret_sum = sum;
        }
    }
    if (st != TW_END)
        return tw_fail(reterr, TW_END, "the file is damaged at byte %zu", file.len - rest.len);
    return *ret_len != 0 ? TW_OK : tw_fail(reterr, TW_END, "the file is not whole");
}

static tw_status replay_one(const struct record *record, struct object_map *objects, char **version,
                            tw_error **reterr)
{
    tw_object *object = NULL, *old = NULL;
    tw_status st = TW_OK;

    if (record->type == CACHE_PUT) {
        st = object_read(record->text, &object, reterr);
        if (st == TW_OK && !object_map_put(objects, object, &old))
            st = tw_fail_no_memory(reterr);
        tw_object_unref(object);
    } else if (record->type == CACHE_DELETE) {
        old = object_map_remove(objects, record->text);
    } else if (record->type == CACHE_VERSION) {
        free(*version);
        if ((*version = bytes_dup(record->text)) == NULL)
            st = tw_fail_no_memory(reterr);
    }
    tw_object_unref(old);
    return st;
}

static tw_status replay(struct bytes file, struct object_map *objects, char **ret_version,
                        tw_error **reterr)
{
    uint64_t sum = FIRST_SUM;
    struct record record;
    char *version = NULL;
    tw_status st = TW_OK;

    while (st == TW_OK && next_record(&file, &sum, &record) == TW_OK)
        st = replay_one(&record, objects, &version, reterr);
    if (st == TW_OK)
        *ret_version = version;
    else
        free(version);
    return st;
}

static tw_status read_file(int fd, struct buf *out)
{
    ssize_t n;

    do {
        if (!buf_reserve(out, FLUSH_LEN))
            return TW_ERR_NO_MEMORY;
        n = read(fd, out->data + out->len, FLUSH_LEN);
        if (n > 0)
            out->len += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    return n == 0 ? TW_OK : TW_ERR_CONFIG;
}

tw_status cache_log_load(struct cache_log *log, const char *path, struct bytes header,
                         struct object_map *objects, char **ret_version, tw_error **reterr)
{
    struct buf file = {0};
    size_t len = 0;
    tw_status st;

    *log = (struct cache_log){.path = path, .fd = open(path, O_RDWR | O_CLOEXEC)};
    if (log->fd <= 0) {
        log->fd = 0;
        return tw_fail(reterr, TW_END, "cannot open %s: %s", path, strerror(errno));
    }
    st = read_file(log->fd, &file);
    if (st == TW_ERR_NO_MEMORY)
        tw_fail_no_memory(reterr);
    else if (st != TW_OK)
        st = tw_fail(reterr, TW_END, "cannot read %s: %s", path, strerror(errno));
    if (st == TW_OK)
        st = check(buf_bytes(&file), header, &len, &log->sum, reterr);
    if (st == TW_OK)
        st = replay(bytes_of(file.data, len), objects, ret_version, reterr);
    if (st == TW_OK && (ftruncate(log->fd, (off_t)len) != 0 || lseek(log->fd, 0, SEEK_END) < 0))
        st = tw_fail(reterr, TW_END, "cannot write %s: %s", path, strerror(errno));
    buf_release(&file);
    if (st != TW_OK)
        cache_log_close(log);
    log->log_len = len;
    return st;
}
