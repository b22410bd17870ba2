#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/terminal.h"

static const char skeleton_head[] = "# Editors complete and explain the keys once `runbook schema "
                                    "runbook > runbook.schema.json` is\n"
                                    "# beside this file and its first line is `# "
                                    "yaml-language-server: $schema=runbook.schema.json`.\n"
                                    "runbook: 1\n";

/* Runs as it stands, so that the first try of somebody new ends well. */
static const char skeleton_body[] =
    "title: What this procedure is for, in one line\n"
    "# description: When to run it, and what must be true before.\n"
    "# owner: the team that keeps it working\n"
    "objectives: {rto: 1h}               # each run is measured against it\n"
    "\n"
    "requires:                           # checked before anything runs\n"
    "  commands: [bash]\n"
    "\n"
    "params:                             # runbook exec FILE --set who=you\n"
    "  who: {type: string, default: world, description: Whom to greet}\n"
    "\n"
    "# secrets:                          # kept out of the transcript, the terminal and reports\n"
    "#   database_url: {env: DATABASE_URL}\n"
    "\n"
    "defaults: {timeout: 10m, on_failure: rollback}\n"
    "\n"
    "steps:                              # each needs the one above it\n"
    "  - id: prepare\n"
    "    title: Make a folder to work in\n"
    "    shell: mkdir \"$FOLDER\"\n"
    "    env: {FOLDER: \"${{ .run.dir }}/made\"}      # values enter a command here, never in its "
    "text\n"
    "    rollback:                       # undoes it, should a later step fail\n"
    "      shell: rm -rf \"$FOLDER\"\n"
    "      env: {FOLDER: \"${{ .run.dir }}/made\"}\n"
    "\n"
    "  # - id: go                        # people decide here\n"
    "  #   approval: {message: \"Go on?\", approvers: [dba], expires: 30m}\n"
    "\n"
    "  - id: act\n"
    "    title: Do it\n"
    "    shell: echo \"hello, $WHO\" | tee \"$FOLDER/greeting\"\n"
    "    env: {FOLDER: \"${{ .run.dir }}/made\", WHO: \"${{ .params.who }}\"}\n"
    "    timeout: 1m\n"
    "    outputs:\n"
    "      greeting: {regex: '^(.+)$'}\n"
    "\n"
    "  - id: prove\n"
    "    title: Prove that it worked\n"
    "    assert:\n"
    "      - that: .steps.act.outputs.greeting | startswith(\"hello\")\n"
    "        message: the greeting is not there\n"
    "\n"
    "# finally:                          # runs at the end, whatever happened\n"
    "#   - shell: echo done\n";

/* [a-z0-9][a-z0-9-]* */
static bool is_runbook_name(const char *name) {
    if (*name == '\0' || *name == '-') {
        return false;
    }
    for (; *name; name++) {
        if (!islower((unsigned char)*name) && !isdigit((unsigned char)*name) && *name != '-') {
            return false;
        }
    }
    return true;
}

/* The path to write and the name in it, from NAME, NAME.yaml or FOLDER/NAME. */
static int new_names(const char *operand, char **ret_path, char **ret_name, struct err *err) {
    const bool whole = text_ends_with(operand, ".yaml") || text_ends_with(operand, ".yml");
    const char *base = file_basename(operand);
    const char *dot = whole ? strrchr(base, '.') : NULL;
    AUTO_TEXT name = mem_strndup(base, dot ? (size_t)(dot - base) : strlen(base));
    if (!is_runbook_name(name)) {
        err_set(err, ERR_INVALID, "`%s` cannot be the name of a runbook", name);
        return err_hint(err, "names are lower-case letters, digits and hyphens, and do not begin "
                             "with a hyphen: `restore-production`");
    }
    *ret_path = whole ? mem_strdup(operand) : mem_printf("%s.yaml", operand);
    *ret_name = name;
    name = NULL;
    return 0;
}

static int new_write(const char *path, const char *name, struct err *err) {
    AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST) {
        err_set(err, ERR_INVALID, "%s is there already", path);
        return err_hint(err, "choose another name; nothing is overwritten");
    }
    if (fd < 0) {
        return err_sys(err, errno, "%s", path);
    }
    AUTO_BUF text = BUF_INIT(1 << 16);
    buf_printf(&text, "%sname: %s\n%s", skeleton_head, name, skeleton_body);
    if (file_write_all(fd, buf_text(&text), text.length, err) < 0) {
        return err_wrap(err, "%s", path);
    }
    return 0;
}

static int new_run(const struct invocation *invocation) {
    struct err err = ERR_INIT;
    AUTO_TEXT path = NULL;
    AUTO_TEXT name = NULL;
    if (new_names(invocation->operands[0], &path, &name, &err) < 0 ||
        new_write(path, name, &err) < 0) {
        return print_err(&err);
    }
    struct buf out = BUF_INIT(PRODUCT_MAX);
    buf_printf(&out, "%s is written; try `runbook check %s` and `runbook exec %s`\n", path, path,
               path);
    return print_product(&out);
}

const struct command command_new = {
    .name = "new",
    .summary = "write a commented skeleton of a runbook, NAME.yaml",
    .operands = "NAME",
    .about = "The skeleton passes `check` and runs as it stands. A file that is there already is "
             "never overwritten.",
    .least = 1,
    .most = 1,
    .word = WORD_FILE,
    .examples =
        (const struct example[]){{"new restore-production", "Write restore-production.yaml here."},
                                 {0}},
    .run = new_run,
};
