// The shard that is served here, at the head of the page.
import { badge } from './dom.js';

/** Takes the answer of `/admin/shards`; answers the shard of this process, or null. */
export function showShard({ data }) {
  const here = data.find((shard) => shard.here) ?? null;
  const stage = here?.stage ?? 'no shard here';
  document.getElementById('shard').replaceChildren(
    ...(here ? [here.id, ' '] : []), badge(stage, stage === 'serving' ? 'good' : 'warn'));
  return here;
}
