/* Any bytes as a runbook: whatever they are, there is a diagnosis and no crash.
 *
 *   CC=clang meson setup build-fuzz -Dfuzzing=true -Db_sanitize=address,undefined -Db_lundef=false
 *   build-fuzz/tests/fuzz/fuzz_runbook -max_len=4096 -max_total_time=60 FOLDER tests/cases/valid */
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "lang/runbook.h"
#include "tests/unit/lang/fake_types.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    AUTO_FD fd = memfd_create("runbook", MFD_CLOEXEC);
    if (fd < 0 || file_write_all(fd, bytes, length, NULL) < 0)
        return 0;
    AUTO_TEXT path = mem_printf("/proc/self/fd/%d", fd);
    AUTO_BUF shown = BUF_INIT((size_t)16 << 20);
    struct diag *diag = diag_new();
    struct runbook *runbook = runbook_load(path, diag);
    if (!runbook && diag_count(diag) == 0)
        __builtin_trap();
    diag_text(diag, &(struct diag_style){.unicode = true, .columns = 80}, &shown);
    runbook_free(runbook);
    diag_free(diag);
    return 0;
}
