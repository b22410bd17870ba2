#include "run/there.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

const char there_receiver[] = "IFS= read -r rb_line; eval \"$rb_line\"";

/* Its processes are known by a variable in their environment, and by the session of such: the
 * supervisor has neither. */
#define MARK "RUNBOOK_THERE"

/* A process shows no environment for a moment while it begins a program, so that one look is not
 * enough. rb_left collects in $rb_p what is left; rb_s are the sessions, where `setsid` gave the
 * command one of its own. A zombie is nobody's. */
static const char sweeper[] =
    "rb_e=$(command -v setsid) || rb_e=; rb_s=; "
    "rb_session() { rb_x=; IFS= read -r rb_x <\"/proc/$1/stat\" || return 1; "
    "set -- ${rb_x##*) }; rb_x=$4; [ \"$1\" != Z ]; }; "
    "rb_left() { rb_p=; "
    "for rb_f in $(grep -lsF -e \"" MARK "=$rb_t;\" /proc/[0-9]*/environ); do "
    "rb_f=${rb_f#/proc/}; rb_f=${rb_f%/environ}; rb_session \"$rb_f\" || continue; "
    "rb_p=\"$rb_p $rb_f\"; [ -n \"$rb_e\" ] || continue; "
    "case \"$rb_s \" in *\" $rb_x \"*) ;; *) rb_s=\"$rb_s $rb_x\" ;; esac; done; "
    "if [ -n \"$rb_s\" ]; then for rb_f in /proc/[0-9]*; do rb_f=${rb_f#/proc/}; "
    "rb_session \"$rb_f\" || continue; "
    "case \"$rb_s \" in *\" $rb_x \"*) "
    "case \"$rb_p \" in *\" $rb_f \"*) ;; *) rb_p=\"$rb_p $rb_f\" ;; esac ;; esac; done; fi; "
    "[ -n \"$rb_p\" ]; }; "
    "rb_wait() { rb_n=0; while rb_left; do [ \"$rb_n\" -lt \"$1\" ] || return 1; "
    "rb_n=$((rb_n + 1)); sleep 0.1 || sleep 1; done; }; "
    "rb_sweep() { rb_left || { sleep 0.02; rb_left; } || return 0; "
    "if [ \"$rb_g\" -gt 0 ]; then kill -s TERM $rb_p; kill -s CONT $rb_p; "
    "rb_wait \"$rb_g\" && return 0; fi; "
    "kill -s KILL $rb_p; rb_wait 20; }; ";

/* The command's standard error is spared what the supervisor's tools say. */
static const char before[] =
    "exec 4>&2 2>/dev/null; trap : TERM HUP INT; "
    "rb_m=$(printf '\\036runbook:%s:' \"$rb_t\"); "
    "rb_say() { printf '%s%s\\n' \"$rb_m\" \"$1\" >&4; }; "
    "rb_o=$(umask 077; mktemp \"${TMPDIR:-/tmp}/runbook.XXXXXXXXXX\") || rb_o=; "
    "rb_end() { [ -z \"$rb_o\" ] || rm -f -- \"$rb_o\"; exit \"$1\"; }; ";

/* A bash that believes to be a login by ssh would read its user's ~/.bashrc. */
static const char begin[] =
    "rb_say begun; printf '%sbegun\\n' \"$rb_m\"; ( exec 2>&4 4>&-; export " MARK "=\"$rb_t;\"; "
    "[ \"${SHLVL:-0}\" -ge 1 ] || export SHLVL=1; "
    "[ -z \"$rb_o\" ] || export RUNBOOK_OUTPUT=\"$rb_o\"; ";

static const char start[] = "command -v -- \"$1\" >/dev/null 2>&1 || { printf '%snot command\\n' "
                            "\"$rb_m\" >&2; exit 127; }; "
                            "[ -z \"$rb_e\" ] || exec \"$rb_e\" \"$@\"; exec \"$@\" ); rb_r=$?; ";

