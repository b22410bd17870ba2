"""Calendar expressions at random, good and bad, and what systemd says of them."""
import os
import re
import subprocess

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WORDS = ("minutely", "hourly", "daily", "weekly", "monthly", "yearly", "annually", "quarterly",
         "semiannually", "bi-annually", "Weekly")
ZONES = (" UTC", " utc", " Europe/Berlin", " America/New_York", " Mars/Olympus", " Etc/GMT+5")
LIMITS = {"year": (2020, 2030), "month": (1, 12), "day": (1, 31), "hour": (0, 23),
          "minute": (0, 59), "second": (0, 59)}
# What a person may mistype, put anywhere.
SLIPS = ("*", "/", "..", ".", ",", "-", "~", ":", " ", "0", "7", "99", "Mon", "x", "1.5", "@", "%")


def weekday(random):
    name = random.choice(WEEKDAYS)
    return random.choice((name, name, name.lower(), name + "day" if name in ("Mon", "Fri", "Sun")
                          else name))


def weekdays(random):
    return ",".join(weekday(random) if random.random() < 0.6 else
                    weekday(random) + random.choice(("..", "..", "-")) + weekday(random)
                    for _ in range(random.randint(1, 3)))


def value(random, part):
    low, high = LIMITS[part]
    number = random.randint(low, high) if random.random() < 0.97 else high + random.randint(1, 9)
    return "%0*d" % (random.choice((1, 2)), number)


def item(random, part, strict):
    low, high = LIMITS[part]
    if strict:
        first = random.randint(low, high - 1)
        last = random.randint(first + 1, high)
    else:
        first, last = int(value(random, part)), int(value(random, part))
    kind = random.random()
    if kind < 0.5:
        return "%d" % first
    if kind < 0.75:
        return "%d..%d" % (first, last)
    step = random.randint(1, max(1, (high - first) if strict else (high - low)))
    if kind < 0.9 and strict and first + 2 * step > high:
        # systemd 252 leaves out the first of only two where an hour, day or year begins anew.
        return "%d" % first
    if kind < 0.9:
        return "%d/%d" % (first, step)
    return "%d..%d/%d" % (first, last, random.randint(1, last - first) if strict else step)


def part_of(random, part, strict, any_share=0.35):
    if random.random() < any_share:
        return "*"
    return ",".join(item(random, part, strict) for _ in range(random.choice((1, 1, 1, 2, 3))))


def expression(random, strict=False, for_cron=False):
    """`strict`: nearly always right. `for_cron`: nearly always something that cron can say."""
    if random.random() < 0.05:
        text = random.choice(WORDS)
    else:
        words = []
        if random.random() < 0.4:
            words.append(weekdays(random))
        if random.random() < 0.7 or not words:
            date = []
            if random.random() < 0.6:
                date.append(part_of(random, "year", strict, 1.0 if for_cron else 0.9))
            date.append(part_of(random, "month", strict, 0.6))
            tail = "~" if random.random() < (0.02 if for_cron else 0.1) else "-"
            words.append("-".join(date) + tail + part_of(random, "day", strict, 0.4))
        if random.random() < 0.8:
            time = [part_of(random, "hour", strict), part_of(random, "minute", strict)]
            if random.random() < 0.2:
                time.append("00" if for_cron else part_of(random, "second", strict))
            words.append(":".join(time))
        text = " ".join(words)
    if random.random() < (0.02 if for_cron else 0.1):
        text += random.choice(ZONES)
    return text


def damaged(random, text):
    for _ in range(random.randint(1, 2)):
        at = random.randint(0, len(text))
        text = text[:at] + random.choice(SLIPS) + text[at + random.randint(0, 1):]
    return text


def of_systemd(texts, iterations=1, base="2026-01-01 00:00:00"):
    """For each text None where systemd refuses it, else its next elapses. Those that begin with a
    dash are never asked for: they would be options."""
    told = subprocess.run(
        ["systemd-analyze", "calendar", "--iterations=%d" % iterations, "--base-time=" + base,
         "--", *texts], capture_output=True, text=True, check=False,
        env=dict(os.environ, TZ="UTC", LC_ALL="C"))
    good = {}
    for block in re.split(r"\n\n+", told.stdout.strip("\n")):
        said = dict(line.strip().split(": ", 1) for line in block.splitlines() if ": " in line)
        # One that systemd writes in the very same way has no line of its original form.
        form = said.get("Original form", said.get("Normalized form"))
        good[form] = [at for name, at in said.items()
                      if name.startswith(("Next elapse", "Iter. #")) and at != "never"]
    return [good.get(text) for text in texts]
