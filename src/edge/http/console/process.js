// The process itself: its shards, what it logs, and its end.
import { get, path, request } from './api.js';
import { say } from './dialogs.js';
import { badge, h, section } from './dom.js';
import { count, time } from './format.js';
import { change, note } from './session.js';
import { showShard } from './shard.js';
import { source } from './source.js';
import { table } from './table.js';

const SHARDS = [
  { label: 'Shard', cell: (s) => s.id },
  { label: 'Stage', cell: (s) => (s.here ? badge(s.stage ?? 'here', s.stage === 'serving' ? 'good' : 'warn') : 'elsewhere') },
  { label: 'Epoch', cell: (s) => count(s.epoch), num: true },
  { label: 'Round', cell: (s) => count(s.round), num: true },
  { label: 'Holder', cell: (s) => h('span', { class: 'mono' }, s.holder ?? 'nobody') },
  { label: 'Lease until', cell: (s) => time(s.lease_until) },
];

export function process(ctx) {
  const shards = source({
    signal: ctx.signal, auto: true,
    load: (signal) => get(path(['shards']), signal),
    show: (answer) => {
      const here = showShard(answer);
      return [
        table({ caption: 'Shards in the database', columns: SHARDS, rows: answer.data, empty: 'There is no shard.' }),
        h('div', { class: 'actions' }, drain(here?.id ?? 'drain', here?.stage === 'draining')),
      ];
    },
  });

  const drain = (word, isDraining) => change('Drain this process', {
    danger: true,
    title: 'Drain this process?',
    text: ['As with SIGTERM: it reads no more, finishes what it has, publishes, gives up its shard, and ends with 0. Nothing is lost.',
      'Unless another process stands by, nobody serves this shard until one is started.', `To confirm, type “${word}”.`],
    field: { label: `Type ${word}`, expect: word },
    action: 'Drain',
    why: isDraining && 'It drains already.',
    run: async () => {
      const { stage } = await request('POST', path(['drain']));
      say(`The process is ${stage}. This page gets no more answers once it has ended.`);
      await shards.refresh();
    },
  });

  const level = source({
    signal: ctx.signal,
    auto: null,
    load: (signal) => get(path(['log-level']), signal),
    show: (answer) => h('div', { class: 'actions' }, h('code', { id: 'log-level' }, answer.level), change('Change', {
      title: 'Change what is logged?', action: 'Change',
      text: ['As log.level takes it: a level, and levels of single targets. It lasts until the process ends.'],
      field: { label: 'Level', value: answer.level, required: true },
      run: async (given) => {
        await request('PUT', path(['log-level']), { body: { level: given } });
        say('The log level is changed.');
        await level.refresh();
      },
    })),
  });

  return {
    title: 'Process',
    body: [note(), section('Shards', shards.element), section('Log level', level.element)],
  };
}
