/* chap.c - see chap.h. */
#include "proto/chap.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/secret.h"

enum { NAME_MAX_BYTES = 255, CHALLENGE_SEED_MIN = 16, CHALLENGE_SENT_MAX = 32 };

static const struct {
	uint8_t algorithm;
	const char *name; /* libcrypto's */
} hashes[] = {
	{ CHAP_SHA3_256, "SHA3-256" },
	{ CHAP_SHA256, "SHA256" },
	{ CHAP_SHA1, "SHA1" },
	{ CHAP_MD5, "MD5" },
};

_Static_assert(sizeof hashes / sizeof *hashes == CHAP_ALGORITHMS, "one row each");

static const char *hash_name(uint8_t algorithm)
{
	for (int i = 0; i < CHAP_ALGORITHMS; i++)
		if (hashes[i].algorithm == algorithm)
			return hashes[i].name;
	return NULL;
}

/* The hash over three pieces. Returns its length or -ENOTSUP. */
static int hash_pieces(const char *name, const void *a, size_t a_len, const void *b, size_t b_len,
		       const void *c, size_t c_len, uint8_t *ret)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned len = 0;
	int r = -ENOTSUP;

	if (!md || !ctx || !EVP_DigestInit_ex2(ctx, md, NULL) ||
	    !EVP_DigestUpdate(ctx, a, a_len) || !EVP_DigestUpdate(ctx, b, b_len) ||
	    !EVP_DigestUpdate(ctx, c, c_len) || !EVP_DigestFinal_ex(ctx, digest, &len))
		goto out;
	assert(len <= CHAP_DIGEST_MAX);
	memcpy(ret, digest, len);
	r = (int)len;
out:
	secret_wipe(digest, sizeof digest);
	EVP_MD_CTX_free(ctx);
	EVP_MD_free(md);
	return r;
}

/* SEC-5 */
int chap_hash(uint8_t algorithm, uint8_t identifier, const void *secret, size_t secret_len,
	      const void *challenge, size_t challenge_len, uint8_t *ret)
{
	const char *name = hash_name(algorithm);

	if (!name)
		return -EINVAL;
	return hash_pieces(name, &identifier, 1, secret, secret_len, challenge, challenge_len, ret);
}

/* ---------------------------------------------------------------- configuration */

void chap_algorithms_default(struct chap_config *config)
{
	config->algorithm_count = CHAP_ALGORITHMS;
	for (int i = 0; i < CHAP_ALGORITHMS; i++)
		config->algorithms[i] = hashes[i].algorithm;
}

static bool offers(const struct chap_config *config, uint64_t algorithm)
{
	for (unsigned i = 0; i < config->algorithm_count; i++)
		if (config->algorithms[i] == algorithm)
			return true;
	return false;
}

/* SEC-4 */
static bool algorithms_good(const struct chap_config *config)
{
	if (config->algorithm_count > CHAP_ALGORITHMS || !offers(config, CHAP_MD5))
		return false;
	for (unsigned i = 0; i < config->algorithm_count; i++) {
		if (!hash_name(config->algorithms[i]))
			return false;
		for (unsigned j = 0; j < i; j++)
			if (config->algorithms[j] == config->algorithms[i])
				return false;
	}
	return true;
}

static bool mutual_good(const struct chap_config *config)
{
	if (config->challenge_len < CHALLENGE_SEED_MIN ||
	    config->challenge_len > sizeof config->challenge ||
	    config->target_name_len > NAME_MAX_BYTES)
		return false;
	if (config->outside)
		return config->target_secret_len == 0 && config->algorithm_count == 1;
	return config->target_secret_len > 0 &&
	       config->target_secret_len <= sizeof config->target_secret &&
	       !secret_equal(config->secret, config->secret_len, config->target_secret,
			     config->target_secret_len); /* SEC-11 */
}

/* SEC-12 */
int chap_config_check(const struct chap_config *config)
{
	if (config->mode == CHAP_NONE)
		return 0;
	if (!algorithms_good(config) || config->user_len == 0 ||
	    config->user_len > NAME_MAX_BYTES || memchr(config->user, 0, config->user_len) ||
	    config->secret_len == 0 || config->secret_len > sizeof config->secret)
		return -EINVAL;
	if (config->mode == CHAP_MUTUAL && !mutual_good(config))
		return -EINVAL;
	return 0;
}

