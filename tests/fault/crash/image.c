#include "image.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

static void must_do(bool done)
{
    if (!done) {
        perror("crash_points: cannot lay an image");
        abort();
    }
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * 0x9e3779b97f4a7c15ULL;
    a = (a ^ a >> 29) * 0xbf58476d1ce4e5b9ULL;
    return a ^ a >> 32;
}

/* --- sets of sectors --- */

static void sectors_add(struct sectors *set, int64_t from, int64_t end)
{
    for (int64_t at = from / SECTOR; at * SECTOR < end; at++) {
        if ((size_t)at >= set->in_len) {
            size_t len = 2 * (size_t)at + 64;

            set->in = must(realloc(set->in, len * sizeof(*set->in)));
            memset(set->in + set->in_len, 0, (len - set->in_len) * sizeof(*set->in));
            set->in_len = len;
        }
        if (set->in[at])
            continue;
        if (set->count == set->capacity) {
            set->capacity = 2 * set->capacity + 64;
            set->list = must(realloc(set->list, set->capacity * sizeof(*set->list)));
        }
        set->in[at] = true;
        set->list[set->count++] = (uint32_t)at;
    }
}

static void sectors_clear(struct sectors *set)
{
    for (size_t i = 0; i < set->count; i++)
        set->in[set->list[i]] = false;
    set->count = 0;
}

static void sectors_add_all(struct sectors *set, const struct sectors *others)
{
    for (size_t i = 0; i < others->count; i++)
        sectors_add(set, (int64_t)others->list[i] * SECTOR, (int64_t)others->list[i] * SECTOR + 1);
}

static void sectors_release(struct sectors *set)
{
    free(set->list);
    free(set->in);
}

/* --- a file --- */

static const struct trace_event *event_of(const struct image *image, const struct image_file *file,
                                          size_t i)
{
    return &image->trace->events[file->pending[i]];
}

static int64_t size_after(int64_t size, const struct trace_event *event)
{
    int64_t end = event->at + (int64_t)event->len;

    if (event->kind == TRACE_TRUNCATE)
        return event->at;
    return end > size ? end : size;
}

/* The size after the first `count` of what is pending. */
static int64_t size_at(const struct image *image, const struct image_file *file, size_t count)
{
    int64_t size = file->size;

    for (size_t i = 0; i < count; i++)
        size = size_after(size, event_of(image, file, i));
    return size;
}

static void note_pending(struct image *image, struct image_file *file, size_t number)
{
    const struct trace_event *event = &image->trace->events[number];
    int64_t size = size_at(image, file, file->pending_count);

    if (file->pending_count == file->pending_capacity) {
        file->pending_capacity = 2 * file->pending_capacity + 16;
        file->pending =
            must(realloc(file->pending, file->pending_capacity * sizeof(*file->pending)));
    }
    file->pending[file->pending_count++] = number;
    if (event->kind == TRACE_WRITE)
        sectors_add(&file->touched, event->at, event->at + (int64_t)event->len);
    else if (size > event->at)
        sectors_add(&file->touched, event->at, size);
}

static void reserve(struct image_file *file, int64_t size)
{
    size_t need = (size_t)size + SECTOR;

    if (need <= file->capacity)
        return;
    need *= 2;
    file->base = must(realloc(file->base, need));
    memset(file->base + file->capacity, 0, need - file->capacity);
    file->capacity = need;
}

/* What is pending is on the disk. */
static void settle(struct image *image, struct image_file *file)
{
    image->generation += file->pending_count != 0;
    for (size_t i = 0; i < file->pending_count; i++) {
        const struct trace_event *event = event_of(image, file, i);
        int64_t size = size_after(file->size, event);

        reserve(file, size);
        if (event->kind == TRACE_WRITE)
            memcpy(file->base + event->at, image->trace->data + event->data, event->len);
        else if (size < file->size)
            memset(file->base + size, 0, (size_t)(file->size - size));
        file->size = size;
    }
    file->pending_count = 0;
    sectors_add_all(&file->dirty, &file->touched);
    sectors_clear(&file->touched);
}

