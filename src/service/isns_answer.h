/*
 * isns_answer.h - what an iSNS server tells of targets as records for targets.h (RFC 4171 section
 * 5.6.5.2).
 *
 * What is to be asked for, of each node: name, type and alias, its portals, its portal groups. A group
 * tells the address and the tag with which a portal leads to a node; one without a tag says that it
 * doesn't lead there. Of a node without any group the portals that follow it count.
 */
#ifndef ISCSIDSC_SERVICE_ISNS_ANSWER_H
#define ISCSIDSC_SERVICE_ISNS_ANSWER_H

#include "base/bytes.h"
#include "base/fault.h"
#include "service/answer.h"

/* Goes behind the delimiter, to the operating attributes. -EPROTO: there is none. */
int isns_answer_begin(struct bytes_reader *reader);
/*
 * Reads operating attributes. Nodes that are no targets are left out, and so is what can't be used:
 * names that are none, addresses that nobody can connect to, more addresses of a target than a list of
 * SendTargets may have. The records' aliases are lent by the bytes. Returns 0; -EPROTO with *fault:
 * these are no attributes, or there are too many targets; -ENOMEM. Free with answer_done.
 */
int isns_answer_get(struct bytes_reader *reader, struct answer *ret, struct fault *fault);

#endif
