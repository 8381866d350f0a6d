"""policies - load balance policies as the wire shows them, and what task management does under load."""
import re
import time

from bed import Failed, Load, check, nbd_uri, run_ok, wait_for
from faults import living, show
from links import Links
from scenarios import four, scenario, service_on
from targets import Istgt

SETTLE, LOOK = 0.3, 1.0


class Shares:
    """How the bytes of a session fall to its connections, by each policy."""

    def __init__(self, cli, session):
        self.cli, self.session = cli, session
        self.ids = [c["connection_id"] for c in show(cli)["connections"]]

    def carried(self):
        found = {c["connection_id"]: c["data_in"] + c["data_out"] for c in show(self.cli)["connections"]}
        return [found[i] for i in self.ids]

    def under(self, policy, *paths):
        """Sets a policy while the load runs; the shares of the next second. Paths: (place, weight,
        primary)."""
        words = [w for place, weight, primary in paths for w in (self.ids[place], weight, primary)]
        self.cli("SetLoadBalancePolicy", self.session, policy, *words)
        time.sleep(SETTLE)
        before = self.carried()
        time.sleep(LOOK)
        moved = [b - a for a, b in zip(before, self.carried())]
        check(sum(moved) > 0, f"{policy}: nothing moved")
        shares = [m / sum(moved) for m in moved]
        print(f"    {policy:16} {sum(moved) / LOOK / 2**20:6.0f} MiB/s, shares "
              + " ".join(f"{s:.2f}" for s in shares))
        return shares


def alike(shares, places):
    """These places share all about evenly, the others have nothing."""
    fair = 1 / len(places)
    for place, share in enumerate(shares):
        low, high = (0.6 * fair, 1.4 * fair) if place in places else (0, 0.001)
        check(low <= share <= high, f"shares {shares}: place {place} is not within {low}..{high}")


@scenario("mcs", only="istgt")
def policies_on_four(bed, target, seconds):
    """Each policy, changed while the load runs; who carries how much is counted by the connections."""
    service = service_on(bed, target)
    session = four(service, target)
    load = Load(bed, service.cli.disk(), 11)
    time.sleep(0.5)
    shares = Shares(service.cli, session)
    alike(shares.under("RoundRobin"), (0, 1, 2, 3))
    alike(shares.under("FailOverOnly", (1, 0, 1)), (1,))
    alike(shares.under("RoundRobinSubset", (1, 0, 1), (2, 0, 1), (0, 0, 0), (3, 0, 0)), (1, 2))
    least = shares.under("LeastQueueDepth")
    check(min(least) > 0.05, f"least queue depth: shares {least}")
    alike(shares.under("WeightedPaths", (0, 5, 0), (1, 4, 0), (2, 9, 0), (3, 4, 0)), (1, 3))
    check(sum(shares.under("Adaptive")) > 0.99, "adaptive")
    load.finish()
    service.cli.logout(session)


def rate_of(disk, seconds):
    """What fio reads per second, in bytes."""
    out = run_ok(["fio", "--thread", "--name=read", "--ioengine=nbd", f"--uri={nbd_uri(disk)}",
                  "--rw=randread", "--bs=64k", "--iodepth=32", "--size=48M", "--time_based",
                  "--ramp_time=1", f"--runtime={seconds}", "--output-format=terse"], seconds + 30).stdout
    line = [part for part in out.splitlines() if part.startswith("3;")][0]
    return int(line.split(";")[6]) * 1024


@scenario("mcs", only="istgt")
def unequal_links(bed, target, seconds):
    """Two links, 10 to 1: the adaptive policy brings the sum of both, round robin the double of the slow."""
    here = Istgt(bed, links=Links(bed))
    service = service_on(bed, here)
    cli = service.cli
    session = cli.login(here.name(), here.portals[0], connections=2)
    cli.add(session, here.portals[1])
    here.links.limit(0, 400)
    here.links.limit(1, 40)
    ids = [c["connection_id"] for c in show(cli)["connections"]]
    look = max(seconds // 4, 2)

    def under(policy, *words):
        cli("SetLoadBalancePolicy", session, policy, *words)
        rate = rate_of(cli.disk(), look)
        print(f"    {policy:14} {rate * 8 / 1e6:6.1f} Mbit/s{' by link %d alone' % words[-1] if words else ''}")
        return rate

    alone = []
    for place in (0, 1):
        cli("SetLoadBalancePolicy", session, "FailOverOnly", ids[place], 0, 1)
        alone.append(rate_of(cli.disk(), look))
        print(f"    link {place} alone   {alone[-1] * 8 / 1e6:6.1f} Mbit/s")
    even, adaptive = under("RoundRobin"), under("Adaptive")
    print(f"    adaptive is {adaptive / sum(alone):.2f} of the sum, {adaptive / even:.1f} times round robin")
    check(adaptive >= 0.75 * sum(alone), "the adaptive policy does not bring the sum of the links")
    cli.logout(session)


# --- task management ------------------------------------------------------------------------------

def response(cli, *words):
    """The target's answer to a TaskManagement command, as a number."""
    out = cli.run("TaskManagement", *words, seconds=40).stdout
    found = re.search(r"Response +: 0x([0-9a-f]+)", out)
    check(found, f"TaskManagement {words}: {out.strip()[-200:]}")
    return int(found.group(1), 16)


@scenario("mcs")
def unit_reset_under_load(bed, target, seconds):
    """LOGICAL UNIT RESET while fio works: its commands end and are given again, no error comes up.
    istgt closes the connections besides, so the session may have to come back each time."""
    service = service_on(bed, target)
    cli = service.cli
    session = four(service, target)
    load = Load(bed, cli.disk(), max(seconds, 4))
    end, answers = time.monotonic() + max(seconds, 4) - 1, []
    time.sleep(0.5)
    while time.monotonic() < end:
        answers.append(response(cli, session, "LunReset", f"{target.first_disk:x}"))
        time.sleep(0.5)
        wait_for("the session at four connections", lambda: living(cli) == 4, 15)
    load.finish()
    wait_for("the session at four connections", lambda: living(cli) == 4, 15)
    print(f"    {len(answers)} resets, answers {sorted(set(answers))}; "
          f"the slowest request took {load.longest:.0f} ms")
    check(set(answers) == {0}, f"answers to LOGICAL UNIT RESET: {answers}")
    check(target.kind == "istgt" or "commands waited" not in service.daemon.log(),
          "the session was interrupted")
    cli.logout(session)


@scenario("mcs", full=("lio",))
def abort_task_set_under_load(bed, target, seconds):
    service = service_on(bed, target)
    cli = service.cli
    session = four(service, target)
    load = Load(bed, cli.disk(), 4)
    time.sleep(1)
    answers, misnumbered = [], 0
    while len(answers) < 3 and misnumbered < 2:
        try:
            answers.append(response(cli, session, "AbortTaskSet", f"{target.first_disk:x}"))
        except Failed:  # doc/targets.md: the session is back after a second
            if target.kind != "istgt" or "Response with StatSN" not in service.daemon.log():
                raise
            misnumbered += 1
            time.sleep(3)
    check(len(answers) == 3, "istgt's numbers are wrong again and again")
    load.finish()
    if misnumbered:
        print("    istgt answered with a StatSN that was used before")
    print(f"    answers {answers}; the slowest request took {load.longest:.0f} ms")
    cli.logout(session)
