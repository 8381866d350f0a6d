/*
 * question.h - a login that waits to be told whether the target's CHAP proof is right: the question on
 * its way from the link's loop to the control thread, and the verdict on its way back.
 *
 * The question outlives its link, and even its nexus, until the control thread has given the verdict.
 */
#ifndef ISCSIDSC_DRIVE_QUESTION_H
#define ISCSIDSC_DRIVE_QUESTION_H

#include "drive/link.h"

/* On the link's loop. */
void link_question(struct link *link, const struct chap_question *chap);
/* Control thread: the link goes, and a verdict will reach nobody. */
void question_forget(struct link *link);

#endif
