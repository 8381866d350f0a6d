"""ipsec_scenarios - what the service has to do with IPsec; one function each.

A scenario gets a fresh World (ipsec_world.py) and the seconds that a load lasts, and raises Failed. On
the host, where charon makes ESP itself, there are only tunnels: what needs the kernel says so.
"""
import itertools
import time

from bed import run
from faults import living
from ipsec_bed import KEY, PORT, conn
from ipsec_world import (AGGRESSIVE, ASKED, FAILED_TO_CONFIGURE, INVALID_PARAMETER, IPSEC, MAIN,
                         NOT_SUPPORTED_ON_OS, PFS, REQUIRE_IPSEC, TRANSPORT, TUNNEL, VALID, check, key_word)

ALL = []
OTHER_KEY = "another pre-shared key 456"
MULTIPATH = 2  # a login flag: another session with the target
CONNECTION_FAILED = 0xEFFF0003
KEPT = 12  # seconds after which nothing is left of a protection that nobody uses


def scenario(*short, kernel=False, lio=True):
    """`short`: where it is in the short run, "host" or "guest". `kernel`: needs the kernel's own ESP.
    `lio`: false where sessions are reinstated, of which that of Linux 6.1 dies now and then."""
    def keep(function):
        function.kernel, function.short, function.lio = kernel, short, lio
        ALL.append(function)
        return function
    return keep


def usual(world):
    """Flags that work at both places, and a peer that agrees to them."""
    mode = "transport" if world.kernel else "tunnel"
    return ASKED | (TRANSPORT if world.kernel else TUNNEL), mode


def usual_peer(world, **more):
    flags, mode = usual(world)
    world.peer(mode=mode, **more)
    return flags


def combination(world, ike, flags, mode, pfs, **peer):
    """One way to be protected: the peer knows only this one."""
    world.next_host()
    world.peer(mode=mode, pfs=pfs, **peer)
    before = len(world.near.log())
    flags |= ASKED | (TRANSPORT if mode == "transport" else TUNNEL) | (PFS if pfs else 0)
    with world.watch():
        session = world.four(flags, KEY)
        took = world.program.took
        world.copy(1)
        sa, child = world.one_sa()
        world.logout(session)
        time.sleep(0.3)
    check(sa["version"] == str(peer.get("version", 2)), f"IKE version {sa['version']}")
    check(child["mode"].lower() == mode, f"mode {child['mode']}")
    log = world.near.log()[before:]
    check(("Aggressive Mode" in log) == bool(flags & AGGRESSIVE), "aggressive mode or not")
    # The first child of IKEv2 has no exchange of its own.
    if peer.get("version") == 1:
        check(bool(child.get("dh-group")) == pfs, f"group {child.get('dh-group')}, PFS asked: {pfs}")
    check("GCM" in child["encr-alg"], f"ESP with {child['encr-alg']}")
    print(f"    {ike}, {mode}, {'PFS' if pfs else 'no PFS'}: the last connection took {took:.0f} ms")


IKES = (("IKEv1 main", MAIN, {"version": 1}), ("IKEv1 aggressive", AGGRESSIVE,
                                                {"version": 1, "aggressive": True}),
        ("IKEv2", 0, {"version": 2}))


def combinations(world, mode):
    for (ike, flags, peer), pfs in itertools.product(IKES, (False, True)):
        combination(world, ike, flags, mode, pfs, **peer)
    world.secret_kept(KEY, KEY.encode().hex())
    world.nothing_left(KEPT)


@scenario("host", "guest")
def all_of_tunnel(world, seconds):
    combinations(world, "tunnel")


@scenario("guest", kernel=True)
def all_of_transport(world, seconds):
    combinations(world, "transport")


# --- what is preferred and what is agreed on ----------------------------------------------------------

@scenario("guest", kernel=True)
def the_other_mode(world, seconds):
    """Preferred means that the other one is taken where the peer has only that. A charon that has only
    transport mode agrees to a tunnel as well."""
    for (_, flags, peer), (asked, there) in itertools.product(
            IKES[::2], ((TRANSPORT, "tunnel"), (TUNNEL, "transport"))):
        world.next_host()
        world.peer(mode=there, **peer)
        with world.watch():
            session = world.login(ASKED | flags | asked, KEY)
            _, child = world.one_sa()
            world.copy(1)
            world.logout(session)
        check(there == "transport" or child["mode"].lower() == there, f"mode {child['mode']}, not {there}")
    world.cli("Defaults", "ipsec-mode", "insist")
    world.next_host()
    world.peer(mode="tunnel")
    with world.watch(esp=0):
        world.refused(FAILED_TO_CONFIGURE, ASKED | TRANSPORT, KEY)


