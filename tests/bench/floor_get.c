/* The least that asking a server costs: libcurl's multi interface, looked at by nobody.
 * floor_get URL COUNT AT_ONCE */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

static size_t swallow(char *bytes, size_t size, size_t count, void *user) {
    (void)bytes;
    (void)user;
    return size * count;
}

static void begin(CURLM *multi, CURL *easy, const char *url) {
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    curl_multi_add_handle(multi, easy);
}

/* Each handle that is done begins the next request. Returns how many answers were not 200. */
static long turn(CURLM *multi, const char *url, long *left, long *running) {
    CURLMsg *message;
    int queued;
    long bad = 0, status = 0;
    while ((message = curl_multi_info_read(multi, &queued))) {
        CURL *easy = message->easy_handle;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        bad += message->data.result != CURLE_OK || status != 200;
        curl_multi_remove_handle(multi, easy);
        --*running;
        if (*left > 0) {
            --*left;
            ++*running;
            begin(multi, easy, url);
        } else {
            curl_easy_cleanup(easy);
        }
    }
    return bad;
}

int main(int argc, char **argv) {
    if (argc != 4)
        return fputs("usage: floor_get URL COUNT AT_ONCE\n", stderr), 2;
    long left = strtol(argv[2], NULL, 10), at_once = strtol(argv[3], NULL, 10);
    long running = 0, bad = 0;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = curl_multi_init();
    for (; left > 0 && running < at_once; left--, running++)
        begin(multi, curl_easy_init(), argv[1]);
    while (running > 0) {
        int still;
        curl_multi_perform(multi, &still);
        bad += turn(multi, argv[1], &left, &running);
        if (running > 0)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    curl_multi_cleanup(multi);
    return bad ? 1 : 0;
}
