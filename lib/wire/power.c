/* SPDX-License-Identifier: MIT
 *
 * 5^q = 5^(28 k) 5^r with 0 <= r < 28: 25 numbers of 128 bits, cut off below, and 28
 * exact ones. The error in units of the 128th bit: the table entry is less than 1 too
 * small, which doubles at most when 5^r is multiplied in and the product normalised; to
 * cut that product adds 1, to cut the product with w another one: less than 4. */
#include "power.h"

#define STRIDE 28
#define FIRST (-13)

static const struct power_u128 coarse[] = {
    {UINT64_C(0xe1afa13afbd14d6d), UINT64_C(0x82189c09a3a1ec21)}, /* 5^-364 */
    {UINT64_C(0xe3e27a444d8d98b7), UINT64_C(0xfd1b1b2308169b25)}, /* 5^-336 */
    {UINT64_C(0xe61acf033d1a45df), UINT64_C(0x6fb92487298e33bd)}, /* 5^-308 */
    {UINT64_C(0xe858ad248f5c22c9), UINT64_C(0xd1b3400f8f9cff68)}, /* 5^-280 */
    {UINT64_C(0xea9c227723ee8bcb), UINT64_C(0x465e15a979c1cadc)}, /* 5^-252 */
    {UINT64_C(0xece53cec4a314ebd), UINT64_C(0xa4f8bf5635246428)}, /* 5^-224 */
    {UINT64_C(0xef340a98172aace4), UINT64_C(0x86fb897116c87c34)}, /* 5^-196 */
    {UINT64_C(0xf18899b1bc3f8ca1), UINT64_C(0xdc44e6c3cb279ac1)}, /* 5^-168 */
    {UINT64_C(0xf3e2f893dec3f126), UINT64_C(0x5a89dba3c3efccfa)}, /* 5^-140 */
    {UINT64_C(0xf64335bcf065d37d), UINT64_C(0x4d4617b5ff4a16d5)}, /* 5^-112 */
    {UINT64_C(0xf8a95fcf88747d94), UINT64_C(0x75a44c6397ce912a)}, /* 5^-84 */
    {UINT64_C(0xfb158592be068d2e), UINT64_C(0xeed6e2f0f0d56712)}, /* 5^-56 */
    {UINT64_C(0xfd87b5f28300ca0d), UINT64_C(0x8bca9d6e188853fc)}, /* 5^-28 */
    {UINT64_C(0x8000000000000000), UINT64_C(0x0000000000000000)}, /* 5^0 */
    {UINT64_C(0x813f3978f8940984), UINT64_C(0x4000000000000000)}, /* 5^28 */
    {UINT64_C(0x82818f1281ed449f), UINT64_C(0xbff8f10e7a8921a4)}, /* 5^56 */
    {UINT64_C(0x83c7088e1aab65db), UINT64_C(0x792667c6da79e0fa)}, /* 5^84 */
    {UINT64_C(0x850fadc09923329e), UINT64_C(0x03e2cf6bc604ddb0)}, /* 5^112 */
    {UINT64_C(0x865b86925b9bc5c2), UINT64_C(0x0b8a2392ba45a9b2)}, /* 5^140 */
    {UINT64_C(0x87aa9aff79042286), UINT64_C(0x90fb44d2f05d0842)}, /* 5^168 */
    {UINT64_C(0x88fcf317f22241e2), UINT64_C(0x441fece3bdf81f03)}, /* 5^196 */
    {UINT64_C(0x8a5296ffe33cc92f), UINT64_C(0x82bd6b70d99aaa6f)}, /* 5^224 */
    {UINT64_C(0x8bab8eefb6409c1a), UINT64_C(0x1ad089b6c2f7548e)}, /* 5^252 */
    {UINT64_C(0x8d07e33455637eb2), UINT64_C(0xdb0b487b6423e1e8)}, /* 5^280 */
    {UINT64_C(0x8e679c2f5e44ff8f), UINT64_C(0x570f09eaa7ea7648)}, /* 5^308 */
};

static const uint64_t fine[STRIDE] = {
    UINT64_C(1),
    UINT64_C(5),
    UINT64_C(25),
    UINT64_C(125),
    UINT64_C(625),
    UINT64_C(3125),
    UINT64_C(15625),
    UINT64_C(78125),
    UINT64_C(390625),
    UINT64_C(1953125),
    UINT64_C(9765625),
    UINT64_C(48828125),
    UINT64_C(244140625),
    UINT64_C(1220703125),
    UINT64_C(6103515625),
    UINT64_C(30517578125),
    UINT64_C(152587890625),
    UINT64_C(762939453125),
    UINT64_C(3814697265625),
    UINT64_C(19073486328125),
    UINT64_C(95367431640625),
    UINT64_C(476837158203125),
    UINT64_C(2384185791015625),
    UINT64_C(11920928955078125),
    UINT64_C(59604644775390625),
    UINT64_C(298023223876953125),
    UINT64_C(1490116119384765625),
    UINT64_C(7450580596923828125),
};

static struct power_u128 multiply_64(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    const unsigned __int128 p = (unsigned __int128)a * b;
    return (struct power_u128){(uint64_t)(p >> 64), (uint64_t)p};
#else
    const uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    const uint64_t low = a0 * b0;
    const uint64_t middle = a1 * b0 + (low >> 32);
    const uint64_t other = a0 * b1 + (uint32_t)middle;
    return (struct power_u128){a1 * b1 + (middle >> 32) + (other >> 32),
                               (other << 32) | (uint32_t)low};
#endif
}

/* The upper 128 of the 192 bits of a b, moved up until the highest is set; *shift says
 * how far (0 or 1). Both factors have their highest bit set. */
static struct power_u128 multiply_128(struct power_u128 a, uint64_t b, int *shift)
{
    const struct power_u128 upper = multiply_64(a.high, b);
    const struct power_u128 lower = multiply_64(a.low, b);
    struct power_u128 p = {upper.high, upper.low + lower.high};
    p.high += p.low < upper.low ? 1 : 0;
    *shift = p.high >> 63 == 0 ? 1 : 0;
    if (*shift != 0) {
        p.high = p.high << 1 | p.low >> 63;
        p.low = p.low << 1 | lower.low >> 63;
    }
    return p;
}

/* floor(q log2(5)), exact for |q| < 1000. */
static int log2_of_5(int q)
{
    return (q * 152170) >> 16;
}

struct power_u128 power_multiply(uint64_t w, int q, int *exponent)
{
    const int k = (q - FIRST * STRIDE) / STRIDE + FIRST;
    const int r = q - k * STRIDE;
    const int zeros = __builtin_clzll(w);
    const int zeros_5 = __builtin_clzll(fine[r]);
    int shift_5;
    int shift_w;
    struct power_u128 p = multiply_128(coarse[k - FIRST], fine[r] << zeros_5, &shift_5);
    p = multiply_128(p, w << zeros, &shift_w);
    /* 5^(28 k) is coarse 2^(log2 - 127); each product drops 64 bits. */
    *exponent = q + log2_of_5(k * STRIDE) - 127 + (64 - zeros_5 - shift_5) +
                (64 - zeros - shift_w);
    return p;
}
