"""How does the table of results look?"""

from facts import seconds, verdict

HEAD = (
    "| row | work | cache | against | theirs | ours | theirs / ours (least to greatest) | bar "
    "| best other | best / ours | bar |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def line(result):
    row = result.row
    cells = [f"`{row.name}`", row.title, result.cache, row.against]
    if "maparray" in result.wrong:
        cells += ["-", f"**wrong: {result.wrong['maparray']}**", *["-"] * 5]
        return f"| {' | '.join(cells)} |"
    ours = seconds(result.median("maparray"))
    if row.against in result.wrong:
        cells += [f"wrong: {result.wrong[row.against]}", ours, "-", "-"]
    else:
        ratios = result.ratios(row.against)
        bar = row.bar if result.cache == "warm" else row.cold_bar
        cells += [
            seconds(result.median(row.against)),
            ours,
            f"**{result.ratio(row.against):.2f}** ({ratios[0]:.2f} to {ratios[-1]:.2f})",
            verdict(result.ratio(row.against), bar),
        ]
    best = result.best()
    if best is None:
        cells += ["-"] * 3
    else:
        bar = row.best if result.cache == "warm" else None
        cells += [best, f"{result.ratio(best):.2f}", verdict(result.ratio(best), bar)]
    return f"| {' | '.join(cells)} |"


def peers(results):
    """Every side of every row, as times of ours, and what was wrong."""
    lines = ["| row | cache | time / ours, each side | not timed |", "|---|---|---|---|"]
    for result in results:
        if "maparray" not in result.times or not result.row.peers:
            continue
        sides = sorted((side for side in result.times if side != "maparray"), key=result.median)
        times = ", ".join(f"{side} {result.ratio(side):.2f}" for side in sides)
        wrong = "; ".join(
            f"{side}: **wrong**, {text}"
            for side, text in result.wrong.items()
            if side != "maparray"
        )
        lines.append(f"| `{result.row.name}` | {result.cache} | {times} | {wrong or '-'} |")
    return lines


def notes(results):
    return [
        f"- `{result.row.name}`, {result.cache}: {note}"
        for result in results
        for note in result.notes
    ]
