/* Checkpoints: which record each vouches for, and what is known of its signature. */
#include <string.h>

#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"
#include "journal/reader.h"
#include "journal/verify_parts.h"
#include "secret/digest.h"
#include "secret/sshsig.h"

struct verify_sealing {
    struct verify *verify;
    struct arena *arena;
    VEC(struct verify_seal) seals;
    struct map *heads; /* of those that no record was found for: any value */
};

const char *verify_trust_name(enum verify_trust trust) {
    static const char *const names[] = {"unsigned", "unchecked", "bad",
                                        "foreign",  "unknown",   "trusted"};
    return names[trust];
}

struct verify_sealing *verify_sealing_new(struct verify *verify, struct arena *arena) {
    struct verify_sealing *sealing = mem_zalloc(sizeof *sealing);
    sealing->verify = verify;
    sealing->arena = arena;
    sealing->heads = map_new();
    return sealing;
}

void verify_sealing_free(struct verify_sealing *sealing) {
    vec_release(&sealing->seals);
    map_free(sealing->heads);
    mem_free(sealing);
}

/* ---- collecting ---------------------------------------------------------------------------- */

static const char *text_keep(const struct verify_sealing *sealing, const char *text) {
    return text ? arena_strdup(sealing->arena, text) : NULL;
}

/* The record's own words must be those of its signature. */
static void signer_check(struct verify_sealing *sealing, struct verify_seal *seal) {
    char fingerprint[SSHSIG_FINGERPRINT_SIZE];
    AUTO_ERR err = ERR_INIT;
    const char *wrong = NULL;
    if (sshsig_fingerprint(seal->signature, fingerprint, &err) < 0)
        wrong = "its signature is no SSH signature";
    else if (!text_equal(seal->signer, fingerprint))
        wrong = "its signature is by another key than its `signer`";
    if (!wrong)
        return;
    seal->trust = VERIFY_MISFIT;
    verify_find(sealing->verify, VERIFY_SEAL_BAD, seal->line, NULL, "%s", wrong);
}

void verify_sealing_add(struct verify_sealing *sealing, const struct event *event) {
    if (event->type != EVENT_CHECKPOINT)
        return;
    const char *signature = EVENT_HAS(event, signature) ? event->signature : NULL;
    struct verify_seal *seal = vec_add(&sealing->seals);
    *seal = (struct verify_seal){
        .line = event->seq,
        .head = text_keep(sealing, event->head),
        .signer = text_keep(sealing, EVENT_HAS(event, signer) ? event->signer : NULL),
        .signature = text_keep(sealing, signature),
        .trust = signature ? VERIFY_UNCHECKED : VERIFY_UNSIGNED,
    };
    map_put(sealing->heads, event->head, sealing);
    if (signature)
        signer_check(sealing, seal);
    else
        verify_find(sealing->verify, VERIFY_SEAL_FAILED, event->seq, NULL,
                    "it has no signature: %s",
                    EVENT_HAS(event, error) && event->error ? event->error : "it does not say why");
}

/* ---- placing ------------------------------------------------------------------------------- */

/* A record cannot hold the SHA-256 of a line behind it, so what is found stands before it. */
static void head_found(struct verify_sealing *sealing, const char *head,
                       const struct event *event) {
    for (size_t i = 0; i < sealing->seals.count; i++) {
        struct verify_seal *seal = &sealing->seals.items[i];
        if (!text_equal(seal->head, head))
            continue;
        seal->covers = event->seq;
        seal->wall_ns = event->wall_ns;
    }
    map_remove(sealing->heads, head);
}

/* A second reading, and only of transcripts with seals: keeping each line's digest in the first
 * would cost all of them memory. */
void verify_sealing_place(struct verify_sealing *sealing, const char *transcript) {
    struct reader *reader = NULL;
    struct event event;
    AUTO_ERR ignored = ERR_INIT;
    if (sealing->seals.count == 0 || reader_open(transcript, &reader, &ignored) < 0)
        return;
    reader_want(reader, 0);
    while (map_count(sealing->heads) > 0 && reader_next(reader, &event, &ignored) > 0)
        if (map_get(sealing->heads, reader_head(reader)))
            head_found(sealing, reader_head(reader), &event);
    reader_free(reader);
    for (size_t i = 0; i < sealing->seals.count; i++) {
        struct verify_seal *seal = &sealing->seals.items[i];
        if (seal->covers > 0)
            continue;
        seal->trust = VERIFY_MISFIT;
        verify_find(sealing->verify, VERIFY_SEAL_BAD, seal->line, NULL,
                    "no record has the SHA-256 that it vouches for: one of those before it was "
                    "changed, or it comes from another run");
    }
}

/* ---- judging ------------------------------------------------------------------------------- */

const struct verify_seal *verify_seals(const struct verify *verify, size_t *ret_count) {
    const struct verify_sealing *sealing = verify_sealing_of(verify);
    *ret_count = sealing->seals.count;
    return sealing->seals.items;
}

void verify_seal_judge(struct verify *verify, size_t index, enum verify_trust trust, const char *by,
                       const char *why) {
    static const struct {
        enum verify_kind kind;
        const char *text;
    } judgements[VERIFY_TRUSTED + 1] = {
        [VERIFY_UNCHECKED] = {VERIFY_SEAL_UNCHECKED, "its signature was not checked"},
        [VERIFY_MISFIT] = {VERIFY_SEAL_BAD, "BAD signature"},
        [VERIFY_FOREIGN] = {VERIFY_SEAL_FOREIGN,
                            "it is signed by a key that is not among the allowed signers"},
    };
    const struct verify_sealing *sealing = verify_sealing_of(verify);
    struct verify_seal *seal = &sealing->seals.items[index];
    seal->trust = trust;
    seal->by = text_keep(sealing, by);
    if (judgements[trust].text)
        verify_find(verify, judgements[trust].kind, seal->line, NULL, "%s (key %s)%s%s",
                    judgements[trust].text, seal->signer, why ? ": " : "", why ? why : "");
}

const struct verify_seal *verify_seal_best(const struct verify *verify, enum verify_trust least) {
    const struct verify_sealing *sealing = verify_sealing_of(verify);
    const struct verify_seal *best = NULL;
    for (size_t i = 0; i < sealing->seals.count; i++) {
        const struct verify_seal *seal = &sealing->seals.items[i];
        if (seal->trust >= least && (!best || seal->covers > best->covers))
            best = seal;
    }
    return best;
}

bool verify_seal_is_whole(const struct verify *verify, const struct verify_seal *seal) {
    const uint64_t ended_at = verify_ended_at(verify);
    return ended_at > 0 && seal->covers >= ended_at;
}

void verify_seal_require(struct verify *verify) {
    const struct verify_seal *best = verify_seal_best(verify, VERIFY_TRUSTED);
    if (!best)
        verify_find(verify, VERIFY_SEAL_MISSING, 0, NULL, "it is not sealed by a key that may");
    else if (!verify_seal_is_whole(verify, best))
        verify_find(verify, VERIFY_SEAL_MISSING, 0, NULL,
                    "it is sealed up to record %llu, and not to its end",
                    (unsigned long long)best->covers);
}
