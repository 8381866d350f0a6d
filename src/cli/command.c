/*
 * command.c - the table of subcommands. What it is not: what they do.
 */
#include "cli/command.h"

#include "cli/print.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define OPTIONS "<LoginFlags> <HeaderDigest> <DataDigest> <MaxConnections> <Time2Wait> " \
	"<Time2Retain> <Username> <Password> <AuthType>"
#define MAPPINGS "<MappingCount> [<TargetLun> <OsBus> <OsTarget> <OsLun> ...]"
#define LOGIN_ARGUMENTS "<Target> <ReportToPnP> <Address> <Socket> <Instance> <Port> " \
	"<SecurityFlags> " OPTIONS " <Key> " MAPPINGS

const struct command command_table[] = {
	{ "QAddTargetPortal", "<Address> [<CHAP user> <CHAP password>]", 1, 3,
	  discovery_add_quick,
	  "Asks the portal at Address, port 3260, for its targets, and keeps it in the list." },
	{ "AddTargetPortal",
	  "<Address> <Socket> [<Instance> <Port> <SecurityFlags> " OPTIONS "]", 2, -1,
	  discovery_add,
	  "Asks a portal for its targets, and keeps it in the list. Socket is its TCP port." },
	{ "RemoveTargetPortal", "<Address> <Socket> [<Instance>] [<Port>]", 2, 4, discovery_remove,
	  "Takes a portal off the list, and the targets that only it knows." },
	{ "RefreshTargetPortal", "<Address> <Socket> [<Instance>] [<Port>]", 2, 4,
	  discovery_refresh, "Asks a portal of the list again." },
	{ "ListTargetPortals", "", 0, -1, discovery_portals, "Lists the portals of the list." },
	{ "ListTargets", "[<ForceUpdate>]", 0, 1, discovery_targets,
	  "Lists the known targets. With T every portal of the list is asked again first." },
	{ "QAddTarget", "<Target> <Address>", 2, 2, target_add_quick,
	  "Adds a target by hand, at Address, port 3260; it lasts." },
	{ "AddTarget",
	  "<Target> <Alias> <Address> <Socket> <TargetFlags> <Persist> " OPTIONS " " MAPPINGS, 16, -1,
	  target_add,
	  "Adds a target by hand, with the options and mappings that logins to it shall have. "
	  "TargetFlags: 2 hides it until it is discovered, 4 keeps what is not given here." },
	{ "RemoveTarget", "<Target>", 1, 1, target_remove, "Removes a target that was added by hand." },
	{ "TargetInfo", "<Target> [<DiscoveryMechanism>]", 1, 2, target_info,
	  "Shows how a target was discovered and, by one of these ways, what is known of it." },
	{ "QLoginTarget", "<Target> [<CHAP user> <CHAP password>]", 1, 3, session_login_quick,
	  "Opens a session to a known target. Its disks appear; see Show." },
	{ "LoginTarget", LOGIN_ARGUMENTS, 18, -1, session_login,
	  "Opens a session, with everything chosen by hand. ReportToPnP F makes it informational: "
	  "no disks." },
	{ "PersistentLoginTarget", LOGIN_ARGUMENTS, 18, -1, session_login_persistent,
	  "Stores a login that each start of the service repeats. It does not log in now." },
	{ "ListPersistentTargets", "", 0, -1, persistent_logins, "Lists these logins." },
	{ "RemovePersistentTarget", "<Initiator> <Target> <Port> <Address> <Socket>", 5, 5,
	  persistent_remove,
	  "Removes such a login; * for Port, or for Address, means all. Sessions stay." },
	{ "LogoutTarget", "<SessionId>", 1, 1, session_logout,
	  "Closes a session with all its connections and disks." },
	{ "QAddConnection", "<SessionId> <Instance> <Address> [<CHAP user> <CHAP password>]", 3, 5,
	  session_add_quick,
	  "Adds a connection through the portal at Address, port 3260, to a session." },
	{ "AddConnection",
	  "<SessionId> <Instance> <Port> <Address> <Socket> <SecurityFlags> " OPTIONS " <Key>", 16,
	  16, session_add,
	  "Adds a connection to a session. Port is a number of ListPorts: the address to come "
	  "from." },
	{ "RemoveConnection", "<SessionId> <ConnectionId>", 2, 2, session_remove,
	  "Removes a connection, but neither the last nor the leading one." },
	{ "SessionList", "[<ShowDevices>]", 0, 1, sessions_list,
	  "Lists sessions, connections and devices. F leaves the devices out." },
	{ "Show", "", 0, 0, show_run,
	  "Shows sessions in detail: state and counters of each connection, and the address by "
	  "which each disk is used." },
	{ "Top", "[<Seconds>] [--once]", 0, 2, top_run,
	  "Shows what sessions and connections do now, drawn anew each second, or so many; q quits. "
	  "With --once, with --json, and where standard output is no terminal, it looks once." },
	{ "LoadBalancePolicy", "<SessionId>", 1, 1, policy_show,
	  "Shows by which policy a session spreads its commands, and what it says of each "
	  "connection." },
	{ "SetLoadBalancePolicy",
	  "<SessionId> <Policy> [<ConnectionId> <Weight> <Primary> ...]", 2, -1, policy_set,
	  "Sets it. Policy is FailOverOnly, RoundRobin, RoundRobinSubset, LeastQueueDepth, "
	  "WeightedPaths (the lowest weight wins), Adaptive, or its number. Primary is 0 or 1; a "
	  "connection that is not named has weight 0 and is not primary. With no connection named, "
	  "weights and primaries stay as they are." },
	{ "ReportTargetMappings", "", 0, -1, target_mappings,
	  "Lists which bus, target and LUN numbers the LUNs of each session have here." },
	{ "BindPersistentVolumes", "", 0, -1, persistent_bind,
	  "Makes all disks of the sessions that are up persistently bound: the start of the service "
	  "is over only once they are there, or the setting bound-device-time has passed." },
	{ "BindPersistentDevices", "", 0, -1, persistent_bind, "The same." },
	{ "ReportPersistentDevices", "", 0, -1, persistent_devices,
	  "Lists the bound devices: by their paths of today, or by target and LUN where they are not "
	  "there." },
	{ "AddPersistentDevice", "<Path>", 1, 1, persistent_device_add,
	  "Binds one disk. Path is its NBD socket, or the address that Show tells." },
	{ "RemovePersistentDevice", "<Path>", 1, 1, persistent_device_remove,
	  "Unbinds one. Path is as AddPersistentDevice or ReportPersistentDevices have it." },
	{ "ClearPersistentDevices", "", 0, -1, persistent_devices_clear, "Unbinds all." },
	{ "ScsiInquiry", "<SessionId> <LUN> <EvpdCmddt> <PageCode>", 4, 4, scsi_inquiry,
	  "Sends INQUIRY. LUN is hexadecimal without 0x." },
	{ "ReadCapacity", "<SessionId> <LUN>", 2, 2, scsi_capacity,
	  "Sends READ CAPACITY. LUN is hexadecimal without 0x." },
	{ "ReportLUNs", "<SessionId>", 1, 1, scsi_luns, "Sends REPORT LUNS." },
	{ "TaskManagement", "<SessionId> <Function> [<LUN>]", 2, 3, task_management,
	  "Sends a task management function: AbortTaskSet, ClearACA, ClearTaskSet, LunReset, "
	  "TargetWarmReset, TargetColdReset; at iSCSIProtocolLevel 2 also QueryTaskSet, NexusReset, "
	  "QueryAsyncEvent; or its number. LUN is hexadecimal without 0x." },
	{ "Ping", "<Initiator> <Address> [<Count>] [<Size>] [<Timeout>]", 2, 5, ping_run,
	  "Sends ICMP echo requests to a portal's address: 4 of 32 bytes, each waited for 1000 "
	  "milliseconds, unless given." },
	{ "ListInitiators", "", 0, 0, initiator_list, "Lists the initiator instances." },
	{ "ListPorts", "", 0, 0, initiator_ports,
	  "Lists the initiator ports: the numbers of this machine's addresses." },
	{ "NodeName", "<Name>", 1, 1, initiator_node_name,
	  "Sets the initiator's node name; * goes back to the default." },
	{ "CHAPSecret", "<Secret>", 1, 1, initiator_secret,
	  "Sets the secret with which targets prove who they are in mutual CHAP; * clears it." },
	{ "GenerateCHAPSecret", "", 0, 0, initiator_generate,
	  "Prints a new random secret of 128 bits, as CHAPSecret and LoginTarget take it. It is kept "
	  "nowhere." },
	{ "GroupKey", "<Key> <Persist>", 2, 2, ipsec_group_key,
	  "Sets the IPsec preshared key that counts where no better one is known; * clears it." },
	{ "PSKey", "<Initiator> <Port> <SecurityFlags> <IdType> <Id> <Key> <Persist>", 7, 7,
	  ipsec_key_set,
	  "Sets security flags and preshared key of an IKE id; * as Key removes it. IdType: 1 IPv4 "
	  "address, 2 host name, 3 user@host, 5 IPv6 address." },
	{ "GetPSKey", "<Initiator> <Port> <IdType> <Id>", 4, 4, ipsec_key_get,
	  "Shows the security flags of an IKE id, never its key." },
	{ "TunnelAddr", "<Initiator> <Port> <Destination> <TunnelAddress> <Persist>", 5, 5,
	  ipsec_tunnel,
	  "Sets the outer address of IPsec tunnels to a destination, * for any; * as TunnelAddress "
	  "removes it." },
	{ "ListTunnelAddrs", "", 0, 0, ipsec_tunnels, "Lists these outer addresses." },
	{ "AddiSNSServer", "<Address>", 1, 1, isns_add,
	  "Adds an iSNS server and asks it for its targets. Address is an IP address or a name; :Port "
	  "follows where it is not 3205." },
	{ "RemoveiSNSServer", "<Address>", 1, 1, isns_remove,
	  "Takes an iSNS server off the list. The targets that it told of stay." },
	{ "RefreshiSNSServer", "<Address>", 1, 1, isns_refresh,
	  "Asks an iSNS server again; * asks all." },
	{ "ListiSNSServers", "", 0, -1, isns_list, "Lists the iSNS servers." },
	{ "FirewallExemptiSNSServer", "", 0, 0, firewall_exempt,
	  "Lets what the listed iSNS servers send through this machine's firewall, where firewalld or "
	  "ufw is in charge of it; else tells what is to be let in." },
	{ "AddRadiusServer", "<Address>", 1, 1, radius_add,
	  "Adds a RADIUS server to those that verify targets in mutual CHAP where LoginFlags 0x20 asks for "
	  "it. Address is an IP address or a name; the port is the setting radius-port." },
	{ "RemoveRadiusServer", "<Address>", 1, 1, radius_remove, "Takes a RADIUS server off the list." },
	{ "ListRadiusServers", "", 0, 0, radius_list, "Lists the RADIUS servers in the order of asking." },
	{ "RadiusSecret", "<Secret>", 1, 1, radius_secret,
	  "Sets the secret shared with the RADIUS servers, 22 to 26 bytes; * clears it." },
	{ "Defaults", "[<Setting> [<Value>]]", 0, 2, initiator_defaults,
	  "Lists the settings of the service, shows one, or sets one; * goes back to the built-in "
	  "value." },
	{ "Version", "", 0, 0, initiator_version, "Shows the version of tool and service." },
	{ 0 }
};

