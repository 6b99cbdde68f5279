#include "apiserver/auth/token_file.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "apiserver/auth/read_file.h"
#include "base/log.h"
#include "base/map.h"

enum { FIELDS_MAX = 64, GROUPS_MAX = 256 };

struct token_entry {
    uint8_t digest[DIGEST_LEN]; /* the key */
    struct user user;
};

struct token_file {
    struct arena arena;
    struct map entries;
};

bool digest_of(struct bytes bytes, uint8_t ret_digest[DIGEST_LEN])
{
    unsigned len = DIGEST_LEN;

    return EVP_Digest(bytes.ptr, bytes.len, ret_digest, &len, EVP_sha256(), NULL) == 1;
}

/* ---- one line of comma separated values (RFC 4180) ---- */

/* A field in quotes: "" within is one. False: the quotes do not end, or something follows them. */
static bool cut_quoted(struct arena *arena, struct bytes *rest, struct bytes *ret_field)
{
    char *text = arena_alloc(arena, rest->len + 1);
    size_t len = 0, at = 1;

    for (; text != NULL && at < rest->len; at++) {
        if (rest->ptr[at] != '"')
            text[len++] = rest->ptr[at];
        else if (at + 1 < rest->len && rest->ptr[at + 1] == '"')
            text[len++] = rest->ptr[at++];
        else
            break;
    }
    if (text == NULL || at >= rest->len || (at + 1 < rest->len && rest->ptr[at + 1] != ','))
        return false;
    *ret_field = bytes_of(text, len);
    *rest = at + 1 < rest->len ? bytes_from(*rest, at + 2) : bytes_of(NULL, 0);
    return true;
}

/* -1: not of that form. */
static int split_line(struct arena *arena, struct bytes line, struct bytes *fields)
{
    int count = 0;

    while (line.ptr != NULL) {
        while (line.len != 0 && line.ptr[0] == ' ') /* csv.Reader.TrimLeadingSpace */
            line = bytes_from(line, 1);
        if (count == FIELDS_MAX)
            return -1;
        if (line.len != 0 && line.ptr[0] == '"') {
            if (!cut_quoted(arena, &line, &fields[count]))
                return -1;
        } else {
            fields[count] = arena_dup(arena, bytes_cut(&line, ','));
            if (bytes_find(fields[count], '"') != fields[count].len)
                return -1;
        }
        count++;
    }
    return count;
}

/* ---- entries ---- */

static void set_groups(struct arena *arena, struct user *user, struct bytes list)
{
    struct bytes *groups = arena_zalloc(arena, (GROUPS_MAX + 1) * sizeof(*groups));

    while (list.len != 0 && groups != NULL && user->group_count < GROUPS_MAX)
        groups[user->group_count++] = bytes_cut(&list, ',');
    user->groups = groups;
    user_add_group(arena, user, BYTES(GROUP_AUTHENTICATED));
}

static enum status add_line(struct token_file *file, const char *name, int number,
                            struct bytes line, struct error *reterr)
{
    struct bytes fields[FIELDS_MAX];
    int count = split_line(&file->arena, line, fields);
    struct token_entry *entry = arena_new(&file->arena, struct token_entry);
    struct bytes key;

    if (count < 3)
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "%s line %d: not token,user,uid[,\"group1,group2\"]", name, number);
    if (fields[0].len == 0) {
        LOG_WARN("a line without a token is left out", LOG_STR("file", name),
                 LOG_INT("line", number));
        return STATUS_OK;
    }
    if (entry == NULL || !digest_of(fields[0], entry->digest))
        return error_set(reterr, STATUS_NO_MEMORY, "no memory for %s", name);
    entry->user.name = fields[1];
    entry->user.uid = fields[2];
    set_groups(&file->arena, &entry->user, count > 3 ? fields[3] : BYTES(""));
    key = bytes_of((const char *)entry->digest, DIGEST_LEN);
    if (map_get(&file->entries, key) != NULL)
        LOG_WARN("a token stands twice: the last one counts", LOG_STR("file", name),
                 LOG_INT("line", number));
    if (file->arena.failed || !map_put(&file->entries, key, entry))
        return error_set(reterr, STATUS_NO_MEMORY, "no memory for %s", name);
    return STATUS_OK;
}

enum status token_file_parse(const char *name, struct bytes text, struct token_file **ret_file,
                             struct error *reterr)
{
    struct token_file *file = calloc(1, sizeof(*file));
    enum status st = STATUS_OK;
    int number = 0;

    if (file == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "no memory for %s", name);
    while (text.ptr != NULL && st == STATUS_OK) {
        struct bytes line = bytes_cut(&text, '\n');

        number++;
        if (bytes_ends_with(line, BYTES("\r")))
            line.len--;
        if (line.len != 0)
            st = add_line(file, name, number, line, reterr);
    }
    if (st != STATUS_OK)
        token_file_free(file);
    else
        *ret_file = file;
    return st;
}

enum status token_file_load(const char *path, struct token_file **ret_file, struct error *reterr)
{
    struct buf text = {0};
    enum status st = read_whole_file(path, &text, reterr);

    if (st == STATUS_OK)
        st = token_file_parse(path, buf_bytes(&text), ret_file, reterr);
    if (text.data != NULL)
        OPENSSL_cleanse(text.data, text.len);
    buf_release(&text);
    return st;
}

void token_file_free(struct token_file *file)
{
    if (file == NULL)
        return;
    map_release(&file->entries);
    arena_release(&file->arena);
    free(file);
}

const struct user *token_file_find(const struct token_file *file,
                                   const uint8_t token_digest[DIGEST_LEN])
{
    const struct token_entry *entry =
        map_get(&file->entries, bytes_of((const char *)token_digest, DIGEST_LEN));

    return entry != NULL && CRYPTO_memcmp(entry->digest, token_digest, DIGEST_LEN) == 0
               ? &entry->user
               : NULL;
}
