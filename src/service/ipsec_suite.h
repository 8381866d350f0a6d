/*
 * ipsec_suite.h - the cipher suites that connections are protected by, each one name for what IKE and
 * ESP propose; the setting ipsec-proposals is a list of them, packed into a number.
 */
#ifndef ISCSIDSC_SERVICE_IPSEC_SUITE_H
#define ISCSIDSC_SERVICE_IPSEC_SUITE_H

#include <stdbool.h>
#include <stdint.h>

enum { IPSEC_SUITES_MAX = 4 };

/* aes128gcm16-ecp256, aes256gcm16-ecp384, aes128-sha256-ecp256, aes128-sha256-modp2048; the first in the
 * lowest byte. */
#define IPSEC_SUITES_DEFAULT 0x05030201u

/* The name of a code from 1 on; NULL: there is none. */
const char *ipsec_suite_name(uint8_t code);

/* Proposals as charon wants them, ended by NULL, at most IPSEC_SUITES_MAX. */
struct ipsec_proposals {
	const char *text[IPSEC_SUITES_MAX + 1];
};

/* IKEv1 knows no combined ciphers in its own phase: there the suite's key exchange goes with AES-CBC. */
void ipsec_suites_ike(uint32_t suites, unsigned version, struct ipsec_proposals *ret);
/* With PFS each rekey has a key exchange of the suite's own group. */
void ipsec_suites_esp(uint32_t suites, bool pfs, struct ipsec_proposals *ret);

#endif
