/*
 * chap.h - CHAP as the initiator does it, one-way or mutual (RFC 7143 sections 9.2.1 and 12.1.3,
 * RFC 1994; SEC-3 to SEC-12).
 *
 * It does not choose AuthMethod, does not touch the stages of login, and makes no random numbers:
 * those come with the configuration. Not for clear-text passwords of any kind.
 */
#ifndef ISCSIDSC_PROTO_CHAP_H
#define ISCSIDSC_PROTO_CHAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "proto/text.h"

enum chap_mode { CHAP_NONE, CHAP_ONE_WAY, CHAP_MUTUAL };

enum chap_algorithm { CHAP_MD5 = 5, CHAP_SHA1 = 6, CHAP_SHA256 = 7, CHAP_SHA3_256 = 8 };

enum {
	CHAP_ALGORITHMS = 4,
	CHAP_CHALLENGE_MAX = 1024, /* bytes that a target may send */
	CHAP_DIGEST_MAX = 32,
	CHAP_OPEN_MAX = 1024,
};

/*
 * The challenges of all logins of this node that are under way, so that none of ours can be turned
 * against us over another connection (SEC-10). Shared by all threads, without locks. All zero is
 * an empty set.
 */
struct chap_open {
	_Atomic uint64_t hash[CHAP_OPEN_MAX];
};

struct chap_config {
	enum chap_mode mode;
	uint8_t algorithms[CHAP_ALGORITHMS]; /* offered in this order; CHAP_MD5 among them (SEC-4) */
	unsigned algorithm_count;
	uint8_t user[256];          /* CHAP_N: 1 to 255 bytes without NUL */
	unsigned user_len;
	uint8_t secret[128];        /* proves us to the target */
	unsigned secret_len;
	uint8_t target_secret[128]; /* proves the target to us; CHAP_MUTUAL */
	unsigned target_secret_len;
	uint8_t target_name[256];   /* CHAP_N that the target must give; CHAP_MUTUAL (SEC-15) */
	unsigned target_name_len;   /* 0: any */
	/* CHAP_MUTUAL: somebody else tells whether the target's proof is right (a RADIUS server; section
	 * 9.2.1), see CHAP_ASK. There is no target_secret then, and CHAP_MD5 alone can be offered. */
	bool outside;
	/* Random bytes from a good source, 16 to 64, for CHAP_MUTUAL. The challenge sent is a hash of
	 * them and of `attempt`: count that up for each login made with the same configuration. */
	uint8_t challenge[64];
	unsigned challenge_len;
	uint32_t attempt;
	uint8_t identifier;
	struct chap_open *open;     /* may be NULL; must outlive the login */
};

enum chap_state {
	CHAP_IDLE, CHAP_WAIT_CHALLENGE, CHAP_WAIT_RESPONSE, CHAP_WAIT_VERDICT, CHAP_FINISHED,
};

enum { CHAP_MORE = 0, CHAP_DONE = 1, CHAP_ASK = 2 };

enum { CHAP_MD5_LEN = 16 };

/* What chap_config.outside has somebody else judge: whether `response` is the MD5 of the identifier,
 * the secret of that name, and the challenge. */
struct chap_question {
	uint8_t name[256];
	unsigned name_len;
	uint8_t identifier;
	uint8_t challenge[32];
	unsigned challenge_len;
	uint8_t response[CHAP_MD5_LEN];
};

struct chap {
	enum chap_state state;
	const struct chap_config *config; /* the caller's; must live until chap_done */
	uint8_t algorithm;
	uint8_t challenge[32];      /* ours */
	unsigned challenge_len;
	_Atomic uint64_t *open_slot;
	uint8_t peer[256];          /* the target's CHAP_N, for display */
	unsigned peer_len;
	uint8_t proof[CHAP_MD5_LEN]; /* CHAP_WAIT_VERDICT: the target's */
};

/* All algorithms, strongest first. */
void chap_algorithms_default(struct chap_config *config);
/* Returns 0 or -EINVAL: a length out of range, CHAP_MD5 missing, equal secrets (SEC-11), ... */
int chap_config_check(const struct chap_config *config);
/* Forgets user, secrets and challenge. */
void chap_config_wipe(struct chap_config *config);

/* Begins and writes CHAP_A. After AuthMethod=CHAP was agreed. Returns 0, -EINVAL as
 * chap_config_check, -EAGAIN if more logins are under way than struct chap_open holds. On failure
 * chap_done need not be called. */
int chap_begin(struct chap *chap, const struct chap_config *config, struct text_out *out);
/* Takes one complete response text, and writes the keys of our next step. Keys that do not begin
 * with CHAP_ are skipped. Returns CHAP_MORE: another response with CHAP keys must come; CHAP_DONE:
 * nothing more is due from the target (one-way: after our CHAP_R was written; mutual: the target
 * proved itself); CHAP_ASK: the target gave a proof, and chap_config.outside has it judged by somebody
 * else (chap_question_get); CHAP_DONE is what chap_verdict makes of it. Called again after CHAP_DONE it
 * only makes sure that no CHAP key comes any more.
 * Negative with *fault (FAULT_AUTH or FAULT_PROTOCOL): drop the connection. */
int chap_step(struct chap *chap, const char *text, size_t len, struct text_out *out,
	      struct fault *fault);
/* After CHAP_ASK. */
void chap_question_get(const struct chap *chap, struct chap_question *ret);
/* The proof was found to be right. For one that is not, end the login. */
void chap_verdict(struct chap *chap);
/* True once chap_step returned CHAP_DONE, or chap_verdict was called, and nothing failed since. */
bool chap_finished(const struct chap *chap);
/* Ends it, in every state, and wipes. A zeroed struct is fine. */
void chap_done(struct chap *chap);

/* The CHAP response: hash(identifier, secret, challenge). Returns its length (16, 20 or 32), or
 * -EINVAL for an unknown algorithm, -ENOTSUP if libcrypto does not have it. `ret` has room for
 * CHAP_DIGEST_MAX bytes. Also for our test target. */
int chap_hash(uint8_t algorithm, uint8_t identifier, const void *secret, size_t secret_len,
	      const void *challenge, size_t challenge_len, uint8_t *ret);

#endif
