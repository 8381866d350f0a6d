"""scenarios - what the product has to do with each foreign target; one function each.

A scenario gets a Bed, a running target and the seconds that its load lasts, and raises Failed. The
decorator names what the target must be able to do (Target.can) for the scenario to apply.
"""
import time

from bed import (Capture, Failed, Load, Proxy, Service, check, compare_copy, free_port, run, run_ok,
                 wait_for)
from links import Links
from targets import (LOOPBACK, NODE, SECRET, TARGET_SECRET, USER, Istgt, program)

CONNECTION_FAILED = 0xEFFF0003
TOO_MANY_CONNECTIONS = 0xEFFF000E
CANT_INCLUDE_IN_SESSION = 0xEFFF0010
AUTHENTICATION_FAILURE = 0xEFFF0009
ALL = []


def scenario(*needs, only=None, full=False, crash=False):
    """`full`: not in the short run, or not in that of these kinds. `crash`: the target may die of it."""
    def keep(function):
        function.needs, function.only = frozenset(needs), only
        function.full, function.crash = full, crash
        ALL.append(function)
        return function
    return keep


def service_on(bed, target, **more):
    """A service where the target can be reached, with the target discovered."""
    service = Service(bed, namespace=target.namespace, **more)
    service.cli.discover(*target.portals[0])
    return service


def four(service, target, portals=None, **options):
    """A session of four connections, each on a portal of its own; returns its id."""
    portals = portals or target.portals[:4]
    cli = service.cli
    session = cli.login(target.name(), portals[0], connections=4, **options)
    for portal in portals[1:]:
        cli.add(session, portal, **options)
    check(cli.session().count == 4, f"{cli.session().count} connections instead of 4")
    return session


@scenario()
def discover(bed, target, seconds):
    cli = service_on(bed, target).cli
    names = cli.targets()
    for which in ("open", "chap", "mutual"):
        check(target.name(which) in names, f"{target.name(which)} is missing in {names}")
    host, port = target.portals[0]
    check(f"{host} {port}" in cli("ListTargetPortals"), "the portal is not listed")
    cli("RefreshTargetPortal", host, port)
    cli("RemoveTargetPortal", host, port)
    check(not cli.targets(), "targets of a removed portal are still listed")


@scenario()
def log_in_and_out(bed, target, seconds):
    cli = service_on(bed, target).cli
    out = cli("QLoginTarget", target.name())
    check("Session Id is 0x" in out and "Connection Id is 0x" in out, f"no ids: {out}")
    session = cli.session()
    check(session.target == target.name(), f"target name {session.target}")
    check(session.count == 1 and len(session.connections) == 1, "not one connection")
    compare_copy(bed, cli.disk())
    cli.logout(session.id)
    check(cli.sessions() == [], "the session is still listed")


@scenario("luns")
def several_luns(bed, target, seconds):
    cli = service_on(bed, target).cli
    session = cli.login(target.name(), target.portals[0])
    disks = wait_for("all disks", lambda: len(cli.session().disks) == target.disks and
                     cli.session().disks)
    check(len(set(disks)) == target.disks, f"disks {disks}")
    for at in range(target.disks):
        compare_copy(bed, cli.disk(at), 2)
    for lun in range(target.first_disk, target.first_disk + target.disks):
        check("ScsiStatus             : 0x0" in cli("ReadCapacity", session, f"{lun:x}"),
              f"ReadCapacity of LUN {lun}")
        cli("ScsiInquiry", session, f"{lun:x}", 0, 0)
    cli("ReportLUNs", session)
    cli.logout(session)


@scenario("mcs")
def mixed_load_on_four(bed, target, seconds):
    service = service_on(bed, target)
    session = four(service, target)
    Load(bed, service.cli.disk(), seconds).finish()
    service.cli.logout(session)


