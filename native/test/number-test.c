/* Numbers in text. */
#include "../number.h"

#include "test.h"

TEST(strict, "only digits within the range are a number")
{
    static const char *const wrong[] = {"", " 1", "1 ", "+1", "-1", "0x1", "1e3", "1\n", "256"};
    uint64_t value;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK(!number_parse(wrong[i], 10, 255, &value));
    CHECK(number_parse("255", 10, 255, &value) && value == 255);
    CHECK(number_parse("0755", 8, 07777, &value) && value == 0755);
    CHECK(!number_parse("08", 8, 07777, &value));
    CHECK(number_parse("00000000800405fb", 16, UINT64_MAX, &value) && value == 0x800405fb);
    CHECK(number_parse("18446744073709551615", 10, UINT64_MAX, &value) && value == UINT64_MAX);
    CHECK(!number_parse("18446744073709551616", 10, UINT64_MAX, &value));
    CHECK(!number_parse("99999999999999999999", 10, UINT64_MAX, &value));
}
