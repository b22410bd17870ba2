/* Functions that invite mistakes are compile errors; included by the build into every file. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atof system popen gets
#pragma GCC poison localtime gmtime asctime mktemp tmpnam strncpy strncat

#endif
