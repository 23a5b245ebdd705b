/* SPDX-License-Identifier: MIT
 *
 * Endpoints: one normal spelling each, and what is none. */
#include "endpoint.h"

#include <string.h>

#include "unit.h"

#define A100                                                                             \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                                 \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *text;
    const char *normal;
    bool is_loopback;
    unsigned port;
} good[] = {
    {"tcp://127.0.0.1:5570", "tcp://127.0.0.1:5570", true, 5570},
    {"tcp://127.1.2.3:1", "tcp://127.1.2.3:1", true, 1},
    {"tcp://127.0.0.1:*", "tcp://127.0.0.1:*", true, 0},
    {"tcp://[::1]:65535", "tcp://[::1]:65535", true, 65535},
    {"tcp://[0:0:0:0:0:0:0:1]:7", "tcp://[::1]:7", true, 7},
    {"tcp://[::ffff:127.0.0.1]:7", "tcp://[::ffff:127.0.0.1]:7", true, 7},
    {"tcp://[::ffff:10.0.0.1]:7", "tcp://[::ffff:10.0.0.1]:7", false, 7},
    {"tcp://[FE80::0A]:7", "tcp://[fe80::a]:7", false, 7},
    {"tcp://128.0.0.1:7", "tcp://128.0.0.1:7", false, 7},
    {"tcp://0.0.0.0:7", "tcp://0.0.0.0:7", false, 7},
    {"tcp://[::]:7", "tcp://[::]:7", false, 7},
    {"tcp://*:7", "tcp://*:7", false, 7},
    {"tcp://*:*", "tcp://*:*", false, 0},
    {"ipc:///run/a", "ipc:///run/a", true, 0},
    {"ipc://a", "ipc:///here/there/a", true, 0},
    {"ipc://../a", "ipc:///here/a", true, 0},
    {"ipc:///run/./a//b/../c", "ipc:///run/a/c", true, 0},
    {"ipc:///../../a", "ipc:///a", true, 0},
    {"ipc:///12345/" A100, "ipc:///12345/" A100, true, 0}, /* 107 bytes */
};

START_TEST(an_endpoint_has_one_spelling)
{
    struct endpoint endpoint;
    const char *problem = "";
    ck_assert_msg(
        endpoint_parse(&endpoint, good[_i].text, ENDPOINT_BIND, "/here/there", &problem),
        "%s: %s", good[_i].text, problem);
    ck_assert_str_eq(endpoint.text, good[_i].normal);
    ck_assert_int_eq(endpoint.is_loopback, good[_i].is_loopback);
    ck_assert_uint_eq(endpoint.port, good[_i].port);
}
END_TEST

static const struct {
    const char *text;
    enum endpoint_use use;
    const char *problem;
} bad[] = {
    {"", ENDPOINT_BIND, "is not tcp://ADDRESS:PORT or ipc://PATH"},
    {"127.0.0.1:5570", ENDPOINT_BIND, "is not tcp://ADDRESS:PORT or ipc://PATH"},
    {"inproc://a", ENDPOINT_BIND, "is not tcp://ADDRESS:PORT or ipc://PATH"},
    {"TCP://127.0.0.1:1", ENDPOINT_BIND, "is not tcp://ADDRESS:PORT or ipc://PATH"},
    {"pgm://eth0;239.0.0.1:1", ENDPOINT_BIND, "is not tcp://ADDRESS:PORT or ipc://PATH"},
    {"tcp://127.0.0.1", ENDPOINT_BIND, "is not tcp://ADDRESS:PORT"},
    {"tcp://", ENDPOINT_BIND, "is not tcp://ADDRESS:PORT"},
    {"tcp://127.0.0.1:0", ENDPOINT_BIND, "has a port that is not 1 to 65535 or *"},
    {"tcp://127.0.0.1:65536", ENDPOINT_BIND, "has a port that is not 1 to 65535 or *"},
    {"tcp://127.0.0.1:4294967297", ENDPOINT_BIND,
     "has a port that is not 1 to 65535 or *"},
    {"tcp://127.0.0.1:0080", ENDPOINT_BIND, "has a port that is not 1 to 65535 or *"},
    {"tcp://127.0.0.1:http", ENDPOINT_BIND, "has a port that is not 1 to 65535 or *"},
    {"tcp://127.0.0.1:1 ", ENDPOINT_BIND, "has a port that is not 1 to 65535 or *"},
    {"tcp://127.0.0.1:", ENDPOINT_BIND, "has a port that is not 1 to 65535 or *"},
    {"tcp://localhost:1", ENDPOINT_BIND,
     "has a name in place of an address such as 127.0.0.1 or [::1]"},
    {"tcp://127.1:1", ENDPOINT_BIND,
     "has a name in place of an address such as 127.0.0.1 or [::1]"},
    {"tcp://::1:1", ENDPOINT_BIND,
     "has a name in place of an address such as 127.0.0.1 or [::1]"},
    {"tcp://[::1:1", ENDPOINT_BIND,
     "has a name in place of an address such as 127.0.0.1 or [::1]"},
    {"tcp://10.0.0.1:1;10.0.0.2:2", ENDPOINT_CONNECT,
     "has a name in place of an address such as 127.0.0.1 or [::1]"},
    {"tcp://*:1", ENDPOINT_CONNECT, "is a connection, which needs an address"},
    {"tcp://10.0.0.1:*", ENDPOINT_CONNECT,
     "is a connection, which needs a port: 1 to 65535"},
    {"ipc://", ENDPOINT_BIND, "is not ipc://PATH"},
    {"ipc:///run/", ENDPOINT_BIND, "is not ipc://PATH"},
    {"ipc://..", ENDPOINT_BIND, "is not ipc://PATH"},
    {"ipc://@abstract", ENDPOINT_BIND, "is not ipc://PATH"},
    {"ipc://*", ENDPOINT_BIND, "is not ipc://PATH"},
    {"ipc:///123456/" A100, ENDPOINT_BIND,
     "has a path, made absolute, of more than 107 bytes"},
    {"tcp://" A100 ":1", ENDPOINT_BIND, "is not tcp://ADDRESS:PORT"},
};

START_TEST(other_texts_are_refused)
{
    struct endpoint endpoint;
    const char *problem = "";
    ck_assert_msg(
        !endpoint_parse(&endpoint, bad[_i].text, bad[_i].use, "/here", &problem),
        "%s is taken", bad[_i].text);
    ck_assert_msg(strcmp(problem, bad[_i].problem) == 0, "%s %s", bad[_i].text, problem);
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT_LOOP(an_endpoint_has_one_spelling, good),
        UNIT_LOOP(other_texts_are_refused, bad),
    };
    return unit_run("endpoint", tests, COUNT(tests));
}