/* A sector after the first `count` of what is pending. */
static void sector_at(const struct image *image, const struct image_file *file, int64_t sector,
                      size_t count, char *ret)
{
    int64_t begin = sector * SECTOR, end = begin + SECTOR;

    memset(ret, 0, SECTOR);
    if (begin < (int64_t)file->capacity)
        memcpy(ret, file->base + begin,
               (size_t)((end < (int64_t)file->capacity ? end : (int64_t)file->capacity) - begin));
    for (size_t i = 0; i < count; i++) {
        const struct trace_event *event = event_of(image, file, i);
        int64_t from = event->at > begin ? event->at : begin;
        int64_t to = event->at + (int64_t)event->len < end ? event->at + (int64_t)event->len : end;

        if (event->kind == TRACE_TRUNCATE && from < end)
            memset(ret + (from - begin), 0, (size_t)(end - from));
        else if (event->kind == TRACE_WRITE && from < to)
            memcpy(ret + (from - begin), image->trace->data + event->data + (from - event->at),
                   (size_t)(to - from));
    }
}

/* --- the choice --- */

/* What of one file comes through: calls by `mode`, sizes up to `sizes` calls. */
struct fate {
    enum choice_mode mode;
    uint64_t seed;
    size_t call, sizes;
};

static struct fate fate_of(const struct image_file *file, int number, const struct choice *choice)
{
    uint64_t seed = mix(choice->seed, (uint64_t)number + 1);
    size_t n = file->pending_count;
    struct fate fate = {.mode = choice->mode, .seed = seed, .call = n != 0 ? seed % n : 0};
    uint64_t coin = mix(seed, 77);

    if (fate.mode == CHOOSE_FILES)
        fate.mode = coin % 2 == 0 ? CHOOSE_ALL : CHOOSE_NONE;
    if (n == 0)
        return fate;
    if (fate.mode == CHOOSE_ALL)
        fate.sizes = n;
    else if (fate.mode == CHOOSE_PREFIX)
        fate.sizes = fate.call + coin % 2;
    else if (fate.mode != CHOOSE_NONE)
        fate.sizes = coin % 2 == 0 ? n : mix(seed, 78) % (n + 1);
    return fate;
}

static bool comes(const struct fate *fate, size_t call, int64_t sector)
{
    switch (fate->mode) {
    case CHOOSE_ALL:
        return true;
    case CHOOSE_PREFIX:
        return call < fate->call ||
               (call == fate->call && mix(fate->seed, (uint64_t)sector) % 2 == 0);
    case CHOOSE_WITHOUT:
        return call != fate->call;
    case CHOOSE_ONLY:
        return call == fate->call;
    case CHOOSE_CALLS:
        return mix(fate->seed, call) % 2 == 0;
    case CHOOSE_SECTORS:
        return mix(mix(fate->seed, call), (uint64_t)sector) % 2 == 0;
    default:
        return false;
    }
}

/* After how many of the calls the sector is as it was left. */
static size_t state_of(const struct image *image, const struct image_file *file,
                       const struct fate *fate, int64_t sector)
{
    int64_t begin = sector * SECTOR, end = begin + SECTOR;
    size_t count = file->pending_count;

    /* A truncation and the size that it left are one: bytes from beyond it, or from before it. */
    for (size_t i = fate->sizes; i < count; i++)
        if (event_of(image, file, i)->kind == TRACE_TRUNCATE && event_of(image, file, i)->at < end)
            count = i;
    for (; count > 0; count--) {
        const struct trace_event *event = event_of(image, file, count - 1);

        if (event->kind == TRACE_TRUNCATE && event->at < end && count <= fate->sizes)
            break;
        if (event->kind == TRACE_WRITE && event->at < end &&
            event->at + (int64_t)event->len > begin && comes(fate, count - 1, sector))
            break;
    }
    return count;
}

/* --- laying it --- */

static void put(const struct image_file *file, const char *data, int64_t at, int64_t end,
                int64_t size)
{
    if (end > size)
        end = size;
    if (at < end)
        must_do(pwrite(file->fd, data, (size_t)(end - at), at) == (ssize_t)(end - at));
}

