/*
 * screen.h - a terminal for a picture that is drawn again and again: keys without Enter, no echo,
 * the screen that was there before comes back. What it is not: what is drawn.
 */
#ifndef ISCSIDSC_CLI_SCREEN_H
#define ISCSIDSC_CLI_SCREEN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct screen {
	struct termios before;
	sigset_t mask;   /* of signals, before */
	int signals;     /* descriptor: those that end, resize or stop */
	int columns, rows;
};

enum screen_event { SCREEN_TICK, SCREEN_RESIZED, SCREEN_QUIT };

/* Standard input and output are a terminal that can place the cursor. */
bool screen_possible(void);

/* Takes the terminal over. 0 or a negative errno; screen_close gives it back. */
int screen_open(struct screen *screen);
void screen_close(struct screen *screen);

/* Waits up to so many milliseconds: for q, Ctrl-C, a signal that ends, or a new size. */
enum screen_event screen_wait(struct screen *screen, int milliseconds);

/* Draws the text from the top left corner. Lines that are too long or too many are cut. */
void screen_draw(struct screen *screen, const char *text);

#endif
