/*
 * svc_pass.h - nexus_ops.pass of sessions: what a connection of a session asks of IPsec, at whichever
 * portal it is about to connect to.
 */
#ifndef ISCSIDSC_SERVICE_SVC_PASS_H
#define ISCSIDSC_SERVICE_SVC_PASS_H

struct passage;

/* `ctx` is the struct svc_session. */
void svc_pass(void *ctx, struct passage *passage);

#endif
