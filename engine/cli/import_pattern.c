#include "cli/import_pattern.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PATTERN_REACH ((size_t)4096)

#define VERBS                                                                                      \
    "access|acknowledge|activate|add|address|adjust|advise|alert|analy[sz]e|announce|answer|"      \
    "apply|approve|ask|assess|assign|back ?up|begin|block|book|brief|bring|build|call|cancel|"     \
    "capture|change|check|choose|clean|clear|click|close|collect|communicate|compare|complete|"    \
    "conduct|configure|confirm|connect|consider|contact|contain|coordinate|copy|"                  \
    "create|cut|debug|decide|declare|define|delete|deploy|describe|determine|disable|disconnect|"  \
    "discuss|document|do|double.check|download|drain|drop|edit|enable|engage|ensure|enter|"        \
    "escalate|establish|estimate|evaluate|examine|execute|export|extract|fetch|file|find|fix|"     \
    "follow|force|freeze|gather|generate|get|give|go|grant|hold|identify|implement|import|"        \
    "increase|inform|initiate|inspect|install|invalidate|investigate|invite|isolate|keep|kill|"    \
    "launch|let|list|load|lock|log|look|lower|maintain|make|manual|mark|merge|migrate|monitor|"    \
    "mount|move|navigate|note|notify|observe|open|optimi[sz]e|order|page|patch|pause|perform|"     \
    "pick|pin|place|plan|post|prepare|preserve|prevent|prioriti[sz]e|promote|provide|provision|"   \
    "publish|pull|purge|push|put|query|raise|re-(?:index|run|enable|deploy|create|start|issue|"    \
    "apply|check|test)|reboot|redeploy|rerun|recreate|reach|read|rebuild|record|recover|reduce|"   \
    "refresh|reindex|release|reload|remove|rename|repair|repeat|replace|replay|report|request|"    \
    "reset|resolve|restart|restore|resume|retry|return|revert|review|revoke|roll|rotate|route|"    \
    "run|sanity|save|scale|scan|schedule|search|secure|select|send|set|share|shut|sign|silence|"   \
    "simulate|skip|snapshot|spin|start|stop|store|submit|suspend|switch|sync|tag|take|tell|test|"  \
    "throttle|track|trigger|try|tune|turn|type|undo|uninstall|unlock|unmount|update|upgrade|"      \
    "upload|use|validate|verify|version|view|wait|warn|watch|wipe|write"

