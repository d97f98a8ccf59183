"""What the page shows of runs: the list, one run's head, its log. HTML, no widgets; whatever stands in it is escaped.

`SCRIPT` sends the list's one event "show": which run is wanted and whose curves are laid over it. It does so at a
press, when the section comes into sight, and every two seconds while somebody sees something that moves; never before
the last answer has come, or a late one would show what was.
"""

import time
from collections.abc import Collection, Sequence
from datetime import datetime, timezone
from html import escape
from typing import TYPE_CHECKING

from train.jobs.curves import number
from train.jobs.job import Hardware, State

if TYPE_CHECKING:
    from train.jobs.looking import Standing

SCRIPT = """
let others = [], turn = 0, since = 0, again = false, arriving = false, arrived = 0, width = 0;
let wanted = element.querySelector('[data-chosen]')?.dataset.chosen || '';
const show = () => {
  // After so long no answer will come: the server was away.
  if (since && Date.now() - since < 15000) { again = true; return; }
  since = Date.now();
  again = false;
  turn += 1;
  const newest = element.querySelector('button[data-run]')?.dataset.run || '';
  trigger('show', { run: wanted, compared: others, turn, arriving, newest });
  if (arriving) arrived = turn;
  arriving = false;
};
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-run]');
  if (!button) return;
  wanted = button.dataset.run;
  arrived = 0;
  show();
  // On a phone the run lies below the list.
  const run = document.querySelector('#run');
  if (run && run.getBoundingClientRect().top > innerHeight * 0.6) run.scrollIntoView({ behavior: 'smooth' });
});
element.addEventListener('change', (event) => {
  const run = event.target.dataset.compare;
  if (!run) return;
  others = others.filter((other) => other !== run);
  if (event.target.checked) others.push(run);
  show();
});
new MutationObserver(() => {
  const list = element.querySelector('[data-turn]');
  if (!list) return;
  if (Number(list.dataset.turn) === turn) since = 0;
  if (since) return;
  const isThere = [...element.querySelectorAll('button[data-run]')].some((one) => one.dataset.run === wanted);
  // Who arrives is shown what has begun since, unless they have chosen meanwhile.
  const isArrival = arrived === turn && Number(list.dataset.turn) === turn;
  if (!wanted || !isThere || isArrival) wanted = list.dataset.chosen;
  if (again || wanted !== list.dataset.chosen) show();
}).observe(element, { subtree: true, childList: true, attributeFilter: ['data-turn', 'data-chosen'] });
// On the way here from another section or tab it grows from nothing.
new ResizeObserver(() => {
  const now = element.offsetWidth;
  if (now && !width) {
    // An answer that came meanwhile was not shown.
    since = 0;
    arriving = true;
    show();
  }
  width = now;
}).observe(element);
// One at a time: where the page is built anew, the older one has lost its element.
clearInterval(window.ranginRuns);
window.ranginRuns = setInterval(() => {
  if (!document.hidden && element.offsetParent && (since || element.querySelector('[data-moves]'))) show();
}, 2000);
"""
"""What the list's HTML component runs when it is there."""

LISTED = 100
"""So many runs are listed; how many more there are is said."""
NONE = "No runs yet. A run that is started under “New run” shows here, and stays after the page is closed."
SIGNS = {
    State.WAITING: "◌",
    State.STARTING: "◔",
    State.RUNNING: "▶",
    State.STOPPING: "◕",
    State.STOPPED: "■",
    State.FINISHED: "✓",
    State.FAILED: "✕",
    State.LOST: "?",
}
KINDS = {"fit": "training", "colorize": "colouring an archive", "evaluate": "evaluation"}
METRICS = {
    "psnr": "PSNR",
    "ssim": "SSIM",
    "loss": "loss",
    "accuracy": "accuracy",
    "race7_accuracy": "accuracy",
}
UNITS = {"psnr": " dB"}


