#include "cli/verify_seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/tool.h"
#include "secret/sshsig.h"

#define CHECK_TIMEOUT_MS 30000
#define ARGUMENTS_MAX 16

struct seal_check {
    const char *allowed_signers;
    struct loop *loop; /* NULL until there is a seal to ask about */
    char *folder;      /* of */
    char *signature;   /* the file that ssh-keygen reads */
    char *signer, *by; /* the last key that was found among the allowed signers, and whose it is */
};

int seal_check_new(const char *allowed_signers, struct seal_check **ret, struct err *err) {
    if (allowed_signers && access(allowed_signers, R_OK) < 0) {
        err_sys(err, errno, "cannot read the allowed signers %s", allowed_signers);
        err->kind = ERR_INVALID;
        return -1;
    }
    *ret = mem_zalloc(sizeof **ret);
    (*ret)->allowed_signers = allowed_signers;
    return 0;
}

static int check_prepare(struct seal_check *check, struct err *err) {
    const char *temporary = getenv("TMPDIR");
    if (check->loop) {
        return 0;
    }
    AUTO_TEXT folder =
        mem_printf("%s/runbook-verify-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    struct loop *loop = loop_new(err);
    if (!loop) {
        return -1;
    }
    if (!mkdtemp(folder)) {
        loop_free(loop);
        return err_sys(err, errno, "cannot make a folder for signatures");
    }
    check->loop = loop;
    check->signature = mem_printf("%s/signature", folder);
    check->folder = folder;
    folder = NULL;
    return 0;
}

void seal_check_free(struct seal_check *check) {
    if (!check) {
        return;
    }
    if (check->loop) {
        unlink(check->signature);
        rmdir(check->folder);
        loop_free(check->loop);
    }
    mem_free(check->folder);
    mem_free(check->signature);
    mem_free(check->signer);
    mem_free(check->by);
    mem_free(check);
}

/* ---- asking -------------------------------------------------------------------------------- */

/* The key had to be valid when the record that it covers was written, by that record's own word:
 * keys expire, and what they signed before does not. */
static char *time_option(const struct verify_seal *seal) {
    char time[CLOCK_TEXT_SIZE];
    struct buf out = BUF_INIT(64);
    clock_format(seal->wall_ns, time);
    buf_puts(&out, "-Overify-time=");
    for (const char *at = time; *at && *at != '.'; at++) {
        if (*at >= '0' && *at <= '9') {
            buf_putc(&out, *at);
        }
    }
    buf_putc(&out, 'Z');
    return buf_detach(&out);
}

/* `ssh-keygen -Y VERB -s SIGNATURE MORE…` with the head on its standard input. */
static int ask(const struct seal_check *check, const struct verify_seal *seal, const char *verb,
               const char *const *more, struct buf *out, struct err *err) {
    const char *argv[ARGUMENTS_MAX] = {"ssh-keygen", "-Y", verb, "-s", check->signature};
    for (size_t count = 5; *more && count + 1 < ARGUMENTS_MAX; count++) {
        argv[count] = *more++;
    }
    const struct tool_spec spec = {
        .argv = argv,
        .input = seal->head,
        .input_length = strlen(seal->head),
        .timeout_ms = CHECK_TIMEOUT_MS,
    };
    return tool_run(check->loop, &spec, out, err);
}
#define ASK(check, seal, verb, out, err, ...)                                                      \
    ask(check, seal, verb, (const char *const[]){__VA_ARGS__, NULL}, out, err)

/* Whose key it is, or NULL. One a line; what begins with `!` only takes from the others. */
static char *principal_find(const struct seal_check *check, const struct verify_seal *seal,
                            const char *time) {
    AUTO_BUF out = BUF_INIT(TOOL_OUTPUT_MAX);
    AUTO_ERR ignored = ERR_INIT;
    if (ASK(check, seal, "find-principals", &out, &ignored, "-f", check->allowed_signers, time) !=
        0) {
        return NULL;
    }
    for (const char *line = buf_text(&out); *line;) {
        const size_t length = strcspn(line, "\n");
        if (length > 0 && *line != '!') {
            return mem_strndup(line, length);
        }
        line += length + (line[length] == '\n');
    }
    return NULL;
}

static bool is_signed_by(const struct seal_check *check, const struct verify_seal *seal,
                         const char *by, const char *time, struct err *err) {
    AUTO_BUF out = BUF_INIT(TOOL_OUTPUT_MAX);
    return ASK(check, seal, "verify", &out, err, "-f", check->allowed_signers, "-I", by, "-n",
               SSHSIG_CHECKPOINT, time) == 0;
}

/* NULL, and perhaps why, where it is not. Most seals are by the key of the one before. */
static const char *trusted_by(struct seal_check *check, const struct verify_seal *seal,
                              struct err *err) {
    AUTO_TEXT time = time_option(seal);
    AUTO_ERR ignored = ERR_INIT;
    if (check->by && text_equal(check->signer, seal->signer) &&
        is_signed_by(check, seal, check->by, time, &ignored)) {
        return check->by;
    }
    AUTO_TEXT by = principal_find(check, seal, time);
    if (!by || !is_signed_by(check, seal, by, time, err)) {
        return NULL;
    }
    mem_free(check->signer);
    mem_free(check->by);
    check->signer = mem_strdup(seal->signer);
    check->by = by;
    by = NULL;
    return check->by;
}

static void judge(struct seal_check *check, struct verify *verify, size_t index,
                  const struct verify_seal *seal) {
    AUTO_ERR refusal = ERR_INIT, flaw = ERR_INIT;
    AUTO_BUF out = BUF_INIT(TOOL_OUTPUT_MAX);
    const char *by = check->allowed_signers ? trusted_by(check, seal, &refusal) : NULL;
    if (by) {
        verify_seal_judge(verify, index, VERIFY_TRUSTED, by, NULL);
        return;
    }
    const int status = ASK(check, seal, "check-novalidate", &out, &flaw, "-n", SSHSIG_CHECKPOINT);
    const enum verify_trust good = check->allowed_signers ? VERIFY_FOREIGN : VERIFY_UNKNOWN;
    if (status == 0) {
        verify_seal_judge(verify, index, good, NULL, refusal.message);
    } else {
        verify_seal_judge(verify, index, status < 0 ? VERIFY_UNCHECKED : VERIFY_MISFIT, NULL,
                          flaw.message);
    }
}

static int signature_write(const struct seal_check *check, const struct verify_seal *seal,
                           struct err *err) {
    AUTO_FD fd = open(check->signature, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_sys(err, errno, "cannot write %s", check->signature);
    }
    return file_write_all(fd, seal->signature, strlen(seal->signature), err);
}

void seal_check_run(struct seal_check *check, struct verify *verify) {
    size_t count = 0;
    const struct verify_seal *seals = verify_seals(verify, &count);
    for (size_t i = 0; i < count; i++) {
        AUTO_ERR err = ERR_INIT;
        if (seals[i].trust != VERIFY_UNCHECKED) {
            continue;
        }
        if (check_prepare(check, &err) < 0 || signature_write(check, &seals[i], &err) < 0) {
            verify_seal_judge(verify, i, VERIFY_UNCHECKED, NULL, err.message);
        } else {
            judge(check, verify, i, &seals[i]);
        }
    }
}
