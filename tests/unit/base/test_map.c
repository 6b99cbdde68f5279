#include "unit/test.h"

#include "base/map.h"

TEST(map, what_was_put_is_found_until_it_is_removed)
{
    static char keys[1000][16];
    struct map map = {0};

    for (int i = 0; i < 1000; i++) {
        snprintf(keys[i], sizeof(keys[i]), "k%d", i);
        CHECK(map_put(&map, bytes_str(keys[i]), keys[i]));
    }
    for (int i = 0; i < 1000; i += 2)
        CHECK(map_remove(&map, bytes_str(keys[i])) == keys[i]);
    for (int i = 0; i < 1000; i++)
        CHECK(map_get(&map, bytes_str(keys[i])) == (i % 2 == 0 ? NULL : keys[i]));
    CHECK_INT(map.count, 500);
    map_release(&map);
}

TEST(map, an_equal_key_replaces)
{
    struct map map = {0};
    int one, two;

    CHECK(map_put(&map, BYTES("a"), &one) && map_put(&map, BYTES("a"), &two));
    CHECK_INT(map.count, 1);
    CHECK(map_get(&map, BYTES("a")) == &two);
    CHECK(map_remove(&map, BYTES("b")) == NULL);
    map_release(&map);
}
