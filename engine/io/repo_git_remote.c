/* Remotes: found in git's configuration by hand, since git_remote_lookup of libgit2 1.5 loses
 * memory for each line of it; credentials; certificates; and errors that help. */
#include "io/repo_git_remote.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#define SAID_MAX ((size_t)64 << 10)

/* ---- configuration --------------------------------------------------------------------------- */

static char *setting(const struct act *act, const char *format, const char *name) {
    git_config *config = NULL;
    git_buf text = GIT_BUF_INIT;
    char *found = NULL;
    AUTO_BUF key = BUF_INIT(4096);
    if (buf_printf(&key, "%.*s%s%s", (int)strcspn(format, "%"), format, name,
                   strchr(format, '%') + 1) < 0)
        return NULL;
    if (git_repository_config(&config, act->git) == 0 &&
        git_config_get_string_buf(&text, config, buf_text(&key)) == 0 && text.size > 0)
        found = mem_strdup(text.ptr);
    git_buf_dispose(&text);
    git_config_free(config);
    return found;
}

/* "+refs/heads/…:refs/remotes/origin/…" tells where the remote's `ref` is kept here. */
char *repo_git_tracked(const char *fetch, const char *ref) {
    git_refspec *spec = NULL;
    git_buf name = GIT_BUF_INIT;
    char *found = NULL;
    if (fetch && git_refspec_parse(&spec, fetch, 1) == 0 && git_refspec_src_matches(spec, ref) &&
        git_refspec_transform(&name, spec, ref) == 0)
        found = mem_strdup(name.ptr);
    git_buf_dispose(&name);
    git_refspec_free(spec);
    return found;
}

char *repo_git_upstream_name(const struct act *act, const char *branch) {
    return setting(act, "branch.%.merge", branch);
}

char *repo_git_upstream(const struct act *act, const char *branch) {
    AUTO_TEXT remote = setting(act, "branch.%.remote", branch);
    AUTO_TEXT merge = setting(act, "branch.%.merge", branch);
    AUTO_TEXT fetch = remote ? setting(act, "remote.%.fetch", remote) : NULL;
    return fetch && merge ? repo_git_tracked(fetch, merge) : NULL;
}

/* url.BASE.insteadOf and pushInsteadOf: the longest beginning that fits is replaced. */
static char *address_rewrite(const struct act *act, const char *url, const char *key) {
    static const char prefix[] = "url.";
    git_config *config = NULL;
    git_config_iterator *iterator = NULL;
    git_config_entry *entry;
    size_t longest = 0;
    char *found = NULL;
    if (git_repository_config(&config, act->git) < 0)
        return NULL;
    if (git_config_iterator_new(&iterator, config) == 0)
        while (git_config_next(&entry, iterator) == 0) {
            const size_t length = strlen(entry->value ? entry->value : "");
            if (!text_starts_with(entry->name, prefix) || !text_ends_with(entry->name, key) ||
                length <= longest || !text_starts_with(url, entry->value))
                continue;
            const size_t base = strlen(entry->name) - strlen(prefix) - strlen(key);
            longest = length;
            mem_free(found);
            found = mem_printf("%.*s%s", (int)base, entry->name + strlen(prefix), url + length);
        }
    git_config_iterator_free(iterator);
    git_config_free(config);
    return found;
}

/* ---- which remote ---------------------------------------------------------------------------- */

static int refuse_unknown(const struct act *act, const char *name, struct err *err) {
    git_strarray list = {0};
    value names = value_array();
    if (git_remote_list(&list, act->git) == 0)
        for (size_t i = 0; i < list.count; i++)
            names = value_append(names, value_string(list.strings[i]));
    git_strarray_dispose(&list);
    AUTO_TEXT shown = names_show(names);
    const size_t count = value_count(names);
    value_free(names);
    err_set(err, ERR_INVALID, "%s has no remote `%s`", act->place, name);
    if (count == 0)
        return err_hint(err, "it has none: git -C %s remote add %s URL", act->place, name);
    return err_hint(err, "it has %s", shown);
}

