#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/import_make.h"
#include "cli/terminal.h"

#define TOLD_MOST 20 /* lines that were left out, on standard error */

struct import_options {
    const char *output, *section;
    bool list, quiet;
};

/* ---- sections ----------------------------------------------------------------------------- */

static int list_sections(const struct import *import) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    buf_puts(&out, "  no  steps  name                                      heading\n");
    for (size_t i = 0; i < import->document.section_count; i++) {
        const struct section *section = import->document.sections[i];
        const size_t steps = import_count(import, section);
        if (!section->parent && steps == 0 && import->document.section_count > 1)
            continue;
        buf_printf(&out, "%4u  %5zu  %-40s  ", section->number, steps,
                   import_name(import, section));
        const char *path = section_path(import, section);
        text_escape(&out, path, strlen(path), false);
        buf_putc(&out, '\n');
    }
    return print_product(&out);
}

static int section_unknown(const struct import *import, const char *wanted, struct err *err) {
    VEC(const char *) names = {0};
    for (size_t i = 0; i < import->document.section_count && i < 1000; i++)
        *vec_add(&names) = import_name(import, import->document.sections[i]);
    const char *near = text_suggest(wanted, names.items, names.count);
    err_set(err, ERR_INVALID, "%s has no section `%s`", import->source->name, wanted);
    if (near)
        err_hint(err, "did you mean `%s`?", near);
    else
        err_hint(err, "`runbook import --list %s` shows them", import->source->name);
    vec_release(&names);
    return -1;
}

/* By number, by name, or by heading. */
static int section_choose(const struct import *import, const char *wanted,
                          const struct section **ret, struct err *err) {
    char *end = NULL;
    const unsigned long number = strtoul(wanted, &end, 10);
    const bool is_number = end != wanted && *end == '\0';
    for (size_t i = 0; i < import->document.section_count; i++) {
        const struct section *section = import->document.sections[i];
        if (is_number ? section->number == number
                      : text_equal(import_name(import, section), wanted) ||
                            text_equal(section->title, wanted)) {
            *ret = section;
            return 0;
        }
    }
    return section_unknown(import, wanted, err);
}

/* ---- what was left out -------------------------------------------------------------------- */

/* Standard error may be gone: that changes nothing of what was made. */
static void print_told(const struct buf *told) {
    AUTO_ERR ignored = ERR_INIT;
    if (file_write_all(STDERR_FILENO, buf_text(told), told->length, &ignored) < 0)
        err_release(&ignored);
}

static void tell_left(const struct import *import, const struct import_options *options,
                      const left_list *left) {
    if (options->quiet)
        return;
    struct buf out = BUF_INIT(PRODUCT_MAX);
    if (import->source->mended)
        buf_printf(&out, "%s: warning: bytes that are no text became \uFFFD\n",
                   import->source->name);
    for (size_t i = 0; i < left->count && i < TOLD_MOST; i++) {
        buf_printf(&out, "%s:%u: left out: ", import->source->name, left->items[i].line);
        text_fit(&out, left->items[i].text, strlen(left->items[i].text), 100, true);
        buf_putc(&out, '\n');
    }
    if (left->count > TOLD_MOST)
        buf_printf(&out,
                   "%s: %zu more lines were left out; comments at the end of the YAML have all\n",
                   import->source->name, left->count - TOLD_MOST);
    print_told(&out);
    buf_release(&out);
}

/* ---- output ------------------------------------------------------------------------------- */

static int write_new(const char *path, const struct buf *text, struct err *err) {
    AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST) {
        err_set(err, ERR_INVALID, "%s is there already", path);
        return err_hint(err, "choose another place; nothing is overwritten");
    }
    if (fd < 0)
        return err_sys(err, errno, "%s", path);
    if (file_write_all(fd, buf_text(text), text->length, err) < 0)
        return err_wrap(err, "%s", path);
    return 0;
}

static bool is_file_name(const char *path) {
    return text_ends_with(path, ".yaml") || text_ends_with(path, ".yml");
}

/* One runbook, to a file or to standard output. */
static int import_one(const struct import *import, const struct import_options *options,
                      const struct section *section, struct err *err) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    left_list left = {0};
    int status = import_make(import, section, true, &out, &left, err);
    if (status == 0 && options->output)
        status = write_new(options->output, &out, err);
    if (status == 0)
        tell_left(import, options, &left);
    if (status == 0 && !options->output)
        status = print_product(&out);
    else
        buf_release(&out);
    vec_release(&left);
    return status;
}

struct folder {
    const struct import *import;
    const struct import_options *options;
    struct buf said;
    struct buf told;
    left_list left;
    size_t files, passed;
};

static int folder_add(struct folder *folder, const struct section *section, bool deep,
                      struct err *err) {
    AUTO_BUF out = BUF_INIT(PRODUCT_MAX);
    left_list left = {0};
    const char *name = import_name(folder->import, section);
    AUTO_TEXT path = mem_printf("%s/%s.yaml", folder->options->output, name);
    int status = import_make(folder->import, section, deep, &out, &left, err);
    if (status == 0)
        status = write_new(path, &out, err);
    if (status == 0) {
        folder->files++;
        buf_printf(&folder->said, "%s\n", path);
    }
    for (size_t i = 0; i < left.count; i++)
        *vec_add(&folder->left) = left.items[i];
    vec_release(&left);
    return status;
}

