/*
 * screen.c - see screen.h. The few sequences that are used here are those of ECMA-48 and of
 * xterm's second screen, which every terminal of today has.
 */
#include "cli/screen.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l" /* second screen, no cursor */
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K" /* to its end */
#define CLEAR_REST "\033[J"

enum { COLUMNS = 80, ROWS = 24, CTRL_C = 3, CTRL_D = 4 };

bool screen_possible(void)
{
	const char *name = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && name && *name &&
	       strcmp(name, "dumb") != 0;
}

static void screen_measure(struct screen *screen)
{
	struct winsize size = { 0 };
	bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row;

	screen->columns = known ? size.ws_col : COLUMNS;
	screen->rows = known ? size.ws_row : ROWS;
}

static void screen_enter(struct screen *screen)
{
	struct termios raw = screen->before;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	fputs(ENTER, stdout);
	fflush(stdout);
	screen_measure(screen);
}

static void screen_leave(struct screen *screen)
{
	fputs(LEAVE, stdout);
	fflush(stdout);
	/* Keys that were pressed meanwhile were not meant for the shell. */
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &screen->before);
}

int screen_open(struct screen *screen)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH };
	sigset_t set;

	if (tcgetattr(STDIN_FILENO, &screen->before) < 0)
		return -errno;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaddset(&set, wanted[i]);
	screen->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (screen->signals < 0)
		return -errno;
	sigprocmask(SIG_BLOCK, &set, &screen->mask);
	screen_enter(screen);
	return 0;
}

void screen_close(struct screen *screen)
{
	screen_leave(screen);
	close(screen->signals);
	sigprocmask(SIG_SETMASK, &screen->mask, NULL);
}

static enum screen_event signal_take(struct screen *screen)
{
	struct signalfd_siginfo info;

	if (read(screen->signals, &info, sizeof(info)) != sizeof(info))
		return SCREEN_TICK;
	switch (info.ssi_signo) {
	case SIGTSTP:
		screen_leave(screen);
		raise(SIGSTOP);
		screen_enter(screen);
		return SCREEN_RESIZED;
	case SIGWINCH:
		screen_measure(screen);
		return SCREEN_RESIZED;
	default:
		return SCREEN_QUIT;
	}
}

static enum screen_event key_take(void)
{
	char key;
	ssize_t n = read(STDIN_FILENO, &key, 1);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return SCREEN_TICK;
	/* Other keys bring the next picture at once. */
	return n <= 0 || key == 'q' || key == 'Q' || key == CTRL_C || key == CTRL_D ? SCREEN_QUIT
										     : SCREEN_TICK;
}

enum screen_event screen_wait(struct screen *screen, int milliseconds)
{
	struct pollfd fds[2] = {
		{ .fd = screen->signals, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};

	if (poll(fds, 2, milliseconds) <= 0)
		return SCREEN_TICK;
	if (fds[0].revents)
		return signal_take(screen);
	return key_take();
}

/* How many bytes of the line fill so many columns; a character of UTF-8 counts as one. */
static size_t bytes_shown(const char *line, size_t length, int columns)
{
	size_t at = 0;

	for (; at < length; at++) {
		if (((unsigned char)line[at] & 0xc0) != 0x80 && columns-- == 0)
			break;
	}
	return at;
}

void screen_draw(struct screen *screen, const char *text)
{
	fputs(HOME, stdout);
	for (int row = 0; *text && row < screen->rows; row++) {
		size_t length = strcspn(text, "\n");

		if (row)
			fputc('\n', stdout);
		/* Not the last column: some terminals clear it with the rest of the line. */
		fwrite(text, 1, bytes_shown(text, length, screen->columns - 1), stdout);
		fputs(CLEAR_LINE, stdout);
		text += length + (text[length] == '\n');
	}
	fputs(CLEAR_REST, stdout);
	fflush(stdout);
}
