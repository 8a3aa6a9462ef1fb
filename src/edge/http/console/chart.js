// A short chart: the last few minutes of one or two numbers.
import { svg } from './dom.js';

const WIDTH = 300;
const HEIGHT = 44;
/** Samples further apart are not joined: nobody looked in between. */
const GAP = 7000;

/** The runs of points that have a value and stand close together. */
function split(points, index) {
  const runs = [];
  let before = -Infinity;
  for (const point of points) {
    if (point.values[index] == null) continue;
    if (point.at - before > GAP) runs.push([]);
    runs.at(-1).push(point);
    before = point.at;
  }
  return runs;
}

/** A chart that was just begun is not drawn into its last corner. */
const SHORTEST = 60_000;

/** `names` are those of its lines; `read(value)` writes one. `hovered(text)` gets what is pointed at. */
export function chart({ title, names, longest, read, hovered }) {
  const lines = names.map((_, index) => svg('path', { class: `line l${index}` }));
  const area = svg('path', { class: 'area' });
  const cross = svg('path', { class: 'cross' });
  const element = svg('svg', {
    class: 'chart', role: 'img', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none',
  }, area, lines, cross);
  let shown = [];
  let now = 0;
  let span = SHORTEST;
  const x = (at) => WIDTH - ((now - at) / span) * WIDTH;

  element.addEventListener('pointermove', (event) => {
    const { left, width } = element.getBoundingClientRect();
    const at = now - (1 - (event.clientX - left) / width) * span;
    const near = shown.reduce((a, b) => (a && Math.abs(a.at - at) < Math.abs(b.at - at) ? a : b), null);
    if (!near) return;
    cross.setAttribute('d', `M${x(near.at).toFixed(1)} 0V${HEIGHT}`);
    hovered(`${near.values.map(read).join(' · ')}, ${Math.round((now - near.at) / 1000)} s ago`);
  });
  element.addEventListener('pointerleave', () => {
    cross.removeAttribute('d');
    hovered(null);
  });

  /** `points` are `{ at, values }`, the oldest first. */
  function update(points, at) {
    [shown, now] = [points, at];
    span = Math.min(longest, Math.max(SHORTEST, at - points[0].at));
    const all = points.flatMap(({ values }) => values).filter((value) => value != null);
    const top = Math.max(...all, 0) || 1;
    const y = (value) => HEIGHT - 2 - (value / top) * (HEIGHT - 6);
    lines.forEach((line, index) => {
      const runs = split(points, index).map((run) => run.map(({ at: when, values }) =>
        `${x(when).toFixed(1)} ${y(values[index]).toFixed(1)}`));
      // A line without length is drawn as a dot, by its round ends.
      line.setAttribute('d', runs.map((run) => `M${run.join('L')}${run.length > 1 ? '' : 'h0'}`).join(''));
      if (index) return;
      const closed = runs.map((run) => `M${run.join('L')}V${HEIGHT}H${run[0].split(' ')[0]}Z`);
      area.setAttribute('d', closed.join(''));
    });
    const said = names.map((name, index) => {
      const own = points.map(({ values }) => values[index]).filter((value) => value != null);
      if (!own.length) return `${name}: nothing yet`;
      return `${name}: now ${read(own.at(-1))}, least ${read(Math.min(...own))}, most ${read(Math.max(...own))}`;
    });
    element.setAttribute('aria-label', `${title}, last ${Math.round(span / 1000)} seconds. ${said.join('. ')}.`);
    return all.length ? top : null;
  }

  return { element, update };
}
