#include "client-go-like/cache/denied.h"

#include <stddef.h>
#include <stdio.h>

#include "base/bytes.h"

/* Each field stands between two words of the sentence. */
static const struct {
    const char *before, *after;
    size_t offset, size;
} fields[] = {
#define FIELD(name) offsetof(tw_denied, name), sizeof(((tw_denied *)NULL)->name)
    {"User \"", "\"", FIELD(user)},           {"cannot ", " ", FIELD(verb)},
    {"resource \"", "\"", FIELD(resource)},   {"API group \"", "\"", FIELD(group)},
    {"in the namespace \"", "\"", FIELD(ns)},
#undef FIELD
};

void denied_read(const char *message, tw_denied *ret_denied)
{
    const char *at = strstr(message, " is forbidden: ");

    *ret_denied = (tw_denied){0};
    for (size_t i = 0; at != NULL && i < ARRAY_LEN(fields); i++) {
        const char *start = strstr(at, fields[i].before), *end = NULL;

        if (start == NULL)
            continue;
        start += strlen(fields[i].before);
        end = strstr(start, fields[i].after);
        if (end == NULL)
            continue;
        snprintf((char *)ret_denied + fields[i].offset, fields[i].size, "%.*s", (int)(end - start),
                 start);
        at = end;
    }
}
