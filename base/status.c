#include "base/status.h"

static const struct {
    int http_code;
    const char *reason, *name;
} outcomes[] = {
#define STATUS_ROW(name, http, reason) {http, reason, #name},
    STATUS_LIST(STATUS_ROW)
#undef STATUS_ROW
};

int status_http_code(enum status status)
{
    assert(status < STATUS_COUNT);
    return outcomes[status].http_code;
}

const char *status_reason(enum status status)
{
    assert(status < STATUS_COUNT);
    return outcomes[status].reason;
}

const char *status_name(enum status status)
{
    assert(status < STATUS_COUNT);
    return outcomes[status].name;
}
