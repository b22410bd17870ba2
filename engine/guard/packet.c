#include "guard/packet.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define INLINE_BYTES ((size_t)32 << 10) /* a socket's buffer holds several of them */
#define TEXT_CEILING ((size_t)64 << 20) /* far more than a kernel takes as arguments */

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * PACKET_FDS)];
};

struct packet packet_make(enum packet_type type) {
    struct packet packet = {.head = {.version = PACKET_VERSION, .type = type}};
    for (size_t i = 0; i < PACKET_FDS; i++)
        packet.fds[i] = -1;
    return packet;
}

void packet_release(struct packet *packet) {
    for (size_t i = 0; i < PACKET_FDS; i++)
        file_close(&packet->fds[i]);
    mem_wipe_free(packet->text, packet->head.length);
    packet->text = NULL;
}

/* ---- out ---------------------------------------------------------------------------------- */

static int make_text(const struct packet *packet, int *ret) {
    *ret = memfd_create("text", MFD_CLOEXEC);
    if (*ret < 0)
        return errno;
    struct err err = ERR_INIT;
    if (file_write_all(*ret, packet->text, packet->head.length, &err) == 0)
        return 0;
    int sys = err.sys;
    err_release(&err);
    file_close(ret);
    return sys;
}

static void add_fds(const struct packet *packet, int text_fd, struct packet_head *head,
                    struct msghdr *message, union control *control) {
    int fds[PACKET_FDS];
    size_t count = 0;
    for (uint32_t i = 0; i < PACKET_FDS; i++) {
        int fd = i == FD_TEXT ? text_fd : packet->fds[i];
        if (fd < 0)
            continue;
        head->fds |= 1U << i;
        fds[count++] = fd;
    }
    if (count == 0)
        return;
    message->msg_control = control->bytes;
    message->msg_controllen = CMSG_SPACE(sizeof(int) * count);
    struct cmsghdr *first = &control->align;
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(first), fds, sizeof(int) * count);
}

int packet_send(int socket, const struct packet *packet, int flags) {
    AUTO_FD text_fd = -1;
    bool is_inline = packet->head.length <= INLINE_BYTES;
    int status = is_inline ? 0 : make_text(packet, &text_fd);
    if (status != 0)
        return status;
    struct packet_head head = packet->head;
    union control control = {0};
    struct iovec parts[2] = {{&head, sizeof head}, {packet->text, head.length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = is_inline && head.length ? 2 : 1};
    add_fds(packet, text_fd, &head, &message, &control);
    for (;;) {
        if (sendmsg(socket, &message, flags | MSG_NOSIGNAL) >= 0)
            return 0;
        if (errno != EINTR)
            return errno == ECONNRESET ? EPIPE : errno;
    }
}

/* ---- in ----------------------------------------------------------------------------------- */

/* All that came is taken, also where it is not what the head announces: nothing may leak. */
static bool take_fds(struct msghdr *message, struct packet *ret) {
    int fds[PACKET_FDS];
    size_t count = 0, next = 0;
    struct cmsghdr *first = CMSG_FIRSTHDR(message);
    if (first && first->cmsg_level == SOL_SOCKET && first->cmsg_type == SCM_RIGHTS) {
        count = (first->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(first), sizeof(int) * count);
    }
    for (size_t i = 0; i < PACKET_FDS && next < count; i++)
        if (ret->head.fds & 1U << i)
            ret->fds[i] = fds[next++];
    bool fits = next == count && ret->head.fds < 1U << PACKET_FDS &&
                (size_t)__builtin_popcount(ret->head.fds) == count;
    for (; next < count; next++)
        close(fds[next]);
    return fits;
}

static int read_text(struct packet *packet) {
    size_t length = packet->head.length;
    packet->text = mem_alloc(length);
    for (size_t done = 0; done < length;) {
        ssize_t got = pread(packet->fds[FD_TEXT], packet->text + done, length - done, (off_t)done);
        if (got <= 0)
            return EPROTO;
        done += (size_t)got;
    }
    file_close(&packet->fds[FD_TEXT]);
    return 0;
}

static int take(struct packet *packet, const char *bytes, size_t length, bool fds_fit) {
    const struct packet_head *head = &packet->head;
    bool is_inline = packet->fds[FD_TEXT] < 0;
    if (!fds_fit || head->version != PACKET_VERSION || head->type == PACKET_NONE ||
        head->type >= PACKET_TYPES || head->length > TEXT_CEILING ||
        length != (is_inline ? head->length : 0))
        return EPROTO;
    if (!is_inline)
        return read_text(packet);
    if (length > 0) {
        packet->text = mem_alloc(length);
        memcpy(packet->text, bytes, length);
    }
    return 0;
}

/* What came has found its place in the packet; a copy on the stack would outlive it. */
static int unpack(struct msghdr *message, size_t got, struct packet *ret) {
    char *bytes = message->msg_iov[1].iov_base;
    bool fds_fit = take_fds(message, ret);
    /* Descriptors that found no room here are a lack of ours, not a fault of the sender. */
    if (message->msg_flags & MSG_CTRUNC)
        return EMFILE;
    if (got < sizeof ret->head || message->msg_flags & MSG_TRUNC)
        return EPROTO;
    size_t length = got - sizeof ret->head;
    int status = take(ret, bytes, length, fds_fit);
    explicit_bzero(bytes, length);
    return status;
}

int packet_receive(int socket, int flags, struct packet *ret) {
    char bytes[INLINE_BYTES];
    union control control;
    ssize_t got;
    *ret = packet_make(PACKET_NONE);
    struct iovec parts[2] = {{&ret->head, sizeof ret->head}, {bytes, sizeof bytes}};
    struct msghdr message = {.msg_iov = parts,
                             .msg_iovlen = 2,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    do
        got = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == ECONNRESET ? EPIPE : errno;
    int status = got == 0 ? EPIPE : unpack(&message, (size_t)got, ret);
    if (status != 0)
        packet_release(ret);
    return status;
}
