"""faults - what fails under load, in front of each foreign target: links cut without a word, unplugged,
reset, held, flapping, the target killed, while connections come and go. See links.py for how it is done.

In each of them fio checks every byte and must see no error, the session and its connections keep their
ids, and in the end all connections are there again. How long the slowest request took is printed: that
is the time in which the session moved on.

With LIO each fault is met at all recovery levels. Its kernel may panic of it at levels 1 and 2: then that is
counted, told, and the guest started again, and all that is asked of us stays: no error, no wrong byte.
"""
import threading
import time
from collections import namedtuple

from bed import Failed, Load, Pattern, check, wait_for
from links import Gate, Links
from scenarios import scenario, service_on
from targets import KINDS

BACK_TIME = 30   # seconds for lost connections to come back once the path is whole
MOVE_LIMIT = 12  # seconds in which the session has to have moved on; an outage of the target comes on top


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
            "RemoveConnection", self.session, connection).returncode == 0, 90, 0.2)
        self.rounds += 1

    def finish(self):
        self.over.set()
        self.thread.join(90)
        check(not self.thread.is_alive(), "adding and removing does not end")
        if self.trouble:
            raise self.trouble
        check(self.rounds > 0, f"no connection could be added ({self.refused} refused)")
        print(f"    added and removed {self.rounds} times, refused {self.refused} times")


class Keeper:
    """Starts a target again that died of what was done to it, and counts that."""

    def __init__(self, target):
        self.target = target
        self.deaths = []       # why, each time
        self.outage = 0.0      # seconds: the longest, that of a kill() included
        self.trouble = None
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while not self.over.wait(0.1):
                with self.lock:
                    why = self.target.died()
                    if why:
                        self.deaths.append(why)
                        self._start(time.monotonic())
        except Exception as e:  # told by the scenario's own thread
            self.trouble = e

    def _start(self, since):
        self.target.start()
        self.outage = max(self.outage, time.monotonic() - since)

    def kill(self, seconds):
        """Kills the target and starts it again after these seconds."""
        with self.lock:
            since = time.monotonic()
            self.target.kill()
            time.sleep(seconds)
            self._start(since)

    def finish(self):
        self.over.set()
        self.thread.join(90)
        if self.trouble:
            raise self.trouble


# What the links to the guest are like: this machine's own are too good.
WEATHER = "delay 10ms loss 0.5% rate 400mbit limit 20000"


class Scene:
    """A session over two links under load; `with` waits for its good end."""

    def __init__(self, bed, target, seconds, count=None, churn=False, level=0, portals=None, gate=False,
                 busy=None, more=(), weather=WEATHER, settings=None, **options):
        """`level`: that of error recovery; `portals`: in the place of the target's own; `gate`: the last
        connection goes through one; `busy`: the place of the one connection that carries the load;
        `more`: words for fio; `settings`: of the service."""
        self.target = target if target.links else KINDS[target.kind](bed, links=Links(bed))
        self.links = self.target.links
        self.level, self.long = level, long(seconds)
        self.at_once = False  # the load ends when the scenario has nothing more to do
        self.service = service_on(bed, self.target, settings={
            "error-recovery-level": level, **(settings or {})})
        self.cli = self.service.cli
        self.count = count or (8 if target.kind == "lio" else 4)
        if target.kind == "lio" and weather:
            self.target.delay(weather)
            bed.at_end(lambda: self.target.died() or self.target.delay(""))
        portals = portals or self.target.portals
        self.gate = Gate(bed, self.links, portals[0]) if gate else None
        self.session = self.cli.login(self.target.name(), portals[0],
                                      connections=self.target.max_connections, **options)
        for i in range(1, self.count):
            last = gate and i == self.count - 1
            self.cli.add(self.session, self.gate.address if last else portals[i % len(portals)], **options)
        check(show(self.cli)["error_recovery_level"] == level, "another recovery level was agreed on")
        if busy is not None:
            self.cli("SetLoadBalancePolicy", self.session, "FailOverOnly",
                     show(self.cli)["connections"][busy]["connection_id"], 0, 1)
        self.ids = identity(self.cli)
        self.portals = portals_of(self.cli)
        self.tsih = show(self.cli)["tsih"]
        disk = self.cli.disk_of(self.target.durable)
        self.pattern = Pattern(bed, disk)
        self.load = Load(bed, disk, seconds, more=more)
        self.churn = Churn(self.cli, self.session, portals[:2]) if churn else None
        self.keeper = Keeper(self.target)
        bed.at_end(self.keeper.finish)
        self.end = time.monotonic() + seconds

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.tell_deaths()
            return
        moved = self.load.finish(self.at_once)
        if self.churn:
            self.churn.finish()
        self.whole()
        self.keeper.finish()
        self.pattern.check()
        check(identity(self.cli) == self.ids, f"ids: {self.ids} -> {identity(self.cli)}")
        self.tell(moved)
        check(self.level or not self.keeper.deaths, f"it died at level 0: {self.keeper.deaths}")
        limit = MOVE_LIMIT + self.keeper.outage
        check(self.load.longest < limit * 1000, f"a request took {self.load.longest:.0f} ms")
        self.cli.logout(self.session)

    def tell(self, moved):
        print(f"    {moved:.0f} MiB; moved on after {self.load.longest:.0f} ms at most; "
              f"the service saw {self.told()}")
        moved = [i for i, portal in portals_of(self.cli).items() if portal != self.portals[i]]
        if moved:
            print(f"    {len(moved)} connections go through another portal than before")
        self.tell_deaths()

    def tell_deaths(self):
        deaths = self.keeper.deaths
        if deaths or self.level:
            print(f"    target died: {len(deaths)} times{''.join('; ' + d for d in deaths)}")
        if self.keeper.outage:
            print(f"    the target was away for {self.keeper.outage:.1f} s at most")

    def told(self):
        """The pauses of the session that the service's log tells of."""
        waits = [float(line.rsplit("waited ", 1)[1].split()[0])
                 for line in self.service.daemon.log().splitlines() if "commands waited " in line]
        longest = f", {max(waits):.0f} ms at most" if waits else ""
        return f"{len(waits)} pauses of the session{longest}"

    def whole(self):
        """All connections are there, and no others."""
        self._wait(f"the session at {self.count} connections",
                   lambda: living(self.cli) == self.count and
                   len(show(self.cli)["connections"]) == self.count)

    def back(self):
        """The connections that there were at first work again."""
        self._wait("the lost connections", lambda: self.ids[1] <= {
            c["connection_id"] for c in show(self.cli)["connections"] if c["state"] == "full feature"})

    def _wait(self, what, test):
        """Waits; when the target dies meanwhile, anew."""
        while True:
            deaths = len(self.keeper.deaths)
            try:
                wait_for(what, test, BACK_TIME)
                return
            except Failed:
                if len(self.keeper.deaths) == deaths:
                    raise

    def time_left(self):
        return self.end - time.monotonic()

    def once(self, hurt, heal, hold):
        """Hurts something for `hold` seconds and sees everything whole again."""
        hurt()
        time.sleep(hold)
        heal()
        # No second blow before that: istgt locks itself up when it meets one in a reinstatement.
        self.back()

    def rounds(self, hurt, heal, hold, first=1):
        """Hurts one link after the other, each for `hold` seconds, as long as the load runs."""
        at = first
        while self.time_left() > hold + 4 or at == first:
            time.sleep(1)
            link = at % self.links.count
            self.once(lambda: hurt(link), lambda: heal(link), hold)
            at += 1