const struct command *command_find(const char *name)
{
	for (const struct command *command = command_table; command->name; command++)
		if (strcasecmp(command->name, name) == 0)
			return command;
	return NULL;
}

/* Prints a word behind a blank, or on a new line with this indent. Returns the new column. */
static int word_print(int column, int indent, const char *word, int length)
{
	const int most = 80;

	if (column > indent && column + 1 + length > most)
		column = printf("\n%*s", indent, "") - 1;
	else if (column > indent)
		column += printf(" ");
	return column + printf("%.*s", length, word);
}

static void words_print(int column, int indent, const char *words)
{
	for (; *words; words += strspn(words, " ")) {
		int length = (int)strcspn(words, " ");

		column = word_print(column, indent, words, length);
		words += length;
	}
	printf("\n");
}

void command_usage(const struct command *command)
{
	int column = printf("iscsicli %s", command->name);

	words_print(column, 8, command->arguments);
	column = printf("%4s", "");
	words_print(column, 4, command->help);
	if (strstr(command->arguments, OPTIONS))
		printf("    LoginFlags: 1 require IPsec, 2 several sessions to the target, "
		       "8 try other portals,\n        0x20 a RADIUS server verifies the target\n"
		       "    HeaderDigest, DataDigest: 0 none, 1 CRC32C\n"
		       "    AuthType: 0 none, 1 CHAP, 2 mutual CHAP\n"
		       "    Username: - sends it empty\n");
	if (strstr(command->arguments, "SecurityFlags"))
		printf("    SecurityFlags: 0x1 valid, 0x2 IPsec, 0x4 main mode, "
		       "0x8 aggressive mode, 0x10 PFS,\n        0x20 transport mode, "
		       "0x40 tunnel mode\n");
	printf("\n");
}

