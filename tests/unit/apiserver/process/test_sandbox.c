#include "apiserver/process/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/test.h"

/* What a child does in the sandbox; it ends with 0 when all was as it should be. */
static int in_sandbox(const char *writable, int (*run)(struct sandbox got, const char *folder))
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        const struct sandbox_folder folders[] = {{writable, true}, {"/nowhere", false}};

        sandbox_harden();
        _exit(run(sandbox_enter(folders, ARRAY_LEN(folders)), writable));
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int start_programs(struct sandbox got, const char *folder)
{
    char *const args[] = {(char *)"true", NULL};

    (void)folder;
    if (!got.calls)
        return 77; /* a kernel without seccomp filters */
    if (execv("/bin/true", args) != -1 || errno != EPERM)
        return 1;
    if (mount("none", "/", "tmpfs", 0, NULL) != -1 || errno != EPERM)
        return 2;
    return 0;
}

static int use_files(struct sandbox got, const char *folder)
{
    int fd;

    if (!got.files)
        return 77; /* a kernel without Landlock */
    if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) != -1 || errno != EACCES)
        return 1;
    if (open("/tmp/tidewatch-outside", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) != -1)
        return 2;
    if (chdir(folder) != 0)
        return 3;
    fd = open("mine", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) != 0 || rename("mine", "yours") != 0 ||
        unlink("yours") != 0)
        return 4;
    return 0;
}

static int check_child(int (*run)(struct sandbox got, const char *folder))
{
    char folder[] = "/tmp/tidewatch-sandbox-XXXXXX";
    int code;

    CHECK(mkdtemp(folder) != NULL);
    code = in_sandbox(folder, run);
    CHECK(rmdir(folder) == 0);
    return code;
}

TEST(sandbox, no_program_can_be_started_and_nothing_mounted)
{
    int code = check_child(start_programs);

    if (code == 77)
        skip();
    CHECK_INT(code, 0);
}

TEST(sandbox, files_outside_the_folders_named_are_out_of_reach)
{
    int code = check_child(use_files);

    if (code == 77)
        skip();
    CHECK_INT(code, 0);
}
