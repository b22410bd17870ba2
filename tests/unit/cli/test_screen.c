#include "tests/support/unit.h"
#include <string.h>

#include "cli/screen.h"
#include "vt.h"

static void draw(struct screen *screen, struct vt *vt, const char *region, bool prompt) {
    AUTO_BUF out = BUF_INIT(1 << 20);
    screen_draw(screen, region, prompt, vt->columns, &out);
    vt_write(vt, buf_text(&out), out.length);
}

static void print(struct screen *screen, const char *line) {
    screen_print(screen, line, strlen(line));
}

static void lines_scroll_above_the_region(void **state) {
    (void)state;
    static struct vt vt;
    vt_init(&vt, 40);
    struct screen *screen = screen_new();
    draw(screen, &vt, "one\ntwo", false);
    assert_string_equal(vt_text(&vt), "one\ntwo");
    print(screen, "done a\n");
    draw(screen, &vt, "one\ntwo\nthree", false);
    assert_string_equal(vt_text(&vt), "done a\none\ntwo\nthree");
    draw(screen, &vt, "\x1b[36mone\x1b[0m", false);
    assert_string_equal(vt_text(&vt), "done a\none");
    print(screen, "done b\n");
    draw(screen, &vt, "", false);
    assert_string_equal(vt_text(&vt), "done a\ndone b\n");
    screen_free(screen);
}

static void nothing_is_written_where_nothing_changed(void **state) {
    (void)state;
    struct screen *screen = screen_new();
    AUTO_BUF out = BUF_INIT(1 << 20);
    screen_draw(screen, "one\ntwo", false, 80, &out);
    const size_t first = out.length;
    screen_draw(screen, "one\ntwo", false, 80, &out);
    assert_int_equal(out.length, first);
    screen_free(screen);
}

static void narrower_windows_leave_no_pieces(void **state) {
    (void)state;
    static struct vt vt;
    vt_init(&vt, 60);
    struct screen *screen = screen_new();
    print(screen, "above\n");
    draw(screen, &vt,
         "a first line that takes more than thirty columns\n"
         "and a second one that takes as many as that",
         false);
    vt_resize(&vt, 20);
    draw(screen, &vt, "short\nlines", false);
    assert_string_equal(vt_text(&vt), "above\nshort\nlines");
    vt_resize(&vt, 60);
    draw(screen, &vt, "short\nlines again", false);
    assert_string_equal(vt_text(&vt), "above\nshort\nlines again");
    screen_free(screen);
}

static void prompts_keep_the_cursor_behind_them(void **state) {
    (void)state;
    static struct vt vt;
    vt_init(&vt, 40);
    struct screen *screen = screen_new();
    draw(screen, &vt, "running", false);
    print(screen, "gate go\n");
    draw(screen, &vt, "open? ", true);
    assert_int_equal(vt.column, 6);
    print(screen, "other step done\n");
    draw(screen, &vt, "open? ", true);
    assert_string_equal(vt_text(&vt), "gate go\nother step done\nopen?");
    /* The terminal echoes what is typed. */
    vt_write(&vt, "y\n", 2);
    screen_forget(screen);
    draw(screen, &vt, "running", false);
    assert_string_equal(vt_text(&vt), "gate go\nother step done\nopen? y\nrunning");
    screen_free(screen);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_scroll_above_the_region),
        cmocka_unit_test(nothing_is_written_where_nothing_changed),
        cmocka_unit_test(narrower_windows_leave_no_pieces),
        cmocka_unit_test(prompts_keep_the_cursor_behind_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