/* SEC-21 */
void chap_config_wipe(struct chap_config *config)
{
	secret_wipe(config, sizeof *config);
}

/* ---------------------------------------------------------------- open challenges (SEC-10) */

/* 0 marks a free slot. Returns 0 if there is no hash to be had. */
static uint64_t challenge_mark(const uint8_t *challenge, size_t len)
{
	uint8_t digest[CHAP_DIGEST_MAX];
	uint64_t mark;

	if (hash_pieces("SHA256", challenge, len, "", 0, "", 0, digest) < 0)
		return 0;
	mark = bytes_get64(digest);
	return mark ? mark : 1;
}

static int open_add(struct chap_open *open, uint64_t mark, _Atomic uint64_t **ret_slot)
{
	for (unsigned i = 0; i < CHAP_OPEN_MAX; i++) {
		_Atomic uint64_t *slot = &open->hash[(mark + i) % CHAP_OPEN_MAX];
		uint64_t empty = 0;

		if (atomic_compare_exchange_strong(slot, &empty, mark)) {
			*ret_slot = slot;
			return 0;
		}
	}
	return -EAGAIN;
}

static bool open_has(struct chap_open *open, uint64_t mark)
{
	for (unsigned i = 0; i < CHAP_OPEN_MAX; i++)
		if (atomic_load(&open->hash[i]) == mark)
			return true;
	return false;
}

/* Makes our challenge from the configuration's random bytes: a hash, so that the challenges of
 * earlier attempts, which the peer saw, tell nothing about this one (SEC-10). */
static int challenge_make(struct chap *chap)
{
	const struct chap_config *config = chap->config;
	uint8_t attempt[4];
	uint64_t mark;
	int len;

	bytes_put32(attempt, config->attempt);
	len = hash_pieces("SHA256", config->challenge, config->challenge_len, attempt,
			  sizeof attempt, "", 0, chap->challenge);
	if (len < 0)
		return len;
	chap->challenge_len = config->challenge_len < CHALLENGE_SENT_MAX ?
			      config->challenge_len : CHALLENGE_SENT_MAX;
	if (!config->open)
		return 0;
	mark = challenge_mark(chap->challenge, chap->challenge_len);
	return mark ? open_add(config->open, mark, &chap->open_slot) : -ENOTSUP;
}

/* SEC-10 */
static bool challenge_is_ours(const struct chap *chap, const uint8_t *challenge, size_t len)
{
	uint64_t mark;

	if (chap->challenge_len > 0 &&
	    secret_equal(challenge, len, chap->challenge, chap->challenge_len))
		return true;
	if (!chap->config->open)
		return false;
	mark = challenge_mark(challenge, len);
	return !mark || open_has(chap->config->open, mark);
}

/* ---------------------------------------------------------------- the exchange */

/* SEC-1, SEC-3 */
int chap_begin(struct chap *chap, const struct chap_config *config, struct text_out *out)
{
	char list[8 * CHAP_ALGORITHMS] = "";
	size_t len = 0;
	int r = chap_config_check(config);

	if (r < 0)
		return r;
	if (config->mode == CHAP_NONE)
		return -EINVAL;
	*chap = (struct chap){ .state = CHAP_WAIT_CHALLENGE, .config = config };
	if (config->mode == CHAP_MUTUAL) {
		r = challenge_make(chap);
		if (r < 0) {
			chap_done(chap);
			return r;
		}
	}
	for (unsigned i = 0; i < config->algorithm_count; i++)
		len += (size_t)snprintf(list + len, sizeof list - len, "%s%u", i ? "," : "",
					config->algorithms[i]);
	text_put(out, "CHAP_A", list);
	return 0;
}

/* The CHAP_ keys of one response. */
enum { GOT_A = 1, GOT_I = 2, GOT_C = 4, GOT_N = 8, GOT_R = 16 };

struct answer {
	unsigned got;
	struct text_pair a, i, c, n, r;
};

static int refuse(struct chap *chap, struct fault *fault, enum fault_kind kind, const char *why)
{
	chap->state = CHAP_IDLE;
	fault_set(fault, kind, 0, "CHAP: %s", why);
	return -EPROTO;
}

