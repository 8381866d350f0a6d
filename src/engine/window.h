/*
 * window.h - the command window of a session: CmdSN, ExpCmdSN, MaxCmdSN (RFC 7143 section 4.2.2.1).
 *
 * The only thing, with the tag table, that connections on different threads share. Everything here
 * may be called from any thread and is lock free. Waiters are named by their connection's slot.
 *
 * A *pause* stops the taking of numbers by all others; one connection can hold it. Targets that do
 * not sort immediate requests among numbered ones need it (TOL-8).
 *
 * With *one holder* a connection takes numbers only while all that are not yet acknowledged are its
 * own: for targets that do not sort numbers over connections (TOL-8). A connection that waits for
 * its turn claims it; the holder stops after WINDOW_TURN numbers then.
 */
#ifndef ISCSIDSC_ENGINE_WINDOW_H
#define ISCSIDSC_ENGINE_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { WINDOW_TURN = 64 }; /* numbers that a holder takes while another one waits */

struct window {
	_Atomic uint64_t next;    /* CmdSN of the next command, and who may take it; see window.c */
	_Atomic uint32_t exp;     /* newest ExpCmdSN */
	_Atomic uint32_t max;     /* newest MaxCmdSN */
	_Atomic uint64_t waiting; /* slots to wake when something changed */
};

/* What a connection has heard and not told. Begins all zero. */
struct window_news {
	bool any;
	uint32_t exp, max;
};

/* No connection may be alive. The window is closed until the first update. */
void window_init(struct window *w, uint32_t first_cmd_sn);
/* Takes the next number. False if the window is closed or paused by another connection, or another
 * one holds the turn: then `slot` is registered and will be in the mask of a later call (SN-3,
 * WIN-3). */
bool window_take(struct window *w, unsigned slot, uint32_t *ret_cmd_sn);
/* Whether window_take would succeed; if not, `slot` is registered as there. For what else a request needs,
 * and others wait for. */
bool window_look(struct window *w, unsigned slot);
/* How many numbers there are up to MaxCmdSN. */
uint32_t window_room(const struct window *w);
/* What an immediate request carries (SN-4). */
uint32_t window_current(const struct window *w);
/* True if the target has got the command with that number, by the newest ExpCmdSN (SN-8, RA-11). */
bool window_acknowledged(const struct window *w, uint32_t cmd_sn);
/* The same; if it has not, `slot` is registered as in window_take. */
bool window_await(struct window *w, unsigned slot, uint32_t cmd_sn);
/* The pair of a received PDU (WIN-1, WIN-2, TOL-4). Returns the slots to wake. */
uint64_t window_update(struct window *w, uint32_t exp_cmd_sn, uint32_t max_cmd_sn);
/* The same in two steps, so that the pairs of many PDUs that came together cost no more than one: each is
 * heard, and then the session is told the highest. */
void window_hear(const struct window *w, struct window_news *news, uint32_t exp_cmd_sn,
		 uint32_t max_cmd_sn);
uint64_t window_tell(struct window *w, struct window_news *news);
/* Stops others and tells whether the target has seen every number given out; if not, or if another
 * connection holds the pause, `slot` is registered as in window_take. */
bool window_pause(struct window *w, unsigned slot);
/* True if another connection holds the pause. */
bool window_paused(const struct window *w, unsigned slot);
/* Ends this slot's pause, if it holds it. Returns the slots to wake. */
uint64_t window_resume(struct window *w, unsigned slot);
/* This slot will take no number for now: its claim ends, if it has one. Returns the slots to
 * wake. */
uint64_t window_unclaim(struct window *w, unsigned slot);
/* One holder or not. Returns the slots to wake. */
uint64_t window_set_one_holder(struct window *w, bool on);
bool window_one_holder(const struct window *w);
/* No new commands, until all that are under way have ended: only a connection that holds the pause takes
 * numbers. Who asked for it ends it. */
void window_drain(struct window *w);
/* Returns the slots to wake. */
uint64_t window_drain_over(struct window *w);
/* The session is being logged out: nobody takes a number any more, until window_init (MCS-17). */
void window_close(struct window *w);

#endif