void command_usage_all(void)
{
	printf("iscsicli [--json] <command> <arguments>\n"
	       "    * in the place of an argument leaves it at its default. Numbers are "
	       "decimal, or\n    hexadecimal after 0x; yes and no are T and F. Ids are as "
	       "SessionList shows them.\n    --json prints JSON alone. The exit status is the low "
	       "byte of the API's status.\n"
	       "    iscsicli alone reads commands from standard input, which keeps secrets out of\n"
	       "    the list of processes. ISCSIDSC_SOCKET names the socket of the service, where\n"
	       "    it is not the usual one.\n"
	       "\n"
	       "A first session:\n"
	       "    iscsicli QAddTargetPortal 192.0.2.1                  find targets\n"
	       "    iscsicli ListTargets                                 show their names\n"
	       "    iscsicli QLoginTarget iqn.2001-04.com.example:disk   tells the session's id\n"
	       "    iscsicli QAddConnection <SessionId> * 192.0.2.2      a second connection\n"
	       "    iscsicli Show                                        where the disks are\n"
	       "    iscsicli LogoutTarget <SessionId>\n"
	       "\n");
	for (const struct command *command = command_table; command->name; command++)
		command_usage(command);
}

/* The whole table, or one row of it, for programs. */
static void usage_json(struct json_object *json, const struct command *wanted)
{
	struct json_object *array = json_array(json, "commands"), *item;

	for (const struct command *command = command_table; command->name; command++) {
		if (wanted && command != wanted)
			continue;
		item = json_item(array);
		json_text(item, "name", command->name);
		json_text(item, "arguments", command->arguments);
		json_text(item, "help", command->help);
	}
}

