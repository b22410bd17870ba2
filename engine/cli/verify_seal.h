/* Asks ssh-keygen what the seals of transcripts are worth. */
#ifndef CLI_VERIFY_SEAL_H
#define CLI_VERIFY_SEAL_H

#include <stdbool.h>

#include "journal/verify.h"

struct seal_check;
/* `allowed_signers` (ssh-keygen(1)) is borrowed; NULL: a good signature is by an unknown key. An
 * unreadable file is an error. */
int seal_check_new(const char *allowed_signers, struct seal_check **ret, struct err *err) MUST_USE;
void seal_check_free(struct seal_check *check);
/* Judges each seal of the run that was not judged yet. */
void seal_check_run(struct seal_check *check, struct verify *verify);

#endif
