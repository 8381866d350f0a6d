#!/usr/bin/env python3
"""gate.py LISTEN TO PORT: a proxy that stands still when told so, for where the test itself can't be.

SIGUSR1: nothing is passed on any more, while TCP still acknowledges; SIGUSR2: it goes on. Prints the port
that it listens on. Run in the namespace where it is needed.
"""
import os
import signal
import sys
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from bed import Proxy  # noqa: E402


def main():
    listen, to, port = sys.argv[1:]
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGUSR1, signal.SIGUSR2))  # of all threads to come
    proxy = Proxy(types.SimpleNamespace(at_end=lambda action: None), (to, int(port)), listen)
    print("ready", proxy.address[1], flush=True)
    while True:
        if signal.sigwait((signal.SIGUSR1, signal.SIGUSR2)) == signal.SIGUSR1:
            proxy.hold()
        else:
            proxy.go_on()


if __name__ == "__main__":
    main()
