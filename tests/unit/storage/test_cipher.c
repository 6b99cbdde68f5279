#include "storage/cipher.h"

#include "unit/test.h"

static struct bytes sealed_with(uint8_t key_byte, const char *bound, struct buf *out)
{
    uint8_t key[CIPHER_KEY_LEN];
    struct cipher *cipher;

    memset(key, key_byte, sizeof(key));
    cipher = cipher_new(key);
    CHECK(cipher != NULL);
    CHECK(cipher_seal(cipher, (const uint8_t *)"ABCDEFGHIJKLMNOPQRSTUVWX", bytes_str(bound),
                      BYTES("XAES-256-GCM"), out));
    cipher_free(cipher);
    return buf_bytes(out);
}

/* The first vectors of c2sp.org/XAES-256-GCM: one subkey needs the reduction, the other does not.
 */
TEST(cipher, it_seals_as_the_specification_says)
{
    static const uint8_t first[] = {0xce, 0x54, 0x6e, 0xf6, 0x3c, 0x9c, 0xc6, 0x07, 0x65, 0x92,
                                    0x36, 0x09, 0xb3, 0x3a, 0x9a, 0x19, 0x74, 0xe9, 0x6e, 0x52,
                                    0xda, 0xf2, 0xfc, 0xf7, 0x07, 0x5e, 0x22, 0x71};
    static const uint8_t second[] = {0x98, 0x6e, 0xc1, 0x83, 0x25, 0x93, 0xdf, 0x54, 0x43, 0xa1,
                                     0x79, 0x43, 0x7f, 0xd0, 0x83, 0xbf, 0x3f, 0xdb, 0x41, 0xab,
                                     0xd7, 0x40, 0xa2, 0x1f, 0x71, 0xeb, 0x76, 0x9d};
    struct buf out = {0};

    CHECK(bytes_eq(sealed_with(1, "", &out), bytes_of((const char *)first, sizeof(first))));
    out.len = 0;
    CHECK(bytes_eq(sealed_with(3, "c2sp.org/XAES-256-GCM", &out),
                   bytes_of((const char *)second, sizeof(second))));
    buf_release(&out);
}