@scenario("mcs", full=("lio",))
def added_and_removed_under_load(bed, target, seconds):
    service = service_on(bed, target)
    cli = service.cli
    session = cli.login(target.name(), target.portals[0], connections=8)
    load = Load(bed, cli.disk(), seconds)
    end, rounds = time.monotonic() + seconds - 1, 0
    while time.monotonic() < end or rounds == 0:
        added = [cli.add_when_free(session, portal) for portal in target.portals[1:4]]
        check(len(set(added)) == 3, f"connection ids {added}")
        time.sleep(0.2)
        for connection in added:
            cli("RemoveConnection", session, connection)
        rounds += 1
    load.finish()
    check(cli.session().count == 1, "not one connection left")
    cli.logout(session)


def cut_under_load(bed, target, seconds, how, which):
    """Cuts the connection at place `which`, twice, while fio checks every byte."""
    if target.namespace:
        raise Failed("the proxy can't reach this target")
    service = service_on(bed, target)
    cli = service.cli
    portals = list(target.portals[:4])
    proxy = Proxy(bed, portals[which])
    portals[which] = proxy.address
    session = four(service, target, portals)
    before = cli.session().connections
    load = Load(bed, cli.disk(), seconds + 2)
    for again in (1, 2):
        time.sleep(seconds / 3)
        accepted = proxy.accepted
        check(proxy.cut(how) >= 1, "nothing to cut")
        wait_for("the cut connection again", lambda: proxy.accepted > accepted, 15)
        wait_for("the session at four connections", lambda: cli.session().count == 4, 15)
    load.finish()
    after = cli.session()
    check(after.count == 4 and sorted(after.connections) == sorted(before),
          f"ids changed: {before} -> {after.connections}")
    cli.logout(session)


@scenario("mcs", "local")
def cut_by_reset(bed, target, seconds):
    cut_under_load(bed, target, seconds, "rst", 3)


@scenario("mcs", "local")
def cut_by_fin(bed, target, seconds):
    cut_under_load(bed, target, seconds, "fin", 2)


@scenario("mcs", "local")
def cut_of_the_leading_one(bed, target, seconds):
    cut_under_load(bed, target, seconds, "rst", 0)


@scenario("mcs", "namespace", full=True)
def cut_in_the_namespace(bed, target, seconds):
    """As the cuts above; here `ss -K` ends the connection at our end (ECONNABORTED)."""
    service = service_on(bed, target)
    cli = service.cli
    session = four(service, target)
    load = Load(bed, cli.disk(), seconds + 2)
    time.sleep(seconds / 2)
    host, port = target.portals[3]
    run(["ip", "netns", "exec", target.namespace, "ss", "-K", "dst", host, "dport", "=", f":{port}"])
    time.sleep(1)
    wait_for("the session at four connections", lambda: cli.session().count == 4, 15)
    load.finish()
    cli.logout(session)


@scenario("chap")
def chap_right_and_wrong(bed, target, seconds):
    cli = service_on(bed, target).cli
    name, portal = target.name("chap"), target.portals[0]
    if target.kind == "lio":
        # It closes the connection without a word when no method of its own is offered.
        check(cli.run(*cli.login_words(name, portal)).returncode != 0, "a login without CHAP")
    else:
        cli.fails(AUTHENTICATION_FAILURE, *cli.login_words(name, portal))
    cli.fails(AUTHENTICATION_FAILURE, *cli.login_words(name, portal, user=USER,
                                                       secret="wrong-secret-1", auth=1))
    session = cli.login(name, portal, user=USER, secret=SECRET, auth=1)
    compare_copy(bed, cli.disk(), 2)
    if "mcs" in target.can:
        cli.add(session, target.portals[1], user=USER, secret=SECRET, auth=1)
        cli.fails(AUTHENTICATION_FAILURE, *cli.add_words(session, target.portals[1], user=USER,
                                                         secret="wrong-secret-1", auth=1))
        check(cli.session().count == 2, "a refused connection disturbed the session")
    cli.logout(session)