@scenario()
def falls_back_to_ikev1(world, seconds):
    """Neither main nor aggressive is asked for: IKEv2, and if the peer has none IKEv1's main mode."""
    flags = usual_peer(world, version=1)
    before = len(world.near.log())
    with world.watch():
        session = world.login(flags, KEY)
        sa, _ = world.one_sa()
        world.copy(1)
        world.logout(session)
    check(sa["version"] == "1", f"version {sa['version']}")
    check("Aggressive" not in world.near.log()[before:], "by aggressive mode")
    world.next_host()
    usual_peer(world, version=1)
    world.cli("Defaults", "ipsec-fall-back", "off")
    world.refused(FAILED_TO_CONFIGURE, flags, KEY)


@scenario()
def proposals(world, seconds):
    """What is offered is settable, and nothing else is agreed on."""
    world.cli("Defaults", "ipsec-proposals", "aes256gcm16-ecp384 aes128-sha256-modp2048")
    flags = usual_peer(world)
    session = world.login(flags, KEY)
    _, child = world.one_sa()
    check((child["encr-alg"], child["encr-keysize"]) == ("AES_GCM_16", "256"), f"agreed on {child}")
    world.logout(session)
    world.next_host()
    usual_peer(world, proposals=["aes128-sha1-modp1024"])
    with world.watch(esp=0):
        world.refused(FAILED_TO_CONFIGURE, flags, KEY)
    world.says("proposal")
    status = world.cli.run("Defaults", "ipsec-proposals", "3des-md5-modp768").returncode
    check(status != 0, "a suite that is none was taken")


# --- keys ---------------------------------------------------------------------------------------------

@scenario("guest")
def wrong_key(world, seconds):
    """Refused in time, with charon's reason, and not a packet in the clear."""
    for ike, flags, peer in IKES:
        world.next_host()
        usual_peer(world, **peer)
        with world.watch(esp=0):
            took = world.refused(FAILED_TO_CONFIGURE, usual(world)[0] | flags, OTHER_KEY)
        check(took < 15, f"it took {took:.0f} s")
        print(f"    {ike}: refused after {took:.1f} s")
    world.says("auth|key|secret|psk")
    world.secret_kept(OTHER_KEY, OTHER_KEY.encode().hex())


@scenario("guest")
def two_ports(world, seconds):
    """At one address, in each way: the second one's child joins an IKE SA that is up, or has one of its
    own. Where nobody listens that is what a login says, and not that there is no protection."""
    flags, mode = usual(world)
    for ike, peer in ((0, {"version": 2}), (MAIN, {"version": 1}),
                      (AGGRESSIVE, {"version": 1, "aggressive": True})):
        world.next_host()
        other = conn(world.far, world.near, portal=world.host, mode=mode, **peer)
        both = [world_ts.replace(str(PORT), port) for world_ts in other["children"]["iscsi"]["local_ts"]
                for port in (str(PORT), str(PORT + 1))]
        world.peer(mode=mode, child={"local_ts": both}, **peer)
        session = world.login(flags | ike, KEY)
        world.program.bad(CONNECTION_FAILED, "login", world.target.name("open"), world.host, PORT + 1,
                          hex(flags | ike), key_word(KEY), MULTIPATH)
        check(world.program.took < 5000, f"by {peer} it took {world.program.took:.0f} ms")
        world.copy(1)
        world.logout(session)


@scenario()
def nobody_answers(world, seconds):
    flags, _ = usual(world)
    world.far.charon_stop()
    with world.watch(esp=0):
        took = world.refused(FAILED_TO_CONFIGURE, flags, KEY)
    check(took < 40, f"it took {took:.0f} s")
    world.says("answer|time|retransmit")
    print(f"    refused after {took:.1f} s")
    world.far.charon_start()


def protected_login(world, flags, key=None, **more):
    with world.watch():
        session = world.login(flags, key, **more)
        world.one_sa()
        world.copy(1)
        world.logout(session)


def fresh_portal(world, **more):
    """As usual_peer, for a portal that nothing is known of yet."""
    world.next_host()
    return usual_peer(world, **more)


@scenario("guest")
def which_key(world, seconds):
    """The call's, else the one stored for the portal's id, else the group's."""
    flags, program = usual_peer(world), world.program
    world.refused(FAILED_TO_CONFIGURE, flags)
    program.good("group", key(KEY))
    protected_login(world, flags)
    fresh_portal(world)
    program.good("ike", 1, world.host, hex(flags), key(OTHER_KEY))
    world.refused(FAILED_TO_CONFIGURE, flags)
    protected_login(world, flags, KEY)
    fresh_portal(world)
    program.good("group", key(OTHER_KEY))
    program.good("ike", 1, world.host, hex(flags), key(KEY))
    world.refused(FAILED_TO_CONFIGURE, flags, OTHER_KEY)
    protected_login(world, flags)


