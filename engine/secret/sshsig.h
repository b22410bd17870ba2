/* SSH signatures as ssh-keygen -Y writes them (PROTOCOL.sshsig of OpenSSH). What they say of
 * themselves is read here; whether they are true only ssh-keygen tells. */
#ifndef SECRET_SSHSIG_H
#define SECRET_SSHSIG_H

#include "base/err.h"

/* The namespace of the seals in a transcript: what was signed for anything else is none. */
#define SSHSIG_CHECKPOINT "runbook-checkpoint"

#define SSHSIG_MAX ((size_t)65536) /* bytes, armored */
#define SSHSIG_FINGERPRINT_SIZE 51 /* "SHA256:", 43 characters and NUL */

/* The fingerprint of the key that an armored signature names, as ssh-keygen -l prints it. */
int sshsig_fingerprint(const char *armored, char ret[SSHSIG_FINGERPRINT_SIZE],
                       struct err *err) MUST_USE;

#endif
