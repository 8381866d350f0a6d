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
	struct json_object *array;
	ULONG count;
	void *list = NULL;
	ISDSC_STATUS status = fetch_list(fetch_radius_servers, NULL, sizeof(CHAR), &list, &count);

	(void)argc;
	(void)argv;
	if (status)
		return status;
	array = run->json ? json_array(run->json, "radius_servers") : NULL;
	if (!array && !*(const char *)list)
		printf("No RADIUS Servers\n");
	for (const char *name = list; *name; name += strlen(name) + 1)
		if (array)
			json_object_array_add(array, json_object_new_string(name));
		else
			printf("    %s\n", name);
	free(list);
	return 0;
}

ISDSC_STATUS radius_secret(struct run *run, int argc, char **argv)
{
	(void)run;
	(void)argc;
	return secret_give(argv[0], SetIScsiInitiatorRADIUSSharedSecret);
}
