#include "client-go-like/tidectl/tempfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client-go-like/tidectl/tidectl.h"

static void append_template(struct buf *path, const char *prefix, const char *suffix)
{
    const char *folder = getenv("TMPDIR");

    path->len = 0;
    buf_appendf(path, "%s/%sXXXXXX%s", folder != NULL && *folder != '\0' ? folder : "/tmp", prefix,
                suffix);
    buf_append_char(path, '\0');
}

static bool write_all(int fd, struct bytes text)
{
    while (text.len != 0) {
        ssize_t n = write(fd, text.ptr, text.len);

        if (n < 0 && errno != EINTR)
            return false;
        text = bytes_from(text, n > 0 ? (size_t)n : 0);
    }
    return true;
}

bool tempfile_new(const char *prefix, const char *suffix, struct bytes text, struct buf *path)
{
    int fd;
    bool ok;

    append_template(path, prefix, suffix);
    if (path->failed)
        return tidectl_say_no_memory() == 0;
    fd = mkostemps(path->data, (int)strlen(suffix), O_CLOEXEC);
    if (fd < 0)
        return tidectl_say("cannot make a temporary file: %m") == 0;
    ok = write_all(fd, text) || tidectl_say("cannot write %s: %m", path->data) == 0;
    close(fd);
    return ok;
}

bool tempfile_folder(const char *prefix, struct buf *path)
{
    append_template(path, prefix, "");
    if (path->failed)
        return tidectl_say_no_memory() == 0;
    return mkdtemp(path->data) != NULL || tidectl_say("cannot make a temporary folder: %m") == 0;
}

bool tempfile_write(const char *path, struct bytes text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write_all(fd, text);

    if (!ok)
        tidectl_say("cannot write %s: %m", path);
    if (fd >= 0)
        close(fd);
    return ok;
}

void tempfile_remove_folder(const char *path)
{
    DIR *folder = opendir(path);

    for (struct dirent *it = folder != NULL ? readdir(folder) : NULL; it != NULL;
         it = readdir(folder))
        if (it->d_name[0] != '.')
            unlinkat(dirfd(folder), it->d_name, 0);
    if (folder != NULL)
        closedir(folder);
    rmdir(path);
}

enum { ARGUMENTS_MAX = 8 };

int tempfile_run(const char *command, const char *const *arguments, size_t count)
{
    extern char **environ;
    char *argv[ARGUMENTS_MAX + 5];
    struct buf script = {0};
    pid_t child;
    int status = 0;

    buf_appendf(&script, "%s \"$@\"", command);
    buf_append_char(&script, '\0');
    if (script.failed || count > ARGUMENTS_MAX) {
        buf_release(&script);
        return tidectl_say_no_memory() - 2;
    }
    argv[0] = argv[3] = (char *)(uintptr_t) "sh";
    argv[1] = (char *)(uintptr_t) "-c";
    argv[2] = script.data;
    for (size_t i = 0; i < count; i++)
        argv[4 + i] = (char *)(uintptr_t)arguments[i];
    argv[4 + count] = NULL;
    fflush(stdout);
    errno = posix_spawn(&child, "/bin/sh", NULL, NULL, argv, environ);
    if (errno != 0) {
        tidectl_say("cannot run %s: %m", command);
        status = -1;
    }
    while (status == 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    buf_release(&script);
    return status == -1 ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
