#include "io/repo_sign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/tool.h"

#define SIGNATURE_MAX ((size_t)1 << 20)
/* Of an agent, and of a person who types a passphrase. */
#define AGENT_MS INT64_C(60000)
#define PERSON_MS INT64_C(600000)

/* Passphrases are asked for on the terminal, which takes the tool's streams away from us: so what
 * is signed, and the signature, are files in a folder of their own. */
struct signing {
    const struct repo_draft *draft;
    bool interactive;
    char *folder, *text, *signature, *key;
};

static int signing_run(const struct signing *signing, const char *const *argv, struct err *err) {
    struct loop *loop = loop_new(err);
    if (!loop)
        return -1;
    AUTO_BUF out = BUF_INIT(TOOL_OUTPUT_MAX);
    const struct tool_spec spec = {
        .argv = argv,
        .timeout_ms = signing->interactive ? PERSON_MS : AGENT_MS,
        .inherit_terminal = signing->interactive,
    };
    const int status = tool_run(loop, &spec, &out, err);
    loop_free(loop);
    return status == 0 ? 0 : -1;
}

static const char *program_of(const struct signing *signing, const char *usual) {
    return signing->draft->program ? signing->draft->program : usual;
}

static int gpg_sign(const struct signing *signing, const char *usual, struct err *err) {
    const struct repo_draft *draft = signing->draft;
    const char *const argv[] = {program_of(signing, usual),
                                "--armor",
                                "--detach-sign",
                                "--local-user",
                                draft->key ? draft->key : draft->committer,
                                "--output",
                                signing->signature,
                                signing->text,
                                NULL};
    return signing_run(signing, argv, err);
}

/* A path, or the public key itself, whose other half an agent holds. */
static int ssh_key(const struct signing *signing, char **ret, struct err *err) {
    const char *key = signing->draft->key;
    const char *home = getenv("HOME");
    if (text_starts_with(key, "key::") || text_starts_with(key, "ssh-")) {
        const char *literal = text_starts_with(key, "key::") ? key + strlen("key::") : key;
        *ret = mem_strdup(signing->key);
        return file_write_atomic(signing->key, literal, strlen(literal), 0600, err);
    }
    *ret =
        text_starts_with(key, "~/") && home ? mem_printf("%s%s", home, key + 1) : mem_strdup(key);
    return 0;
}

static int ssh_sign(const struct signing *signing, const char *usual, struct err *err) {
    AUTO_TEXT key = NULL;
    if (!signing->draft->key) {
        err_set(err, ERR_INVALID, "git is to sign by SSH, and has no `user.signingkey`");
        return err_hint(err, "git config --global user.signingkey ~/.ssh/id_ed25519.pub");
    }
    if (ssh_key(signing, &key, err) < 0)
        return -1;
    const char *const argv[] = {program_of(signing, usual),
                                "-q",
                                "-Y",
                                "sign",
                                "-n",
                                "git",
                                "-f",
                                key,
                                signing->text,
                                NULL};
    return signing_run(signing, argv, err);
}

static const struct {
    const char *format;
    const char *program;
    int (*sign)(const struct signing *signing, const char *usual, struct err *err);
} formats[] = {
    {"ssh", "ssh-keygen", ssh_sign},
    {"openpgp", "gpg", gpg_sign},
    {"x509", "gpgsm", gpg_sign},
};

static int format_sign(const struct signing *signing, struct err *err) {
    const char *format = signing->draft->format;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (text_equal(formats[i].format, format))
            return formats[i].sign(signing, formats[i].program, err);
    return err_set(err, ERR_INVALID, "git's `gpg.format` is `%s`: openpgp, ssh and x509 are known",
                   format);
}

static int signature_read(const struct signing *signing, char **ret, struct err *err) {
    size_t length;
    if (file_read(signing->signature, SIGNATURE_MAX, ret, &length, err) < 0)
        return -1;
    while (length > 0 && (*ret)[length - 1] == '\n')
        (*ret)[--length] = '\0';
    return 0;
}

static int signing_make(struct signing *signing, struct err *err) {
    const char *temporary = getenv("TMPDIR");
    const struct buf *text = &signing->draft->text;
    signing->folder =
        mem_printf("%s/runbook-sign-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    if (!mkdtemp(signing->folder))
        return err_sys(err, errno, "cannot make a folder for the signature");
    signing->text = mem_printf("%s/commit", signing->folder);
    signing->signature = mem_printf("%s/commit.sig", signing->folder);
    signing->key = mem_printf("%s/key", signing->folder);
    return file_write_atomic(signing->text, buf_text(text), text->length, 0600, err);
}

static void signing_release(struct signing *signing) {
    AUTO_ERR ignored = ERR_INIT;
    if (signing->text && file_remove_tree(signing->folder, &ignored) < 0)
        err_release(&ignored);
    mem_free(signing->folder);
    mem_free(signing->text);
    mem_free(signing->signature);
    mem_free(signing->key);
}

int repo_sign(const struct repo_draft *draft, bool interactive, char **ret, struct err *err) {
    struct signing signing = {.draft = draft, .interactive = interactive};
    int status = signing_make(&signing, err);
    if (status == 0)
        status = format_sign(&signing, err);
    if (status == 0)
        status = signature_read(&signing, ret, err);
    signing_release(&signing);
    return status < 0 ? err_wrap(err, "signing the %s", draft->what ? draft->what : "commit") : 0;
}
