#include "base/mem.h"
#include "sql_effect.h"

const char *sql_lock_name(enum sql_lock lock) {
    static const char *const names[] = {
        [SQL_UNLOCKED] = "none",
        [SQL_ACCESS_SHARE] = "ACCESS SHARE",
        [SQL_ROW_SHARE] = "ROW SHARE",
        [SQL_ROW_EXCLUSIVE] = "ROW EXCLUSIVE",
        [SQL_SHARE_UPDATE_EXCLUSIVE] = "SHARE UPDATE EXCLUSIVE",
        [SQL_SHARE] = "SHARE",
        [SQL_SHARE_ROW_EXCLUSIVE] = "SHARE ROW EXCLUSIVE",
        [SQL_EXCLUSIVE] = "EXCLUSIVE",
        [SQL_ACCESS_EXCLUSIVE] = "ACCESS EXCLUSIVE",
    };
    return names[lock];
}

const char *sql_class_name(enum sql_class class) {
    static const char *const names[] = {
        [SQL_READ] = "read", [SQL_WRITE] = "write", [SQL_DDL] = "DDL", [SQL_UTILITY] = "utility"};
    return names[class];
}

char *sql_fact_text(const struct sql_fact *fact) {
    return mem_printf("%s%s%s", fact->kind, *fact->name ? " " : "", fact->name);
}