@scenario("mutual")
def mutual_chap_right_and_wrong(bed, target, seconds):
    service = service_on(bed, target)
    cli = service.cli
    cli("NodeName", f"{NODE}:ini")
    words = cli.login_words(target.name("mutual"), target.portals[0], user=USER, secret=SECRET, auth=2)
    check(cli.run(*words).returncode != 0, "mutual CHAP without a secret of ours")
    cli("CHAPSecret", "wrong-secret-9")
    check(cli.run(*words).returncode != 0, "a target with another secret was believed")
    check(cli.sessions() == [], "a session stayed")
    cli("CHAPSecret", TARGET_SECRET)
    cli(*words)
    compare_copy(bed, cli.disk(), 2)
    session = cli.session()
    cli.add(session.id, target.portals[1], user=USER, secret=SECRET, auth=2)
    cli.logout(session.id)
    log = service.daemon.log()
    for secret in (SECRET, TARGET_SECRET, "wrong-secret"):
        check(secret not in log, "a secret is in the log")


@scenario("digests", "mcs")
def digests_on(bed, target, seconds):
    service = service_on(bed, target)
    session = four(service, target, header=1, data=1)
    Load(bed, service.cli.disk(), max(seconds / 2, 2)).finish()
    service.cli.logout(session)


@scenario("restart", "mcs")
def target_restarted(bed, target, seconds):
    """The target goes and comes back: the session is reinstated, its ids and its disk stay."""
    service = service_on(bed, target)
    cli = service.cli
    session = four(service, target)
    ids = cli.session().connections
    disk = cli.disk()
    load = Load(bed, disk, seconds + 4)
    time.sleep(1)
    target.stop()
    time.sleep(1)
    target.start()
    wait_for("the session at four connections", lambda: cli.session().count == 4, 30)
    load.finish()
    check(sorted(cli.session().connections) == sorted(ids), "connection ids changed")
    cli.logout(session)


@scenario("mcs")
def one_too_many(bed, target, seconds):
    cli = service_on(bed, target).cli
    session = cli.login(target.name(), target.portals[0], connections=2)
    cli.add(session, target.portals[1])
    cli.fails(TOO_MANY_CONNECTIONS, *cli.add_words(session, target.portals[2]))
    check(cli.session().count == 2, "the refused connection disturbed the session")
    compare_copy(bed, cli.disk(), 1)
    cli.logout(session)


@scenario("no-limit")
def limit_the_target_does_not_enforce(bed, target, seconds):
    """tgt agrees on one connection and then takes more: we count (field notes on tgt)."""
    cli = service_on(bed, target).cli
    session = cli.login(target.name("single"), target.portals[0])
    cli.fails(TOO_MANY_CONNECTIONS, *cli.add_words(session, target.portals[1]))
    cli.logout(session)


@scenario("other-group")
def another_portal_group(bed, target, seconds):
    cli = service_on(bed, target).cli
    session = cli.login(target.name(), target.portals[0], connections=4)
    cli.fails(CANT_INCLUDE_IN_SESSION, *cli.add_words(session, target.other_group))
    check(cli.session().count == 1, "the session changed")
    compare_copy(bed, cli.disk(), 1)
    cli.logout(session)


@scenario("mcs")
def portal_that_is_not_there(bed, target, seconds):
    cli = service_on(bed, target).cli
    session = cli.login(target.name(), target.portals[0], connections=4)
    host = target.portals[0][0]
    nobody = free_port() if host in LOOPBACK else 9
    cli.fails(CONNECTION_FAILED, *cli.add_words(session, (host, nobody)))
    check(cli.session().count == 1, "the session changed")
    cli.logout(session)


def port_of(cli, address):
    """The number of the initiator port with this address, by ListPorts."""
    for port in cli.json("ListPorts")["ports"]:
        if port["address"] == address:
            return port["port_number"]
    raise Failed(f"ListPorts does not show {address}")


