/*
 * Files that may be damaged or foreign: a write-ahead log, before sqlite sees it, and a kubeconfig.
 * The first byte says which.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <tidewatch/tidewatch.h>

#include "storage/wal_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_log(const char *path)
{
    struct error err = {0};

    must((wal_check(path, &err) == STATUS_OK) == (err.message == NULL));
    error_release(&err);
}

static void check_kubeconfig(const char *path)
{
    tw_config *config = NULL;
    tw_error *error = NULL;

    must((tw_config_from_kubeconfig(path, NULL, &config, &error) == TW_OK) == (error == NULL));
    tw_config_free(config);
    tw_error_free(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd;

    if (size == 0)
        return 0;
    fd = memfd_create("fuzz", 0);
    must(fd >= 0 && write(fd, data + 1, size - 1) == (ssize_t)size - 1);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    (data[0] % 2 == 0 ? check_log : check_kubeconfig)(path);
    close(fd);
    return 0;
}