def key(text):
    return (text if isinstance(text, bytes) else text.encode()).hex()


@scenario()
def bytes_of_a_key(world, seconds):
    """A key is bytes. A NUL at the end of a short one makes no other key, by the nature of HMAC."""
    for exact, other in ((b"with a\0in it", b"with a"), (bytes(range(256)), bytes(range(255))),
                         (b"with its end", None)):
        flags = fresh_portal(world, key=exact)
        if other:
            world.refused(FAILED_TO_CONFIGURE, flags, other)
        protected_login(world, flags, exact if other else exact + b"\0")


def named_portal(world, name, identity=None):
    """A portal that nothing is known of yet and that the guest knows by name, with its peer's identity."""
    world.next_host()
    run(["sh", "-c", f"echo '{world.host} {name}' >>/etc/hosts"])
    identity = identity or world.host
    return usual_peer(world, local={"id": identity}, owners=[identity, world.near.address])


@scenario("guest", kernel=True)
def id_types(world, seconds):
    """Keys stored for a user at a host, for a host's name and for an address: the last goes first. The
    id is the peer's identity, too."""
    program = world.program
    flags = named_portal(world, "one.example", "somebody@one.example")
    program.good("ike", 3, "somebody@one.example", hex(flags), key(KEY))
    protected_login(world, flags, host="one.example")
    named_portal(world, "two.example", "two.example")
    program.good("ike", 3, "somebody@two.example", hex(flags), key(OTHER_KEY))
    program.good("ike", 2, "TWO.example", hex(flags), key(KEY))
    world.refused(FAILED_TO_CONFIGURE, flags)
    protected_login(world, flags, host="two.example")
    named_portal(world, "three.example")
    program.good("ike", 2, "three.example", hex(flags), key(OTHER_KEY))
    world.refused(FAILED_TO_CONFIGURE, flags, host="three.example")
    program.good("ike", 1, world.host, hex(flags), key(KEY))
    protected_login(world, flags, host="three.example")
    fresh_portal(world)
    program.good("ike", 1, world.host, hex(flags), key(KEY))
    # The flags stored with a key count where the call's are not valid.
    protected_login(world, 0)


@scenario(kernel=True)
def over_ipv6(world, seconds):
    """The key by the portal's IPv6 address; both modes."""
    world.host = world.far.six
    for flag, mode in ((TRANSPORT, "transport"), (TUNNEL, "tunnel")):
        world.peer(mode=mode, six=True)
        world.program.good("ike", 5, world.host, hex(ASKED | flag), key(KEY))
        with world.watch():
            session = world.four(ASKED | flag)
            world.one_sa()
            world.copy(1)
            world.logout(session)
        world.nothing_left(KEPT)


# --- flags --------------------------------------------------------------------------------------------

@scenario("host")
def contradictions(world, seconds):
    for flags in (ASKED | MAIN | AGGRESSIVE, ASKED | TRANSPORT | TUNNEL, ASKED | 0x80, VALID | MAIN |
                  AGGRESSIVE):
        world.refused(INVALID_PARAMETER, flags, KEY)
        world.program.bad(INVALID_PARAMETER, "portal", world.host, PORT, hex(flags), 0)
    session = world.login()
    world.program.bad(INVALID_PARAMETER, *world.add_words(session, ASKED | TRANSPORT | TUNNEL, KEY))
    check(living(world.cli) == 1, "a refused connection disturbed the session")
    world.logout(session)


def clear_login(world):
    """A session without IPsec: the far end has no policy that would want it."""
    session = world.login()
    check(not world.ours(), "an SA for a connection that asked for none")
    world.logout(session)


@scenario("guest")
def flags_not_valid(world, seconds):
    """They don't count: what was set before does, else the default."""
    flags, _ = usual(world)
    session = world.login(IPSEC | MAIN)
    check(not world.ours(), "flags that are not valid were heard")
    world.logout(session)
    fresh_portal(world)
    world.program.good("group", key(KEY))
    world.cli("Defaults", "security-flags", hex(flags))
    protected_login(world, 0)
    world.cli("Defaults", "security-flags", "0")
    fresh_portal(world)
    with world.watch(esp=4):
        world.program.good("portal", world.host, PORT, hex(flags), 0)
        check(world.target.name() in world.cli.targets(), "discovery over IPsec found nothing")
    world.one_sa()
    world.nothing_left(KEPT)
    protected_login(world, 0)
    world.cli("RemoveTargetPortal", world.host, PORT)


