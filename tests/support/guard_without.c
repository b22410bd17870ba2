/* A guard as if the kernel lacked something: -DWITHOUT=tree_without_… says what. */
#include <stdbool.h>

#include "guard/guard.h"
#include "guard/packet.h"
#include "guard/tree.h"

int main(void) {
    WITHOUT(true);
    return guard_run(PACKET_SOCKET);
}
