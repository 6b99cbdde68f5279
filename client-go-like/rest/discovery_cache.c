#include "client-go-like/rest/discovery_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "client-go-like/config/config.h"

/* Makes each folder of a path that is not there. */
static bool make_folders(char *path)
{
    for (char *at = path + 1; at != NULL; at++) {
        int rc;

        at = strchr(at, '/');
        if (at != NULL)
            *at = '\0';
        rc = mkdir(path, 0750);
        if (at != NULL)
            *at = '/';
        if (rc != 0 && errno != EEXIST)
            return false;
        if (at == NULL)
            return true;
    }
    return true;
}

/* "127.0.0.1:6443" is the folder 127.0.0.1_6443 (cli-runtime, computeDiscoverCacheDir). */
static void append_host(struct buf *out, const char *server)
{
    const char *host = strstr(server, "://");

    for (host = host != NULL ? host + 3 : server; *host != '\0'; host++) {
        bool fine = (*host >= 'a' && *host <= 'z') || (*host >= 'A' && *host <= 'Z') ||
                    (*host >= '0' && *host <= '9') || *host == '_' || *host == '.';

        buf_append_char(out, fine ? *host : '_');
    }
}

tw_status cache_folder(const char *folder, const char *server, char **ret_folder, tw_error **reterr)
{
    const char *home = getenv("HOME");
    struct buf path = {0};

    if (folder == NULL && (home == NULL || *home == '\0'))
        return tw_fail(reterr, TW_ERR_CONFIG, "no folder for the cache: HOME is not set");
    if (folder != NULL)
        buf_append_str(&path, folder);
    else
        buf_appendf(&path, "%s/.kube/cache/discovery", home);
    buf_append_char(&path, '/');
    append_host(&path, server);
    buf_append_char(&path, '\0');
    if (path.failed) {
        buf_release(&path);
        return tw_fail_no_memory(reterr);
    }
    if (!make_folders(path.data)) {
        tw_status st = tw_fail(reterr, TW_ERR_CONFIG, "cannot make the folder %s: %s", path.data,
                               strerror(errno));

        buf_release(&path);
        return st;
    }
    *ret_folder = path.data;
    return TW_OK;
}

/* "/apis/apps/v1" is tidewatch-apis_apps_v1.json. NULL without memory. */
static char *file_of(const char *folder, const char *path)
{
    struct buf file = {0};

    buf_appendf(&file, "%s/tidewatch-", folder);
    for (path++; *path != '\0'; path++)
        buf_append_char(&file, *path == '/' ? '_' : *path);
    buf_append_str(&file, ".json");
    buf_append_char(&file, '\0');
    if (!file.failed)
        return file.data;
    buf_release(&file);
    return NULL;
}

static bool is_fresh(const char *file)
{
    struct stat info;
    int64_t now = clock_wall_s();

    return stat(file, &info) == 0 && info.st_mtime <= now && now - info.st_mtime < CACHE_FRESH_S;
}

bool cache_read(const char *folder, const char *path, struct cached *ret_cached)
{
    char *file = file_of(folder, path);
    struct cached cached = {.fresh = false};
    bool found = file != NULL && config_read_file(file, &cached.text, NULL) == TW_OK;

    if (found) {
        cached.fresh = is_fresh(file);
        cached.body = buf_bytes(&cached.text);
        cached.etag = bytes_cut(&cached.body, '\n');
        *ret_cached = cached;
    }
    free(file);
    return found;
}

static bool write_all(int fd, struct bytes text)
{
    while (text.len != 0) {
        ssize_t n = write(fd, text.ptr, text.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text = bytes_from(text, (size_t)n);
    }
    return true;
}

void cache_write(const char *folder, const char *path, const char *etag, struct bytes body)
{
    char *file = file_of(folder, path);
    struct buf name = {0};
    bool ok;
    int fd;

    if (file != NULL)
        buf_appendf(&name, "%s.XXXXXX", file);
    buf_append_char(&name, '\0');
    if (file != NULL && !name.failed && (fd = mkostemp(name.data, O_CLOEXEC)) >= 0) {
        ok = write_all(fd, bytes_str(etag)) && write_all(fd, BYTES("\n")) && write_all(fd, body);
        ok = close(fd) == 0 && ok && rename(name.data, file) == 0;
        if (!ok)
            unlink(name.data);
    }
    buf_release(&name);
    free(file);
}

void cache_touch(const char *folder, const char *path)
{
    char *file = file_of(folder, path);

    if (file != NULL)
        utimensat(AT_FDCWD, file, NULL, 0);
    free(file);
}
