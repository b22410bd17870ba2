#include "base/text.h"
#include "report/html.h"
#include "report/palette.h"

static void tones_put(struct buf *out, bool dark) {
    const struct ink_tone *page = dark ? &palette_page.dark : &palette_page.light;
    buf_printf(out, ":root{--bg:%s;--line:%s;--text:%s", page->fill, page->line, page->text);
    for (size_t i = 0; i < INK_COUNT; i++) {
        const struct ink_tone *tone = dark ? &palette[i].dark : &palette[i].light;
        buf_printf(out, ";--%s:%s;--%s-line:%s;--%s-text:%s", palette[i].name, tone->fill,
                   palette[i].name, tone->line, palette[i].name, tone->text);
    }
    buf_puts(out, "}\n");
}

static void style_put(struct buf *out) {
    static const char rules[] =
        "*{box-sizing:border-box}\n"
        "body{margin:0 auto;padding:1.5rem;max-width:70rem;background:var(--bg);color:var(--text);"
        "font:16px/1.45 system-ui,sans-serif}\n"
        "h1{font-size:1.7rem;margin:0 0 .3rem}h2{font-size:1.2rem;margin:2rem 0 .6rem;"
        "border-bottom:1px solid var(--line);padding-bottom:.2rem}h3{font-size:1rem;"
        "margin:1.2rem 0 .4rem}\n"
        "a{color:inherit}code,pre{font:.87em/1.4 ui-monospace,monospace;white-space:pre-wrap;"
        "overflow-wrap:anywhere}\n"
        "p.about{white-space:pre-line;margin:.3rem 0}small{opacity:.8}\n"
        "dl{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:.15rem 1rem;"
        "margin:.5rem 0}dt{opacity:.8;overflow-wrap:anywhere;max-width:16rem}dd{margin:0;"
        "min-width:0;overflow-wrap:anywhere}\n"
        "table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;"
        "padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line);"
        "overflow-wrap:anywhere}\n"
        ".picture{overflow:auto;border:1px solid var(--line);border-radius:6px;padding:1rem}\n"
        ".picture a{text-decoration:none}\n"
        "details.step{border:1px solid var(--line);border-radius:6px;padding:.4rem .7rem;"
        "margin:.35rem 0 .35rem calc(var(--depth)*1.5rem)}summary{cursor:pointer}\n"
        ".left-out>summary{opacity:.85;text-decoration:line-through}.nested{margin-left:1.5rem}\n"
        ".badge{border:1px solid;border-radius:4px;padding:0 .4em;font-size:.85em}\n"
        "p.limit{background:var(--limit);color:var(--limit-text);padding:.4rem .8rem;"
        "font-weight:600;border-radius:4px}\n"
        "p.alarm,code.alarm{background:var(--destroys);color:var(--destroys-text);"
        "border:1px solid var(--destroys-line);border-radius:4px;padding:0 .3em}\n"
        "p.lacks{border:1px dashed var(--line);padding:.6rem .8rem}\n"
        ".wave{display:flex;flex-wrap:wrap;gap:.4rem;align-items:center;margin:.3rem 0}\n"
        ".report td,.report dd{white-space:pre-line}.report pre{padding:.6rem .8rem;"
        "border:1px solid var(--line);border-radius:6px}\n"
        "tr.alarm td{background:var(--destroys);color:var(--destroys-text)}\n"
        "@media print{details.step>*{display:block}body{max-width:none}}\n";
    buf_puts(out, "<style>\n:root{color-scheme:light dark}\n");
    tones_put(out, false);
    buf_puts(out, "@media (prefers-color-scheme: dark){\n");
    tones_put(out, true);
    buf_puts(out, "}\n");
    buf_puts(out, rules);
    for (size_t i = 0; i < INK_COUNT; i++)
        buf_printf(
            out,
            ".badge.%s{background:var(--%s);border-color:var(--%s-line);color:var(--%s-text)}\n",
            palette[i].name, palette[i].name, palette[i].name, palette[i].name);
    palette_css(out);
    buf_puts(out, "</style>\n");
}

void html_page_begin(struct buf *out, const char *title) {
    buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                  "<meta http-equiv=\"Content-Security-Policy\" "
                  "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>");
    html_puts(out, title);
    buf_puts(out, "</title>\n");
    style_put(out);
    buf_puts(out, "</head>\n");
}
