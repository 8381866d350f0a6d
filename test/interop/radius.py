"""radius - targets whose CHAP response a real RADIUS server verifies: FreeRADIUS on loopback addresses.

The target proves itself with the secret that only it and the RADIUS server know.
"""
import os
import re
import time

from bed import Failed, Proxy, check, free_port, wait_for
from scenarios import AUTHENTICATION_FAILURE, scenario, service_on
from targets import NODE, SECRET, TARGET_SECRET, TARGET_USER, USER, program

TARGET_AUTHINFO_UNAVAILABLE = 0xEFFF0028
SHARED_SECRET = "shared-with-the-server-1"
VERIFICATION, RESPONSE = 0x20, 0x10
HOSTS = ("127.0.0.1", "127.0.0.2")

# One statement on each line: FreeRADIUS takes no other form.
CONFIG = """\
prefix = /usr
libdir = /usr/lib/freeradius
logdir = {dir}
raddbdir = {dir}
run_dir = {dir}
pidfile = {dir}/radiusd.pid
max_request_time = 10
max_requests = 1024
hostname_lookups = no
log {{
 destination = files
 file = {dir}/radius.log
 auth = yes
}}
security {{
 max_attributes = 200
 reject_delay = 0
 status_server = yes
 allow_vulnerable_openssl = yes
}}
thread pool {{
 start_servers = 1
 max_servers = 2
 min_spare_servers = 1
 max_spare_servers = 1
 max_requests_per_server = 0
}}
client local {{
 ipaddr = 127.0.0.0/8
 secret = {secret}
 require_message_authenticator = yes
}}
modules {{
 chap {{
 }}
 files {{
  filename = {dir}/users
 }}
}}
server default {{
 listen {{
  type = auth
  ipaddr = {host}
  port = {port}
 }}
 authorize {{
  chap
  files
 }}
 authenticate {{
  Auth-Type CHAP {{
   chap
  }}
 }}
}}
"""


class FreeRadius:
    """A server that knows one target's name and secret."""

    def __init__(self, bed, host, port, target_secret=TARGET_SECRET, secret=SHARED_SECRET):
        self.bed, self.name = bed, f"radius-{host}"
        self.folder = bed.path(self.name)
        os.makedirs(self.folder)
        bed.write(f"{self.name}/radiusd.conf",
                  CONFIG.format(dir=self.folder, host=host, port=port, secret=secret), 0o600)
        bed.write(f"{self.name}/users", f'{TARGET_USER} Cleartext-Password := "{target_secret}"\n', 0o600)
        self.start()

    def start(self):
        self.daemon = self.bed.daemon(self.name, [program("freeradius"), "-d", self.folder, "-n", "radiusd",
                                                  "-f", "-l", os.path.join(self.folder, "radius.log")])

        def ready():
            if not self.daemon.alive():
                raise Failed(f"freeradius ended at its start: {self.log()[-600:]} {self.daemon.log()[-600:]}")
            return "Ready to process requests" in self.log()

        wait_for("freeradius", ready)

    def stop(self):
        self.daemon.stop()
        os.remove(os.path.join(self.folder, "radius.log"))

    def log(self):
        try:
            with open(os.path.join(self.folder, "radius.log"), encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def count(self, what):
        """Lines of the log; of a failure it tells the reason behind these words."""
        return len(re.findall(rf"Auth: .*{what}.*: \[{TARGET_USER}", self.log()))


def service_of(bed, target, port, hosts=HOSTS, secret=SHARED_SECRET):
    service = service_on(bed, target, settings={"radius-port": port, "radius-time": 1})
    service.cli("NodeName", f"{NODE}:ini")
    for host in hosts:
        service.cli("AddRadiusServer", host)
    service.cli("RadiusSecret", secret)
    return service


def words_of(service, target, portal=None, auth=2, flags=VERIFICATION):
    return service.cli.login_words(target.name("mutual"), portal or target.portals[0], user=USER,
                                   secret=SECRET, auth=auth, flags=flags)


@scenario("mutual", "local")
def radius_verifies(bed, target, seconds):
    port = free_port(HOSTS)
    radius = FreeRadius(bed, HOSTS[0], port)
    service = service_of(bed, target, port, HOSTS[:1])
    cli = service.cli
    # What can't be had, before any packet.
    cli.fails(50, *words_of(service, target, flags=RESPONSE))
    cli.fails(87, *words_of(service, target, auth=1))
    cli("RadiusSecret", "*")
    cli.fails(TARGET_AUTHINFO_UNAVAILABLE, *words_of(service, target))
    check(radius.count("Login OK") + radius.count("Login incorrect") == 0, "RADIUS was asked")
    cli("RadiusSecret", SHARED_SECRET)
    # No secret of the target is known here.
    cli(*words_of(service, target))
    check(radius.count("Login OK") == 1, f"RADIUS was not asked: {radius.log()}")
    session = cli.session()
    cli.add(session.id, target.portals[1], user=USER, secret=SECRET, auth=2, flags=VERIFICATION)
    check(radius.count("Login OK") == 2, "RADIUS was not asked about the second connection")
    cli.logout(session.id)
    # A name that is not the target's own.
    cli("Defaults", "radius-name", "target")
    cli.fails(AUTHENTICATION_FAILURE, *words_of(service, target))
    log = service.daemon.log()
    for secret in (SECRET, TARGET_SECRET, SHARED_SECRET):
        check(secret not in log, "a secret is in the log")


@scenario("mutual", "local")
def radius_rejects(bed, target, seconds):
    port = free_port(HOSTS)
    radius = FreeRadius(bed, HOSTS[0], port, target_secret="another-secret-4")
    service = service_of(bed, target, port, HOSTS[:1])
    service.cli.fails(AUTHENTICATION_FAILURE, *words_of(service, target))
    check(radius.count("Login incorrect") == 1, f"RADIUS was not asked: {radius.log()}")
    check(service.cli.sessions() == [], "a session stayed")
    # Another shared secret: the server does not believe us, nor we it.
    service.cli("RadiusSecret", "not-shared-with-the-server")
    service.cli.fails(TARGET_AUTHINFO_UNAVAILABLE, *words_of(service, target))


@scenario("mutual", "local")
def radius_second_server(bed, target, seconds):
    port = free_port(HOSTS)
    one, two = (FreeRadius(bed, host, port) for host in HOSTS)
    service = service_of(bed, target, port)
    cli = service.cli
    proxy = Proxy(bed, target.portals[0])
    cli(*words_of(service, target, proxy.address))
    check((one.count("Login OK"), two.count("Login OK")) == (1, 0), "the first server was not the first")
    one.stop()
    proxy.cut("rst")
    wait_for("the session to be verified by the second server", lambda: two.count("Login OK") >= 1)
    wait_for("the session to come back", lambda: cli.session().count == 1)
    # With neither, the session is brought back when one of them is.
    two.stop()
    proxy.cut("rst")
    time.sleep(2)
    one.start()
    wait_for("the first server to be asked again", lambda: one.count("Login OK") >= 1, 20)
    cli.logout(cli.session().id)
    # Neither the list nor the secret is lost with the service.
    service.close()
    service.start()
    check([line.strip() for line in cli("ListRadiusServers").splitlines() if line.startswith("    ")] ==
          list(HOSTS), "the list of servers is not what it was")
    cli("AddTargetPortal", *target.portals[0])
    cli(*words_of(service, target))
    cli.logout(cli.session().id)
