"""report - what becomes of the rows: the JSON file, plots, and the tables of doc/performance.md."""
import json
import os
import platform
import re
import subprocess
from xml.sax.saxutils import escape

BEGIN = "<!-- begin: written by ./dev bench --write -->"
END = "<!-- end -->"


def first_line(argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return done.stdout.splitlines()[0] if done.stdout else ""
    except OSError:
        return ""


def congestion_control():
    with open("/proc/sys/net/ipv4/tcp_congestion_control", encoding="ascii") as f:
        return f.read().strip()


def machine(top):
    """What the figures were measured on, as a list of lines."""
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    virtual = first_line(["systemd-detect-virt", "--vm"])
    commit = first_line(["git", "-C", top, "rev-parse", "--short", "HEAD"])
    changed = first_line(["git", "-C", top, "status", "--porcelain", "--untracked-files=no"])
    return [
        f"- processor: {model}, {os.cpu_count()} cores" +
        (f", virtual machine ({virtual})" if virtual not in ("", "none") else ""),
        f"- kernel: {platform.system()} {platform.release()}",
        f"- TCP congestion control: {congestion_control()}",
        f"- compiler: {first_line(['gcc', '--version'])}, buildtype=release",
        f"- commit: {commit or 'unknown'}{' with changes' if changed else ''}",
    ]


def number(value):
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def row_table(rows):
    lines = ["| part | case | metric | unit | ours | other | | ratio | spread |",
             "|---|---|---|---|---|---|---|---|---|"]
    for r in rows:
        ratio = "" if r["ratio"] is None else f"{r['ratio']:.3f}"
        spread = "" if r["spread"] is None else f"{100 * r['spread']:.0f} %"
        lines.append(f"| {r['part']} | {r['case']} | {r['metric']} | {r['unit']} | {number(r['ours'])} | "
                     f"{number(r['other'])} | {r['other_name']} | {ratio} | {spread} |")
    return "\n".join(lines)


def unsettled(value, spread, bound):
    """The bound is nearer to the median than half the width of the rounds: another run may lie beyond."""
    return spread is not None and abs(value - bound) <= value * spread / 2


def goal_table(goals, rows):
    lines = ["| measure | goal | result | met |", "|---|---|---|---|"]
    for goal in goals:
        value, met = goal.value(rows), goal.met(rows)
        sign = "at least" if goal.least else "at most"
        text = {True: "yes", False: "**no**", None: "not measured"}[met]
        shown = "" if value is None else f"{value:.3g}"
        row = goal.row(rows)
        if row and met is not None and unsettled(value, row["spread"], goal.bound):
            text = "not settled"
        if row and row["spread"] is not None:
            shown += f" (spread {100 * row['spread']:.0f} %)"
        lines.append(f"| {goal.measure} | {sign} {goal.bound:g} | {shown} | {text} |")
    return "\n".join(lines)


def between(text, new):
    """The text with what stands between the markers replaced."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError("the markers of the tables are not there once")
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{new}\n{END}{rest.split(END)[1]}"


def sections(text):
    """The parts that stand between the markers: name to text, in order."""
    inside = text.split(BEGIN)[1].split(END)[0]
    found = re.split(r"(?m)^### (\w+): ", inside)[1:]
    return {name: f"### {name}: {rest.strip()}" for name, rest in zip(found[::2], found[1::2])}


def section(part, about, on, goals, rows, plotted):
    """One part's: what it is, the machine it ran on, goals, figures, plot."""
    goals = [goal for goal in goals if goal.part == part]
    texts = [f"### {part}: {about}", "\n".join(on)]
    texts += [goal_table(goals, rows)] if goals else []
    texts += [row_table(rows)]
    texts += [f"![{part}](performance/{part}.svg)"] if plotted else []
    return "\n\n".join(texts)


def write_document(path, order, new):
    """Puts these sections (name to text) into the document, between its markers. The sections of other
    parts stay: they were measured at another time."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    both = {**sections(text), **new}
    names = [name for name in order if name in both]
    with open(path, "w", encoding="utf-8") as f:
        f.write(between(text, "\n\n".join(both[name] for name in names)))


def write_json(path, rows):
    with open(path, "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


# --- plots --------------------------------------------------------------------------------------

def drawable(row):
    return row["ratio"] is not None


def plot(title, rows):
    """An SVG with one bar for each row's ratio; the line at 1 is where both are equal."""
    left, right, height, top = 420, 360, 18, 44
    most = max([1.2] + [row["ratio"] for row in rows])
    scale = right / most
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right + 90}" '
           f'height="{top + height * len(rows) + 12}" font-family="sans-serif" font-size="11">',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="8" y="20" font-size="14">{escape(title)}: ours / other</text>']
    for i, row in enumerate(rows):
        y = top + i * height
        label = escape(f"{row['case']}, {row['metric']} / {row['other_name']}")
        half = row["ratio"] * (row["spread"] or 0) / 2
        at = left + row["ratio"] * scale
        out += [f'<text x="{left - 6}" y="{y + 12}" text-anchor="end">{label}</text>',
                f'<rect x="{left}" y="{y + 3}" width="{row["ratio"] * scale:.1f}" '
                f'height="{height - 6}" fill="#5b8db8"/>',
                f'<line x1="{at - half * scale:.1f}" x2="{at + half * scale:.1f}" y1="{y + 9}" '
                f'y2="{y + 9}" stroke="#222"/>',
                f'<text x="{max(at, at + half * scale) + 5:.1f}" y="{y + 12}">{row["ratio"]:.2f}</text>']
    one = left + scale
    out += [f'<line x1="{one:.1f}" x2="{one:.1f}" y1="{top - 6}" y2="{top + height * len(rows)}" '
            'stroke="#b03030" stroke-dasharray="4 3"/>', "</svg>"]
    return "\n".join(out) + "\n"


def write_plots(folder, rows):
    """One plot for each part; returns the paths."""
    os.makedirs(folder, exist_ok=True)
    paths = []
    for part in dict.fromkeys(row["part"] for row in rows):
        shown = [row for row in rows if row["part"] == part and drawable(row)]
        if shown:
            paths.append(os.path.join(folder, f"{part}.svg"))
            with open(paths[-1], "w", encoding="utf-8") as f:
                f.write(plot(part, shown))
    return paths
