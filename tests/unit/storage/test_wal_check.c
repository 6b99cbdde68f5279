#include "unit/test.h"

#include <endian.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storage/wal_check.h"

/* Logs made by hand (https://www.sqlite.org/fileformat2.html#walformat): commits that were synced
 * one after the other over the log that was there before, and one that the power may cut. */
enum { SECTOR = 512, LOG_HEADER = 32, FRAME_HEADER = 24, FRAMES = 80, PAGE_MAX = 4096 };

struct log {
    int fd; /* in memory */
    uint64_t random;
    size_t page_size, end, frames; /* of the log that goes on; `end` in bytes, `frames` so far */
    uint32_t salts[2], sum[2];
    unsigned char bytes[LOG_HEADER + FRAMES * (FRAME_HEADER + PAGE_MAX)];
};

static uint64_t below(struct log *log, uint64_t bound)
{
    log->random = log->random * 6364136223846793005ULL + 1442695040888963407ULL; /* Knuth's */
    return (log->random >> 33) % bound;
}

static void put_word(unsigned char *at, uint32_t word)
{
    word = htobe32(word);
    memcpy(at, &word, sizeof(word));
}

/* The words are summed up in the order that the magic number says: here little-endian. */
static void sum_up(struct log *log, const unsigned char *data, size_t len)
{
    uint32_t words[2];

    for (size_t at = 0; at < len; at += sizeof(words)) {
        memcpy(words, data + at, sizeof(words));
        log->sum[0] += le32toh(words[0]) + log->sum[1];
        log->sum[1] += le32toh(words[1]) + log->sum[0];
    }
}

static size_t len_of(const struct log *log, size_t frames)
{
    return LOG_HEADER + frames * (FRAME_HEADER + log->page_size);
}

/* Begins at the start of the file, over what is there. */
static void begin_log(struct log *log)
{
    put_word(log->bytes, 0x377f0682);
    put_word(log->bytes + 4, 3007000);
    put_word(log->bytes + 8, (uint32_t)log->page_size);
    put_word(log->bytes + 12, ++log->salts[0]);
    put_word(log->bytes + 16, log->salts[0]);
    put_word(log->bytes + 20, log->salts[1] = (uint32_t)below(log, 1ULL << 31));
    memset(log->sum, 0, sizeof(log->sum));
    sum_up(log, log->bytes, 24);
    put_word(log->bytes + 24, log->sum[0]);
    put_word(log->bytes + 28, log->sum[1]);
    log->frames = 0;
}

/* Pages of one store look alike: many sectors of one are what they were in another. */
static void put_page(struct log *log, unsigned char *page)
{
    for (size_t at = 0; at < log->page_size; at += 64)
        memset(page + at, below(log, 3) == 0 ? (int)below(log, 3) : 0, 64);
}

/* Without its end: the disk was full at the last page, and the commit is refused. */
static void commit(struct log *log, size_t frames, bool whole)
{
    for (size_t i = 0; i < frames; i++) {
        unsigned char *at = log->bytes + len_of(log, log->frames + i);
        unsigned char *page = at + FRAME_HEADER, was[PAGE_MAX];

        memcpy(was, page, log->page_size);
        put_word(at, 1 + (uint32_t)below(log, 9));
        put_word(at + 4, i + 1 == frames ? 9 : 0);
        put_word(at + 8, log->salts[0]);
        put_word(at + 12, log->salts[1]);
        put_page(log, page);
        sum_up(log, at, 8);
        sum_up(log, page, log->page_size);
        put_word(at + 16, log->sum[0]);
        put_word(at + 20, log->sum[1]);
        if (!whole && i + 1 == frames)
            memcpy(page, was, log->page_size);
    }
    log->frames += frames;
}

static void refuse(struct log *log, size_t frames)
{
    uint32_t sum[2] = {log->sum[0], log->sum[1]};

    commit(log, frames, false);
    memcpy(log->sum, sum, sizeof(sum));
    log->frames -= frames;
}

static void commit_up_to(struct log *log, size_t frames)
{
    while (log->frames < frames) {
        size_t some = 1 + below(log, 5), left = frames - log->frames;

        if (below(log, 8) == 0)
            refuse(log, 1 + below(log, (FRAMES - log->frames) / 8 + 1));
        commit(log, some < left ? some : left, true);
    }
}

static struct log *log_new(size_t page_size, uint64_t seed)
{
    struct log *log = calloc(1, sizeof(*log));

    CHECK(log != NULL);
    log->fd = memfd_create("log", MFD_CLOEXEC);
    CHECK(log->fd >= 0);
    log->random = seed;
    log->page_size = page_size;
    begin_log(log);
    commit_up_to(log, FRAMES);
    begin_log(log);
    return log;
}

static void log_free(struct log *log)
{
    close(log->fd);
    free(log);
}

