/*
 * json_suite - runs the reader over JSONTestSuite: files y_* must be read, n_* must be refused, for
 * i_* either answer is right. What is read must also come back from the writer with equal value.
 *
 *   json_suite <folder of files>     exit 0: all as the names say; 1: not; 2: usage
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/json.h"

struct tally {
    unsigned accept, refuse, either, wrong;
};

static bool read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    char chunk[65536];
    size_t len;

    if (file == NULL)
        return false;
    while ((len = fread(chunk, 1, sizeof(chunk), file)) != 0)
        buf_append(out, chunk, len);
    fclose(file);
    return !out->failed;
}

/* Written and read again it must be the same. */
static bool survives_writing(struct arena *arena, const struct json *node)
{
    struct buf out = {0};
    struct json *again;
    bool same;

    json_write(&out, node, false);
    same = !out.failed && json_parse(arena, buf_bytes(&out), &again, NULL, NULL) == STATUS_OK &&
           json_equal(node, again);
    buf_release(&out);
    return same;
}

static void run_file(const char *path, const char *name, struct tally *tally)
{
    struct arena arena = {0};
    struct buf text = {0};
    struct error err = {0};
    struct json *node;
    bool accepted, good;

    if (!read_file(path, &text)) {
        printf("cannot read %s\n", path);
        tally->wrong++;
        return;
    }
    accepted = json_parse(&arena, buf_bytes(&text), &node, NULL, &err) == STATUS_OK;
    good = name[0] == 'i' || accepted == (name[0] == 'y');
    if (accepted && !survives_writing(&arena, node))
        good = false;
    tally->accept += name[0] == 'y';
    tally->refuse += name[0] == 'n';
    tally->either += name[0] == 'i';
    tally->wrong += !good;
    if (!good || name[0] == 'i')
        printf("%s %s: %s\n", good ? "    " : "BAD ", name,
               accepted ? "accepted" : error_message(&err));
    error_release(&err);
    buf_release(&text);
    arena_release(&arena);
}

int main(int argc, char **argv)
{
    struct tally tally = {0};
    struct dirent *entry;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;

    if (folder == NULL) {
        fprintf(stderr, "usage: json_suite <folder of y_*.json, n_*.json and i_*.json>\n");
        return 2;
    }
    while ((entry = readdir(folder)) != NULL) {
        char path[4096];

        if (strchr("yni", entry->d_name[0]) == NULL || entry->d_name[1] != '_')
            continue;
        snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
        run_file(path, entry->d_name, &tally);
    }
    closedir(folder);
    printf("json_suite: %u to accept, %u to refuse, %u either way: %u wrong\n", tally.accept,
           tally.refuse, tally.either, tally.wrong);
    return tally.wrong != 0 || tally.accept == 0 || tally.refuse == 0;
}