static struct text_pair *answer_place(struct answer *answer, const char *key, unsigned *ret_bit)
{
	const struct {
		const char *name;
		unsigned bit;
		struct text_pair *pair;
	} places[] = {
		{ "CHAP_A", GOT_A, &answer->a }, { "CHAP_I", GOT_I, &answer->i },
		{ "CHAP_C", GOT_C, &answer->c }, { "CHAP_N", GOT_N, &answer->n },
		{ "CHAP_R", GOT_R, &answer->r },
	};

	for (size_t n = 0; n < sizeof places / sizeof *places; n++) {
		if (strcmp(key, places[n].name) == 0) {
			*ret_bit = places[n].bit;
			return places[n].pair;
		}
	}
	return NULL;
}

/* SEC-7 */
static int answer_get(struct chap *chap, const char *text, size_t len, struct answer *ret,
		      struct fault *fault)
{
	struct text_in in;
	struct text_pair pair;
	int r;

	ret->got = 0;
	text_init(&in, text, len);
	while ((r = text_next(&in, &pair, fault)) > 0) {
		struct text_pair *place;
		unsigned bit;

		if (strncmp(pair.key, "CHAP_", 5) != 0)
			continue;
		place = answer_place(ret, pair.key, &bit);
		if (!place)
			return refuse(chap, fault, FAULT_PROTOCOL, "an unknown key");
		if (ret->got & bit)
			return refuse(chap, fault, FAULT_PROTOCOL, "a key came twice");
		ret->got |= bit;
		*place = pair;
	}
	if (r < 0)
		chap->state = CHAP_IDLE;
	return r;
}

/* Our proof for the target's challenge, and ours for it (SEC-4, SEC-6, SEC-7). */
static int step_challenge(struct chap *chap, const struct answer *answer, struct text_out *out,
			  struct fault *fault)
{
	const struct chap_config *config = chap->config;
	uint8_t challenge[CHAP_CHALLENGE_MAX], digest[CHAP_DIGEST_MAX];
	uint64_t algorithm, identifier;
	size_t challenge_len;
	int len;

	if (answer->got != (GOT_A | GOT_I | GOT_C))
		return refuse(chap, fault, FAULT_PROTOCOL,
			      "CHAP_A, CHAP_I and CHAP_C were due, no more and no less");
	if (text_number(answer->a.value, &algorithm) < 0 || !offers(config, algorithm))
		return refuse(chap, fault, FAULT_AUTH, "the target chose no offered algorithm");
	if (text_number(answer->i.value, &identifier) < 0 || identifier > UINT8_MAX)
		return refuse(chap, fault, FAULT_PROTOCOL, "CHAP_I is not one byte");
	if (text_binary(answer->c.value, challenge, sizeof challenge, &challenge_len) < 0 ||
	    challenge_len == 0)
		return refuse(chap, fault, FAULT_PROTOCOL, "CHAP_C is malformed or too long");
	if (challenge_is_ours(chap, challenge, challenge_len))
		return refuse(chap, fault, FAULT_AUTH, "the target sent a challenge of ours");
	len = chap_hash((uint8_t)algorithm, (uint8_t)identifier, config->secret,
			config->secret_len, challenge, challenge_len, digest);
	if (len < 0)
		return refuse(chap, fault, FAULT_AUTH, "the algorithm is not available here");

	chap->algorithm = (uint8_t)algorithm;
	text_put_bytes(out, "CHAP_N", config->user, config->user_len);
	text_put_binary(out, "CHAP_R", digest, (size_t)len);
	secret_wipe(digest, sizeof digest);
	if (config->mode != CHAP_MUTUAL) {
		chap->state = CHAP_FINISHED;
		return CHAP_DONE;
	}
	text_put_number(out, "CHAP_I", config->identifier);
	text_put_binary(out, "CHAP_C", chap->challenge, chap->challenge_len);
	chap->state = CHAP_WAIT_RESPONSE;
	return CHAP_MORE;
}

/* True if the proof is the one that this secret gives for our challenge (SEC-8, SEC-9). */
static bool proof_matches(const struct chap *chap, const uint8_t *secret, size_t secret_len,
			  const uint8_t *proof, size_t proof_len)
{
	uint8_t digest[CHAP_DIGEST_MAX];
	int len = chap_hash(chap->algorithm, chap->config->identifier, secret, secret_len,
			    chap->challenge, chap->challenge_len, digest);
	bool equal = len > 0 && secret_equal(digest, (size_t)len, proof, proof_len);

	secret_wipe(digest, sizeof digest);
	return equal;
}