def long(seconds):
    """Is this the long form?"""
    return seconds >= 30


# --- the faults -----------------------------------------------------------------------------------

def silence(scene):
    return 20 if scene.long else 3


def cut_silently(scene):
    scene.rounds(scene.links.drop, scene.links.heal, silence(scene))


def cut_leading_silently(scene):
    scene.rounds(scene.links.drop, scene.links.heal, silence(scene), first=0)


def unplug(scene):
    scene.rounds(scene.links.unplug, scene.links.plug, silence(scene))


def reset(scene):
    scene.rounds(scene.links.reset, scene.links.heal, 1)


def flap(scene):
    while scene.time_left() > 4:
        scene.links.unplug(1)
        time.sleep(3)
        scene.links.plug(1)
        time.sleep(min(3, max(scene.time_left(), 0)))


def hold_path(scene):
    time.sleep(1)
    scene.once(scene.gate.hold, scene.gate.go_on, 20 if scene.long else 6)


def kill(scene):
    while True:
        time.sleep(1)
        scene.keeper.kill(1)
        scene.back()
        if scene.time_left() < 12:
            return


# `more`: seconds that the load lasts longer; `full`: not in the short run, or not in that of these.
Fault = namedtuple("Fault", "name apply more full needs gate", defaults=(True, "mcs", False))
FAULTS = (
    Fault("link_cut_silently", cut_silently, 4, ("lio",)),  # no packet passes one of two links
    Fault("leading_link_cut_silently", cut_leading_silently, 4),
    Fault("link_unplugged", unplug, 4),                     # the initiator's port loses its carrier
    Fault("link_reset", reset, 2),
    Fault("link_flapping", flap, 6, ("lio",)),              # one of two links comes and goes every 3 s
    Fault("path_held", hold_path, 5, ("lio",), gate=True),  # TCP acknowledges, then nothing happens
    Fault("target_killed", kill, 4, needs="kill"),          # and back: all connections end by it
)


def play(bed, target, seconds, fault, level):
    # istgt locks itself up when it is asked for a connection as well while it ends the lost ones.
    churn = long(seconds) and not (target.kind == "istgt" and fault.apply == reset)
    churn = churn or fault.apply == cut_silently
    with Scene(bed, target, seconds + fault.more, churn=churn, level=level, gate=fault.gate) as scene:
        fault.apply(scene)


def add(fault, level):
    def run(bed, target, seconds):
        play(bed, target, seconds, fault, level)

    run.__name__ = f"level_{level}_{fault.name}" if level else fault.name
    needs = {"mcs", fault.needs, *(("levels",) if level else ())}
    scenario(*needs, full=fault.full if not level else True)(run)


# --- one after the other: the short form for LIO --------------------------------------------------

def flicker(links):
    """A link goes twice, for a second."""
    for _ in range(2):
        links.unplug(1)
        time.sleep(1)
        links.plug(1)
        time.sleep(1)


def in_turn(bed, target, level):
    with Scene(bed, target, 90, churn=True, level=level, gate=True) as scene:
        scene.at_once = True
        links = scene.links
        for name, hurt, heal, hold in (
                ("cut", lambda: links.drop(1), lambda: links.heal(1), 2),
                ("reset", lambda: links.reset(0), lambda: links.heal(0), 0.5),
                ("held", scene.gate.hold, scene.gate.go_on, 2),
                ("flapping", lambda: flicker(links), lambda: None, 0),
                ("killed", lambda: scene.keeper.kill(0.5), lambda: None, 0)):
            begin = time.monotonic()
            scene.once(hurt, heal, hold)
            print(f"    {name}: all is back after {time.monotonic() - begin:.1f} s")
            time.sleep(0.2)


def add_in_turn(level):
    def run(bed, target, seconds):
        in_turn(bed, target, level)

    run.__name__ = f"level_{level}_faults_in_turn"
    scenario("mcs", "levels")(run)


for at in (0, 1, 2):
    for one in FAULTS:
        add(one, at)
    add_in_turn(at)
