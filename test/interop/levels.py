"""levels - recovery levels 1 and 2 with LIO, the one real target that has them, seen on the wire.

What a level promises is looked at from outside: the session is not logged in again (its TSIH stays,
the service tells of no pause), and the capture shows what was done instead. Not here: going on with a
command on another connection (TASK REASSIGN) to its end, since that makes LIO's kernel fall. Links that
fail at these levels: faults.py.
"""
import os
import sys
import time
from collections import Counter

import wire
from bed import Capture, check, run, wait_for
from faults import Scene, long, show
from links import inside
from scenarios import scenario

SNACK, LOGOUT, MANAGEMENT = 0x10, 0x06, 0x02
LOGOUT_ANSWER, MANAGEMENT_ANSWER, REJECT, R2T, COMMAND = 0x26, 0x22, 0x3F, 0x31, 0x01
REASSIGN = 8
FEW = ("--rate=2m,2m", "--rate_process=poisson")  # a load that a capture can keep whole
REASSIGN_ON = {"task-reassign": "on"}  # built in for LIO: off, for it dies of it


def wire_of(bed, target):
    """A capture of everything at the initiator."""
    return Capture(bed, [p[1] for p in target.portals] + [3999], interface="any",
                   prefix=inside(target.namespace), length=262144)


def seen(capture):
    """Ends a capture; all its PDUs."""
    capture.stop()
    return wire.pdus(capture.file, capture.ports)


def no_new_session(scene):
    check(show(scene.cli)["tsih"] == scene.tsih, "the session was logged in again: another TSIH")
    check("commands waited" not in scene.service.daemon.log(), "the session was interrupted")


@scenario("levels")
def level_1_bits_flipped(bed, target, seconds):
    """Damaged data are asked for again, commands with damaged data are sent again; nothing else."""
    here = os.path.dirname(os.path.abspath(__file__))
    address = ("10.98.0.254", 3999)
    flipper = bed.daemon("flipper", [
        *inside(target.home), sys.executable, os.path.join(here, "flipper.py"), *map(str, address),
        *map(str, target.portals[0]), "40" if long(seconds) else "20"])
    wait_for("the proxy that flips bits", lambda: "ready" in flipper.log())
    capture = wire_of(bed, target)
    with Scene(bed, target, seconds, count=2, level=1, portals=[address], more=FEW,
               header=0, data=1) as scene:
        scene.load.daemon.wait(seconds + 60)
        died = len(scene.keeper.deaths)
        if not died:
            no_new_session(scene)  # not even where the header in LIO's Reject is no PDU of ours
    flips = Counter(line.split()[0] for line in flipper.log().splitlines()[1:])
    pdus = seen(capture)
    snacks = Counter(p.flags & 15 for p in pdus if p.opcode == SNACK)
    rejects = Counter(p.bhs[2] for p in pdus if p.opcode == REJECT)
    print(f"    damaged: {dict(flips)}; SNACKs by type: {dict(snacks)}; rejects by reason: {dict(rejects)}")
    check(all(flips[kind] for kind in ("data-in", "immediate")), f"nothing was damaged: {flips}")
    check(snacks[0] > 0, "no data were asked for again")
    check(rejects[2] > 0, "LIO rejected no damaged data")
    joined = len([s for s in wire.streams(capture.file, {3999}) if s.pdus])
    check(died or joined == 2, f"there were {joined} connections instead of two")


def kill_connection(scene, connection):
    """Ends a connection's socket at our side, without a word to the target's iSCSI."""
    run([*inside(scene.target.namespace), "ss", "-K", "sport", "=", f":{connection['initiator_socket']}"])


@scenario("levels")
def level_2_idle_connection_lost(bed, target, seconds):
    """It is logged out for recovery (reason 2) over another one and comes back; the rest goes on."""
    capture = wire_of(bed, target)
    with Scene(bed, target, seconds + 2, count=8, level=2, more=FEW, busy=0, settings=REASSIGN_ON) as scene:
        time.sleep(1.5)
        lost = show(scene.cli)["connections"][7]
        kill_connection(scene, lost)
        wait_for("the loss", lambda: show(scene.cli)["connections"][7]["reconnects"] > 0, 20)
        scene.whole()
        no_new_session(scene)
    pdus = seen(capture)
    logouts = [p for p in pdus if p.opcode == LOGOUT and p.flags & 0x7F == 2]
    check(len(logouts) == 1 and logouts[0].half(20) == lost["cid"],
          f"logouts for recovery: {[(p.flags, p.half(20)) for p in logouts]}, lost was {lost['cid']}")
    answers = [p for p in pdus if p.opcode == LOGOUT_ANSWER and p.itt == logouts[0].itt and
               p.stream is logouts[0].stream]
    check(len(answers) == 1 and answers[0].bhs[2] == 0, "the logout was not answered with success")
    check(not [p for p in pdus if p.opcode == MANAGEMENT], "task management without a task")
    check(scene.load.longest < 1500, f"the others stood still for {scene.load.longest:.0f} ms")


def reassigned(bed, target):
    """One try; the capture's TASK REASSIGNs and all its PDUs, the CID that was lost, and what LIO died of."""
    target.restart()
    target.delay("delay 50ms")
    capture = wire_of(bed, target)
    scene = Scene(bed, target, 10, count=2, level=2, more=FEW, weather=None, settings=REASSIGN_ON)
    time.sleep(2)
    lost = show(scene.cli)["connections"][1]
    kill_connection(scene, lost)
    time.sleep(12)
    scene.load.daemon.kill()
    scene.service.kill()
    scene.keeper.finish()
    pdus = seen(capture)
    asked = [p for p in pdus if p.opcode == MANAGEMENT and p.flags & 0x7F == REASSIGN]
    return asked, pdus, lost["cid"], scene.keeper.deaths


@scenario("levels", full=True, crash=True)
def level_2_reassignment_as_far_as_it_goes(bed, target, seconds):
    """A connection is lost under load: LIO is asked to go on with its commands elsewhere."""
    for _ in range(3):
        asked, pdus, lost, deaths = reassigned(bed, target)
        if asked or not deaths:
            break
        print(f"    before anything was asked: {deaths}")
    check(asked, "no TASK REASSIGN was sent")
    was = {p.itt for p in pdus if p.opcode == COMMAND and p.stream.cid == lost}
    for p in asked:
        check(p.word(20) in was, f"reassigned tag {p.word(20):x} was no command of the lost connection")
        check(p.stream.cid != lost, "reassigned on the connection that was lost")
    logouts = [p for p in pdus if p.opcode == LOGOUT and p.flags & 0x7F == 2]
    check(logouts and logouts[0].time < asked[0].time, "reassigned before the logout for recovery")
    answers = Counter(hex(p.bhs[2]) for p in pdus if p.opcode == MANAGEMENT_ANSWER and
                      p.itt in {a.itt for a in asked})
    print(f"    {len(asked)} commands to reassign, LIO's answers: {dict(answers)}; "
          f"then: {deaths or 'it lives'}")
    target.restart()