/* As much of the outputs as the engine reads, and a byte that tells it that there is more. */
static const char after[] =
    "if [ \"$rb_k\" = 1 ] && [ \"$rb_r\" = 0 ]; then while rb_left; do sleep 1; done; "
    "else rb_sweep; fi; "
    "rb_n=0; [ -z \"$rb_o\" ] || rb_n=$(wc -c <\"$rb_o\"); rb_n=$((rb_n + 0)); "
    "[ \"$rb_n\" -le 1048577 ] || rb_n=1048577; "
    "rb_say \"end $rb_r $rb_n\"; [ \"$rb_n\" = 0 ] || head -c \"$rb_n\" <\"$rb_o\" >&4; "
    "rb_end \"$rb_r\"\n";

static const char ending[] = "exec 2>/dev/null; echo reached; "
                             "if [ -r /proc/self/stat ]; then rb_sweep; rb_left; set -- $rb_p; "
                             "echo \"left $#\"; else echo blind; fi\n";

/* A shell word that stays on one line: newlines travel as octal escapes. The dot keeps those at the
 * end from being dropped by $(…). */
static void word_lines(struct buf *out, const char *word) {
    AUTO_BUF escaped = BUF_INIT(SIZE_MAX);
    for (const char *c = word; *c; c++) {
        if (*c == '\n')
            buf_puts(&escaped, "\\0012");
        else if (*c == '\\')
            buf_puts(&escaped, "\\0134");
        else
            buf_putc(&escaped, *c);
    }
    buf_puts(out, "rb_w=\"$(printf '%b.' ");
    text_shell_quote(out, buf_text(&escaped));
    buf_puts(out, ")\"; ");
}

static void word_pass(struct buf *out, const char *word) {
    if (strchr(word, '\n')) {
        word_lines(out, word);
        buf_puts(out, "set -- \"$@\" \"${rb_w%.}\"; ");
        return;
    }
    buf_puts(out, "set -- \"$@\" ");
    text_shell_quote(out, word);
    buf_puts(out, "; ");
}

static void variable_pass(struct buf *out, const char *entry) {
    int length = (int)strcspn(entry, "=");
    const char *text = entry + length + 1;
    if (strchr(text, '\n')) {
        word_lines(out, text);
        buf_printf(out, "export %.*s=\"${rb_w%%.}\"; ", length, entry);
        return;
    }
    buf_printf(out, "export %.*s=", length, entry);
    text_shell_quote(out, text);
    buf_puts(out, "; ");
}

static void settings_write(struct buf *out, const char *token, int64_t grace_ms) {
    buf_puts(out, "rb_t=");
    text_shell_quote(out, token);
    buf_printf(out, "; rb_g=%lld; ", (long long)((grace_ms + 99) / 100));
    buf_puts(out, sweeper);
}

void there_write(struct buf *out, const struct there_command *command) {
    settings_write(out, command->token, command->grace_ms);
    buf_printf(out, "rb_k=%d; ", command->keep_orphans);
    buf_puts(out, before);
    if (command->cwd) {
        buf_puts(out, "CDPATH= cd -- ");
        text_shell_quote(out, command->cwd);
        buf_puts(out, " >/dev/null || { rb_say 'not folder'; rb_end 1; }; ");
    }
    buf_puts(out, "set --; ");
    for (size_t i = 0; i < command->count; i++)
        word_pass(out, command->words[i]);
    buf_puts(out, begin);
    for (size_t i = 0; i < command->variable_count; i++)
        variable_pass(out, command->variables[i]);
    buf_puts(out, start);
    buf_puts(out, after);
}

void there_write_end(struct buf *out, const char *token, int64_t grace_ms) {
    settings_write(out, token, grace_ms);
    buf_puts(out, ending);
}

char *there_marker(const char *token) {
    return mem_printf("\036runbook:%s:", token);
}
