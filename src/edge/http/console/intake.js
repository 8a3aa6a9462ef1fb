// What is read from Kafka, and how far.
import { get, path, request } from './api.js';
import { say } from './dialogs.js';
import { badge, h, terms } from './dom.js';
import { count } from './format.js';
import { change, note } from './session.js';
import { source } from './source.js';
import { table } from './table.js';

const WHY = { operator: 'an operator paused it', full: 'the engine holds as much as it may' };

const columns = [
  { label: 'Topic', cell: (p) => p.topic },
  { label: 'Partition', cell: (p) => String(p.partition), num: true },
  { label: 'Lag', cell: (p) => h('span', { class: p.lag ? 'strong' : null }, count(p.lag)), num: true },
  { label: 'In flight', cell: (p) => count(p.in_flight), num: true, low: true },
  { label: 'Committed', cell: (p) => count(p.next_offset), num: true, low: true },
  { label: 'Read', cell: (p) => count(p.position), num: true, low: true },
  { label: 'End', cell: (p) => count(p.end), num: true, low: true },
  { label: 'State', cell: (p) => (p.paused
    ? [badge('paused', 'warn'), ' ', WHY[p.pause_reason] ?? p.pause_reason]
    : badge('reading', 'good')) },
];

export function intake(ctx) {
  const data = source({ signal: ctx.signal, auto: true, load: (signal) => get(path(['intake']), signal), show });

  const order = (verb, label, question) => change(label, {
    ...question,
    action: label,
    focus: 'pause-or-resume',
    run: async () => {
      await request('POST', path(['intake', verb]));
      say(verb === 'pause' ? 'Intake is paused.' : 'Intake reads again.');
      await data.refresh();
    },
  });

  function show(intake) {
    const lag = intake.partitions.reduce((sum, p) => sum + (p.lag ?? 0), 0);
    return [
      note(),
      h('div', { class: 'actions' }, intake.paused
        ? order('resume', 'Resume intake', {
          title: 'Resume intake?', text: ['Every partition is read again, from where it stopped.'] })
        : order('pause', 'Pause intake', {
          title: 'Pause intake?', danger: true,
          text: ['Nothing further is read from Kafka: commands wait on their topics, and the lag grows.',
            'It lasts until it is resumed, or the process ends. Requests over HTTP and NATS go on.'] })),
      terms(
        ['State', intake.paused ? badge('paused', 'warn') : badge('reading', 'good')],
        ['Lag', `${count(lag)} records`],
        ['In flight', `${count(intake.in_flight)} of at most ${count(intake.capacity)}`]),
      table({ caption: 'Partitions', columns, rows: intake.partitions, empty: 'No partition is assigned to this process.' }),
    ];
  }

  return { title: 'Intake', body: [data.element] };
}
