/* SPDX-License-Identifier: MIT
 *
 * CRC-32C (Castagnoli), the checksum of the reliable feed's payloads. */
#ifndef CRC32C_H
#define CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of `size` bytes, which need not be aligned; data may be NULL when there are none. */
uint32_t crc32c(const void *data, size_t size);

/* The same without special instructions: what others are compared with. */
uint32_t crc32c_portable(const void *data, size_t size);

#endif
