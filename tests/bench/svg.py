"""Plots of lines as SVG: two logarithmic axes, one line a server. No dependency, a page of code."""
import html
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 400, 70, 130, 40, 50
COLOURS = ["#0b5fa5", "#888888", "#c4561a", "#2e8b57", "#8e44ad", "#b8860b"]


def ticks(low, high):
    """Powers of ten, with 2 and 5 between them where there are few."""
    steps = (1, 2, 5) if math.log10(high / low) < 2.5 else (1,)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [m * 10.0 ** e for e in range(first, last + 1) for m in steps
            if low * 0.999 <= m * 10.0 ** e <= high * 1.001]


def label(value):
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def plot(title, x_name, y_name, lines):
    """`lines`: {name: [(x, y), ..]}; returns the text of the file."""
    xs = [x for points in lines.values() for x, _ in points]
    ys = [y for points in lines.values() for _, y in points if y > 0]
    x_low, x_high = min(xs), max(max(xs), min(xs) * 1.01)
    y_low, y_high = min(ys) / 1.3, max(ys) * 1.3

    def at(x, y):
        across = math.log(x / x_low) / math.log(x_high / x_low)
        up = math.log(max(y, y_low) / y_low) / math.log(y_high / y_low)
        return (LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM))

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="22" font-size="15">{html.escape(title)}</text>']
    for value in ticks(x_low, x_high):
        x, _ = at(value, y_low)
        out.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/>'
                   f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label(value)}</text>')
    for value in ticks(y_low, y_high):
        _, y = at(x_low, value)
        out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#eee"/>'
                   f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label(value)}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">'
               f'{html.escape(x_name)}</text><text transform="translate(16 {HEIGHT / 2}) rotate(-90)" '
               f'text-anchor="middle">{html.escape(y_name)}</text>')
    for i, (name, points) in enumerate(lines.items()):
        colour = COLOURS[i % len(COLOURS)]
        places = [at(x, y) for x, y in sorted(points)]
        out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="'
                   + " ".join(f"{x:.1f},{y:.1f}" for x, y in places) + '"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        out.append(f'<text x="{WIDTH - RIGHT + 12}" y="{TOP + 16 * i + 10}" fill="{colour}">'
                   f'{html.escape(name)}</text>')
    return "\n".join(out) + "\n</svg>\n"
