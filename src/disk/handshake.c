/*
 * handshake.c - negotiation of an NBD client with the one export there is, the default export "".
 * See handshake.h.
 */
#include "disk/handshake.h"

#include <assert.h>

#include "base/bytes.h"

#define GREETING UINT64_C(0x4e42444d41474943) /* NBDMAGIC */
#define OPTION_MAGIC UINT64_C(0x49484156454f5054) /* IHAVEOPT */
#define OPTION_REPLY_MAGIC UINT64_C(0x0003e889045565a9)

enum { FLAG_FIXED_NEWSTYLE = 1, FLAG_NO_ZEROES = 2 };

enum option {
	OPT_EXPORT_NAME = 1, OPT_ABORT = 2, OPT_LIST = 3, OPT_INFO = 6, OPT_GO = 7,
	OPT_STRUCTURED_REPLY = 8,
};

enum answer {
	REP_ACK = 1, REP_SERVER = 2, REP_INFO = 3,
};
#define REP_ERR(n) (UINT32_C(1) << 31 | (n))
#define REP_ERR_UNSUP REP_ERR(1)
#define REP_ERR_INVALID REP_ERR(3)
#define REP_ERR_UNKNOWN REP_ERR(6)
#define REP_ERR_TOO_BIG REP_ERR(9)

enum { INFO_EXPORT = 0, INFO_BLOCK_SIZE = 3 };
enum { OPTION_HEAD = 16, OPTION_MAX = HANDSHAKE_IN_MAX - OPTION_HEAD };

/* One option and the place where its answer grows. */
struct step {
	uint32_t option, len;
	const uint8_t *data;
	struct bytes_writer out;
};

size_t handshake_init(struct handshake *handshake, const struct export *export, uint8_t *out)
{
	struct bytes_writer w;

	*handshake = (struct handshake) { .state = HANDSHAKE_FLAGS, .export = export };
	bytes_writer_init(&w, out, HANDSHAKE_OUT_MAX);
	bytes_append64(&w, GREETING);
	bytes_append64(&w, OPTION_MAGIC);
	bytes_append16(&w, FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES);
	return w.len;
}

static void answer_head(struct step *step, uint32_t type, uint32_t len)
{
	bytes_append64(&step->out, OPTION_REPLY_MAGIC);
	bytes_append32(&step->out, step->option);
	bytes_append32(&step->out, type);
	bytes_append32(&step->out, len);
}

static void answer_empty(struct step *step, uint32_t type)
{
	answer_head(step, type, 0);
}

static uint16_t export_flags(const struct handshake *handshake)
{
	return (uint16_t)(handshake->export->flags | (handshake->structured ? NBD_SEND_DF : 0));
}

static void take_export_name(struct handshake *handshake, struct step *step)
{
	/* This option has no way to say no but to hang up. */
	if (step->len) {
		handshake->state = HANDSHAKE_END;
		return;
	}
	bytes_append64(&step->out, handshake->export->size);
	bytes_append16(&step->out, export_flags(handshake));
	if (!handshake->no_zeroes)
		bytes_append(&step->out, (const uint8_t[124]) { 0 }, 124);
	handshake->state = HANDSHAKE_TRANSMISSION;
}

static void take_list(struct step *step)
{
	if (step->len) {
		answer_empty(step, REP_ERR_INVALID);
		return;
	}
	answer_head(step, REP_SERVER, 4);
	bytes_append32(&step->out, 0); /* length of the name "" */
	answer_empty(step, REP_ACK);
}

/* Name length, name, number of wishes, wishes of two bytes each, and nothing more. */
static bool info_valid(const struct step *step, uint32_t *ret_name_len)
{
	uint32_t name_len;

	if (step->len < 6)
		return false;
	name_len = bytes_get32(step->data);
	if (name_len > step->len - 6)
		return false;
	if (step->len - 6 - name_len != 2u * bytes_get16(step->data + 4 + name_len))
		return false;
	*ret_name_len = name_len;
	return true;
}

