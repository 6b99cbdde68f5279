#include "apiserver/process/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNCONFINED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(TIDEWATCH_UNCONFINED)
#define UNCONFINED 1
#endif
#ifndef UNCONFINED
#define UNCONFINED 0
#endif

bool sandbox_possible(void)
{
    return UNCONFINED == 0;
}

void sandbox_harden(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* ---- files: Landlock, landlock(7) ---- */

/* Of kernels newer than the headers. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

#define RIGHTS_OF_ABI_1 (LANDLOCK_ACCESS_FS_REFER - 1) /* the first thirteen, from EXECUTE on */
#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITING                                                                                    \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |                              \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_TRUNCATE)

static uint64_t rights_of_kernel(long abi)
{
    uint64_t rights = RIGHTS_OF_ABI_1;

    if (abi >= 2)
        rights |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
    return rights;
}

/* A folder that is not there needs no rule. */
static bool allow_folder(int ruleset, const struct sandbox_folder *folder, uint64_t known)
{
    struct landlock_path_beneath_attr rule = {
        .allowed_access = (READING | (folder->writable ? WRITING : 0)) & known,
        .parent_fd = open(folder->path, O_PATH | O_DIRECTORY | O_CLOEXEC),
    };
    bool fine;

    if (rule.parent_fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
    fine = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    close(rule.parent_fd);
    return fine;
}

static bool confine_files(const struct sandbox_folder *folders, size_t count)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct landlock_ruleset_attr attr = {.handled_access_fs = rights_of_kernel(abi)};
    bool fine = abi >= 1;
    int ruleset = -1;

    if (fine)
        ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
    fine = ruleset >= 0;
    for (size_t i = 0; i < count && fine; i++)
        fine = allow_folder(ruleset, &folders[i], attr.handled_access_fs);
    fine = fine && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    if (ruleset >= 0)
        close(ruleset);
    return fine;
}

/* ---- calls: seccomp ---- */

/* A list of what is refused, not of what is allowed: a newer libc may use a call this list has
 * never heard of, and a server that holds the only copy must not die of it. */
static const char *const refused[] = {
    /* other programs */
    "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp",
    /* what is mounted where, and who one is */
    "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig",
    "fsmount", "fspick", "mount_setattr", "unshare", "setns", "open_by_handle_at", "mknod",
    "mknodat", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups",
    "capset", "personality",
    /* the kernel and the machine */
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "bpf",
    "perf_event_open", "userfaultfd", "io_uring_setup", "modify_ldt", "iopl", "ioperm", "reboot",
    "swapon", "swapoff", "acct", "quotactl", "syslog", "sethostname", "setdomainname",
    "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "add_key", "request_key",
    "keyctl"};

static bool confine_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool fine = filter != NULL;

    if (!fine)
        return false;
    /* The default would switch off a speculation that costs nothing to keep without other tenants.
     */
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
    for (size_t i = 0; i < ARRAY_LEN(refused) && fine; i++) {
        int number = seccomp_syscall_resolve_name(refused[i]);

        fine = number < 0 || /* this machine has no such call */
               seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0) == 0;
    }
    fine = fine && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return fine;
}

struct sandbox sandbox_enter(const struct sandbox_folder *folders, size_t count)
{
    struct sandbox got = {0};

    got.files = confine_files(folders, count);
    got.calls = confine_calls();
    return got;
}
