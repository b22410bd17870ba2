#include "cli/witness.h"

#include "base/mem.h"

char *witness_path(const char *run, const char *file) {
    return mem_printf(WITNESS_FOLDER "/%s/%s", run, file);
}

int witness_check(struct repo *repo, struct verify *verify, struct err *err) {
    AUTO_TEXT copy = NULL;
    size_t length = 0;
    AUTO_TEXT path =
        witness_path(verify_id(verify) ? verify_id(verify) : "", VERIFY_TRANSCRIPT_NAME);
    const int found = verify_id(verify) ? repo_read(repo, path, &copy, &length, err) : 0;
    if (found < 0) {
        return -1;
    }
    verify_witness(verify, copy, length);
    return 0;
}
