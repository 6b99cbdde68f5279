#include "trace.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum plant trace_plant;

static struct trace *current;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

/* The part of a path below the folder; NULL: it is not of it. */
static const char *name_in(const struct trace *trace, const char *path)
{
    size_t len = strlen(trace->folder);

    if (strncmp(path, trace->folder, len) != 0 || path[len] != '/' ||
        strchr(path + len + 1, '/') != NULL || strlen(path + len + 1) >= TRACE_NAME_LEN)
        return NULL;
    return path + len + 1;
}

static int number_of(struct trace *trace, const char *name)
{
    int at = 0;

    while (at < trace->name_count && strcmp(trace->names[at], name) != 0)
        at++;
    if (at == trace->name_count) {
        assert(at < TRACE_NAMES_MAX);
        snprintf(trace->names[at], TRACE_NAME_LEN, "%s", name);
        trace->bound[at] = TRACE_NO_FILE;
        trace->name_count++;
    }
    return at;
}

static int new_file(struct trace *trace)
{
    assert(trace->file_count < TRACE_FILES_MAX);
    trace->origins[trace->file_count].name = TRACE_NO_FILE;
    return trace->file_count++;
}

static struct trace_event *add(enum trace_kind kind, int file)
{
    struct trace_event *event;

    if (current->count == current->capacity) {
        current->capacity = current->capacity != 0 ? current->capacity * 2 : 1024;
        current->events =
            must(realloc(current->events, current->capacity * sizeof(*current->events)));
    }
    event = &current->events[current->count++];
    *event = (struct trace_event){.kind = kind, .file = file};
    return event;
}

/* sqlite's index of the log is made anew by each first opener, and never on the disk that counts.
 */
static bool is_index(const char *name)
{
    size_t len = strlen(name);

    return len > 4 && strcmp(name + len - 4, "-shm") == 0;
}

static void read_origin(struct trace *trace, const char *name)
{
    char path[sizeof(trace->folder) + 256];
    struct stat status;
    struct trace_origin *origin;
    int file = new_file(trace);
    FILE *in;

    snprintf(path, sizeof(path), "%s/%s", trace->folder, name);
    in = must(fopen(path, "rb"));
    if (fstat(fileno(in), &status) != 0)
        abort();
    origin = &trace->origins[file];
    origin->name = number_of(trace, name);
    origin->len = (size_t)status.st_size;
    origin->data = must(malloc(origin->len + 1));
    if (fread(origin->data, 1, origin->len, in) != origin->len)
        abort();
    fclose(in);
    trace->bound[origin->name] = file;
}

void trace_begin(struct trace *trace, const char *folder)
{
    DIR *dir = must(opendir(folder));

    *trace = (struct trace){0};
    snprintf(trace->folder, sizeof(trace->folder), "%s", folder);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.' && !is_index(entry->d_name))
            read_origin(trace, entry->d_name);
    closedir(dir);
    pthread_mutex_lock(&lock);
    current = trace;
    pthread_mutex_unlock(&lock);
    vfs_record(true);
}

void trace_end(void)
{
    vfs_record(false);
    pthread_mutex_lock(&lock);
    current = NULL;
    pthread_mutex_unlock(&lock);
}

void trace_free(struct trace *trace)
{
    for (int i = 0; i < trace->file_count; i++)
        free(trace->origins[i].data);
    free(trace->events);
    free(trace->data);
    *trace = (struct trace){0};
}

const struct trace *trace_current(void)
{
    return current;
}

bool trace_is_folder(const char *path)
{
    bool is;

    pthread_mutex_lock(&lock);
    is = current != NULL && strcmp(path, current->folder) == 0;
    pthread_mutex_unlock(&lock);
    return is;
}

int trace_file_at(const char *path)
{
    return trace_open(path, false, false);
}

int trace_open(const char *path, bool create, bool truncate)
{
    const char *name;
    int number, file = TRACE_NO_FILE;

    pthread_mutex_lock(&lock);
    if (current == NULL || (name = name_in(current, path)) == NULL || is_index(name))
        goto out;
    number = number_of(current, name);
    file = current->bound[number];
    if (file == TRACE_NO_FILE && create) {
        struct trace_event *event = add(TRACE_NAMES, TRACE_NO_FILE);

        file = new_file(current);
        current->bound[number] = file;
        event->bind[0] = (struct binding){number, file};
        event->bind_count = 1;
    } else if (file != TRACE_NO_FILE && truncate) {
        add(TRACE_TRUNCATE, file);
    }
out:
    pthread_mutex_unlock(&lock);
    return file;
}

