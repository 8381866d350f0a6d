/*
 * net_block_test.c - what the kernel lists, played: messages one behind the other at whatever multiple of
 * 4 bytes, which under -fsanitize=undefined must not be read as if they stood at one of 8.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "net/block.h"

enum { TAG = 0x1234, OTHER_TAG = 0x4321, PRIORITY = 0x7f000000, POLICIES = 3 };

static uint16_t asked; /* type of the last request */
static unsigned cleared, listed;
static uint32_t tags[POLICIES];

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
	struct nlmsghdr header;

	(void)fd;
	(void)flags;
	memcpy(&header, bytes, sizeof(header));
	asked = header.nlmsg_type;
	cleared += asked == XFRM_MSG_DELPOLICY;
	return (ssize_t)len;
}

static size_t message_put(uint8_t *to, uint16_t type, const void *data, size_t len, size_t more)
{
	const struct nlmsghdr header = { .nlmsg_len = (uint32_t)(NLMSG_HDRLEN + len + more),
					 .nlmsg_type = type };

	memcpy(to, &header, sizeof(header));
	memcpy(to + NLMSG_HDRLEN, data, len);
	memset(to + NLMSG_HDRLEN + len, 0, more);
	return NLMSG_HDRLEN + len + more;
}

ssize_t recv(int fd, void *ret, size_t room, int flags)
{
	const struct nlmsgerr good = { .error = 0 };
	uint8_t *to = ret;
	size_t len = 0;

	(void)fd;
	(void)flags;
	assert_true(room >= 1024);
	if (asked != XFRM_MSG_GETPOLICY)
		return (ssize_t)message_put(to, NLMSG_ERROR, &good, sizeof(good), 0);
	for (listed = 0; listed < POLICIES; listed++) {
		struct xfrm_userpolicy_info policy = { .action = XFRM_POLICY_BLOCK,
						       .priority = PRIORITY | tags[listed] };

		/* 4 bytes more turn the alignment of the next. */
		len += message_put(to + len, XFRM_MSG_NEWPOLICY, &policy, sizeof(policy), 4);
	}
	return (ssize_t)(len + message_put(to + len, NLMSG_DONE, "\0\0\0", 4, 0));
}

static void policies_are_found_at_any_alignment(void **state)
{
	(void)state;
	tags[0] = tags[1] = TAG;
	tags[2] = OTHER_TAG;
	assert_int_equal(block_clear_all(TAG), 0);
	assert_int_equal(listed, POLICIES);
	assert_int_equal(cleared, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(policies_are_found_at_any_alignment) };

	return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