/* Indexed by enum pattern. All ignore case but where (?-i) says otherwise. */
static const char *const sources[PATTERN_COUNT] = {
    [PATTERN_SECRET_URL] =
        "\\b([a-z][a-z0-9+]{1,20}://[^\\s:/@'\"`<>]*:[^\\s@'\"`<>$]+@[^\\s'\"`<>)\\]]+)",
    [PATTERN_SECRET_VARIABLE] =
        "(?-i)\\b((?:[A-Z0-9]+_)*(?:PASSWORD|PASSWD|PASS|PGPASSWORD|SECRET|SECRETS|TOKEN|APIKEY|"
        "API_KEY|ACCESS_KEY|ACCESS_KEY_ID|PRIVATE_KEY|ENCRYPTION_KEY|SIGNING_KEY|SECRET_KEY|"
        "CREDENTIALS|DATABASE_URL|DB_URL|REDIS_URL|MONGO_URL|MONGODB_URI|AMQP_URL|DSN|WEBHOOK_URL)"
        "(?:_BASE64)?)=(?:\"(?!\\$)[^\"\\n$]+\"|'[^'\\n]+'|[^\\s$'\"`;&|)][^\\s'\"`;&|)]*)",
    [PATTERN_SECRET_SETTING] =
        "(?<![\\w$])(?:[\\w-]*[_-])?(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|"
        "access[_-]?key|private[_-]?key)[\"'`]?\\*{0,2}(?:\\s*[=:]\\*{0,2}\\s*|\\s+)[\"'`]?"
        "((?=[^\\s\"'`]*[0-9])(?=[^\\s\"'`]*[a-z])[^\\s\"'`,;{}<>$()\\[\\]]{5,})",
    [PATTERN_SECRET_TOKEN] =
        "(?-i)(?<![\\w-])(sk-(?:[A-Za-z0-9_-]{3,}|\\.\\.\\.)|[sr]k_(?:live|test)_\\w{4,}|"
        "gh[pousr]_\\w{12,}|github_pat_\\w{8,}|glpat-[\\w-]{8,}|xox[abeprs]-[\\w-]{8,}|"
        "AKIA[A-Z0-9]{12,}|AIza[\\w-]{20,}|eyJ[\\w-]{8,}\\.[\\w-]{8,}\\.?[\\w-]*|"
        "SG\\.[\\w-]{10,}\\.[\\w-]+|npm_\\w{20,}|hf_\\w{20,}|dop_v1_\\w{8,}|whsec_\\w{8,})",
    [PATTERN_SECRET_BEARER] =
        "\\bauthorization[\"'`]?\\s*:\\s*[\"'`]?(?:bearer|basic|token|apikey)\\s+([^\\s\"'`<$]+)",
    [PATTERN_SECRET_HEADER] =
        "(?<![\\w-])(?:proxy-authorization|authorization|(?:set-)?cookie|x-api-key|x-auth-token|"
        "api-key|private-token|x-vault-token):\\s*(?!bearer|basic|token)([^\\s\"'`<$][^\"'`<$\\n]*"
        ")",
    [PATTERN_SECRET_USER] =
        "\\bcurl\\b[^\\n]{0,200}?\\s(?:-u|--user)[ =]?[\"']?[^\\s:\"'$]+:([^\\s\"'$]+)",
    [PATTERN_SECRET_OPTION] =
        "(?:\\bmysql\\w{0,9}\\b[^\\n]{0,200}?\\s-p|\\bsshpass\\s+-p\\s*|"
        "\\bredis-cli\\b[^\\n]{0,200}?\\s-a\\s+|\\s--?(?:password|token|secret|api-key)"
        "[ =])[\"']?([^\\s\"'$<\\[-][^\\s\"'$]{3,})",
    [PATTERN_SECRET_TOLD] =
        "\\b(?:password|passphrase|secret|token|api key|passcode)\\b[^.\\n]{0,24}?"
        "\\s(?:is|of|to|use)\\s+[`\"']([^\\s`\"']{5,})[`\"']",
    [PATTERN_NO_SECRET] = "^(?:true|false|none|null|required|optional|<.*|\\$.*|\\{.*|\\*+|x+)$",
    [PATTERN_SECRET_NAME] =
        "(?-i)(?:^|_)(?:PASSWORD|PASSWD|PASS|PGPASSWORD|SECRET|SECRETS|TOKEN|APIKEY|API_KEY|"
        "ACCESS_KEY|ACCESS_KEY_ID|PRIVATE_KEY|ENCRYPTION_KEY|SIGNING_KEY|SECRET_KEY|CREDENTIALS|"
        "DATABASE_URL|DB_URL|REDIS_URL|MONGO_URL|MONGODB_URI|AMQP_URL|DSN|WEBHOOK_URL)$",
    [PATTERN_IF] = "^(?:only )?(?:if|when|in case)\\s+(.+?)\\s*(?:,|:|\\bthen\\b| - |\xE2\x80\x94)",
    [PATTERN_IF_NEEDED] =
        "^(.*?)[\\s(,]+(?:if|as|when|where) (?:needed|required|necessary|"
        "applicable|appropriate|desired|issues occur)\\b|^(.*?)\\s*\\(optional\\)",
    [PATTERN_OR] = "^(?:or|alternatively|alternative|option [b-z2-9])\\b[\\s:,-]*(.*)",
    [PATTERN_REFERENCE] =
        "\\b(?:table of contents|contents|overview|introduction|glossary|references?|see also|"
        "(?:emergency )?contacts?|contact information|external support|escalation (?:path|matrix|"
        "contacts)|severity levels?|severities|log locations?|locations|industry templates|"
        "retention periods?|access$|booking flow|changelog|revision history|backup strategy|"
        "rto|rpo|recovery (?:time|point) objective|automated(?: backups)?|evidence|background|"
        "architecture|definitions?|rollback (?:if|when|criteria|triggers?)|symptoms|"
        "common causes|api reference|related|links|owners?|key metrics)\\b",
    [PATTERN_IMPERATIVE] = "^(?:please |also |then |first |finally |immediately |always |never )*"
                           "(?:" VERBS ")\\b",
    [PATTERN_RUN_CODE] = "^(?:please |then |now |first )?(?:run|execute|invoke|issue|type)\\b:?\\s+"
                         "(?:the (?:command|script)\\s+)?`([^`]+)`",
    [PATTERN_DANGER_WORDS] = "\\b(?:careful|dangerous|destructive|irreversible|cannot be undone|"
                             "data loss|downtime|point of no return|wipes?|overwrites?)\\b",
    [PATTERN_DANGER_COMMAND] =
        "(?<![\\w-])(?:dropdb\\b|drop\\s+(?:table|database|schema|view|index|column|user|role)\\b|"
        "truncate\\b|delete\\s+from\\b|rm\\s+(?:-\\S+\\s+)*-\\w*[rf]|rm\\s+--\\S*|flush(?:all|db)"
        "\\b|"
        "p?kill\\b|killall\\b|(?:compose\\b.*|deploy:|stack )down\\b|\\w+:down\\b|prune\\b|"
        "purge\\b|destroy\\b|(?:git\\s+push\\b.*\\s-f\\b)|git\\s+reset\\s+--hard|git\\s+clean\\b|"
        "mkfs\\S*|dd\\s+.*\\bof=|wipefs\\b|shred\\b|(?:kubectl|oc)\\s+delete\\b|helm\\s+"
        "(?:uninstall|delete)\\b|aws\\s+s3\\s+r[mb]\\b|terminate-instances\\b|delete-\\w+|"
        "reboot\\b|shutdown\\b|halt\\b|poweroff\\b|pg_restore\\b|mongorestore\\b|"
        "redis-cli\\b.*\\bdel\\b|userdel\\b|docker\\s+(?:rm|rmi|volume\\s+rm)\\b|"
        "iptables\\s+-F\\b|crontab\\s+-r\\b|systemctl\\s+(?:disable|mask)\\b|"
        "migrate\\s+reset\\b|db:(?:drop|reset)\\b|--accept-data-loss\\b)|\\s--force(?![\\w-]*-with-"
        "lease)\\b|(?<!-mtime \\+\\d)(?<!-mtime "
        "\\+\\d\\d)\\s-delete\\b|\\b(?:psql|mysql)\\b[^|\\n]*\\s<(?!<)|\\|[^|\\n]*\\b(?:psql|mysql)"
        "\\b|"
        "\\b\\w*restore\\w*[-_.\\w]*\\.(?:sh|py|rb|js)\\b|\\bvacuum\\s+full\\b",
    [PATTERN_DANGER_URL] =
        "\\b(?:purge|delete|destroy|drop|reset|wipe|shutdown|terminate|flush)\\b",
    [PATTERN_READ_COMMAND] =
        "^(?:sudo\\s+)?(?:ls|ll|df|du|free|uptime|ps|cat|head|tail|grep|egrep|zgrep|wc|sort|uniq|"
        "cut|"
        "tr|column|jq|stat|file|date|whoami|hostname|id|env|printenv|which|echo|printf|ss|netstat|"
        "lsof|dig|host|nslookup|ping|sslscan|pg_isready|sha256sum|md5sum|diff|awk(?!.*(?:>|system))"
        "|"
        "git\\s+(?:log|status|diff|show|branch\\s*$|remote\\s+-v|describe|rev-parse)|"
        "docker\\s+(?:ps|stats|logs|inspect|images|info|version)|"
        "docker[ -]compose\\b(?:\\s+-f\\s+\\S+)*\\s+(?:ps|logs|top|config|images)|"
        "kubectl\\s+(?:-n\\s+\\S+\\s+)?(?:get|describe|logs|top|version)|"
        "systemctl\\s+(?:status|is-active|is-enabled|list-units|show)|journalctl|"
        "pm2\\s+(?:status|list|ls|show|describe|logs)|vercel\\s+(?:ls|list|inspect|env\\s+ls)|"
        "openssl\\s+(?:s_client|x509\\s+-noout)|ufw\\s+status|npm\\s+(?:ls|list|outdated)|"
        "npm\\s+audit(?!\\s+fix)|aws\\s+s3\\s+ls|nginx\\s+-t|certbot\\s+certificates|"
        "redis-cli\\b.*\\b(?:ping|info|dbsize)$|npx\\s+tsc\\s+--noEmit|npx\\s+prisma\\s+"
        "(?:validate|migrate\\s+status))(?:\\s|$)",
    [PATTERN_MAKES_SECRET] =
        "\\b(?:openssl\\s+(?:rand|genrsa|genpkey)|pwgen|uuidgen|ssh-keygen|gpg\\s+--gen|"
        "/dev/u?random|secrets\\.token|randomBytes)\\b",
    [PATTERN_INTERACTIVE] = "^(?:sudo\\s+)?(?:htop|top(?!.*\\s-b)|atop|glances|vim?|nano|emacs|"
                            "less|more|man|pm2\\s+monit|"
                            "redis-cli\\s*$|psql(?:\\s+[\"']?\\$\\{?\\w+\\}?[\"']?|\\s+\\w+)?\\s*$|"
                            "mysql(?:\\s+-\\S+)*\\s*$|"
                            "python3?\\s*$|node\\s*$|ssh\\s+\\S+\\s*$|rails\\s+(?:c|console)|"
                            "(?:docker|kubectl)\\b.*\\s-i?ti?\\b.*\\b(?:bash|sh)\\s*$)(?:\\s|$)",
    [PATTERN_SERVICE] =
        "^(?:npm\\s+(?:run\\s+)?start|npm\\s+run\\s+(?:dev|serve)|yarn\\s+(?:start|dev)|"
        "pnpm\\s+(?:start|dev)|flask\\s+run|rails\\s+(?:s|server)|uvicorn|gunicorn)\\b"
        "[^|;&>]*$",
    [PATTERN_ENDLESS] = "\\b(?:tail|journalctl|logs|kubectl)\\b[^|;]*\\s(?:-\\w*[fF]\\w*|--follow)"
                        "(?=\\s|$)(?!\\s*(?:\\S+\\.ya?ml))|^pm2\\s+logs(?!.*(?:--nostream))\\b",
    [PATTERN_OUTSIDE_TRANSACTION] =
        "\\b(?:vacuum|reindex\\s+(?:\\(.*?\\)\\s*)?(?:database|system)|concurrently|"
        "(?:create|drop)\\s+(?:database|tablespace)|alter\\s+system)\\b",
    [PATTERN_LOOKS_LIKE_COMMAND] =
        "(?-i)^(?:\\$ |sudo |\\./|/(?:usr|bin|opt|etc)/\\S+|(?:curl|wget|psql|pg_dump|pg_restore|"
        "createdb|dropdb|docker|docker-compose|kubectl|helm|systemctl|service|journalctl|npm|npx|"
        "yarn|"
        "pnpm|node|python3?|pip3?|git|ssh|scp|rsync|tar|gzip|gunzip|cp|mv|rm|mkdir|ls|cat|tail|"
        "head|"
        "grep|df|du|free|ps|kill|redis-cli|mysql|mysqldump|mongodump|aws|gcloud|az|terraform|"
        "ansible|"
        "ansible-playbook|make|bash|sh|pm2|vercel|openssl|certbot|nginx|ufw|crontab|export|chmod|"
        "chown|echo|apt|apt-get|yum|dnf)(?: |$))",
    [PATTERN_NUMBERED] = "^\\s*(?:(?:step|phase|stage)\\s+)?\\d{1,3}(?:\\.\\d+)*\\s*[.):]\\s+(.*)",
    [PATTERN_NUMBERED_COMMENT] = "^\\s*#+\\s*(?:step\\s+)?\\d{1,3}\\s*[.):]\\s*(.*)",
    [PATTERN_STAGE] = "^\\s*(?:step|phase|stage)?\\s*\\d{1,3}\\s*[.):-]",
    [PATTERN_BANNER] =
        "^\\s*echo\\s+[\"']\\s*(?:---|===|\\*\\*\\*|>>>|###)(?:[^\"'`$]|\\$\\(date\\))*[\"']\\s*$",
    [PATTERN_WATCH] = "^watch(?:\\s+-\\w+)*?\\s+(?:-n\\s*|--interval[ =])?(\\d+)?\\s*"
                      "(?:'[^']*'|\"(?:[^\"\\\\]|\\\\.)*\"|[^'\"]*)$",
    [PATTERN_KEEP_DAYS] = "\\s-mtime\\s+\\+(\\d{1,5})\\b",
    [PATTERN_HTTP_LINE] = "(?-i)^\\s*(GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE)\\s+"
                          "(?:https?://|/|\\{|\\$)",
    [PATTERN_HTTP_HEADER] = "^([A-Za-z][A-Za-z0-9-]*):\\s*\\S",
    [PATTERN_HEALTH_URL] = "(https?://[^\\s\"'`<>)|]*health[^\\s\"'`<>)|]*)",
    [PATTERN_STATUS_IS] =
        "\\bstatus\\s+(?:is|equals|=|==|should be|reads)\\s+[\"'`]([\\w -]+)[\"'`]",
    [PATTERN_PASSED] = "(?-i)(\\b(?:PASS(?:ED)?: .*|ALL [A-Z0-9/ ]*(?:PASSED|SEEDED|VALIDATED|OK|"
                       "GREEN|SMOKE TEST)\\b.*)|\\b\\d+/\\d+\\b|\\bPASS\\b)",
    [PATTERN_WATCH_TIME] = "\\b(?:watch|monitor|observe)\\b.*?\\b(\\d+ ?(?:seconds?|secs?|minutes?|"
                           "mins?|hours?|hrs?|[smh]))\\b",
    [PATTERN_PHASE] =
        "\\((?:(\\d+)\\s*[-\\x{2013}\\x{2014}]\\s*)?(\\d+)\\s*(?:minutes?|mins?|hours?|hrs?)\\)",
    [PATTERN_DURATION] = "(\\d+(?:\\.\\d+)?\\s*(?:milliseconds?|ms|seconds?|secs?|minutes?|mins?|"
                         "hours?|hrs?|days?|weeks?|[smhd]))\\b",
    [PATTERN_CLOCK] = "\\b(?:at\\s+)?(\\d{1,2}(?::\\d{2})?\\s*[ap]\\.?m\\b|\\d{1,2}:\\d{2})",
    [PATTERN_PSQL] =
        "^psql\\s+(?:-d\\s+|--dbname[= ])?[\"']?\\$\\{?(\\w*DATABASE_URL|\\w*DB_URL)\\}?"
        "[\"']?\\s+-c\\s",
    [PATTERN_SETTING_LINE] =
        "(?-i)^\\s*(?:export\\s+)?([A-Z][A-Z0-9_]*)=(?:\"[^\"]*\"|'[^']*'|[^\\s]*)"
        "\\s*(?:#.*)?$",
    [PATTERN_PLACE_BRACKETS] =
        "\\G\\[([a-z][a-z0-9]+(?:[ _/-]?[a-z0-9]+)*)\\](?=[\\s\"'./:@,;)|]|$)",
    [PATTERN_PLACE_ANGLES] = "\\G<([a-z][a-z0-9]*(?:[ _./-]?[a-z0-9]+)*)>(?!\\w)",
    [PATTERN_PLACE_BRACES] =
        "\\G\\{\\{?\\s*([a-z][a-z0-9]*(?:[_-][a-z0-9]+)+|[a-z]{3,})\\s*\\}?\\}",
    [PATTERN_PLACE_STAMP] =
        "(?-i)\\G((?:YYYY-?MM-?DD|20\\d\\d(?:0[1-9]|1[0-2])(?:[0-2]\\d|3[01]))"
        "(?:[-_T]?(?:HH-?:?MM(?:-?:?SS)?|[0-2]\\d[0-5]\\d[0-5]\\d))?)(?![0-9A-Za-z])",
    [PATTERN_PLACE_YOUR] = "\\G(?<![\\w.-])your[-_]([a-z0-9]+(?:[-_][a-z0-9]+)*)((?:\\.[a-z0-9-]+)*"
                           "\\.(?:com|org|net|io|app|dev|co|tech|cloud|example|internal|local))?",
    [PATTERN_PLACE_VERSION] =
        "(?-i)\\G(?<![\\w.])v(?:1\\.2\\.\\d|1\\.0\\.0|[XYZxyz]\\.[XYZxyz]\\.[XYZxyz])"
        "(?![\\w.])",
    [PATTERN_PLACE_NAME] =
        "\\G(?<![\\w$.{/=-])((?:migration|backup|service|container|branch|bucket|"
        "server|host|index|volume|pod|deployment|release|image)[_-]name)(?![\\w=.-])",
};

