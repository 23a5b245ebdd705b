/* SPDX-License-Identifier: MIT
 *
 * The reliable feed as a state machine: senders of all kinds, checkpoints that succeed
 * and fail, crashes and lost files, in any order. The input is a list of actions, one
 * byte each with its arguments after it. The promises:
 *
 *     safe <= durable <= applied
 *     durable is in the newest generation on the disk, safe in both
 *     points are learned in order, each number once
 *     received = learned + rejected + duplicate; what is lost is lost by one source
 */
#include "crc32c.h"
#include "fuzz.h"
#include "intake.h"

enum { COLUMNS = 1, WINDOW = 64, SOURCES = 3, NAMES = 4, POINTS_MAX = 32 };
/* A message of whatever source. */
enum { NAME_ANY = 1000 };

/* What the points did, and what goes into a checkpoint with the sources. */
struct accounts {
    uint64_t received, learned, rejected, duplicate;
    uint64_t messages; /* rejected ones */
};

/* A generation on the disk. */
struct file {
    struct pack pack;
    struct accounts accounts;
    uint64_t generation; /* 0: there is none */
};

struct world {
    const uint8_t *at, *end;
    struct intake *intake;
    struct accounts accounts;
    struct file newest, older, captured;
    uint64_t sessions;
    uint64_t session[NAMES]; /* the last WELCOME of each name, also from before a crash */
    uint64_t base[NAMES]; /* what a forgotten source no longer held when it came back */
};

static uint64_t next_session(void *context)
{
    return ++*(uint64_t *)context;
}

static struct intake *make_intake(struct world *world)
{
    return intake_new(&(struct intake_options){.columns = COLUMNS,
                                               .max_payload = 8 * POINTS_MAX,
                                               .window = WINDOW,
                                               .max_sources = SOURCES,
                                               .random = next_session,
                                               .context = &world->sessions});
}

static unsigned take(struct world *world)
{
    return world->at < world->end ? *world->at++ : 0;
}

/* A small number mostly, else one from the far end. */
static uint64_t take_number(struct world *world)
{
    const unsigned byte = take(world);
    return byte < 240 ? byte : UINT64_MAX - (255 - byte);
}

static void name_source(struct reliable *header, unsigned i)
{
    snprintf(header->source, sizeof(header->source), "s%u", i % NAMES);
}

/* ---- Promises -------------------------------------------------------------- */

/* Names are "s0".."s3", and what send_bytes() makes up. */
static uint64_t base_of(const struct world *world, const char *name)
{
    const unsigned i = (unsigned)(name[1] - '0');
    return name[0] == 's' && i < NAMES && name[2] == '\0' ? world->base[i] : UINT64_MAX;
}

static uint64_t applied_in(const struct file *file, const char *name)
{
    struct roster *roster = roster_new(SOURCES);
    struct unpack unpack = {file->pack.bytes, file->pack.size, false};
    FUZZ_CHECK(roster_unpack(roster, &unpack) && unpack_is_done(&unpack));
    const struct roster_row *row = roster_find(roster, name);
    const uint64_t applied =
        row != NULL && !row->is_forgotten ? row->applied : UINT64_MAX;
    roster_destroy(&roster);
    return applied;
}

/* A source that began after the generation was made is not in it, or was there before it
 * was forgotten; it holds all its points but those below its base. */
static void check_row(const struct world *world, const struct roster_row *row)
{
    FUZZ_CHECK(row->safe <= row->durable && row->durable <= row->applied);
    FUZZ_CHECK(row->applied <= RELIABLE_SEQ_MAX);
    FUZZ_CHECK(row->missing == 0 || row->session == 0);
    const uint64_t base = base_of(world, row->name);
    if (world->newest.generation > 0 && !row->is_forgotten && row->durable > base) {
        FUZZ_CHECK(row->durable <= applied_in(&world->newest, row->name));
    }
    if (world->older.generation > 0 && !row->is_forgotten && row->safe > base) {
        FUZZ_CHECK(row->safe <= applied_in(&world->older, row->name));
    }
}

static void check_world(const struct world *world)
{
    const struct roster *roster = intake_roster(world->intake);
    const struct accounts *accounts = &world->accounts;
    FUZZ_CHECK(roster_count(roster) <= SOURCES);
    FUZZ_CHECK(accounts->received == accounts->learned + accounts->rejected +
                                         accounts->duplicate + accounts->messages);
    for (size_t i = 0; i < roster_count(roster); i++) {
        check_row(world, roster_at(roster, i));
    }
}

