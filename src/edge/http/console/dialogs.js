// Dialogs and notices.
import { h, id } from './dom.js';

const SHOWN = 6000;

/** Said politely, and gone by itself. */
export function say(text) {
  notice('status', text, 'good', SHOWN);
}

/** Said at once, and there until somebody takes it away. */
export function complain(error) {
  notice('alerts', error.message, 'bad');
}

function notice(where, text, tone, shown) {
  const close = h('button', { type: 'button', class: 'quiet', 'aria-label': 'Dismiss' }, '×');
  const element = h('p', { class: `notice ${tone}` }, h('span', null, text), close);
  close.addEventListener('click', () => element.remove());
  const place = document.getElementById(where);
  place.append(element);
  while (place.childElementCount > 4) place.firstElementChild.remove();
  if (shown) setTimeout(() => element.remove(), shown);
}

/**
 * Asks before something is done; answers null if it shall not be. `field` asks for a text as
 * well: `{ label, hint, type, expect, required, value }`; the answer is that text, else true.
 * `check` may refuse an answer with a message.
 */
export function ask({ title, text = [], action, danger, field, check }) {
  const label = id('title');
  const about = id('about');
  const wrong = h('p', { class: 'wrong', role: 'alert', id: id('wrong') });
  const input = field && h('input', {
    type: field.type ?? 'text', id: id('field'), name: 'answer', autocomplete: 'off', spellcheck: 'false',
    maxlength: field.maxlength, value: field.value, autofocus: true, 'aria-describedby': wrong.id,
  });
  const yes = h('button', { type: 'submit', class: danger ? 'danger' : 'primary' }, action);
  const no = h('button', { type: 'button', autofocus: !field }, 'Cancel');
  const form = h('form', null,
    h('h2', { id: label }, title),
    h('div', { id: about }, text.map((line) => h('p', null, line))),
    field && h('div', { class: 'field' }, h('label', { for: input.id }, field.label), input),
    wrong,
    h('div', { class: 'actions' }, no, yes));
  const dialog = h('dialog', { 'aria-labelledby': label, 'aria-describedby': about }, form);

  return new Promise((resolve) => {
    let answer = null;
    const finish = () => { dialog.remove(); resolve(answer); };
    if (field?.expect) {
      const compare = () => (yes.disabled = input.value !== field.expect);
      input.addEventListener('input', compare);
      compare();
    }
    no.addEventListener('click', () => dialog.close());
    dialog.addEventListener('close', finish);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (field?.required && !input.value.trim()) {
        wrong.textContent = `${field.label} is missing.`;
        return input.focus();
      }
      const given = field ? input.value.trim() : true;
      yes.disabled = true;
      wrong.textContent = '';
      const objection = await check?.(given);
      yes.disabled = false;
      if (objection) {
        wrong.textContent = objection;
        return input?.select();
      }
      answer = given;
      dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
