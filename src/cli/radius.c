/*
 * radius.c - the commands about RADIUS servers. The Windows tool has none; these are named in its style.
 */
#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/print.h"
#include "cli/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ISDSC_STATUS radius_add(struct run *run, int argc, char **argv)
{
	(void)run;
	(void)argc;
	return AddRadiusServerA(argv[0]);
}

ISDSC_STATUS radius_remove(struct run *run, int argc, char **argv)
{
	(void)run;
	(void)argc;
	return RemoveRadiusServerA(argv[0]);
}

ISDSC_STATUS radius_list(struct run *run, int argc, char **argv)
{
	ULONG count;
	void *list = NULL;
	ISDSC_STATUS status = fetch_list(fetch_radius_servers, NULL, sizeof(CHAR), &list, &count);

	(void)argc;
	(void)argv;
	if (status)
		return status;
	print_names(run->json, "radius_servers", list, NULL, "No RADIUS Servers");
	free(list);
	return 0;
}

ISDSC_STATUS radius_secret(struct run *run, int argc, char **argv)
{
	(void)run;
	(void)argc;
	return secret_give(argv[0], SetIScsiInitiatorRADIUSSharedSecret);
}