static bool help_word(const char *word)
{
	return strcasecmp(word, "help") == 0 || strcmp(word, "--help") == 0 ||
	       strcmp(word, "-h") == 0 || strcmp(word, "-?") == 0 || strcmp(word, "/?") == 0;
}

ISDSC_STATUS command_run(struct run *run, int argc, char **argv)
{
	const struct command *command = command_find(argv[0]);
	ISDSC_STATUS status = COMMAND_USAGE;
	bool help = !command && help_word(argv[0]);

	if (help && argc > 1)
		command = command_find(argv[1]);
	else if (command && !(argc == 2 && help_word(argv[1])) && argc - 1 >= command->least &&
		 (command->most < 0 || argc - 1 <= command->most))
		status = command->run(run, argc - 1, argv + 1);
	if (status != COMMAND_USAGE)
		return status;
	/* What is no command at all must not look like success to a program that reads JSON. */
	if (run->json) {
		help = help ? command || argc == 1 : command && argc == 2 && help_word(argv[1]);
		if (help)
			usage_json(run->json, command);
		else if (command)
			read_complain("%s: %s", command->name, *command->arguments ? command->arguments
									      : "no arguments");
		else
			read_complain("%s is no command", argv[0]);
		return help ? ERROR_SUCCESS : ERROR_INVALID_PARAMETER;
	}
	if (command)
		command_usage(command);
	else
		command_usage_all();
	return ERROR_SUCCESS;
}
