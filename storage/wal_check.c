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
    SECTOR = 512, /* written as a whole; larger ones end where these do */
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

static void add_to_sum(const struct wal *wal, uint32_t sum[2], const unsigned char *data,
                       size_t len)
{
    for (size_t at = 0; at < len; at += 8) {
        sum[0] += summand_at(wal, data + at) + sum[1];
        sum[1] += summand_at(wal, data + at + 4) + sum[0];
    }
}

static bool sum_is(const uint32_t sum[2], const unsigned char *at)
{
    return sum[0] == word_at(at) && sum[1] == word_at(at + 4);
}

static bool is_page_size(uint32_t size)
{
    return size >= PAGE_MIN && size <= PAGE_MAX && (size & (size - 1)) == 0;
}

/* False: it is damaged. Then what has to be guessed is what sqlite does of itself on this machine.
 */
static bool read_header(struct wal *wal, const unsigned char *header)
{
    uint32_t page_size = word_at(header + 8);
    bool whole;

    wal->big_endian = (word_at(header) & 1) != 0;
    wal->page_size = is_page_size(page_size) ? page_size : 4096;
    memcpy(wal->salts, header + 16, sizeof(wal->salts));
    add_to_sum(wal, wal->sum, header, HEADER_LEN - 8);
    whole = word_at(header) >> 1 == 0x377f0682 >> 1 && is_page_size(page_size) &&
            sum_is(wal->sum, header + 24);
    if (!whole)
        wal->big_endian = __BYTE_ORDER == __BIG_ENDIAN;
    return whole;
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

/* Sums the frame up, when the one before it was summed up to `before`. */
static void sum_frame(const struct wal *wal, const uint32_t before[2], uint32_t ret_sum[2])
{
    uint32_t sum[2] = {before[0], before[1]};

    add_to_sum(wal, sum, wal->frame, 8);
    add_to_sum(wal, sum, wal->frame + FRAME_HEADER_LEN, wal->page_size);
    memcpy(ret_sum, sum, sizeof(sum));
}

/* Is the frame sound? Sums on from there. */
static bool follows(struct wal *wal, const uint32_t before[2])
{
    sum_frame(wal, before, wal->sum);
    return is_ours(wal) && sum_is(wal->sum, wal->frame + 16);
}

/* May a power cut have left the mark of an older frame beside the sum of this one? */
static bool lies_across_sectors(const struct wal *wal, size_t number)
{
    size_t at = HEADER_LEN + number * (FRAME_HEADER_LEN + wal->page_size);

    return (at + 7) / SECTOR != (at + 16) / SECTOR;
}

static bool is_one_bit(uint32_t difference)
{
    uint32_t other = 0 - difference;

    return difference != 0 && ((difference & (difference - 1)) == 0 || (other & (other - 1)) == 0);
}

/* Did a frame that is damaged end a commit? Its mark says so; but where that may be an older
 * frame's, it is believed only if the sum shows that one flipped bit is all that is wrong. If a
 * word is off, then after its pair of words so are both halves of the sum, or the second alone; and
 * from there on the difference grows in a way that can be taken back. One that is in the high bits
 * alone comes around by chance, and shows nothing. */
static bool ended_commit(const struct wal *wal, size_t number, const uint32_t before[2])
{
    uint32_t mark = summand_at(wal, wal->frame + 4), sum[2], first, second;
    bool one_bit = false, shows;

    sum_frame(wal, before, sum);
    first = word_at(wal->frame + 16) - sum[0];
    second = word_at(wal->frame + 20) - sum[1];
    if (first == 0 && second == 0) /* the salts are damaged, or it is an older log's */
        return mark != 0;
    if (!is_ours(wal))
        return false;
    shows = ((first | second) & 0xfffff) != 0;
    for (size_t at = wal->page_size;; at -= 8) {
        one_bit |= is_one_bit(second) && (first == 0 || first == second);
        if (at == 0)
            break;
        second -= first;
        first -= second;
    }
    if (first == 0 && is_one_bit(second))
        mark += second;
    return mark != 0 && (!lies_across_sectors(wal, number) || (one_bit && shows));
}

/* From the first frame that is damaged on, or the first one if `whole` is not: the most commits
 * that stand in one piece, in which each frame goes on from the sum of the one before it. */
static size_t count_lost_commits(struct wal *wal, bool whole)
{
    size_t commits = 0, most = 0;
    uint32_t summed[2], said[2] = {wal->sum[0], wal->sum[1]};
    bool marked = false;

    for (size_t number = 0; read_frame(wal, number); number++) {
        bool linked = false;

        memcpy(summed, wal->sum, sizeof(summed));
        if (number == 0 && !whole)
            memcpy(wal->salts, wal->frame + 8, sizeof(wal->salts));
        if (whole)
            whole = follows(wal, summed);
        else if (follows(wal, said))
            linked = true;
        else if (follows(wal, summed)) { /* all but the sum was right before, and so was its mark */
            linked = true;
            commits = marked;
        }
        marked = word_at(wal->frame + 4) != 0;
        if (linked)
            commits += marked;
        else if (!whole)
            commits = ended_commit(wal, number, said);
        most = commits > most ? commits : most;
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
