/*
 * ipsec_suite.c - see ipsec_suite.h. RFC 8221 and RFC 8247 say what is good; 3DES, MD5, SHA-1 and groups
 * below 2048 bits are not.
 */
#include "service/ipsec_suite.h"

#include <stddef.h>
#include <string.h>

/* As strongSwan writes them. */
static const struct {
	const char *name, *ike2, *ike1, *esp, *esp_pfs;
} suites[] = {
	{ "aes128gcm16-ecp256", "aes128gcm16-prfsha256-ecp256", "aes128-sha256-ecp256",
	  "aes128gcm16", "aes128gcm16-ecp256" },
	{ "aes256gcm16-ecp384", "aes256gcm16-prfsha384-ecp384", "aes256-sha384-ecp384",
	  "aes256gcm16", "aes256gcm16-ecp384" },
	{ "aes128-sha256-ecp256", "aes128-sha256-ecp256", "aes128-sha256-ecp256",
	  "aes128-sha256", "aes128-sha256-ecp256" },
	{ "aes256-sha384-ecp384", "aes256-sha384-ecp384", "aes256-sha384-ecp384",
	  "aes256-sha384", "aes256-sha384-ecp384" },
	{ "aes128-sha256-modp2048", "aes128-sha256-modp2048", "aes128-sha256-modp2048",
	  "aes128-sha256", "aes128-sha256-modp2048" },
	{ "aes256-sha256-modp3072", "aes256-sha256-modp3072", "aes256-sha256-modp3072",
	  "aes256-sha256", "aes256-sha256-modp3072" },
	{ "aes256-sha512-modp4096", "aes256-sha512-modp4096", "aes256-sha512-modp4096",
	  "aes256-sha512", "aes256-sha512-modp4096" },
	{ "aes128gcm16-modp2048", "aes128gcm16-prfsha256-modp2048", "aes128-sha256-modp2048",
	  "aes128gcm16", "aes128gcm16-modp2048" },
	{ "aes256gcm16-x25519", "aes256gcm16-prfsha256-curve25519", "aes256-sha256-curve25519",
	  "aes256gcm16", "aes256gcm16-curve25519" },
	{ "chacha20poly1305-x25519", "chacha20poly1305-prfsha256-curve25519",
	  "aes256-sha256-curve25519", "chacha20poly1305", "chacha20poly1305-curve25519" },
};

const char *ipsec_suite_name(uint8_t code)
{
	return code >= 1 && code <= sizeof(suites) / sizeof(suites[0]) ? suites[code - 1].name : NULL;
}

/* Different suites may come to the same here. */
static void proposals_add(struct ipsec_proposals *proposals, const char *text)
{
	unsigned n = 0;

	for (; proposals->text[n]; n++)
		if (strcmp(proposals->text[n], text) == 0)
			return;
	proposals->text[n] = text;
}

void ipsec_suites_ike(uint32_t packed, unsigned version, struct ipsec_proposals *ret)
{
	*ret = (struct ipsec_proposals){ .text = { NULL } };
	for (; packed; packed >>= 8)
		proposals_add(ret, version == 1 ? suites[(packed & 0xff) - 1].ike1
						: suites[(packed & 0xff) - 1].ike2);
}

void ipsec_suites_esp(uint32_t packed, bool pfs, struct ipsec_proposals *ret)
{
	*ret = (struct ipsec_proposals){ .text = { NULL } };
	for (; packed; packed >>= 8)
		proposals_add(ret, pfs ? suites[(packed & 0xff) - 1].esp_pfs
				       : suites[(packed & 0xff) - 1].esp);
}
