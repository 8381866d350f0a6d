/*
 * version.h - the version of the tool, from the build: PROJECT_VERSION is "x.y.z".
 */
#ifndef ISCSIDSC_CLI_VERSION_H
#define ISCSIDSC_CLI_VERSION_H

#ifndef PROJECT_VERSION
#error "PROJECT_VERSION comes from the build"
#endif

#define VERSION_TEXT PROJECT_VERSION

#endif
