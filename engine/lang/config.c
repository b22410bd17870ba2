#include "lang/config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "lang/parse.h"

#define CONFIG_MAX ((size_t)1 << 20) /* bytes */
#define HOUR_MS INT64_C(3600000)

static const struct field signing_fields[] = {
    {.key = "key",
     .kind = FIELD_PATH,
     .offset = offsetof(struct config_signing, key),
     .doc = "The SSH key that seals transcripts, as `ssh-keygen -f` takes it: a private key "
            "without passphrase, or a public key whose other half an ssh-agent holds.",
     .example = "~/.ssh/id_ed25519.pub"},
    {.key = "allowed_signers",
     .kind = FIELD_PATH,
     .offset = offsetof(struct config_signing, allowed_signers),
     .doc = "Whose keys may seal: the file that `verify` asks, in the format of ssh-keygen(1).",
     .example = "~/.ssh/allowed_signers"},
    {.key = "every",
     .kind = FIELD_DURATION,
     .offset = offsetof(struct config_signing, every_ms),
     .doc = "A long run is sealed again when so much time has passed.",
     .example = "1h",
     .minimum = 1000,
     .maximum = INT64_MAX,
     .fallback = HOUR_MS},
    FIELD_END,
};

const struct field config_fields[] = {
    {.key = "signing",
     .kind = FIELD_OBJECT,
     .offset = offsetof(struct config, signing),
     .doc = "Who seals transcripts, and whose seals are trusted.",
     .example = "{key: ~/.ssh/id_ed25519.pub, allowed_signers: ~/.ssh/allowed_signers}",
     .fields = signing_fields,
     .size = sizeof(struct config_signing)},
    {.key = "policy",
     .kind = FIELD_PATH,
     .offset = offsetof(struct config, policy),
     .doc = "House rules: a file that `check` and `exec` hold every runbook to, and `exec` refuses "
            "what breaks one.",
     .example = "/etc/runbook/policy.yaml"},
    FIELD_END,
};

/* NULL: there is none. A file that was asked for by name must be there. */
static char *config_path(void) {
    const char *said = getenv("RUNBOOK_CONFIG");
    if (said && *said)
        return text_equal(said, "/dev/null") ? NULL : mem_strdup(said);
    const char *folder = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    char *path = NULL;
    if (folder && *folder == '/')
        path = mem_printf("%s/runbook/config.yaml", folder);
    else if (home && *home)
        path = mem_printf("%s/.config/runbook/config.yaml", home);
    if (path && file_exists(path))
        return path;
    mem_free(path);
    return NULL;
}

static void config_parse(struct config *config, const struct node *root, struct diag *diag) {
    struct load load = {.diag = diag, .arena = config->arena};
    /* The machinery of fields asks a runbook for the file's name and for memory. */
    struct runbook file = {.path = config->path, .arena = config->arena};
    struct parse parse = {
        .load = &load,
        .runbook = &file,
        .real_path = config->path,
        .nodes = config->arena,
        .visit = VISIT_NONE,
    };
    fields_parse(&parse, config_fields, root, config);
}

/* A file that says nothing is legal, also one of nothing but comments. */
static void config_read(struct config *config, struct diag *diag) {
    AUTO_ERR err = ERR_INIT;
    AUTO_TEXT bytes = NULL;
    size_t length = 0;
    if (file_read(config->path, CONFIG_MAX, &bytes, &length, &err) < 0) {
        err_wrap(&err, "the configuration");
        err_hint(&err, "$RUNBOOK_CONFIG names another file");
        diag_report(diag, &err);
        return;
    }
    if (strspn(bytes, " \t\r\n") == length)
        return;
    diag_source(diag, config->path, bytes, length);
    const struct yaml yaml = {config->path, bytes, length, config->arena, config->arena, diag};
    const struct node *root = yaml_parse(&yaml);
    if (!root || (root->kind == NODE_SCALAR && root->type == NODE_NULL))
        return;
    if (root->kind == NODE_MAP) {
        config_parse(config, root, diag);
        return;
    }
    err_at(&err, node_span(root, config->path), "the configuration is a mapping of keys, not %s",
           node_describe(root));
    diag_report(diag, &err);
}

struct config *config_load(struct diag *diag) {
    struct arena *arena = arena_new();
    struct config *config = arena_alloc(arena, sizeof *config);
    AUTO_TEXT path = config_path();
    const size_t before = diag_count(diag);
    config->arena = arena;
    if (path) {
        config->path = arena_strdup(arena, path);
        config_read(config, diag);
    }
    if (diag_count(diag) == before)
        return config;
    config_free(config);
    return NULL;
}

void config_free(struct config *config) {
    if (config)
        arena_free(config->arena);
}