static void set_size(struct image_file *file, int64_t size)
{
    int64_t whole = file->laid_size / SECTOR * SECTOR;
    int64_t end = file->size < size ? file->size : size;

    if (size != file->laid_size)
        must_do(ftruncate(file->fd, size) == 0);
    if (size > file->laid_size && whole < end)
        put(file, file->base + whole, whole, end, size);
    file->laid_size = size;
}

static uint64_t sum_of(const char *sector)
{
    uint64_t sum = 1, word;

    for (size_t at = 0; at < SECTOR; at += sizeof(word)) {
        memcpy(&word, sector + at, sizeof(word));
        sum = (sum ^ word) * 0x9e3779b97f4a7c15ULL;
        sum ^= sum >> 32;
    }
    return sum;
}

static void lay_file(struct image *image, int number, const struct choice *choice)
{
    struct image_file *file = &image->files[number];
    struct fate fate = fate_of(file, number, choice);
    int64_t size = size_at(image, file, fate.sizes);
    uint64_t digest = mix((uint64_t)size, (uint64_t)number);
    char sector[SECTOR];

    set_size(file, size);
    for (size_t i = 0; i < file->dirty.count; i++) {
        int64_t begin = (int64_t)file->dirty.list[i] * SECTOR;

        if (file->dirty.list[i] < file->touched.in_len && file->touched.in[file->dirty.list[i]])
            continue;
        sector_at(image, file, file->dirty.list[i], 0, sector);
        put(file, sector, begin, begin + SECTOR, size);
    }
    sectors_clear(&file->dirty);
    for (size_t i = 0; i < file->touched.count; i++) {
        int64_t at = file->touched.list[i];

        sector_at(image, file, at, state_of(image, file, &fate, at), sector);
        put(file, sector, at * SECTOR, (at + 1) * SECTOR, size);
        if (at * SECTOR < size)
            digest += mix(mix(sum_of(sector), (uint64_t)at), (uint64_t)number);
    }
    sectors_add_all(&file->dirty, &file->touched);
    image->digest = mix(image->digest, digest);
}

static void path_of(const struct image *image, const char *name, char *ret, size_t len)
{
    snprintf(ret, len, "%s/%s", image->folder, name);
}

static void store_path_of(const struct image *image, int number, char *ret, size_t len)
{
    snprintf(ret, len, "%s/%d", image->store, number);
}

/* Names that the opener of the last image made, other than the index of the log: a stale one is
 * what a crash leaves, too. */
static void sweep(struct image *image)
{
    DIR *dir = must(opendir(image->folder));

    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        bool known = entry->d_name[0] == '.' || strcmp(entry->d_name, "store.db-shm") == 0;
        char path[512];

        for (int i = 0; i < image->trace->name_count && !known; i++)
            known = image->laid[i] >= 0 && strcmp(entry->d_name, image->trace->names[i]) == 0;
        path_of(image, entry->d_name, path, sizeof(path));
        if (!known)
            unlink(path);
    }
    closedir(dir);
}

static void lay_name(struct image *image, int name, int file)
{
    char from[256], to[256];

    image->digest = mix(image->digest, (uint64_t)(file + 1));
    if (image->laid[name] == file)
        return;
    path_of(image, image->trace->names[name], to, sizeof(to));
    unlink(to);
    if (file >= 0) {
        store_path_of(image, file, from, sizeof(from));
        must_do(link(from, to) == 0);
    }
    image->laid[name] = file;
}

static void lay_names(struct image *image, const struct choice *choice)
{
    size_t n = image->pending_count, count = mix(choice->seed, 3) % (n + 1);
    int bound[TRACE_NAMES_MAX];

    if (choice->mode == CHOOSE_ALL || (choice->mode != CHOOSE_NONE && mix(choice->seed, 4) % 2))
        count = n;
    else if (choice->mode == CHOOSE_NONE)
        count = 0;
    memcpy(bound, image->bound, sizeof(bound));
    for (size_t i = 0; i < count; i++) {
        const struct trace_event *event = &image->trace->events[image->pending[i]];

        for (int b = 0; b < event->bind_count; b++)
            bound[event->bind[b].name] = event->bind[b].file;
    }
    sweep(image);
    for (int i = 0; i < image->trace->name_count; i++)
        lay_name(image, i, bound[i]);
}

