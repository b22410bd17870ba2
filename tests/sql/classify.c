/* What the engine says of SQL, for tests/sql/run: scripts on standard input, each ended by a NUL;
 * for each statement a line, for each script an empty line behind them.
 *
 *   CLASS[; alone][; creates X]…[; locks X MODE]…[; rewrites X]…[; may rewrite X]…[; destroys X]…
 */
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "io/module.h"
#include "steps/sql_effect.h"

#define INPUT_CEILING ((size_t)4 << 20)

static void show_fact(const struct sql_fact *fact) {
    AUTO_TEXT text = sql_fact_text(fact);
    switch (fact->act) {
    case SQL_TOUCHES:
        break;
    case SQL_CREATES:
        fprintf(stdout, "; %s %s", fact->maybe ? "may create" : "creates", text);
        break;
    case SQL_LOCKS:
        fprintf(stdout, "; locks %s %s", fact->name, sql_lock_name(fact->lock));
        break;
    case SQL_REWRITES:
        fprintf(stdout, "; %s %s", fact->maybe ? "may rewrite" : "rewrites", text);
        break;
    case SQL_DESTROYS:
        fprintf(stdout, "; %s %s", fact->maybe ? "may destroy" : "destroys", text);
        break;
    }
}

static void show(const struct sql_statement *statement) {
    fputs(sql_class_name(statement->class), stdout);
    if (statement->alone || statement->controls)
        fputs("; alone", stdout);
    for (size_t i = 0; i < statement->fact_count; i++)
        show_fact(&statement->facts[i]);
    fputc('\n', stdout);
}

static void classify(const struct sql_module *module, const char *text) {
    AUTO_ERR err = ERR_INIT;
    struct sql_script *script = NULL;
    if (module->parse(text, strlen(text), &script, &err) < 0) {
        fprintf(stdout, "error: %s\n\n", err.message);
        return;
    }
    for (size_t i = 0; i < script->count; i++)
        show(&script->statements[i]);
    fputc('\n', stdout);
    module->free(script);
}

int main(void) {
    AUTO_BUF input = BUF_INIT(INPUT_CEILING);
    char bytes[1 << 16];
    ssize_t got;
    while ((got = read(STDIN_FILENO, bytes, sizeof bytes)) > 0)
        if (buf_append(&input, bytes, (size_t)got) < 0)
            return 1;
    const struct sql_module *module = MODULE_LOAD(sql, NULL);
    if (!module)
        return 1;
    const char *text = buf_text(&input);
    for (size_t at = 0; at < input.length; at += strlen(text + at) + 1)
        classify(module, text + at);
    return 0;
}
