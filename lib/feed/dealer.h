/* SPDX-License-Identifier: MIT
 *
 * The DEALER socket between a sender and the daemon, the only one in this folder. It
 * never waits but in dealer_wait() and, for a moment, at the end. */
#ifndef DEALER_H
#define DEALER_H

#include "sender.h"

struct dealer;

/* Connects for a sender, which stays the caller's and must outlive the dealer. NULL and
 * the failure on an error. */
struct dealer *dealer_new(const struct mixfeed_options *options, struct sender *sender,
                          struct mixfeed_failure *failure);
/* Says BYE and waits a quarter of a second at most for the answer. Accepts NULL and nulls
 * the caller's pointer. */
void dealer_destroy(struct dealer **dealer);

/* Seconds of the clock that a dealer gives to its sender. */
double dealer_clock_s(void);

/* Reads and sends what there is. True: it came to an end of both. An error that ends the
 * feed is left in the failure, after which nothing more is sent. */
bool dealer_pump(struct dealer *dealer, struct mixfeed_failure *failure);

/* Sends what there is, and reads now and then: for who sends often. */
void dealer_send(struct dealer *dealer, struct mixfeed_failure *failure);

/* Waits until the socket has something to say, or the sender; at most timeout_ms (-1: no
 * limit). False: a signal came. */
bool dealer_wait(struct dealer *dealer, int timeout_ms);

/* Milliseconds until the sender has something to say if nothing arrives; -1: never. */
int dealer_patience_ms(const struct dealer *dealer);

/* To be polled for reading. -1 on an error. */
int dealer_descriptor(const struct dealer *dealer);

#endif
