// Tables, and lists that are read page by page.
import { get, path } from './api.js';
import { h, id } from './dom.js';
import { count } from './format.js';
import { source } from './source.js';

/**
 * A column is `{ label, cell(row), num, low, sort }`: numbers stand to the right, a `low` one
 * is left out on a phone. The first column names its row.
 */
export function table({ caption, columns, rows, sorted, sort, empty = 'Nothing here.' }) {
  if (!rows.length) return h('p', { class: 'state' }, empty);
  const classes = ({ num, low }) => [num && 'num', low && 'low'].filter(Boolean).join(' ') || null;
  const head = columns.map((column) => {
    const isSorted = column.sort && column.sort === sorted;
    const attributes = { scope: 'col', class: classes(column), 'aria-sort': column.sort && (isSorted ? 'descending' : 'none') };
    if (!column.sort) return h('th', attributes, column.label);
    const title = isSorted ? 'Back to the order of keys' : 'The greatest first';
    return h('th', attributes, h('button', {
      type: 'button', class: 'sort', title, 'data-focus': `sort-${column.sort}`,
      click: () => sort(isSorted ? null : column.sort),
    }, column.label, h('span', { 'aria-hidden': 'true' }, isSorted ? ' ▾' : ' ▿')));
  });
  const body = rows.map((row) => h('tr', null, columns.map((column, index) => index
    ? h('td', { class: classes(column) }, column.cell(row))
    : h('th', { scope: 'row', class: classes(column) }, column.cell(row)))));
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    h('table', null, h('caption', null, caption), h('thead', null, h('tr', null, head)), h('tbody', null, body)));
}

/**
 * A list with filters and pages, all of it in the address. `fields` are
 * `{ name, label, options, width }`; `parts` is the path of the API.
 */
export function listing(ctx, { parts, caption, columns, fields = [], empty }) {
  let query = ctx.query;
  let next = null;
  const names = [...fields.map((field) => field.name), 'sort', 'limit', 'cursor'];
  const given = () => Object.fromEntries(names.map((name) => [name, query.get(name)]));
  const inputs = fields.map((field) => [field, control(field)]);

  function go(changes, page = 1) {
    const then = new URLSearchParams(query);
    for (const [name, value] of Object.entries({ cursor: null, ...changes })) {
      if (value) then.set(name, value);
      else then.delete(name);
    }
    ctx.go(`#/${parts.join('/')}${then.size ? `?${then}` : ''}`, page);
  }

  function apply() {
    go(Object.fromEntries(inputs.map(([field, input]) => [field.name, input.value.trim()])));
  }

  function control({ name, options, width }) {
    const common = { id: id(name), name, class: width };
    return options
      ? h('select', { ...common, change: apply }, options.map(([value, text]) => h('option', { value }, text)))
      : h('input', { ...common, type: 'search', autocomplete: 'off', spellcheck: 'false' });
  }

  function write() {
    for (const [field, input] of inputs) input.value = query.get(field.name) ?? '';
  }

  const button = (text, does) => h('button', { type: 'button', click: does }, text);
  const first = button('First', () => go({}));
  const previous = button('Previous', () => history.back());
  const following = button('Next', () => go({ cursor: next }, (history.state?.page ?? 1) + 1));
  const where = h('span', { class: 'where' });
  const pages = h('nav', { class: 'pages', 'aria-label': 'Pages', hidden: true }, first, previous, following, where);

  function turn(answer) {
    const page = query.get('cursor') ? history.state?.page : 1;
    next = answer.next_cursor;
    const isHere = pages.contains(document.activeElement);
    first.disabled = page === 1;
    previous.disabled = !(page > 1);
    following.disabled = !next;
    // Disabled, a button loses the focus.
    if (isHere && document.activeElement?.disabled !== false) (next ? following : first).focus({ preventScroll: true });
    const total = answer.total == null ? `${count(answer.data.length)} on this page` : `${count(answer.total)} in all`;
    where.textContent = page ? `page ${count(page)}, ${total}` : total;
    pages.hidden = false;
  }

  write();
  const data = source({
    signal: ctx.signal,
    load: (signal) => get(path(parts, given()), signal),
    show: (answer) => {
      turn(answer);
      const sorted = query.get('sort');
      return table({ caption, columns, rows: answer.data, sorted, sort: (sort) => go({ sort }), empty });
    },
    tools: fields.length ? [h('form', {
      class: 'filters', role: 'search', 'aria-label': 'Filter',
      submit: (event) => { event.preventDefault(); apply(); },
    }, inputs.map(([field, input]) => h('div', { class: 'field' }, h('label', { for: input.id }, field.label), input)),
    h('button', { type: 'submit' }, 'Filter'))] : [],
  });
  return {
    element: h('div', null, data.element, pages),
    refresh: data.refresh,
    update(now) {
      query = now;
      write();
      data.refresh();
    },
  };
}
