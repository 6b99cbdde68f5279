/*
 * sandbox - what a server never needs is given up before it listens to anybody.
 *
 *   sandbox_harden()   no core dumps, no tracing by others, no new privileges
 *   sandbox_enter()    Landlock: only the files named; seccomp: no execve, mount, ptrace, bpf, ...
 *
 * Threads  main, before it has started any: threads inherit it, and nothing takes it back.
 * Errors   a kernel without one of them: the server goes on with the rest, and says so.
 */
#ifndef TIDEWATCH_APISERVER_PROCESS_SANDBOX_H
#define TIDEWATCH_APISERVER_PROCESS_SANDBOX_H

#include "base/base.h"

/* All below a folder. A file may be replaced while the server runs, so none is named alone. */
struct sandbox_folder {
    const char *path;
    bool writable;
};

/* What the kernel took. */
struct sandbox {
    bool files, calls;
};

/* Whether this build can be confined: sanitizers read /proc, start helpers, trace themselves; one
 * that counts branches (cmake -DCOVERAGE=ON) writes them down where it was built. */
bool sandbox_possible(void);
void sandbox_harden(void);
struct sandbox sandbox_enter(const struct sandbox_folder *folders, size_t count);

#endif