def listing(
    rows: "Sequence[Standing]",
    chosen: str,
    compared: Collection[str],
    also_moves: bool = False,
    turn: int = 0,
) -> str:
    """All runs, the newest first, each with a button that shows it.

    Args:
        rows: how they stand.
        chosen: id of the one that is shown.
        compared: ids of those whose curves are laid over the chosen one's.
        also_moves: whether something changes that no row tells of.
        turn: number of the request that this answers; 0 for none of `SCRIPT`'s.
    """
    moves = also_moves or any(not standing.state.is_over for standing in rows)
    if not rows:
        return f'<p class="empty" data-turn="{turn}" data-chosen="">{escape(NONE)}</p>'
    items = "".join(_item(standing, chosen, compared) for standing in rows[:LISTED])
    more = len(rows) - LISTED
    rest = (
        f"<p class=older>And {more:,} older ones; <code>python -m train jobs list</code> shows them.</p>"
        if more > 0
        else ""
    )
    told = f'data-turn="{turn}" data-chosen="{escape(chosen)}"{" data-moves" if moves else ""}'
    return f'<ul class="runs" {told}>{items}</ul>{rest}'


def head(standing: "Standing") -> str:
    """One run: its name, how it stands, and the facts."""
    job = standing.job
    bar = ""
    if not standing.state.is_over:
        value = f'value="{_share(standing):.4f}" ' if standing.share is not None else ""
        bar = f'<progress {value}max="1" aria-label="Progress of {escape(job.order.name)}"></progress>'
    kind = "" if job.order.kind == "fit" else f" <span class=tag>{KINDS[job.order.kind]}</span>"
    trouble = " trouble" if standing.state in (State.FAILED, State.LOST) else ""
    sentence = f'<p class="sentence{trouble}">{escape(standing.sentence)}</p>' if standing.sentence else ""
    return (
        f"<h3>{escape(job.order.name)} {pill(standing.state)}{kind}</h3>{bar}{_progress(standing)}{sentence}"
        f"<dl class=facts>{''.join(_fact(name, said) for name, said in _facts(standing) if said)}</dl>"
    )


def log(text: str, is_over: bool) -> str:
    """The end of what a run printed."""
    if not text.strip():
        return f"<p>{'It printed nothing.' if is_over else 'Nothing printed yet.'}</p>"
    return f'<pre tabindex="0" aria-label="The log’s end">{escape(text.rstrip())}</pre>'


def pill(state: State) -> str:
    """A state as a word with a sign, coloured by train.css."""
    return f'<span class="state {state.value}"><span aria-hidden="true">{SIGNS[state]}</span> {state.value}</span>'


def paragraph(sentence: str) -> str:
    """A sentence, or nothing of an empty one."""
    return f"<p>{escape(sentence)}</p>" if sentence else ""


def duration(seconds: float) -> str:
    """ "40 s", "12 min", "3 h 20 min", "2 days 4 h": as exact as one wants to know it."""
    seconds = max(0.0, seconds)
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days {hours % 24} h"


def when(at: float | None) -> str:
    """A moment as an element for browsers and people, in UTC; nothing of None."""
    if at is None:
        return ""
    moment = datetime.fromtimestamp(at, tz=timezone.utc)
    return f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">{moment:%d %b %Y, %H:%M} UTC</time>'


def best(standing: "Standing") -> str:
    """The best validation so far, "PSNR 25.41 dB"; empty where there is none."""
    if standing.best is None:
        return ""
    name = (standing.metric or "").partition("/")[2] or (standing.metric or "")
    if name.endswith("accuracy"):
        return f"{METRICS.get(name, name)} {standing.best:.1%}"
    return f"{METRICS.get(name, name.replace('_', ' '))} {number(standing.best)}{UNITS.get(name, '')}".strip()