def ports_used(bed, service, target, pairs):
    cli = service.cli
    (first, first_portal), (second, second_portal) = pairs
    session = cli.login(target.name(), first_portal, port_number=port_of(cli, first), connections=4)
    cli.add(session, second_portal, port_number=port_of(cli, second))
    check(cli.run(*cli.add_words(session, second_portal, port_number=9999)).returncode != 0,
          "an initiator port that does not exist was taken")
    sources = [s.rsplit("/", 1)[0] for s in cli.session().sources]
    check(sources == [first, second], f"local addresses {sources}")
    compare_copy(bed, cli.disk(), 2)
    cli.logout(session)


@scenario(only="istgt")
def initiator_ports_on_two_links(bed, target, seconds):
    here = Istgt(bed, links=Links(bed))
    ports_used(bed, service_on(bed, here), here, list(zip(here.links.sources, here.portals)))


@scenario(only="lio")
def initiator_ports_on_two_taps(bed, target, seconds):
    ports_used(bed, service_on(bed, target), target, list(zip(target.links.sources, target.portals)))


@scenario("mcs", "local")
def one_session_on_the_wire(bed, target, seconds):
    """What the wire carried: four connections, CIDs of their own, one TSIH, all with data."""
    service = service_on(bed, target)
    capture = Capture(bed, [target.portals[0][1]])
    session = four(service, target)
    Load(bed, service.cli.disk(), 2, block="16k-16k", size="16M").finish()
    service.cli.logout(session)
    streams = [s for s in capture.stop() if s.logins and s.bytes_in + s.bytes_out > 10000]
    check(len(streams) == 4, f"{len(streams)} connections carried data instead of 4")
    check(len({s.logins[-1][0] for s in streams}) == 1, f"TSIHs: {[s.logins for s in streams]}")
    check(len({s.cid for s in streams}) == 4, f"CIDs: {[s.cid for s in streams]}")


@scenario(only="istgt")
def read_back_by_tshark(bed, target, seconds):
    """An independent reader finds nothing malformed in what we send, and every opcode we meant."""
    tshark = program("tshark")
    service = service_on(bed, target)
    capture = Capture(bed, [target.portals[0][1]], length=262144)
    capture_port = target.portals[0][1]
    session = four(service, target, header=1)
    compare_copy(bed, service.cli.disk(), 1)
    service.cli.logout(session)
    capture.stop()
    base = [tshark, "-n", "-r", capture.file, "-d", f"tcp.port=={capture_port},iscsi",
            "-o", "iscsi.desegment_iscsi_messages:TRUE"]
    bad = run_ok([*base, "-Y", f"_ws.malformed && tcp.dstport == {capture_port}"], 60).stdout
    check(not bad.strip(), f"malformed: {bad[:500]}")
    out = run_ok([*base, "-Y", f"iscsi && tcp.dstport == {capture_port}", "-T", "fields",
                  "-e", "iscsi.opcode", "-e", "iscsi.cmdsn"], 60).stdout
    opcodes = {int(word, 0) & 0x3F for line in out.splitlines()
               for word in line.split("\t")[0].split(",") if word}
    check({0x01, 0x03, 0x06} <= opcodes, f"opcodes on the wire: {opcodes}")


@scenario("local", "mcs")
def service_killed(bed, target, seconds):
    """A service that dies and starts again knows its portals, and nobody waits for ever."""
    service = service_on(bed, target)
    cli = service.cli
    cli.login(target.name(), target.portals[0])
    service.kill()
    check(cli.run("SessionList", seconds=5).returncode != 0, "an answer without a service")
    service.start()
    check(target.name() in cli.targets() or cli("ListTargets", "T"), "no targets after the restart")
    check(cli.sessions() == [], "sessions after the restart")
    session = cli.login(target.name(), target.portals[0])
    cli.logout(session)
