/*
 * uml_xstate.c - a preload that lets user-mode Linux run on processors with AMX.
 *
 * Debian 12's linux.uml keeps a guest process's vector registers in a buffer of fixed size, smaller
 * than the XSAVE area of such a processor (11 KiB with AMX). Reading that area in part works; the
 * host's kernel takes it back only whole (EFAULT), and the guest's first process dies. Here the part
 * that UML knows is laid over the present area before it is written. The rest (AMX tiles) stays in
 * its initial state: no guest process has the permission to use it.
 */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { AREA_MAX = 64 * 1024, XSTATE_BV_AT = 512, XSTATE_BV_AMX = 1 << 17 | 1 << 18 };

static long ptrace_real(int request, pid_t pid, void *addr, void *data)
{
	static long (*real)(int, pid_t, void *, void *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "ptrace");
	return real(request, pid, addr, data);
}

static long xstate_set(pid_t pid, const struct iovec *part)
{
	static uint8_t area[AREA_MAX];
	struct iovec whole = { area, sizeof(area) };
	uint64_t present;
	long rc = ptrace_real(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, &whole);

	if (rc < 0 || part->iov_len > whole.iov_len || part->iov_len < XSTATE_BV_AT + sizeof(present))
		return rc < 0 ? rc : ptrace_real(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE,
						 (void *)(uintptr_t)part);
	memcpy(area, part->iov_base, part->iov_len);
	memcpy(&present, area + XSTATE_BV_AT, sizeof(present));
	present &= ~(uint64_t)XSTATE_BV_AMX;
	memcpy(area + XSTATE_BV_AT, &present, sizeof(present));
	return ptrace_real(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &whole);
}

/* glibc declares it with `...` and an enum. */
long ptrace(enum __ptrace_request request, ...)
{
	va_list args;
	pid_t pid;
	void *addr, *data;

	va_start(args, request);
	pid = va_arg(args, pid_t);
	addr = va_arg(args, void *);
	data = va_arg(args, void *);
	va_end(args);
	if (request == PTRACE_SETREGSET && addr == (void *)NT_X86_XSTATE)
		return xstate_set(pid, data);
	return ptrace_real(request, pid, addr, data);
}
