"""faults - links that fail under load, in front of each foreign target: cut without a word, unplugged,
reset, held, flapping, while connections come and go. See links.py for how it is done.

In each of them fio checks every byte and must see no error, the session and its connections keep their
ids, and in the end all connections are there again. How long the slowest request took is printed: that
is the time in which the session moved on.
"""
import threading
import time

from bed import Load, Proxy, check, wait_for
from links import Links
from scenarios import four, scenario, service_on
from targets import KINDS

BACK_TIME = 30   # seconds for lost connections to come back once the path is whole
MOVE_LIMIT = 12  # seconds in which the session has to have moved on


def show(cli):
    """The only session, as `Show --json` tells it."""
    found = cli.json("Show")["sessions"]
    check(len(found) == 1, f"{len(found)} sessions instead of one")
    return found[0]


def living(cli):
    return sum(c["state"] == "full feature" for c in show(cli)["connections"])


def portals_of(cli):
    """Which connection goes where."""
    return {c["connection_id"]: (c["target_address"], c["target_socket"]) for c in show(cli)["connections"]}


def identity(cli):
    session = show(cli)
    return session["session_id"], {c["connection_id"] for c in session["connections"]}


class Churn:
    """Adds a connection and removes it again, all the while, on the links of the caller's choice."""

    def __init__(self, cli, session, portals):
        self.cli, self.session, self.portals = cli, session, portals
        self.rounds = self.refused = 0
        self.trouble = None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while not self.over.is_set():
                self._round(self.portals[(self.rounds + self.refused) % len(self.portals)])
                self.over.wait(0.1)
        except Exception as e:  # told by the scenario's own thread
            self.trouble = e

    def _round(self, portal):
        # While the session is being brought back, or the path is cut, a connection may be refused.
        done = self.cli.run(*self.cli.add_words(self.session, portal))
        if done.returncode != 0:
            self.refused += 1
            return
        connection = done.stdout.split("Connection Id is ")[1].split()[0]
        wait_for("an added connection's removal", lambda: self.cli.run(
            "RemoveConnection", self.session, connection).returncode == 0, 60, 0.2)
        self.rounds += 1

    def finish(self):
        self.over.set()
        self.thread.join(90)
        check(not self.thread.is_alive(), "adding and removing does not end")
        if self.trouble:
            raise self.trouble
        check(self.rounds > 0, f"no connection could be added ({self.refused} refused)")
        print(f"    added and removed {self.rounds} times, refused {self.refused} times")


# istgt throws away commands of a new session when it notices the end of the old one's connections.
# Until one of them is aborted nothing more is known of it, so that must not take the usual 60 s.
HABITS = {"istgt": {"command-time": 5}}
# What the links to the guest are like: this machine's own are too good.
WEATHER = "delay 10ms loss 0.5% rate 400mbit limit 20000"


class Scene:
    """A session over two links under load; `with` waits for its good end."""

    def __init__(self, bed, target, seconds, count=None, churn=False, level=0, portals=None,
                 busy=None, more=(), weather=WEATHER, **options):
        """`level`: that of error recovery; `portals`: in the place of the target's own; `busy`: the
        place of the one connection that carries the load; `more`: words for fio."""
        self.target = target if target.links else KINDS[target.kind](bed, links=Links(bed))
        self.links = self.target.links
        self.service = service_on(bed, self.target, settings={
            **HABITS.get(target.kind, {}), "error-recovery-level": level})
        self.cli = self.service.cli
        if not count:
            count = 4 if target.kind != "lio" else 6 if churn else 8
        self.count, self.seconds = count, seconds
        if target.kind == "lio" and weather:
            self.target.delay(weather)
            bed.at_end(lambda: self.target.died() or self.target.delay(""))
        portals = portals or self.target.portals
        self.session = self.cli.login(self.target.name(), portals[0], connections=8, **options)
        for i in range(1, count):
            self.cli.add(self.session, portals[i % len(portals)], **options)
        check(show(self.cli)["error_recovery_level"] == level, "another recovery level was agreed on")
        if busy is not None:
            self.cli("SetLoadBalancePolicy", self.session, "FailOverOnly",
                     show(self.cli)["connections"][busy]["connection_id"], 0, 1)
        self.ids = identity(self.cli)
        self.portals = portals_of(self.cli)
        self.tsih = show(self.cli)["tsih"]
        self.load = Load(bed, self.cli.disk(), seconds, more=more)
        self.churn = Churn(self.cli, self.session, portals[:2]) if churn else None
        self.end = time.monotonic() + seconds

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            return
        moved = self.load.finish()
        if self.churn:
            self.churn.finish()
        self.whole()
        check(identity(self.cli) == self.ids, f"ids: {self.ids} -> {identity(self.cli)}")
        print(f"    {moved:.0f} MiB; moved on after {self.load.longest:.0f} ms at most; "
              f"the service saw {self.told()}")
        moved = [i for i, portal in portals_of(self.cli).items() if portal != self.portals[i]]
        if moved:
            print(f"    {len(moved)} connections go through another portal than before")
        check(self.load.longest < MOVE_LIMIT * 1000, f"a request took {self.load.longest:.0f} ms")
        self.cli.logout(self.session)

    def told(self):
        """The pauses of the session that the service's log tells of."""
        waits = [float(line.rsplit("waited ", 1)[1].split()[0])
                 for line in self.service.daemon.log().splitlines() if "commands waited " in line]
        longest = f", {max(waits):.0f} ms at most" if waits else ""
        return f"{len(waits)} pauses of the session{longest}"

    def whole(self):
        """All connections are there, and no others."""
        wait_for(f"the session at {self.count} connections",
                 lambda: living(self.cli) == self.count and
                 len(show(self.cli)["connections"]) == self.count, BACK_TIME)

    def back(self):
        """The connections that there were at first work again."""
        wait_for("the lost connections", lambda: self.ids[1] <= {
            c["connection_id"] for c in show(self.cli)["connections"] if c["state"] == "full feature"},
            BACK_TIME)

    def time_left(self):
        return self.end - time.monotonic()

    def rounds(self, hurt, heal, hold, first=1):
        """Hurts one link after the other, each for `hold` seconds, as long as the load runs."""
        at = first
        time.sleep(1)
        while True:
            hurt(at % self.links.count)
            time.sleep(hold)
            heal(at % self.links.count)
            if self.time_left() < hold + 4:
                return
            # No second blow before that: istgt locks itself up when it meets one in a reinstatement.
            self.back()
            time.sleep(1)
            at += 1


