/*
 * vici_why.h - why charon could not do it, out of what it logged meanwhile: the last lines that are no
 * mere progress, in their order, as many as have room.
 */
#ifndef ISCSIDSC_SERVICE_VICI_WHY_H
#define ISCSIDSC_SERVICE_VICI_WHY_H

#include "service/vici.h"

/* Adds the line, if it is of interest; the oldest make room. */
void vici_why_add(char why[VICI_WHY_ROOM], struct vici_bytes text);

#endif
