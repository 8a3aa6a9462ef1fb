// Everything the console promises, in a real Chromium: `node run.mjs [words of names…]`.
//
// Against the mock, or by CONSOLE_URL, CONSOLE_OPERATOR and CONSOLE_VIEWER against a process.
// There CONSOLE_STRICT=1 fails what would be skipped for want of data, and CONSOLE_DRAIN=1 ends
// the process with the last test. CHROMIUM names the browser.
import { runAll } from './harness.mjs';
import './tests/views.mjs';
import './tests/overview.mjs';
import './tests/lists.mjs';
import './tests/access.mjs';
import './tests/events.mjs';
import './tests/accessibility.mjs';
import './tests/changes.mjs';

process.exit((await runAll(process.argv.slice(2))) ? 0 : 1);