def place(hardware: Hardware) -> str:
    """On what a job runs, in a few words."""
    if hardware.engine == "local":
        return f"this machine, {hardware.device.replace('cpu', 'CPU').replace('gpu:', 'GPU ')}"
    if hardware.engine == "hf":
        return f"Hugging Face, {hardware.flavor}" if hardware.flavor else "Hugging Face"
    parts = ["Slurm"]
    parts += [hardware.partition] if hardware.partition else []
    parts += [f"{hardware.nodes} nodes"] if hardware.nodes > 1 else []
    parts += [f"{hardware.gpus} GPU{'s' if hardware.gpus > 1 else ''}"] if hardware.gpus else []
    return ", ".join(parts)


def _item(standing: "Standing", chosen: str, compared: Collection[str]) -> str:
    job = standing.job
    name, is_chosen = escape(job.order.name), job.id == chosen
    bar = ""
    if not standing.state.is_over and standing.share is not None:
        bar = f'<progress value="{_share(standing):.4f}" max="1" aria-label="Progress"></progress>'
    quiet = [
        KINDS[job.order.kind] if job.order.kind != "fit" else best(standing),
        place(job.order.hardware),
        job.order.who,
    ]
    said = " · ".join(escape(part) for part in quiet if part)
    box = ""
    if job.order.kind == "fit":
        checked = " checked" if job.id in compared else ""
        box = (
            f'<label class="run-compare"><input type="checkbox" data-compare="{escape(job.id)}"{checked}>'
            f"<span>Curves<span class=unseen> of {name}</span></span></label>"
        )
    current = ' aria-current="true"' if is_chosen else ""
    return (
        f'<li class="run{" is-chosen" if is_chosen else ""}">'
        f'<button type="button" class="run-open" data-run="{escape(job.id)}"{current}>'
        f"<span class=run-name>{name}</span> {pill(standing.state)}"
        f"<span class=run-line>{_line(standing)}</span>{bar}"
        f"<span class=run-quiet>{said}</span><span class=run-quiet>{when(job.created)}</span></button>{box}</li>"
    )


def _line(standing: "Standing") -> str:
    """How far it is, in one line of the list."""
    parts, what = [], "photo" if standing.job.order.kind == "colorize" else "step"
    if standing.steps:
        parts.append(f"{what} {standing.step or 0:,} of {standing.steps:,}")
    elif standing.step:
        parts.append(f"{what} {standing.step:,}")
    elif standing.share is not None and not standing.state.is_over:
        parts.append(f"{_share(standing):.0%}")
    if standing.state is State.RUNNING and standing.seconds_left is not None:
        parts.append(f"{duration(standing.seconds_left)} left")
    return ", ".join(parts)


def _progress(standing: "Standing") -> str:
    line = _line(standing)
    return f"<p class=progress>{line[:1].upper()}{line[1:]}</p>" if line else ""


def _share(standing: "Standing") -> float:
    return min(1.0, max(0.0, standing.share or 0.0))


def _fact(name: str, said: str) -> str:
    return f"<div><dt>{name}</dt><dd>{said}</dd></div>"


def _facts(standing: "Standing") -> list[tuple[str, str]]:
    """Names and what is said of them, which is HTML already."""
    job, order, speed = standing.job, standing.job.order, standing.images_per_second
    number_of = f", job {job.number}" if job.number and order.hardware.engine != "local" else ""
    took = ""
    if standing.started is not None:
        took = duration((standing.ended or time.time()) - standing.started)
    return [
        ("Best", escape(best(standing))),
        ("Recipe", escape(order.recipe)),
        ("Data", escape(order.dataset)),
        ("Changed", escape(", ".join(order.overrides))),
        ("Runs on", escape(place(order.hardware) + number_of)),
        ("Started by", escape(order.who)),
        ("Started", when(standing.started)),
        ("Ended" if standing.state.is_over else "", when(standing.ended) if standing.state.is_over else ""),
        ("Took" if standing.state.is_over else "Running for", took),
        ("Speed", f"{number(speed)} pictures a second" if speed else ""),
        ("Folder", f"<code>{escape(job.id)}</code>"),
    ]