/* SEC-15 */
static bool name_matches(const struct chap_config *config, const struct text_pair *name)
{
	return !config->target_name_len ||
	       (name->value_len == config->target_name_len &&
		memcmp(name->value, config->target_name, config->target_name_len) == 0);
}

/* The target's proof for our challenge (SEC-7, SEC-8). */
static int step_response(struct chap *chap, const struct answer *answer, struct fault *fault)
{
	const struct chap_config *config = chap->config;
	uint8_t proof[CHAP_DIGEST_MAX];
	size_t proof_len;
	bool good, reflected;

	if (answer->got != (GOT_N | GOT_R)) /* SEC-7: never go on without it */
		return refuse(chap, fault, FAULT_AUTH, "the target did not prove itself");
	if (answer->n.value_len == 0 || answer->n.value_len > NAME_MAX_BYTES)
		return refuse(chap, fault, FAULT_PROTOCOL, "CHAP_N is empty or too long");
	if (!name_matches(config, &answer->n))
		return refuse(chap, fault, FAULT_AUTH, "the target has another CHAP name than expected");
	if (text_binary(answer->r.value, proof, sizeof proof, &proof_len) < 0)
		return refuse(chap, fault, FAULT_PROTOCOL, "CHAP_R is malformed or too long");
	good = config->outside ? proof_len == sizeof chap->proof
			       : proof_matches(chap, config->target_secret,
					       config->target_secret_len, proof, proof_len);
	reflected = proof_matches(chap, config->secret, config->secret_len, proof, proof_len);
	if (config->outside && good)
		memcpy(chap->proof, proof, sizeof chap->proof);
	secret_wipe(proof, sizeof proof);
	if (reflected) /* SEC-9 */
		return refuse(chap, fault, FAULT_AUTH, "the target answered with our secret");
	if (!good)
		return refuse(chap, fault, FAULT_AUTH, "the target's response is wrong");

	memcpy(chap->peer, answer->n.value, answer->n.value_len);
	chap->peer_len = (unsigned)answer->n.value_len;
	chap->state = config->outside ? CHAP_WAIT_VERDICT : CHAP_FINISHED;
	return config->outside ? CHAP_ASK : CHAP_DONE;
}

void chap_question_get(const struct chap *chap, struct chap_question *ret)
{
	assert(chap->state == CHAP_WAIT_VERDICT);
	*ret = (struct chap_question){ .name_len = chap->peer_len,
		.identifier = chap->config->identifier, .challenge_len = chap->challenge_len };
	memcpy(ret->name, chap->peer, chap->peer_len);
	memcpy(ret->challenge, chap->challenge, chap->challenge_len);
	memcpy(ret->response, chap->proof, sizeof chap->proof);
}

void chap_verdict(struct chap *chap)
{
	assert(chap->state == CHAP_WAIT_VERDICT);
	chap->state = CHAP_FINISHED;
}

/* SEC-3 */
int chap_step(struct chap *chap, const char *text, size_t len, struct text_out *out,
	      struct fault *fault)
{
	struct answer answer;
	enum chap_state state = chap->state;
	int r;

	if (state == CHAP_IDLE)
		return refuse(chap, fault, FAULT_PROTOCOL, "not under way");
	r = answer_get(chap, text, len, &answer, fault);
	if (r < 0)
		return r;
	switch (state) {
	case CHAP_WAIT_CHALLENGE:
		return step_challenge(chap, &answer, out, fault);
	case CHAP_WAIT_RESPONSE:
		return step_response(chap, &answer, fault);
	case CHAP_WAIT_VERDICT:
		return refuse(chap, fault, FAULT_PROTOCOL, "a response before our next request");
	case CHAP_FINISHED:
		return answer.got ? refuse(chap, fault, FAULT_PROTOCOL, "a key after the end") :
				    CHAP_DONE;
	case CHAP_IDLE:
		break;
	}
	return -EPROTO;
}

bool chap_finished(const struct chap *chap)
{
	return chap->state == CHAP_FINISHED;
}

/* SEC-21 */
void chap_done(struct chap *chap)
{
	if (chap->open_slot)
		atomic_store(chap->open_slot, 0);
	secret_wipe(chap, sizeof *chap);
}
