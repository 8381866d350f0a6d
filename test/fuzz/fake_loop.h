/*
 * fake_loop.h - a loop of src/net without a thread and a clock: the fuzzer turns it by hand. It stands
 * in for loop.c; descriptors are real ones.
 */
#ifndef ISCSIDSC_FUZZ_FAKE_LOOP_H
#define ISCSIDSC_FUZZ_FAKE_LOOP_H

#include "net/loop.h"

/* Begins anew; the one there is. */
struct loop *fake_loop_reset(void);
/* Tells watches what their descriptors are ready for and runs chores, until nothing moves any more. That
 * must come to an end: a watch that is told again and again and does nothing is a loop that spins. */
void fake_loop_turn(struct loop *loop);
/* Moves the clock on and lets timers expire. */
void fake_loop_wait(struct loop *loop, uint64_t ns);
/* Nothing is watched, timed or scheduled. */
bool fake_loop_idle(const struct loop *loop);

#endif