void image_lay(struct image *image, const struct choice *choice)
{
    image->digest = mix(mix(image->acked, image->floor), image->generation);
    lay_names(image, choice);
    for (int i = 0; i < image->trace->file_count; i++) {
        bool named = false;

        for (int n = 0; n < image->trace->name_count; n++)
            named |= image->laid[n] == i;
        if (named)
            lay_file(image, i, choice);
    }
}

void image_spoil(struct image *image)
{
    for (int i = 0; i < image->trace->name_count; i++) {
        char path[256];

        path_of(image, image->trace->names[i], path, sizeof(path));
        unlink(path);
        image->laid[i] = TRACE_NO_FILE;
    }
    for (int i = 0; i < image->trace->file_count; i++) {
        must_do(ftruncate(image->files[i].fd, 0) == 0);
        image->files[i].laid_size = 0;
    }
}

/* --- a trace from its beginning --- */

static void init_file(struct image *image, int number)
{
    const struct trace_origin *origin = &image->trace->origins[number];
    struct image_file *file = &image->files[number];
    char path[256];

    store_path_of(image, number, path, sizeof(path));
    file->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    must_do(file->fd >= 0);
    reserve(file, (int64_t)origin->len);
    if (origin->name == TRACE_NO_FILE)
        return;
    memcpy(file->base, origin->data, origin->len);
    file->size = (int64_t)origin->len;
    image->bound[origin->name] = number;
}

void image_init(struct image *image, const struct trace *trace, const char *folder)
{
    *image = (struct image){.trace = trace, .copied = TRACE_NO_FILE};
    snprintf(image->folder, sizeof(image->folder), "%s", folder);
    snprintf(image->store, sizeof(image->store), "%.100s.files", folder);
    must_do(mkdir(image->folder, 0700) == 0 && mkdir(image->store, 0700) == 0);
    for (int i = 0; i < TRACE_NAMES_MAX; i++)
        image->bound[i] = image->laid[i] = TRACE_NO_FILE;
    for (int i = 0; i < trace->file_count; i++)
        init_file(image, i);
}

void image_release(struct image *image)
{
    char command[600];

    for (int i = 0; i < image->trace->file_count; i++) {
        struct image_file *file = &image->files[i];

        close(file->fd);
        free(file->base);
        free(file->pending);
        sectors_release(&file->touched);
        sectors_release(&file->dirty);
    }
    free(image->pending);
    snprintf(command, sizeof(command), "rm -rf '%s' '%s'", image->folder, image->store);
    must_do(system(command) == 0);
}

static void settle_names(struct image *image)
{
    for (size_t i = 0; i < image->pending_count; i++) {
        const struct trace_event *event = &image->trace->events[image->pending[i]];

        for (int b = 0; b < event->bind_count; b++)
            image->bound[event->bind[b].name] = event->bind[b].file;
    }
    image->pending_count = 0;
}

bool image_next(struct image *image)
{
    const struct trace_event *event = &image->trace->events[image->at];

    if (image->at == image->trace->count)
        return false;
    switch (event->kind) {
    case TRACE_WRITE:
    case TRACE_TRUNCATE:
        note_pending(image, &image->files[event->file], image->at);
        break;
    case TRACE_SYNC:
        settle(image, &image->files[event->file]);
        break;
    case TRACE_NAMES:
        if (image->pending_count == image->pending_capacity) {
            image->pending_capacity = 2 * image->pending_capacity + 16;
            image->pending =
                must(realloc(image->pending, image->pending_capacity * sizeof(*image->pending)));
        }
        image->pending[image->pending_count++] = image->at;
        break;
    case TRACE_SYNC_FOLDER:
        settle_names(image);
        break;
    case TRACE_ACKED:
        image->acked = event->rev;
        image->floor = event->floor;
        break;
    case TRACE_COPIED:
        image->copied = event->bind[0].name;
        break;
    }
    image->at++;
    return true;
}

bool image_is_open(const struct image *image)
{
    bool open = image->pending_count != 0;

    for (int i = 0; i < image->trace->file_count; i++)
        open |= image->files[i].pending_count != 0;
    return open;
}