/* ---- Messages -------------------------------------------------------------- */

/* The points of a message one by one, every fifth number a bad one, and perhaps not to
 * the end: a crash may come in between. */
static void learn(struct world *world, const struct intake_step *step)
{
    struct roster_row *row = step->row;
    FUZZ_CHECK(step->skip == step->n || step->first + step->skip == row->applied + 1);
    FUZZ_CHECK(step->skip <= step->n && step->n <= POINTS_MAX);
    FUZZ_CHECK(step->first + step->skip <= row->applied + 1); /* those came before */
    world->accounts.received += step->skip;
    world->accounts.duplicate += step->skip;
    for (uint64_t i = step->skip; i < step->n; i++) {
        const uint64_t before = row->applied;
        const bool is_bad = (step->first + i) % 5 == 0;
        intake_apply(world->intake, row, step->first + i, is_bad);
        FUZZ_CHECK(row->applied == before + 1);
        world->accounts.received++;
        world->accounts.rejected += is_bad;
        world->accounts.learned += !is_bad;
    }
}

static void check_reply(struct world *world, const struct reliable *reply, unsigned name,
                        bool was_forgotten)
{
    if (reply->type == RELIABLE_WELCOME) {
        FUZZ_CHECK(reply->a <= reply->b && reply->b <= reply->c);
        FUZZ_CHECK(reply->session != 0 && reply->count == WINDOW);
        world->session[name % NAMES] = reply->session;
        if (name == NAME_ANY) { /* nobody knows who that was */
            memset(world->base, 0xff, sizeof(world->base));
        } else if (was_forgotten && reply->c > world->base[name % NAMES]) {
            world->base[name % NAMES] = reply->c;
        }
    } else if (reply->type == RELIABLE_ERR) {
        FUZZ_CHECK(reply->code >= 1 && reply->code <= 9);
    } else {
        FUZZ_CHECK(reply->type == RELIABLE_NAK || reply->type == RELIABLE_BYE);
    }
}

/* 0 where the source is not known. */
static uint64_t lost_by(const struct world *world, unsigned name)
{
    struct reliable header;
    name_source(&header, name);
    const struct roster_row *row =
        roster_find(intake_roster(world->intake), header.source);
    return row != NULL ? row->lost : 0;
}

static bool is_forgotten(const struct world *world, unsigned name)
{
    struct reliable header;
    name_source(&header, name);
    const struct roster_row *row =
        roster_find(intake_roster(world->intake), header.source);
    return row != NULL && row->is_forgotten;
}

static void send(struct world *world, const struct intake_message *message, unsigned name)
{
    struct intake_step step;
    const uint64_t lost = lost_by(world, name);
    const bool was_forgotten = is_forgotten(world, name);
    intake_take(world->intake, message, &step);
    if (step.has_reply) {
        check_reply(world, &step.reply, name, was_forgotten);
    }
    FUZZ_CHECK(name == NAME_ANY || lost_by(world, name) - lost == step.lost);
    if (step.reason != REASON_NONE) {
        FUZZ_CHECK(step.row == NULL);
        world->accounts.received++;
        world->accounts.messages++;
    }
    if (step.row != NULL) {
        FUZZ_CHECK(!step.has_reply && step.row->session != 0);
        learn(world, &step);
    }
}

static void send_header(struct world *world, const struct reliable *header,
                        struct bytes payload, size_t n_parts, unsigned name)
{
    unsigned char frame[RELIABLE_SIZE];
    reliable_encode(header, frame);
    send(world,
         &(struct intake_message){.route = {"peer", 4},
                                  .part = {{frame, sizeof(frame)}, payload},
                                  .n_parts = n_parts},
         name);
}

static void send_hello(struct world *world)
{
    const unsigned name = take(world);
    struct reliable hello = {.type = RELIABLE_HELLO, .incarnation = take(world) % 2};
    hello.a = take_number(world);
    hello.b = take_number(world);
    name_source(&hello, name);
    send_header(world, &hello, (struct bytes){NULL, 0}, 1, name);
}

