#include "guard/guard.h"
#include "guard/packet.h"

int main(void) {
    return guard_run(PACKET_SOCKET);
}