static bool is_address(const char *name) {
    return strstr(name, "://") || strchr(name, ':') || strchr(name, '/') || name[0] == '.';
}

static char *default_name(const struct act *act) {
    AUTO_HEAD head = {0};
    AUTO_ERR ignored = ERR_INIT;
    char *name = NULL;
    if (head_read(act, &head, &ignored) == 0 && head.branch)
        name = setting(act, "branch.%.remote", head.branch);
    return name ? name : mem_strdup("origin");
}

static int address_find(struct peer *peer, bool push, struct err *err) {
    const struct act *act = peer->act;
    AUTO_TEXT name = act->spec->name ? mem_strdup(act->spec->name) : default_name(act);
    char *own = push ? setting(act, "remote.%.pushurl", name) : NULL;
    peer->url = own ? own : setting(act, "remote.%.url", name);
    if (peer->url) {
        peer->name = mem_strdup(name);
        peer->fetch = setting(act, "remote.%.fetch", name);
    } else if (is_address(name)) {
        peer->url = mem_strdup(name);
    } else {
        return refuse_unknown(act, name, err);
    }
    char *to = push && !own ? address_rewrite(act, peer->url, ".pushinsteadof") : NULL;
    to = to ? to : address_rewrite(act, peer->url, ".insteadof");
    if (to) {
        mem_free(peer->url);
        peer->url = to;
    }
    peer->shown = repo_git_url_shown(peer->url);
    return 0;
}

/* ---- which addresses ------------------------------------------------------------------------- */

/* A host that begins with a dash would be an option for ssh. */
static bool is_option(const char *url) {
    const char *scheme = strstr(url, "://");
    const char *host = scheme ? scheme + 3 : url;
    const char *at = memchr(host, '@', strcspn(host, "/"));
    return host[0] == '-' || (at && at[1] == '-');
}