static void send_data(struct world *world)
{
    static const double points[POINTS_MAX + 2] = {0};
    const unsigned name = take(world);
    const uint32_t n = take(world) % (POINTS_MAX + 2);
    struct reliable data = {.type = RELIABLE_DATA, .columns = COLUMNS, .count = n};
    name_source(&data, name);
    const struct roster_row *row = roster_find(intake_roster(world->intake), data.source);
    data.incarnation = row != NULL ? row->incarnation : 0;
    data.session = world->session[name % NAMES];
    /* About the number that is expected, or anywhere. */
    const uint64_t expected = row != NULL ? row->applied + 1 : 1;
    const unsigned where = take(world);
    data.a = where < 64    ? expected
             : where < 160 ? expected - (where - 64)
             : where < 176 ? expected + (where - 160)
                           : take_number(world);
    data.crc = crc32c(points, 8 * n) ^ (take(world) == 7);
    const size_t short_by = take(world) == 7;
    send_header(world, &data, (struct bytes){points, 8 * n - (n > 0 ? short_by : 0)}, 2,
                name);
}

static void send_bye(struct world *world)
{
    const unsigned name = take(world);
    struct reliable bye = {.type = RELIABLE_BYE, .incarnation = take(world) % 2};
    name_source(&bye, name);
    bye.session = world->session[name % NAMES];
    send_header(world, &bye, (struct bytes){NULL, 0}, 1, name);
}

/* Anything at all. */
static void send_bytes(struct world *world)
{
    const size_t left = (size_t)(world->end - world->at);
    const size_t size = left < RELIABLE_SIZE ? left : RELIABLE_SIZE;
    const struct intake_message message = {.part = {{world->at, size}, {world->at, size}},
                                           .n_parts = size % 4};
    world->at += size;
    send(world, &message, NAME_ANY);
}

/* ---- The disk -------------------------------------------------------------- */

static void clear_file(struct file *file)
{
    free(file->pack.bytes);
    *file = (struct file){0};
}

static void capture(struct world *world)
{
    clear_file(&world->captured);
    roster_pack(intake_roster(world->intake), &world->captured.pack);
    world->captured.accounts = world->accounts;
    world->captured.generation = world->newest.generation + 1;
    intake_capture(world->intake);
}

/* What was captured is on the disk; the older of the two files gave way to it. */
static void commit(struct world *world)
{
    if (world->captured.generation == 0) {
        return;
    }
    clear_file(&world->older);
    world->older = world->newest;
    world->newest = world->captured;
    world->captured = (struct file){0};
    intake_settle(world->intake,
                  &(struct settlement){.generation = world->newest.generation,
                                       .safe = world->older.generation});
}

/* The next start, from the newest file; is_damaged: from the older one. */
static void crash(struct world *world, bool is_damaged)
{
    if (is_damaged && world->older.generation > 0) {
        clear_file(&world->newest);
        world->newest = world->older;
        world->older = (struct file){0};
    }
    clear_file(&world->captured);
    intake_destroy(&world->intake);
    world->intake = make_intake(world);
    world->accounts = world->newest.accounts;
    if (world->newest.generation > 0) {
        struct unpack unpack = {world->newest.pack.bytes, world->newest.pack.size, false};
        FUZZ_CHECK(roster_unpack(intake_roster(world->intake), &unpack));
        FUZZ_CHECK(unpack_is_done(&unpack));
    }
}

static void forget(struct world *world)
{
    struct reliable header;
    name_source(&header, take(world));
    intake_forget(world->intake, header.source);
}

static void act(struct world *world)
{
    switch (take(world) % 12) {
    case 0:
    case 1:
        send_hello(world);
        break;
    case 2:
        send_bye(world);
        break;
    case 3:
        send_bytes(world);
        break;
    case 4:
        capture(world);
        break;
    case 5:
        commit(world);
        break;
    case 6:
        crash(world, take(world) % 4 == 0);
        break;
    case 7:
        forget(world);
        break;
    default:
        send_data(world);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {.at = data, .end = data + size, .sessions = 1000};
    world.intake = make_intake(&world);
    for (int i = 0; i < 300 && world.at < world.end; i++) {
        act(&world);
        check_world(&world);
    }
    intake_destroy(&world.intake);
    clear_file(&world.newest);
    clear_file(&world.older);
    clear_file(&world.captured);
    return 0;
}
