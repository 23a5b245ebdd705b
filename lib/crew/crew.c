/* SPDX-License-Identifier: MIT
 *
 * All that the leader and its helpers agree on is in one word, the ticket:
 *
 *     bits 63..32  number of the task
 *     bits 31..16  its parts
 *     bits 15..0   next part
 *
 * Who raises `next` has that part. A helper that slept through a task finds another
 * number in the word, so a ticket of the past is worth nothing. The task itself is
 * written before its ticket and read only by who has a part of it, until which is done
 * the leader does not return: it needs no lock. */
#include "crew.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* A helper stays awake so long after its last part. Two blocks of a stream at full speed
 * are closer together; to wake it takes as long as this. */
#define AWAKE_NS 50000
/* A leader that has been at work for so long, without a pause of AWAKE_NS, wakes those
 * who sleep: one block now and then is no reason to. */
#define BUSY_NS 100000
/* Looks at the ticket between two looks at the clock. */
#define SPINS 64
/* Looks at what is not done before the core is offered to others: some 100 us. On a
 * machine that has other work, an offer costs a time slice. */
#define YIELD_SPINS 4096
#define PARTS_MAX 65535

struct helper {
    struct crew *crew;
    size_t index; /* of the thread: 1.. */
    pthread_t thread;
};

struct crew {
    struct mix_executor executor; /* first: the library hands it back */
    struct helper *helpers;
    size_t n_helpers; /* that run */
    void (*task)(void *argument, size_t part, size_t thread);
    void *argument;
    int64_t begin_ns; /* while helpers sleep: since when the leader is at work, */
    int64_t end_ns;   /* and when its last task ended */
    pthread_mutex_t lock;
    pthread_cond_t wake; /* there is a ticket, or the end */
    _Alignas(64) _Atomic uint64_t ticket;
    _Alignas(64) _Atomic uint32_t n_done; /* parts of this task, by helpers */
    _Atomic uint32_t n_asleep;
    _Atomic bool is_ending;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Tells the core that the thread only waits. */
static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static size_t ticket_parts(uint64_t ticket)
{
    return ticket >> 16 & 0xffff;
}

static bool has_parts(uint64_t ticket)
{
    return (ticket & 0xffff) < ticket_parts(ticket);
}

/* Takes the next part of a task. False if there is none left. */
static bool claim(struct crew *crew, size_t *part)
{
    uint64_t ticket = atomic_load_explicit(&crew->ticket, memory_order_acquire);
    while (has_parts(ticket)) {
        if (atomic_compare_exchange_weak_explicit(&crew->ticket, &ticket, ticket + 1,
                                                  memory_order_acq_rel,
                                                  memory_order_acquire)) {
            *part = ticket & 0xffff;
            return true;
        }
    }
    return false;
}

/* ---- Helpers ----------------------------------------------------------------- */

static bool is_idle(struct crew *crew)
{
    return !has_parts(atomic_load_explicit(&crew->ticket, memory_order_acquire)) &&
           !atomic_load_explicit(&crew->is_ending, memory_order_acquire);
}

/* Waits awake for a while. True: there is something to do. */
static bool watch(struct crew *crew)
{
    const int64_t end_ns = now_ns() + AWAKE_NS;
    while (now_ns() < end_ns) {
        for (int i = 0; i < SPINS; i++) {
            if (!is_idle(crew)) {
                return true;
            }
            relax();
        }
    }
    return false;
}

static void rest(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    atomic_fetch_add(&crew->n_asleep, 1);
    while (is_idle(crew)) {
        pthread_cond_wait(&crew->wake, &crew->lock);
    }
    atomic_fetch_sub(&crew->n_asleep, 1);
    pthread_mutex_unlock(&crew->lock);
}

static void *help(void *argument)
{
    struct helper *helper = argument;
    struct crew *crew = helper->crew;
    size_t part;
    while (!atomic_load_explicit(&crew->is_ending, memory_order_acquire)) {
        while (claim(crew, &part)) {
            crew->task(crew->argument, part, helper->index);
            atomic_fetch_add_explicit(&crew->n_done, 1, memory_order_release);
        }
        if (!watch(crew)) {
            rest(crew);
        }
    }
    return NULL;
}

/* ---- The leader ---------------------------------------------------------------- */

/* While helpers sleep: a task begins. */
static void note_begin(struct crew *crew)
{
    const int64_t now = now_ns();
    if (now - crew->end_ns > AWAKE_NS) {
        crew->begin_ns = now;
    }
}

/* A part ended. Wakes those who sleep where there is enough to do for them. */
static void note_part(struct crew *crew)
{
    crew->end_ns = now_ns();
    if (crew->end_ns - crew->begin_ns >= BUSY_NS) {
        crew->begin_ns = crew->end_ns; /* they take their time */
        pthread_mutex_lock(&crew->lock);
        pthread_cond_broadcast(&crew->wake);
        pthread_mutex_unlock(&crew->lock);
    }
}

static void wait_for(struct crew *crew, uint32_t n)
{
    for (unsigned i = 1; atomic_load_explicit(&crew->n_done, memory_order_acquire) != n;
         i++) {
        if (i % YIELD_SPINS == 0) {
            sched_yield(); /* to a helper that has lost its core, say */
        }
        relax();
    }
}

static void run_some(struct crew *crew, size_t parts)
{
    const uint64_t number = (crew->ticket >> 32) + 1;
    const bool has_sleepers = atomic_load(&crew->n_asleep) > 0;
    size_t n_own = 0, part = 0;
    atomic_store_explicit(&crew->n_done, 0, memory_order_relaxed);
    /* The first part is the leader's, whoever is awake. */
    atomic_store(&crew->ticket, number << 32 | parts << 16 | 1);
    if (has_sleepers) {
        note_begin(crew);
    }
    do {
        crew->task(crew->argument, part, 0);
        n_own++;
        if (has_sleepers) {
            note_part(crew);
        }
    } while (claim(crew, &part));
    wait_for(crew, (uint32_t)(parts - n_own));
}

/* A task seen from its first part. */
struct shifted {
    void (*task)(void *argument, size_t part, size_t thread);
    void *argument;
    size_t first;
};

static void run_shifted(void *argument, size_t part, size_t thread)
{
    const struct shifted *shifted = argument;
    shifted->task(shifted->argument, shifted->first + part, thread);
}

static void run(const struct mix_executor *executor, size_t parts,
                void (*task)(void *argument, size_t part, size_t thread), void *argument)
{
    struct crew *crew = (struct crew *)(uintptr_t)executor;
    struct shifted shifted = {.task = task, .argument = argument};
    crew->task = task;
    crew->argument = argument;
    for (size_t left = parts; left > 0;) {
        const size_t n = left < PARTS_MAX ? left : PARTS_MAX;
        run_some(crew, n);
        left -= n;
        shifted.first = parts - left; /* a ticket has no room for more */
        crew->task = run_shifted;
        crew->argument = &shifted;
    }
}

/* ---- Life ---------------------------------------------------------------------- */

/* Signals are the leader's business. */
static bool start_helpers(struct crew *crew, size_t n)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (crew->n_helpers < n) {
        struct helper *helper = &crew->helpers[crew->n_helpers];
        *helper = (struct helper){.crew = crew, .index = crew->n_helpers + 1};
        if (pthread_create(&helper->thread, NULL, help, helper) != 0) {
            break;
        }
        crew->n_helpers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return crew->n_helpers == n;
}

struct crew *crew_new(size_t threads)
{
    struct crew *crew = aligned_alloc(64, sizeof(*crew));
    if (crew == NULL) {
        return NULL;
    }
    *crew = (struct crew){.executor = {.threads = threads, .run = run}};
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->wake, NULL);
    crew->helpers = calloc(threads, sizeof(*crew->helpers));
    if (crew->helpers == NULL || !start_helpers(crew, threads - 1)) {
        crew_destroy(&crew);
    }
    return crew;
}

void crew_destroy(struct crew **crew_)
{
    struct crew *crew = *crew_;
    if (crew == NULL) {
        return;
    }
    pthread_mutex_lock(&crew->lock);
    atomic_store(&crew->is_ending, true);
    pthread_cond_broadcast(&crew->wake);
    pthread_mutex_unlock(&crew->lock);
    for (size_t i = 0; i < crew->n_helpers; i++) {
        pthread_join(crew->helpers[i].thread, NULL);
    }
    pthread_cond_destroy(&crew->wake);
    pthread_mutex_destroy(&crew->lock);
    free(crew->helpers);
    free(crew);
    *crew_ = NULL;
}

const struct mix_executor *crew_executor(const struct crew *crew)
{
    return crew != NULL ? &crew->executor : NULL;
}

size_t crew_asleep(struct crew *crew)
{
    return atomic_load(&crew->n_asleep);
}
