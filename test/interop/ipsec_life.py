"""ipsec_life - what happens to a protection that is up: rekeying, an end of charon, of its SAs, of its policies,
of the service. Scenarios, as in ipsec_scenarios.py.
"""
import time

from bed import wait_for
from faults import show
from ipsec_bed import KEY, PORT, conn
from ipsec_scenarios import KEPT, clear_login, scenario, usual, usual_peer
from ipsec_world import ASKED, MAIN, PFS, PREFIX, TUNNEL, check, signal


def reconnects(world):
    return sum(c["reconnects"] for c in show(world.cli)["connections"])


def under_load(world, flags, seconds, trouble, both=False):
    """Four connections, a load that checks every byte, and `trouble` in the midst of it."""
    with world.watch(both=both):
        session = world.four(flags, KEY)
        load = world.load(120)
        time.sleep(1.5)
        trouble()
        world.whole()
        time.sleep(seconds / 2)
        load.finish(at_once=True)
        count = reconnects(world)
        world.whole()
        check(world.children(), "without an SA at the end")
        world.logout(session)
        time.sleep(0.5)
    print(f"    {count} connections were brought back; the longest request took {load.longest:.0f} ms")
    return count


@scenario("host", "guest")
def rekeyed(world, seconds):
    """By us, by the peer, the child and the whole SA: no request notices."""
    flags = usual_peer(world)

    def trouble():
        before = world.one_sa()[1]["spi-in"]
        for end, what in ((world.near, "child"), (world.far, "child"), (world.near, "ike")):
            name, sa = end.sas()[0]
            which = {"ike": name} if what == "ike" else {
                "ike": name, "child": list(sa["child-sas"].values())[0]["name"]}
            with end.vici() as v:
                v.do("rekey", which)
            time.sleep(1)
        check(world.children()[0]["spi-in"] != before, "nothing was rekeyed")

    check(under_load(world, flags, seconds, trouble, both=True) == 0, "connections were lost")


@scenario()
def rekeyed_all_the_time(world, seconds):
    """By the peer's own time, IKEv1."""
    flags = usual_peer(world, version=1, child={"rekey_time": "2s", "life_time": "20s"}) | MAIN
    check(under_load(world, flags, seconds, lambda: time.sleep(5), both=True) == 0,
          "connections were lost")


@scenario("host", "guest", lio=False)
def charon_stopped(world, seconds):
    """In order: it takes its policies and states along, and the peer's."""
    flags = usual_peer(world)

    def trouble():
        world.near.charon_stop()
        time.sleep(3)
        world.near.charon_start()

    under_load(world, flags, seconds, trouble)


@scenario("guest", lio=False)
def charon_killed(world, seconds):
    flags = usual_peer(world)

    def trouble():
        world.near.charon_stop(signal.SIGKILL)
        time.sleep(3)
        world.near.charon_start()

    under_load(world, flags, seconds, trouble)


@scenario(lio=False)
def peers_charon_restarted(world, seconds):
    flags = usual_peer(world)

    def trouble():
        world.far.charon_stop()
        time.sleep(2)
        world.far.charon_start()
        usual_peer(world)

    under_load(world, flags, seconds, trouble)


@scenario("guest", kernel=True, lio=False)
def states_flushed(world, seconds):
    flags = usual_peer(world)

    def trouble():
        world.near.flush("state")
        time.sleep(2)

    under_load(world, flags, seconds, trouble)


@scenario("guest", kernel=True, lio=False)
def policies_flushed(world, seconds):
    flags = usual_peer(world)

    def trouble():
        world.near.flush("policy")
        time.sleep(2)

    under_load(world, flags, seconds, trouble)


@scenario("guest", kernel=True, lio=False)
def all_flushed(world, seconds):
    """Policies and states at once, and charon away for a while: nothing is left but our own guard."""
    flags = usual_peer(world)

    def trouble():
        world.near.charon_stop(signal.SIGKILL)
        world.near.flush("policy")
        world.near.flush("state")
        time.sleep(4)
        world.near.charon_start()

    under_load(world, flags, seconds, trouble)


@scenario(lio=False)
def sa_terminated(world, seconds):
    """By somebody else, through charon; the peer is told."""
    flags = usual_peer(world)

    def trouble():
        with world.near.vici() as v:
            v.do("terminate", {"ike-id": world.near.sas()[0][1]["uniqueid"], "timeout": "3000"})
        time.sleep(1)

    under_load(world, flags, seconds, trouble)


@scenario("guest", lio=False)
def logged_out_without_charon(world, seconds):
    """What a closing connection still sends stays inside as well."""
    flags = usual_peer(world)
    with world.watch(both=False):
        session = world.four(flags, KEY)
        world.near.charon_stop()
        world.program.call("logout", session)
        time.sleep(3)
    check(not world.cli.sessions(), "the session is still listed")


@scenario("guest", lio=False)
def service_killed(world, seconds):
    """What it had given to charon and kernel is cleaned at its next start, before anybody asks."""
    flags = usual_peer(world)
    with world.watch(both=False):
        world.four(flags, KEY)
        world.service_kill()
        with world.near.vici() as v:
            left = [name for name, _ in v.conns() if name.startswith(PREFIX)]
        check(left, "nothing was there to be left over")
        world.service_start()
        world.nothing_left(KEPT)
        time.sleep(1)
    world.next_host()
    clear_login(world)


@scenario("guest", lio=False)
def persistent(world, seconds):
    """A stored login comes back protected, by its own key; iscsicli's keys end with a NUL."""
    exact = KEY.encode() + b"\0"
    flags = usual_peer(world, key=exact)
    words = world.cli.login_words(world.target.name(), (world.host, PORT))
    at = words.index("*", 7)  # the security flags
    world.cli("Persistent" + words[0], *words[1:at], hex(flags), *words[at + 1:-2], KEY, 0)
    for _ in range(2):
        world.service_restart()
        with world.watch():
            wait_for("the session", lambda: world.cli.sessions(), 30)
            world.one_sa()
            world.copy(1)
    world.secret_kept(KEY)
    session = world.cli.session().id
    world.cli("RemovePersistentTarget", "*", world.target.name(), "*", world.host, PORT)
    world.cli.logout(session)
    world.nothing_left(KEPT)


@scenario(kernel=True)
def several_portals(world, seconds):
    """Two portals, two protections; the end of one leaves the other."""
    flags, mode = usual(world)
    both = conn(world.far, world.near, mode=mode)
    behind = conn(world.far, world.near, mode="tunnel", inner=True)
    both["children"]["behind"] = behind["children"]["iscsi"]
    world.far.load("both", both, KEY, [world.near.address, world.far.address])
    with world.watch(both=False):
        session = world.login(flags, KEY)
        world.program.good("outer", world.far.inner, world.far.address)
        world.add(session, ASKED | TUNNEL, KEY, host=world.far.inner)
        check(len(world.children()) == 2, f"{len(world.children())} children")
        world.copy(1)
        world.logout(session)
    world.nothing_left(KEPT)


@scenario("host")
def told(world, seconds):
    """A listing says how each connection is protected, and a key is nowhere."""
    flags = usual_peer(world, pfs=True) | PFS
    session = world.login(flags, KEY)
    world.copy(1)
    shown = show(world.cli)["connections"][0]
    _, child = world.one_sa()
    print(f"    {shown.get('ipsec')}")
    check(shown.get("ipsec"), f"no word about IPsec: {shown}")
    check(child["encr-alg"].split("_")[0] in str(shown["ipsec"]), "not the algorithm that charon tells")
    world.logout(session)
    world.secret_kept(KEY)
