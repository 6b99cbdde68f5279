#include "codec/json_depth.h"

bool json_is_deeper(const struct json *node, unsigned levels)
{
    if (node->type < JSON_ARRAY)
        return false;
    if (levels == 0)
        return true;
    json_each(node, it) {
        if (json_is_deeper(it, levels - 1))
            return true;
    }
    return false;
}
