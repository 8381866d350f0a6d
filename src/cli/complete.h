/*
 * complete.h - what a shell may put in the place of a word of a command line: names of commands, and
 * what the service knows where an argument is one of these. The shells' ends are in completion/.
 */
#ifndef ISCSIDSC_CLI_COMPLETE_H
#define ISCSIDSC_CLI_COMPLETE_H

#include <stdio.h>

/*
 * Prints the candidates for the last word, one a line; `words` are those behind the program's name,
 * that one included, at least one. Without a service there are only those that the tool itself knows.
 */
void complete_words(FILE *out, int count, char **words);

/* The same with the words of a stream, one a line: secrets among them must not be arguments. */
void complete_lines(FILE *out, FILE *in);

#endif