static int address_check(struct peer *peer, struct err *err) {
    const struct repo_act_spec *spec = peer->act->spec;
    const char *url = peer->url;
    const bool is_https = text_starts_with(url, "https://");
    const bool is_http = text_starts_with(url, "http://");
    /* "ext::…" names a program that git would start. */
    const char *helper = strstr(url, "::");
    const bool is_helper = helper && strcspn(url, "/@[") > (size_t)(helper - url);
    const char *scheme = is_helper ? helper : strstr(url, "://");
    peer->is_ssh = !is_helper && ssh_is(url);
    if (is_option(url) || url[strcspn(url, "\n\r\t")])
        return err_set(err, ERR_REFUSED, "`%s` is no address of a repository", peer->shown);
    if (is_http && spec->password) {
        err_set(err, ERR_REFUSED, "%s would carry the password in clear text", peer->shown);
        return err_hint(err, "use https");
    }
    if (peer->is_ssh && spec->password) {
        err_set(err, ERR_INVALID, "%s is reached by ssh, which takes no password here",
                peer->shown);
        return err_hint(err, "ssh uses the keys of the agent, or the file `ssh_key` names");
    }
    if (is_https || is_http || peer->is_ssh || !scheme || text_starts_with(url, "file://"))
        return 0;
    err_set(err, ERR_INVALID, "%s cannot be reached: `%.*s` is not known", peer->shown,
            (int)(scheme - url), url);
    return err_hint(err, "https, ssh and paths are");
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static int on_credentials(git_credential **out, const char *url, const char *user_of_url,
                          unsigned allowed, void *user) {
    struct peer *peer = user;
    const struct repo_act_spec *spec = peer->act->spec;
    (void)url;
    if (peer->asked++ > 0 || !spec->password || !(allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT)) {
        git_error_set_str(GIT_ERROR_HTTP, "credentials");
        return GIT_EAUTH;
    }
    const char *name = spec->user ? spec->user : user_of_url ? user_of_url : "git";
    return git_credential_userpass_plaintext_new(out, name, spec->password);
}

static int on_certificate(git_cert *cert, int valid, const char *host, void *user) {
    struct peer *peer = user;
    (void)cert;
    if (valid)
        return 0;
    mem_free(peer->refused);
    peer->refused = mem_printf("the certificate that %s shows is not valid", host);
    git_error_set_str(GIT_ERROR_SSL, peer->refused);
    return GIT_ECERTIFICATE;
}

static int on_sideband(const char *text, int length, void *user) {
    struct peer *peer = user;
    (void)buf_append(&peer->said, text, (size_t)length);
    return act_is_cancelled(peer->act) ? GIT_EUSER : 0;
}

static int on_transfer(const git_indexer_progress *progress, void *user) {
    const struct peer *peer = user;
    (void)progress;
    return act_is_cancelled(peer->act) ? GIT_EUSER : 0;
}

static int on_pack(int stage, uint32_t current, uint32_t total, void *user) {
    const struct peer *peer = user;
    (void)stage, (void)current, (void)total;
    return act_is_cancelled(peer->act) ? GIT_EUSER : 0;
}

static int on_upload(unsigned current, unsigned total, size_t bytes, void *user) {
    const struct peer *peer = user;
    (void)current, (void)total, (void)bytes;
    return act_is_cancelled(peer->act) ? GIT_EUSER : 0;
}

static void callbacks_fill(struct peer *peer) {
    git_remote_callbacks *callbacks = &peer->callbacks;
    git_remote_init_callbacks(callbacks, GIT_REMOTE_CALLBACKS_VERSION);
    callbacks->credentials = on_credentials;
    callbacks->certificate_check = on_certificate;
    callbacks->sideband_progress = on_sideband;
    callbacks->transfer_progress = on_transfer;
    callbacks->pack_progress = on_pack;
    callbacks->push_transfer_progress = on_upload;
    callbacks->payload = peer;
    if (peer->is_ssh)
        callbacks->transport = ssh_transport;
}

/* Authorities of one's own, as git is told of them. */
static void authorities_set(const struct act *act) {
    const char *said = getenv("GIT_SSL_CAINFO");
    AUTO_TEXT file = said && *said ? mem_strdup(said) : setting(act, "http.%sslcainfo", "");
    if (file && file_exists(file))
        git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, file, NULL);
}

/* ---- life ------------------------------------------------------------------------------------ */

int peer_open(struct act *act, bool push, struct peer *ret, struct err *err) {
    git_remote_create_options options;
    *ret = (struct peer){.act = act, .said = BUF_INIT(SAID_MAX)};
    if (address_find(ret, push, err) < 0 || address_check(ret, err) < 0)
        return -1;
    callbacks_fill(ret);
    if (text_starts_with(ret->url, "https://"))
        authorities_set(act);
    git_remote_create_options_init(&options, GIT_REMOTE_CREATE_OPTIONS_VERSION);
    options.repository = act->git;
    options.fetchspec = ret->fetch;
    options.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF;
    if (git_remote_create_with_opts(&ret->remote, ret->url, &options) < 0)
        return repo_git_fail(err, "the remote %s", ret->shown);
    fact_set_text(act, "remote", ret->name ? ret->name : ret->shown);
    fact_set_text(act, "url", ret->shown);
    return 0;
}

void peer_close(struct peer *peer) {
    git_remote_free(peer->remote);
    buf_release(&peer->said);
    mem_free(peer->name);
    mem_free(peer->url);
    mem_free(peer->shown);
    mem_free(peer->fetch);
    mem_free(peer->refused);
}

