// What is committed and still has to be published.
import { get, path, request } from './api.js';
import { failure } from './actors.js';
import { say } from './dialogs.js';
import { badge, h } from './dom.js';
import { count, seconds } from './format.js';
import { change, note } from './session.js';
import { source } from './source.js';
import { table } from './table.js';

export function outbox(ctx) {
  const data = source({ signal: ctx.signal, auto: true, load: (signal) => get(path(['outbox']), signal), show });

  function show({ sinks }) {
    return [note(), table({ caption: 'Sinks', columns, rows: sinks, empty: 'There is no sink.' })];
  }

  const retry = ({ sink, parked }) => change('Retry', {
    focus: `retry-${sink}`,
    title: `Publish the parked events of ${sink} again?`,
    text: [parked ? `${count(parked)} parked events are sent to ${sink} again, in their order.` : `Nothing is parked for ${sink} now.`,
      'What fails again stays parked.'],
    action: 'Retry',
    run: async () => {
      const { retried, parked } = await request('POST', path(['outbox', sink, 'retry']));
      say(`${sink}: ${count(retried)} published, ${count(parked)} stay parked.`);
      await data.refresh();
    },
  });

  const columns = [
    { label: 'Sink', cell: (s) => s.sink },
    { label: 'State', cell: (s) => (s.failing ? badge('failing', 'bad') : badge('publishing', 'good')) },
    { label: 'Pending', cell: (s) => count(s.pending), num: true },
    { label: 'Oldest', cell: (s) => seconds(s.oldest_age_seconds), num: true },
    { label: 'Published', cell: (s) => count(s.published), num: true },
    { label: 'Retried', cell: (s) => count(s.retried), num: true, low: true },
    { label: 'Parked', cell: (s) => h('span', { class: s.parked ? 'bad-text' : null }, count(s.parked)), num: true },
    { label: 'Last error', cell: (s) => failure(s.last_error) },
    { label: 'Parked events', cell: retry },
  ];

  return { title: 'Outbox', body: [data.element] };
}
