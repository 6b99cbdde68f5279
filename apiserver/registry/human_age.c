#include "apiserver/registry/view.h"

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR, YEAR = 365 * DAY };

/* "5m3s", or "5m" when the smaller unit is zero. */
static void append_two(struct buf *out, int64_t large, char large_unit, int64_t small,
                       char small_unit)
{
    buf_appendf(out, "%lld%c", (long long)large, large_unit);
    if (small != 0)
        buf_appendf(out, "%lld%c", (long long)small, small_unit);
}

/* Two units only where the second still says something. A second in the future is clock skew. */
void view_human_age(struct buf *out, int64_t seconds)
{
    if (seconds < -1)
        buf_append_str(out, "<invalid>");
    else if (seconds < 0)
        buf_append_str(out, "0s");
    else if (seconds < 2 * MINUTE)
        buf_appendf(out, "%llds", (long long)seconds);
    else if (seconds < 10 * MINUTE)
        append_two(out, seconds / MINUTE, 'm', seconds % MINUTE, 's');
    else if (seconds < 3 * HOUR)
        append_two(out, seconds / MINUTE, 'm', 0, 's');
    else if (seconds < 8 * HOUR)
        append_two(out, seconds / HOUR, 'h', seconds / MINUTE % 60, 'm');
    else if (seconds < 2 * DAY)
        append_two(out, seconds / HOUR, 'h', 0, 'm');
    else if (seconds < 8 * DAY)
        append_two(out, seconds / DAY, 'd', seconds / HOUR % 24, 'h');
    else if (seconds < 2LL * YEAR)
        append_two(out, seconds / DAY, 'd', 0, 'h');
    else if (seconds < 8LL * YEAR)
        append_two(out, seconds / YEAR, 'y', seconds / DAY % 365, 'd');
    else
        append_two(out, seconds / YEAR, 'y', 0, 'd');
}