struct patterns {
    struct match *made[PATTERN_COUNT];
};

struct patterns *patterns_new(void) {
    return mem_zalloc(sizeof(struct patterns));
}

void patterns_free(struct patterns *patterns) {
    for (size_t i = 0; patterns && i < PATTERN_COUNT; i++)
        match_free(patterns->made[i]);
    mem_free(patterns);
}

static const struct match *pattern_made(const struct patterns *patterns, enum pattern which) {
    struct patterns *cache = (struct patterns *)patterns;
    if (cache->made[which])
        return cache->made[which];
    AUTO_TEXT source = mem_printf("(?i)%s", sources[which]);
    /* The patterns are constants: one that does not compile is a fault of this program. */
    if (match_new(source, (struct span){0}, &cache->made[which], NULL) < 0)
        abort();
    return cache->made[which];
}

bool pattern_find(const struct patterns *patterns, enum pattern which, const char *text,
                  size_t length, size_t from, struct match_found *ret) {
    /* What is longer is no sentence and no command: it is not worth the time. */
    const size_t most = length < from + PATTERN_REACH ? length : from + PATTERN_REACH;
    return match_find(pattern_made(patterns, which), text, most, from, ret, NULL) == 1;
}

bool pattern_has(const struct patterns *patterns, enum pattern which, const char *text) {
    struct match_found found;
    return pattern_find(patterns, which, text, strnlen(text, PATTERN_REACH), 0, &found);
}