void trace_write(int file, const void *data, size_t len, int64_t at)
{
    struct trace_event *event;

    pthread_mutex_lock(&lock);
    if (current == NULL || file < 0 || len == 0)
        goto out;
    if (current->data_len + len > current->data_capacity) {
        current->data_capacity = 2 * current->data_capacity + len + (1 << 20);
        current->data = must(realloc(current->data, current->data_capacity));
    }
    event = add(TRACE_WRITE, file);
    event->at = at;
    event->len = len;
    event->data = current->data_len;
    memcpy(current->data + current->data_len, data, len);
    current->data_len += len;
out:
    pthread_mutex_unlock(&lock);
}

void trace_truncate(int file, int64_t size)
{
    pthread_mutex_lock(&lock);
    if (current != NULL && file >= 0)
        add(TRACE_TRUNCATE, file)->at = size;
    pthread_mutex_unlock(&lock);
}

static bool ends_with(const char *name, const char *end)
{
    return bytes_ends_with(bytes_str(name), bytes_str(end));
}

/* Does a planted bug forget this sync? */
static bool is_forgotten(const struct trace *trace, int file)
{
    for (int i = 0; i < trace->name_count; i++) {
        if (trace->bound[i] != file)
            continue;
        if (trace_plant == PLANT_UNSYNCED_CHECKPOINT)
            return ends_with(trace->names[i], "store.db");
        if (trace_plant == PLANT_UNSYNCED_LOCK)
            return ends_with(trace->names[i], ".lock");
        if (trace_plant == PLANT_UNSYNCED_BACKUP)
            return strstr(trace->names[i], ".part-") != NULL;
        if (trace_plant == PLANT_UNSYNCED_CREATION)
            return ends_with(trace->names[i], ".new");
    }
    return false;
}

void trace_sync(int file)
{
    pthread_mutex_lock(&lock);
    if (current != NULL && file >= 0 && !is_forgotten(current, file))
        add(TRACE_SYNC, file);
    pthread_mutex_unlock(&lock);
}

void trace_sync_folder(void)
{
    pthread_mutex_lock(&lock);
    if (current != NULL)
        add(TRACE_SYNC_FOLDER, TRACE_NO_FILE);
    pthread_mutex_unlock(&lock);
}

void trace_unlink(const char *path)
{
    const char *name;

    pthread_mutex_lock(&lock);
    if (current != NULL && (name = name_in(current, path)) != NULL && !is_index(name)) {
        struct trace_event *event = add(TRACE_NAMES, TRACE_NO_FILE);
        int number = number_of(current, name);

        current->bound[number] = TRACE_NO_FILE;
        event->bind[0] = (struct binding){number, TRACE_NO_FILE};
        event->bind_count = 1;
    }
    pthread_mutex_unlock(&lock);
}

void trace_link(const char *from, const char *to, bool moves)
{
    const char *from_name, *to_name;

    pthread_mutex_lock(&lock);
    if (current != NULL && (from_name = name_in(current, from)) != NULL &&
        (to_name = name_in(current, to)) != NULL) {
        struct trace_event *event = add(TRACE_NAMES, TRACE_NO_FILE);
        int old = number_of(current, from_name), new = number_of(current, to_name);

        event->bind[0] = (struct binding){new, current->bound[old]};
        event->bind[1] = (struct binding){old, TRACE_NO_FILE};
        event->bind_count = moves ? 2 : 1;
        current->bound[new] = current->bound[old];
        if (moves)
            current->bound[old] = TRACE_NO_FILE;
    }
    pthread_mutex_unlock(&lock);
}

void trace_acked(uint64_t rev, uint64_t floor)
{
    pthread_mutex_lock(&lock);
    if (current != NULL) {
        struct trace_event *event = add(TRACE_ACKED, TRACE_NO_FILE);

        event->rev = rev;
        event->floor = floor;
    }
    pthread_mutex_unlock(&lock);
}

void trace_copied(const char *path)
{
    const char *name;

    pthread_mutex_lock(&lock);
    if (current != NULL && (name = name_in(current, path)) != NULL) {
        struct trace_event *event = add(TRACE_COPIED, TRACE_NO_FILE);

        event->bind[0].name = number_of(current, name);
    }
    pthread_mutex_unlock(&lock);
}
