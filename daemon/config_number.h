/* SPDX-License-Identifier: MIT
 *
 * Numbers as the configuration writes them: decimal, no octal, no hexadecimal, no
 * infinity; durations and sizes with their units. */
#ifndef CONFIG_NUMBER_H
#define CONFIG_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum number_result {
    NUMBER_OK,
    NUMBER_MALFORMED, /* not a number of that kind */
    NUMBER_OVERFLOW   /* too large to be held */
};

/* The text of a number has at most so many bytes. */
#define NUMBER_SIZE 32

enum number_result number_parse_count(const char *text, uint64_t *count);
enum number_result number_parse_real(const char *text, double *real);
enum number_result number_parse_duration(const char *text, double *seconds);
enum number_result number_parse_size(const char *text, uint64_t *bytes);

/* The shortest text that reads back to the same. */
void number_print_real(char out[NUMBER_SIZE], double real);
void number_print_duration(char out[NUMBER_SIZE], double seconds);
void number_print_size(char out[NUMBER_SIZE], uint64_t bytes);

#endif
