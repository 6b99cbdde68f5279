#include "base/planted.h"

#ifdef TIDEWATCH_PLANTED
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

bool planted_acts(const char *name)
{
    static atomic_ulong asked;
    const char *planted = getenv("TIDEWATCH_PLANT");
    size_t len = strlen(name);
    unsigned long each;

    if (planted == NULL || strncmp(planted, name, len) != 0)
        return false;
    if (planted[len] != '/')
        return planted[len] == '\0';
    each = strtoul(planted + len + 1, NULL, 10);
    return each != 0 && (atomic_fetch_add(&asked, 1) + 1) % each == 0;
}
#endif