/* A section without steps says something all the same. */
static void folder_pass(struct folder *folder, const struct section *section) {
    const uint32_t end = section->first ? section->first->line - 1 : section->end_line;
    if (!section->blocks->first)
        return;
    if (folder->passed++ < TOLD_MOST) {
        buf_printf(&folder->told, "%s:%u-%u: left out, as there are no steps in it: ",
                   folder->import->source->name, section->line, end);
        const char *path = section_path(folder->import, section);
        text_fit(&folder->told, path, strlen(path), 100, true);
        buf_putc(&folder->told, '\n');
    }
}

static void folder_tell(struct folder *folder) {
    if (folder->passed > TOLD_MOST)
        buf_printf(&folder->told,
                   "%s: %zu more sections without steps were left out; --list shows them\n",
                   folder->import->source->name, folder->passed - TOLD_MOST);
    if (!folder->options->quiet)
        print_told(&folder->told);
}

static int folder_fill(struct folder *folder, const struct section *top, struct err *err) {
    const struct import *import = folder->import;
    const struct section *section = top;
    while (section) {
        const bool whole = section_is_whole(import, section);
        int status = 0;
        if (whole || import_count(import, section) > 0)
            status = folder_add(folder, section, whole, err);
        else
            folder_pass(folder, section);
        if (status < 0)
            return -1;
        if (whole)
            while (section && section->first)
                section = section->last;
        section = section_next(section, top);
    }
    if (folder->files > 0)
        return 0;
    return err_set(err, ERR_INVALID,
                   "%s: there is nothing to do in it: no steps, no commands, no "
                   "checklists",
                   import->source->name);
}

static int left_order(const void *a, const void *b) {
    const struct left_out *left = a;
    const struct left_out *right = b;
    return (left->line > right->line) - (left->line < right->line);
}

static int import_folder(const struct import *import, const struct import_options *options,
                         const struct section *top, struct err *err) {
    struct folder folder = {.import = import,
                            .options = options,
                            .said = BUF_INIT(PRODUCT_MAX),
                            .told = BUF_INIT(PRODUCT_MAX)};
    int status = file_make_dir(options->output, 0777, err);
    if (status == 0)
        status = folder_fill(&folder, top, err);
    if (folder.left.count > 0)
        qsort(folder.left.items, folder.left.count, sizeof *folder.left.items, left_order);
    if (status == 0) {
        folder_tell(&folder);
        tell_left(import, options, &folder.left);
    }
    vec_release(&folder.left);
    buf_release(&folder.told);
    const int printed = print_product(&folder.said);
    return status < 0 ? status : printed;
}

/* ---- the command -------------------------------------------------------------------------- */

static int import_act(const struct import *import, const struct import_options *options,
                      struct err *err) {
    const struct section *section = import->document.root;
    if (options->list)
        return list_sections(import);
    if (options->section && section_choose(import, options->section, &section, err) < 0)
        return -1;
    if (options->output && !is_file_name(options->output))
        return import_folder(import, options, section, err);
    return import_one(import, options, section, err);
}

static int import_run(const struct invocation *invocation) {
    struct err err = ERR_INIT;
    struct import import;
    int status = import_begin(invocation->operands[0], &import, &err);
    if (status == 0)
        status = import_act(&import, invocation->options, &err);
    import_end(&import);
    return status < 0 ? print_err(&err) : status;
}

static const struct option import_options[] = {
    {.name = "output",
     .letter = 'o',
     .kind = OPTION_TEXT,
     .offset = offsetof(struct import_options, output),
     .argument = "PLACE",
     .word = WORD_FILE,
     .doc = "write to this file where it ends in .yaml or .yml, else a file for each procedure "
            "into this folder; nothing is overwritten"},
    {.name = "section",
     .letter = 's',
     .kind = OPTION_TEXT,
     .offset = offsetof(struct import_options, section),
     .argument = "SECTION",
     .doc = "only this section, by number, name or heading, as --list shows them"},
    {.name = "list",
     .letter = 'l',
     .kind = OPTION_FLAG,
     .offset = offsetof(struct import_options, list),
     .doc = "show the sections: their numbers, how many steps they have, what their runbooks would "
            "be called, and their headings"},
    {.name = "quiet",
     .letter = 'q',
     .kind = OPTION_FLAG,
     .offset = offsetof(struct import_options, quiet),
     .doc = "do not tell on standard error what was left out"},
    {0},
};

const struct command command_import = {
    .name = "import",
    .summary = "make a first draft of a runbook from a Markdown document",
    .operands = "FILE",
    .about =
        "Sections become groups, items of ordered lists become steps, blocks of commands, SQL, "
        "HTTP "
        "and PromQL become actions, checklists and prose become `manual`, times and retentions "
        "become fields and parameters. What looks destructive gets an `approval` in front of it. "
        "Secrets in the text become `secrets`: their values are in nothing that is written.\n\n"
        "What is written passes `check`. It is a draft all the same: read it, and complete what "
        "only "
        "you know, such as rollbacks and conditions. Each line of the document of which a word is "
        "missing stands as a comment at the end and is told on standard error.\n\n"
        "With `-` the document is read from standard input.",
    .least = 1,
    .most = 1,
    .word = WORD_FILE,
    .options = import_options,
    .size = sizeof(struct import_options),
    .examples =
        (const struct example[]){
            {"import --list OPERATIONS.md", "Show what is in a document."},
            {"import --section database-restore OPERATIONS.md > restore.yaml",
             "Make one section a runbook."},
            {"import -o runbooks OPERATIONS.md", "Make a file of each procedure."},
            {0}},
    .run = import_run,
};
