/*
 * question.c - see question.h.
 */
#include "drive/question.h"

#include <stdlib.h>

#include "drive/nexus.h"

struct nexus_question {
	struct msg msg;
	struct link *link; /* NULL once it was forgotten; the control thread's, like link->question */
	struct chap_question chap;
	struct fault verdict;
};

static void question_asked(struct msg *msg)
{
	struct nexus_question *question = list_entry(msg, struct nexus_question, msg);
	struct nexus *n = question->link->nexus;
	struct fault why;

	question->link->question = question;
	if (n->ops.verify) {
		n->ops.verify(n->ctx, question, &question->chap);
		return;
	}
	fault_set(&why, FAULT_AUTH, 0, "nobody can tell whether the target's CHAP response is right");
	nexus_verdict(question, &why);
}

void link_question(struct link *link, const struct chap_question *chap)
{
	struct nexus_question *question = malloc(sizeof(*question));
	struct fault why;

	if (!question) {
		fault_set(&why, FAULT_NO_MEMORY, 0, "no memory to verify the target's CHAP response");
		conn_verdict(link->conn, &why, loop_now(link->loop));
		return;
	}
	*question = (struct nexus_question){ .msg.run = question_asked, .link = link, .chap = *chap };
	mailbox_post(drive_control(link->nexus->drive), &question->msg);
}

static void question_answered(struct msg *msg)
{
	struct nexus_question *question = list_entry(msg, struct nexus_question, msg);
	struct link *link = question->link;

	if (link->state != LINK_ENDED) {
		conn_verdict(link->conn, &question->verdict, loop_now(link->loop));
		link_drain(link);
	}
	free(question);
}

/* The link's release comes behind this on its loop (link.h), so the link is there till then. */
void nexus_verdict(struct nexus_question *question, const struct fault *why)
{
	struct link *link = question->link;

	if (!link) {
		free(question);
		return;
	}
	link->question = NULL;
	question->verdict = *why;
	question->msg.run = question_answered;
	mailbox_post(loop_box(link->loop), &question->msg);
}

void question_forget(struct link *link)
{
	if (link->question)
		link->question->link = NULL;
	link->question = NULL;
}
