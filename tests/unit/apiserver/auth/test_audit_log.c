#include "apiserver/auth/audit_log.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/test.h"

static off_t size_of(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 ? info.st_size : -1;
}

TEST(audit_log, what_waits_for_a_slow_disk_is_bounded_and_the_rest_counted)
{
    enum { LINE = 1 << 20, LINES = 20, FIT = 16 };
    char path[] = "/tmp/tidewatch-audit-XXXXXX", *line = malloc(LINE);
    struct audit_log *log = NULL;
    struct audit_log_stats stats;
    struct error err = {0};
    int fd = mkstemp(path);

    CHECK(fd >= 0 && line != NULL);
    close(fd);
    memset(line, 'x', LINE);
    line[LINE - 1] = '\n';
    CHECK_INT(audit_log_open(path, &log, &err), STATUS_OK);
    for (int i = 0; i < LINES; i++) /* nobody writes yet */
        audit_log_append(log, bytes_of(line, LINE));
    audit_log_get_stats(log, &stats);
    CHECK_INT(stats.dropped, LINES - FIT);
    CHECK_INT(audit_log_start(log, &err), STATUS_OK);
    audit_log_close(log); /* all that waited is written */
    CHECK_INT(size_of(path), (off_t)FIT * LINE);
    unlink(path);
    free(line);
}

TEST(audit_log, a_file_that_cannot_be_written_is_refused)
{
    struct audit_log *log = NULL;
    struct error err = {0};

    CHECK_INT(audit_log_open("/nowhere/audit.log", &log, &err), STATUS_IO);
    CHECK(strstr(error_message(&err), "/nowhere/audit.log") != NULL);
    error_release(&err);
}