@scenario()
def as_the_connection_before(world, seconds):
    """Not valid flags after a connection with valid ones mean the same once more."""
    flags = usual_peer(world)
    session = world.login(flags, KEY)
    with world.watch():
        world.add(session, 0, KEY)
        world.copy(1)
    world.one_sa()
    world.logout(session)
    world.nothing_left(KEPT)
    protected_login(world, 0, KEY)


@scenario("guest")
def required(world, seconds):
    """The login flag asks for protection where the security flags do not, or there is no login."""
    world.program.good("group", key(KEY))
    with world.watch(esp=0):
        world.refused(FAILED_TO_CONFIGURE, 0, require=REQUIRE_IPSEC)
    flags = fresh_portal(world)
    protected_login(world, flags & ~IPSEC, require=REQUIRE_IPSEC)


@scenario("host", "guest")
def no_charon(world, seconds):
    flags, _ = usual(world)
    world.near.charon_stop()
    with world.watch(esp=0):
        world.refused(NOT_SUPPORTED_ON_OS, flags, KEY)
        world.refused(NOT_SUPPORTED_ON_OS, 0, KEY, require=REQUIRE_IPSEC)
    world.says("strongswan|charon")
    world.next_host()
    clear_login(world)
    world.near.charon_start()
    protected_login(world, fresh_portal(world), KEY)


@scenario(kernel=True)
def without_the_capability(world, seconds):
    """A service that may not guard its sockets does not connect them."""
    flags = usual_peer(world)
    check(world.service.daemon.stop(seconds=20) == 0, "the service ended badly")
    world.service.prefix += ["setpriv", "--bounding-set=-net_admin"]
    world.service_start()
    with world.watch(esp=0):
        status, _ = world.program.call(*world.login_words(flags, KEY))
    check(status in (NOT_SUPPORTED_ON_OS, FAILED_TO_CONFIGURE), f"status {status:#x}")
    world.says("CAP_NET_ADMIN|capability|permi")


# --- who wins -----------------------------------------------------------------------------------------

def administrator(world, key=KEY):
    """A policy that is in force for the portal and none of ours."""
    mode = usual(world)[1]
    start = {"start_action": "trap"} if world.kernel else {}
    world.near.load("admin", conn(world.near, world.far, mode=mode, side="initiator", portal=world.host,
                                  child=start), key, [world.near.address, world.host])
    if not world.kernel:
        with world.near.vici() as v:
            v.do("initiate", {"child": "iscsi", "ike": "admin", "timeout": "8000"}, "control-log")


@scenario()
def administrator_alone(world, seconds):
    """Nothing is asked of us: what the administrator set up holds for our connections as for any."""
    usual_peer(world)
    administrator(world)
    with world.watch():
        session = world.four()
        world.copy()
        load = world.load(seconds)
        load.finish()
        world.logout(session)
    check(not world.ours(), "the service made an SA of its own")


@scenario("guest")
def administrators_policy(world, seconds):
    """It wins over flags and key, and stays when we go."""
    flags = usual_peer(world)
    administrator(world)
    with world.watch():
        session = world.login(flags ^ TRANSPORT ^ TUNNEL, OTHER_KEY)
        for _ in range(3):
            world.add(session, flags | PFS, OTHER_KEY)
        world.copy(1)
        check(not world.ours(), "the service made an SA of its own")
        world.logout(session)
    time.sleep(6)
    check([name for name, _ in world.near.sas()] == ["admin"], "the administrator's SA is gone")
    with world.watch():
        session = world.login()
        world.copy(1)
        world.logout(session)


@scenario()
def earlier_connection_wins(world, seconds):
    flags = usual_peer(world)
    with world.watch():
        session = world.login(flags, KEY)
        for other, secret in ((flags | MAIN, OTHER_KEY), (flags ^ TRANSPORT ^ TUNNEL, OTHER_KEY),
                              (VALID, None)):
            world.add(session, other, secret)
        world.copy(1)
        world.one_sa()
        world.logout(session)
    world.nothing_left(KEPT)


@scenario("guest")
def shared_and_counted(world, seconds):
    flags = usual_peer(world)
    with world.watch():
        first, second = world.login(flags, KEY), world.login(flags, KEY, require=MULTIPATH)
        added = world.add(first, flags, KEY)
        sa, child = world.one_sa()
        world.cli("RemoveConnection", first, added)
        world.logout(first)
        time.sleep(7)
        again = world.one_sa()
        check(again[0]["uniqueid"] == sa["uniqueid"] and again[1]["spi-in"] == child["spi-in"],
              "another SA than before")
        world.program.good("capacity", second, 0)
        world.logout(second)
    world.nothing_left(KEPT)
