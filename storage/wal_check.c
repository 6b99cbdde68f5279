#include "storage/wal_check.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    HEADER_LEN = 32,
    FRAME_HEADER_LEN = 24,
    PAGE_MIN = 512,
    PAGE_MAX = 65536,
    PAGES_LIKELY = 1 << 22
};

struct wal {
    int fd;
    bool big_endian; /* the words that are summed up */
    size_t page_size;
    unsigned char salts[8];
    uint32_t sum[2]; /* up to where we are */
    unsigned char *frame;
};

static uint32_t word_at(const unsigned char *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof(word));
    return be32toh(word);
}

static uint32_t summand_at(const struct wal *wal, const unsigned char *at)
{
    return wal->big_endian ? word_at(at) : __builtin_bswap32(word_at(at));
}

static void add_to_sum(struct wal *wal, const unsigned char *data, size_t len)
{
    for (size_t at = 0; at < len; at += 8) {
        wal->sum[0] += summand_at(wal, data + at) + wal->sum[1];
        wal->sum[1] += summand_at(wal, data + at + 4) + wal->sum[0];
    }
}

static bool sum_is(const struct wal *wal, const unsigned char *at)
{
    return wal->sum[0] == word_at(at) && wal->sum[1] == word_at(at + 4);
}

static bool is_page_size(uint32_t size)
{
    return size >= PAGE_MIN && size <= PAGE_MAX && (size & (size - 1)) == 0;
}

/* False: it is damaged. Then the page size is sqlite's default, if it has to be guessed. */
static bool read_header(struct wal *wal, const unsigned char *header)
{
    uint32_t page_size = word_at(header + 8);

    wal->big_endian = (word_at(header) & 1) != 0;
    wal->page_size = is_page_size(page_size) ? page_size : 4096;
    memcpy(wal->salts, header + 16, sizeof(wal->salts));
    add_to_sum(wal, header, HEADER_LEN - 8);
    return word_at(header) >> 1 == 0x377f0682 >> 1 && is_page_size(page_size) &&
           sum_is(wal, header + 24);
}

/* The next frame; false at the end of the file. */
static bool read_frame(struct wal *wal, size_t number)
{
    size_t len = FRAME_HEADER_LEN + wal->page_size;

    return pread(wal->fd, wal->frame, len, (off_t)(HEADER_LEN + number * len)) == (ssize_t)len;
}

static bool is_ours(const struct wal *wal)
{
    return memcmp(wal->frame + 8, wal->salts, sizeof(wal->salts)) == 0;
}

static uint32_t number_of(const struct wal *wal, uint32_t summand)
{
    return wal->big_endian ? summand : __builtin_bswap32(summand);
}

static bool has_mark(const struct wal *wal)
{
    return is_ours(wal) && word_at(wal->frame + 4) != 0;
}

/* The mark of a damaged frame, that it ends a commit, may be an older frame's, in a sector that
 * never came, while its sum and its page are new. The sum is a bijection of what is summed up: from
 * the sums on both sides and the page follow what the page's number and the mark should be. */
static bool is_mark_stale(const struct wal *wal, const uint32_t before[2])
{
    uint32_t first = word_at(wal->frame + 16), second = word_at(wal->frame + 20), page, mark;

    for (size_t at = wal->page_size; at > 0; at -= 8) {
        second -= summand_at(wal, wal->frame + FRAME_HEADER_LEN + at - 4) + first;
        first -= summand_at(wal, wal->frame + FRAME_HEADER_LEN + at - 8) + second;
    }
    page = number_of(wal, first - before[0] - before[1]);
    mark = number_of(wal, second - before[1] - first);
    return mark == 0 && page != 0 && page < PAGES_LIKELY;
}

/* Is the frame sound, if the one before it was summed up to `sum`? Sums on from there. */
static bool follows(struct wal *wal, const uint32_t sum[2])
{
    memcpy(wal->sum, sum, sizeof(wal->sum));
    add_to_sum(wal, wal->frame, 8);
    add_to_sum(wal, wal->frame + FRAME_HEADER_LEN, wal->page_size);
    return is_ours(wal) && sum_is(wal, wal->frame + 16);
}

/* From the first frame that is damaged on, or the first one if `whole` is not: the most commits
 * that stand in one piece, in which each frame goes on from the sum of the one before it. */
static size_t count_lost_commits(struct wal *wal, bool whole)
{
    size_t commits = 0, most = 0;
    uint32_t summed[2], said[2] = {0};

    for (size_t number = 0; read_frame(wal, number); number++) {
        bool linked = false, first = whole;

        memcpy(summed, wal->sum, sizeof(summed));
        if (number == 0 && !whole)
            memcpy(wal->salts, wal->frame + 8, sizeof(wal->salts));
        if (whole)
            whole = follows(wal, summed);
        else if (number != 0) /* the damage may lie in the sum itself, or in what is summed up */
            linked = follows(wal, said) || follows(wal, summed);
        if (!whole) {
            commits = linked ? commits : 0;
            commits += has_mark(wal) &&
                       (linked || !is_mark_stale(wal, first || number == 0 ? summed : said));
            most = commits > most ? commits : most;
        }
        said[0] = word_at(wal->frame + 16);
        said[1] = word_at(wal->frame + 20);
    }
    return most;
}

enum status wal_check(const char *path, struct error *reterr)
{
    unsigned char header[HEADER_LEN];
    struct wal wal = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
    enum status st = STATUS_OK;
    bool whole;

    if (wal.fd < 0)
        return errno == ENOENT
                   ? STATUS_OK
                   : error_set(reterr, STATUS_IO, "cannot open %s: %s", path, strerror(errno));
    if (pread(wal.fd, header, sizeof(header), 0) != sizeof(header))
        goto out; /* nothing was ever committed to it */
    whole = read_header(&wal, header);
    wal.frame = malloc(FRAME_HEADER_LEN + wal.page_size);
    if (wal.frame == NULL)
        st = error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    else if (count_lost_commits(&wal, whole) > 1)
        st = error_set(reterr, STATUS_CORRUPT,
                       "%s is damaged, and changes that were acknowledged stand behind the damage",
                       path);
out:
    free(wal.frame);
    close(wal.fd);
    return st;
}
