#include "apiserver/auth/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { FILE_MAX = 16 << 20, PIECE = 4096 };

enum status read_whole_file(const char *path, struct buf *out, struct error *reterr)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;
    int why = errno;

    while (fd >= 0 && out->len <= FILE_MAX && buf_reserve(out, PIECE) &&
           (got = read(fd, out->data + out->len, PIECE)) > 0)
        out->len += (size_t)got;
    if (fd >= 0) {
        why = errno;
        close(fd);
    }
    if (out->failed)
        return error_set(reterr, STATUS_NO_MEMORY, "no memory for %s", path);
    if (out->len > FILE_MAX)
        return error_set(reterr, STATUS_TOO_LARGE, "%s is too large", path);
    return got == 0 ? STATUS_OK : error_set(reterr, STATUS_IO, "%s: %s", path, strerror(why));
}
