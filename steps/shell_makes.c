/* What a simple command would bring onto the PATH: packages that it installs, and files that it
 * writes into a folder of programs. Only what it names counts. */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "shell_words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void made_add(struct shell_scan *scan, const char *name, size_t length) {
    if (length && memchr(name, '$', length) == NULL)
        *vec_add(&scan->makes) = mem_strndup(name, length);
}

/* ---- packages ------------------------------------------------------------------------------ */

/* `verb` is the word behind which packages stand; NULL: there is none. */
struct installer {
    const char *name, *verb;
};

static const struct installer installers[] = {
    {"apt-get", "install"},  {"apt", "install"},   {"aptitude", "install"}, {"dnf", "install"},
    {"microdnf", "install"}, {"yum", "install"},   {"zypper", "install"},   {"zypper", "in"},
    {"apk", "add"},          {"brew", "install"},  {"snap", "install"},     {"pip", "install"},
    {"pip3", "install"},     {"pipx", "install"},  {"npm", "install"},      {"npm", "i"},
    {"gem", "install"},      {"cargo", "install"}, {"go", "install"},       {"pacman", "-S"},
    {"pacman", "-Sy"},       {"pacman", "-Syu"},
};

/* `jq=1.6-2`, `jq@latest`, `jq:amd64`, `jq/stable`, `./jq_1.6_amd64.deb`, and of a path such as
 * `example.org/cmd/tool@v1` the last part. */
static void package_add(struct shell_scan *scan, const char *word, bool is_path) {
    size_t length = strcspn(word, "=@:<>~!");
    const char *last = memrchr(word, '/', length);
    if (last && is_path) {
        length -= (size_t)(last + 1 - word);
        word = last + 1;
    } else if (last) {
        length = (size_t)(last - word);
    }
    made_add(scan, word, length);
}

static void packages_find(struct shell_scan *scan, const struct installer *installer,
                          const struct shell_word *words, size_t count) {
    size_t i = 1;
    while (i < count && !(words[i].is_literal && text_equal(words[i].text, installer->verb)))
        i++;
    for (i++; i < count; i++)
        if (words[i].is_literal && words[i].text[0] != '-')
            package_add(scan, words[i].text, text_equal(installer->name, "go"));
}

/* ---- files --------------------------------------------------------------------------------- */

/* Where programs are kept: /usr/local/bin, ~/.local/bin, /opt/tool/sbin. */
static bool is_of_programs(const char *path, size_t length) {
    return (length >= 4 && memcmp(path + length - 4, "/bin", 4) == 0) ||
           (length >= 5 && memcmp(path + length - 5, "/sbin", 5) == 0);
}

void shell_made(struct shell_scan *scan, const char *path) {
    const char *last = path ? strrchr(path, '/') : NULL;
    if (last && is_of_programs(path, (size_t)(last - path)))
        made_add(scan, last + 1, strlen(last + 1));
}

static bool is_folder_of_programs(const char *text) {
    size_t length = text ? strlen(text) : 0;
    while (length > 1 && text[length - 1] == '/')
        length--;
    return is_of_programs(text, length);
}

/* `cp tool other /usr/local/bin/`, `tar -xf all.tar -C ~/bin tool`: each under its own name. */
static void placed_find(struct shell_scan *scan, const struct shell_word *words, size_t count) {
    bool has_folder = false;
    for (size_t i = 1; i < count; i++)
        has_folder |= is_folder_of_programs(words[i].text);
    for (size_t i = 1; has_folder && i < count; i++) {
        const char *text = words[i].is_literal ? words[i].text : "-";
        const char *last = strrchr(text, '/');
        if (text[0] != '-')
            made_add(scan, last ? last + 1 : text, strlen(last ? last + 1 : text));
    }
}

static void files_find(struct shell_scan *scan, const char *name, const struct shell_word *words,
                       size_t count) {
    static const char *const copiers[] = {"cp", "mv", "ln", "install", "rsync"};
    static const char *const writers[] = {"curl", "wget", "tee"};
    static const char *const unpackers[] = {"tar", "unzip"};
    bool is_copy = text_is_among(name, copiers, COUNT(copiers));
    bool is_write = text_is_among(name, writers, COUNT(writers));
    if (is_copy || is_write || text_is_among(name, unpackers, COUNT(unpackers)))
        placed_find(scan, words, count);
    if (is_copy)
        shell_made(scan, words[count - 1].text);
    for (size_t i = 1; is_write && i < count; i++)
        shell_made(scan, words[i].text);
}

void shell_makes_find(struct shell_scan *scan, const struct shell_word *words, size_t count) {
    const char *slash = strrchr(words[0].text, '/');
    const char *name = slash ? slash + 1 : words[0].text;
    for (size_t i = 0; i < COUNT(installers); i++)
        if (text_equal(installers[i].name, name))
            packages_find(scan, &installers[i], words, count);
    files_find(scan, name, words, count);
}