def long(seconds):
    """Is this the long form?"""
    return seconds >= 30


def hold_time(seconds):
    return 20 if long(seconds) else 3


@scenario("mcs")
def link_cut_silently(bed, target, seconds):
    """No packet passes one of two links; connections come and go besides."""
    with Scene(bed, target, seconds + 4, churn=True) as scene:
        scene.rounds(scene.links.drop, scene.links.heal, hold_time(seconds))


@scenario("mcs", full=True)
def leading_link_cut_silently(bed, target, seconds):
    with Scene(bed, target, seconds + 4, churn=long(seconds)) as scene:
        scene.rounds(scene.links.drop, scene.links.heal, hold_time(seconds), first=0)


@scenario("mcs", full=True)
def link_unplugged(bed, target, seconds):
    with Scene(bed, target, seconds + 4, churn=long(seconds)) as scene:
        scene.rounds(scene.links.unplug, scene.links.plug, hold_time(seconds))


@scenario("mcs", full=True)
def link_reset(bed, target, seconds):
    # istgt locks itself up when it is asked for a connection as well while it ends the lost ones.
    churn = long(seconds) and target.kind != "istgt"
    with Scene(bed, target, seconds + 2, churn=churn) as scene:
        scene.rounds(scene.links.reset, scene.links.heal, 1)


@scenario("mcs")
def link_flapping(bed, target, seconds):
    """One of two links goes and comes every 3 s."""
    with Scene(bed, target, seconds + 6, churn=long(seconds)) as scene:
        while scene.time_left() > 4:
            scene.links.unplug(1)
            time.sleep(3)
            scene.links.plug(1)
            time.sleep(min(3, max(scene.time_left(), 0)))


@scenario("mcs", "local")
def path_held(bed, target, seconds):
    """A path whose TCP still acknowledges, but nothing comes out at its other end; then it goes on."""
    service = service_on(bed, target)
    cli = service.cli
    portals = list(target.portals[:4])
    proxy = Proxy(bed, portals[2])
    portals[2] = proxy.address
    session = four(service, target, portals)
    ids = identity(cli)
    hold = 20 if long(seconds) else 6
    load = Load(bed, cli.disk(), max(seconds, hold + 3))
    time.sleep(1)
    proxy.hold()
    time.sleep(hold)
    proxy.go_on()
    load.finish()
    wait_for("the session at four connections", lambda: living(cli) == 4, BACK_TIME)
    check(identity(cli) == ids, "ids changed")
    print(f"    held for {hold} s; moved on after {load.longest:.0f} ms at most")
    check(load.longest < MOVE_LIMIT * 1000, f"a request took {load.longest:.0f} ms")
    cli.logout(session)


@scenario("mcs", "restart", full=True)
def target_killed(bed, target, seconds):
    """The target is killed and comes back, behind links; all connections end by it."""
    with Scene(bed, target, seconds + 4, churn=long(seconds)) as scene:
        while True:
            time.sleep(1)
            scene.target.stop()
            time.sleep(1)
            scene.target.start()
            if scene.time_left() < 8:
                break
            scene.back()