int peer_connect(struct peer *peer, git_direction direction, struct err *err) {
    git_remote_connect_options options;
    git_remote_connect_options_init(&options, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
    options.callbacks = peer->callbacks;
    options.proxy_opts.type = GIT_PROXY_AUTO;
    if (peer->act->spec->password)
        options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    if (git_remote_connect_ext(peer->remote, direction, &options) < 0)
        return peer_fail(peer, "cannot reach", err);
    return 0;
}

int peer_find(struct peer *peer, const char *ref, git_oid *ret, struct err *err) {
    const git_remote_head **heads = NULL;
    size_t count = 0;
    if (git_remote_ls(&heads, &count, peer->remote) < 0)
        return peer_fail(peer, "cannot list what is in", err);
    for (size_t i = 0; i < count; i++)
        if (text_equal(heads[i]->name, ref)) {
            *ret = heads[i]->oid;
            return 1;
        }
    return 0;
}

/* ---- what went wrong ------------------------------------------------------------------------- */

static int fail_credentials(const struct peer *peer, struct err *err) {
    if (peer->act->spec->password) {
        err_set(err, ERR_REFUSED, "%s refuses the user or the password", peer->shown);
        return err_hint(err, "is the token still valid, and may it do this?");
    }
    err_set(err, ERR_REFUSED, "%s asks for credentials, and the step has none", peer->shown);
    return err_hint(err, "credentials: {user: deploy, password: \"${{ .secrets.git_token }}\"}; "
                         "git's credential helpers are not asked");
}

static int fail_host_key(const struct peer *peer, bool has_changed, struct err *err) {
    AUTO_TEXT key = ssh_fingerprint(peer);
    err_set(err, ERR_REFUSED, "the host key of %s %s%s%s", peer->shown,
            has_changed ? "is not the one in known_hosts" : "is not known", key ? ": " : "",
            key ? key : "");
    if (has_changed)
        return err_hint(err, "somebody may be between you and the host: ask who runs it before the "
                             "old key is removed with `ssh-keygen -R`");
    return err_hint(err, "compare it with what its owner says, and connect once with ssh to add it "
                         "to known_hosts");
}

static int fail_ssh(const struct peer *peer, const char *doing, struct err *err) {
    const char *said = buf_text(&peer->said);
    if (strstr(said, "REMOTE HOST IDENTIFICATION HAS CHANGED"))
        return fail_host_key(peer, true, err);
    if (strstr(said, "Host key verification failed"))
        return fail_host_key(peer, false, err);
    if (strstr(said, "Permission denied")) {
        err_set(err, ERR_REFUSED, "%s refuses your key", peer->shown);
        return err_hint(err, "`ssh-add -l` lists the agent's keys; `ssh_key` of the credentials "
                             "names another");
    }
    size_t end = strlen(said), start;
    while (end > 0 && strchr("\r\n", said[end - 1]))
        end--;
    for (start = end; start > 0 && said[start - 1] != '\n';)
        start--;
    const git_error *last = git_error_last();
    if (end > start)
        return err_set(err, ERR_UNREACHABLE, "%s %s: %.*s", doing, peer->shown, (int)(end - start),
                       said + start);
    return err_set(err, ERR_UNREACHABLE, "%s %s: %s", doing, peer->shown,
                   last ? last->message : "ssh ended without a word");
}

int peer_fail(struct peer *peer, const char *doing, struct err *err) {
    const git_error *last = git_error_last();
    const char *why = last && last->message ? last->message : "unknown reason";
    if (act_is_cancelled(peer->act))
        return err_set(err, ERR_UNREACHABLE, "%s %s: it was cancelled", doing, peer->shown);
    if (peer->refused) {
        err_set(err, ERR_REFUSED, "%s", peer->refused);
        return err_hint(err, "git config http.sslCAInfo names a file of authorities of one's own; "
                             "`http.sslVerify` is not looked at");
    }
    if (peer->is_ssh)
        return fail_ssh(peer, doing, err);
    if (text_equal(why, "credentials") || strstr(why, "authentication") || strstr(why, "401"))
        return fail_credentials(peer, err);
    if (strstr(why, "non-bare")) {
        err_set(err, ERR_REFUSED, "%s has a branch checked out, and takes no push", peer->shown);
        return err_hint(err, "push to a bare repository: git clone --bare");
    }
    return err_set(err, ERR_UNREACHABLE, "%s %s: %s", doing, peer->shown, why);
}