static enum status check_bytes(const struct log *log, const unsigned char *bytes, size_t len)
{
    char path[40];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", log->fd);
    CHECK(pwrite(log->fd, bytes, len, 0) == (ssize_t)len);
    return wal_check(path, NULL);
}

/* The power was cut in a commit: of each sector there is what was there before, or what came. */
static enum status check_torn(struct log *log, size_t frames)
{
    static unsigned char torn[sizeof(log->bytes)];
    size_t len = len_of(log, FRAMES), from = log->frames;
    size_t kept = len_of(log, from + below(log, frames)); /* from here on it came as a whole */
    uint64_t lost = 1 + below(log, 4);                    /* in four, before that */

    memcpy(torn, log->bytes, len);
    commit(log, frames, true);
    for (size_t at = 0; at < len; at += SECTOR) {
        size_t some = len - at < SECTOR ? len - at : SECTOR;

        if (at + some <= len_of(log, from) || at + some > kept || below(log, 4) >= lost)
            memcpy(torn + at, log->bytes + at, some);
    }
    return check_bytes(log, torn, len);
}

TEST(wal_check, a_commit_that_the_power_cut_is_one_that_nobody_was_told_of)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct log *log = log_new(seed % 8 == 0 ? PAGE_MAX : 512, seed);
        size_t before = 1 + below(log, 6); /* heads 41 and 62 lie across two sectors */

        commit_up_to(log, (seed % 2 == 0 ? 41 : 62) - before);
        if (below(log, 2) == 0)
            refuse(log, 1 + below(log, 12));
        CHECK_INT(check_torn(log, before + 2 + below(log, 5)), STATUS_OK);
        log_free(log);
    }
}

TEST(wal_check, the_mark_of_an_older_commit_in_one_that_the_power_cut_is_none)
{
    for (size_t head = 41; head < 63; head += 21)
        for (size_t other = 0; other <= 40; other++) {
            struct log *log = log_new(512, head + other);
            size_t len, from, cut = len_of(log, head) / SECTOR;
            unsigned char was[2][SECTOR];

            commit_up_to(log, head - 7);
            len = len_of(log, FRAMES);
            from = len_of(log, log->frames) / SECTOR + 1 + other % 20;
            put_word(log->bytes + len_of(log, head) + 4, 1 + (uint32_t)other);
            memcpy(was[0], log->bytes + cut * SECTOR, SECTOR);
            memcpy(was[1], log->bytes + from * SECTOR, SECTOR);
            commit(log, 12, true);
            memcpy(log->bytes + cut * SECTOR, was[0], SECTOR);
            if (other >= 20)
                memcpy(log->bytes + from * SECTOR, was[1], SECTOR);
            CHECK_INT(check_bytes(log, log->bytes, len), STATUS_OK);
            log_free(log);
        }
}

/* In the last frame before the last commit, of the lower `bits` of each word. */
static void check_each_word(size_t frames, size_t bits)
{
    for (uint64_t seed = 0; seed < 2; seed++) {
        struct log *log = log_new(seed == 0 ? 512 : PAGE_MAX, seed);
        size_t last, len;

        commit_up_to(log, frames);
        last = len_of(log, log->frames);
        commit(log, 3, true);
        len = len_of(log, log->frames + 2);
        CHECK_INT(check_bytes(log, log->bytes, len), STATUS_OK);
        for (size_t at = len_of(log, frames - (seed == 0 ? 8 : 2)); at < last;
             at += seed == 0 ? 4 : 52) {
            size_t byte = at + below(log, at < len_of(log, frames - 1) ? 4 : bits / 8);
            unsigned char bit = (unsigned char)(1U << below(log, 8));

            log->bytes[byte] ^= bit;
            CHECK_INT(check_bytes(log, log->bytes, len), STATUS_CORRUPT);
            log->bytes[byte] ^= bit;
        }
        log_free(log);
    }
}

TEST(wal_check, a_bit_that_flipped_in_any_word_before_the_last_commit_is_noticed)
{
    check_each_word(60, 32);
}

TEST(wal_check, a_flipped_bit_is_no_torn_commit_where_one_may_have_an_older_mark)
{
    check_each_word(42, 16);
    check_each_word(63, 16);
}

TEST(wal_check, a_bit_that_flipped_in_the_head_of_the_log_is_noticed)
{
    struct log *log = log_new(PAGE_MAX, 5);
    size_t len;

    commit_up_to(log, 7);
    commit(log, 1, true);
    len = len_of(log, log->frames + 2);
    for (size_t bit = 0; bit < LOG_HEADER * 8UL; bit++) {
        log->bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
        CHECK_INT(check_bytes(log, log->bytes, len), STATUS_CORRUPT);
        log->bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    log_free(log);
}