static void take_info(struct handshake *handshake, struct step *step)
{
	const struct export *export = handshake->export;
	uint32_t name_len;

	if (!info_valid(step, &name_len)) {
		answer_empty(step, REP_ERR_INVALID);
		return;
	}
	if (name_len) {
		answer_empty(step, REP_ERR_UNKNOWN);
		return;
	}
	answer_head(step, REP_INFO, 12);
	bytes_append16(&step->out, INFO_EXPORT);
	bytes_append64(&step->out, export->size);
	bytes_append16(&step->out, export_flags(handshake));
	/* Sent to those too that did not ask: a client that ignores it would only meet EINVAL. */
	answer_head(step, REP_INFO, 14);
	bytes_append16(&step->out, INFO_BLOCK_SIZE);
	bytes_append32(&step->out, export->block_min);
	bytes_append32(&step->out, export->block_preferred);
	bytes_append32(&step->out, export->block_max);
	answer_empty(step, REP_ACK);
	if (step->option == OPT_GO)
		handshake->state = HANDSHAKE_TRANSMISSION;
}

static void take_structured_reply(struct handshake *handshake, struct step *step)
{
	if (step->len || handshake->structured) {
		answer_empty(step, REP_ERR_INVALID);
		return;
	}
	handshake->structured = true;
	answer_empty(step, REP_ACK);
}

static void take_option(struct handshake *handshake, struct step *step)
{
	switch (step->option) {
	case OPT_EXPORT_NAME:
		take_export_name(handshake, step);
		break;
	case OPT_ABORT:
		answer_empty(step, REP_ACK);
		handshake->state = HANDSHAKE_END;
		break;
	case OPT_LIST:
		take_list(step);
		break;
	case OPT_INFO:
	case OPT_GO:
		take_info(handshake, step);
		break;
	case OPT_STRUCTURED_REPLY:
		take_structured_reply(handshake, step);
		break;
	default:
		answer_empty(step, REP_ERR_UNSUP);
	}
}

static size_t flags_step(struct handshake *handshake, const uint8_t *in, size_t n)
{
	uint32_t flags;

	if (n < 4)
		return 0;
	flags = bytes_get32(in);
	handshake->fixed = flags & FLAG_FIXED_NEWSTYLE;
	handshake->no_zeroes = flags & FLAG_NO_ZEROES;
	handshake->state = flags & ~(uint32_t)(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES)
				   ? HANDSHAKE_END : HANDSHAKE_OPTIONS;
	return 4;
}

static size_t option_step(struct handshake *handshake, const uint8_t *in, size_t n, uint8_t *out,
			  size_t *ret_out_len)
{
	struct step step;

	if (n < OPTION_HEAD)
		return 0;
	bytes_writer_init(&step.out, out, HANDSHAKE_OUT_MAX);
	step.option = bytes_get32(in + 8);
	step.len = bytes_get32(in + 12);
	step.data = in + OPTION_HEAD;
	if (bytes_get64(in) != OPTION_MAGIC ||
	    (!handshake->fixed && step.option != OPT_EXPORT_NAME)) {
		handshake->state = HANDSHAKE_END;
		return OPTION_HEAD;
	}
	if (step.len > OPTION_MAX) {
		if (step.option != OPT_EXPORT_NAME)
			answer_empty(&step, REP_ERR_TOO_BIG);
		handshake->state = HANDSHAKE_END;
		*ret_out_len = step.out.len;
		return OPTION_HEAD;
	}
	if (n < OPTION_HEAD + step.len)
		return 0;
	take_option(handshake, &step);
	*ret_out_len = step.out.len;
	return OPTION_HEAD + step.len;
}

size_t handshake_step(struct handshake *handshake, const uint8_t *in, size_t n, uint8_t *out,
		      size_t *ret_out_len)
{
	*ret_out_len = 0;
	switch (handshake->state) {
	case HANDSHAKE_FLAGS:
		return flags_step(handshake, in, n);
	case HANDSHAKE_OPTIONS:
		return option_step(handshake, in, n, out, ret_out_len);
	case HANDSHAKE_TRANSMISSION:
	case HANDSHAKE_END:
		break;
	}
	assert(!"a handshake that is over takes no bytes");
	return 0;
}
