/* radius.c - see radius.h. */
#include "proto/radius.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/bytes.h"
#include "base/secret.h"

enum { ACCESS_REQUEST = 1, ACCESS_ACCEPT = 2, ACCESS_REJECT = 3, ACCESS_CHALLENGE = 11 };

enum {
	USER_NAME = 1, CHAP_PASSWORD = 3, NAS_IDENTIFIER = 32, CHAP_CHALLENGE = 60,
	MESSAGE_AUTHENTICATOR = 80,
};

enum {
	HEADER = 20, /* code, identifier, length, authenticator */
	AT_LENGTH = 2, AT_AUTHENTICATOR = 4,
	ATTRIBUTE_HEADER = 2, MD5_LEN = 16,
	SIGNATURE = ATTRIBUTE_HEADER + MD5_LEN,
};

/* ---------------------------------------------------------------- hashes */

/* The keyed hash over the packet, whose Message-Authenticator is zero. */
static int sign(const uint8_t *packet, size_t len, const struct radius_secret *secret,
		uint8_t ret[MD5_LEN])
{
	EVP_MD *md = EVP_MD_fetch(NULL, "MD5", NULL);
	int r = -ENOTSUP;

	if (md && HMAC(md, secret->bytes, (int)secret->len, packet, len, ret, NULL))
		r = 0;
	EVP_MD_free(md);
	return r;
}

/* The Response Authenticator: a hash over the packet with the request's authenticator, then the
 * secret. */
static int seal(const uint8_t *packet, size_t len, const struct radius_secret *secret,
		uint8_t ret[MD5_LEN])
{
	EVP_MD *md = EVP_MD_fetch(NULL, "MD5", NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = -ENOTSUP;

	if (md && ctx && EVP_DigestInit_ex2(ctx, md, NULL) && EVP_DigestUpdate(ctx, packet, len) &&
	    EVP_DigestUpdate(ctx, secret->bytes, secret->len) && EVP_DigestFinal_ex(ctx, ret, NULL))
		r = 0;
	EVP_MD_CTX_free(ctx);
	EVP_MD_free(md);
	return r;
}

/* ---------------------------------------------------------------- the request */

static uint8_t *put_attribute(struct bytes_writer *w, uint8_t type, const void *value, size_t len)
{
	uint8_t *at = bytes_reserve(w, ATTRIBUTE_HEADER + len);

	at[0] = type;
	at[1] = (uint8_t)(ATTRIBUTE_HEADER + len);
	memcpy(at + ATTRIBUTE_HEADER, value, len);
	return at + ATTRIBUTE_HEADER;
}

_Static_assert(HEADER + SIGNATURE + 4 * ATTRIBUTE_HEADER + 2 * RADIUS_TEXT_MAX + 1 + CHAP_MD5_LEN +
	       sizeof(((struct chap_question *)0)->challenge) <= RADIUS_REQUEST_MAX, "it always fits");

int radius_put_request(const struct radius_request *request, const char *nas,
		       const struct chap_question *question, const struct radius_secret *secret,
		       uint8_t ret[RADIUS_REQUEST_MAX])
{
	static const uint8_t unsigned_yet[MD5_LEN];
	uint8_t password[1 + CHAP_MD5_LEN], *signature;
	size_t nas_len = strlen(nas);
	struct bytes_writer w;
	int r;

	if (nas_len == 0 || nas_len > RADIUS_TEXT_MAX || question->name_len == 0 ||
	    question->name_len > RADIUS_TEXT_MAX)
		return -EINVAL;
	password[0] = question->identifier;
	memcpy(password + 1, question->response, CHAP_MD5_LEN);
	bytes_writer_init(&w, ret, RADIUS_REQUEST_MAX);
	bytes_append8(&w, ACCESS_REQUEST);
	bytes_append8(&w, request->identifier);
	bytes_append16(&w, 0);
	bytes_append(&w, request->authenticator, RADIUS_AUTHENTICATOR);
	signature = put_attribute(&w, MESSAGE_AUTHENTICATOR, unsigned_yet, MD5_LEN);
	put_attribute(&w, USER_NAME, question->name, question->name_len);
	put_attribute(&w, CHAP_PASSWORD, password, sizeof(password));
	put_attribute(&w, CHAP_CHALLENGE, question->challenge, question->challenge_len);
	put_attribute(&w, NAS_IDENTIFIER, nas, nas_len);
	bytes_put16(ret + AT_LENGTH, (uint16_t)w.len);
	r = sign(ret, w.len, secret, signature);
	return r < 0 ? r : (int)w.len;
}

/* ---------------------------------------------------------------- the answer */

/* Finds the Message-Authenticator: its offset, 0 for none. -EBADMSG for attributes that don't fill the
 * packet one behind the other, and for two of them. */
static int find_signature(const uint8_t *packet, size_t len)
{
	size_t found = 0;

	for (size_t at = HEADER; at < len; at += packet[at + 1]) {
		if (len - at < ATTRIBUTE_HEADER || packet[at + 1] < ATTRIBUTE_HEADER ||
		    packet[at + 1] > len - at)
			return -EBADMSG;
		if (packet[at] != MESSAGE_AUTHENTICATOR)
			continue;
		if (found || packet[at + 1] != SIGNATURE)
			return -EBADMSG;
		found = at + ATTRIBUTE_HEADER;
	}
	return (int)found;
}

/* `packet` has the request's authenticator. */
static int check_signature(uint8_t *packet, size_t len, size_t at, const struct radius_secret *secret)
{
	uint8_t said[MD5_LEN], right[MD5_LEN];
	int r;

	memcpy(said, packet + at, MD5_LEN);
	memset(packet + at, 0, MD5_LEN);
	r = sign(packet, len, secret, right);
	if (r < 0)
		return r;
	return secret_equal(said, MD5_LEN, right, MD5_LEN) ? 0 : -EBADMSG;
}

int radius_get_answer(const uint8_t *packet, size_t len, const struct radius_request *request,
		      const struct radius_secret *secret, struct radius_answer *ret)
{
	uint8_t copy[RADIUS_PACKET_MAX], right[MD5_LEN];
	int r, signature;

	/* What follows the packet in its datagram does not count (section 3). */
	if (len < HEADER || bytes_get16(packet + AT_LENGTH) < HEADER ||
	    bytes_get16(packet + AT_LENGTH) > len || bytes_get16(packet + AT_LENGTH) > RADIUS_PACKET_MAX)
		return -EBADMSG;
	len = bytes_get16(packet + AT_LENGTH);
	if (packet[1] != request->identifier ||
	    (packet[0] != ACCESS_ACCEPT && packet[0] != ACCESS_REJECT && packet[0] != ACCESS_CHALLENGE))
		return -EBADMSG;
	signature = find_signature(packet, len);
	if (signature < 0)
		return signature;
	memcpy(copy, packet, len);
	memcpy(copy + AT_AUTHENTICATOR, request->authenticator, RADIUS_AUTHENTICATOR);
	r = seal(copy, len, secret, right);
	if (r == 0 && !secret_equal(right, MD5_LEN, packet + AT_AUTHENTICATOR, RADIUS_AUTHENTICATOR))
		r = -EBADMSG;
	if (r == 0 && signature)
		r = check_signature(copy, len, (size_t)signature, secret);
	if (r < 0)
		return r;
	ret->accepted = packet[0] == ACCESS_ACCEPT;
	ret->authenticated = signature != 0;
	return 0;
}
