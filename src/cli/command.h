/*
 * command.h - the subcommands of iscsicli: what a row of the table holds, and what runs one.
 *
 * A command reads its arguments, calls the library, and prints to standard output; the caller
 * prints the status. With --json nothing is printed by the command: what it has to tell goes into
 * run->json, and the caller prints that.
 */
#ifndef ISCSIDSC_CLI_COMMAND_H
#define ISCSIDSC_CLI_COMMAND_H

#include "cli/read.h"

#include <iscsidsc.h>

#include <stdbool.h>
#include <json-c/json_object.h>

/* What a command returns where its usage is to be printed; no status has this number. */
#define COMMAND_USAGE ((ISDSC_STATUS)-1)

#define DEFAULT_SOCKET 3260 /* of the short commands; RFC 7143 section 13: the iSCSI port */

struct run {
	struct json_object *json; /* NULL: print text; else the caller's object, to be filled */
};

struct command {
	const char *name;
	const char *arguments; /* for people, one line for each way to call it */
	int least, most;       /* how many arguments; most -1: any number */
	ISDSC_STATUS (*run)(struct run *run, int argc, char **argv);
	const char *help;      /* one sentence or some more, indented by the printer */
};

/* The table; the last row has no name. */
extern const struct command command_table[];

/* Names that arguments may have, for those who read them and for completion; see struct name. */
extern const struct name policy_names[]; /* load balance policies */
extern const struct name task_names[];   /* task management functions */

/* Finds a command, without regard to case. NULL for none. */
const struct command *command_find(const char *name);

/*
 * Runs argv[0] with the arguments after it: usage, output, but not the status, which is returned.
 * A wrong number of arguments or an unknown command prints usage and counts as done, as on Windows.
 */
ISDSC_STATUS command_run(struct run *run, int argc, char **argv);

/* Prints the usage of one command, or of all. */
void command_usage(const struct command *command);
void command_usage_all(void);

/* The commands, by file. */
ISDSC_STATUS discovery_add(struct run *run, int argc, char **argv);
ISDSC_STATUS discovery_add_quick(struct run *run, int argc, char **argv);
ISDSC_STATUS discovery_remove(struct run *run, int argc, char **argv);
ISDSC_STATUS discovery_refresh(struct run *run, int argc, char **argv);
ISDSC_STATUS discovery_portals(struct run *run, int argc, char **argv);
ISDSC_STATUS discovery_targets(struct run *run, int argc, char **argv);
ISDSC_STATUS target_add(struct run *run, int argc, char **argv);
ISDSC_STATUS target_add_quick(struct run *run, int argc, char **argv);
ISDSC_STATUS target_remove(struct run *run, int argc, char **argv);
ISDSC_STATUS target_info(struct run *run, int argc, char **argv);
ISDSC_STATUS target_mappings(struct run *run, int argc, char **argv);
ISDSC_STATUS session_login(struct run *run, int argc, char **argv);
ISDSC_STATUS session_login_persistent(struct run *run, int argc, char **argv);
ISDSC_STATUS session_login_quick(struct run *run, int argc, char **argv);
ISDSC_STATUS session_logout(struct run *run, int argc, char **argv);
ISDSC_STATUS session_add(struct run *run, int argc, char **argv);
ISDSC_STATUS session_add_quick(struct run *run, int argc, char **argv);
ISDSC_STATUS session_remove(struct run *run, int argc, char **argv);
ISDSC_STATUS sessions_list(struct run *run, int argc, char **argv);
ISDSC_STATUS top_run(struct run *run, int argc, char **argv);
ISDSC_STATUS ping_run(struct run *run, int argc, char **argv);
ISDSC_STATUS firewall_exempt(struct run *run, int argc, char **argv);
ISDSC_STATUS show_run(struct run *run, int argc, char **argv);
ISDSC_STATUS persistent_logins(struct run *run, int argc, char **argv);
ISDSC_STATUS persistent_remove(struct run *run, int argc, char **argv);
ISDSC_STATUS persistent_bind(struct run *run, int argc, char **argv);
ISDSC_STATUS persistent_devices(struct run *run, int argc, char **argv);
ISDSC_STATUS persistent_device_add(struct run *run, int argc, char **argv);
ISDSC_STATUS persistent_device_remove(struct run *run, int argc, char **argv);
ISDSC_STATUS persistent_devices_clear(struct run *run, int argc, char **argv);
ISDSC_STATUS scsi_inquiry(struct run *run, int argc, char **argv);
ISDSC_STATUS scsi_capacity(struct run *run, int argc, char **argv);
ISDSC_STATUS scsi_luns(struct run *run, int argc, char **argv);
ISDSC_STATUS policy_set(struct run *run, int argc, char **argv);
ISDSC_STATUS policy_show(struct run *run, int argc, char **argv);
ISDSC_STATUS task_management(struct run *run, int argc, char **argv);
ISDSC_STATUS ipsec_group_key(struct run *run, int argc, char **argv);
ISDSC_STATUS ipsec_key_set(struct run *run, int argc, char **argv);
ISDSC_STATUS ipsec_key_get(struct run *run, int argc, char **argv);
ISDSC_STATUS ipsec_tunnel(struct run *run, int argc, char **argv);
ISDSC_STATUS ipsec_tunnels(struct run *run, int argc, char **argv);
ISDSC_STATUS initiator_list(struct run *run, int argc, char **argv);
ISDSC_STATUS initiator_node_name(struct run *run, int argc, char **argv);
ISDSC_STATUS initiator_secret(struct run *run, int argc, char **argv);
ISDSC_STATUS isns_add(struct run *run, int argc, char **argv);
ISDSC_STATUS isns_remove(struct run *run, int argc, char **argv);
ISDSC_STATUS isns_refresh(struct run *run, int argc, char **argv);
ISDSC_STATUS isns_list(struct run *run, int argc, char **argv);
ISDSC_STATUS radius_add(struct run *run, int argc, char **argv);
ISDSC_STATUS radius_remove(struct run *run, int argc, char **argv);
ISDSC_STATUS radius_list(struct run *run, int argc, char **argv);
ISDSC_STATUS radius_secret(struct run *run, int argc, char **argv);
ISDSC_STATUS initiator_generate(struct run *run, int argc, char **argv);
ISDSC_STATUS initiator_ports(struct run *run, int argc, char **argv);
ISDSC_STATUS initiator_defaults(struct run *run, int argc, char **argv);
ISDSC_STATUS initiator_version(struct run *run, int argc, char **argv);

#endif
