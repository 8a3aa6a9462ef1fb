// Who looks, and what that person may do.
import { complain, ask } from './dialogs.js';
import { focus as focusOn, h, id } from './dom.js';
import { path, request, token, whenRefused } from './api.js';

/** `role` is null while nobody knows it. */
export const session = { name: null, role: null };
/** `change` is fired when somebody else looks. */
export const changes = new EventTarget();

/** Whoever closed the prompt is not asked again until they press the button. */
let declined = false;
let prompt = null;

export async function load() {
  try {
    Object.assign(session, await request('GET', path(['whoami'])));
  } catch (error) {
    Object.assign(session, { name: null, role: null });
    if (error.status !== 401) complain(error);
  }
  show();
}

whenRefused(() => {
  if (declined) return false;
  prompt ??= signIn().finally(() => (prompt = null));
  return prompt;
});

async function signIn() {
  let found;
  const given = await ask({
    title: 'Sign in',
    text: ['A viewer’s or an operator’s token. It is kept in this tab only, until the tab is closed.'],
    action: 'Sign in',
    field: { label: 'Token', type: 'password', required: true },
    check: async (as) => {
      try {
        found = await request('GET', path(['whoami']), { as });
        return null;
      } catch (error) {
        return error.status === 401 ? 'This token is not accepted.' : error.message;
      }
    },
  });
  if (given === null) {
    declined = true;
    return false;
  }
  token.set(given);
  Object.assign(session, found);
  show();
  changes.dispatchEvent(new Event('change'));
  return true;
}

function signOut() {
  token.clear();
  declined = true;
  Object.assign(session, { name: null, role: null });
  show();
  changes.dispatchEvent(new Event('change'));
  document.getElementById('sign-in')?.focus();
}

export function retry() {
  declined = false;
  prompt ??= signIn().finally(() => (prompt = null));
}

function show() {
  const { name, role } = session;
  const button = (title, does, name) => h('button', { type: 'button', class: 'quiet', id: name, click: does }, title);
  document.getElementById('who').replaceChildren(
    ...(role ? [h('span', null, name ? `${name}, ${role}` : role)] : []),
    ...(token.get() ? [button('Sign out', signOut, 'sign-out')] : []),
    ...(!role && !token.get() ? [button('Sign in', retry, 'sign-in')] : []));
}

const NOTE = id('role-note');

/** Why an operator's buttons cannot be pressed; nothing for an operator. */
export function note() {
  if (session.role === 'operator') return null;
  const who = session.role === 'viewer' ? 'You are a viewer' : 'Your role is not known';
  return h('p', { class: 'note', id: NOTE }, `${who}: what changes something is for operators.`);
}

/**
 * A button that changes something. It says what will happen (`title`, `text`, `action`, `field`
 * as in `ask`), and `run`s it if confirmed. `why` is a reason why not now.
 */
export function change(label, { why, focus, run, ...question }) {
  const isOperator = session.role === 'operator';
  const reason = id('why');
  const button = h('button', {
    type: 'button', class: question.danger ? 'danger' : null, disabled: !isOperator || Boolean(why),
    'aria-describedby': isOperator ? why && reason : NOTE, 'data-focus': focus ?? label,
    title: isOperator ? null : 'For operators only',
  }, label);
  button.addEventListener('click', async () => {
    const given = await ask(question);
    if (given === null) return;
    button.disabled = true;
    button.setAttribute('aria-busy', 'true');
    try {
      await run(given);
    } catch (error) {
      complain(error);
    }
    button.removeAttribute('aria-busy');
    button.disabled = false;
    if (document.activeElement === document.body) focusOn(button.dataset.focus);
  });
  return h('span', { class: 'change' }, button, isOperator && why && h('small', { id: reason }, why));
}
