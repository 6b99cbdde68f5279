#include "unit/codec/trees.h"

#include "codec/protobuf_list.h"
#include "codec/transcoder.h"

TEST(protobuf_list, the_items_and_the_metadata_come_out_one_by_one)
{
    struct bytes rest = BYTES("\x0a\x02mm" /* metadata */
                              "\x12\x01"   /* items */
                              "a"
                              "\x1a\x01z" /* a field nobody knows */
                              "\x12\x00"),
                 message;
    bool is_item = true;

    CHECK(protobuf_list_next(&rest, &message, &is_item) == STATUS_OK && !is_item);
    CHECK_TEXT(message, "mm");
    CHECK(protobuf_list_next(&rest, &message, &is_item) == STATUS_OK && is_item);
    CHECK_TEXT(message, "a");
    CHECK(protobuf_list_next(&rest, &message, &is_item) == STATUS_OK && is_item);
    CHECK_TEXT(message, "");
    CHECK(protobuf_list_next(&rest, &message, &is_item) == STATUS_END);
}

TEST(protobuf_list, what_is_no_list_is_said_to_be_none)
{
    struct bytes number = BYTES("\x10\x01"), cut = BYTES("\x12\x05xy"), empty = BYTES(""), message;
    bool is_item;

    CHECK(protobuf_list_next(&number, &message, &is_item) == STATUS_BAD_REQUEST);
    CHECK(protobuf_list_next(&cut, &message, &is_item) == STATUS_BAD_REQUEST);
    CHECK(protobuf_list_next(&empty, &message, &is_item) == STATUS_END);
}
